#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/consume.h"
#include "support/fake_clock.h"
#include "support/fake_journal.h"
#include "support/fake_log.h"
#include "support/fake_processor.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "support/valid_order.h"

#define MAX_OFFSET 4096
#define GROUP      "group"

/* The flow over fakes, and a witness that reads every line and looks at every stored offset. */
struct world {
    struct fake_clock clock;
    struct fake_source source;
    struct fake_sink sink;
    struct fake_processor processor;
    struct fake_journal journal;
    struct fake_log log;
    struct clock clock_port;
    struct source source_port;
    struct sink sink_port;
    struct processor processor_port;
    struct journal_port journal_port;
    struct log log_port;
    struct consume_policy policy;
    struct consume c;
    bool is_begun;

    size_t scanned;                                /* batches */
    uint64_t told_in[FAKE_PARTITIONS][MAX_OFFSET]; /* number of the batch, 0: not told */
    int64_t last_told[FAKE_PARTITIONS];            /* offset + 1 */
    size_t lines, processed, dead_lettered, dropped;
};

/* ---- the witness ---- */

static void assert_is_acknowledged(const struct world *w, int partition, int offset)
{
    char id[128];
    bool found = false;

    snprintf(id, sizeof(id), "orders/%d/%d/" GROUP, partition, offset);
    for (size_t i = 0; i < w->sink.count && !found; i++)
        found = w->sink.sent[i].met.result == SEND_TAKEN && w->sink.sent[i].is_reported &&
                w->sink.sent[i].met.status == SINK_OK &&
                strcmp(fake_sink_header(&w->sink, i, "dlq.id"), id) == 0;
    assert_true(found);
}

/* Invariants 3 and 4: each offset has one line, in order, and a dead letter's report has come. */
static void witness_line(struct world *w, const char *line, uint64_t batch)
{
    const char *at = strstr(line, "\"kafka_partition\":");
    const char *newline = strchr(line, '\n');
    const char *outcome = strstr(line, "\"outcome\":\"");
    int partition, offset;

    if (!outcome || outcome > newline)
        return; /* journal.gap, journal.replay */
    assert_int_equal(sscanf(at, "\"kafka_partition\":%d,\"kafka_offset\":%d,", &partition, &offset),
                     2);
    assert_in_range(offset, 0, MAX_OFFSET - 1);
    assert_int_equal(w->told_in[partition][offset], 0);
    assert_true(offset >= w->last_told[partition]);
    w->told_in[partition][offset] = batch;
    w->last_told[partition] = offset + 1;
    w->lines++;
    outcome += strlen("\"outcome\":\"");
    if (strncmp(outcome, "processed", 9) == 0) {
        w->processed++;
    } else if (strncmp(outcome, "dead_lettered", 13) == 0) {
        w->dead_lettered++;
        assert_is_acknowledged(w, partition, offset);
    } else {
        w->dropped++;
        assert_null(w->policy.lane.dlq_topic);
    }
}

static void witness_journal(struct world *w)
{
    for (; w->scanned < w->journal.count; w->scanned++) {
        const struct fake_batch *b = &w->journal.batches[w->scanned];

        for (const char *line = b->lines; line < b->lines + b->len; line = strchr(line, '\n') + 1)
            witness_line(w, line, w->scanned + 1);
    }
}

/* Invariants 1 and 2: what is stored, and all before it, is told and durable. */
static void witness_store(void *ctx, int32_t partition, int64_t next)
{
    struct world *w = ctx;
    const struct fake_partition *p = &w->source.partitions[partition];

    witness_journal(w);
    for (size_t i = 0; i < p->count && p->records[i].offset < next; i++) {
        uint64_t batch = w->told_in[partition][p->records[i].offset];

        assert_true(batch > 0 && batch <= w->journal.durable);
    }
}

/* ---- the world ---- */

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));

    w->clock = (struct fake_clock){.wall = INT64_C(1795367071402), .mono = 1000000};
    w->clock_port = fake_clock_port(&w->clock);
    w->source_port = fake_source_port(&w->source);
    w->sink_port = fake_sink_port(&w->sink);
    w->processor_port = fake_processor_port(&w->processor);
    w->journal_port = fake_journal_port(&w->journal);
    w->log_port = fake_log_port(&w->log);
    w->source.stored = witness_store;
    w->source.stored_ctx = w;
    w->policy = (struct consume_policy){
        .lane = {.retry = {.max_attempts = 3,
                           .initial_delay_ms = 1000,
                           .max_delay_ms = 5000,
                           .multiplier = 2,
                           .jitter = RETRY_JITTER_NONE},
                 .max_message_bytes = 1000000,
                 .group = GROUP,
                 .dlq_topic = "orders-dlq",
                 .dlq_retry_ms = 500,
                 .dlq_retry_max_ms = 4000},
        .topic = "orders",
        .max_buffered_bytes = 1 << 20,
        .metrics_interval_ms = 10000,
        .drain_timeout_ms = 10000,
    };
    *state = w;
    return 0;
}

static void end(struct world *w)
{
    if (w->is_begun)
        consume_release(&w->c);
    w->is_begun = false;
    assert_int_equal(w->source.outstanding, 0);
    assert_int_equal(w->processor.pending_count, 0);
}

static int tear_down(void **state)
{
    struct world *w = *state;

    end(w);
    fake_source_release(&w->source);
    fake_sink_release(&w->sink);
    fake_processor_release(&w->processor);
    fake_journal_release(&w->journal);
    fake_log_release(&w->log);
    free(w);
    return 0;
}

static void begin(struct world *w)
{
    const struct consume_ports ports = {
        .source = &w->source_port,
        .sink = w->policy.lane.dlq_topic ? &w->sink_port : NULL,
        .processor = &w->processor_port,
        .journal = &w->journal_port,
        .clock = &w->clock_port,
        .log = &w->log_port,
    };

    consume_init(&w->c, &w->policy, &ports, 1);
    w->is_begun = true;
}

static void add_orders(struct world *w, int32_t partition, int count)
{
    for (int i = 0; i < count; i++)
        fake_source_add(&w->source, partition, VALID_ORDER);
}

/* Invariant 6: each turn serves the source, and the next one is at most 200 ms away. */
static int turn(struct world *w)
{
    struct err e = {0};
    size_t serves = w->source.serves;
    int sleep_ms = consume_turn(&w->c, &e);

    assert_in_range(sleep_ms, 0, 200);
    assert_int_equal(w->source.serves, serves + 1);
    witness_journal(w);
    return sleep_ms;
}

/* Turns until there is nothing to do now. */
static void settle(struct world *w)
{
    int turns = 0;

    while (turn(w) == 0)
        assert_true(++turns < 1000);
}

static void run_for(struct world *w, int64_t ms)
{
    int64_t until = w->clock.mono + ms;
    int turns = 0;

    for (;;) {
        int sleep_ms = turn(w);
        int64_t left = until - w->clock.mono;

        if (sleep_ms == 0 && ++turns < 10000)
            continue;
        assert_true(turns < 10000);
        if (left <= 0)
            return;
        fake_clock_advance(&w->clock, sleep_ms < left ? sleep_ms : left);
    }
}

/* Runs to the end of the flow. Returns how many milliseconds that took, at most `limit_ms`. */
static int64_t run_to_end(struct world *w, int64_t limit_ms)
{
    int64_t began = w->clock.mono;

    while (!consume_is_done(&w->c)) {
        int sleep_ms = turn(w);

        fake_clock_advance(&w->clock, consume_is_done(&w->c) ? 0 : sleep_ms);
        assert_true(w->clock.mono - began <= limit_ms);
    }
    return w->clock.mono - began;
}

static int64_t committed(const struct world *w, int32_t partition)
{
    return w->source.partitions[partition].committed;
}

/* ---- reading, lines and offsets ---- */

static void every_record_of_every_partition_is_told_once_in_order_and_stored(void **state)
{
    struct world *w = *state;

    for (int32_t p = 0; p < 4; p++) {
        add_orders(w, p, 250);
        fake_source_skip(&w->source, p, 3);
        fake_source_add(&w->source, p, "broken");
        add_orders(w, p, 50);
    }
    begin(w);
    fake_source_assign(&w->source, 0, 3);
    run_for(w, 1000);
    assert_int_equal(w->lines, 4 * 301);
    assert_int_equal(w->processed, 4 * 300);
    assert_int_equal(w->dead_lettered, 4);
    for (int32_t p = 0; p < 4; p++)
        assert_int_equal(committed(w, p), 304);
    assert_int_equal(w->c.metrics.received, 4 * 301);
}

static void an_offset_is_stored_when_its_batch_is_durable_and_not_before(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 5000);
    assert_int_equal(w->lines, 3);
    assert_int_equal(committed(w, 0), 0);
    fake_journal_sync(&w->journal);
    add_orders(w, 0, 2);
    settle(w);
    assert_int_equal(w->lines, 5);
    assert_int_equal(committed(w, 0), 3);
    fake_journal_sync(&w->journal);
    settle(w);
    assert_int_equal(committed(w, 0), 5);
}

static void a_record_that_waits_is_not_stored_over(void **state)
{
    static const struct fake_answer steps[] = {{0}, {.verdict = ATTEMPT_RETRY}};
    struct world *w = *state;

    w->processor.steps = steps;
    w->processor.step_count = 2;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 999);
    assert_int_equal(w->lines, 1);
    assert_int_equal(committed(w, 0), 1);
    run_for(w, 2);
    assert_int_equal(w->lines, 5);
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(w->c.metrics.retried, 1);
}

static void what_the_journal_tells_beyond_the_group_is_stored_at_once(void **state)
{
    struct world *w = *state;

    fake_source_skip(&w->source, 0, 3);
    w->journal.next[0] = 3;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_int_equal(committed(w, 0), 3);
}

static void what_a_lost_assignment_told_is_stored_by_the_next_when_it_is_durable(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, true);
    settle(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 1000);
    assert_int_equal(committed(w, 0), 0);
    fake_journal_sync(&w->journal);
    run_for(w, 1000);
    assert_int_equal(w->lines, 5);
    assert_int_equal(committed(w, 0), 5);
}

static struct fake_answer fail_in_partition_0(void *ctx, const struct attempt *a)
{
    (void)ctx;
    return (struct fake_answer){.verdict = a->message->partition == 0 ? ATTEMPT_RETRY : ATTEMPT_OK};
}

static void one_partition_that_waits_does_not_hold_the_others(void **state)
{
    struct world *w = *state;

    w->processor.decide = fail_in_partition_0;
    w->policy.lane.retry.max_attempts = 1000000;
    for (int32_t p = 0; p < 4; p++)
        add_orders(w, p, 500);
    begin(w);
    fake_source_assign(&w->source, 0, 3);
    settle(w);
    assert_int_equal(w->processed, 1500);
    for (int32_t p = 1; p < 4; p++)
        assert_int_equal(committed(w, p), 500);
    run_for(w, 3600000);
    assert_int_equal(w->processed, 1500);
    assert_int_equal(committed(w, 0), 0);
    assert_int_equal(w->source.outstanding, 1); /* one record is held, the rest is not even read */
}

static void a_blocked_dead_letter_does_not_hold_the_others_and_is_never_given_up(void **state)
{
    struct world *w = *state;

    w->sink.otherwise = (struct fake_send){.result = SEND_FAILED, .status = SINK_TROUBLE};
    fake_source_add(&w->source, 0, "broken");
    add_orders(w, 0, 5);
    add_orders(w, 1, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_for(w, 3600000);
    assert_int_equal(w->lines, 5);
    assert_int_equal(committed(w, 0), 0);
    assert_int_equal(committed(w, 1), 5);
    assert_in_range(w->sink.count, 900, 1000);
    w->sink.otherwise = (struct fake_send){0};
    run_for(w, 4001);
    assert_int_equal(w->dead_lettered, 1);
    assert_int_equal(committed(w, 0), 6);
}

static void the_source_is_served_between_bursts_of_a_busy_partition(void **state)
{
    struct world *w = *state;

    for (int32_t p = 0; p < 3; p++)
        add_orders(w, p, 1000);
    begin(w);
    fake_source_assign(&w->source, 0, 2);
    turn(w);
    for (int i = 0; i < 10; i++) {
        size_t before = w->lines;

        assert_int_equal(turn(w), 0);
        assert_in_range(w->lines - before, 1, 300);
    }
}

static void a_turn_ends_in_time_however_slow_the_records_are(void **state)
{
    struct world *w = *state;

    for (int32_t p = 0; p < FAKE_PARTITIONS; p++)
        add_orders(w, p, 10);
    begin(w);
    fake_source_assign(&w->source, 0, FAKE_PARTITIONS - 1);
    w->clock.step = 90; /* each look at the clock finds it that much later */
    for (int turns = 0; w->lines < FAKE_PARTITIONS * 10; turns++) {
        int64_t began = w->clock.mono;

        turn(w);
        assert_true(w->clock.mono - began <= 500);
        assert_true(turns < 50);
    }
}

static void a_record_that_was_read_beyond_is_left_out_and_that_is_said(void **state)
{
    struct world *w = *state;

    add_orders(w, 0, 5);
    w->journal.is_manual = true;
    begin(w);
    w->journal.state = JOURNAL_BLOCKED;
    fake_source_assign(&w->source, 0, 0);
    turn(w);
    lanes_find(&w->c.lanes, 0)->position = 3;
    w->journal.state = JOURNAL_RUNNING;
    settle(w);
    assert_int_equal(w->lines, 2);
    assert_int_equal(fake_log_count(&w->log, EVENT_RECORD_DUPLICATE), 3);
}

static void assert_line_skips(const struct world *w, int offset, int skipped)
{
    char line[80];

    snprintf(line, sizeof(line), "\"kafka_offset\":%d,", offset);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, line), 1);
    for (size_t i = 0; i < w->journal.count; i++) {
        const char *at = strstr(w->journal.batches[i].lines, line);
        const char *said = at ? strstr(at, "\"offsets_skipped\":") : NULL;
        int n = 0;

        if (!at)
            continue;
        if (said && said < strchr(at, '\n'))
            assert_int_equal(sscanf(said, "\"offsets_skipped\":%d", &n), 1);
        assert_int_equal(n, skipped);
    }
}

/* Also when the end was reported in between, when the record was dropped once before its line, and
 * when the partition begins at the offset after the last line. */
static void a_line_says_how_many_offsets_before_it_held_no_record(void **state)
{
    struct world *w = *state;

    w->journal.next[0] = 1;
    w->source.partitions[0].committed = 1;
    fake_source_skip(&w->source, 0, 5);
    add_orders(w, 0, 2); /* 5, 6 */
    fake_source_skip(&w->source, 0, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    w->processor.otherwise.verdict = ATTEMPT_RETRY;
    fake_source_skip(&w->source, 0, 1);
    add_orders(w, 0, 1); /* 11 */
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    settle(w);
    w->processor.otherwise.verdict = ATTEMPT_OK;
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_int_equal(w->lines, 3);
    assert_line_skips(w, 5, 4);
    assert_line_skips(w, 6, 0);
    assert_line_skips(w, 11, 4);
}

/* What the group has committed beyond the journal was another's to read. */
static void what_was_committed_beyond_the_journal_is_not_said_to_hold_no_record(void **state)
{
    struct world *w = *state;

    w->journal.next[0] = 1;
    w->source.partitions[0].committed = 4;
    fake_source_skip(&w->source, 0, 5);
    add_orders(w, 0, 1);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_line_skips(w, 5, 1);
}

/* ---- skipped offsets ---- */

static void begin_with_orders(struct world *w, int count)
{
    add_orders(w, 0, count);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 100);
    assert_int_equal(w->lines, count);
}

static void offsets_without_a_record_are_checked_and_passed(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    fake_source_skip(&w->source, 0, 4);
    add_orders(w, 0, 2);
    run_for(w, 100);
    assert_int_equal(w->lines, 5);
    assert_int_equal(w->source.partitions[0].checks, 1);
    assert_int_equal(w->source.partitions[0].restarts, 0);
}

static void a_position_that_jumped_over_records_goes_back(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    add_orders(w, 0, 6);
    fake_source_jump(&w->source, 0, 4);
    run_for(w, 100);
    assert_int_equal(w->lines, 9);
    assert_int_equal(committed(w, 0), 9);
    assert_int_equal(w->source.partitions[0].restarts, 1);
    assert_int_equal(fake_log_count(&w->log, EVENT_OFFSETS_JUMPED), 1);
}

static void so_does_one_that_jumped_to_the_end(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    add_orders(w, 0, 6);
    fake_source_jump(&w->source, 0, 6);
    run_for(w, 100);
    assert_int_equal(w->lines, 9);
    assert_int_equal(committed(w, 0), 9);
}

static void nothing_passes_a_jump_before_it_is_checked(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    w->source.partitions[0].answer_checks_at = 1000;
    fake_source_skip(&w->source, 0, 1);
    add_orders(w, 0, 1);
    fake_source_assign(&w->source, 1, 1);
    add_orders(w, 1, 5);
    run_for(w, 5000);
    assert_int_equal(w->lines, 8);
    assert_int_equal(committed(w, 0), 3);
    w->source.partitions[0].answer_checks_at = 0;
    run_for(w, 1000);
    assert_int_equal(w->lines, 9);
}

static void a_partition_is_checked_once_a_second_and_larger_jumps_wait(void **state)
{
    struct world *w = *state;
    const struct fake_partition *p = &w->source.partitions[0];

    begin_with_orders(w, 1);
    for (int i = 0; i < 10; i++) {
        fake_source_skip(&w->source, 0, 2);
        add_orders(w, 0, 1);
    }
    run_for(w, 100);
    assert_int_equal(w->lines, 11);
    assert_int_equal(p->checks, 1);
    fake_source_skip(&w->source, 0, 3);
    add_orders(w, 0, 1);
    run_for(w, 500);
    assert_int_equal(w->lines, 11);
    run_for(w, 1000);
    assert_int_equal(w->lines, 12);
    assert_int_equal(p->checks, 2);
}

static void a_jump_is_dropped_with_its_assignment(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    w->source.partitions[0].answer_checks_at = 1000;
    fake_source_skip(&w->source, 0, 1);
    add_orders(w, 0, 1);
    run_for(w, 1000);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 1000);
    w->source.partitions[0].answer_checks_at = 0;
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 3000);
    assert_int_equal(w->lines, 4);
}

static size_t skip_lines(const struct world *w, const char *range)
{
    char text[64];

    snprintf(text, sizeof(text), "\"journal.skip\",\"kafka_topic\":\"orders\"");
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, text),
                     fake_journal_lines(&w->journal, UINT64_MAX, "journal.skip"));
    return fake_journal_lines(&w->journal, UINT64_MAX, range);
}

/* Behind a line that says so, and is durable: the next to begin there knows nothing of them. */
static void markers_behind_the_last_record_are_journaled_and_committed(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    fake_source_skip(&w->source, 0, 2);
    w->source.partitions[0].told_end = false;
    run_for(w, 1000);
    assert_int_equal(committed(w, 0), 3); /* more may follow */
    w->journal.is_manual = true;
    run_for(w, 2000);
    assert_int_equal(skip_lines(w, "\"from\":3,\"to\":5}"), 1);
    assert_int_equal(committed(w, 0), 3);
    fake_journal_sync(&w->journal);
    run_for(w, 1000);
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(w->journal.next[0], 3);
    w->journal.is_manual = false;
    fake_source_skip(&w->source, 0, 1);
    add_orders(w, 0, 1);
    run_for(w, 3000);
    assert_line_skips(w, 6, 1);
    assert_int_equal(skip_lines(w, "\"from\":"), 1);
}

static void a_stop_and_a_drain_commit_them_at_once(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 2; i++) {
        w->policy.drain = i == 1;
        add_orders(w, 0, 3);
        fake_source_skip(&w->source, 0, 2);
        begin(w);
        fake_source_assign(&w->source, 0, 0);
        settle(w);
        if (i == 0)
            consume_stop(&w->c);
        run_to_end(w, 400);
        assert_int_equal(committed(w, 0), 5);
        assert_int_equal(skip_lines(w, "\"from\":3,\"to\":5}"), 1);
        tear_down(state);
        set_up(state);
        w = *state;
    }
}

/* What it has not journaled is the next member's to skip. */
static void partitions_that_are_given_back_are_not_committed_beyond_their_records(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    fake_source_skip(&w->source, 0, 2);
    w->source.partitions[0].told_end = false;
    run_for(w, 1000);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 3000);
    assert_int_equal(committed(w, 0), 3);
    assert_int_equal(skip_lines(w, "\"from\":"), 0);
}

static void a_stop_ends_where_an_open_transaction_begins(void **state)
{
    struct world *w = *state;

    begin_with_orders(w, 3);
    w->source.partitions[0].in_transaction = 100;
    consume_stop(&w->c);
    run_to_end(w, 400);
    assert_true(consume_is_drained(&w->c));
    assert_int_equal(w->c.left_behind, 0);
}

/* ---- what Kafka holds and what was journaled ---- */

static void an_open_transaction_is_no_recreated_topic(void **state)
{
    struct world *w = *state;

    w->journal.next[0] = 5;
    w->source.partitions[0].committed = 5;
    add_orders(w, 0, 3);
    w->source.partitions[0].in_transaction = 100;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 1000);
    assert_int_equal(w->source.partitions[0].start, 5);
    assert_int_equal(w->lines, 0);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "journal.replay"), 0);
}

/* A broker that is cut off from its controller has the records up to its `stale_end` only. */
static void a_stale_leader_is_not_believed(void **state)
{
    struct world *w = *state;
    struct fake_partition *p = &w->source.partitions[0];

    begin_with_orders(w, 6);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 1000);
    add_orders(w, 0, 2);
    p->is_stale = true;
    p->stale_end = 3;
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 10 * DOUBT_CONFIRM_MS);
    assert_int_equal(w->lines, 6);
    assert_true(fake_log_count(&w->log, EVENT_OFFSETS_DOUBTFUL) >= 2);
    p->is_stale = false;
    run_for(w, 1000);
    assert_int_equal(p->start, 6);
    assert_int_equal(w->lines, 8);
    assert_int_equal(committed(w, 0), 8);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "journal.replay"), 0);
}

static void while_a_leader_is_doubted_the_lag_is_unknown_and_the_lane_blocked(void **state)
{
    struct world *w = *state;
    struct strbuf metrics = {0};

    add_orders(w, 0, 3);
    w->journal.next[0] = 6;
    w->source.partitions[0].committed = 6;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 2000);
    consume_write_metrics(&w->c, &metrics);
    assert_non_null(strstr(strbuf_text(&metrics), "\"lag\":null"));
    assert_non_null(strstr(strbuf_text(&metrics), "\"lanes_blocked\":1"));
    strbuf_release(&metrics);
}

static void a_truncated_log_continues_at_its_end_when_it_grows(void **state)
{
    struct world *w = *state;
    struct fake_partition *p = &w->source.partitions[0];

    begin_with_orders(w, 6);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 1000);
    fake_source_truncate(&w->source, 0, 3);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 2 * DOUBT_CONFIRM_MS);
    assert_int_equal(w->lines, 6);
    p->committed = p->acknowledged = 0; /* it will be replaced */
    memset(&w->told_in[0][3], 0, 3 * sizeof(w->told_in[0][3]));
    w->last_told[0] = 3;
    add_orders(w, 0, 2);
    run_for(w, 2 * DOUBT_CONFIRM_MS);
    assert_int_equal(p->start, 3);
    assert_int_equal(w->lines, 8);
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "journal.replay"), 1);
}

static void a_topic_that_is_recreated_while_it_is_read_is_told_from_its_new_beginning(void **state)
{
    static const int orders[] = {3, 5, 9}; /* in the new topic; five in the old one */
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        int32_t p = (int32_t)i;
        size_t before;

        add_orders(w, p, 5);
        if (i == 0)
            begin(w);
        fake_source_assign(&w->source, p, p);
        run_for(w, 100);
        before = w->lines;
        fake_source_recreate(&w->source, p);
        memset(w->told_in[p], 0, sizeof(w->told_in[p]));
        w->last_told[p] = 0;
        add_orders(w, p, orders[i]);
        run_for(w, DOUBT_CONFIRM_MS + 1000);
        assert_int_equal(w->lines - before, orders[i]);
        assert_int_equal(committed(w, p), orders[i]);
        assert_int_equal(fake_log_count(&w->log, EVENT_TOPIC_RECREATED), i + 1);
    }
}

/* What the group was set back to, and that it was, is told by a line. Until it is durable a restart
 * has to find out again. */
static void a_commit_below_the_journal_is_noted_only_when_its_line_is_durable(void **state)
{
    struct world *w = *state;
    struct fake_partition *p = &w->source.partitions[0];

    fake_source_skip(&w->source, 0, 2);
    add_orders(w, 0, 3);
    p->committed = 2;
    w->journal.is_manual = true;
    w->journal.next[0] = w->journal.committed[0] = 5;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    turn(w);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "journal.replay"), 1);
    assert_int_equal(w->journal.batches[0].mark_count, 1);
    assert_true(w->journal.batches[0].marks[0].is_reset);
    assert_int_equal(w->journal.committed[0], 0);
    p->acknowledged = 1; /* the group's offset is told once more */
    settle(w);
    assert_int_equal(w->journal.committed[0], 0);
    fake_journal_sync(&w->journal);
    run_for(w, 1000);
    assert_int_equal(w->journal.committed[0], 5);
    add_orders(w, 0, 1);
    settle(w);
    assert_false(w->journal.batches[w->journal.count - 1].marks[0].is_reset);
}

/* As after a kill -9 in the middle of it. */
static void a_rewind_goes_on_to_its_end_after_a_restart(void **state)
{
    struct world *w = *state;

    fake_source_skip(&w->source, 0, 2);
    add_orders(w, 0, 6);
    w->source.partitions[0].committed = 2;
    w->journal.next[0] = w->journal.committed[0] = 2;
    w->journal.rewind_end[0] = 5;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_int_equal(w->lines, 6);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "journal.replay"), 0);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "\"replay\":true"), 3);
    assert_int_equal(fake_journal_lines(&w->journal, 1, "\"kafka_offset\":5,"), 1);
    assert_int_equal(w->journal.rewind_end[0], -1);
}

static void a_rewind_within_a_rewind_ends_where_the_first_one_does(void **state)
{
    struct world *w = *state;

    add_orders(w, 0, 6);
    w->source.partitions[0].committed = 1;
    w->journal.next[0] = w->journal.committed[0] = 3;
    w->journal.rewind_end[0] = 5;
    w->journal.is_manual = true;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    turn(w);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "\"from\":1,\"to\":5}"), 1);
    assert_int_equal(fake_journal_lines(&w->journal, UINT64_MAX, "\"replay\":true"), 4);
    assert_int_equal(w->lines, 5);
}

static void the_journal_hears_of_a_rewind_and_of_the_last_records_time(void **state)
{
    struct world *w = *state;

    fake_source_skip(&w->source, 0, 1);
    add_orders(w, 0, 2);
    w->source.partitions[0].committed = 1;
    w->journal.next[0] = w->journal.committed[0] = 9;
    w->source.partitions[0].end = 9; /* more records than came so far */
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_int_equal(w->lines, 2);
    assert_int_equal(w->journal.next[0], 3);
    assert_int_equal(w->journal.rewind_end[0], 9);
    assert_int_equal(w->journal.timestamp_ms[0], FAKE_SOURCE_TIME_MS + 2);
}

static void an_end_before_what_was_read_does_not_set_a_lane_back(void **state)
{
    struct world *w = *state;

    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 100);
    w->source.partitions[0].end = 0;
    w->source.partitions[0].told_end = false;
    run_for(w, 100);
    assert_int_equal(lanes_find(&w->c.lanes, 0)->position, 5);
}

static void with_no_partitions_there_is_nothing_to_do(void **state)
{
    struct world *w = *state;

    begin(w);
    run_for(w, 60000);
    assert_int_equal(w->lines, 0);
    fake_source_assign(&w->source, 0, -1);
    run_for(w, 1000);
    assert_int_equal(w->c.lanes.count, 0);
}

static void a_dead_source_ends_the_flow(void **state)
{
    struct world *w = *state;
    struct err e = {0};

    w->source.fail_serve_at = 3;
    add_orders(w, 0, 1);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    turn(w);
    turn(w);
    assert_int_equal(consume_turn(&w->c, &e), -1);
    assert_string_equal(e.text, "the source is dead");
    assert_false(consume_is_drained(&w->c));
}

/* ---- memory ---- */

static void nothing_is_read_while_half_of_the_memory_waits_for_the_disk(void **state)
{
    struct world *w = *state;

    add_orders(w, 0, 10);
    w->journal.extra_bytes = (1 << 19) + 1;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 10000);
    assert_int_equal(w->source.partitions[0].fetches, 0);
    assert_true(w->journal.hurries > 0);
    w->journal.extra_bytes = 1 << 19;
    settle(w);
    assert_true(w->lines > 0);
    w->journal.extra_bytes = 0;
    settle(w);
    assert_int_equal(committed(w, 0), 10);
}

/* Invariant 7. The journal is slow; beside the half that is for lines there is at most one batch
 * and one record. */
static void a_burst_of_large_records_stays_within_the_memory(void **state)
{
    struct world *w = *state;
    char *large = mem_alloc(200000);
    size_t most = 0;

    memset(large, 'x', 199999);
    for (int i = 0; i < 60; i++)
        fake_source_add(&w->source, i % 2, large);
    free(large);
    w->policy.lane.dlq_topic = NULL;
    w->journal.is_manual = true;
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    for (int i = 0; i < 200; i++) {
        size_t buffered;

        turn(w);
        buffered = w->journal_port.buffered_bytes(&w->journal);
        most = buffered > most ? buffered : most;
        if (i % 5 == 4)
            fake_journal_sync(&w->journal);
        fake_clock_advance(&w->clock, 50);
    }
    assert_int_equal(w->dropped, 60);
    assert_in_range(most, 1, (1 << 19) + (1 << 18) + 201000);
}

static void with_little_room_all_partitions_have_their_turns(void **state)
{
    struct world *w = *state;
    char *large = mem_alloc(200000);

    memset(large, 'x', 199999);
    for (int i = 0; i < 40; i++)
        fake_source_add(&w->source, i % 4, large);
    free(large);
    w->policy.lane.dlq_topic = NULL;
    w->policy.max_buffered_bytes = 1000;
    w->journal.is_manual = true;
    begin(w);
    fake_source_assign(&w->source, 0, 3);
    while (w->lines < 16) {
        turn(w);
        fake_journal_sync(&w->journal);
    }
    for (int p = 0; p < 4; p++)
        assert_in_range(w->last_told[p], 2, 7);
}

static void however_little_memory_is_allowed_records_go_through(void **state)
{
    struct world *w = *state;

    w->policy.max_buffered_bytes = 1;
    add_orders(w, 0, 500);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 600000);
    assert_int_equal(committed(w, 0), 500);
}

/* ---- the disk ---- */

static void a_blocked_journal_stops_the_reading_until_it_goes_on(void **state)
{
    struct world *w = *state;

    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    w->journal.state = JOURNAL_BLOCKED;
    run_for(w, 60000);
    assert_int_equal(w->source.partitions[0].fetches, 0);
    assert_int_equal(fake_log_count(&w->log, EVENT_JOURNAL_BLOCKED), 1);
    w->journal.state = JOURNAL_RUNNING;
    run_for(w, 1000);
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(fake_log_count(&w->log, EVENT_JOURNAL_UNBLOCKED), 1);
}

static void a_failed_journal_ends_the_flow_and_nothing_more_is_stored(void **state)
{
    struct world *w = *state;
    struct err e = {0};

    add_orders(w, 0, 5);
    w->journal.is_manual = true;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    w->journal.state = JOURNAL_FAILED;
    fake_journal_sync(&w->journal); /* whatever it says of its lines: it is not to be trusted */
    assert_int_equal(consume_turn(&w->c, &e), -1);
    assert_string_equal(e.text, "journal: the disk has gone");
    end(w);
    assert_int_equal(committed(w, 0), 0);
}

/* ---- rebalance ---- */

static void partitions_are_given_back_when_what_was_told_is_durable_and_stored(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 5);
    add_orders(w, 1, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    add_orders(w, 0, 5);
    add_orders(w, 1, 5);
    run_for(w, 1000);
    assert_int_equal(w->source.releases, 0);
    assert_true(w->journal.hurries > 0);
    assert_int_equal(w->lines, 15); /* nothing more of partition 0, all of partition 1 */
    fake_journal_sync(&w->journal);
    settle(w);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(w->c.lanes.count, 1);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_journal_sync(&w->journal);
    settle(w);
    assert_int_equal(committed(w, 0), 10);
    assert_int_equal(committed(w, 1), 10);
}

static void a_disk_that_does_not_answer_holds_partitions_for_two_seconds_at_most(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 1999);
    assert_int_equal(w->source.releases, 0);
    run_for(w, 1);
    assert_int_equal(w->source.releases, 1);
    fake_journal_sync(&w->journal);
    settle(w);
    assert_int_equal(committed(w, 0), 0);
    /* They come again: the journal knows that it told them. */
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    assert_int_equal(w->source.partitions[0].start, 5);
    assert_int_equal(w->lines, 5);
}

static void what_runs_when_partitions_go_has_a_moment_to_end(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 1500};
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 1000);
    assert_int_equal(w->source.releases, 0);
    run_for(w, 600);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(committed(w, 0), 1);
    assert_int_equal(w->processor.starts, 1);
}

static void what_runs_too_long_is_left(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 1500000};
    w->sink.otherwise.report_later = true;
    add_orders(w, 0, 5);
    fake_source_add(&w->source, 1, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    fake_source_revoke(&w->source, 0, 1, false);
    run_for(w, 2000);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(w->lines, 0);
    assert_int_equal(w->processor.cancels, 1);
    assert_int_equal(w->source.outstanding, 0);
}

static void a_retry_that_waits_is_left_at_once_when_its_partition_goes(void **state)
{
    struct world *w = *state;

    w->processor.otherwise.verdict = ATTEMPT_RETRY;
    w->policy.lane.retry.max_attempts = 2;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    settle(w);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(w->processor.starts, 1);
    assert_int_equal(w->sink.count, 0);
    assert_int_equal(w->lines, 0);
}

static void nothing_is_stored_for_partitions_that_are_lost(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    w->sink.otherwise.report_later = true;
    add_orders(w, 0, 5);
    fake_source_add(&w->source, 1, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    fake_source_revoke(&w->source, 0, 1, true);
    fake_journal_sync(&w->journal);
    turn(w);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(committed(w, 0), 0);
    assert_int_equal(w->source.outstanding, 0);
    assert_int_equal(fake_log_count(&w->log, EVENT_PARTITION_LOST), 1);
}

static void a_report_for_an_earlier_assignment_is_not_believed(void **state)
{
    struct world *w = *state;

    w->sink.otherwise.report_later = true;
    fake_source_add(&w->source, 0, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, true);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 1000);
    assert_int_equal(w->sink.count, 2);
    fake_sink_report(&w->sink, 0, SINK_OK);
    settle(w);
    assert_int_equal(w->lines, 0);
    fake_sink_report(&w->sink, 1, SINK_OK);
    settle(w);
    assert_int_equal(w->dead_lettered, 1);
    assert_int_equal(committed(w, 0), 1);
}

static void an_answer_for_an_earlier_assignment_is_never_asked_for(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    add_orders(w, 0, 1);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, true);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 1000);
    assert_int_equal(w->processor.cancels, 1);
    assert_int_equal(w->processor.pending_count, 1);
    fake_processor_answer(&w->processor, ATTEMPT_OK);
    settle(w);
    assert_int_equal(committed(w, 0), 1);
}

static void what_an_attempt_borrowed_stays_when_partitions_come_and_go(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    for (int32_t p = 0; p < FAKE_PARTITIONS; p++)
        add_orders(w, p, 1);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    fake_source_assign(&w->source, 2, FAKE_PARTITIONS - 1);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, true);
    settle(w);
    assert_int_equal(w->processor.pending_count, FAKE_PARTITIONS - 1);
    for (int32_t p = 1; p < FAKE_PARTITIONS; p++) {
        fake_processor_answer(&w->processor, ATTEMPT_OK);
        settle(w);
    }
    assert_int_equal(w->processed, FAKE_PARTITIONS - 1);
}

/* ---- stop ---- */

static void a_stop_handles_what_is_there_and_nothing_that_comes_later(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 10};
    add_orders(w, 0, 20);
    add_orders(w, 1, 20);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    consume_stop(&w->c);
    add_orders(w, 0, 20);
    run_to_end(w, 1000);
    assert_int_equal(w->lines, 40);
    assert_int_equal(committed(w, 0), 20);
    assert_int_equal(committed(w, 1), 20);
    assert_true(consume_is_drained(&w->c));
    assert_int_equal(w->c.left_behind, 0);
}

static void a_stop_waits_for_the_disk(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    run_for(w, 1500);
    assert_false(consume_is_done(&w->c));
    assert_true(w->journal.hurries > 0);
    fake_journal_sync(&w->journal);
    run_to_end(w, 400);
    assert_int_equal(committed(w, 0), 5);
    assert_true(consume_is_drained(&w->c));
}

static void a_stop_does_not_wait_for_ever_for_the_disk(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 2);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_journal_sync(&w->journal);
    add_orders(w, 0, 5);
    run_for(w, 300);
    w->journal.state = JOURNAL_BLOCKED;
    add_orders(w, 0, 3);
    consume_stop(&w->c);
    run_to_end(w, w->policy.drain_timeout_ms + 3000);
    assert_int_equal(committed(w, 0), 2);
    assert_int_equal(w->c.left_behind, 8);
    assert_false(consume_is_drained(&w->c));
}

/* Invariant 5. */
static void at_a_stop_a_retry_has_one_more_attempt_at_once_and_is_left(void **state)
{
    static const int max_attempts[] = {2, 3, 10};

    for (size_t i = 0; i < 3; i++) {
        struct world *w = *state;

        w->processor.otherwise.verdict = ATTEMPT_RETRY;
        w->policy.lane.retry.max_attempts = max_attempts[i];
        w->policy.lane.retry.max_elapsed_ms = i == 2 ? 1001 : 0;
        add_orders(w, 0, 5);
        begin(w);
        fake_source_assign(&w->source, 0, 0);
        settle(w);
        consume_stop(&w->c);
        assert_int_equal(run_to_end(w, 1000), 0);
        assert_int_equal(w->processor.starts, 2);
        assert_int_equal(w->sink.count, 0);
        assert_int_equal(w->lines, 0);
        assert_int_equal(w->c.left_behind, 5);
        assert_false(consume_is_drained(&w->c));
        if (i < 2) {
            tear_down(state);
            set_up(state);
        }
    }
}

static void at_a_stop_a_retry_that_succeeds_lets_the_rest_be_handled(void **state)
{
    static const struct fake_answer steps[] = {{.verdict = ATTEMPT_RETRY}};
    struct world *w = *state;

    w->processor.steps = steps;
    w->processor.step_count = 1;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    assert_int_equal(run_to_end(w, 1000), 0);
    assert_int_equal(committed(w, 0), 5);
    assert_true(consume_is_drained(&w->c));
}

static void a_later_answer_to_the_last_attempt_does_not_make_a_dead_letter(void **state)
{
    static const struct fake_answer steps[] = {{.verdict = ATTEMPT_RETRY}};
    struct world *w = *state;

    w->processor.steps = steps;
    w->processor.step_count = 1;
    w->processor.otherwise =
        (struct fake_answer){.verdict = ATTEMPT_RETRY, .later = true, .after_ms = 50};
    w->policy.lane.retry.max_attempts = 2;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    run_to_end(w, 1000);
    assert_int_equal(w->processor.starts, 2);
    assert_int_equal(w->sink.count, 0);
    assert_int_equal(w->c.left_behind, 5);
}

static void a_stop_waits_for_a_dead_letter_on_its_way(void **state)
{
    struct world *w = *state;

    w->sink.otherwise.report_later = true;
    fake_source_add(&w->source, 0, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    run_for(w, 5000);
    assert_false(consume_is_done(&w->c));
    fake_sink_report(&w->sink, 0, SINK_OK);
    run_to_end(w, 400);
    assert_int_equal(committed(w, 0), 1);
    assert_true(consume_is_drained(&w->c));
}

static void a_stop_ends_in_its_time_and_counts_what_is_left(void **state)
{
    struct world *w = *state;

    w->sink.otherwise = (struct fake_send){.result = SEND_FAILED, .status = SINK_TROUBLE};
    fake_source_add(&w->source, 0, "broken");
    add_orders(w, 0, 6);
    add_orders(w, 1, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    consume_stop(&w->c);
    assert_int_equal(run_to_end(w, 20000), w->policy.drain_timeout_ms);
    assert_int_equal(w->c.left_behind, 7);
    assert_int_equal(committed(w, 0), 0);
    assert_int_equal(committed(w, 1), 3);
    assert_false(consume_is_drained(&w->c));
}

static void a_second_stop_waits_for_nothing_but_the_disk(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 3000};
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 3001);
    assert_int_equal(w->lines, 1);
    consume_stop(&w->c);
    consume_stop(&w->c);
    fake_source_add(&w->source, 0, VALID_ORDER);
    settle(w);
    assert_false(consume_is_done(&w->c));
    fake_journal_sync(&w->journal);
    run_to_end(w, 400);
    assert_int_equal(w->lines, 1);
    assert_int_equal(committed(w, 0), 1);
    assert_int_equal(w->c.left_behind, 4);
    assert_int_equal(w->processor.pending_count, 0);
}

static void a_report_after_a_second_stop_changes_nothing(void **state)
{
    struct world *w = *state;

    w->sink.otherwise.report_later = true;
    fake_source_add(&w->source, 0, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    consume_stop(&w->c);
    fake_sink_report(&w->sink, 0, SINK_OK);
    run_to_end(w, 400);
    assert_int_equal(w->journal.count, 0);
    assert_int_equal(committed(w, 0), 0);
    assert_int_equal(w->c.left_behind, 1);
}

static void a_stop_before_any_assignment_is_done_at_once(void **state)
{
    struct world *w = *state;

    begin(w);
    turn(w);
    consume_stop(&w->c);
    assert_int_equal(run_to_end(w, 1000), 0);
    assert_true(consume_is_drained(&w->c));
}

static void a_stop_does_not_wait_for_a_partition_that_nothing_is_known_of(void **state)
{
    struct world *w = *state;

    w->source.hides_watermarks = true;
    w->source.partitions[0].is_slow = true;
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    consume_stop(&w->c);
    assert_int_equal(run_to_end(w, 1000), 0);
}

static void a_stop_during_a_rebalance_gives_the_partitions_back_first(void **state)
{
    struct world *w = *state;

    w->journal.is_manual = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    settle(w);
    fake_source_revoke(&w->source, 0, 0, false);
    turn(w);
    consume_stop(&w->c);
    run_for(w, 500);
    assert_false(consume_is_done(&w->c));
    fake_journal_sync(&w->journal);
    run_to_end(w, 400);
    assert_int_equal(w->source.releases, 1);
    assert_int_equal(committed(w, 0), 5);
}

/* ---- --drain ---- */

static void a_drain_ends_at_the_ends_as_they_were_at_the_start(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 10};
    add_orders(w, 0, 20);
    add_orders(w, 2, 30);
    fake_source_skip(&w->source, 2, 2); /* ends in offsets that are never seen */
    begin(w);
    run_for(w, 5000); /* an assignment may take its time */
    assert_false(consume_is_done(&w->c));
    fake_source_assign(&w->source, 0, 2);
    settle(w);
    add_orders(w, 0, 100);
    add_orders(w, 1, 100);
    run_to_end(w, 2000);
    assert_int_equal(w->lines, 50);
    assert_int_equal(committed(w, 0), 20);
    assert_int_equal(committed(w, 1), 0);
    assert_true(consume_is_drained(&w->c));
}

static void a_drain_of_nothing_ends(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    begin(w);
    fake_source_assign(&w->source, 0, -1);
    run_to_end(w, 1000);
    assert_true(consume_is_drained(&w->c));
}

/* Its topic may not even be there. */
static void a_drain_that_is_stopped_before_it_has_partitions_has_not_drained(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    begin(w);
    run_for(w, 5000);
    consume_stop(&w->c);
    run_to_end(w, 1000);
    assert_false(consume_is_drained(&w->c));
}

static void a_drain_waits_until_the_ends_are_known(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    w->source.hides_watermarks = true;
    w->source.partitions[0].is_slow = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 60000);
    assert_false(consume_is_done(&w->c));
    w->source.hides_watermarks = false;
    w->source.partitions[0].is_slow = false;
    run_to_end(w, 1000);
    assert_int_equal(committed(w, 0), 5);
}

/* It has no leader: the others are handled meanwhile, and it is not taken for an empty one. */
static void a_drain_waits_for_a_partition_of_which_nothing_is_known(void **state)
{
    struct world *w = *state;
    struct strbuf metrics = {0};

    w->policy.drain = true;
    w->source.partitions[1].is_unknown = true;
    add_orders(w, 0, 5);
    add_orders(w, 1, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_for(w, 60000);
    assert_false(consume_is_done(&w->c));
    assert_int_equal(committed(w, 0), 5);
    assert_int_equal(committed(w, 1), 0);
    consume_write_metrics(&w->c, &metrics);
    assert_non_null(strstr(strbuf_text(&metrics), "\"lag\":null"));
    strbuf_release(&metrics);
    w->source.partitions[1].is_unknown = false;
    fake_source_assign(&w->source, 1, 1);
    run_to_end(w, 1000);
    assert_int_equal(committed(w, 1), 3);
    assert_int_equal(w->lines, 8);
    assert_true(consume_is_drained(&w->c));
}

static void stop_beside_a_partition_of_which_nothing_is_known(struct world *w)
{
    w->source.partitions[1].is_unknown = true;
    add_orders(w, 0, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    settle(w);
    consume_stop(&w->c);
    run_to_end(w, 400);
    assert_int_equal(committed(w, 0), 5);
}

static void a_stop_does_not_wait_for_an_unknown_partition_but_has_not_drained(void **state)
{
    struct world *w = *state;

    stop_beside_a_partition_of_which_nothing_is_known(w);
    assert_false(consume_is_drained(&w->c));
}

static void nor_does_a_drain_that_is_stopped(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    stop_beside_a_partition_of_which_nothing_is_known(w);
    assert_false(consume_is_drained(&w->c));
}

static void a_drain_keeps_the_backoff_and_may_make_dead_letters(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    w->processor.otherwise.verdict = ATTEMPT_RETRY;
    add_orders(w, 0, 1);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    assert_true(run_to_end(w, 10000) >= 3000);
    assert_int_equal(w->dead_lettered, 1);
    assert_int_equal(committed(w, 0), 1);
}

/* With an eager assignor all partitions go before some of them come back. */
static void a_drain_does_not_end_between_two_assignments(void **state)
{
    struct world *w = *state;

    w->policy.drain = true;
    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = 10};
    add_orders(w, 0, 20);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 50);
    fake_source_revoke(&w->source, 0, 0, false);
    run_for(w, 5000);
    assert_false(consume_is_done(&w->c));
    fake_source_assign(&w->source, 0, 0);
    run_to_end(w, 1000);
    assert_int_equal(committed(w, 0), 20);
}

/* ---- without dead letters ---- */

static void a_record_that_fails_without_dead_letters_stops_the_tracker_if_told_to(void **state)
{
    struct world *w = *state;

    w->policy.lane.dlq_topic = NULL;
    w->policy.lane.halt_without_dlq = true;
    add_orders(w, 0, 3);
    fake_source_add(&w->source, 0, "broken");
    add_orders(w, 0, 3);
    add_orders(w, 1, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_to_end(w, 1000);
    assert_true(w->c.has_failed);
    assert_non_null(strstr(w->c.failure.text, "orders/0 offset 3: "));
    assert_false(consume_is_drained(&w->c));
    assert_int_equal(committed(w, 0), 3);
    assert_int_equal(w->last_told[0], 3);
}

static void a_retry_that_ends_in_a_halt_stops_the_tracker_too(void **state)
{
    struct world *w = *state;

    w->policy.lane.dlq_topic = NULL;
    w->policy.lane.halt_without_dlq = true;
    w->processor.otherwise.verdict = ATTEMPT_RETRY;
    add_orders(w, 0, 3);
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    assert_int_equal(run_to_end(w, 10000), 3000);
    assert_true(w->c.has_failed);
    assert_int_equal(w->lines, 0);
}

/* ---- metrics ---- */

static void the_metrics_are_logged_at_their_interval(void **state)
{
    struct world *w = *state;
    const struct fake_log_entry *entry;

    w->sink.otherwise.report_later = true;
    w->processor.decide = fail_in_partition_0;
    w->policy.lane.retry.initial_delay_ms = w->policy.lane.retry.max_delay_ms = 1000000;
    add_orders(w, 0, 3);
    add_orders(w, 1, 4);
    fake_source_add(&w->source, 1, "broken");
    add_orders(w, 1, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_for(w, 9999);
    assert_int_equal(fake_log_count(&w->log, EVENT_TRACKER_METRICS), 0);
    run_for(w, 20001);
    assert_in_range(fake_log_count(&w->log, EVENT_TRACKER_METRICS), 2, 3);
    entry = fake_log_last(&w->log, EVENT_TRACKER_METRICS);
    assert_non_null(strstr(entry->fields, "\"messages_received\":4,\"messages_processed\":4,"));
    assert_non_null(strstr(entry->fields, "\"lag\":7,"));
    assert_non_null(strstr(entry->fields, "\"lanes_waiting\":1,\"lanes_blocked\":0,"
                                          "\"dlq_pending\":1"));
    fake_sink_report(&w->sink, 0, SINK_OK);
}

/* Nobody says why: the sink has it and does not report. */
static void a_dead_letter_that_waits_too_long_is_told_once_and_its_end_once(void **state)
{
    const enum log_event_id told = EVENT_DEAD_LETTER_DELAYED;
    const enum log_event_id over = EVENT_DEAD_LETTER_NOT_DELAYED;
    struct world *w = *state;
    const struct fake_log_entry *entry;

    w->sink.otherwise.report_later = true;
    add_orders(w, 0, 2);
    fake_source_add(&w->source, 0, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_for(w, 9000);
    fake_source_add(&w->source, 1, "broken");
    assert_int_equal(fake_log_count(&w->log, told), 0);
    run_for(w, 60000);
    assert_int_equal(fake_log_count(&w->log, told), 1);
    entry = fake_log_last(&w->log, told);
    assert_int_equal(entry->level, LOG_WARN);
    assert_non_null(strstr(entry->fields, "count=1 partition=0 offset=2 waiting_ms=10"));
    fake_sink_report(&w->sink, 0, SINK_OK);
    run_for(w, 1000);
    assert_int_equal(fake_log_count(&w->log, over), 0);
    fake_sink_report(&w->sink, 1, SINK_OK);
    run_for(w, 60000);
    assert_int_equal(fake_log_count(&w->log, over), 1);
    assert_int_equal(fake_log_count(&w->log, told), 1);
    assert_int_equal(committed(w, 0), 3);
}

static void a_dead_letter_that_is_acknowledged_soon_is_not_told(void **state)
{
    struct world *w = *state;

    fake_source_add(&w->source, 0, "broken");
    begin(w);
    fake_source_assign(&w->source, 0, 0);
    run_for(w, 60000);
    assert_int_equal(w->dead_lettered, 1);
    assert_int_equal(fake_log_count(&w->log, EVENT_DEAD_LETTER_DELAYED), 0);
}

static struct fake_answer unavailable_in_two(void *ctx, const struct attempt *a)
{
    const bool *is_down = ctx;

    return (struct fake_answer){
        .verdict = *is_down && a->message->partition < 2 ? ATTEMPT_UNAVAILABLE : ATTEMPT_OK};
}

static void an_unavailable_processor_is_reported_once_and_so_is_its_return(void **state)
{
    const enum log_event_id down = EVENT_PROCESSOR_UNAVAILABLE;
    const enum log_event_id up = EVENT_PROCESSOR_AVAILABLE;
    struct world *w = *state;
    struct strbuf metrics = {0};
    bool is_down = true;

    w->processor.decide = unavailable_in_two;
    w->processor.decide_ctx = &is_down;
    for (int32_t p = 0; p < 3; p++)
        add_orders(w, p, 5);
    begin(w);
    fake_source_assign(&w->source, 0, 2);
    run_for(w, 600000);
    assert_int_equal(fake_log_count(&w->log, down), 1);
    assert_int_equal(fake_log_last(&w->log, down)->level, LOG_ERROR);
    assert_int_equal(fake_log_count(&w->log, up), 0);
    assert_int_equal(w->lines, 5);
    assert_int_equal(w->sink.count, 0);
    consume_write_metrics(&w->c, &metrics);
    assert_non_null(strstr(metrics.data, "\"lanes_blocked\":2"));
    assert_non_null(strstr(metrics.data, "\"processor_unavailable\":true"));
    assert_non_null(strstr(metrics.data, "\"head_of_line_ms\":600000"));
    assert_non_null(strstr(metrics.data, "\"head_of_line_offset\":0"));
    is_down = false;
    run_for(w, 30000);
    assert_int_equal(fake_log_count(&w->log, up), 1);
    assert_int_equal(w->lines, 15);
    assert_int_equal(w->c.metrics.retried, 0);
    strbuf_release(&metrics);
}

static void a_key_that_fails_for_ever_holds_no_other_until_the_window_is_full(void **state)
{
    struct world *w = *state;
    struct strbuf metrics = {0};

    w->processor.decide = fail_in_partition_0;
    w->policy.lane.retry.max_attempts = 1000000;
    w->policy.lane.ordering = LANE_ORDER_KEY;
    w->policy.lane.window = 100;
    w->policy.max_buffered_bytes = 1 << 25;
    for (int32_t p = 0; p < 2; p++)
        add_orders(w, p, 150);
    begin(w);
    fake_source_assign(&w->source, 0, 1);
    run_for(w, 20000);
    assert_int_equal(w->lines, 150);
    assert_int_equal(w->source.outstanding, 100);
    consume_write_metrics(&w->c, &metrics);
    assert_non_null(strstr(metrics.data, "\"head_of_line_partition\":0,\"head_of_line_offset\":0"));
    strbuf_release(&metrics);
    w->processor.decide = NULL;
    run_for(w, 20000);
    assert_int_equal(w->lines, 300);
}

static void the_windows_are_bounded_by_bytes_too(void **state)
{
    struct world *w = *state;

    w->processor.otherwise = (struct fake_answer){.later = true, .after_ms = -1};
    w->policy.lane.ordering = LANE_ORDER_NONE;
    w->policy.lane.window = 1000000;
    for (int32_t p = 0; p < 3; p++)
        add_orders(w, p, 500);
    begin(w);
    fake_source_assign(&w->source, 0, 2);
    run_for(w, 10000);
    for (int32_t p = 0; p < 3; p++)
        assert_in_range(lanes_find(&w->c.lanes, p)->slots.count, 2, 20);
    assert_in_range(w->c.env.pool.held_bytes, 1 << 17, (1 << 18) + 3 * 20000);
    consume_stop(&w->c);
    run_for(w, 11000);
}

/* ---- anything at any time ---- */

struct random_processor {
    struct rng *rng;
    const struct fake_processor *processor;
    const struct consume_policy *policy;
};

/* No attempt for a neighbour is under way. */
static void assert_order(const struct random_processor *r, const struct attempt *a)
{
    const struct message *m = a->message;

    assert_true(r->policy->lane.max_in_flight == 0 ||
                r->processor->pending_count < r->policy->lane.max_in_flight);
    for (size_t i = 0; i < r->processor->pending_count; i++) {
        const struct message *other = r->processor->pending[i].attempt.message;

        if (other->partition != m->partition)
            continue;
        assert_true(r->policy->lane.ordering != LANE_ORDER_PARTITION);
        assert_true(r->policy->lane.ordering == LANE_ORDER_NONE || other->key_len != m->key_len ||
                    memcmp(other->key, m->key, m->key_len) != 0);
    }
}

static struct fake_answer random_answer(void *ctx, const struct attempt *a)
{
    const struct random_processor *r = ctx;
    int64_t n = rng_range(r->rng, 0, 99);

    assert_order(r, a);
    return (struct fake_answer){
        .verdict = n < 70   ? ATTEMPT_OK
                   : n < 92 ? ATTEMPT_RETRY
                   : n < 96 ? ATTEMPT_REJECT
                            : ATTEMPT_UNAVAILABLE,
        .later = rng_range(r->rng, 0, 2) == 0,
        .after_ms = rng_range(r->rng, 0, 3000),
        .is_full = rng_range(r->rng, 0, 9) == 0,
    };
}

static struct fake_send random_send(void *ctx, const struct outgoing *o)
{
    struct rng *rng = ctx;
    int64_t n = rng_range(rng, 0, 99);

    (void)o;
    return (struct fake_send){
        .result = n < 80   ? SEND_TAKEN
                  : n < 90 ? SEND_FULL
                           : SEND_FAILED,
        .status = n < 70 || (n >= 80 && n < 90) ? SINK_OK
                  : n % 2                       ? SINK_TROUBLE
                                                : SINK_TOO_LARGE,
        .report_later = rng_range(rng, 0, 1) == 0,
    };
}

static void report_some(struct world *w, struct rng *rng)
{
    for (size_t i = 0; i < w->sink.count; i++)
        if (!w->sink.sent[i].is_reported && w->sink.sent[i].met.report_later &&
            rng_range(rng, 0, 3) == 0)
            fake_sink_report(&w->sink, i, rng_range(rng, 0, 3) ? SINK_OK : SINK_TROUBLE);
}

/* One thing happens. */
static void stir(struct world *w, struct rng *rng)
{
    int32_t p = (int32_t)rng_range(rng, 0, 3);
    const struct fake_partition *partition = &w->source.partitions[p];

    switch (rng_range(rng, 0, 9)) {
    case 0:
    case 1:
    case 2:
        if (partition->end < 300) {
            const char *value = rng_range(rng, 0, 9) ? VALID_ORDER : NULL;

            fake_source_add_bytes(&w->source, p, "kkk", (size_t)rng_range(rng, 1, 3), value,
                                  value ? strlen(value) : 0);
        }
        break;
    case 3:
        if (partition->end < 300)
            fake_source_skip(&w->source, p, rng_range(rng, 0, 2));
        break;
    case 4:
        if (w->source.event_count > 0 || rng_range(rng, 0, 9) > 0)
            break;
        if (partition->is_ours && !partition->is_asked_back)
            fake_source_revoke(&w->source, p, p, rng_range(rng, 0, 1) == 0);
        else if (!partition->is_ours)
            fake_source_assign(&w->source, p, p);
        break;
    case 5:
        if (w->journal.durable < w->journal.count)
            w->journal.durable++;
        break;
    case 6:
        w->journal.state = rng_range(rng, 0, 3) ? JOURNAL_RUNNING : JOURNAL_BLOCKED;
        break;
    default:
        report_some(w, rng);
        fake_clock_advance(&w->clock, rng_range(rng, 0, 300));
        break;
    }
}

/* All is well again; all partitions are ours or not, as it comes. Nothing is lost. */
static void calm_down(struct world *w)
{
    w->journal.state = JOURNAL_RUNNING;
    w->journal.is_manual = false;
    w->processor.decide = NULL;
    w->sink.decide = NULL;
    for (size_t i = 0; i < w->sink.count; i++)
        w->sink.sent[i].met.report_later = false;
    run_for(w, 10000);
    for (int32_t p = 0; p < 4; p++)
        if (!w->source.partitions[p].is_ours)
            fake_source_assign(&w->source, p, p);
    run_for(w, 60000);
    for (int32_t p = 0; p < 4; p++) {
        const struct fake_partition *partition = &w->source.partitions[p];

        for (size_t i = 0; i < partition->count; i++)
            assert_true(w->told_in[p][partition->records[i].offset] > 0);
        if (partition->count > 0)
            assert_true(committed(w, p) > partition->records[partition->count - 1].offset);
    }
}

/* The witness looks on. */
static void whatever_happens_the_invariants_hold(void **state)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct world *w = *state;
        struct rng rng;
        struct random_processor processor = {
            .rng = &rng, .processor = &w->processor, .policy = &w->policy};

        rng_seed(&rng, seed);
        w->processor.decide = random_answer;
        w->processor.decide_ctx = &processor;
        w->policy.lane.ordering = (enum lane_ordering)rng_range(&rng, 0, 2);
        w->policy.lane.window = (size_t)rng_range(&rng, 1, 20);
        w->policy.lane.max_in_flight = (size_t)rng_range(&rng, 0, 10);
        w->policy.lane.breaker =
            (struct breaker_policy){.consecutive = 20, .share = 1, .window = 1000, .pause_ms = 500};
        w->sink.decide = random_send;
        w->sink.decide_ctx = &rng;
        w->journal.is_manual = true;
        w->policy.max_buffered_bytes = (size_t)rng_range(&rng, 1, 20000);
        begin(w);
        fake_source_assign(&w->source, 0, 2);
        for (int i = 0; i < 2000; i++) {
            stir(w, &rng);
            if (i % 3 == 0)
                turn(w);
        }
        if (seed % 3 == 0) {
            consume_stop(&w->c);
            for (int i = 0; i < 2000 && !consume_is_done(&w->c); i++) {
                stir(w, &rng);
                turn(w);
            }
        } else {
            calm_down(w);
        }
        if (seed < 150) {
            tear_down(state);
            set_up(state);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_record_of_every_partition_is_told_once_in_order_and_stored),
        TEST(an_offset_is_stored_when_its_batch_is_durable_and_not_before),
        TEST(a_record_that_waits_is_not_stored_over),
        TEST(what_the_journal_tells_beyond_the_group_is_stored_at_once),
        TEST(what_a_lost_assignment_told_is_stored_by_the_next_when_it_is_durable),
        TEST(one_partition_that_waits_does_not_hold_the_others),
        TEST(a_blocked_dead_letter_does_not_hold_the_others_and_is_never_given_up),
        TEST(the_source_is_served_between_bursts_of_a_busy_partition),
        TEST(a_turn_ends_in_time_however_slow_the_records_are),
        TEST(a_record_that_was_read_beyond_is_left_out_and_that_is_said),
        TEST(a_line_says_how_many_offsets_before_it_held_no_record),
        TEST(what_was_committed_beyond_the_journal_is_not_said_to_hold_no_record),
        TEST(offsets_without_a_record_are_checked_and_passed),
        TEST(a_position_that_jumped_over_records_goes_back),
        TEST(so_does_one_that_jumped_to_the_end),
        TEST(nothing_passes_a_jump_before_it_is_checked),
        TEST(a_partition_is_checked_once_a_second_and_larger_jumps_wait),
        TEST(a_jump_is_dropped_with_its_assignment),
        TEST(markers_behind_the_last_record_are_journaled_and_committed),
        TEST(a_stop_and_a_drain_commit_them_at_once),
        TEST(partitions_that_are_given_back_are_not_committed_beyond_their_records),
        TEST(a_stop_ends_where_an_open_transaction_begins),
        TEST(an_open_transaction_is_no_recreated_topic),
        TEST(a_stale_leader_is_not_believed),
        TEST(while_a_leader_is_doubted_the_lag_is_unknown_and_the_lane_blocked),
        TEST(a_truncated_log_continues_at_its_end_when_it_grows),
        TEST(a_topic_that_is_recreated_while_it_is_read_is_told_from_its_new_beginning),
        TEST(a_commit_below_the_journal_is_noted_only_when_its_line_is_durable),
        TEST(a_rewind_goes_on_to_its_end_after_a_restart),
        TEST(a_rewind_within_a_rewind_ends_where_the_first_one_does),
        TEST(the_journal_hears_of_a_rewind_and_of_the_last_records_time),
        TEST(an_end_before_what_was_read_does_not_set_a_lane_back),
        TEST(with_no_partitions_there_is_nothing_to_do),
        TEST(a_dead_source_ends_the_flow),
        TEST(nothing_is_read_while_half_of_the_memory_waits_for_the_disk),
        TEST(a_burst_of_large_records_stays_within_the_memory),
        TEST(with_little_room_all_partitions_have_their_turns),
        TEST(however_little_memory_is_allowed_records_go_through),
        TEST(a_blocked_journal_stops_the_reading_until_it_goes_on),
        TEST(a_failed_journal_ends_the_flow_and_nothing_more_is_stored),
        TEST(partitions_are_given_back_when_what_was_told_is_durable_and_stored),
        TEST(a_disk_that_does_not_answer_holds_partitions_for_two_seconds_at_most),
        TEST(what_runs_when_partitions_go_has_a_moment_to_end),
        TEST(what_runs_too_long_is_left),
        TEST(a_retry_that_waits_is_left_at_once_when_its_partition_goes),
        TEST(nothing_is_stored_for_partitions_that_are_lost),
        TEST(a_report_for_an_earlier_assignment_is_not_believed),
        TEST(an_answer_for_an_earlier_assignment_is_never_asked_for),
        TEST(what_an_attempt_borrowed_stays_when_partitions_come_and_go),
        TEST(a_stop_handles_what_is_there_and_nothing_that_comes_later),
        TEST(a_stop_waits_for_the_disk),
        TEST(a_stop_does_not_wait_for_ever_for_the_disk),
        TEST(at_a_stop_a_retry_has_one_more_attempt_at_once_and_is_left),
        TEST(at_a_stop_a_retry_that_succeeds_lets_the_rest_be_handled),
        TEST(a_later_answer_to_the_last_attempt_does_not_make_a_dead_letter),
        TEST(a_stop_waits_for_a_dead_letter_on_its_way),
        TEST(a_stop_ends_in_its_time_and_counts_what_is_left),
        TEST(a_second_stop_waits_for_nothing_but_the_disk),
        TEST(a_report_after_a_second_stop_changes_nothing),
        TEST(a_stop_before_any_assignment_is_done_at_once),
        TEST(a_stop_does_not_wait_for_a_partition_that_nothing_is_known_of),
        TEST(a_stop_during_a_rebalance_gives_the_partitions_back_first),
        TEST(a_drain_ends_at_the_ends_as_they_were_at_the_start),
        TEST(a_drain_of_nothing_ends),
        TEST(a_drain_that_is_stopped_before_it_has_partitions_has_not_drained),
        TEST(a_drain_waits_until_the_ends_are_known),
        TEST(a_drain_waits_for_a_partition_of_which_nothing_is_known),
        TEST(a_stop_does_not_wait_for_an_unknown_partition_but_has_not_drained),
        TEST(nor_does_a_drain_that_is_stopped),
        TEST(a_drain_keeps_the_backoff_and_may_make_dead_letters),
        TEST(a_drain_does_not_end_between_two_assignments),
        TEST(a_record_that_fails_without_dead_letters_stops_the_tracker_if_told_to),
        TEST(a_retry_that_ends_in_a_halt_stops_the_tracker_too),
        TEST(the_metrics_are_logged_at_their_interval),
        TEST(a_dead_letter_that_waits_too_long_is_told_once_and_its_end_once),
        TEST(a_dead_letter_that_is_acknowledged_soon_is_not_told),
        TEST(an_unavailable_processor_is_reported_once_and_so_is_its_return),
        TEST(a_key_that_fails_for_ever_holds_no_other_until_the_window_is_full),
        TEST(the_windows_are_bounded_by_bytes_too),
        TEST(whatever_happens_the_invariants_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
