#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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

#include "io/journal_file.h"
#include "io/recovery.h"

#define LINE(partition, offset)                                                               \
    "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\","        \
    "\"kafka_topic\":\"orders\",\"kafka_partition\":" #partition ",\"kafka_offset\":" #offset \
    ",\"message_size\":1,\"deserialized\":true,\"kafka_timestamp_ms\":1000" #offset           \
    ",\"outcome\":\"processed\",\"attempts\":1}\n"

#define SPAN(kind, partition, from, to)                                                     \
    "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal." kind "\","      \
    "\"kafka_topic\":\"orders\",\"kafka_partition\":" #partition ",\"kafka_offset\":" #from \
    ",\"from\":" #from ",\"to\":" #to "}\n"

/* So many writes find no room but for half of what they bring. */
static int full_writes;

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (full_writes == 0)
        return __real_write(fd, bytes, len);
    if (len > 1)
        return __real_write(fd, bytes, len / 2);
    full_writes--;
    errno = ENOSPC;
    return -1;
}

struct fixture {
    char folder[64];
    char path[128];
    char sidecar[128];
    struct recovery_patience patience;
    struct checkpoint state;
    struct recovery_report report;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/recovery.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/tracker.events", f->folder);
    snprintf(f->sidecar, sizeof(f->sidecar), "%s/tracker.events.state", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char pattern[128];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/*", f->folder);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    rmdir(f->folder);
    checkpoint_release(&f->state);
    recovery_report_release(&f->report);
    free(f);
    return 0;
}

static void append(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void append_text(const char *path, const char *text)
{
    append(path, text, strlen(text));
}

static int64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void recover(struct fixture *f)
{
    struct err e = {0};
    int fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    checkpoint_release(&f->state);
    recovery_report_release(&f->report);
    assert_true(fd >= 0);
    assert_int_equal(recovery_run(f->path, f->sidecar, fd, &f->patience, &f->state, &f->report, &e),
                     0);
    close(fd);
}

static void identify(struct fixture *f)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);

    assert_int_equal(recovery_identify(fd, &f->state), 0);
    close(fd);
}

static void save(struct fixture *f)
{
    struct err e = {0};

    assert_int_equal(sidecar_write(f->sidecar, &f->state, NULL, &e), 0);
}

static const struct checkpoint_entry *entry_of(struct fixture *f, int32_t partition)
{
    return checkpoint_find(&f->state, "orders", partition);
}

static int64_t next_of(struct fixture *f, int32_t partition)
{
    return entry_of(f, partition)->next;
}

/* Longer than what is read at once, so that lines begin, end and go on at every place of a
 * block. */
static void lines_over_many_blocks_are_read_whole(void **state)
{
    static const char head[] =
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"raw_message\":\"";
    struct fixture *f = *state;
    size_t largest = (size_t)3 << 18;
    char *filler = malloc(largest);
    int64_t offset = 0;

    assert_non_null(filler);
    memset(filler, 'x', largest);
    for (size_t len = largest; len > 0; len = len / 4 * 3, offset++) {
        char end[64];

        snprintf(end, sizeof(end), "\",\"kafka_offset\":%d}\n", (int)offset);
        append(f->path, head, sizeof(head) - 1);
        append(f->path, filler, len);
        append(f->path, end, strlen(end));
    }
    append(f->path, filler, largest);
    recover(f);
    free(filler);
    assert_int_equal(f->report.scanned_lines, offset);
    assert_int_equal(f->report.broken_lines, 0);
    assert_int_equal(next_of(f, 0), offset);
    assert_int_equal(f->report.torn_bytes, largest);
}

static void without_a_sidecar_the_whole_journal_is_read(void **state)
{
    static const char text[] = LINE(0, 7) LINE(1, 3) LINE(0, 8) SPAN("gap", 0, 9, 20) LINE(0, 20)
        SPAN("skip", 0, 21, 24); /* no record, so the last one stays it */
    struct fixture *f = *state;

    append(f->path, text, sizeof(text) - 1);
    recover(f);
    assert_false(f->report.had_state);
    assert_int_equal(f->report.scanned_lines, 6);
    assert_int_equal(next_of(f, 0), 21);
    assert_int_equal(next_of(f, 1), 4);
    assert_int_equal(next_of(f, 2), -1);
    assert_int_equal(f->state.length, sizeof(text) - 1);
}

static void with_a_sidecar_only_what_lies_behind_it_is_read(void **state)
{
    static const char first[] = LINE(0, 7) LINE(0, 8);
    static const char second[] = LINE(0, 9);
    struct fixture *f = *state;

    append(f->path, first, sizeof(first) - 1);
    recover(f);
    checkpoint_find(&f->state, "orders", 0)->committed = 8;
    save(f);
    append(f->path, second, sizeof(second) - 1);
    recover(f);
    assert_true(f->report.had_state);
    assert_int_equal(f->report.scanned_lines, 1);
    assert_int_equal(next_of(f, 0), 10);
    assert_int_equal(checkpoint_find(&f->state, "orders", 0)->committed, 8);
}

static void a_replay_sets_a_partition_back(void **state)
{
    static const char text[] = LINE(0, 50) SPAN("replay", 0, 20, 51) LINE(0, 20);
    struct fixture *f = *state;

    append(f->path, text, sizeof(text) - 1);
    recover(f);
    assert_int_equal(next_of(f, 0), 21);
    assert_int_equal(entry_of(f, 0)->committed, 20);
}

/* What is before its end is reprocessed, also after a restart in the middle of it. */
static void a_rewind_is_in_progress_until_its_end_is_reached(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 50) SPAN("replay", 0, 20, 51) LINE(0, 20));
    recover(f);
    assert_int_equal(entry_of(f, 0)->rewind_end, 51);
    save(f);
    append_text(f->path, LINE(0, 49));
    recover(f);
    assert_int_equal(f->report.scanned_lines, 1);
    assert_int_equal(entry_of(f, 0)->rewind_end, 51);
    append_text(f->path, LINE(0, 50) LINE(1, 7) SPAN("replay", 1, 2, 8) SPAN("gap", 1, 2, 9));
    recover(f);
    assert_int_equal(entry_of(f, 0)->rewind_end, -1);
    assert_int_equal(entry_of(f, 1)->rewind_end, -1);
}

static void the_lines_of_a_recreated_topic_are_no_rewind(void **state)
{
    static const char recreated[] =
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"journal.replay\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"kafka_offset\":0,"
        "\"from\":0,\"to\":51,\"recreated\":true}\n";
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 50) SPAN("replay", 0, 20, 51));
    append_text(f->path, recreated);
    recover(f);
    assert_int_equal(next_of(f, 0), 0);
    assert_int_equal(entry_of(f, 0)->rewind_end, -1);
}

static void the_time_of_the_last_record_is_known_again(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 7) LINE(0, 8) LINE(1, 3) SPAN("gap", 1, 4, 9));
    recover(f);
    assert_int_equal(entry_of(f, 0)->timestamp_ms, 10008);
    assert_int_equal(entry_of(f, 1)->timestamp_ms, -1);
}

static void a_torn_line_is_moved_aside_byte_for_byte_and_cut_off(void **state)
{
    static const char whole[] = LINE(0, 1);
    static const char torn[] = "{\"timestamp\":\"2026-11-22T17:04:3\0\xff";
    char copy[sizeof(torn)];
    struct fixture *f = *state;
    FILE *file;

    append(f->path, whole, sizeof(whole) - 1);
    append(f->path, torn, sizeof(torn) - 1);
    recover(f);
    assert_int_equal(f->report.torn_bytes, sizeof(torn) - 1);
    assert_int_equal(size_of(f->path), sizeof(whole) - 1);
    assert_int_equal(f->state.length, sizeof(whole) - 1);
    assert_int_equal(next_of(f, 0), 2);
    file = fopen(f->report.torn_path.data, "re");
    assert_non_null(file);
    assert_int_equal(fread(copy, 1, sizeof(copy), file), sizeof(torn) - 1);
    assert_memory_equal(copy, torn, sizeof(torn) - 1);
    fclose(file);
}

static size_t count_torn(const struct fixture *f)
{
    char pattern[160];
    glob_t found;
    size_t count = 0;

    snprintf(pattern, sizeof(pattern), "%s.torn-*", f->path);
    if (glob(pattern, 0, NULL, &found) == 0)
        count = found.gl_pathc;
    globfree(&found);
    return count;
}

struct patient {
    struct fixture *f;
    int waits;
    int patience;
};

static bool wait_a_little(void *ctx, const struct err *why)
{
    struct patient *p = ctx;

    assert_non_null(strstr(why->text, strerror(ENOSPC)));
    assert_int_equal(count_torn(p->f), 0);
    return p->waits++ < p->patience;
}

static void a_torn_line_waits_for_room_and_leaves_one_file(void **state)
{
    static const char torn[] = "{\"timestamp\":\"2026";
    struct fixture *f = *state;
    struct patient patient = {.f = f, .patience = 100};

    f->patience = (struct recovery_patience){.wait = wait_a_little, .ctx = &patient};
    append_text(f->path, LINE(0, 1));
    append_text(f->path, torn);
    full_writes = 3;
    recover(f);
    assert_int_equal(patient.waits, 3);
    assert_int_equal(count_torn(f), 1);
    assert_int_equal(size_of(f->report.torn_path.data), strlen(torn));
    assert_int_equal(f->report.torn_bytes, strlen(torn));
    assert_int_equal(size_of(f->path), sizeof(LINE(0, 1)) - 1);
    assert_int_equal(next_of(f, 0), 2);
}

static void who_does_not_wait_for_room_leaves_all_as_it_is(void **state)
{
    static const char text[] = LINE(0, 1) "{\"time";
    struct fixture *f = *state;
    struct patient patient = {.f = f, .patience = 2};
    struct err e = {0};
    int fd;

    f->patience = (struct recovery_patience){.wait = wait_a_little, .ctx = &patient};
    append_text(f->path, text);
    fd = open(f->path, O_RDWR | O_APPEND | O_CLOEXEC);
    full_writes = 100;
    assert_int_equal(recovery_run(f->path, f->sidecar, fd, &f->patience, &f->state, &f->report, &e),
                     -1);
    full_writes = 0;
    assert_int_equal(patient.waits, 3);
    assert_int_equal(count_torn(f), 0);
    assert_int_equal(size_of(f->path), sizeof(text) - 1);
    close(fd);
}

static void a_journal_that_is_one_torn_line_becomes_empty(void **state)
{
    struct fixture *f = *state;

    append(f->path, "{\"time", 6);
    recover(f);
    assert_int_equal(size_of(f->path), 0);
    assert_int_equal(f->report.torn_bytes, 6);
}

/* Behind the last offset there is can be none. */
static void an_offset_without_a_next_one_is_a_broken_line(void **state)
{
    static const char *const broken[] = {LINE(0, 9223372036854775807), LINE(0, -1)};
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 1));
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        append_text(f->path, broken[i]);
        recover(f);
        assert_int_equal(f->report.torn_bytes, strlen(broken[i]));
        assert_int_equal(next_of(f, 0), 2);
    }
}

static void a_file_that_was_cut_and_has_grown_again_is_read_from_its_beginning(void **state)
{
    static const char first[] = LINE(0, 1) LINE(0, 2);
    static const char second[] = LINE(0, 3) LINE(0, 4) LINE(0, 5);
    struct fixture *f = *state;

    append(f->path, first, sizeof(first) - 1);
    recover(f);
    save(f);
    assert_int_equal(truncate(f->path, 0), 0);
    append(f->path, second, sizeof(second) - 1);
    recover(f);
    assert_int_equal(f->report.scanned_lines, 3);
    assert_int_equal(next_of(f, 0), 6);
}

static void the_last_lines_of_a_renamed_journal_count_too(void **state)
{
    static const char first[] = LINE(0, 1) LINE(1, 1);
    static const char late[] = LINE(0, 2);
    static const char fresh[] = LINE(1, 2);
    struct fixture *f = *state;
    char renamed[160];

    append(f->path, first, sizeof(first) - 1);
    recover(f);
    save(f);
    append(f->path, late, sizeof(late) - 1);
    snprintf(renamed, sizeof(renamed), "%s.1", f->path);
    assert_int_equal(rename(f->path, renamed), 0);
    append(f->path, fresh, sizeof(fresh) - 1);
    recover(f);
    assert_int_equal(next_of(f, 0), 3);
    assert_int_equal(next_of(f, 1), 3);
}

/* Renames the journal as a rotation does. */
static void rotate(const struct fixture *f, const char *suffix)
{
    char renamed[160];

    snprintf(renamed, sizeof(renamed), "%s%s", f->path, suffix);
    assert_int_equal(rename(f->path, renamed), 0);
}

/* So that it was last written so many seconds after the sidecar. */
static void rotate_after(const struct fixture *f, const char *suffix, int seconds)
{
    struct timespec times[2];
    struct stat st;

    assert_int_equal(stat(f->sidecar, &st), 0);
    st.st_mtim.tv_sec += seconds;
    times[0] = times[1] = st.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
    rotate(f, suffix);
}

/* The sidecar could not be written at either rotation. */
static void the_lines_of_a_journal_between_two_rotations_count_too(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 1) LINE(1, 1));
    recover(f);
    save(f);
    append_text(f->path, LINE(0, 2));
    rotate(f, ".2");
    append_text(f->path, LINE(0, 3) LINE(1, 2));
    rotate(f, ".1");
    append_text(f->path, LINE(0, 4));
    recover(f);
    assert_int_equal(next_of(f, 0), 5);
    assert_int_equal(next_of(f, 1), 3);
    assert_int_equal(f->report.scanned_lines, 4);
}

static void many_rotations_without_a_sidecar_are_read_in_their_order(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    rotate_after(f, "-20261122", 1);
    append_text(f->path, LINE(0, 2) LINE(1, 7) LINE(2, 70));
    rotate_after(f, "-20261123", 2);
    append_text(f->path, LINE(0, 3) SPAN("replay", 1, 4, 8) LINE(1, 4));
    rotate_after(f, "-20261124", 3);
    append_text(f->path, SPAN("gap", 2, 71, 90));
    rotate_after(f, "-20261125", 4);
    recover(f);
    assert_int_equal(next_of(f, 0), 4);
    assert_int_equal(next_of(f, 1), 5);
    assert_int_equal(checkpoint_find(&f->state, "orders", 1)->committed, 4);
    assert_int_equal(next_of(f, 2), 90);
}

/* People copy files while the tracker is down. */
static void a_copy_of_an_older_journal_sets_nothing_back(void **state)
{
    struct fixture *f = *state;
    char copy[160];

    append_text(f->path, LINE(0, 41) LINE(1, 5));
    recover(f);
    save(f);
    rotate(f, ".1");
    append_text(f->path, LINE(1, 6));
    snprintf(copy, sizeof(copy), "%s.log", f->path);
    append_text(copy, "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"level\":\"INFO\"}\n");
    snprintf(copy, sizeof(copy), "%s.copy", f->path);
    append_text(copy,
                LINE(0, 9) SPAN("replay", 0, 3, 10) LINE(0, 3) SPAN("gap", 0, 4, 7) LINE(1, 1));
    recover(f);
    assert_int_equal(next_of(f, 0), 42);
    assert_int_equal(next_of(f, 1), 7);
    assert_int_equal(f->report.broken_lines, 0);
}

static void what_else_lies_beside_a_journal_is_not_read(void **state)
{
    static const char *const others[] = {
        ".torn-2026-11-22T17:04:31.402Z", ".b.state", ".b.state.tmp", ".b", ".2.gz", "2"};
    struct fixture *f = *state;
    char path[160];

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    rotate(f, ".1");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", f->path, others[i]);
        append_text(path, LINE(0, 100));
    }
    recover(f);
    assert_int_equal(next_of(f, 0), 2);
    assert_int_equal(f->report.scanned_lines, 0);
}

static void what_was_rotated_before_the_sidecar_is_not_read_again(void **state)
{
    const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    struct fixture *f = *state;
    char older[160];

    snprintf(older, sizeof(older), "%s.7", f->path);
    append_text(older, LINE(0, 100));
    assert_int_equal(utimensat(AT_FDCWD, older, long_ago, 0), 0);
    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    rotate(f, ".1");
    recover(f);
    assert_int_equal(next_of(f, 0), 2);
    assert_int_equal(f->report.scanned_lines, 0);
}

/* Union of all files: each line in them is whole. */
static void the_torn_tail_of_a_renamed_journal_is_moved_aside_too(void **state)
{
    struct fixture *f = *state;
    char renamed[160];

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    append_text(f->path, LINE(0, 2) "{\"timest");
    rotate(f, ".1");
    recover(f);
    snprintf(renamed, sizeof(renamed), "%s.1", f->path);
    assert_int_equal(size_of(renamed), sizeof(LINE(0, 1) LINE(0, 2)) - 1);
    assert_int_equal(f->report.torn_bytes, strlen("{\"timest"));
    assert_int_equal(size_of(f->report.torn_path.data), strlen("{\"timest"));
    assert_int_equal(next_of(f, 0), 3);
}

/* Its tracker was not told of the rotation and lives. */
static void a_renamed_journal_that_is_still_written_to_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char renamed[160];
    int writer;
    int fd;

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    rotate(f, ".1");
    snprintf(renamed, sizeof(renamed), "%s.1", f->path);
    writer = open(renamed, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(journal_lock_take(writer), 0);
    fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    checkpoint_release(&f->state);
    recovery_report_release(&f->report);
    assert_int_equal(recovery_run(f->path, f->sidecar, fd, &f->patience, &f->state, &f->report, &e),
                     -1);
    assert_non_null(strstr(e.text, renamed));
    assert_non_null(strstr(e.text, "another tracker writes to it"));
    close(fd);
    close(writer);
}

/* The state says that they were synced as they are. */
static void broken_lines_before_the_length_of_the_sidecar_stay(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 1) "nonsense\n\n" LINE(0, 2));
    identify(f);
    save(f);
    append_text(f->path, LINE(0, 3));
    recover(f);
    assert_int_equal(f->report.broken_lines, 0);
    assert_int_equal(f->report.torn_bytes, 0);
    assert_int_equal(next_of(f, 0), 4);
}

/* A journal of gigabytes is not thrown away for a line that somebody broke long ago. */
static void a_broken_line_that_must_have_been_synced_stays_and_is_counted(void **state)
{
    static const char head[] =
        "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\","
        "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"kafka_offset\":2,\"filler\":\"";
    struct fixture *f = *state;
    size_t len = (size_t)RECOVERY_UNSYNCED_BYTES;
    char *filler = malloc(len);
    int64_t size;

    assert_non_null(filler);
    memset(filler, 'x', len);
    append_text(f->path, LINE(0, 1) "nonsense\n");
    append_text(f->path, head);
    append(f->path, filler, len);
    append_text(f->path, "\"}\n");
    free(filler);
    size = size_of(f->path);
    recover(f);
    assert_int_equal(f->report.broken_lines, 1);
    assert_int_equal(f->report.first_broken_at, sizeof(LINE(0, 1)) - 1);
    assert_int_equal(size_of(f->path), size);
    assert_int_equal(next_of(f, 0), 3);
}

/* What a disk without power may leave between the lines for 1 and 2, and those for 4 and 5. */
static void assert_trust_ends(struct fixture *f, const char *broken, size_t len)
{
    static const char whole[] = LINE(0, 0) LINE(0, 1);

    unlink(f->path);
    append_text(f->path, LINE(0, 0));
    checkpoint_find(&f->state, "orders", 0)->next = 1;
    identify(f);
    save(f);
    append_text(f->path, LINE(0, 1));
    append(f->path, broken, len);
    append_text(f->path, LINE(0, 4) LINE(0, 5));
    recover(f);
    assert_true(f->report.had_state);
    assert_int_equal(next_of(f, 0), 2);
    assert_int_equal(size_of(f->path), sizeof(whole) - 1);
    assert_int_equal(f->state.length, sizeof(whole) - 1);
    assert_int_equal(f->report.broken_lines, 0);
    assert_in_range(f->report.torn_lines, 1, 2);
    assert_int_equal(f->report.torn_bytes, len + sizeof(LINE(0, 4) LINE(0, 5)) - 1);
    assert_int_equal(size_of(f->report.torn_path.data), f->report.torn_bytes);
    assert_int_equal(unlink(f->report.torn_path.data), 0);
}

#define HEAD(offset, size)                                                             \
    "{\"timestamp\":\"2026-11-22T17:04:31.402Z\",\"event_type\":\"message.received\"," \
    "\"kafka_topic\":\"orders\",\"kafka_partition\":0,\"kafka_offset\":" #offset       \
    ",\"message_size\":" #size ",\"deserialized\":true,"

static void behind_the_length_of_the_sidecar_the_first_broken_line_ends_the_trust(void **state)
{
    static char zeros[3 * 4096];
    struct fixture *f = *state;
    struct strbuf broken = {0};

    /* one lost block, before and after a line's end */
    strbuf_add(&broken, zeros, 4096);
    assert_trust_ends(f, broken.data, broken.len);
    strbuf_adds(&broken, "\n");
    assert_trust_ends(f, broken.data, broken.len);
    /* from within one line into another one, behind it a line that is whole and one more block */
    strbuf_reset(&broken);
    strbuf_adds(&broken, HEAD(2, 9000) "\"raw_message\":\"abc");
    strbuf_add(&broken, zeros, sizeof(zeros));
    strbuf_adds(&broken, "xyz\"}\n" LINE(0, 3));
    strbuf_add(&broken, zeros, 4096);
    assert_trust_ends(f, broken.data, broken.len);
    strbuf_release(&broken);
}

static void a_line_of_the_pieces_of_two_is_broken(void **state)
{
    static const char *const mixed[] = {
        HEAD(2, 9) "\"raw_message\":\"abc\"}\n",
        HEAD(2, 3) "\"raw_message\":\"a\\\"b\\u00e9c\"}\n",
        HEAD(2, 9) "\"raw_message\":\"/wAA\",\"raw_encoding\":\"base64\"}\n",
        HEAD(2, null) "\"raw_message\":\"\"}\n",
        HEAD(2, 3) "\"raw_message\":\"abc\"}{}\n",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++)
        assert_trust_ends(f, mixed[i], strlen(mixed[i]));
}

/* A block may come back with what it held before. */
static void offsets_that_go_back_without_a_reason_end_the_trust(void **state)
{
    struct fixture *f = *state;

    assert_trust_ends(f, LINE(0, 1), sizeof(LINE(0, 1)) - 1);
    assert_trust_ends(f, LINE(0, 0), sizeof(LINE(0, 0)) - 1);
    assert_trust_ends(f, SPAN("gap", 0, 1, 9), sizeof(SPAN("gap", 0, 1, 9)) - 1);
}

static void lines_of_any_kind_that_go_on_are_trusted(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 0));
    recover(f);
    save(f);
    append_text(f->path, HEAD(1, 3) "\"raw_message\":\"abc\"}\n" HEAD(
                             2, 6) "\"raw_message\":\"a\\\"b\\u00e9\\n\"}\n");
    append_text(f->path, HEAD(3, 3) "\"raw_message\":\"/wAA\",\"raw_encoding\":\"base64\"}\n");
    append_text(f->path, HEAD(4, 1) "\"raw_message\":\"/w==\",\"raw_encoding\":\"base64\"}\n");
    append_text(f->path, HEAD(5, 4) "\"raw_message\":\"\\ud83d\\ude00\"}\n" HEAD(
                             6, null) "\"outcome\":\"dropped\"}\n");
    append_text(f->path, LINE(1, 3) LINE(0, 40) SPAN("gap", 0, 41, 50) SPAN("replay", 0, 7, 50)
                             LINE(0, 7) LINE(1, 4));
    recover(f);
    assert_int_equal(f->report.torn_bytes, 0);
    assert_int_equal(f->report.scanned_lines, 12);
    assert_int_equal(next_of(f, 0), 8);
    assert_int_equal(next_of(f, 1), 5);
}

/* Nothing says what was synced, but so much is never written without it. */
static void without_a_sidecar_a_broken_line_near_the_end_ends_the_trust(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 1) "nonsense\n\n" LINE(0, 2) "{\"timest");
    recover(f);
    assert_int_equal(next_of(f, 0), 2);
    assert_int_equal(size_of(f->path), sizeof(LINE(0, 1)) - 1);
    assert_int_equal(f->report.torn_lines, 1);
    assert_int_equal(f->report.broken_lines, 0);
}

/* They may be of several clusters, or of other programs. */
static void without_a_sidecar_offsets_may_go_back(void **state)
{
    struct fixture *f = *state;

    append_text(f->path, LINE(0, 8) HEAD(3, 9) "\"raw_message\":\"abc\"}\n" LINE(0, 4));
    recover(f);
    assert_int_equal(next_of(f, 0), 5);
    assert_int_equal(f->report.torn_bytes, 0);
}

static void in_a_renamed_journal_too_the_first_broken_line_ends_the_trust(void **state)
{
    struct fixture *f = *state;
    char renamed[160];

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    append_text(f->path, LINE(0, 2) "nonsense\n" LINE(0, 4));
    rotate(f, ".1");
    recover(f);
    snprintf(renamed, sizeof(renamed), "%s.1", f->path);
    assert_int_equal(next_of(f, 0), 3);
    assert_int_equal(f->report.torn_lines, 1);
    assert_int_equal(size_of(renamed), sizeof(LINE(0, 1) LINE(0, 2)) - 1);
}

/* It came by a name that anybody may use, so it is not cut. */
static void what_is_behind_a_broken_line_of_a_later_journal_does_not_count(void **state)
{
    static const char later[] = LINE(0, 3) "nonsense\n" LINE(0, 5);
    struct fixture *f = *state;
    char renamed[160];

    append_text(f->path, LINE(0, 1));
    recover(f);
    save(f);
    append_text(f->path, LINE(0, 2));
    rotate(f, ".2");
    append_text(f->path, later);
    rotate(f, ".1");
    recover(f);
    snprintf(renamed, sizeof(renamed), "%s.1", f->path);
    assert_int_equal(next_of(f, 0), 4);
    assert_int_equal(size_of(renamed), sizeof(later) - 1);
}

static void two_torn_files_of_one_millisecond_have_two_names(void **state)
{
    struct fixture *f = *state;
    struct strbuf names = {0};
    struct err e = {0};
    int fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    for (int i = 0; i < 20; i++) {
        assert_int_equal(write(fd, "torn", 4), 4);
        strbuf_reset(&names);
        assert_int_equal(torn_move(f->path, fd, 0, 4, &names, &e), 1);
        assert_int_equal(size_of(names.data), 4);
    }
    strbuf_release(&names);
    close(fd);
}

/* ---- links ---- */

/* The journal's path becomes a link to the file `target` in the folder. */
static void link_to(struct fixture *f, const char *target)
{
    unlink(f->path);
    assert_int_equal(symlink(target, f->path), 0);
}

/* Saves the state of a journal that was told up to 1, then appends the line for 2. */
static void write_through_link(struct fixture *f)
{
    append_text(f->path, LINE(0, 1));
    recover(f);
    free(f->state.path);
    f->state.path = realpath(f->path, NULL);
    save(f);
    append_text(f->path, LINE(0, 2));
}

static void rename_in_folder(const struct fixture *f, const char *from, const char *to)
{
    char old[160];
    char new[160];

    snprintf(old, sizeof(old), "%s/%s", f->folder, from);
    snprintf(new, sizeof(new), "%s/%s", f->folder, to);
    assert_int_equal(rename(old, new), 0);
}

static void the_target_of_a_link_that_was_renamed_is_found(void **state)
{
    static const char *const targets[] = {"data/real", "./data/../data/real", NULL};
    struct fixture *f = *state;
    char folder[128];
    char whole[160];

    snprintf(folder, sizeof(folder), "%s/data", f->folder);
    snprintf(whole, sizeof(whole), "%s/real", folder);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        assert_int_equal(mkdir(folder, 0755), 0);
        link_to(f, targets[i] ? targets[i] : whole);
        write_through_link(f);
        rename_in_folder(f, "data/real", "data/real.1");
        recover(f);
        assert_int_equal(next_of(f, 0), 3);
        assert_int_equal(size_of(whole), 0);
        rename_in_folder(f, "data/real.1", "old");
        assert_int_equal(unlink(whole), 0);
        assert_int_equal(rmdir(folder), 0);
    }
}

/* The state could not be saved at the first of two rotations. */
static void files_between_two_rotations_of_a_links_target_are_found_too(void **state)
{
    struct fixture *f = *state;

    link_to(f, "real");
    write_through_link(f);
    rename_in_folder(f, "real", "real.2");
    append_text(f->path, LINE(0, 3));
    rename_in_folder(f, "real", "real.1");
    append_text(f->path, LINE(0, 4));
    recover(f);
    assert_int_equal(next_of(f, 0), 5);
    assert_int_equal(f->report.scanned_lines, 3);
}

static void a_link_that_leads_elsewhere_now_does_not_hide_the_old_file(void **state)
{
    struct fixture *f = *state;
    char folder[128];

    snprintf(folder, sizeof(folder), "%s/data", f->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    link_to(f, "data/real");
    write_through_link(f);
    link_to(f, "fresh");
    recover(f);
    assert_int_equal(next_of(f, 0), 3);
    rename_in_folder(f, "data/real", "old");
    assert_int_equal(rmdir(folder), 0);
}

static void a_link_that_was_renamed_itself_is_followed(void **state)
{
    struct fixture *f = *state;
    char folder[128];

    snprintf(folder, sizeof(folder), "%s/data", f->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    link_to(f, "data/real");
    write_through_link(f);
    free(f->state.path);
    f->state.path = NULL; /* as a state of an earlier version */
    save(f);
    rotate(f, ".1");
    recover(f);
    assert_int_equal(next_of(f, 0), 3);
    rename_in_folder(f, "data/real", "old");
    assert_int_equal(rmdir(folder), 0);
}

static void a_journal_that_is_gone_is_remembered_by_its_sidecar(void **state)
{
    static const char first[] = LINE(0, 41);
    struct fixture *f = *state;

    append(f->path, first, sizeof(first) - 1);
    recover(f);
    save(f);
    assert_int_equal(unlink(f->path), 0);
    recover(f);
    assert_int_equal(next_of(f, 0), 42);
    assert_int_equal(f->state.length, 0);
}

static void a_broken_sidecar_is_told_and_not_used(void **state)
{
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "{\"version\":2}",
        "{\"version\":1,\"cluster_id\":\"c\"}",
        "{\"version\":1,\"cluster_id\":\"c\",\"device\":\"1\",\"inode\":\"x\",\"length\":0,"
        "\"tail_hash\":\"0\",\"clean\":true,\"partitions\":[]}",
    };
    static const char text[] = LINE(0, 1);
    struct fixture *f = *state;

    append(f->path, text, sizeof(text) - 1);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        unlink(f->sidecar);
        append(f->sidecar, broken[i], strlen(broken[i]));
        recover(f);
        assert_false(f->report.had_state);
        assert_true(f->report.trouble.len > 0);
        assert_int_equal(next_of(f, 0), 2);
    }
}

static void a_sidecar_that_is_a_pipe_is_not_waited_for(void **state)
{
    static const char text[] = LINE(0, 1);
    struct fixture *f = *state;

    append(f->path, text, sizeof(text) - 1);
    assert_int_equal(mkfifo(f->sidecar, 0600), 0);
    recover(f);
    assert_false(f->report.had_state);
    assert_int_equal(next_of(f, 0), 2);
}

static void a_sidecar_comes_back_as_it_was_written(void **state)
{
    struct checkpoint out = {.device = UINT64_MAX,
                             .inode = 17,
                             .length = 12345,
                             .tail_hash = UINT64_C(0xfedcba9876543210),
                             .is_clean = true};
    struct checkpoint in = {0};
    struct err e = {0};
    struct fixture *f = *state;

    snprintf(out.cluster_id, sizeof(out.cluster_id), "cluster");
    out.path = strdup("/a \"b\"/c");
    checkpoint_find(&out, "orders", 3)->next = INT64_C(9007199254740991);
    checkpoint_find(&out, "other", 3)->committed = 5;
    checkpoint_find(&out, "other", 3)->rewind_end = 9;
    checkpoint_find(&out, "other", 3)->timestamp_ms = INT64_C(1795367071402);
    assert_int_equal(sidecar_write(f->sidecar, &out, NULL, &e), 0);
    assert_int_equal(sidecar_read(f->sidecar, &in, &e), 1);
    assert_string_equal(in.cluster_id, "cluster");
    assert_string_equal(in.path, out.path);
    assert_true(in.device == out.device && in.inode == 17 && in.length == 12345);
    assert_true(in.tail_hash == out.tail_hash && in.is_clean);
    assert_int_equal(in.entry_count, 2);
    assert_int_equal(checkpoint_find(&in, "orders", 3)->next, INT64_C(9007199254740991));
    assert_int_equal(checkpoint_find(&in, "orders", 3)->committed, -1);
    assert_int_equal(checkpoint_find(&in, "orders", 3)->rewind_end, -1);
    assert_int_equal(checkpoint_find(&in, "orders", 3)->timestamp_ms, -1);
    assert_int_equal(checkpoint_find(&in, "other", 3)->committed, 5);
    assert_int_equal(checkpoint_find(&in, "other", 3)->rewind_end, 9);
    assert_int_equal(checkpoint_find(&in, "other", 3)->timestamp_ms, INT64_C(1795367071402));
    checkpoint_release(&in);
    checkpoint_release(&out);
    unlink(f->sidecar);
    assert_int_equal(sidecar_read(f->sidecar, &in, &e), 0);
}

static void a_sidecar_of_an_earlier_version_is_read(void **state)
{
    struct checkpoint in = {0};
    struct err e = {0};
    struct fixture *f = *state;

    append_text(f->sidecar, "{\"version\":1,\"cluster_id\":\"c\",\"device\":\"1\",\"inode\":\"2\","
                            "\"length\":3,\"tail_hash\":\"4\",\"clean\":true,\"partitions\":[{"
                            "\"topic\":\"orders\",\"partition\":0,\"next\":7,\"committed\":6}]}");
    assert_int_equal(sidecar_read(f->sidecar, &in, &e), 1);
    assert_int_equal(checkpoint_find(&in, "orders", 0)->next, 7);
    assert_int_equal(checkpoint_find(&in, "orders", 0)->rewind_end, -1);
    assert_int_equal(checkpoint_find(&in, "orders", 0)->timestamp_ms, -1);
    checkpoint_release(&in);
}

/* What was rounded would be a wrong offset: rather the whole journal is read. */
static void a_sidecar_that_is_not_exact_is_refused(void **state)
{
    static const char *const nexts[] = {
        "9007199254740992",   "9007199254740993", "7.5", "1e300", "-2", "\"7\"", "null",
        "9223372036854775807"};
    static const char *const texts[] = {
        "", "{", "[]", "{} {}", "{\"version\":1}\n", "{\"version\":2,\"cluster_id\":\"c\"}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(nexts) / sizeof(nexts[0]); i++) {
        struct checkpoint in = {0};
        struct err e = {0};
        char text[400];

        snprintf(text, sizeof(text),
                 "{\"version\":1,\"cluster_id\":\"c\",\"device\":\"1\",\"inode\":\"2\","
                 "\"length\":3,\"tail_hash\":\"4\",\"clean\":true,\"partitions\":[{"
                 "\"topic\":\"orders\",\"partition\":0,\"next\":%s,\"committed\":6}]}",
                 nexts[i]);
        unlink(f->sidecar);
        append_text(f->sidecar, text);
        assert_int_equal(sidecar_read(f->sidecar, &in, &e), -1);
        assert_non_null(strstr(e.text, "next is not a number that fits"));
        checkpoint_release(&in);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct checkpoint in = {0};
        struct err e = {0};

        unlink(f->sidecar);
        append_text(f->sidecar, texts[i]);
        assert_int_equal(sidecar_read(f->sidecar, &in, &e), -1);
        checkpoint_release(&in);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sidecar_that_is_not_exact_is_refused),
        TEST(without_a_sidecar_the_whole_journal_is_read),
        TEST(lines_over_many_blocks_are_read_whole),
        TEST(with_a_sidecar_only_what_lies_behind_it_is_read),
        TEST(a_replay_sets_a_partition_back),
        TEST(a_rewind_is_in_progress_until_its_end_is_reached),
        TEST(the_lines_of_a_recreated_topic_are_no_rewind),
        TEST(the_time_of_the_last_record_is_known_again),
        TEST(a_torn_line_is_moved_aside_byte_for_byte_and_cut_off),
        TEST(a_torn_line_waits_for_room_and_leaves_one_file),
        TEST(who_does_not_wait_for_room_leaves_all_as_it_is),
        TEST(a_journal_that_is_one_torn_line_becomes_empty),
        TEST(an_offset_without_a_next_one_is_a_broken_line),
        TEST(broken_lines_before_the_length_of_the_sidecar_stay),
        TEST(a_broken_line_that_must_have_been_synced_stays_and_is_counted),
        TEST(behind_the_length_of_the_sidecar_the_first_broken_line_ends_the_trust),
        TEST(a_line_of_the_pieces_of_two_is_broken),
        TEST(offsets_that_go_back_without_a_reason_end_the_trust),
        TEST(lines_of_any_kind_that_go_on_are_trusted),
        TEST(without_a_sidecar_a_broken_line_near_the_end_ends_the_trust),
        TEST(without_a_sidecar_offsets_may_go_back),
        TEST(in_a_renamed_journal_too_the_first_broken_line_ends_the_trust),
        TEST(what_is_behind_a_broken_line_of_a_later_journal_does_not_count),
        TEST(two_torn_files_of_one_millisecond_have_two_names),
        TEST(a_file_that_was_cut_and_has_grown_again_is_read_from_its_beginning),
        TEST(the_last_lines_of_a_renamed_journal_count_too),
        TEST(the_lines_of_a_journal_between_two_rotations_count_too),
        TEST(many_rotations_without_a_sidecar_are_read_in_their_order),
        TEST(a_copy_of_an_older_journal_sets_nothing_back),
        TEST(what_else_lies_beside_a_journal_is_not_read),
        TEST(what_was_rotated_before_the_sidecar_is_not_read_again),
        TEST(the_torn_tail_of_a_renamed_journal_is_moved_aside_too),
        TEST(a_renamed_journal_that_is_still_written_to_is_refused),
        TEST(the_target_of_a_link_that_was_renamed_is_found),
        TEST(files_between_two_rotations_of_a_links_target_are_found_too),
        TEST(a_link_that_leads_elsewhere_now_does_not_hide_the_old_file),
        TEST(a_link_that_was_renamed_itself_is_followed),
        TEST(a_journal_that_is_gone_is_remembered_by_its_sidecar),
        TEST(a_broken_sidecar_is_told_and_not_used),
        TEST(a_sidecar_that_is_a_pipe_is_not_waited_for),
        TEST(a_sidecar_comes_back_as_it_was_written),
        TEST(a_sidecar_of_an_earlier_version_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
