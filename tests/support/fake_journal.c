#include "support/fake_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

static uint64_t submit(void *self, struct strbuf *lines, const struct journal_mark *marks,
                       size_t mark_count)
{
    struct fake_journal *j = self;
    struct fake_batch b = {.len = lines->len, .mark_count = mark_count};

    assert_true(lines->len > 0);
    assert_int_equal(lines->data[lines->len - 1], '\n');
    b.lines = strbuf_take(lines);
    b.marks = mem_alloc_array(mark_count, sizeof(*marks));
    if (mark_count > 0)
        memcpy(b.marks, marks, mark_count * sizeof(*marks));
    for (size_t i = 0; i < mark_count; i++) {
        j->next[marks[i].partition] = marks[i].next;
        j->rewind_end[marks[i].partition] = marks[i].rewind_end;
        j->timestamp_ms[marks[i].partition] = marks[i].timestamp_ms;
        if (marks[i].is_reset)
            j->committed[marks[i].partition] = 0;
    }
    j->batches = mem_realloc_array(j->batches, j->count + 1, sizeof(*j->batches));
    j->batches[j->count++] = b;
    return j->count;
}

static uint64_t durable(void *self)
{
    struct fake_journal *j = self;

    if (!j->is_manual)
        j->durable = j->count;
    return j->durable;
}

static size_t buffered_bytes(void *self)
{
    const struct fake_journal *j = self;
    size_t n = j->extra_bytes;

    for (size_t i = j->durable; i < j->count; i++)
        n += j->batches[i].len;
    return n;
}

static enum journal_state state(void *self, struct err *e)
{
    const struct fake_journal *j = self;

    if (j->state != JOURNAL_RUNNING)
        err_set(e, ERR_RUNTIME, "the disk has gone");
    return j->state;
}

static void flush_soon(void *self)
{
    struct fake_journal *j = self;

    j->hurries++;
}

static void reopen(void *self)
{
    struct fake_journal *j = self;

    j->reopens++;
}

static int64_t or_unknown(int64_t n)
{
    return n ? n : -1;
}

static void position(void *self, int32_t partition, struct journal_position *p)
{
    const struct fake_journal *j = self;

    *p = (struct journal_position){.next = or_unknown(j->next[partition]),
                                   .committed = or_unknown(j->committed[partition]),
                                   .rewind_end = or_unknown(j->rewind_end[partition]),
                                   .timestamp_ms = or_unknown(j->timestamp_ms[partition])};
}

static void note_commit(void *self, int32_t partition, int64_t committed)
{
    struct fake_journal *j = self;

    assert_true(committed >= 0);
    j->committed[partition] = committed;
}

struct journal_port fake_journal_port(struct fake_journal *j)
{
    return (struct journal_port){
        .self = j,
        .submit = submit,
        .durable = durable,
        .buffered_bytes = buffered_bytes,
        .state = state,
        .flush_soon = flush_soon,
        .reopen = reopen,
        .position = position,
        .note_commit = note_commit,
    };
}

void fake_journal_sync(struct fake_journal *j)
{
    j->durable = j->count;
}

size_t fake_journal_lines(const struct fake_journal *j, uint64_t upto, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < j->count && i < upto; i++) {
        const char *line = j->batches[i].lines;
        const char *end = line + j->batches[i].len;

        while (line < end) {
            const char *newline = memchr(line, '\n', (size_t)(end - line));

            n += memmem(line, (size_t)(newline - line), text, strlen(text)) != NULL;
            line = newline + 1;
        }
    }
    return n;
}

void fake_journal_release(struct fake_journal *j)
{
    for (size_t i = 0; i < j->count; i++) {
        free(j->batches[i].lines);
        free(j->batches[i].marks);
    }
    free(j->batches);
    *j = (struct fake_journal){0};
}
