#ifndef IO_JOURNAL_STANDING_H
#define IO_JOURNAL_STANDING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "flow/port.h"

/* How the journal is doing: its thread says so, others ask. All functions are for any thread. */
struct journal_standing {
    int wake_fd; /* told of each change but warnings; -1: none */

    pthread_mutex_t lock;
    uint64_t durable;
    size_t buffered_bytes;
    enum journal_state state;
    struct err why;
    struct err warning;
    struct err loss;
    bool was_reopened;
    int64_t fsync_ms_max;
};

void journal_standing_init(struct journal_standing *s, int wake_fd);

void journal_standing_release(struct journal_standing *s);

/* ---- what is said ---- */

/* `why` unless the journal is running. */
void journal_standing_set(struct journal_standing *s, enum journal_state state,
                          const struct err *why);

void journal_standing_warn(struct journal_standing *s, const struct err *warning);

/* The file was deleted or replaced. */
void journal_standing_set_loss(struct journal_standing *s, const struct err *loss);

void journal_standing_set_reopened(struct journal_standing *s);

/* So many bytes were handed over. */
void journal_standing_add(struct journal_standing *s, size_t bytes);

/* The last `bytes` up to batch `number` are durable, after an fsync that took so long. */
void journal_standing_set_durable(struct journal_standing *s, uint64_t number, size_t bytes,
                                  int64_t took_ms);

/* ---- what is asked: see the port and journal.h ---- */

enum journal_state journal_standing_get(struct journal_standing *s, struct err *why);
uint64_t journal_standing_durable(struct journal_standing *s);
size_t journal_standing_buffered_bytes(struct journal_standing *s);
bool journal_standing_take_warning(struct journal_standing *s, struct err *e);
bool journal_standing_take_loss(struct journal_standing *s, struct err *e);
bool journal_standing_take_reopened(struct journal_standing *s);
int64_t journal_standing_take_fsync_ms_max(struct journal_standing *s);

#endif
