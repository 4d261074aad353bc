#ifndef MODEL_CHECKPOINT_H
#define MODEL_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "model/journal_line.h"

/* What the journal knows of itself: how far each partition is told, and up to which byte of the
 * file this summary speaks. It lies beside the journal, so that a restart need not read the whole
 * journal again. */

#define CHECKPOINT_VERSION 1

struct checkpoint_entry {
    char *topic;
    int32_t partition;
    int64_t next;       /* the offset after the last one told; -1 if none */
    int64_t committed;  /* the last commit that the broker acknowledged to us; -1 if none */
    int64_t rewind_end; /* the offsets before it are reprocessed; -1 if no rewind is in progress */
    int64_t timestamp_ms; /* of the record at next - 1, as Kafka gave it; -1 if unknown */
};

#define CHECKPOINT_INSTANCE_SIZE 40

struct checkpoint {
    char cluster_id[64];                        /* "" when it is not known */
    char instance_id[CHECKPOINT_INSTANCE_SIZE]; /* of the journal, "" when it has none yet */
    char *path;      /* of the file that `length` speaks of, without links; NULL if unknown */
    uint64_t device; /* of the same file */
    uint64_t inode;
    int64_t length;
    uint64_t tail_hash; /* of the bytes before `length`, see checkpoint_hash */
    bool is_clean;      /* written by an orderly stop */
    struct checkpoint_entry *entries;
    size_t entry_count;
};

/* How many bytes before `length` go into tail_hash: they tell a file that was cut and has grown
 * again. */
#define CHECKPOINT_TAIL_BYTES 256

uint64_t checkpoint_hash(const char *bytes, size_t len);

/* The position of a partition, added with -1 for all when it is new. Borrowed until the next
 * addition. */
struct checkpoint_entry *checkpoint_find(struct checkpoint *s, const char *topic,
                                         int32_t partition);

/* Moves a partition on by a line of it. */
void checkpoint_apply(struct checkpoint_entry *p, const struct journal_line *line);

/* Makes `to`, empty or zeroed, a copy of its own. */
void checkpoint_copy(struct checkpoint *to, const struct checkpoint *from);

/* Forgets all positions. */
void checkpoint_forget(struct checkpoint *s);

/* Whose partitions these are from now on. Returns true when it is another cluster than before: then
 * all positions are forgotten. "" is not known and never another. */
bool checkpoint_set_cluster(struct checkpoint *s, const char *cluster_id);

/* Appends the state as JSON. */
void checkpoint_encode(const struct checkpoint *s, struct strbuf *out);

/* Reads what checkpoint_encode wrote into a zeroed `s`, which the caller releases in any case.
 * Returns 0, or -1 with `e` when the text is something else. */
int checkpoint_decode(struct checkpoint *s, const char *text, size_t len, struct err *e);

void checkpoint_release(struct checkpoint *s);

#endif
