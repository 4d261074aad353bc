#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/usual_limits.h"
#include "view/figures.h"
#include "view/health.h"
#include "view/verdict.h"

static struct reader events_reader;
static struct reader log_reader;

/* A pipeline in which nothing is wrong. */
static struct figures healthy(void)
{
    events_reader = (struct reader){.path = "tracker.events", .state = READER_OPEN};
    log_reader = (struct reader){.path = "tracker.log", .state = READER_OPEN};
    return (struct figures){
        .state = FLOW_LIVE,
        .success_60s = 1,
        .success_last = 1,
        .received_60s = 1000,
        .last_count = 100,
        .latency = {.count = 1000, .p50 = 10, .p95 = 20, .p99 = 30, .max = 40, .resolution = 1},
        .lag = {.messages = 0, .max_partition = -1, .clear_seconds = 0},
        .large_gap_age_ms = -1,
        .fatal_age_ms = -1,
        .stop_age_ms = -1,
        .away_age_ms = -1,
        .away_why = "",
        .down_age_ms = -1,
        .down_why = "",
        .processor_p50 = -1,
        .processor_p99 = -1,
        .head_ms = -1,
        .head_partition = -1,
        .silence_ms = -1,
        .events_reader = &events_reader,
        .log_reader = &log_reader,
    };
}

static void judge_one(const char *name, int rule, const struct figures *f, enum level expected)
{
    struct health h;

    health_judge(&h, f, &usual_limits);
    if (h.findings[rule].level != expected)
        fail_msg("%s: %s is %s, expected %s (%s)", name, health_rule_name(rule),
                 level_name(h.findings[rule].level), level_name(expected), h.findings[rule].text);
    for (int i = 0; i < HEALTH_RULES; i++) {
        if (i != rule && h.findings[i].level != LEVEL_OK)
            fail_msg("%s: %s fires too: %s", name, health_rule_name(i), h.findings[i].text);
    }
    assert_true(h.findings[rule].text[0] != '\0');
}

static void all_checks_pass_when_nothing_is_wrong(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.passed, HEALTH_RULES);
    assert_int_equal(h.level, LEVEL_OK);
}

static void freshness(void **state)
{
    static const struct {
        enum flow_state state;
        int64_t event_age, silence;
        enum level level;
    } cells[] = {
        {FLOW_WAITING, -1, -1, LEVEL_UNKNOWN},    {FLOW_LIVE, 100, -1, LEVEL_OK},
        {FLOW_LIVE, 3999, -1, LEVEL_OK},          {FLOW_LIVE, 4000, 4000, LEVEL_WARN},
        {FLOW_LIVE, 59999, -1, LEVEL_OK}, /* a trickle, or the log went on */
        {FLOW_IDLE, 70000, -1, LEVEL_OK},         {FLOW_IDLE, 70000, 70000, LEVEL_WARN},
        {FLOW_QUIET, 70000, -1, LEVEL_WARN},      {FLOW_QUIET, -1, -1, LEVEL_UNKNOWN},
        {FLOW_STUCK, 70000, 70000, LEVEL_CRIT},   {FLOW_STOPPED, 100, -1, LEVEL_CRIT},
        {FLOW_STALE, 100000, 100000, LEVEL_CRIT}, {FLOW_GONE, 100, -1, LEVEL_CRIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        f.state = cells[i].state;
        f.event_age_ms = cells[i].event_age;
        f.silence_ms = cells[i].silence;
        f.silence_rate = 2000;
        judge_one(flow_state_name(f.state), HEALTH_FRESHNESS, &f, cells[i].level);
    }
}

/* The lock still says that the tracker is there. */
static void without_a_log_an_idle_flow_is_no_trouble_and_an_end_is(void **state)
{
    static const struct {
        enum flow_state state;
        enum level level;
    } cells[] = {{FLOW_WAITING, LEVEL_UNKNOWN},
                 {FLOW_LIVE, LEVEL_OK},
                 {FLOW_QUIET, LEVEL_OK},
                 {FLOW_GONE, LEVEL_CRIT},
                 {FLOW_STALE, LEVEL_CRIT}};

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        log_reader = (struct reader){.path = "-", .state = READER_NONE};
        f.state = cells[i].state;
        f.event_age_ms = 70000;
        f.silence_ms = -1;
        judge_one(flow_state_name(f.state), HEALTH_FRESHNESS, &f, cells[i].level);
    }
}

static void an_event_far_in_the_future_says_nothing_of_now(void **state)
{
    static const struct {
        int64_t ahead;
        enum level level;
    } cells[] = {{0, LEVEL_OK}, {60000, LEVEL_OK}, {60001, LEVEL_UNKNOWN}};

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        f.ahead_ms = cells[i].ahead;
        judge_one("ahead", HEALTH_FRESHNESS, &f, cells[i].level);
    }
}

static void a_file_that_is_no_journal_is_told(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    f.state = FLOW_WAITING;
    events_reader.malformed = 7;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.findings[HEALTH_FRESHNESS].level, LEVEL_UNKNOWN);
    assert_string_equal(h.findings[HEALTH_FRESHNESS].text, "7 lines read, none is of a journal");
}

static void a_reason_names_the_limit_that_is_broken(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    f.success_60s = 0.94;
    f.latency.p99 = 10001;
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_SUCCESS].text, "94.00 % in 60 s (floor 95 %)");
    assert_string_equal(h.findings[HEALTH_LATENCY].text, "p99 10001 ms (limit 10000 ms)");
    f.success_60s = 0.79;
    f.latency.p99 = 1001;
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_SUCCESS].text, "79.00 % in 60 s (floor 80 %)");
    assert_string_equal(h.findings[HEALTH_LATENCY].text, "p99 1001 ms (limit 1000 ms)");
}

static void progress(void **state)
{
    static const struct {
        const char *name;
        struct figure_lag lag;
        bool is_rewound;
        enum level level;
    } cells[] = {
        {"no lag", {.messages = 0}, false, LEVEL_OK},
        {"some lag", {.messages = 37, .trend = TREND_DRAINING}, false, LEVEL_OK},
        {"growing", {.messages = 37, .never_shrank = true}, false, LEVEL_WARN},
        {"frozen", {.messages = 37, .is_frozen = true}, false, LEVEL_CRIT},
        {"rewound", {.messages = 0}, true, LEVEL_CRIT},
        {"not reported", {.messages = -1}, false, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        f.lag = cells[i].lag;
        f.is_rewound = cells[i].is_rewound;
        judge_one(cells[i].name, HEALTH_PROGRESS, &f, cells[i].level);
    }
}

static void processor(void **state)
{
    static const struct {
        const char *name;
        int64_t in_flight, p99, head_ms, down_age_ms;
        enum level level;
        const char *text;
    } cells[] = {
        {"idle", 0, -1, -1, -1, LEVEL_OK, "0 in progress"},
        {"busy", 7, 12, 300, -1, LEVEL_OK, "p99 12 ms, 7 in progress"},
        {"one waits", 7, 12, 60000, -1, LEVEL_WARN, "partition 3 waits at offset 17, for 60 s"},
        {"unavailable", 0, 12, 60000, 4000, LEVEL_CRIT,
         "unavailable for 4.0 s: why; partition 3 waits at offset 17"},
        {"not reported", -1, -1, -1, -1, LEVEL_UNKNOWN, "not reported"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();
        struct health h;

        f.in_flight = cells[i].in_flight;
        f.processor_p99 = cells[i].p99;
        f.head_ms = cells[i].head_ms;
        f.head_partition = 3;
        f.head_offset = 17;
        f.down_age_ms = cells[i].down_age_ms;
        f.down_why = "why";
        judge_one(cells[i].name, HEALTH_PROCESSOR, &f, cells[i].level);
        health_judge(&h, &f, &usual_limits);
        assert_string_equal(h.findings[HEALTH_PROCESSOR].text, cells[i].text);
    }
}

static void what_waits_for_the_processor_says_so(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    f.state = FLOW_STUCK;
    f.event_age_ms = 70000;
    f.lag.messages = 5;
    f.down_age_ms = 70000;
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_FRESHNESS].text,
                        "no event for 70 s, lag 5: processor is unavailable");
}

static void success(void **state)
{
    static const struct {
        int64_t received;
        double share;
        int last_count;
        double last;
        enum level level;
    } cells[] = {
        {1000, 1.0, 100, 1, LEVEL_OK},      {1000, 0.95, 100, 1, LEVEL_OK},
        {1000, 0.9499, 100, 1, LEVEL_WARN}, {1000, 0.80, 100, 1, LEVEL_WARN},
        {1000, 0.7999, 100, 1, LEVEL_CRIT}, {20, 0.5, 100, 1, LEVEL_CRIT},
        {19, 0.5, 100, 1, LEVEL_OK}, /* too few: the last 100 are asked */
        {19, 1.0, 100, 0.9, LEVEL_WARN},    {0, NAN, 100, 0.7, LEVEL_CRIT},
        {5, 0.0, 19, 0.0, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();
        char name[16];

        snprintf(name, sizeof(name), "case %zu", i);
        f.received_60s = cells[i].received;
        f.success_60s = cells[i].share;
        f.last_count = cells[i].last_count;
        f.success_last = cells[i].last;
        judge_one(name, HEALTH_SUCCESS, &f, cells[i].level);
    }
}

static void errors(void **state)
{
    static const struct {
        int64_t in_minute, in_a_row, fatal_age;
        enum level level;
    } cells[] = {
        {0, 0, -1, LEVEL_OK},      {1, 1, -1, LEVEL_WARN},  {9, 2, -1, LEVEL_WARN},
        {3, 3, -1, LEVEL_CRIT},    {0, 3, -1, LEVEL_OK}, /* long ago */
        {1, 1, 59999, LEVEL_CRIT}, {0, 0, 60000, LEVEL_OK}, {-1, 0, -1, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();
        char name[16];

        snprintf(name, sizeof(name), "case %zu", i);
        f.errors_60s = cells[i].in_minute;
        f.errors_in_a_row = cells[i].in_a_row;
        f.fatal_age_ms = cells[i].fatal_age;
        judge_one(name, HEALTH_ERRORS, &f, cells[i].level);
    }
}

static void dlq(void **state)
{
    static const struct {
        int64_t dlq, received;
        enum level level;
    } cells[] = {
        {0, 1000, LEVEL_OK},    {1, 1000, LEVEL_WARN},     {10, 1000, LEVEL_WARN},
        {11, 1000, LEVEL_CRIT}, {-1, 1000, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();
        char name[16];

        snprintf(name, sizeof(name), "case %zu", i);
        f.dlq_60s = cells[i].dlq;
        f.received_60s = cells[i].received;
        judge_one(name, HEALTH_DLQ, &f, cells[i].level);
    }
}

/* The last 10 seconds after a minute of so many orders that were good. */
static struct figures burst(int64_t minute, int64_t received, int64_t bad)
{
    struct figures f = healthy();

    f.received_60s = minute + received;
    f.dlq_60s = f.failed_60s = bad;
    f.success_60s = 1 - (double)bad / (double)f.received_60s;
    f.windows[WINDOW_10S] = (struct figure_window){.received = received,
                                                   .failed = bad,
                                                   .dlq = bad,
                                                   .success = 1 - (double)bad / (double)received};
    return f;
}

static void dead_letters_that_begin_after_a_good_minute_are_seen_in_ten_seconds(void **state)
{
    static const struct {
        const char *name;
        int64_t minute, received, dlq;
        bool is_crit;
    } cases[] = {
        {"5 % of 2,000/s since 3 s", 100000, 20000, 300, true},
        {"5 % of 2,000/s since 2 s", 100000, 20000, 200, false},
        {"just 1 % is within chance", 100000, 20000, 210, false},
        {"and so is a little more", 100000, 20000, 242, false},
        {"but this is not", 100000, 20000, 243, true},
        {"one among 25", 1000, 25, 1, false},
        {"four among 25", 1000, 25, 4, false},
        {"five among 25", 1000, 25, 5, true},
        {"all of a few", 2000, 19, 19, false},
        {"all of 20", 2000, 20, 20, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct figures f = burst(cases[i].minute, cases[i].received, cases[i].dlq);
        enum level expected = cases[i].is_crit ? LEVEL_CRIT : LEVEL_WARN;
        struct health h;

        f.windows[WINDOW_10S].failed = f.failed_60s = 0; /* of the success nothing is asked here */
        f.success_60s = 1;
        judge_one(cases[i].name, HEALTH_DLQ, &f, expected);
        health_judge(&h, &f, &usual_limits);
        assert_int_equal(h.at_once, cases[i].is_crit ? LEVEL_CRIT : LEVEL_OK);
    }
}

static void success_that_falls_after_a_good_minute_is_seen_in_ten_seconds(void **state)
{
    static const struct {
        const char *name;
        int64_t minute, received, failed;
        enum level level;
    } cases[] = {
        {"10 % of 2,000/s since 5 s", 100000, 20000, 1000, LEVEL_OK},
        {"beyond chance", 100000, 20000, 1093, LEVEL_WARN},
        {"a third of 2,000/s since 6 s", 100000, 20000, 4000, LEVEL_WARN},
        {"beyond chance for the second bound", 100000, 20000, 4170, LEVEL_CRIT},
        {"three of 20", 1000, 20, 3, LEVEL_OK},
        {"half of 20", 1000, 20, 10, LEVEL_CRIT},
        {"all of a few", 1000, 19, 19, LEVEL_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct figures f = burst(cases[i].minute, cases[i].received, cases[i].failed);
        struct health h;

        f.windows[WINDOW_10S].dlq = f.dlq_60s = 0; /* dropped */
        judge_one(cases[i].name, HEALTH_SUCCESS, &f, cases[i].level);
        health_judge(&h, &f, &usual_limits);
        assert_int_equal(h.at_once, cases[i].level);
    }
}

static void a_reason_names_the_seconds_it_speaks_of(void **state)
{
    struct figures f = burst(100000, 20000, 5000);
    struct health h;

    (void)state;
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_DLQ].text, "5000 of 120000 in 60 s, above 1 %");
    assert_string_equal(h.findings[HEALTH_SUCCESS].text, "75.00 % in 10 s (floor 80 %)");
    f = burst(100000, 20000, 400);
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_DLQ].text, "400 of 20000 in 10 s, above 1 %");
    assert_string_equal(h.findings[HEALTH_SUCCESS].text, "99.66 % in 60 s (floor 95 %)");
}

static void latency(void **state)
{
    static const struct {
        int64_t p99;
        enum level level;
    } cells[] = {
        {1000, LEVEL_OK},    {1001, LEVEL_WARN},  {10000, LEVEL_WARN},
        {10001, LEVEL_CRIT}, {-1, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        f.latency.p99 = cells[i].p99;
        judge_one("p99", HEALTH_LATENCY, &f, cells[i].level);
    }
}

static void integrity(void **state)
{
    static const struct {
        int64_t gaps, large_age;
        enum level level;
    } cells[] = {
        {0, -1, LEVEL_OK},       {1, -1, LEVEL_WARN},   {1000, -1, LEVEL_WARN},
        {1001, 100, LEVEL_CRIT}, {0, 900000, LEVEL_OK}, {-1, -1, LEVEL_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();

        f.gaps_15m = cells[i].gaps;
        f.large_gap_age_ms = cells[i].large_age;
        judge_one("gaps", HEALTH_INTEGRITY, &f, cells[i].level);
    }
}

static void own_reader(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    f.read_lag_ms = 2000;
    judge_one("in time", HEALTH_READER, &f, LEVEL_OK);
    f.read_lag_ms = 2001;
    judge_one("late", HEALTH_READER, &f, LEVEL_WARN);
    f.is_catching_up = true;
    f.read_share = 0.6;
    judge_one("catching up", HEALTH_READER, &f, LEVEL_UNKNOWN);
    log_reader.state = READER_FAILED;
    log_reader.error = EACCES;
    judge_one("cannot read", HEALTH_READER, &f, LEVEL_UNKNOWN);
    health_judge(&h, &f, &usual_limits);
    assert_string_equal(h.findings[HEALTH_READER].text,
                        "cannot read tracker.log: Permission denied");
}

/* The tracker writes to a file that was deleted, or the monitor reads another one. */
static void a_journal_that_is_missing_beside_a_living_log_is_worth_a_look(void **state)
{
    struct figures f = healthy();

    (void)state;
    events_reader.state = READER_WAITING;
    f.log_age_ms = usual_limits.stale_ms - 1;
    judge_one("missing", HEALTH_READER, &f, LEVEL_WARN);
    f.log_age_ms = usual_limits.stale_ms;
    judge_one("both are old", HEALTH_READER, &f, LEVEL_OK);
    f.log_age_ms = -1;
    judge_one("no log line", HEALTH_READER, &f, LEVEL_OK);
    f.log_age_ms = 0;
    log_reader.state = READER_WAITING;
    judge_one("no log", HEALTH_READER, &f, LEVEL_OK);
}

/* What may not be read says neither that all is well nor that it is not. What is known all the same
 * counts. */
static void a_file_that_cannot_be_read_makes_the_verdict_unknown(void **state)
{
    static const struct {
        enum flow_state state;
        enum level level;
    } cells[] = {
        {FLOW_WAITING, LEVEL_UNKNOWN}, {FLOW_LIVE, LEVEL_UNKNOWN},  {FLOW_IDLE, LEVEL_UNKNOWN},
        {FLOW_QUIET, LEVEL_UNKNOWN},   {FLOW_STUCK, LEVEL_UNKNOWN}, {FLOW_STALE, LEVEL_UNKNOWN},
        {FLOW_STOPPED, LEVEL_CRIT},    {FLOW_GONE, LEVEL_CRIT},
    };
    struct reader *const readers[] = {&events_reader, &log_reader};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cells) / sizeof(cells[0]); i++) {
        struct figures f = healthy();
        struct health h;
        struct reader before = *readers[i % 2];

        f.state = cells[i / 2].state;
        f.event_age_ms = 70000;
        f.silence_ms = f.state == FLOW_LIVE ? 5000 : -1;
        readers[i % 2]->error = EACCES;
        health_judge(&h, &f, &usual_limits);
        *readers[i % 2] = before;
        assert_int_equal(h.level, cells[i / 2].level);
        assert_int_equal(health_unknown_rule(&h), HEALTH_READER);
    }
}

static void the_worst_rule_decides_and_leads(void **state)
{
    struct figures f = healthy();
    struct health h;
    int order[HEALTH_RULES];

    (void)state;
    f.gaps_15m = 3;
    f.latency.p99 = 20000;
    f.lag.messages = -1;
    health_judge(&h, &f, &usual_limits);
    health_ranking(&h, order);
    assert_int_equal(h.level, LEVEL_CRIT);
    assert_int_equal(h.passed, HEALTH_RULES - 3);
    assert_int_equal(order[0], HEALTH_LATENCY);
    assert_int_equal(order[1], HEALTH_INTEGRITY);
    assert_int_equal(order[2], HEALTH_PROGRESS);
    assert_int_equal(order[3], HEALTH_FRESHNESS);
}

static void a_rule_that_cannot_tell_does_not_hide_the_rest(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    f.lag.messages = -1;
    f.dlq_60s = -1;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.level, LEVEL_OK);
    f.state = FLOW_WAITING;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.level, LEVEL_UNKNOWN);
}

/* What is found from second to second, one letter each (o, ?, w, c), and what shows. */
static void play(const char *found, const char *shown)
{
    static const char letters[] = "o?wc";
    struct verdict v = {0};

    for (int64_t i = 0; found[i]; i++) {
        enum level level = (enum level)(strchr(letters, found[i]) - letters);

        verdict_update(&v, level, LEVEL_OK, 1000 * i);
        if (letters[v.shown] != shown[i])
            fail_msg("found %s: %s at %d s, expected %s", found, level_name(v.shown), (int)i,
                     shown);
    }
}

static void a_verdict_shows_what_was_found_or_exceeded_for_three_seconds(void **state)
{
    (void)state;
    play("ooowwww", "oooooow");
    play("?owwww", "?oooow"); /* out of the unknown at once */
    play("oowcccccc", "ooooowccc");
    play("oowcwcwcw", "ooooowwww"); /* never better than WARN, never CRIT for long */
    play("oowowowww", "ooooooooo");
    play("ccwwwoooo", "cccccwwwo");
    play("cccwowowo", "ccccccwww");
    play("ccwcocwcc", "ccccccccc");
    play("ccoocoooo", "cccccccco");
    play("oo?wwwww", "ooooooww"); /* the unknown is no step */
    play("cc?ooooo", "cccccwoo");
}

static void a_verdict_is_shown_since_it_changed(void **state)
{
    struct verdict v = {0};

    (void)state;
    verdict_update(&v, LEVEL_OK, LEVEL_OK, 1000);
    verdict_update(&v, LEVEL_WARN, LEVEL_OK, 2000);
    verdict_update(&v, LEVEL_WARN, LEVEL_OK, 4999);
    assert_int_equal(v.shown, LEVEL_OK);
    verdict_update(&v, LEVEL_WARN, LEVEL_OK, 5000);
    assert_int_equal(v.shown, LEVEL_WARN);
    verdict_update(&v, LEVEL_WARN, LEVEL_OK, 9000);
    assert_int_equal(v.shown_ms, 5000);
}

static void what_needs_no_holding_shows_at_once(void **state)
{
    struct verdict v = {0};

    (void)state;
    verdict_update(&v, LEVEL_OK, LEVEL_OK, 1000);
    verdict_update(&v, LEVEL_CRIT, LEVEL_WARN, 2000); /* CRIT for another reason */
    assert_int_equal(v.shown, LEVEL_WARN);
    verdict_update(&v, LEVEL_CRIT, LEVEL_CRIT, 2100);
    assert_int_equal(v.shown, LEVEL_CRIT);
    verdict_update(&v, LEVEL_OK, LEVEL_OK, 2200);
    assert_int_equal(v.shown, LEVEL_CRIT);
}

static void the_end_of_the_flow_needs_no_holding(void **state)
{
    struct figures f = healthy();
    struct health h;

    (void)state;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.at_once, LEVEL_OK);
    f.gaps_15m = 1001;
    f.large_gap_age_ms = 0;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.level, LEVEL_CRIT);
    assert_int_equal(h.at_once, LEVEL_OK);
    f.state = FLOW_QUIET;
    f.event_age_ms = 70000;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.at_once, LEVEL_WARN);
    f.state = FLOW_STOPPED;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.at_once, LEVEL_CRIT);
    f.state = FLOW_WAITING;
    health_judge(&h, &f, &usual_limits);
    assert_int_equal(h.at_once, LEVEL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_checks_pass_when_nothing_is_wrong),
        cmocka_unit_test(freshness),
        cmocka_unit_test(without_a_log_an_idle_flow_is_no_trouble_and_an_end_is),
        cmocka_unit_test(an_event_far_in_the_future_says_nothing_of_now),
        cmocka_unit_test(a_file_that_is_no_journal_is_told),
        cmocka_unit_test(a_reason_names_the_limit_that_is_broken),
        cmocka_unit_test(processor),
        cmocka_unit_test(what_waits_for_the_processor_says_so),
        cmocka_unit_test(progress),
        cmocka_unit_test(success),
        cmocka_unit_test(errors),
        cmocka_unit_test(dlq),
        cmocka_unit_test(dead_letters_that_begin_after_a_good_minute_are_seen_in_ten_seconds),
        cmocka_unit_test(success_that_falls_after_a_good_minute_is_seen_in_ten_seconds),
        cmocka_unit_test(a_reason_names_the_seconds_it_speaks_of),
        cmocka_unit_test(latency),
        cmocka_unit_test(integrity),
        cmocka_unit_test(own_reader),
        cmocka_unit_test(a_journal_that_is_missing_beside_a_living_log_is_worth_a_look),
        cmocka_unit_test(a_file_that_cannot_be_read_makes_the_verdict_unknown),
        cmocka_unit_test(the_worst_rule_decides_and_leads),
        cmocka_unit_test(a_rule_that_cannot_tell_does_not_hide_the_rest),
        cmocka_unit_test(a_verdict_shows_what_was_found_or_exceeded_for_three_seconds),
        cmocka_unit_test(a_verdict_is_shown_since_it_changed),
        cmocka_unit_test(what_needs_no_holding_shows_at_once),
        cmocka_unit_test(the_end_of_the_flow_needs_no_holding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
