#ifndef SUPPORT_FAKE_JOURNAL_H
#define SUPPORT_FAKE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/port.h"

/* A journal in memory. Durable is what the test says, or everything at once. */

#define FAKE_JOURNAL_PARTITIONS 64

struct fake_batch {
    char *lines;
    size_t len;
    struct journal_mark *marks;
    size_t mark_count;
};

struct fake_journal {
    struct fake_batch *batches; /* number n is batches[n - 1] */
    size_t count;
    uint64_t durable;
    bool is_manual; /* `durable` moves only by the test's hand */
    enum journal_state state;
    size_t extra_bytes; /* counted as buffered beside what is not durable */
    size_t hurries;
    size_t reopens;
    int64_t next[FAKE_JOURNAL_PARTITIONS]; /* by all marks so far, 0 if none */
    int64_t committed[FAKE_JOURNAL_PARTITIONS];
    int64_t rewind_end[FAKE_JOURNAL_PARTITIONS];
    int64_t timestamp_ms[FAKE_JOURNAL_PARTITIONS];
};

struct journal_port fake_journal_port(struct fake_journal *j);

/* Everything handed over is on the disk now. */
void fake_journal_sync(struct fake_journal *j);

/* How many lines of the batches up to `durable` contain `text`; all batches for UINT64_MAX. */
size_t fake_journal_lines(const struct fake_journal *j, uint64_t durable, const char *text);

void fake_journal_release(struct fake_journal *j);

#endif
