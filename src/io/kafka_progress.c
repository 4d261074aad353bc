#include "io/kafka_progress.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/async_call.h"
#include "io/kafka_client.h"
#include "model/log_event.h"

#define ASK_MS    5000 /* for one question; it is asked again */
#define TURN_MS   5
#define COMMIT_MS 500 /* between two commits: with a slow broker still one a second */
#define PAUSE_MS  100 /* after an error, and at the end */

/* An offset and the text that goes with it. */
struct entry {
    int64_t offset; /* -1 for nothing */
    char *text;     /* "" for none */
};

struct partition {
    int32_t number;
    struct entry known;  /* the group has it, as far as we know */
    struct entry sent;   /* or this: the last one that was sent */
    struct entry wanted; /* to be committed */
};

enum phase { IDLE, CHECKING, COMMITTING };

struct kafka_progress {
    rd_kafka_t *rk;
    const char *topic;
    const char *group;
    const struct config *cfg;
    const struct log *log;
    int wake_fd;
    int64_t due_ms; /* of the next question */
    struct async_call *call;
    /* The call's until it is done. */
    rd_kafka_topic_partition_list_t *list; /* NULL when no question is open */
    char *asked_group;
    rd_kafka_resp_err_t answer;
    /* Of kafka_progress_read. */
    struct kafka_committed *found;
    size_t found_count;
    /* Commits. */
    struct partition *partitions;
    size_t count;
    enum phase phase;
    rd_kafka_queue_t *committed; /* the answers */
    rd_kafka_resp_err_t failure; /* of the last try */
    bool is_overtaken;
};

/* ---- entries ---- */

static void set_entry(struct entry *e, int64_t offset, const char *text, size_t len)
{
    free(e->text);
    e->offset = offset;
    e->text = mem_strndup(text ? text : "", len);
}

static void copy_entry(struct entry *to, const struct entry *from)
{
    set_entry(to, from->offset, from->text, strlen(from->text));
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return a->offset == b->offset && strcmp(a->text, b->text) == 0;
}

static struct partition *find(const struct kafka_progress *p, int32_t number)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->partitions[i].number == number)
            return &p->partitions[i];
    return NULL;
}

/* ---- questions ---- */

/* On the call's thread: rd_kafka_committed waits for the answer. The admin API does not, but
 * librdkafka 2.0.2 aborts when a broker goes away while it asks a group
 * (rd_kafka_enq_once_del_source_return). */
static void ask_committed(void *self)
{
    struct kafka_progress *p = self;

    p->answer = rd_kafka_committed(p->rk, p->list, ASK_MS);
}

/* Likewise. A handle asks for its own group only. */
static void ask_other_group(void *self)
{
    struct kafka_progress *p = self;
    const struct kafka_property group = {.name = "group.id", .value = p->asked_group};
    struct kafka_client client = {.log = p->log, .wake_fd = -1};
    struct err e = {0};
    rd_kafka_conf_t *conf = kafka_conf_new(p->cfg, &group, 1, &e);

    p->answer = RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (!conf || kafka_client_open(&client, RD_KAFKA_CONSUMER, conf, &e) < 0)
        return;
    p->answer = rd_kafka_committed(client.rk, p->list, ASK_MS);
    rd_kafka_destroy_flags(client.rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* Takes `list`. */
static void ask(struct kafka_progress *p, const char *group, rd_kafka_topic_partition_list_t *list)
{
    bool is_ours = strcmp(group, p->group) == 0;

    p->list = list;
    free(p->asked_group);
    p->asked_group = mem_strdup(group);
    p->call = async_call_begin(is_ours ? ask_committed : ask_other_group, p, p->wake_fd);
}

static void end_question(struct kafka_progress *p)
{
    async_call_end(p->call);
    p->call = NULL;
    if (p->list)
        rd_kafka_topic_partition_list_destroy(p->list);
    p->list = NULL;
}

/* Returns false while there is none. With `err` when the question failed: it is over then. */
static bool take_answer(struct kafka_progress *p, rd_kafka_resp_err_t *err)
{
    if (p->call && !async_call_is_done(p->call, 0))
        return false;
    *err = p->call ? p->answer : RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    for (int i = 0; i < p->list->cnt && !*err; i++)
        *err = p->list->elems[i].err;
    if (*err)
        end_question(p);
    return true;
}

static void forget_found(struct kafka_progress *p)
{
    for (size_t i = 0; i < p->found_count; i++)
        free(p->found[i].text);
    free(p->found);
    p->found = NULL;
    p->found_count = 0;
}

static void keep_found(struct kafka_progress *p, size_t count,
                       const rd_kafka_topic_partition_list_t *list)
{
    p->found = mem_alloc_array(count, sizeof(*p->found));
    p->found_count = count;
    for (size_t i = 0; i < count; i++)
        p->found[i] = (struct kafka_committed){.partition = (int32_t)i, .offset = -1};
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *t = &list->elems[i];

        if (t->partition < 0 || (size_t)t->partition >= count || t->offset < 0)
            continue;
        p->found[t->partition].offset = t->offset;
        p->found[t->partition].text = mem_strndup(t->metadata, t->metadata_size);
        p->found[t->partition].text_len = t->metadata_size;
    }
}

static void ask_all(struct kafka_progress *p, const char *group, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, p->topic, (int32_t)i);
    ask(p, group, list);
}

int kafka_progress_read(struct kafka_progress *p, const char *group, size_t count,
                        const struct kafka_committed **found, rd_kafka_resp_err_t *err)
{
    forget_found(p);
    if (!p->list) {
        if (kafka_now_ms() >= p->due_ms)
            ask_all(p, group, count);
        return 0;
    }
    if (!take_answer(p, err))
        return 0;
    if (*err) {
        p->due_ms = kafka_now_ms() + PAUSE_MS;
        return *err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? -1 : 0;
    }
    keep_found(p, count, p->list);
    end_question(p);
    *found = p->found;
    return 1;
}

/* ---- commits ---- */

static bool is_wanted(const struct partition *q)
{
    return q->wanted.offset >= 0;
}

static bool is_any_wanted(const struct kafka_progress *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (is_wanted(&p->partitions[i]))
            return true;
    return false;
}

void kafka_progress_expect(struct kafka_progress *p, const struct kafka_committed *c)
{
    struct partition *q;

    p->partitions = mem_realloc_array(p->partitions, p->count + 1, sizeof(*p->partitions));
    q = &p->partitions[p->count++];
    *q = (struct partition){.number = c->partition, .sent.offset = -1, .wanted.offset = -1};
    set_entry(&q->known, c->offset, c->text, c->text_len);
}

void kafka_progress_store(struct kafka_progress *p, int32_t partition, int64_t offset,
                          const char *text)
{
    set_entry(&find(p, partition)->wanted, offset, text, strlen(text));
}

static void note_failed(struct kafka_progress *p, rd_kafka_resp_err_t err)
{
    p->failure = err;
    log_plain(p->log, EVENT_OFFSETS_COMMIT_FAILED, rd_kafka_err2str(err));
}

static void begin_check(struct kafka_progress *p)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    for (size_t i = 0; i < p->count; i++)
        if (is_wanted(&p->partitions[i]))
            rd_kafka_topic_partition_list_add(list, p->topic, p->partitions[i].number);
    ask(p, p->group, list);
    p->phase = CHECKING;
    p->due_ms = kafka_now_ms() + COMMIT_MS;
}

/* Whether the group has what we know, or what we sent last without an answer. */
static bool is_ours(struct partition *q, const rd_kafka_topic_partition_t *t)
{
    struct entry found = {0};
    bool is_good;

    set_entry(&found, t->offset >= 0 ? t->offset : -1, t->metadata, t->metadata_size);
    is_good = is_same(&found, &q->known) || (q->sent.offset >= 0 && is_same(&found, &q->sent));
    copy_entry(&q->known, &found);
    free(found.text);
    return is_good;
}

static void add_to_commit(rd_kafka_topic_partition_list_t *list, const char *topic,
                          struct partition *q)
{
    rd_kafka_topic_partition_t *t = rd_kafka_topic_partition_list_add(list, topic, q->number);

    copy_entry(&q->sent, &q->wanted);
    t->offset = q->sent.offset;
    t->metadata = mem_strdup(q->sent.text); /* the list frees it */
    t->metadata_size = strlen(q->sent.text);
}

/* Commits what was asked about, and nothing else. */
static void begin_commit(struct kafka_progress *p, const rd_kafka_topic_partition_list_t *asked)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(asked->cnt);
    rd_kafka_resp_err_t err;

    for (int i = 0; i < asked->cnt; i++)
        add_to_commit(list, p->topic, find(p, asked->elems[i].partition));
    err = rd_kafka_commit_queue(p->rk, list, p->committed, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        note_failed(p, err);
    p->phase = err ? IDLE : COMMITTING;
}

static void end_check(struct kafka_progress *p)
{
    rd_kafka_resp_err_t err;

    if (!take_answer(p, &err))
        return;
    p->phase = IDLE;
    if (err) {
        note_failed(p, err);
        return;
    }
    for (int i = 0; i < p->list->cnt; i++)
        if (!is_ours(find(p, p->list->elems[i].partition), &p->list->elems[i]))
            p->is_overtaken = true;
    if (!p->is_overtaken)
        begin_commit(p, p->list);
    end_question(p);
}

static void note_committed(struct partition *q)
{
    copy_entry(&q->known, &q->sent);
    if (is_same(&q->wanted, &q->known))
        q->wanted.offset = -1;
}

static void end_commit(struct kafka_progress *p, rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);

    for (int i = 0; list && i < list->cnt; i++)
        if (list->elems[i].err)
            err = list->elems[i].err;
        else if (!rd_kafka_event_error(event))
            note_committed(find(p, list->elems[i].partition));
    p->failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (err)
        note_failed(p, err);
    p->phase = IDLE;
}

int kafka_progress_serve(struct kafka_progress *p, struct err *e)
{
    rd_kafka_event_t *event;

    if (p->phase == IDLE && !p->is_overtaken && is_any_wanted(p) && kafka_now_ms() >= p->due_ms)
        begin_check(p);
    else if (p->phase == CHECKING)
        end_check(p);
    else if (p->phase == COMMITTING && (event = rd_kafka_queue_poll(p->committed, 0))) {
        end_commit(p, event);
        rd_kafka_event_destroy(event);
    }
    return p->is_overtaken
               ? err_set(e, ERR_RUNTIME, "another program changes the offsets of the group %s",
                         p->group)
               : 0;
}

/* What no waiting ends. */
static bool is_hopeless(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
}

/* Waits for what is on its way, a little at most. */
static void wait_a_little(struct kafka_progress *p)
{
    if (p->call)
        async_call_is_done(p->call, PAUSE_MS);
    else
        poll(NULL, 0, TURN_MS);
}

int kafka_progress_finish(struct kafka_progress *p, int64_t deadline, struct err *e)
{
    int64_t began_ms = kafka_now_ms();

    p->failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    p->due_ms = 0;
    while (is_any_wanted(p) && kafka_now_ms() < deadline && !is_hopeless(p->failure)) {
        if (kafka_progress_serve(p, e) < 0)
            return -1;
        if (p->failure && p->due_ms > kafka_now_ms() + PAUSE_MS)
            p->due_ms = kafka_now_ms() + PAUSE_MS;
        wait_a_little(p);
    }
    if (!is_any_wanted(p))
        return 0;
    return err_set(e, ERR_RUNTIME, "the progress was not committed within %" PRId64 " ms%s%s",
                   kafka_now_ms() - began_ms, p->failure ? ": " : "",
                   p->failure ? rd_kafka_err2str(p->failure) : "");
}

/* ---- life ---- */

struct kafka_progress *kafka_progress_new(rd_kafka_t *rk, const struct config *cfg,
                                          const char *topic, const char *group,
                                          const struct log *log, int wake_fd)
{
    struct kafka_progress *p = mem_alloc(sizeof(*p));

    *p = (struct kafka_progress){.rk = rk,
                                 .topic = topic,
                                 .group = group,
                                 .cfg = cfg,
                                 .log = log,
                                 .wake_fd = wake_fd,
                                 .committed = rd_kafka_queue_new(rk)};
    kafka_wake_on(p->committed, wake_fd);
    return p;
}

static void release_partition(struct partition *q)
{
    free(q->known.text);
    free(q->sent.text);
    free(q->wanted.text);
}

bool kafka_progress_free(struct kafka_progress *p)
{
    if (!p)
        return true;
    if (p->call && !async_call_is_done(p->call, 0)) {
        async_call_end(p->call);
        return false;
    }
    end_question(p);
    for (size_t i = 0; i < p->count; i++)
        release_partition(&p->partitions[i]);
    free(p->partitions);
    forget_found(p);
    free(p->asked_group);
    rd_kafka_queue_destroy(p->committed);
    free(p);
    return true;
}
