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

#include "base/mem.h"
#include "io/file_watch.h"

struct fixture {
    char folder[64];
    char path[80];
    char other[80];
    int fd;
    int64_t now_ms;
    struct file_watch watch;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    strcpy(f->folder, "/tmp/test_file_watch.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/file", f->folder);
    snprintf(f->other, sizeof(f->other), "%s/other", f->folder);
    f->now_ms = 5000000;
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(f->fd, "12345", 5), 5);
    file_watch_begin(&f->watch, f->fd, f->now_ms);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close(f->fd);
    unlink(f->path);
    unlink(f->other);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static enum file_sight look_after(struct fixture *f, int64_t ms)
{
    f->now_ms += ms;
    return file_watch_look(&f->watch, f->path, f->fd, f->now_ms);
}

static void create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    close(fd);
}

static void a_deleted_file_is_seen_within_a_second(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(look_after(f, FILE_WATCH_MS - 1), FILE_IN_PLACE);
    assert_int_equal(look_after(f, 1), FILE_DELETED);
}

static void so_is_one_that_was_replaced(void **state)
{
    struct fixture *f = *state;

    create(f->other);
    assert_int_equal(rename(f->other, f->path), 0);
    assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_DELETED);
}

static void its_size_is_known_from_when_it_had_a_name(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(write(f->fd, "678", 3), 3);
    assert_false(file_watch_is_deleted(&f->watch, f->fd));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(write(f->fd, "9", 1), 1);
    assert_true(file_watch_is_deleted(&f->watch, f->fd));
    assert_int_equal(f->watch.named_size, 8);
}

/* Its SIGHUP comes a moment later. */
static void a_rotation_is_given_time(void **state)
{
    struct fixture *f = *state;

    for (int rotation = 0; rotation < 3; rotation++) {
        assert_int_equal(rename(f->path, f->other), 0);
        if (rotation == 1)
            create(f->path); /* as logrotate's create does */
        for (int64_t ms = 0; ms < FILE_RENAMED_MS; ms += FILE_WATCH_MS)
            assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
        assert_int_equal(rename(f->other, f->path), 0);
        assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
    }
}

static void a_name_that_is_missed_for_long_is_told_again_and_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rename(f->path, f->other), 0);
    for (int i = 0; i < 3; i++) {
        for (int64_t ms = i ? FILE_WATCH_MS : 0; ms < FILE_RENAMED_MS; ms += FILE_WATCH_MS)
            assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
        assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_RENAMED);
    }
}

static void a_second_name_changes_nothing_until_the_first_one_is_gone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(link(f->path, f->other), 0);
    assert_int_equal(look_after(f, FILE_RENAMED_MS), FILE_IN_PLACE);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
    assert_int_equal(look_after(f, FILE_RENAMED_MS), FILE_RENAMED);
}

static void what_is_no_file_is_never_missed(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    close(f->fd);
    f->fd = ends[1];
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(look_after(f, FILE_WATCH_MS), FILE_IN_PLACE);
    assert_int_equal(look_after(f, FILE_RENAMED_MS), FILE_IN_PLACE);
    close(ends[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_deleted_file_is_seen_within_a_second),
        TEST(so_is_one_that_was_replaced),
        TEST(its_size_is_known_from_when_it_had_a_name),
        TEST(a_rotation_is_given_time),
        TEST(a_name_that_is_missed_for_long_is_told_again_and_again),
        TEST(a_second_name_changes_nothing_until_the_first_one_is_gone),
        TEST(what_is_no_file_is_never_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
