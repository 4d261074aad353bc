#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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
#include "io/journal.h"
#include "io/journal_file.h"
#include "base/wake.h"

#define PATIENCE_MS 60000 /* for what must happen soon, on the slowest machine */

/* ---- the disk, as the journal meets it ---- */

#define ENDLESS INT64_MAX

/* Set by the test, obeyed by the journal's thread. */
static _Atomic int64_t disk_room = ENDLESS; /* bytes that still find room */
static _Atomic int64_t disk_piece;          /* the most that one write takes; 0: all */
static _Atomic int write_errno;
static _Atomic int sync_errno;
static _Atomic int cut_errno;
static _Atomic bool is_interrupted; /* the next write is, before it begins */
static _Atomic bool is_sync_held;   /* fdatasync does not return */
static _Atomic int syncs;
static _Atomic int writes;

static bool is_journal(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && flags & O_APPEND;
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    int64_t room = atomic_load(&disk_room);
    int64_t piece = atomic_load(&disk_piece);
    ssize_t n;

    if (!is_journal(fd))
        return __real_write(fd, bytes, len);
    atomic_fetch_add(&writes, 1);
    if (atomic_exchange(&is_interrupted, false)) {
        errno = EINTR;
        return -1;
    }
    errno = atomic_load(&write_errno);
    if (errno)
        return -1;
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (piece && len > (size_t)piece)
        len = (size_t)piece;
    if (len > (uint64_t)room)
        len = (size_t)room;
    n = __real_write(fd, bytes, len);
    if (n > 0 && room != ENDLESS)
        atomic_compare_exchange_strong(&disk_room, &room, room - n);
    return n;
}

int __wrap_fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    while (atomic_load(&is_sync_held))
        usleep(500);
    errno = atomic_load(&sync_errno);
    return errno ? -1 : __real_fdatasync(fd);
}

int __wrap_ftruncate(int fd, off_t len)
{
    errno = atomic_load(&cut_errno);
    return errno ? -1 : __real_ftruncate(fd, len);
}

/* ---- one journal in a folder of its own ---- */

struct fixture {
    char folder[64];
    char path[80];
    char other[80];
    int wake_fd;
    struct journal_options options;
    struct recovery_report report;
    struct journal *journal;
    struct journal_port port;
    struct strbuf expected; /* all that was handed over */
    int64_t offset;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    atomic_store(&disk_room, ENDLESS);
    atomic_store(&disk_piece, 0);
    atomic_store(&write_errno, 0);
    atomic_store(&sync_errno, 0);
    atomic_store(&cut_errno, 0);
    atomic_store(&is_interrupted, false);
    atomic_store(&is_sync_held, false);
    atomic_store(&syncs, 0);
    atomic_store(&writes, 0);
    strcpy(f->folder, "/tmp/test_journal.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/events", f->folder);
    snprintf(f->other, sizeof(f->other), "%s/events.1", f->folder);
    f->wake_fd = wake_open();
    f->options = (struct journal_options){.path = f->path,
                                          .topic = "orders",
                                          .fsync = JOURNAL_FSYNC_GROUP,
                                          .fsync_interval_ms = 10,
                                          .wake_fd = f->wake_fd};
    *state = f;
    return 0;
}

static void open_journal(struct fixture *f)
{
    struct err e = {0};

    f->journal = journal_open(&f->options, &f->report, &e);
    if (!f->journal)
        fail_msg("%s", e.text);
    f->port = journal_port(f->journal);
}

static void close_journal(struct fixture *f)
{
    journal_close(f->journal);
    recovery_report_release(&f->report);
    f->report = (struct recovery_report){0};
    f->journal = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    close_journal(f);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    close(f->wake_fd);
    strbuf_release(&f->expected);
    free(f);
    return 0;
}

/* Hands over `count` lines as one batch. */
static uint64_t submit(struct fixture *f, int count)
{
    struct strbuf lines = {0};
    struct journal_mark mark = {.partition = 3, .timestamp_ms = -1, .rewind_end = -1};
    uint64_t batch;

    for (int i = 0; i < count; i++, f->offset++)
        strbuf_addf(
            &lines,
            "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\","
            "\"kafka_topic\":\"orders\",\"kafka_partition\":3,\"kafka_offset\":%lld,"
            "\"raw_message\":\"%0*d\"}\n",
            (long long)f->offset, (int)(f->offset % 50), 0);
    strbuf_add(&f->expected, lines.data, lines.len);
    mark.next = f->offset;
    batch = f->port.submit(f->journal, &lines, &mark, 1);
    assert_int_equal(lines.len, 0);
    strbuf_release(&lines);
    return batch;
}

static void read_file(const char *path, struct strbuf *text)
{
    FILE *file = fopen(path, "re");
    char block[4096];
    size_t n;

    strbuf_reset(text);
    assert_non_null(file);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        strbuf_add(text, block, n);
    fclose(file);
}

static bool file_holds(const char *path, const char *text, struct strbuf *found)
{
    if (access(path, F_OK) < 0)
        return false;
    read_file(path, found);
    return strstr(strbuf_text(found), text);
}

static void assert_file_is(const char *path, const char *text, size_t len)
{
    struct strbuf found = {0};

    read_file(path, &found);
    assert_int_equal(found.len, len);
    if (len)
        assert_memory_equal(found.data, text, len);
    strbuf_release(&found);
}

static int64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* `condition` is looked at until it holds. */
#define WAIT_UNTIL(condition)                                             \
    do {                                                                  \
        int64_t give_up_ms = clock_mono_ms(clock_system()) + PATIENCE_MS; \
        while (!(condition)) {                                            \
            if (clock_mono_ms(clock_system()) > give_up_ms)               \
                fail_msg("in vain: %s", #condition);                      \
            usleep(500);                                                  \
        }                                                                 \
    } while (0)

static uint64_t durable(struct fixture *f)
{
    return f->port.durable(f->journal);
}

static enum journal_state journal_is(struct fixture *f, struct err *e)
{
    return f->port.state(f->journal, e);
}

/* ---- writing ---- */

static void lines_come_whole_and_in_order(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    for (int i = 0; i < 500; i++)
        assert_int_equal(submit(f, 1 + i % 7), i + 1);
    close_journal(f);
    assert_file_is(f->path, f->expected.data, f->expected.len);
}

static void what_is_there_already_stays(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    submit(f, 5);
    close_journal(f);
    open_journal(f);
    assert_int_equal(submit(f, 5), 1); /* numbers are of this run */
    close_journal(f);
    assert_file_is(f->path, f->expected.data, f->expected.len);
}

static void a_batch_is_durable_after_its_fsync_and_not_before(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    atomic_store(&is_sync_held, true);
    submit(f, 10);
    WAIT_UNTIL(atomic_load(&syncs) == 1);
    assert_int_equal(file_size(f->path), f->expected.len);
    assert_int_equal(durable(f), 0);
    assert_int_equal(f->port.buffered_bytes(f->journal), f->expected.len);
    submit(f, 10); /* the flow does not wait for the disk */
    assert_int_equal(f->port.buffered_bytes(f->journal), f->expected.len);
    atomic_store(&is_sync_held, false);
    WAIT_UNTIL(durable(f) == 2);
    assert_int_equal(f->port.buffered_bytes(f->journal), 0);
    assert_int_equal(file_size(f->path), f->expected.len);
}

static void the_flow_is_woken_when_something_is_durable(void **state)
{
    struct fixture *f = *state;
    struct pollfd p = {.fd = f->wake_fd, .events = POLLIN};

    open_journal(f);
    assert_int_equal(poll(&p, 1, 0), 0);
    submit(f, 1);
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    WAIT_UNTIL(durable(f) == 1);
}

static void under_group_one_fsync_serves_many_batches(void **state)
{
    struct fixture *f = *state;

    f->options.fsync_interval_ms = 3600000;
    open_journal(f);
    for (int i = 0; i < 100; i++)
        submit(f, 1);
    WAIT_UNTIL(file_size(f->path) == (int64_t)f->expected.len);
    assert_int_equal(atomic_load(&syncs), 0);
    assert_int_equal(durable(f), 0);
    f->port.flush_soon(f->journal);
    WAIT_UNTIL(durable(f) == 100);
    assert_int_equal(atomic_load(&syncs), 1);
}

static void under_group_enough_lines_do_not_wait_for_the_interval(void **state)
{
    struct fixture *f = *state;

    f->options.fsync_interval_ms = 3600000;
    open_journal(f);
    while (f->expected.len < (size_t)5 << 20)
        submit(f, 1000);
    WAIT_UNTIL(durable(f) > 0);
    assert_int_equal(atomic_load(&syncs), 1);
}

static void under_always_each_batch_has_its_fsync(void **state)
{
    struct fixture *f = *state;

    f->options.fsync = JOURNAL_FSYNC_ALWAYS;
    f->options.fsync_interval_ms = 3600000;
    open_journal(f);
    for (uint64_t i = 1; i <= 20; i++) {
        assert_int_equal(submit(f, 2), i);
        WAIT_UNTIL(durable(f) == i);
        assert_int_equal(atomic_load(&syncs), i);
    }
}

static void under_never_what_is_written_counts_as_durable(void **state)
{
    struct fixture *f = *state;

    f->options.fsync = JOURNAL_FSYNC_NEVER;
    f->options.fsync_interval_ms = 3600000;
    open_journal(f);
    submit(f, 2);
    WAIT_UNTIL(durable(f) == 1);
    assert_int_equal(atomic_load(&syncs), 0);
    assert_int_equal(file_size(f->path), f->expected.len);
}

static void writes_that_take_only_a_piece_go_on(void **state)
{
    struct fixture *f = *state;

    atomic_store(&disk_piece, 7);
    atomic_store(&is_interrupted, true);
    open_journal(f);
    submit(f, 20);
    WAIT_UNTIL(durable(f) == 1);
    assert_file_is(f->path, f->expected.data, f->expected.len);
}

static void the_slowest_fsync_is_told_once(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    atomic_store(&is_sync_held, true);
    submit(f, 1);
    WAIT_UNTIL(atomic_load(&syncs) == 1);
    usleep(30000);
    atomic_store(&is_sync_held, false);
    WAIT_UNTIL(durable(f) == 1);
    assert_in_range(journal_take_fsync_ms_max(f->journal), 29, PATIENCE_MS);
    assert_int_equal(journal_take_fsync_ms_max(f->journal), 0);
}

/* ---- a full disk ---- */

static void a_full_disk_blocks_until_there_is_room_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct strbuf found = {0};
    struct err e = {0};
    size_t room;

    open_journal(f);
    submit(f, 3);
    WAIT_UNTIL(durable(f) == 1);
    room = 250; /* two lines and a piece of the third */
    atomic_store(&disk_room, (int64_t)room);
    submit(f, 10);
    submit(f, 10);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED);
    assert_non_null(strstr(e.text, f->path));
    assert_non_null(strstr(e.text, strerror(ENOSPC)));
    WAIT_UNTIL(atomic_load(&writes) > 5); /* it keeps trying */
    read_file(f->path, &found);
    assert_int_equal(found.data[found.len - 1], '\n');
    assert_memory_equal(found.data, f->expected.data, found.len);
    assert_int_equal(durable(f), 1);
    atomic_store(&disk_room, ENDLESS);
    WAIT_UNTIL(durable(f) == 3);
    assert_int_equal(journal_is(f, &e), JOURNAL_RUNNING);
    assert_file_is(f->path, f->expected.data, f->expected.len);
    strbuf_release(&found);
}

static void a_disk_that_fills_again_and_again_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    atomic_store(&disk_room, 0);
    open_journal(f);
    submit(f, 30);
    for (int i = 0; i < 8; i++) {
        WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED && atomic_load(&disk_room) == 0);
        atomic_store(&disk_room, 1 + i * 61);
    }
    atomic_store(&disk_room, ENDLESS);
    WAIT_UNTIL(durable(f) == 1);
    assert_file_is(f->path, f->expected.data, f->expected.len);
}

static void closing_on_a_full_disk_leaves_whole_lines(void **state)
{
    struct fixture *f = *state;
    struct strbuf found = {0};
    struct err e = {0};

    open_journal(f);
    atomic_store(&disk_room, 250);
    submit(f, 10);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED && atomic_load(&writes) > 2);
    close_journal(f);
    read_file(f->path, &found);
    assert_true(found.len > 0 && found.len <= 250);
    assert_int_equal(found.data[found.len - 1], '\n');
    assert_memory_equal(found.data, f->expected.data, found.len);
    strbuf_release(&found);
}

/* ---- a broken disk ---- */

static void assert_fails(struct fixture *f, const char *doing, int error)
{
    struct err e = {0};

    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_FAILED);
    assert_non_null(strstr(e.text, doing));
    assert_non_null(strstr(e.text, f->path));
    assert_non_null(strstr(e.text, strerror(error)));
    assert_int_equal(durable(f), 1);
    submit(f, 1);
    f->port.flush_soon(f->journal);
    close_journal(f);
}

static void a_failed_fsync_ends_the_trust(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    submit(f, 1);
    WAIT_UNTIL(durable(f) == 1);
    atomic_store(&sync_errno, EIO);
    submit(f, 1);
    assert_fails(f, "fdatasync", EIO);
}

/* After a failure the kernel may report success and have dropped the pages. */
static void a_fsync_after_a_failed_one_is_not_believed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    open_journal(f);
    submit(f, 1);
    WAIT_UNTIL(durable(f) == 1);
    atomic_store(&sync_errno, EIO);
    submit(f, 1);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_FAILED);
    atomic_store(&sync_errno, 0);
    submit(f, 1);
    assert_fails(f, "fdatasync", EIO);
}

static void a_failed_write_ends_the_trust(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    submit(f, 1);
    WAIT_UNTIL(durable(f) == 1);
    atomic_store(&write_errno, EIO);
    submit(f, 1);
    assert_fails(f, "write", EIO);
}

static void a_torn_line_that_cannot_be_cut_off_ends_the_trust(void **state)
{
    struct fixture *f = *state;

    open_journal(f);
    submit(f, 1);
    WAIT_UNTIL(durable(f) == 1);
    atomic_store(&cut_errno, EIO);
    atomic_store(&disk_room, 10);
    submit(f, 1);
    assert_fails(f, "cut", EIO);
}

/* ---- opening ---- */

static void assert_refused(const struct journal_options *options, const char *why)
{
    struct recovery_report report = {0};
    struct err e = {0};

    assert_null(journal_open(options, &report, &e));
    assert_non_null(strstr(e.text, why));
    recovery_report_release(&report);
}

static void a_second_tracker_on_the_same_file_is_refused(void **state)
{
    struct fixture *f = *state;

    char why[80];

    open_journal(f);
    snprintf(why, sizeof(why), "another tracker writes to it (pid %ld)", (long)getpid());
    assert_refused(&f->options, why);
    submit(f, 1);
    close_journal(f);
    open_journal(f);
}

static void what_is_no_file_is_refused(void **state)
{
    struct fixture *f = *state;

    f->options.path = f->folder;
    assert_refused(&f->options, strerror(EISDIR));
    f->options.path = "/dev/null";
    assert_refused(&f->options, "not a regular file");
    f->options.path = "/tmp/test_journal.nowhere/events";
    assert_refused(&f->options, strerror(ENOENT));
}

static void assert_position(struct fixture *f, int32_t partition, int64_t next, int64_t committed,
                            int64_t rewind_end, int64_t timestamp_ms)
{
    struct journal_position p;

    f->port.position(f->journal, partition, &p);
    assert_int_equal(p.next, next);
    assert_int_equal(p.committed, committed);
    assert_int_equal(p.rewind_end, rewind_end);
    assert_int_equal(p.timestamp_ms, timestamp_ms);
}

static void the_positions_are_known_at_once_and_after_a_restart(void **state)
{
    static const struct journal_mark rewound = {
        .partition = 3, .next = 2, .timestamp_ms = 1795367071402, .rewind_end = 5};
    struct fixture *f = *state;
    struct strbuf line = {0};

    open_journal(f);
    assert_position(f, 3, -1, -1, -1, -1);
    submit(f, 5);
    assert_position(f, 3, 5, -1, -1, -1);
    f->port.note_commit(f->journal, 3, 4);
    strbuf_adds(&line, "{}\n");
    f->port.submit(f->journal, &line, &rewound, 1);
    assert_position(f, 3, 2, 4, 5, 1795367071402);
    strbuf_release(&line);
    close_journal(f);
    open_journal(f);
    assert_position(f, 3, 2, 4, 5, 1795367071402);
    assert_true(f->report.was_clean);
    assert_position(f, 2, -1, -1, -1, -1);
}

/* Nothing else happens then: a restart has to know it all the same. */
static void a_commit_reaches_the_sidecar_of_an_idle_journal(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = {0};
    char sidecar[96];

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5", &text));
    f->port.note_commit(f->journal, 3, 4);
    WAIT_UNTIL(file_holds(sidecar, "\"committed\":4", &text));
    strbuf_release(&text);
}

/* The sidecar never knows of the setting back without the line that tells it. */
static void a_noted_commit_is_void_once_the_line_that_sets_the_partition_back_is_written(
    void **state)
{
    static const struct journal_mark back = {
        .partition = 3, .next = 2, .is_reset = true, .timestamp_ms = -1, .rewind_end = -1};
    struct fixture *f = *state;
    struct strbuf line = {0};
    struct strbuf text = {0};
    struct err e = {0};
    char sidecar[96];

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    open_journal(f);
    submit(f, 5);
    f->port.note_commit(f->journal, 3, 5);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5,\"committed\":5", &text));
    atomic_store(&disk_room, 0);
    strbuf_adds(&line, "{}\n");
    f->port.submit(f->journal, &line, &back, 1);
    assert_position(f, 3, 2, -1, -1, -1);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED);
    assert_int_equal(rename(f->path, f->other), 0);
    f->port.reopen(f->journal);
    WAIT_UNTIL(journal_take_reopened(f->journal));
    assert_true(file_holds(sidecar, "\"next\":5,\"committed\":5", &text));
    atomic_store(&disk_room, ENDLESS);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":2,\"committed\":-1", &text));
    strbuf_release(&line);
    strbuf_release(&text);
}

/* A restart would take offsets that go back for a broken journal. */
static void the_sidecar_says_that_the_cluster_is_another_before_its_first_line(void **state)
{
    struct fixture *f = *state;
    struct journal_position position;
    struct strbuf text = {0};
    char sidecar[96];
    uint64_t last;

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    open_journal(f);
    assert_false(journal_set_cluster(f->journal, "one"));
    submit(f, 5);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5", &text));
    atomic_store(&is_sync_held, true);
    submit(f, 5);
    submit(f, 5);
    assert_true(journal_set_cluster(f->journal, "another"));
    f->offset = 0;
    last = submit(f, 2);
    atomic_store(&is_sync_held, false);
    WAIT_UNTIL(durable(f) == last);
    assert_true(file_holds(sidecar, "\"cluster_id\":\"another\"", &text));
    assert_false(strstr(text.data, "\"next\":15"));
    f->port.position(f->journal, 3, &position);
    assert_int_equal(position.next, 2);
    close_journal(f);
    assert_true(file_holds(sidecar, "\"next\":2", &text));
    strbuf_release(&text);
}

static void only_the_trackers_user_and_group_may_read_the_files(void **state)
{
    struct fixture *f = *state;
    char sidecar[96];
    mode_t before = umask(0);
    struct stat st;

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    open_journal(f);
    submit(f, 1);
    WAIT_UNTIL(stat(sidecar, &st) == 0);
    umask(before);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

static void what_belongs_to_a_journal_is_known_by_any_name(void **state)
{
    struct fixture *f = *state;
    char name[160];
    char linked[96];

    open_journal(f);
    submit(f, 1);
    snprintf(linked, sizeof(linked), "%s.state", f->path);
    WAIT_UNTIL(access(linked, F_OK) == 0);
    assert_true(journal_file_owns(f->path, f->path));
    snprintf(name, sizeof(name), "%s/./events", f->folder);
    assert_true(journal_file_owns(f->path, name));
    assert_false(journal_file_owns(f->path, f->other));
    assert_int_equal(symlink("events", f->other), 0);
    assert_true(journal_file_owns(f->path, f->other));
    assert_true(journal_file_owns(f->other, f->path));
    assert_int_equal(unlink(f->other), 0);
    assert_int_equal(link(f->path, f->other), 0);
    assert_true(journal_file_owns(f->path, f->other));
    snprintf(name, sizeof(name), "%s/../%s/events.state", f->folder, strrchr(f->folder, '/') + 1);
    assert_true(journal_file_owns(f->path, name));
    snprintf(name, sizeof(name), "%s/./events.torn-log", f->folder);
    assert_true(journal_file_owns(f->path, name));
    assert_false(journal_file_owns(f->path, "/tmp/events.torn-log"));
    snprintf(name, sizeof(name), "%s/events.log", f->folder);
    assert_false(journal_file_owns(f->path, name));
}

/* ---- opening anew ---- */

static void after_a_rename_the_new_file_is_written_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    size_t before;
    uint64_t last;

    open_journal(f);
    for (int i = 0; i < 20; i++)
        submit(f, 5);
    before = f->expected.len;
    assert_int_equal(rename(f->path, f->other), 0);
    f->port.reopen(f->journal);
    for (int i = 0; i < 19; i++)
        submit(f, 5);
    last = submit(f, 5);
    WAIT_UNTIL(durable(f) == last);
    assert_true(journal_take_reopened(f->journal));
    assert_false(journal_take_reopened(f->journal));
    assert_file_is(f->other, f->expected.data, before);
    assert_file_is(f->path, f->expected.data + before, f->expected.len - before);
    assert_refused(&f->options, "another tracker writes to it");
}

static void opened_anew_without_a_rename_the_same_file_goes_on(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    open_journal(f);
    submit(f, 5);
    f->port.reopen(f->journal);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 2 || journal_is(f, &e) != JOURNAL_RUNNING);
    assert_int_equal(journal_is(f, &e), JOURNAL_RUNNING);
    assert_file_is(f->path, f->expected.data, f->expected.len);
    assert_refused(&f->options, "another tracker writes to it");
}

static void a_name_that_cannot_be_opened_anew_lets_the_old_file_go_on(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    uint64_t last;

    open_journal(f);
    submit(f, 5);
    assert_int_equal(rename(f->path, f->other), 0);
    assert_int_equal(mkdir(f->path, 0755), 0);
    f->port.reopen(f->journal);
    last = submit(f, 5);
    WAIT_UNTIL(durable(f) == last || journal_is(f, &e) != JOURNAL_RUNNING);
    assert_int_equal(journal_is(f, &e), JOURNAL_RUNNING);
    assert_true(journal_take_warning(f->journal, &e));
    assert_non_null(strstr(e.text, "the file that was open before goes on"));
    assert_false(journal_take_reopened(f->journal));
    assert_file_is(f->other, f->expected.data, f->expected.len);
    assert_int_equal(rmdir(f->path), 0);
}

/* logrotate's copytruncate. */
static void a_file_that_was_cut_to_nothing_goes_on_without_a_hole(void **state)
{
    struct fixture *f = *state;
    size_t before;

    open_journal(f);
    submit(f, 50);
    WAIT_UNTIL(durable(f) == 1);
    before = f->expected.len;
    assert_int_equal(truncate(f->path, 0), 0);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 2);
    assert_file_is(f->path, f->expected.data + before, f->expected.len - before);
    close_journal(f);
    open_journal(f);
    assert_int_equal(f->report.broken_lines, 0);
    assert_int_equal(f->report.torn_bytes, 0);
}

/* ---- what others do to the file ---- */

/* The file that was read from and the one at the path hold all lines, each once, in order. */
static void assert_files_are(struct fixture *f, int old)
{
    struct strbuf all = {0};
    struct strbuf found = {0};
    char block[4096];
    ssize_t n;

    while ((n = read(old, block, sizeof(block))) > 0)
        strbuf_add(&all, block, (size_t)n);
    assert_true(all.len > 0 && all.data[all.len - 1] == '\n');
    read_file(f->path, &found);
    strbuf_add(&all, strbuf_text(&found), found.len);
    assert_int_equal(all.len, f->expected.len);
    assert_memory_equal(all.data, f->expected.data, all.len);
    strbuf_release(&all);
    strbuf_release(&found);
}

/* Returns a descriptor of the file, which now holds some of the lines and finds no room for
 * more. */
static int fill_disk(struct fixture *f)
{
    struct err e = {0};
    int fd;

    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 1);
    atomic_store(&disk_room, 1000);
    submit(f, 50);
    submit(f, 5);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED);
    fd = open(f->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Somebody wants to move the old file away, to make room. */
static void on_a_full_disk_too_a_rename_and_a_reopening_let_go_of_the_file(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = {0};
    int old = fill_disk(f);
    char position[32];
    char sidecar[96];
    int lines = 0;

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    assert_int_equal(rename(f->path, f->other), 0);
    f->port.reopen(f->journal);
    WAIT_UNTIL(journal_take_reopened(f->journal));
    assert_int_equal(file_size(f->path), 0);
    assert_int_equal(journal_lock_take(old), 0);
    read_file(f->other, &text);
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    assert_in_range(lines, 6, 54);
    /* the state knows what the old file holds, to its last line */
    snprintf(position, sizeof(position), "\"next\":%d,", lines);
    assert_true(file_holds(sidecar, position, &text));
    assert_int_equal(durable(f), 1);
    atomic_store(&disk_room, ENDLESS);
    WAIT_UNTIL(durable(f) == 3);
    assert_files_are(f, old);
    close(old);
    close_journal(f);
    open_journal(f);
    assert_position(f, 3, 60, -1, -1, -1);
    strbuf_release(&text);
}

static void a_deleted_file_on_a_full_disk_is_let_go_of_too(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = {0};
    struct err e = {0};
    int old = fill_disk(f);
    int64_t size = file_size(f->path);

    assert_int_equal(unlink(f->path), 0);
    WAIT_UNTIL(journal_take_loss(f->journal, &e));
    assert_int_equal(file_size(f->path), 0);
    assert_int_equal(journal_lock_take(old), 0);
    assert_int_equal(durable(f), 1);
    atomic_store(&disk_room, ENDLESS);
    WAIT_UNTIL(durable(f) == 3);
    assert_int_equal(journal_is(f, &e), JOURNAL_RUNNING);
    /* what was written within the last second may have been written later than the deletion */
    read_file(f->path, &text);
    assert_in_range(text.len, f->expected.len - (size_t)size, f->expected.len);
    assert_memory_equal(text.data, f->expected.data + f->expected.len - text.len, text.len);
    strbuf_release(&text);
    close(old);
}

/* What was written to the deleted file is durable only once another file has it. */
static void lines_written_to_a_deleted_file_are_the_first_of_a_new_one(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    size_t before;

    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 1);
    before = f->expected.len;
    assert_int_equal(unlink(f->path), 0);
    for (int i = 0; i < 3; i++)
        submit(f, 5);
    WAIT_UNTIL(durable(f) == 4);
    assert_file_is(f->path, f->expected.data + before, f->expected.len - before);
    assert_true(journal_take_loss(f->journal, &e));
    assert_non_null(strstr(e.text, f->path));
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 5);
    assert_file_is(f->path, f->expected.data + before, f->expected.len - before);
    close_journal(f);
    open_journal(f);
    assert_true(f->report.had_state);
    assert_position(f, 3, 25, -1, -1, -1);
}

static void a_deleted_file_is_created_again_though_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 1);
    assert_int_equal(unlink(f->path), 0);
    WAIT_UNTIL(file_size(f->path) == 0);
    WAIT_UNTIL(journal_take_loss(f->journal, &e));
    assert_non_null(strstr(e.text, "since are kept: 0"));
    assert_false(journal_take_loss(f->journal, &e));
    assert_position(f, 3, 5, -1, -1, -1);
}

static size_t line_start(const struct fixture *f, int number)
{
    const char *at = f->expected.data;

    while (number-- > 0)
        at = strchr(at, '\n') + 1;
    return (size_t)(at - f->expected.data);
}

/* As sed -i does: what was written while it read is in neither file but ours. */
static void a_file_that_replaces_the_journal_gets_the_lines_it_lacks(void **state)
{
    struct fixture *f = *state;
    FILE *copy;

    open_journal(f);
    submit(f, 10);
    WAIT_UNTIL(durable(f) == 1);
    copy = fopen(f->other, "we");
    assert_non_null(copy);
    fwrite(f->expected.data, 1, line_start(f, 7) + 9, copy);
    fclose(copy);
    assert_int_equal(rename(f->other, f->path), 0);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 2);
    assert_file_is(f->path, f->expected.data, f->expected.len);
    assert_refused(&f->options, "another tracker writes to it");
}

static void a_foreign_file_in_place_of_the_journal_gets_what_is_written_from_then_on(void **state)
{
    static const char foreign[] = "of another one\n";
    struct fixture *f = *state;
    struct strbuf expected = {0};
    size_t before;
    FILE *file;

    open_journal(f);
    submit(f, 10);
    WAIT_UNTIL(durable(f) == 1);
    before = f->expected.len;
    file = fopen(f->other, "we");
    assert_non_null(file);
    fputs(foreign, file);
    fclose(file);
    assert_int_equal(rename(f->other, f->path), 0);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 2);
    strbuf_adds(&expected, foreign);
    strbuf_add(&expected, f->expected.data + before, f->expected.len - before);
    assert_file_is(f->path, expected.data, expected.len);
    strbuf_release(&expected);
}

static void while_a_deleted_file_cannot_be_created_again_nothing_is_durable(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    size_t before;

    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 1);
    before = f->expected.len;
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkdir(f->path, 0755), 0);
    submit(f, 5);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED);
    assert_non_null(strstr(e.text, "it was deleted or replaced"));
    assert_int_equal(durable(f), 1);
    assert_int_equal(rmdir(f->path), 0);
    WAIT_UNTIL(durable(f) == 2);
    assert_int_equal(journal_is(f, &e), JOURNAL_RUNNING);
    assert_file_is(f->path, f->expected.data + before, f->expected.len - before);
}

static void a_close_does_not_wait_for_a_file_that_cannot_be_created(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};

    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(durable(f) == 1);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(mkdir(f->path, 0755), 0);
    submit(f, 5);
    WAIT_UNTIL(journal_is(f, &e) == JOURNAL_BLOCKED);
    close_journal(f);
    assert_int_equal(rmdir(f->path), 0);
}

static void a_state_that_is_deleted_or_replaced_is_written_again(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = {0};
    char sidecar[96];
    FILE *file;

    snprintf(sidecar, sizeof(sidecar), "%s.state", f->path);
    open_journal(f);
    submit(f, 5);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5", &text));
    assert_int_equal(unlink(sidecar), 0);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5", &text));
    file = fopen(sidecar, "we");
    assert_non_null(file);
    fputs("{}", file);
    fclose(file);
    WAIT_UNTIL(file_holds(sidecar, "\"next\":5", &text));
    strbuf_release(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_come_whole_and_in_order),
        TEST(what_is_there_already_stays),
        TEST(a_batch_is_durable_after_its_fsync_and_not_before),
        TEST(the_flow_is_woken_when_something_is_durable),
        TEST(under_group_one_fsync_serves_many_batches),
        TEST(under_group_enough_lines_do_not_wait_for_the_interval),
        TEST(under_always_each_batch_has_its_fsync),
        TEST(under_never_what_is_written_counts_as_durable),
        TEST(writes_that_take_only_a_piece_go_on),
        TEST(the_slowest_fsync_is_told_once),
        TEST(a_full_disk_blocks_until_there_is_room_and_nothing_is_lost),
        TEST(a_disk_that_fills_again_and_again_loses_nothing),
        TEST(closing_on_a_full_disk_leaves_whole_lines),
        TEST(a_failed_fsync_ends_the_trust),
        TEST(a_fsync_after_a_failed_one_is_not_believed),
        TEST(a_failed_write_ends_the_trust),
        TEST(a_torn_line_that_cannot_be_cut_off_ends_the_trust),
        TEST(a_second_tracker_on_the_same_file_is_refused),
        TEST(what_is_no_file_is_refused),
        TEST(the_positions_are_known_at_once_and_after_a_restart),
        TEST(the_sidecar_says_that_the_cluster_is_another_before_its_first_line),
        TEST(only_the_trackers_user_and_group_may_read_the_files),
        TEST(what_belongs_to_a_journal_is_known_by_any_name),
        TEST(a_commit_reaches_the_sidecar_of_an_idle_journal),
        TEST(a_noted_commit_is_void_once_the_line_that_sets_the_partition_back_is_written),
        TEST(after_a_rename_the_new_file_is_written_and_nothing_is_lost),
        TEST(opened_anew_without_a_rename_the_same_file_goes_on),
        TEST(a_name_that_cannot_be_opened_anew_lets_the_old_file_go_on),
        TEST(a_file_that_was_cut_to_nothing_goes_on_without_a_hole),
        TEST(on_a_full_disk_too_a_rename_and_a_reopening_let_go_of_the_file),
        TEST(a_deleted_file_on_a_full_disk_is_let_go_of_too),
        TEST(lines_written_to_a_deleted_file_are_the_first_of_a_new_one),
        TEST(a_deleted_file_is_created_again_though_nothing_is_written),
        TEST(a_file_that_replaces_the_journal_gets_the_lines_it_lacks),
        TEST(a_foreign_file_in_place_of_the_journal_gets_what_is_written_from_then_on),
        TEST(while_a_deleted_file_cannot_be_created_again_nothing_is_durable),
        TEST(a_close_does_not_wait_for_a_file_that_cannot_be_created),
        TEST(a_state_that_is_deleted_or_replaced_is_written_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
