#include "flow/redrive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "support/fake_clock.h"
#include "support/fake_log.h"
#include "support/fake_sink.h"

/* ---- a dead letter topic in memory ---- */

#define PARTITIONS  3
#define MAX_LETTERS 4000

/* A dead letter, or a gap. */
struct letter {
    bool is_there;
    const char *reason;
    const char *topic; /* NULL: it is not ours */
    const char *replays;
    bool is_incomplete;
};

struct partition {
    struct letter letters[MAX_LETTERS]; /* by offset */
    int64_t low;
    int64_t end;
    int64_t position;
    bool told_end;
    bool is_slow; /* gives nothing for now */
    /* The group's. */
    int64_t committed;
    char text[REDRIVE_PROGRESS_MAX_BYTES + 1];
    int64_t by_reason[RECORD_REASON_COUNT];
    size_t stores;
};

struct fixture {
    struct fake_clock clock;
    struct partition partitions[PARTITIONS];
    struct dead_letter_partition list[PARTITIONS];
    bool is_known;
    bool is_dead;
    size_t outstanding;
    struct header headers[8];
    const char *missing; /* no such topic */
    bool is_slow_to_find;
    size_t finds;
    struct dead_letters port;
    struct fake_sink fake_sink;
    struct sink sink;
    struct fake_log fake_log;
    struct log log;
    struct redrive_policy policy;
    struct redrive redrive;
};

static int serve(void *self, struct err *e)
{
    const struct fixture *f = self;

    return f->is_dead ? err_set(e, ERR_RUNTIME, "the source is dead") : 0;
}

static size_t partitions(void *self, struct dead_letter_partition **list)
{
    struct fixture *f = self;

    for (int i = 0; i < PARTITIONS; i++) {
        const struct partition *p = &f->partitions[i];

        f->list[i] = (struct dead_letter_partition){.partition = i,
                                                    .low = p->low,
                                                    .high = p->end,
                                                    .committed = p->committed,
                                                    .description = p->text,
                                                    .description_len = strlen(p->text),
                                                    .start = -1};
        memcpy(f->list[i].by_reason, p->by_reason, sizeof(p->by_reason));
    }
    *list = f->list;
    return f->is_known ? PARTITIONS : 0;
}

static void begin_reading(void *self)
{
    struct fixture *f = self;

    for (int i = 0; i < PARTITIONS; i++) {
        assert_in_range(f->list[i].start, f->partitions[i].low, f->partitions[i].end);
        f->partitions[i].position = f->list[i].start;
        f->partitions[i].told_end = false;
    }
}

static enum fetch_result fetch(void *self, int32_t partition, struct message *m)
{
    struct fixture *f = self;
    struct partition *p = &f->partitions[partition];

    if (p->is_slow)
        return FETCH_NOTHING;
    while (p->position < p->end && !p->letters[p->position].is_there)
        p->position++;
    if (p->position < p->end) {
        *m = (struct message){.topic = "orders-dlq",
                              .partition = partition,
                              .offset = p->position++,
                              .value = "value",
                              .value_len = 5,
                              .handle = p};
        f->outstanding++;
        return FETCH_MESSAGE;
    }
    if (p->told_end)
        return FETCH_NOTHING;
    p->told_end = true;
    *m = (struct message){.partition = partition, .offset = p->end};
    return FETCH_END;
}

static void release(void *self, struct message *m)
{
    ((struct fixture *)self)->outstanding--;
    m->handle = NULL;
}

static size_t add_header(struct fixture *f, size_t count, const char *name, const char *value)
{
    if (!value)
        return count;
    f->headers[count] = (struct header){.name = name, .value = value, .value_len = strlen(value)};
    return count + 1;
}

static size_t headers(void *self, const struct message *m, const struct header **out)
{
    struct fixture *f = self;
    const struct letter *l = &f->partitions[m->partition].letters[m->offset];
    static char id[32];
    size_t n = 0;

    snprintf(id, sizeof(id), "%d/%d", (int)m->partition, (int)m->offset);
    n = add_header(f, n, "__dlq.errors.topic", l->topic);
    n = add_header(f, n, "dlq.id", id);
    n = add_header(f, n, "dlq.reason", l->reason);
    n = add_header(f, n, "dlq.replay-count", l->replays);
    n = add_header(f, n, "dlq.value-omitted", l->is_incomplete ? "true" : NULL);
    *out = f->headers;
    return n;
}

static void store(void *self, int32_t partition, int64_t offset, const char *description)
{
    struct fixture *f = self;
    struct partition *p = &f->partitions[partition];

    assert_true(strlen(description) <= REDRIVE_PROGRESS_MAX_BYTES);
    p->committed = offset;
    strcpy(p->text, description);
    p->stores++;
}

static int find_topic(void *self, const char *name, struct err *e)
{
    struct fixture *f = self;

    f->finds++;
    if (f->is_slow_to_find)
        return 0;
    if (f->missing && strcmp(f->missing, name) == 0)
        return err_set(e, ERR_RUNTIME, "no such topic");
    return 1;
}

/* ---- set up ---- */

static void empty_topic(struct fixture *f)
{
    for (int i = 0; i < PARTITIONS; i++) {
        memset(&f->partitions[i], 0, sizeof(f->partitions[i]));
        f->partitions[i].committed = -1;
        for (int reason = 0; reason < RECORD_REASON_COUNT; reason++)
            f->partitions[i].by_reason[reason] = -1;
    }
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));

    f->clock.mono = 5000;
    f->is_known = true;
    f->port = (struct dead_letters){.self = f,
                                    .serve = serve,
                                    .partitions = partitions,
                                    .begin = begin_reading,
                                    .fetch = fetch,
                                    .release = release,
                                    .headers = headers,
                                    .store = store,
                                    .find_topic = find_topic};
    empty_topic(f);
    f->sink = fake_sink_port(&f->fake_sink);
    f->log = fake_log_port(&f->fake_log);
    f->policy.replay = (struct replay_policy){.dlq_topic = "orders-dlq", .max_replays = 3};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    redrive_release(&f->redrive);
    fake_sink_release(&f->fake_sink);
    fake_log_release(&f->fake_log);
    assert_int_equal(f->outstanding, 0);
    test_free(f);
    return 0;
}

static const struct letter process = {.is_there = true, .reason = "PROCESS", .topic = "orders"};
static const struct letter validate = {.is_there = true, .reason = "VALIDATE", .topic = "orders"};
static const struct letter timeout = {.is_there = true, .reason = "TIMEOUT", .topic = "orders"};
static const struct letter old = {.is_there = true, .reason = "PROCESS", .topic = "orders-old"};
static const struct letter worn = {
    .is_there = true, .reason = "PROCESS", .topic = "orders", .replays = "3"};
static const struct letter incomplete = {
    .is_there = true, .reason = "TOO_LARGE", .topic = "orders", .is_incomplete = true};
static const struct letter foreign = {.is_there = true};
static const struct letter gap = {.is_there = false};

static void add(struct fixture *f, int partition, const struct letter *letter)
{
    struct partition *p = &f->partitions[partition];

    assert_true(p->end < MAX_LETTERS);
    p->letters[p->end++] = *letter;
}

/* ---- runs ---- */

static void begin(struct fixture *f)
{
    redrive_release(&f->redrive);
    redrive_init(&f->redrive, &f->policy, &f->port, f->policy.is_dry ? NULL : &f->sink, &f->log,
                 f->clock.mono);
}

static int turn(struct fixture *f)
{
    struct err e = {0};
    int ms = redrive_turn(&f->redrive, f->clock.mono, &e);

    if (ms < 0)
        fail_msg("%s", e.text);
    assert_true(ms <= 200);
    return ms;
}

static void turns(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        turn(f);
}

static void finish(struct fixture *f)
{
    for (int i = 0; i < 100000 && !redrive_is_done(&f->redrive); i++) {
        int ms = turn(f);

        if (redrive_in_flight(&f->redrive) == 0 && !redrive_is_done(&f->redrive))
            fake_clock_advance(&f->clock, ms); /* else a report wakes it */
    }
    assert_true(redrive_is_done(&f->redrive));
    redrive_end(&f->redrive);
}

/* A whole run. Returns how many records it sent, refused ones included. */
static size_t run(struct fixture *f)
{
    size_t before = f->fake_sink.count;

    begin(f);
    finish(f);
    return f->fake_sink.count - before;
}

static size_t run_for(struct fixture *f, enum record_reason reason)
{
    size_t count;

    f->policy.is_one_reason = true;
    f->policy.reason = reason;
    count = run(f);
    f->policy.is_one_reason = false;
    return count;
}

/* The id of the i-th record that was sent. */
static const char *sent_id(const struct fixture *f, size_t i)
{
    return fake_sink_header(&f->fake_sink, i, "dlq.id");
}

/* ---- what is sent ---- */

static void dead_letters_go_back_to_their_topics(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &process);
    add(f, 1, &old);
    assert_int_equal(run(f), 2);
    assert_string_equal(f->fake_sink.sent[0].record.topic, "orders");
    assert_string_equal(f->fake_sink.sent[1].record.topic, "orders-old");
    assert_string_equal(fake_sink_header(&f->fake_sink, 0, "dlq.replay-count"), "1");
    assert_null(fake_sink_header(&f->fake_sink, 0, "dlq.reason"));
    assert_int_equal(f->redrive.counts.acknowledged, 2);
    assert_int_equal(run(f), 0);
}

static void each_run_sends_what_was_not_sent_yet(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 30; i++) {
        add(f, i % 2, &process);
        add(f, i % 2, &validate);
        add(f, i % 2, &timeout);
    }
    assert_int_equal(run_for(f, RECORD_PROCESS), 30);
    assert_int_equal(run_for(f, RECORD_PROCESS), 0);
    assert_int_equal(run_for(f, RECORD_TIMEOUT), 30);
    add(f, 0, &process);
    assert_int_equal(run(f), 31);
    assert_int_equal(run(f), 0);
    assert_int_equal(f->partitions[0].committed, 46);
    assert_string_equal(f->partitions[0].text, "v1 next=0");
}

static void max_leaves_the_rest_to_the_next_run(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++) {
        add(f, 0, &process);
        add(f, 1, &validate);
    }
    f->policy.max = 7;
    assert_int_equal(run(f), 7);
    assert_int_equal(run_for(f, RECORD_VALIDATE), 7);
    assert_int_equal(run(f), 6);
    assert_int_equal(run(f), 0);
}

static void what_was_moved_back_often_enough_stays_until_a_run_takes_more(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &worn);
    add(f, 0, &process);
    add(f, 0, &worn);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(f), i == 0);
        assert_int_equal(f->redrive.table.totals[REDRIVE_STAYS], 2);
    }
    f->policy.replay.max_replays = 4;
    assert_int_equal(run(f), 2);
    f->policy.replay.max_replays = 3;
    assert_int_equal(run(f), 0);
    assert_int_equal(f->redrive.table.totals[REDRIVE_STAYS], 0);
}

static void what_can_never_be_sent_is_counted_named_and_passed(void **state)
{
    struct fixture *f = *state;

    add(f, 1, &process);
    add(f, 1, &incomplete);
    add(f, 1, &foreign);
    add(f, 1, &incomplete);
    assert_int_equal(run_for(f, RECORD_PROCESS), 1);
    assert_int_equal(f->redrive.incomplete.count, 0);
    assert_int_equal(run(f), 0);
    assert_int_equal(f->redrive.incomplete.count, 2);
    assert_int_equal(f->redrive.incomplete.partition, 1);
    assert_int_equal(f->redrive.incomplete.offset, 1);
    assert_int_equal(f->redrive.table.totals[REDRIVE_FOREIGN], 1);
    run(f);
    assert_int_equal(f->redrive.incomplete.count, 0);
    assert_int_equal(f->redrive.table.totals[REDRIVE_FOREIGN], 0);
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &process);
    add(f, 0, &worn);
    add(f, 0, &old);
    add(f, 0, &validate);
    f->missing = "orders-old";
    f->policy.is_dry = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(f), 0);
        assert_int_equal(f->redrive.table.totals[REDRIVE_GOES], 2);
        assert_int_equal(f->redrive.table.totals[REDRIVE_STAYS], 1);
        assert_int_equal(f->redrive.table.totals[REDRIVE_NO_TOPIC], 1);
        assert_int_equal(f->redrive.counts.sent, 0);
        assert_int_equal(f->partitions[0].stores, 0);
    }
}

/* ---- what is refused ---- */

static void a_refused_record_holds_nothing_up_and_is_all_the_next_run_sends(void **state)
{
    const struct fake_send steps[] = {{0}, {0}, {.status = SINK_TOO_LARGE}};
    struct fixture *f = *state;

    for (int i = 0; i < 2000; i++)
        add(f, 0, &process);
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 3;
    assert_int_equal(run(f), 2000);
    assert_int_equal(f->redrive.counts.failed, 1);
    assert_int_equal(f->redrive.topics[0].failed.count, 1);
    assert_int_equal(f->redrive.topics[0].failed.offset, 2);
    assert_string_equal(f->redrive.topics[0].why, "send 2 refused");
    assert_int_equal(f->partitions[0].committed, 2);
    assert_int_equal(run(f), 1);
    assert_string_equal(sent_id(f, 2000), "0/2");
    assert_int_equal(f->partitions[0].committed, 2000);
}

static void what_the_sink_refuses_at_once_is_left_too(void **state)
{
    const struct fake_send steps[] = {{.result = SEND_FAILED, .status = SINK_TOO_LARGE}};
    struct fixture *f = *state;

    add(f, 0, &process);
    add(f, 0, &process);
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 1;
    assert_int_equal(run(f), 2);
    assert_int_equal(f->redrive.counts.failed, 1);
    assert_int_equal(f->redrive.counts.sent, 1);
    assert_int_equal(run(f), 1);
    assert_string_equal(sent_id(f, 2), "0/0");
}

static void a_topic_that_is_not_there_holds_nothing_up_and_is_tried_by_each_run(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1500; i++) {
        add(f, 0, &old);
        add(f, 0, &process);
    }
    f->missing = "orders-old";
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(f), i == 0 ? 1500 : 0);
        assert_int_equal(f->redrive.counts.failed, 1500);
        assert_string_equal(f->redrive.topics[0].name, "orders-old");
        assert_string_equal(f->redrive.topics[0].why, "no such topic");
        assert_int_equal(f->redrive.topics[0].failed.count, 1500);
    }
    assert_string_equal(f->partitions[0].text, "v1 next=3000 topic:orders-old=0");
    f->missing = NULL;
    assert_int_equal(run_for(f, RECORD_VALIDATE), 0);
    assert_int_equal(run(f), 1500);
    assert_int_equal(run(f), 0);
}

static struct fake_send refuse_old(void *ctx, const struct outgoing *o)
{
    (void)ctx;
    return (struct fake_send){.status =
                                  strcmp(o->topic, "orders-old") == 0 ? SINK_TROUBLE : SINK_OK};
}

/* As when the right to write to it is missing. */
static void a_topic_that_refuses_its_first_record_gets_no_more(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 100; i++) {
        add(f, 0, &process);
        add(f, 0, &old);
        add(f, 1, &old);
    }
    f->fake_sink.decide = refuse_old;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run(f), i == 0 ? 101 : 1);
        assert_int_equal(f->redrive.counts.failed, 200);
    }
    assert_true(strlen(f->partitions[0].text) < 60);
    f->fake_sink.decide = NULL;
    assert_int_equal(run(f), 200);
    assert_int_equal(run(f), 0);
}

static void a_topic_that_is_deleted_in_the_middle_leaves_what_was_on_its_way(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 50; i++)
        add(f, 0, &old);
    begin(f);
    turns(f, 1);
    f->fake_sink.otherwise.report_later = true;
    f->policy.max = 0;
    turns(f, 3);
    fake_sink_report(&f->fake_sink, 10, SINK_TROUBLE);
    turns(f, 1);
    for (size_t i = 11; i < f->fake_sink.count; i++)
        fake_sink_report(&f->fake_sink, i, i % 2 ? SINK_OK : SINK_TROUBLE);
    for (size_t i = 1; i < 10; i++)
        fake_sink_report(&f->fake_sink, i, SINK_OK);
    finish(f);
    assert_int_equal(f->redrive.counts.failed, 20);
    f->fake_sink.otherwise.report_later = false;
    assert_int_equal(run(f), 20);
    assert_string_equal(sent_id(f, 50), "0/10");
    assert_int_equal(run(f), 0);
}

static void a_topic_proves_good_with_one_record(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        add(f, i % 2, &process);
    f->is_slow_to_find = true;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    turns(f, 5);
    assert_int_equal(f->fake_sink.count, 0);
    f->is_slow_to_find = false;
    turns(f, 5);
    assert_int_equal(f->fake_sink.count, 1);
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 5);
    assert_int_equal(f->fake_sink.count, 10);
    f->finds = 0;
    for (size_t i = 1; i < 10; i++)
        fake_sink_report(&f->fake_sink, i, SINK_OK);
    finish(f);
    assert_int_equal(f->finds, 0);
}

static void a_full_sink_is_tried_again(void **state)
{
    const struct fake_send steps[] = {{.result = SEND_FULL}, {.result = SEND_FULL}};
    struct fixture *f = *state;

    add(f, 0, &process);
    f->fake_sink.steps = steps;
    f->fake_sink.step_count = 2;
    run(f);
    assert_int_equal(f->redrive.counts.sent, 1);
    assert_int_equal(f->partitions[0].committed, 1);
}

/* ---- what is stored ---- */

static void what_is_stored_is_the_prefix_in_which_nothing_is_on_its_way(void **state)
{
    const struct fake_send first = {0};
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        add(f, 0, &process);
    add(f, 0, &foreign);
    f->fake_sink.steps = &first;
    f->fake_sink.step_count = 1;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    turns(f, 5);
    assert_int_equal(f->fake_sink.count, 5);
    assert_int_equal(f->partitions[0].committed, 1);
    fake_sink_report(&f->fake_sink, 3, SINK_OK);
    fake_sink_report(&f->fake_sink, 2, SINK_OK);
    turns(f, 2);
    assert_int_equal(f->partitions[0].committed, 1);
    fake_sink_report(&f->fake_sink, 1, SINK_OK);
    turns(f, 1);
    assert_int_equal(f->partitions[0].committed, 4);
    assert_false(redrive_is_done(&f->redrive));
    assert_int_equal(redrive_in_flight(&f->redrive), 1);
    fake_sink_report(&f->fake_sink, 4, SINK_OK);
    turns(f, 1);
    assert_int_equal(f->partitions[0].committed, 6);
    assert_true(redrive_is_done(&f->redrive));
    redrive_end(&f->redrive);
}

/* As when a broker does not answer and the user does not wait. */
static void at_the_end_what_has_no_report_is_left_and_nothing_else(void **state)
{
    const struct fake_send first = {0};
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++)
        add(f, 0, &process);
    f->fake_sink.steps = &first;
    f->fake_sink.step_count = 1;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    turns(f, 5);
    for (size_t i = 1; i < 20; i++)
        if (i % 5 != 0)
            fake_sink_report(&f->fake_sink, i, SINK_OK);
    turns(f, 2);
    redrive_stop(&f->redrive);
    turns(f, 1);
    redrive_end(&f->redrive);
    assert_int_equal(redrive_in_flight(&f->redrive), 3);
    assert_string_equal(f->partitions[0].text, "v1 next=15 left=0,5,5");
    fake_sink_release(&f->fake_sink);
    assert_int_equal(run(f), 3);
    assert_string_equal(sent_id(f, 0), "0/5");
}

static void what_was_committed_before_is_stored_again_so_that_it_does_not_expire(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &process);
    run(f);
    f->partitions[0].stores = 0;
    run(f);
    assert_int_equal(f->partitions[0].stores, 1);
    assert_int_equal(f->partitions[0].committed, 1);
}

static void only_so_many_are_on_their_way_and_all_arrive(void **state)
{
    const struct fake_send first = {0};
    struct fixture *f = *state;

    for (int i = 0; i < 2 * REDRIVE_WINDOW + 10; i++)
        add(f, i % 3, &process);
    f->fake_sink.steps = &first;
    f->fake_sink.step_count = 1;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    turns(f, 10);
    assert_int_equal(f->fake_sink.count, REDRIVE_WINDOW + 1);
    /* From the last to the first: nothing is settled until the first comes. */
    for (size_t i = REDRIVE_WINDOW + 1; i-- > 2;)
        fake_sink_report(&f->fake_sink, i, SINK_OK);
    turns(f, 10);
    assert_int_equal(f->fake_sink.count, REDRIVE_WINDOW + 1);
    f->fake_sink.otherwise.report_later = false;
    fake_sink_report(&f->fake_sink, 1, SINK_OK);
    finish(f);
    assert_int_equal(f->fake_sink.count, 2 * REDRIVE_WINDOW + 10);
}

static struct fake_send refuse_every_second(void *ctx, const struct outgoing *o)
{
    (void)o;
    return (struct fake_send){.status = ++*(int *)ctx % 2 ? SINK_OK : SINK_TOO_LARGE};
}

/* However many are refused, scattered as they may be: what was acknowledged is not sent again. */
static void without_room_for_what_is_left_a_partition_is_given_up_and_said_so(void **state)
{
    struct fixture *f = *state;
    int count = 0;
    size_t sent;

    for (int i = 0; i < MAX_LETTERS; i++)
        add(f, 0, &process);
    add(f, 1, &process);
    f->fake_sink.decide = refuse_every_second;
    f->fake_sink.decide_ctx = &count;
    sent = run(f);
    assert_in_range(sent, 1000, MAX_LETTERS - 1);
    assert_int_equal(f->redrive.full.count, 1);
    assert_int_equal(f->redrive.full.partition, 0);
    f->fake_sink.decide = NULL;
    for (size_t left = (size_t)f->redrive.counts.failed + MAX_LETTERS + 1 - sent; left > 0;)
        left -= run(f);
    assert_int_equal(f->redrive.full.count, 0);
    assert_int_equal(f->partitions[0].committed, MAX_LETTERS);
    assert_int_equal(run(f), 0);
}

/* ---- where it begins and ends ---- */

static void what_earlier_versions_committed_for_each_reason_counts(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++) {
        add(f, 0, &process);
        add(f, 0, &validate);
        add(f, 0, &timeout);
    }
    f->partitions[0].by_reason[RECORD_PROCESS] = 30;
    f->partitions[0].by_reason[RECORD_VALIDATE] = 15; /* five of them */
    assert_int_equal(run_for(f, RECORD_PROCESS), 0);
    f->partitions[0].by_reason[RECORD_VALIDATE] = 30; /* by now the new group is what counts */
    assert_int_equal(run(f), 5 + 10);
    assert_int_equal(run(f), 0);
}

static void an_offset_that_was_reset_counts_alone(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        add(f, 0, &process);
    run(f);
    f->partitions[0].committed = 2;
    strcpy(f->partitions[0].text, "");
    assert_int_equal(run(f), 3);
}

static void what_another_program_committed_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    add(f, 0, &process);
    f->partitions[0].committed = 1;
    strcpy(f->partitions[0].text, "{\"by\": \"another\"}");
    begin(f);
    assert_int_equal(redrive_turn(&f->redrive, f->clock.mono, &e), -1);
    assert_non_null(strstr(e.text, "partition 0: the offset 1 was committed by another program"));
    redrive_end(&f->redrive);
    assert_string_equal(f->partitions[0].text, "{\"by\": \"another\"}");
}

static void what_retention_took_is_said(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        add(f, 0, &validate);
    add(f, 0, &process);
    run_for(f, RECORD_PROCESS);
    f->partitions[0].low = 3;
    assert_int_equal(run(f), 2);
    assert_int_equal(fake_log_count(&f->fake_log, EVENT_REDRIVE_OFFSETS_EXPIRED), 1);
}

static void a_topic_that_was_recreated_is_read_from_its_start(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 9; i++)
        add(f, 0, i ? &process : &validate);
    run_for(f, RECORD_PROCESS);
    f->partitions[0].end = 0;
    for (int i = 0; i < 4; i++)
        add(f, 0, &process);
    assert_int_equal(run(f), 4);
    assert_int_equal(fake_log_count(&f->fake_log, EVENT_REDRIVE_TOPIC_RECREATED), 1);
}

static void it_ends_where_the_topic_ended_at_the_start(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &process);
    begin(f);
    f->partitions[0].is_slow = true;
    turns(f, 1);
    add(f, 0, &process); /* comes while it runs */
    f->partitions[0].is_slow = false;
    finish(f);
    assert_int_equal(f->fake_sink.count, 1);
    assert_int_equal(f->partitions[0].committed, 1);
}

static void gaps_at_the_end_do_not_keep_it_waiting(void **state)
{
    struct fixture *f = *state;

    add(f, 0, &process);
    for (int i = 0; i < 5; i++)
        add(f, 0, &gap);
    run(f);
    assert_int_equal(f->partitions[0].committed, 6);
}

static void it_is_not_done_before_the_partitions_are_known(void **state)
{
    struct fixture *f = *state;

    f->is_known = false;
    begin(f);
    turns(f, 3);
    assert_false(redrive_is_done(&f->redrive));
    redrive_stop(&f->redrive);
    assert_true(redrive_is_done(&f->redrive));
    redrive_end(&f->redrive);
}

static void a_dead_source_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    f->is_dead = true;
    begin(f);
    assert_int_equal(redrive_turn(&f->redrive, f->clock.mono, &e), -1);
    assert_string_equal(e.text, "the source is dead");
}

/* ---- limits and stop ---- */

static void the_rate_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t began_ms;

    for (int i = 0; i < 100; i++)
        add(f, 0, &process);
    f->policy.rate = 20;
    began_ms = f->clock.mono;
    assert_int_equal(run(f), 100);
    assert_in_range(f->clock.mono - began_ms, 99 * 50, 101 * 50);
}

/* What was not used while nothing could be sent is not made up for by a burst. */
static void after_a_pause_there_is_no_burst(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 100; i++)
        add(f, 0, &process);
    f->policy.rate = 10;
    begin(f);
    turns(f, 3);
    assert_int_equal(f->fake_sink.count, 1);
    fake_clock_advance(&f->clock, 60000);
    turns(f, 30);
    assert_in_range(f->fake_sink.count, 2, 4);
    redrive_stop(&f->redrive);
    turns(f, 1);
    redrive_end(&f->redrive);
}

static void a_rate_finer_than_the_clock_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t began_ms;

    for (int i = 0; i < 3000; i++)
        add(f, 0, &process);
    f->policy.rate = 3000;
    began_ms = f->clock.mono;
    run(f);
    assert_in_range(f->clock.mono - began_ms, 900, 1100);
}

static void a_stop_waits_for_what_is_on_its_way_and_for_nothing_else(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        add(f, 0, &process);
    f->policy.rate = 10;
    f->fake_sink.otherwise.report_later = true;
    begin(f);
    turns(f, 2); /* one is sent, one is held */
    redrive_stop(&f->redrive);
    assert_int_equal(f->outstanding, 0);
    fake_clock_advance(&f->clock, 10000);
    turns(f, 2);
    assert_int_equal(f->fake_sink.count, 1);
    assert_false(redrive_is_done(&f->redrive));
    fake_sink_report(&f->fake_sink, 0, SINK_OK);
    turns(f, 1);
    assert_true(redrive_is_done(&f->redrive));
    redrive_end(&f->redrive);
    assert_int_equal(f->partitions[0].committed, 1);
}

/* ---- whatever comes ---- */

struct storm {
    struct rng rng;
    bool refuses;       /* some records, for what they are */
    const char *closed; /* this topic refuses all */
};

static struct fake_send in_a_storm(void *ctx, const struct outgoing *o)
{
    struct storm *s = ctx;

    if (s->closed && strcmp(o->topic, s->closed) == 0)
        return (struct fake_send){.status = SINK_TROUBLE};
    if (s->refuses && rng_range(&s->rng, 0, 19) == 0)
        return (struct fake_send){.status = SINK_TOO_LARGE};
    return (struct fake_send){0};
}

static void add_any(struct fixture *f, struct rng *rng)
{
    static const char *const reasons[] = {"PROCESS", "TIMEOUT", "VALIDATE", NULL};
    static const char *const topics[] = {"orders", "orders-old", "orders-new"};
    static const char *const replays[] = {NULL, "1", "3", "5"};
    const struct letter letter = {.is_there = rng_range(rng, 0, 9) != 0,
                                  .reason = reasons[rng_range(rng, 0, 3)],
                                  .topic = topics[rng_range(rng, 0, 2)],
                                  .replays = replays[rng_range(rng, 0, 3)]};

    add(f, (int)rng_range(rng, 0, PARTITIONS - 1), &letter);
}

/* Every record that was acknowledged, and none twice. Returns how many. */
static size_t check_sent(const struct fixture *f)
{
    bool *seen = mem_alloc_array(PARTITIONS * MAX_LETTERS, sizeof(*seen));
    size_t count = 0;

    for (size_t i = 0; i < f->fake_sink.count; i++) {
        int partition;
        int offset;

        if (f->fake_sink.sent[i].met.status != SINK_OK)
            continue;
        assert_int_equal(sscanf(sent_id(f, i), "%d/%d", &partition, &offset), 2);
        if (seen[partition * MAX_LETTERS + offset])
            fail_msg("%d/%d was sent twice", partition, offset);
        seen[partition * MAX_LETTERS + offset] = true;
        count++;
    }
    free(seen);
    return count;
}

static size_t count_all(const struct fixture *f)
{
    size_t count = 0;

    for (int i = 0; i < PARTITIONS; i++)
        for (int64_t k = 0; k < f->partitions[i].end; k++)
            count += f->partitions[i].letters[k].is_there;
    return count;
}

static void any_run(struct fixture *f, struct storm *s)
{
    static const enum record_reason reasons[] = {RECORD_PROCESS, RECORD_TIMEOUT, RECORD_VALIDATE,
                                                 RECORD_REASON_NONE};
    static const char *const topics[] = {NULL, "orders", "orders-old", "orders-new"};

    for (int64_t i = rng_range(&s->rng, 0, 60); i > 0; i--)
        add_any(f, &s->rng);
    f->policy.is_one_reason = rng_range(&s->rng, 0, 1);
    f->policy.reason = reasons[rng_range(&s->rng, 0, 3)];
    f->policy.max = rng_range(&s->rng, 0, 3) ? 0 : rng_range(&s->rng, 1, 40);
    f->policy.replay.max_replays = rng_range(&s->rng, 1, 6);
    f->missing = topics[rng_range(&s->rng, 0, 3)];
    s->closed = topics[rng_range(&s->rng, 0, 3)];
    s->refuses = rng_range(&s->rng, 0, 1);
    run(f);
    check_sent(f);
}

/* Reasons, limits, missing topics and refusals in any order, run after run: nothing that was
 * acknowledged is sent twice, and in the end everything is. */
static void over_any_runs_each_record_is_acknowledged_once(void **state)
{
    struct fixture *f = *state;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct storm s = {0};

        rng_seed(&s.rng, seed);
        f->fake_sink.decide = in_a_storm;
        f->fake_sink.decide_ctx = &s;
        for (int i = 0; i < 25; i++)
            any_run(f, &s);
        f->policy.is_one_reason = false;
        f->policy.max = 0;
        f->policy.replay.max_replays = 9;
        f->missing = NULL;
        f->fake_sink.decide = NULL;
        run(f);
        assert_int_equal(check_sent(f), count_all(f));
        fake_sink_release(&f->fake_sink);
        empty_topic(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(dead_letters_go_back_to_their_topics),
        TEST(each_run_sends_what_was_not_sent_yet),
        TEST(max_leaves_the_rest_to_the_next_run),
        TEST(what_was_moved_back_often_enough_stays_until_a_run_takes_more),
        TEST(what_can_never_be_sent_is_counted_named_and_passed),
        TEST(a_dry_run_counts_and_changes_nothing),
        TEST(a_refused_record_holds_nothing_up_and_is_all_the_next_run_sends),
        TEST(what_the_sink_refuses_at_once_is_left_too),
        TEST(a_topic_that_is_not_there_holds_nothing_up_and_is_tried_by_each_run),
        TEST(a_topic_that_refuses_its_first_record_gets_no_more),
        TEST(a_topic_that_is_deleted_in_the_middle_leaves_what_was_on_its_way),
        TEST(a_topic_proves_good_with_one_record),
        TEST(a_full_sink_is_tried_again),
        TEST(what_is_stored_is_the_prefix_in_which_nothing_is_on_its_way),
        TEST(at_the_end_what_has_no_report_is_left_and_nothing_else),
        TEST(what_was_committed_before_is_stored_again_so_that_it_does_not_expire),
        TEST(only_so_many_are_on_their_way_and_all_arrive),
        TEST(without_room_for_what_is_left_a_partition_is_given_up_and_said_so),
        TEST(what_earlier_versions_committed_for_each_reason_counts),
        TEST(an_offset_that_was_reset_counts_alone),
        TEST(what_another_program_committed_is_refused),
        TEST(what_retention_took_is_said),
        TEST(a_topic_that_was_recreated_is_read_from_its_start),
        TEST(it_ends_where_the_topic_ended_at_the_start),
        TEST(gaps_at_the_end_do_not_keep_it_waiting),
        TEST(it_is_not_done_before_the_partitions_are_known),
        TEST(a_dead_source_is_an_error),
        TEST(the_rate_is_kept),
        TEST(after_a_pause_there_is_no_burst),
        TEST(a_rate_finer_than_the_clock_is_kept),
        TEST(a_stop_waits_for_what_is_on_its_way_and_for_nothing_else),
        TEST(over_any_runs_each_record_is_acknowledged_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
