#ifndef PROCESSOR_WORKER_H
#define PROCESSOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

/* One copy of the user's command, in a process group of its own, with lines in and out over pipes.
 * It is restarted when it ends, after 100 ms, then after twice as long each time up to 30 s; one
 * that lived for ten seconds begins with 100 ms again. Nothing here waits. Times are monotonic. */

struct worker_options {
    const char *command; /* for /bin/sh -c */
    int epoll_fd;        /* its pipes are added there, so that whoever sleeps on it wakes */
    size_t max_line;     /* a longer line is not read */
};

/* Lines as they come from a pipe. */
struct worker_lines {
    int fd; /* -1: closed */
    struct strbuf bytes;
    size_t begin;     /* of the next line */
    size_t searched;  /* there is no newline before it */
    bool is_too_long; /* the line that is read is left out */
};

enum worker_state {
    WORKER_DOWN, /* may be started at restart_ms */
    WORKER_RUNNING,
    WORKER_ENDING, /* closed its output, or was killed: has not ended yet */
};

struct worker {
    enum worker_state state;
    pid_t pid;
    int in_fd;
    bool waits_to_write; /* epoll tells when the pipe has room */
    struct strbuf out;   /* requests */
    size_t written;      /* of them */
    struct worker_lines answers;
    struct worker_lines errors;
    int64_t started_ms;
    int64_t checked_ms; /* when it was last looked whether it has ended */
    int64_t ending_ms;  /* it is killed then */
    int64_t restart_ms;
    int64_t delay_ms;
    char ended[256]; /* how it ended last, "" if it never did */
};

void worker_init(struct worker *w);
void worker_release(struct worker *w);

/* Starts the process. Returns 0, or -1 with `e`: then it is tried again later. */
int worker_start(struct worker *w, const struct worker_options *o, int64_t now_ms, struct err *e);

/* Whether there is room for one more request in `out`. */
bool worker_has_room(const struct worker *w);

/* Writes what the pipe takes. */
void worker_flush(struct worker *w, const struct worker_options *o);

/* Reads what came, and closes what has ended. Returns true when something was read. */
bool worker_read(struct worker *w, const struct worker_options *o, int64_t now_ms);

/* The next whole line without its newline, borrowed until the next call with this worker. Returns
 * 1, or 0 when there is none, or -1 for one that was longer than max_line and is left out. */
int worker_next_line(struct worker_lines *l, const char **line, size_t *len);

/* Looks whether the process has ended; what it started ends with it. Returns true once for each
 * process: `ended` says how, and what it wrote before can still be read. */
bool worker_has_ended(struct worker *w, int64_t now_ms);

/* Ends the process and all of its group; worker_has_ended follows. `restart_at_once` without delay,
 * since it was no fault of the process's start. */
void worker_kill(struct worker *w, int64_t now_ms, bool restart_at_once);

/* Sends the group a signal, if there is one. */
void worker_signal(const struct worker *w, int signal);

/* No request follows. */
void worker_close_input(struct worker *w);

/* When it should be looked after at the latest, or INT64_MAX. */
int64_t worker_due_ms(const struct worker *w);

#endif
