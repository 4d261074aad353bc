#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "io/journal_file.h"
#include "io/tail.h"

/* One file in a folder of its own, a writer, a reader, and a clock that goes when it is told. Lines
 * are {"timestamp":N}: what must come out is 0, 1, 2, … each once. */
struct stage {
    char folder[64];
    char path[96];
    struct tail *tail;
    int64_t now_ms;
    int fd; /* the writer's */
    int64_t written;
    int64_t expected; /* the next number */
    int64_t out_of_order;
    int64_t torn;
    int64_t other;
    struct strbuf last;
    struct tail_line last_line;
};

/* The errno with which reading fails now; 0 for a disk in order. */
static int read_fails;

ssize_t __real_pread(int fd, void *bytes, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at);

ssize_t __wrap_pread(int fd, void *bytes, size_t len, off_t at)
{
    if (read_fails == 0)
        return __real_pread(fd, bytes, len, at);
    errno = read_fails;
    return -1;
}

/* What pread is where the compiler knows how large the buffer is. */
ssize_t __real___pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room);
ssize_t __wrap___pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room);

ssize_t __wrap___pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room)
{
    return read_fails == 0 ? __real___pread_chk(fd, bytes, len, at, room)
                           : __wrap_pread(fd, bytes, len, at);
}

static int64_t stage_ms(void *self)
{
    return ((struct stage *)self)->now_ms;
}

static void on_line(void *self, const struct tail_line *line)
{
    struct stage *s = self;
    long long n;

    strbuf_reset(&s->last);
    strbuf_add(&s->last, line->text, line->len);
    s->last_line = *line;
    if (line->is_torn) {
        s->torn++;
        return;
    }
    if (sscanf(strbuf_text(&s->last), "{\"timestamp\":%lld}", &n) != 1) {
        s->other++;
        return;
    }
    s->out_of_order += n != s->expected;
    s->expected = n + 1;
}

static int set_up(void **state)
{
    struct stage *s = mem_alloc(sizeof(*s));

    strcpy(s->folder, "/tmp/test_tail.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/tracker.events", s->folder);
    s->tail = tail_new(s->path);
    s->fd = -1;
    s->now_ms = 1000000;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    char command[128];

    tail_free(s->tail);
    if (s->fd >= 0)
        close(s->fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
    assert_int_equal(system(command), 0);
    strbuf_release(&s->last);
    free(s);
    read_fails = 0;
    return 0;
}

static void open_writer(struct stage *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    assert_true(s->fd >= 0);
}

static void put(struct stage *s, const char *bytes, size_t len)
{
    assert_int_equal(write(s->fd, bytes, len), len);
}

static void put_lines(struct stage *s, int count)
{
    char line[64];

    for (int i = 0; i < count; i++)
        put(s, line,
            (size_t)snprintf(line, sizeof(line), "{\"timestamp\":%lld}\n",
                             (long long)s->written++));
}

static void rename_to(struct stage *s, const char *suffix)
{
    char to[128];

    snprintf(to, sizeof(to), "%s%s", s->path, suffix);
    assert_int_equal(rename(s->path, to), 0);
}

static void copy_and_truncate(struct stage *s, const char *suffix)
{
    char command[256];

    snprintf(command, sizeof(command), "cp '%s' '%s%s'", s->path, s->path, suffix);
    assert_int_equal(system(command), 0);
    assert_int_equal(ftruncate(s->fd, 0), 0);
}

/* Reads all there is, without letting time pass. */
static void read_now(struct stage *s)
{
    const struct clock clock = {.wall_ms = stage_ms, .mono_ms = stage_ms, .self = s};
    const struct tail_sink sink = {.line = on_line, .self = s};

    for (int i = 0; tail_poll(s->tail, &clock, &sink) == 1; i++)
        assert_true(i < 100000);
}

/* Lets time pass in the steps of the monitor's loop. */
static void let_pass(struct stage *s, int64_t ms)
{
    for (int64_t until = s->now_ms + ms; s->now_ms < until;) {
        s->now_ms += 100;
        read_now(s);
    }
}

static void assert_all_read(const struct stage *s)
{
    assert_int_equal(s->expected, s->written);
    assert_int_equal(tail_status(s->tail)->lines, s->written);
    assert_int_equal(s->out_of_order, 0);
    assert_int_equal(s->torn, 0);
    assert_int_equal(s->other, 0);
}

static void a_file_that_comes_later_is_read_from_its_start(void **state)
{
    struct stage *s = *state;

    read_now(s);
    assert_int_equal(tail_status(s->tail)->state, READER_WAITING);
    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    assert_int_equal(tail_status(s->tail)->lines, 0); /* looked at every 500 ms only */
    let_pass(s, 600);
    assert_int_equal(tail_status(s->tail)->state, READER_OPEN);
    assert_all_read(s);
}

static void an_empty_file_is_open_and_has_no_lines(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    let_pass(s, 700);
    assert_int_equal(tail_status(s->tail)->state, READER_OPEN);
    assert_int_equal(tail_status(s->tail)->lines, 0);
    put_lines(s, 1);
    read_now(s);
    assert_all_read(s);
}

static void asking_to_retry_looks_at_once(void **state)
{
    struct stage *s = *state;

    read_now(s);
    open_writer(s);
    put_lines(s, 1);
    tail_retry_now(s->tail);
    read_now(s);
    assert_all_read(s);
}

static void a_line_is_handed_on_when_its_newline_came(void **state)
{
    struct stage *s = *state;
    const char line[] = "{\"timestamp\":0}\n";

    open_writer(s);
    for (size_t i = 0; i < strlen(line); i++) {
        assert_int_equal(tail_status(s->tail)->lines, 0);
        put(s, line + i, 1);
        let_pass(s, 500);
    }
    s->written = 1;
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->unfinished, 0);
}

static void an_unfinished_line_is_reported_with_its_age(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 2);
    put(s, "{\"timest", 8);
    let_pass(s, 3000);
    assert_int_equal(tail_status(s->tail)->lines, 2);
    assert_int_equal(tail_status(s->tail)->unfinished, 8);
    assert_true(s->now_ms - tail_status(s->tail)->unfinished_since_ms >= 2000);
    assert_int_equal(tail_status(s->tail)->behind, 0);
}

static void a_rotation_loses_no_unread_line(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 100);
    read_now(s);
    put_lines(s, 50); /* not read yet when the name changes */
    rename_to(s, ".1");
    open_writer(s);
    put_lines(s, 100);
    let_pass(s, 700);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->rotations, 1);
}

static void the_old_file_is_followed_for_a_while_after_the_rotation(void **state)
{
    struct stage *s = *state;
    int old;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    rename_to(s, ".1");
    old = s->fd;
    s->fd = -1;
    open_writer(s);
    close(s->fd);
    s->fd = old;
    for (int i = 0; i < 30; i++) {
        put_lines(s, 5);
        let_pass(s, 100);
    }
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 6000);
    assert_all_read(s);
}

static void two_rotations_between_two_looks_lose_nothing(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    rename_to(s, ".2");
    open_writer(s);
    put_lines(s, 20);
    rename_to(s, ".1");
    open_writer(s);
    put_lines(s, 30);
    let_pass(s, 700);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->rotations, 2);
}

/* The clock of file systems ticks in milliseconds. */
static void files_that_were_rotated_within_one_tick_are_read_in_their_order(void **state)
{
    static const char *const suffixes[] = {".0", ".3", ".1", ".4", ".2"};
    const struct timespec tick[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(futimens(s->fd, tick), 0);
        rename_to(s, suffixes[i]);
        open_writer(s);
        put_lines(s, 15);
    }
    let_pass(s, 700);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->rotations, 5);
}

static void sidecars_and_torn_ends_beside_the_file_are_not_taken_for_rotations(void **state)
{
    struct stage *s = *state;
    char path[160];
    FILE *f;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    rename_to(s, ".1");
    snprintf(path, sizeof(path), "%s.state", s->path);
    f = fopen(path, "w");
    fputs("{\"version\":1}\n", f);
    fclose(f);
    snprintf(path, sizeof(path), "%s.torn-5", s->path);
    f = fopen(path, "w");
    fputs("{\"timestamp\":7777}\n", f);
    fclose(f);
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 6000);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->rotations, 1);
}

static void the_unfinished_end_of_a_rotated_file_is_handed_on_as_torn(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 3);
    put(s, "{\"time", 6);
    read_now(s);
    rename_to(s, ".1");
    open_writer(s);
    put_lines(s, 3);
    let_pass(s, 2000);
    assert_int_equal(s->torn, 0); /* the writer may still finish it */
    let_pass(s, 5000);
    assert_int_equal(s->torn, 1);
    assert_int_equal(tail_status(s->tail)->lines, 6);
    assert_int_equal(tail_status(s->tail)->unfinished, 0);
}

/* A writer that died within a line cuts it off when it comes again, and goes on. */
static void a_torn_end_that_is_cut_off_is_no_truncation(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    for (int k = 0; k < 3; k++) {
        put(s, "{\"timestamp\":-1, and more than what follows", 40);
        read_now(s);
        assert_int_equal(ftruncate(s->fd, lseek(s->fd, 0, SEEK_END) - 40), 0);
        if (k == 0)
            let_pass(s, 200);
        put_lines(s, k == 1 ? 1 : 100); /* up to a place before or behind where the torn end was */
        let_pass(s, 200);
        assert_all_read(s);
        assert_int_equal(tail_status(s->tail)->unfinished, 0);
    }
    assert_int_equal(tail_status(s->tail)->truncations, 0);
}

static void a_truncated_file_is_read_from_its_start(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 100);
    read_now(s);
    assert_int_equal(ftruncate(s->fd, 0), 0);
    put_lines(s, 10);
    let_pass(s, 200);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->truncations, 1);
}

static void a_file_that_was_truncated_and_grew_past_the_position_is_noticed(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    assert_int_equal(ftruncate(s->fd, 0), 0);
    put_lines(s, 1000);
    let_pass(s, 200);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->truncations, 1);
}

static void what_was_unread_before_a_truncation_is_read_from_the_copy(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 100);
    put(s, "{\"time", 6);
    read_now(s);
    put(s, "stamp\":100}\n", 12);
    s->written++;
    put_lines(s, 50);
    copy_and_truncate(s, ".1");
    put_lines(s, 7);
    let_pass(s, 200);
    assert_all_read(s);
    put_lines(s, 30); /* once more, with an older copy beside */
    read_now(s);
    put_lines(s, 5);
    copy_and_truncate(s, ".2");
    put_lines(s, 100);
    let_pass(s, 6000);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->truncations, 2);
    assert_int_equal(tail_status(s->tail)->rotations, 0);
}

static void the_hole_that_a_truncation_leaves_is_skipped(void **state)
{
    struct stage *s = *state;

    s->fd = open(s->path, O_WRONLY | O_CREAT, 0644); /* no O_APPEND: its offset stays */
    put_lines(s, 20000);
    read_now(s);
    assert_int_equal(ftruncate(s->fd, 0), 0);
    let_pass(s, 200);
    put_lines(s, 10);
    let_pass(s, 200);
    assert_all_read(s);
}

static void a_removed_file_that_comes_again_is_read(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    unlink(s->path);
    put_lines(s, 10); /* the writer still has it */
    let_pass(s, 700);
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 700);
    assert_all_read(s);
}

static void a_new_file_may_get_the_inode_of_one_that_is_gone(void **state)
{
    struct stage *s = *state;
    struct stat first;
    struct stat again = {0};

    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 200);
    assert_int_equal(fstat(s->fd, &first), 0);
    for (int i = 0; i < 20 && again.st_ino != first.st_ino; i++) {
        assert_int_equal(unlink(s->path), 0);
        open_writer(s);
        put_lines(s, 10);
        let_pass(s, 7000); /* the one before is closed by then, its inode free */
        assert_int_equal(fstat(s->fd, &again), 0);
    }
    assert_all_read(s);
}

static void a_link_may_be_switched_back_and_forth(void **state)
{
    struct stage *s = *state;
    char target[128];

    for (int i = 0; i < 6; i++) {
        snprintf(target, sizeof(target), "%s/%d", s->folder, i);
        unlink(s->path);
        assert_int_equal(symlink(target, s->path), 0);
        open_writer(s);
        put_lines(s, 10);
        let_pass(s, i % 2 ? 600 : 7000);
        put_lines(s, 10);
    }
    let_pass(s, 7000);
    assert_all_read(s);
}

/* As one whom permissions bind. */
static void read_as_nobody(struct stage *s, int64_t ms)
{
    bool is_root = geteuid() == 0;

    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    let_pass(s, ms);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
}

static void a_file_that_may_not_be_read_is_told_and_read_when_it_may(void **state)
{
    struct stage *s = *state;

    assert_int_equal(chmod(s->folder, 0755), 0);
    open_writer(s);
    put_lines(s, 10);
    assert_int_equal(chmod(s->path, 0), 0);
    read_as_nobody(s, 700);
    assert_int_equal(tail_status(s->tail)->state, READER_FAILED);
    assert_int_equal(tail_status(s->tail)->error, EACCES);
    assert_int_equal(chmod(s->path, 0644), 0);
    read_as_nobody(s, 700);
    assert_int_equal(tail_status(s->tail)->error, 0);
    assert_all_read(s);
}

static void permission_that_is_lost_and_returns_costs_no_line(void **state)
{
    struct stage *s = *state;

    assert_int_equal(chmod(s->folder, 0755), 0);
    open_writer(s);
    put_lines(s, 10);
    read_as_nobody(s, 700);
    assert_int_equal(chmod(s->path, 0), 0);
    put_lines(s, 10);
    read_as_nobody(s, 700); /* the descriptor is open, and stays good */
    assert_all_read(s);
    assert_int_equal(chmod(s->folder, 0), 0);
    put_lines(s, 10);
    read_as_nobody(s, 700);
    assert_int_equal(tail_status(s->tail)->error, EACCES);
    assert_int_equal(tail_status(s->tail)->state, READER_OPEN);
    assert_int_equal(chmod(s->folder, 0755), 0);
    rename_to(s, ".1");
    put_lines(s, 10);
    open_writer(s);
    put_lines(s, 10);
    assert_int_equal(chmod(s->path, 0), 0);
    read_as_nobody(s, 7000); /* the new file cannot be opened, the old one is not let go */
    assert_int_equal(tail_status(s->tail)->error, EACCES);
    assert_int_equal(chmod(s->path, 0644), 0);
    read_as_nobody(s, 700);
    assert_int_equal(tail_status(s->tail)->error, 0);
    assert_all_read(s);
}

static void a_failing_disk_is_told_and_no_line_is_read_twice_or_left_out(void **state)
{
    static const int errors[] = {EIO, ESTALE};
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 700);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        put_lines(s, 10);
        read_fails = errors[i];
        let_pass(s, 1200);
        assert_int_equal(tail_status(s->tail)->error, errors[i]);
        assert_int_equal(chmod(s->path, 0), 0);
        assert_int_equal(chmod(s->folder, 0), 0);
        read_as_nobody(s, 1200); /* nor can it be opened anew */
        assert_int_equal(tail_status(s->tail)->error, errors[i]);
        assert_true(tail_status(s->tail)->behind > 0);
        assert_int_equal(chmod(s->folder, 0755), 0);
        assert_int_equal(chmod(s->path, 0644), 0);
        read_fails = 0;
        let_pass(s, 700);
        assert_int_equal(tail_status(s->tail)->error, 0);
        assert_all_read(s);
    }
}

static void a_file_that_stays_unreadable_gives_way_to_its_successor(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    put(s, "{\"time", 6);
    let_pass(s, 700);
    read_fails = EIO;
    put(s, "stamp", 5); /* never read */
    let_pass(s, 200);
    rename_to(s, ".1");
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 4000);
    assert_int_equal(s->torn, 0); /* it may come back */
    let_pass(s, 2000);
    assert_int_equal(s->torn, 1);
    read_fails = 0;
    s->torn = 0;
    let_pass(s, 700);
    assert_all_read(s);
}

static void a_symbolic_link_may_be_switched(void **state)
{
    struct stage *s = *state;
    char a[128];
    char b[128];

    snprintf(a, sizeof(a), "%s/a", s->folder);
    snprintf(b, sizeof(b), "%s/b", s->folder);
    assert_int_equal(symlink(a, s->path), 0);
    open_writer(s);
    put_lines(s, 10);
    read_now(s);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(symlink(b, s->path), 0);
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 700);
    assert_all_read(s);
}

static void a_folder_may_be_removed_and_made_again(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 700);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(rmdir(s->folder), 0);
    let_pass(s, 700);
    assert_int_equal(mkdir(s->folder, 0755), 0);
    open_writer(s);
    put_lines(s, 10);
    let_pass(s, 700);
    assert_all_read(s);
}

static void a_line_of_eight_mebibytes_is_read_whole(void **state)
{
    struct stage *s = *state;
    size_t len = (size_t)8 << 20;
    char *line = mem_alloc(len + 1);

    memset(line, 'x', len);
    line[len] = '\n';
    open_writer(s);
    put_lines(s, 1);
    put(s, line, len + 1);
    put_lines(s, 1);
    read_now(s);
    assert_int_equal(s->other, 1);
    assert_int_equal(tail_status(s->tail)->lines, 3);
    assert_int_equal(tail_status(s->tail)->oversized, 0);
    free(line);
}

static void a_line_of_twenty_mebibytes_is_skipped_and_counted(void **state)
{
    struct stage *s = *state;
    size_t len = (size_t)20 << 20;
    char *line = mem_alloc(len + 1);

    memset(line, 'x', len);
    line[len] = '\n';
    open_writer(s);
    put_lines(s, 1);
    put(s, line, len);
    read_now(s);
    assert_true(tail_status(s->tail)->unfinished <= (int64_t)TAIL_LINE_MAX);
    put(s, line + len, 1);
    put_lines(s, 1);
    read_now(s);
    assert_all_read(s);
    assert_int_equal(tail_status(s->tail)->oversized, 1);
    free(line);
}

static void a_folder_in_place_of_the_file_is_told_with_its_reason(void **state)
{
    struct stage *s = *state;

    assert_int_equal(mkdir(s->path, 0755), 0);
    read_now(s);
    assert_int_equal(tail_status(s->tail)->state, READER_FAILED);
    assert_string_equal(strerror(tail_status(s->tail)->error), "Is a directory");
    assert_int_equal(rmdir(s->path), 0);
    open_writer(s);
    put_lines(s, 3);
    let_pass(s, 700);
    assert_int_equal(tail_status(s->tail)->error, 0);
    assert_all_read(s);
}

static void a_fifo_does_not_hold_the_reader_up(void **state)
{
    struct stage *s = *state;

    assert_int_equal(mkfifo(s->path, 0644), 0);
    read_now(s);
    assert_int_equal(tail_status(s->tail)->state, READER_FAILED);
}

static void a_line_can_be_read_again_by_its_place(void **state)
{
    struct stage *s = *state;
    struct strbuf line = {0};

    open_writer(s);
    put_lines(s, 1000);
    read_now(s);
    assert_int_equal(
        tail_read_at(s->tail, s->last_line.file, s->last_line.offset, s->last_line.len, &line), 0);
    assert_string_equal(strbuf_text(&line), "{\"timestamp\":999}");
    assert_int_equal(tail_read_at(s->tail, s->last_line.file + 1, 0, 1, &line), -1);
    strbuf_release(&line);
}

static void empty_lines_are_no_lines(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put(s, "\n\n", 2);
    put_lines(s, 2);
    put(s, "\n", 1);
    read_now(s);
    assert_all_read(s);
}

/* ---- the tracker's lock ---- */

static void hold(const struct stage *s)
{
    assert_int_equal(journal_lock_take(s->fd), 0);
}

static enum writer_state writer(const struct stage *s)
{
    return tail_status(s->tail)->writer;
}

static void a_writer_that_lets_go_is_gone_within_a_second_or_so(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    hold(s);
    let_pass(s, 700);
    assert_int_equal(writer(s), WRITER_THERE);
    assert_int_equal(tail_status(s->tail)->missed_since_ms, -1);
    let_pass(s, 60000);
    assert_int_equal(writer(s), WRITER_THERE);
    close(s->fd); /* as the kernel does it for a process that was killed */
    s->fd = -1;
    let_pass(s, 600);
    assert_int_equal(writer(s), WRITER_THERE);
    let_pass(s, 600);
    assert_int_equal(writer(s), WRITER_GONE);
    assert_in_range(s->now_ms - tail_status(s->tail)->missed_since_ms, 500, 1200);
    let_pass(s, 60000);
    assert_int_equal(writer(s), WRITER_GONE);
    assert_in_range(s->now_ms - tail_status(s->tail)->missed_since_ms, 60500, 61200);
    open_writer(s);
    hold(s);
    let_pass(s, 600);
    assert_int_equal(writer(s), WRITER_THERE);
    assert_int_equal(tail_status(s->tail)->missed_since_ms, -1);
}

static void of_a_writer_that_was_never_seen_nothing_is_said(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    put_lines(s, 3);
    let_pass(s, 5000);
    assert_int_equal(writer(s), WRITER_UNKNOWN);
}

/* Looks come at any moment of a rotation; the old file is closed 5 s after it. */
static void a_writer_that_goes_over_to_a_new_file_stays_there(void **state)
{
    struct stage *s = *state;

    open_writer(s);
    hold(s);
    let_pass(s, 700);
    for (int i = 0; i < 12; i++) {
        char name[16];

        snprintf(name, sizeof(name), ".%d", i);
        let_pass(s, 600 + 100 * i);
        rename_to(s, name);
        open_writer(s); /* closes the old one first, so that none is held for a moment */
        hold(s);
        for (int k = 0; k < 10; k++) {
            let_pass(s, 100);
            assert_int_equal(writer(s), WRITER_THERE);
        }
    }
    let_pass(s, 10000);
    assert_int_equal(writer(s), WRITER_THERE);
    close(s->fd);
    s->fd = -1;
    let_pass(s, 1200);
    assert_int_equal(writer(s), WRITER_GONE);
}

static void of_a_writer_that_stays_with_a_renamed_file_nothing_is_said_in_the_end(void **state)
{
    struct stage *s = *state;
    int old;

    open_writer(s);
    hold(s);
    let_pass(s, 700);
    old = s->fd;
    s->fd = -1;
    rename_to(s, ".1");
    open_writer(s);
    let_pass(s, 2000);
    assert_int_equal(writer(s), WRITER_THERE);
    let_pass(s, 10000);
    assert_int_equal(writer(s), WRITER_UNKNOWN);
    close(old);
    let_pass(s, 3000);
    assert_int_equal(writer(s), WRITER_UNKNOWN);
}

static void looking_for_the_lock_never_takes_it(void **state)
{
    struct stage *s = *state;
    int reader;
    struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int other;

    open_writer(s);
    reader = open(s->path, O_RDONLY);
    other = open(s->path, O_RDONLY);
    assert_int_equal(fcntl(other, F_OFD_SETLK, &shared), 0);
    assert_int_equal(journal_lock_is_held(reader), 0); /* a reader's own lock is no tracker's */
    close(other);
    assert_int_equal(journal_lock_is_held(reader), 0);
    hold(s);
    assert_int_equal(journal_lock_is_held(reader), 1);
    assert_int_equal(journal_lock_is_held(s->fd), 0); /* by itself: by no other */
    close(reader);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_file_that_comes_later_is_read_from_its_start),
        ROW(an_empty_file_is_open_and_has_no_lines),
        ROW(asking_to_retry_looks_at_once),
        ROW(a_line_is_handed_on_when_its_newline_came),
        ROW(an_unfinished_line_is_reported_with_its_age),
        ROW(a_rotation_loses_no_unread_line),
        ROW(the_old_file_is_followed_for_a_while_after_the_rotation),
        ROW(two_rotations_between_two_looks_lose_nothing),
        ROW(files_that_were_rotated_within_one_tick_are_read_in_their_order),
        ROW(sidecars_and_torn_ends_beside_the_file_are_not_taken_for_rotations),
        ROW(the_unfinished_end_of_a_rotated_file_is_handed_on_as_torn),
        ROW(a_torn_end_that_is_cut_off_is_no_truncation),
        ROW(a_truncated_file_is_read_from_its_start),
        ROW(a_file_that_was_truncated_and_grew_past_the_position_is_noticed),
        ROW(what_was_unread_before_a_truncation_is_read_from_the_copy),
        ROW(the_hole_that_a_truncation_leaves_is_skipped),
        ROW(a_removed_file_that_comes_again_is_read),
        ROW(a_new_file_may_get_the_inode_of_one_that_is_gone),
        ROW(a_link_may_be_switched_back_and_forth),
        ROW(a_file_that_may_not_be_read_is_told_and_read_when_it_may),
        ROW(permission_that_is_lost_and_returns_costs_no_line),
        ROW(a_failing_disk_is_told_and_no_line_is_read_twice_or_left_out),
        ROW(a_file_that_stays_unreadable_gives_way_to_its_successor),
        ROW(a_symbolic_link_may_be_switched),
        ROW(a_folder_may_be_removed_and_made_again),
        ROW(a_line_of_eight_mebibytes_is_read_whole),
        ROW(a_line_of_twenty_mebibytes_is_skipped_and_counted),
        ROW(a_folder_in_place_of_the_file_is_told_with_its_reason),
        ROW(a_fifo_does_not_hold_the_reader_up),
        ROW(a_line_can_be_read_again_by_its_place),
        ROW(empty_lines_are_no_lines),
        ROW(a_writer_that_lets_go_is_gone_within_a_second_or_so),
        ROW(of_a_writer_that_was_never_seen_nothing_is_said),
        ROW(a_writer_that_goes_over_to_a_new_file_stays_there),
        ROW(of_a_writer_that_stays_with_a_renamed_file_nothing_is_said_in_the_end),
        ROW(looking_for_the_lock_never_takes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
