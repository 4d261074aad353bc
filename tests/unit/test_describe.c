#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/usual_limits.h"
#include "view/describe.h"
#include "view/health.h"

#define NOW INT64_C(1795367071402) /* 2026-11-22T17:04:31.402Z */

struct stage {
    struct dash *whole, *eu, *us;
    struct figures figures;
    struct verdict verdict;
    struct ui ui;
    struct view view;
};

static void feed(struct dash *d, int partition, int offset, const char *error)
{
    char text[256];
    struct journal_line line;
    struct place place = {.tracker = d->number, .offset = offset * 100};
    int len = snprintf(text, sizeof(text),
                       "{\"timestamp\":\"2026-11-22T17:04:%02d.402Z\",\"event_type\":\"x\","
                       "\"kafka_topic\":\"orders\",\"kafka_partition\":%d,\"kafka_offset\":%d,"
                       "\"deserialized\":%s,\"error\":\"%s\"}",
                       offset, partition, offset, *error ? "false" : "true", error);

    assert_int_equal(journal_line_parse(&line, text, (size_t)len), 0);
    dash_event(d, &line, &place, NOW);
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof(*s));

    *state = s;
    s->whole = dash_new(1, 1);
    s->eu = dash_new(100, 10);
    s->us = dash_new(100, 10);
    s->eu->name = "eu";
    s->us->name = "us";
    s->eu->events_reader.path = s->eu->log_reader.path = "eu/file";
    s->us->events_reader.path = s->us->log_reader.path = "us/file";
    dash_join(s->whole, s->eu);
    dash_join(s->whole, s->us);
    ui_init(&s->ui);
    s->view = (struct view){.dash = s->whole,
                            .figures = &s->figures,
                            .ui = &s->ui,
                            .verdict = &s->verdict,
                            .limits = &usual_limits};
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;

    figures_release(&s->figures);
    ui_release(&s->ui);
    dash_free(s->eu);
    dash_free(s->us);
    dash_free(s->whole);
    free(s);
    return 0;
}

/* What is told after these keys, "" for nothing. */
static void told(struct stage *s, const char *keys, struct strbuf *out)
{
    int rc;

    dash_sum_readers(s->whole);
    figures_take(&s->figures, s->whole, &usual_limits, NOW);
    health_take(&s->figures, &usual_limits);
    for (; *keys; keys++)
        ui_press(&s->ui, s->whole, *keys, 5);
    strbuf_reset(out);
    rc = describe_chosen(&s->view, out);
    assert_int_equal(rc, out->len ? 0 : -1);
}

static void lists_and_empty_tables_have_nothing_to_tell(void **state)
{
    struct stage *s = *state;
    struct strbuf out = {0};

    told(s, "e", &out);
    assert_int_equal(out.len, 0);
    told(s, "x", &out);
    assert_int_equal(out.len, 0);
    assert_null(describe_example(&s->view));
    told(s, "p", &out);
    assert_int_equal(out.len, 0);
    strbuf_release(&out);
}

static void an_error_group_comes_with_its_latest_example(void **state)
{
    struct stage *s = *state;
    struct strbuf out = {0};

    feed(s->eu, 0, 1, "bad 17");
    feed(s->us, 1, 9, "bad 18");
    feed(s->us, 1, 10, "worse");
    feed(s->us, 1, 11, "");
    told(s, "x", &out);
    assert_non_null(strstr(strbuf_text(&out), "cause: bad #\n"));
    assert_non_null(strstr(strbuf_text(&out), "in all: 2\n"));
    assert_non_null(strstr(strbuf_text(&out), "partitions: several\n"));
    assert_non_null(strstr(strbuf_text(&out), "latest example: p1@9\n"));
    assert_int_equal(describe_example(&s->view)->offset, 900);
    assert_int_equal(describe_example(&s->view)->tracker, 1);
    told(s, "jjjjj", &out);
    assert_non_null(strstr(strbuf_text(&out), "cause: worse\n"));
    strbuf_release(&out);
}

static void partitions_and_trackers_are_told_whole(void **state)
{
    struct stage *s = *state;
    struct strbuf out = {0};

    feed(s->eu, 0, 1, "");
    feed(s->us, 0, 4, "");
    feed(s->us, 0, 4, "");
    told(s, "p", &out);
    assert_non_null(strstr(strbuf_text(&out), "newest line told by: us\n"));
    assert_non_null(strstr(strbuf_text(&out), "largest offset: 4\n"));
    assert_non_null(strstr(strbuf_text(&out), "received: 3\n"));
    assert_non_null(strstr(strbuf_text(&out), "offsets missing: 2\ntold twice: 1\n"));
    told(s, "tj", &out);
    assert_non_null(strstr(strbuf_text(&out), "tracker: eu\n"));
    assert_non_null(strstr(strbuf_text(&out), "journal: eu/file, not found\n"));
    strbuf_release(&out);
}

/* The same figures go into the report and the other lists. */
static void sorting_leaves_the_figures_as_they_are(void **state)
{
    struct stage *s = *state;
    struct strbuf out = {0};

    feed(s->eu, 0, 1, "");
    feed(s->us, 1, 2, "bad");
    feed(s->us, 1, 3, "bad");
    s->ui.sort = UI_SORT_FAILED;
    told(s, "p", &out);
    assert_non_null(strstr(strbuf_text(&out), "partition: 1\n"));
    assert_int_equal(s->figures.partitions[0].partition->number, 0);
    assert_int_equal(s->figures.partitions[1].partition->number, 1);
    strbuf_release(&out);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(lists_and_empty_tables_have_nothing_to_tell),
        ROW(an_error_group_comes_with_its_latest_example),
        ROW(partitions_and_trackers_are_told_whole),
        ROW(sorting_leaves_the_figures_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
