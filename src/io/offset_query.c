#include "io/offset_query.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/async_call.h"
#include "io/kafka_internal.h"
#include "io/kafka_login.h"
#include "model/log_event.h"

#define POLL_MS  100
#define CLOSE_MS 1000
#define ASK_MS   5000 /* for all questions together: a slow connection has several round trips */
#define PAUSE_MS 500  /* after an error */
#define CHECK_MS 5000 /* for the skipped ranges */

struct offset_probe {
    const struct config *cfg;
    const struct log *log;
    int users;
    pthread_mutex_t lock; /* one call at a time */
    rd_kafka_t *rk;       /* NULL until the first read */
    rd_kafka_topic_t *topic;
};

struct offset_query {
    rd_kafka_t *rk;
    struct offset_probe *probe;
    char *topic; /* ours: a question may outlive whoever asked */
    int wake_fd;
    struct async_call *call; /* NULL when nothing is open */
    bool is_dropped;
    int64_t not_before_ms;
    /* The call's until it is done. */
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_topic_partition_list_t *led; /* those of them that have a leader */
    struct assignment *found;
    bool has_checks;
    struct offset_answer answer;
};

struct offset_range {
    int32_t partition;
    int64_t from;
    int64_t to;
    bool is_asked; /* by the question that is open */
    enum range_state state;
};

/* The call's until it is done. */
struct offset_question {
    struct offset_probe *probe;
    struct offset_probe_item *items;
    size_t count;
};

/* ---- the probe: its client ---- */

/* The consumer reports its connections; this one only says why it has no answer. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct log *log = rd_kafka_opaque(rk);

    (void)level;
    kafka_log_line(log, 7, facility, text);
}

/* One record is wanted of each partition. Set last is what no property of the user may change. */
static rd_kafka_conf_t *make_conf(const struct config *cfg, struct err *e)
{
    const struct kafka_property role[] = {
        {.name = "queued.min.messages", .value = "1"},
        {.name = "queued.max.messages.kbytes", .value = "16"},
        {.name = "fetch.message.max.bytes", .value = "16384"},
        {.name = "fetch.wait.max.ms", .value = "10"},
        {.name = "statistics.interval.ms", .value = "0"},
    };
    const struct kafka_property own[] = {
        {.name = "enable.auto.commit", .value = "false"},
        {.name = "enable.partition.eof", .value = "true"},
        {.name = "auto.offset.reset", .value = "error"},
    };

    return kafka_conf_own(kafka_conf_new(cfg, role, sizeof(role) / sizeof(role[0]), e), own,
                          sizeof(own) / sizeof(own[0]), e);
}

static int connect_once(struct offset_probe *p, struct err *e)
{
    rd_kafka_conf_t *conf;
    char why[512];

    if (p->rk)
        return kafka_login_renew(p->rk, p->cfg, e);
    conf = make_conf(p->cfg, e);
    if (!conf)
        return -1;
    rd_kafka_conf_set_opaque(conf, (void *)(uintptr_t)p->log);
    rd_kafka_conf_set_log_cb(conf, on_log);
    p->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_RUNTIME, "%s", why);
    }
    kafka_login_begin(p->rk);
    rd_kafka_set_log_queue(p->rk, NULL);
    p->topic = rd_kafka_topic_new(p->rk, p->cfg->kafka.topic, NULL);
    return 0;
}

/* ---- the probe: reading ---- */

static struct offset_probe_item *find_item(struct offset_probe_item *items, size_t count,
                                           int32_t partition)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].partition == partition)
            return &items[i];
    return NULL;
}

/* Returns false for what says nothing of the partition, as a broken connection: librdkafka goes on
 * by itself. */
static bool take_answer(struct offset_probe_item *item, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;

    switch (m->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        item->result = OFFSET_PROBE_RECORD;
        item->timestamp_ms = rd_kafka_message_timestamp(m, &type);
        break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        item->result = OFFSET_PROBE_END;
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        item->result = OFFSET_PROBE_OUT_OF_RANGE;
        break;
    default:
        return false;
    }
    item->found = m->offset;
    return true;
}

static void read_answers(struct offset_probe *p, rd_kafka_queue_t *queue,
                         struct offset_probe_item *items, size_t count, int64_t deadline)
{
    size_t missing = count;

    while (missing > 0 && kafka_now_ms() < deadline) {
        int left_ms = kafka_left_ms(deadline);
        rd_kafka_message_t *m =
            rd_kafka_consume_queue(queue, left_ms < POLL_MS ? left_ms : POLL_MS);
        struct offset_probe_item *item;
        int64_t low;

        rd_kafka_poll(p->rk, 0);
        if (!m)
            continue;
        item = find_item(items, count, m->partition);
        if (item && item->result == OFFSET_PROBE_NO_ANSWER && take_answer(item, m)) {
            missing--;
            rd_kafka_get_watermark_offsets(p->rk, p->cfg->kafka.topic, item->partition, &low,
                                           &item->high);
        }
        rd_kafka_message_destroy(m);
    }
}

static void read_items(struct offset_probe *p, struct offset_probe_item *items, size_t count,
                       int64_t deadline)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(p->rk);

    for (size_t i = 0; i < count; i++)
        rd_kafka_consume_start_queue(p->topic, items[i].partition, items[i].offset, queue);
    read_answers(p, queue, items, count, deadline);
    for (size_t i = 0; i < count; i++)
        rd_kafka_consume_stop(p->topic, items[i].partition);
    rd_kafka_queue_destroy(queue);
}

void offset_probe_read(struct offset_probe *p, struct offset_probe_item *items, size_t count,
                       int64_t deadline)
{
    struct err e = {0};

    for (size_t i = 0; i < count; i++) {
        items[i].result = OFFSET_PROBE_NO_ANSWER;
        items[i].found = items[i].timestamp_ms = items[i].high = -1;
    }
    pthread_mutex_lock(&p->lock);
    if (connect_once(p, &e) < 0)
        log_plain(p->log, EVENT_OFFSETS_CHECK_FAILED, e.text);
    else if (count > 0)
        read_items(p, items, count, deadline);
    pthread_mutex_unlock(&p->lock);
}

/* ---- the probe: life ---- */

struct offset_probe *offset_probe_new(const struct config *cfg, const struct log *log)
{
    struct offset_probe *p = mem_alloc(sizeof(*p));

    *p = (struct offset_probe){.cfg = cfg, .log = log, .users = 1};
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

static void destroy(void *self)
{
    struct offset_probe *p = self;

    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    if (p->rk)
        rd_kafka_destroy(p->rk);
}

struct offset_probe *offset_probe_share(struct offset_probe *p)
{
    p->users++;
    return p;
}

void offset_probe_drop(struct offset_probe *p)
{
    struct async_call *end;
    bool is_gone;

    if (!p || --p->users > 0)
        return;
    end = async_call_begin(destroy, p, -1);
    is_gone = end && async_call_is_done(end, CLOSE_MS);
    async_call_end(end);
    if (!is_gone)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- the query: on the call's thread ---- */

static rd_kafka_topic_partition_list_t *list_partitions(const struct rd_kafka_metadata_topic *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(topic->partition_cnt);

    for (int i = 0; i < topic->partition_cnt; i++)
        rd_kafka_topic_partition_list_add(list, topic->topic, topic->partitions[i].id);
    return list;
}

/* One without a leader cannot be asked about, and would hold up the answer for all others. */
static void note_leaders(struct offset_query *q, const struct rd_kafka_metadata_topic *topic)
{
    q->led = rd_kafka_topic_partition_list_new(q->list->cnt);
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].leader >= 0 &&
            rd_kafka_topic_partition_list_find(q->list, q->topic, topic->partitions[i].id))
            rd_kafka_topic_partition_list_add(q->led, q->topic, topic->partitions[i].id);
}

/* Which of the partitions, or of all that the topic has, have a leader. */
static rd_kafka_resp_err_t learn_leaders(struct offset_query *q, int64_t deadline)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(q->rk, q->topic, NULL);
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t err;

    if (!topic)
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    err = rd_kafka_metadata(q->rk, 0, topic, &md, kafka_left_ms(deadline));
    rd_kafka_topic_destroy(topic);
    if (err)
        return err;
    err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!err && !q->list)
        q->list = list_partitions(&md->topics[0]);
    if (!err)
        note_leaders(q, &md->topics[0]);
    rd_kafka_metadata_destroy(md);
    return err;
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err)
            return list->elems[i].err;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What the group committed. */
static rd_kafka_resp_err_t learn_committed(struct offset_query *q, int64_t deadline)
{
    rd_kafka_resp_err_t err;

    q->found = mem_alloc_array((size_t)q->list->cnt, sizeof(*q->found));
    for (int i = 0; i < q->list->cnt; i++)
        q->found[i] = (struct assignment){.partition = q->list->elems[i].partition,
                                          .committed = -1,
                                          .low = -1,
                                          .high = -1,
                                          .readable_end = -1,
                                          .first = {.offset = -1},
                                          .at = {.offset = -1},
                                          .initial = -1,
                                          .start = -1,
                                          .check_at = q->list->elems[i].offset};
    err = rd_kafka_committed(q->rk, q->list, kafka_left_ms(deadline));
    if (err || (err = first_error(q->list)))
        return err;
    for (int i = 0; i < q->list->cnt; i++)
        if (q->list->elems[i].offset >= 0)
            q->found[i].committed = q->list->elems[i].offset;
    return err;
}

/* Where the partitions with a leader begin or end: `end` is RD_KAFKA_OFFSET_BEGINNING or _END,
 * which the protocol takes as a time. Not rd_kafka_query_watermark_offsets: in 2.0.2 it waits
 * beyond its timeout. */
static rd_kafka_resp_err_t learn_ends(struct offset_query *q, int64_t end, int64_t deadline)
{
    rd_kafka_resp_err_t err;

    for (int i = 0; i < q->led->cnt; i++)
        q->led->elems[i].offset = end;
    err = rd_kafka_offsets_for_times(q->rk, q->led, kafka_left_ms(deadline));
    if (err || (err = first_error(q->led)))
        return err;
    for (int i = 0; i < q->list->cnt; i++) {
        const rd_kafka_topic_partition_t *p =
            rd_kafka_topic_partition_list_find(q->led, q->topic, q->found[i].partition);

        if (p && end == RD_KAFKA_OFFSET_BEGINNING)
            q->found[i].low = p->offset;
        else if (p)
            q->found[i].high = q->found[i].readable_end = p->offset;
    }
    return err;
}

/* ---- the query: checks ---- */

static bool is_to_be_checked(const struct assignment *a)
{
    return a->high >= 0 && a->check_at >= 0;
}

static struct record_mark mark_of(const struct offset_probe_item *item)
{
    return item->result == OFFSET_PROBE_RECORD
               ? (struct record_mark){.offset = item->found, .timestamp_ms = item->timestamp_ms}
               : (struct record_mark){.offset = -1, .timestamp_ms = -1};
}

/* Below its beginning a partition has no record, beyond its readable end no probe reads. */
static int64_t probed_offset(const struct assignment *a, bool is_first)
{
    if (is_first || a->check_at < a->low)
        return a->low;
    return a->check_at < a->readable_end ? a->check_at : a->readable_end;
}

/* Reads one record of each partition that is to be checked: its first, or the one at check_at.
 * Without an answer a partition stays unchecked, and will be asked about again. */
static void probe_all(struct offset_query *q, bool is_first, int64_t deadline)
{
    struct offset_probe_item *items = mem_alloc_array((size_t)q->list->cnt, sizeof(*items));
    size_t count = 0;

    for (int i = 0; i < q->list->cnt; i++)
        if (is_to_be_checked(&q->found[i]))
            items[count++] =
                (struct offset_probe_item){.partition = q->found[i].partition,
                                           .offset = probed_offset(&q->found[i], is_first)};
    offset_probe_read(q->probe, items, count, deadline);
    count = 0;
    for (int i = 0; i < q->list->cnt; i++) {
        struct assignment *a = &q->found[i];
        const struct offset_probe_item *item = &items[count];

        if (!is_to_be_checked(a))
            continue;
        count++;
        *(is_first ? &a->first : &a->at) = mark_of(item);
        a->is_checked = (is_first || a->is_checked) && item->result != OFFSET_PROBE_NO_ANSWER;
        if (item->high > a->high)
            a->high = item->high;
    }
    free(items);
}

static rd_kafka_resp_err_t learn_all(struct offset_query *q)
{
    int64_t deadline = kafka_now_ms() + ASK_MS;
    rd_kafka_resp_err_t err = learn_leaders(q, deadline);

    if (!err)
        err = learn_committed(q, deadline);
    if (!err && q->led->cnt > 0)
        err = learn_ends(q, RD_KAFKA_OFFSET_BEGINNING, deadline);
    if (!err && q->led->cnt > 0)
        err = learn_ends(q, RD_KAFKA_OFFSET_END, deadline);
    if (!err && q->has_checks) {
        deadline = kafka_now_ms() + ASK_MS;
        probe_all(q, true, deadline);
        probe_all(q, false, deadline);
    }
    return err;
}

static void ask_offsets(void *self)
{
    struct offset_query *q = self;

    q->answer = (struct offset_answer){.err = learn_all(q), .partitions = q->found};
    if (q->answer.err)
        return;
    q->answer.count = (size_t)q->list->cnt;
    q->answer.unknown_count = (size_t)(q->list->cnt - q->led->cnt);
    if (q->answer.unknown_count)
        q->answer.err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

/* ---- the query: on the owner's thread ---- */

static void forget(struct offset_query *q)
{
    if (q->list)
        rd_kafka_topic_partition_list_destroy(q->list);
    if (q->led)
        rd_kafka_topic_partition_list_destroy(q->led);
    q->list = q->led = NULL;
    free(q->found);
    q->found = NULL;
}

static void begin_query(struct offset_query *q, const rd_kafka_topic_partition_list_t *partitions)
{
    if (kafka_now_ms() < q->not_before_ms)
        return;
    forget(q);
    if (partitions)
        q->list = rd_kafka_topic_partition_list_copy(partitions);
    q->has_checks = false;
    for (int i = 0; q->probe && q->list && i < q->list->cnt; i++)
        q->has_checks |= q->list->elems[i].offset >= 0;
    q->is_dropped = false;
    q->call = async_call_begin(ask_offsets, q, q->wake_fd);
}

struct offset_query *offset_query_new(rd_kafka_t *rk, struct offset_probe *probe, const char *topic,
                                      int wake_fd)
{
    struct offset_query *q = mem_alloc(sizeof(*q));

    *q = (struct offset_query){.rk = rk,
                               .probe = probe ? offset_probe_share(probe) : NULL,
                               .topic = mem_strdup(topic),
                               .wake_fd = wake_fd};
    return q;
}

struct offset_answer *offset_query_turn(struct offset_query *q,
                                        const rd_kafka_topic_partition_list_t *partitions)
{
    if (!q->call) {
        begin_query(q, partitions);
        return NULL;
    }
    if (!async_call_is_done(q->call, 0))
        return NULL;
    async_call_end(q->call);
    q->call = NULL;
    if (q->answer.err || q->has_checks)
        q->not_before_ms = kafka_now_ms() + PAUSE_MS;
    return q->is_dropped ? NULL : &q->answer;
}

void offset_query_drop(struct offset_query *q)
{
    q->is_dropped = true;
}

bool offset_query_free(struct offset_query *q)
{
    bool is_open;

    if (!q)
        return true;
    is_open = q->call && !async_call_is_done(q->call, 0);
    async_call_end(q->call);
    if (is_open)
        return false;
    forget(q);
    offset_probe_drop(q->probe);
    free(q->topic);
    free(q);
    return true;
}

/* ---- ranges that were skipped ---- */

static void ask_ranges(void *self)
{
    struct offset_question *q = self;

    offset_probe_read(q->probe, q->items, q->count, kafka_now_ms() + CHECK_MS);
}

static struct offset_range *find_range(const struct offset_ranges *r, int32_t partition)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->list[i].partition == partition)
            return &r->list[i];
    return NULL;
}

/* The end that is read may lag behind: a broker that has just become the leader. That says nothing.
 * What the broker no longer holds was skipped, not read. */
static enum range_state state_of(const struct offset_range *range,
                                 const struct offset_probe_item *item)
{
    switch (item->result) {
    case OFFSET_PROBE_NO_ANSWER:
        return RANGE_UNKNOWN;
    case OFFSET_PROBE_RECORD:
        return item->found < range->to ? RANGE_READABLE : RANGE_EMPTY;
    case OFFSET_PROBE_END:
        return item->found < range->to ? RANGE_UNKNOWN : RANGE_EMPTY;
    case OFFSET_PROBE_OUT_OF_RANGE:
        return RANGE_READABLE;
    }
    return RANGE_UNKNOWN;
}

static void free_question(struct offset_ranges *r)
{
    if (r->question)
        free(r->question->items);
    free(r->question);
    r->question = NULL;
}

static void take_answers(struct offset_ranges *r)
{
    for (size_t i = 0; i < r->question->count; i++) {
        const struct offset_probe_item *item = &r->question->items[i];
        struct offset_range *range = find_range(r, item->partition);

        if (!range || !range->is_asked)
            continue;
        range->is_asked = false;
        range->state = state_of(range, item);
        if (range->state == RANGE_UNKNOWN)
            log_with(r->log, EVENT_OFFSETS_CHECK_DELAYED, NULL,
                     LOG_INT("partition", range->partition), LOG_INT("from", range->from),
                     LOG_INT("to", range->to));
    }
    free_question(r);
}

static void begin_question(struct offset_ranges *r)
{
    size_t count = 0;

    r->question = mem_alloc(sizeof(*r->question));
    *r->question = (struct offset_question){
        .probe = r->probe, .items = mem_alloc_array(r->count, sizeof(*r->question->items))};
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i].state != RANGE_UNKNOWN)
            continue;
        r->list[i].is_asked = true;
        r->question->items[count++] = (struct offset_probe_item){.partition = r->list[i].partition,
                                                                 .offset = r->list[i].from};
    }
    r->question->count = count;
    if (count > 0)
        r->call = async_call_begin(ask_ranges, r->question, r->wake_fd);
    if (!r->call)
        free_question(r);
}

void offset_ranges_serve(struct offset_ranges *r)
{
    if (r->call && async_call_is_done(r->call, 0)) {
        async_call_end(r->call);
        r->call = NULL;
        take_answers(r);
    }
}

/* An answer is taken once; what nobody asks for any more is replaced by the partition's next. */
enum range_state offset_ranges_check(struct offset_ranges *r, int32_t partition, int64_t from,
                                     int64_t to)
{
    struct offset_range *range = find_range(r, partition);
    enum range_state state;

    if (!range) {
        r->list = mem_realloc_array(r->list, r->count + 1, sizeof(*r->list));
        range = &r->list[r->count++];
        *range = (struct offset_range){.partition = partition};
    }
    if (range->from != from || range->to != to)
        *range = (struct offset_range){.partition = partition, .from = from, .to = to};
    state = range->state;
    if (state != RANGE_UNKNOWN)
        *range = r->list[--r->count];
    else if (!r->call)
        begin_question(r);
    return state;
}

bool offset_ranges_release(struct offset_ranges *r)
{
    bool is_open = r->call && !async_call_is_done(r->call, 0);

    async_call_end(r->call);
    if (!is_open)
        free_question(r);
    free(r->list);
    r->list = NULL;
    r->count = 0;
    return !is_open;
}
