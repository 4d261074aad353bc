#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "io/tail.h"

/* A writer in a process of its own, at its own pace, against the reader on the real clock. Whatever
 * the timing, the lines that come out are the lines that went in. */

#define DEADLINE_MS 120000

struct result {
    int64_t expected;
    int64_t wrong;
    int64_t torn;
};

static void on_line(void *self, const struct tail_line *line)
{
    struct result *r = self;
    char text[64] = "";
    long long n = -1;

    r->torn += line->is_torn;
    memcpy(text, line->text, line->len < sizeof(text) - 1 ? line->len : sizeof(text) - 1);
    if (sscanf(text, "{\"timestamp\":\"%lld\"}", &n) != 1 || n != r->expected)
        r->wrong++;
    r->expected = n + 1;
}

static int append_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

    if (fd < 0)
        _exit(1);
    return fd;
}

static void put(int fd, const char *bytes, size_t len)
{
    if (write(fd, bytes, len) != (ssize_t)len)
        _exit(1);
}

/* Some lines, in one write or torn in two with a pause between. */
static void put_batch(int fd, struct rng *rng, int64_t *n, int count)
{
    struct strbuf batch = {0};
    size_t cut;

    for (int i = 0; i < count; i++)
        strbuf_addf(&batch, "{\"timestamp\":\"%012lld\"}\n", (long long)(*n)++);
    cut = (size_t)rng_range(rng, 0, (int64_t)batch.len);
    put(fd, batch.data, cut);
    if (rng_unit(rng) < 0.2)
        usleep(3000);
    put(fd, batch.data + cut, batch.len - cut);
    strbuf_release(&batch);
}

/* What logrotate and the tracker do together: rename, go on with the old file for a while, open the
 * new one. */
static void write_with_renames(const char *path, int64_t lines, int rotations)
{
    struct rng rng;
    int64_t n = 0;
    int fd = append_to(path);
    char to[160];

    rng_seed(&rng, 41);
    for (int k = 0; k <= rotations; k++) {
        while (n < lines * (k + 1) / (rotations + 1)) {
            put_batch(fd, &rng, &n, (int)rng_range(&rng, 1, 60));
            usleep(500);
        }
        if (k == rotations)
            break;
        snprintf(to, sizeof(to), "%s.%d", path, k);
        if (rename(path, to) < 0)
            _exit(1);
        for (int i = (int)rng_range(&rng, 0, 20); i > 0; i--) {
            put_batch(fd, &rng, &n, 5);
            usleep(2000);
        }
        close(fd);
        fd = append_to(path);
    }
    put_batch(fd, &rng, &n, (int)(lines + 1000 - n));
}

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t n;

    while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0)
        put(out, block, (size_t)n);
    close(in);
    close(out);
}

/* logrotate's copytruncate, at moments when the writer does not write: nothing is lost in files. */
static void write_with_copies(const char *path)
{
    struct rng rng;
    int64_t n = 0;
    int fd = append_to(path);
    char to[160];

    rng_seed(&rng, 43);
    for (int k = 0; k < 12; k++) {
        for (int i = 0; i < 60; i++) {
            put_batch(fd, &rng, &n, (int)rng_range(&rng, 1, 60));
            usleep(700);
        }
        snprintf(to, sizeof(to), "%s.%d", path, k);
        copy_file(path, to);
        if (ftruncate(fd, 0) < 0)
            _exit(1);
    }
    put_batch(fd, &rng, &n, (int)(30000 - n));
}

/* Freezes itself in the middle of a line, three times; the reader wakes it. */
static void write_and_freeze(const char *path)
{
    struct rng rng;
    int64_t n = 0;
    int fd = append_to(path);
    char line[64];
    int len;

    rng_seed(&rng, 47);
    for (int k = 0; k < 3; k++) {
        put_batch(fd, &rng, &n, 199);
        len = snprintf(line, sizeof(line), "{\"timestamp\":\"%012lld\"}\n", (long long)n++);
        put(fd, line, 8);
        raise(SIGSTOP);
        put(fd, line + 8, (size_t)len - 8);
    }
}

static int64_t run(const char *folder, void (*writer)(const char *path), struct result *r,
                   int64_t until)
{
    const struct clock *clock = clock_system();
    const struct tail_sink sink = {.line = on_line, .self = r};
    int64_t give_up = clock_mono_ms(clock) + DEADLINE_MS;
    struct tail *tail;
    char path[128];
    int64_t rotations;
    int status;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/tracker.events", folder);
    close(append_to(path));
    tail = tail_new(path);
    while (tail_poll(tail, clock, &sink) == 1) /* what was rotated before is not ours */
        ;
    pid = fork();
    if (pid == 0) {
        writer(path);
        _exit(0);
    }
    while (r->expected < until && clock_mono_ms(clock) < give_up) {
        if (tail_poll(tail, clock, &sink) == 0)
            usleep(20000);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    rotations = (int64_t)tail_status(tail)->rotations;
    tail_free(tail);
    return rotations;
}

static int set_up(void **state)
{
    char folder[] = "/tmp/test_tail_live.XXXXXX";

    assert_non_null(mkdtemp(folder));
    *state = strdup(folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    assert_int_equal(system(command), 0);
    free(*state);
    return 0;
}

static void rotate_slowly(const char *path)
{
    write_with_renames(path, 50000, 10);
}

static void rotate_fast(const char *path)
{
    write_with_renames(path, 5000, 24);
}

static void a_journal_that_is_rotated_under_load_is_read_line_by_line(void **state)
{
    struct result r = {0};

    assert_int_equal(run(*state, rotate_slowly, &r, 51000), 10);
    assert_int_equal(r.expected, 51000);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(r.torn, 0);
}

static void a_journal_that_is_copied_and_truncated_under_load_is_read_line_by_line(void **state)
{
    struct result r = {0};

    assert_int_equal(run(*state, write_with_copies, &r, 30000), 0);
    assert_int_equal(r.expected, 30000);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(r.torn, 0);
}

static void more_rotations_than_are_kept_open_lose_nothing(void **state)
{
    struct result r = {0};

    assert_int_equal(run(*state, rotate_fast, &r, 6000), 24);
    assert_int_equal(r.expected, 6000);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(r.torn, 0);
}

static void a_writer_that_is_frozen_within_a_line_is_waited_for(void **state)
{
    const struct clock *clock = clock_system();
    struct result r = {0};
    const struct tail_sink sink = {.line = on_line, .self = &r};
    char path[128];
    struct tail *tail;
    int status;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/tracker.events", (char *)*state);
    tail = tail_new(path);
    pid = fork();
    if (pid == 0) {
        write_and_freeze(path);
        _exit(0);
    }
    for (int k = 0; k < 3; k++) {
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        for (int i = 0; i < 12; i++) { /* longer than between two looks at the path */
            while (tail_poll(tail, clock, &sink) == 1)
                ;
            usleep(50000);
        }
        assert_int_equal(r.expected, 200 * (k + 1) - 1);
        assert_int_equal(tail_status(tail)->unfinished, 8);
        kill(pid, SIGCONT);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    while (tail_poll(tail, clock, &sink) == 1)
        ;
    assert_int_equal(r.expected, 600);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(tail_status(tail)->lines, 600);
    tail_free(tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_journal_that_is_rotated_under_load_is_read_line_by_line,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_journal_that_is_copied_and_truncated_under_load_is_read_line_by_line, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_writer_that_is_frozen_within_a_line_is_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_rotations_than_are_kept_open_lose_nothing, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
