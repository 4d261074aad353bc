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
#include "producer/order_file.h"
#include "support/valid_order.h"

#define WALL_MS INT64_C(1795367071402)

struct fixture {
    char path[64];
    struct order_file *file;
    struct produce_input input;
    struct produce_item item;
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    int fd;

    strcpy(f->path, "/tmp/test_order_file.XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    order_file_close(f->file);
    unlink(f->path);
    free(f);
    return 0;
}

static void open_text(struct fixture *f, const char *text, size_t len, size_t max_line_bytes)
{
    FILE *file = fopen(f->path, "we");

    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    f->file = order_file_open(f->path, max_line_bytes, &f->e);
    assert_non_null(f->file);
    f->input = order_file_input(f->file);
}

static enum produce_next next(struct fixture *f)
{
    return f->input.next(f->input.self, WALL_MS, &f->item, &f->e);
}

static void assert_item(struct fixture *f, const char *value, size_t len)
{
    assert_int_equal(next(f), PRODUCE_ITEM);
    assert_int_equal(f->item.value_len, len);
    assert_memory_equal(f->item.value, value, len);
}

static void each_line_is_one_order_with_its_bytes_unchanged(void **state)
{
    static const char text[] = "  {\"a\": 1}\t\r\n\xff\0x\nlast";
    struct fixture *f = *state;

    open_text(f, text, sizeof(text) - 1, 1000);
    assert_item(f, "  {\"a\": 1}\t\r", 12);
    assert_item(f, "\xff\0x", 3);
    assert_item(f, "last", 4); /* no newline at the end */
    assert_int_equal(next(f), PRODUCE_END);
    assert_int_equal(next(f), PRODUCE_END);
}

static void the_key_is_the_order_id_when_there_is_one(void **state)
{
    static const char text[] = VALID_ORDER "\nbroken\n{\"sequence\":1}\n";
    struct fixture *f = *state;

    open_text(f, text, sizeof(text) - 1, 1000);
    assert_int_equal(next(f), PRODUCE_ITEM);
    assert_int_equal(f->item.key_len, 3);
    assert_memory_equal(f->item.key, "o-1", 3);
    assert_int_equal(f->item.timestamp_ms, INT64_C(1795367070000)); /* the order's own */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next(f), PRODUCE_ITEM);
        assert_null(f->item.key);
        assert_int_equal(f->item.timestamp_ms, WALL_MS);
    }
}

static void blank_lines_are_skipped_and_counted_as_lines(void **state)
{
    static const char text[] = "\n\r\none\n \t \r\n\n\xef\xbb\xbftwo\n\n \r\n";
    struct fixture *f = *state;

    open_text(f, text, sizeof(text) - 1, 1000);
    assert_item(f, "one", 3);
    assert_int_equal(f->item.position, 3);
    assert_item(f, "\xef\xbb\xbftwo", 6); /* a mark in the middle is no mark */
    assert_int_equal(f->item.position, 6);
    assert_int_equal(next(f), PRODUCE_END);
    assert_int_equal(order_file_counts(f->file)->items, 2);
    assert_int_equal(order_file_counts(f->file)->lines, 8);
}

static void a_byte_order_mark_at_the_start_is_dropped(void **state)
{
    static const char text[] = "\xef\xbb\xbf" VALID_ORDER "\n\xef\xbb\xbf";
    struct fixture *f = *state;

    open_text(f, text, sizeof(text) - 1, 1000);
    assert_item(f, VALID_ORDER, sizeof(VALID_ORDER) - 1);
    assert_int_equal(f->item.key_len, 3);
    assert_int_equal(order_file_counts(f->file)->not_orders, 0);
}

static void a_file_with_nothing_but_a_mark_is_empty(void **state)
{
    struct fixture *f = *state;

    open_text(f, "\xef\xbb\xbf\r\n", 5, 1000);
    assert_int_equal(next(f), PRODUCE_END);
}

static void a_file_in_utf16_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"\xff\xfe{\0}\0\n\0", 8}, {"\xfe\xff\0{\0}\0\n", 8},  {"{\0}\0\n\0", 6},
        {"\0{\0}\0\n", 6},         {"\xff\xfe\0\0{\0\0\0", 8}, {"\xff\xfe", 2},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_text(f, cases[i].text, cases[i].len, 1000);
        assert_int_equal(next(f), PRODUCE_FAILED);
        assert_non_null(strstr(f->e.text, "UTF-16 or UTF-32, orders are UTF-8"));
        assert_int_equal(err_exit_status(&f->e), 1);
        order_file_close(f->file);
        f->file = NULL;
    }
}

static void lines_that_are_no_orders_are_counted_and_the_first_is_named(void **state)
{
    static const char text[] = VALID_ORDER "\n\n{\n\"order_id\": \"o-1\"\n}\n{\"sequence\":1}\n";
    struct fixture *f = *state;
    const struct order_file_counts *c;

    open_text(f, text, sizeof(text) - 1, 1000);
    while (next(f) == PRODUCE_ITEM)
        ;
    c = order_file_counts(f->file);
    assert_int_equal(c->items, 5);
    assert_int_equal(c->not_orders, 4);
    assert_int_equal(c->first_not_order, 3);
    assert_string_not_equal(c->why, "");
}

static void an_object_without_an_id_is_no_order(void **state)
{
    struct fixture *f = *state;

    open_text(f, "{\"sequence\":1}\n", 15, 1000);
    assert_int_equal(next(f), PRODUCE_ITEM);
    assert_int_equal(order_file_counts(f->file)->not_orders, 1);
    assert_string_equal(order_file_counts(f->file)->why, "order_id is missing");
}

static void an_empty_file_ends_at_once(void **state)
{
    struct fixture *f = *state;

    open_text(f, "", 0, 1000);
    assert_int_equal(next(f), PRODUCE_END);
}

static void lines_across_the_blocks_of_reading_come_whole(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = {0};
    size_t lens[40];
    char *line = mem_alloc(100000);

    memset(line, 'x', 100000);
    for (size_t i = 0; i < 40; i++) {
        lens[i] = 1 + i * 4919 % 99991;
        strbuf_add(&text, line, lens[i]);
        strbuf_addc(&text, '\n');
    }
    open_text(f, text.data, text.len, 100000);
    for (size_t i = 0; i < 40; i++) {
        while (next(f) == PRODUCE_NOTHING_YET)
            ;
        assert_int_equal(f->item.value_len, lens[i]);
        assert_memory_equal(f->item.value, line, lens[i]);
    }
    strbuf_release(&text);
    free(line);
}

static void a_line_that_is_too_long_is_an_error_that_names_it(void **state)
{
    struct fixture *f = *state;

    open_text(f, "12345\n123456\n", 13, 5);
    assert_item(f, "12345", 5);
    assert_int_equal(next(f), PRODUCE_FAILED);
    assert_non_null(strstr(f->e.text, "line 2 is longer than 5 bytes"));
}

static void a_line_without_an_end_is_not_read_into_memory(void **state)
{
    struct fixture *f = *state;

    f->file = order_file_open("/dev/zero", 100000, &f->e);
    f->input = order_file_input(f->file);
    assert_int_equal(next(f), PRODUCE_FAILED);
    assert_non_null(strstr(f->e.text, "line 1 is longer"));
}

static void what_cannot_be_opened_or_read_is_an_error(void **state)
{
    struct fixture *f = *state;

    assert_null(order_file_open("/tmp/test_order_file.nowhere", 10, &f->e));
    assert_int_equal(err_exit_status(&f->e), 2);
    f->file = order_file_open("/tmp", 10, &f->e);
    if (!f->file)
        return;
    f->input = order_file_input(f->file);
    assert_int_equal(next(f), PRODUCE_FAILED);
}

/* Standard input may be a pipe whose writer takes its time: the producer does not wait in it. */
static void a_slow_pipe_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    int saved = dup(STDIN_FILENO);
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    f->file = order_file_open("-", 100, &f->e);
    f->input = order_file_input(f->file);
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_int_equal(next(f), PRODUCE_NOTHING_YET);
    assert_int_equal(write(ends[1], "on", 2), 2);
    assert_int_equal(next(f), PRODUCE_NOTHING_YET);
    assert_int_equal(write(ends[1], "e\ntwo", 5), 5);
    assert_item(f, "one", 3);
    assert_int_equal(next(f), PRODUCE_NOTHING_YET);
    close(ends[1]);
    assert_item(f, "two", 3);
    assert_int_equal(next(f), PRODUCE_END);
}

static void a_named_pipe_without_a_writer_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/test_order_file.XXXXXX";
    int writer;

    close(mkstemp(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    f->file = order_file_open(path, 100, &f->e);
    f->input = order_file_input(f->file);
    assert_int_equal(next(f), PRODUCE_NOTHING_YET);
    writer = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(next(f), PRODUCE_NOTHING_YET);
    assert_int_equal(write(writer, "one\n", 4), 4);
    assert_item(f, "one", 3);
    close(writer);
    assert_int_equal(next(f), PRODUCE_END);
    unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_line_is_one_order_with_its_bytes_unchanged),
        TEST(the_key_is_the_order_id_when_there_is_one),
        TEST(blank_lines_are_skipped_and_counted_as_lines),
        TEST(a_byte_order_mark_at_the_start_is_dropped),
        TEST(a_file_with_nothing_but_a_mark_is_empty),
        TEST(a_file_in_utf16_is_refused),
        TEST(lines_that_are_no_orders_are_counted_and_the_first_is_named),
        TEST(an_object_without_an_id_is_no_order),
        TEST(an_empty_file_ends_at_once),
        TEST(lines_across_the_blocks_of_reading_come_whole),
        TEST(a_line_that_is_too_long_is_an_error_that_names_it),
        TEST(a_line_without_an_end_is_not_read_into_memory),
        TEST(what_cannot_be_opened_or_read_is_an_error),
        TEST(a_slow_pipe_is_not_waited_for),
        TEST(a_named_pipe_without_a_writer_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
