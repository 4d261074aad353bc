#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/tracker_paths.h"

static void a_log_belongs_to_its_journal(void **state)
{
    static const struct {
        const char *events, *path, *log, *expected;
    } cases[] = {
        {"logs/*/tracker.events", "logs/eu/tracker.events", "logs/*/tracker.log",
         "logs/eu/tracker.log"},
        {"run/tracker-?.events", "run/tracker-2.events", "log/t?.log", "log/t2.log"},
        {"*/t-*.events", "eu/t-7.events", "*-logs/t-*.log", "eu-logs/t-7.log"},
        {"t*.events", "t.events", "t*.log", "t.log"},
        {"t*s*.events", "tests.events", "a*b*c", "aebtsc"},
        {"logs/*.events", "logs/eu.events", NULL, "logs/eu.log"},
        {"a.b/events", "a.b/events", NULL, "a.b/events.log"},
        {"x", ".events", NULL, ".events.log"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *log = tracker_path_log(cases[i].events, cases[i].path, cases[i].log);

        assert_string_equal(log, cases[i].expected);
        free(log);
    }
}

static void what_belongs_to_a_journal_is_known_by_its_name(void **state)
{
    static const char *const others[] = {
        "run/tracker.events.state",
        "run/tracker.events.state.tmp",
        "run/tracker.events.torn-2026-11-27T10:00:00.123Z",
        "run/tracker.events.torn-1764200000123",
        "run/tracker.events.2.gz",
        "tracker.pid",
        "run/tracker.events-20261127.xz",
        "tracker.events.3.zst",
        "a.torn-7/tracker.events.1.bz2",
    };
    static const char *const journals[] = {
        "run/tracker.events",      "state",           "gz", "run.gz/t.events",
        "a.torn-1/tracker.events", "tracker.events.1"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_true(tracker_path_is_no_journal(others[i]));
    for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]); i++)
        assert_false(tracker_path_is_no_journal(journals[i]));
}

static void an_older_file_is_called_after_its_journal(void **state)
{
    static const char journal[] = "run/tracker.events";
    static const struct {
        const char *path;
        bool is_older;
    } cases[] = {
        {"run/tracker.events", false},
        {"run/tracker.events.1", true},
        {"run/tracker.events.12", true},
        {"run/tracker.events-20261127", true},
        {"run/tracker.events-20261127-1764", true},
        {"run/tracker.events.2026-11-27T10:00:00Z", true},
        {"run/tracker.events_2026-11-27", true},
        {"run/tracker.events.old", true},
        {"run/tracker.events~", true},
        {"run/tracker.events.bak", true},
        {"run/tracker.events1", false},
        {"run/tracker.events-eu", false},
        {"run/tracker.events.eu-1", false},
        {"run/tracker.events.older", false},
        {"run/tracker.events.", false},
        {"run/tracker.event", false},
        {"run/tracker.events/1", false},
        {"eu/tracker.events.1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(tracker_path_is_older(cases[i].path, journal), cases[i].is_older);
}

static void a_tracker_is_called_after_its_journal(void **state)
{
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"tracker.events", "tracker"},
        {"./tracker.events", "tracker"},
        {"eu/tracker.events", "eu"},
        {"/srv/run/eu/tracker.events", "eu"},
        {"/tracker.events", "tracker"},
        {"run/tracker-1.events", "tracker-1"},
        {"run/trackers.events", "trackers"},
        {"//tracker.events", "tracker"},
        {"a/.events", ".events"},
        {"eu//tracker.events", "tracker"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *name = tracker_path_name(cases[i].path);

        assert_string_equal(name, cases[i].expected);
        free(name);
    }
}

static void patterns_agree_when_one_can_be_filled_from_the_other(void **state)
{
    (void)state;
    assert_true(tracker_path_patterns_agree("a/*.events", "b/*.log"));
    assert_true(tracker_path_patterns_agree("a.events", "b.log"));
    assert_true(tracker_path_patterns_agree("*?", "x*y?"));
    assert_false(tracker_path_patterns_agree("a/*.events", "b.log"));
    assert_false(tracker_path_patterns_agree("a.events", "b*.log"));
    assert_false(tracker_path_patterns_agree("*?", "?*"));
    assert_false(tracker_path_patterns_agree("*****************", "*****************"));
    assert_true(tracker_path_is_pattern("a?"));
    assert_false(tracker_path_is_pattern("[a]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_belongs_to_its_journal),
        cmocka_unit_test(what_belongs_to_a_journal_is_known_by_its_name),
        cmocka_unit_test(an_older_file_is_called_after_its_journal),
        cmocka_unit_test(a_tracker_is_called_after_its_journal),
        cmocka_unit_test(patterns_agree_when_one_can_be_filled_from_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
