#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "io/history.h"

/* Lines "<time> xxx…" of many lengths; the history and the rest together are all of them. */
struct file {
    char path[64];
    struct strbuf text;
    int64_t lines;
    int64_t *starts;
    int64_t *times;
};

static int64_t time_of(const char *text, size_t len)
{
    long long n;
    char head[32] = "";

    memcpy(head, text, len < sizeof(head) - 1 ? len : sizeof(head) - 1);
    return sscanf(head, "%lld ", &n) == 1 ? n : -1;
}

static void make_file(struct file *f, int64_t lines, int longest, uint64_t seed)
{
    struct rng rng;
    int fd;
    int64_t time = 1000000;

    *f = (struct file){.path = "/tmp/test_history.XXXXXX", .lines = lines};
    f->starts = calloc((size_t)lines, sizeof(*f->starts));
    f->times = calloc((size_t)lines, sizeof(*f->times));
    rng_seed(&rng, seed);
    for (int64_t i = 0; i < lines; i++) {
        f->starts[i] = (int64_t)f->text.len;
        time += rng_range(&rng, 0, 20);
        f->times[i] = time;
        strbuf_addf(&f->text, "%lld %0*d\n", (long long)time, (int)rng_range(&rng, 1, longest), 0);
    }
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, f->text.data, f->text.len), f->text.len);
    close(fd);
}

static void remove_file(struct file *f)
{
    unlink(f->path);
    free(f->starts);
    free(f->times);
    strbuf_release(&f->text);
}

struct count {
    const struct file *file;
    int64_t lines;
    int64_t wrong;
};

static void on_line(void *self, const struct tail_line *line)
{
    struct count *c = self;

    c->wrong += line->offset != c->file->starts[c->lines] ||
                memcmp(line->text, c->file->text.data + line->offset, line->len) != 0;
    c->lines++;
}

static void check(const struct file *f, int64_t since, int rows)
{
    struct history *h = history_open(open(f->path, O_RDONLY), since, rows, time_of);
    struct count count = {.file = f};
    const struct tail_sink sink = {.line = on_line, .self = &count};

    assert_non_null(h);
    while (history_poll(h, clock_system(), &sink) == 1)
        assert_true(history_position(h) <= history_end(h));
    assert_int_equal(count.wrong, 0);
    if (count.lines < f->lines)
        assert_int_equal(history_end(h), f->starts[count.lines]);
    assert_true(f->lines - count.lines >= (rows < f->lines ? rows : f->lines));
    if (count.lines > 0)
        assert_true(f->times[count.lines - 1] < since);
    history_free(h);
}

static void the_recent_part_holds_all_lines_since_and_enough_rows(void **state)
{
    struct file f;
    struct rng rng;

    (void)state;
    make_file(&f, 20000, 2000, 9);
    rng_seed(&rng, 4);
    for (int i = 0; i < 60; i++)
        check(&f, f.times[rng_range(&rng, 0, f.lines - 1)] + rng_range(&rng, -1, 1),
              (int)rng_range(&rng, 0, 3000));
    check(&f, 0, 10);
    check(&f, INT64_MAX, 10);
    check(&f, INT64_MAX, 0);
    check(&f, INT64_MAX, 1000000);
    remove_file(&f);
}

static void most_of_a_big_file_is_history(void **state)
{
    struct file f;
    struct history *h;

    (void)state;
    make_file(&f, 20000, 2000, 10);
    h = history_open(open(f.path, O_RDONLY), f.times[f.lines - 100], 100, time_of);
    assert_true(history_end(h) > f.starts[f.lines - 300]);
    history_free(h);
    remove_file(&f);
}

static void long_lines_are_no_hindrance(void **state)
{
    struct file f;

    (void)state;
    make_file(&f, 60, 900000, 11);
    check(&f, f.times[40], 5);
    check(&f, f.times[59], 1);
    remove_file(&f);
}

static void a_small_file_has_no_history(void **state)
{
    struct file f;
    struct history *h;

    (void)state;
    make_file(&f, 100, 100, 12);
    h = history_open(open(f.path, O_RDONLY), INT64_MAX, 1, time_of);
    assert_int_equal(history_end(h), 0);
    history_free(h);
    remove_file(&f);
}

static void a_file_that_is_cut_off_meanwhile_ends_the_history(void **state)
{
    struct file f;
    struct count count = {.file = &f};
    const struct tail_sink sink = {.line = on_line, .self = &count};
    struct history *h;

    (void)state;
    make_file(&f, 20000, 2000, 13);
    h = history_open(open(f.path, O_RDONLY), f.times[f.lines - 100], 100, time_of);
    assert_int_equal(truncate(f.path, 0), 0);
    while (history_poll(h, clock_system(), &sink) == 1)
        ;
    assert_int_equal(count.wrong, 0);
    history_free(h);
    remove_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recent_part_holds_all_lines_since_and_enough_rows),
        cmocka_unit_test(most_of_a_big_file_is_history),
        cmocka_unit_test(long_lines_are_no_hindrance),
        cmocka_unit_test(a_small_file_has_no_history),
        cmocka_unit_test(a_file_that_is_cut_off_meanwhile_ends_the_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
