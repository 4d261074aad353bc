#ifndef IO_LOG_FILE_H
#define IO_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* The technical log as a file of JSON lines. What repeats itself is told at once the first time and
 * then counted: one line with the count for every ten seconds. Not for two threads at once. */
struct log_file;

struct log_file_options {
    const char *path; /* NULL: standard error */
    bool is_plain;    /* a line for people per entry instead of JSON */
    const char *service;
    const char *env; /* goes into the metadata of every line */
    enum log_level level;
    const struct clock *clock;
    /* What an entry says to do is for whoever started the program too: such an entry (it has the
     * field "remedy") also goes to standard error, as one plain line behind this name. NULL: no. */
    const char *echo_name;
};

/* Returns NULL with `e` when the file cannot be opened. The texts must outlive it. */
struct log_file *log_file_open(const struct log_file_options *options, struct err *e);

struct log log_file_port(struct log_file *l);

/* Writes the counts that are due, and opens the path again when the file was deleted, or renamed
 * without a SIGHUP that followed. To be called about once a second. */
void log_file_tick(struct log_file *l);

/* Opens the path anew. Returns 0, or -1 when that fails: then the old file is kept and the failure
 * logged there. */
int log_file_reopen(struct log_file *l);

/* Writes all counts now, so that the next entry can be the last line. */
void log_file_settle(struct log_file *l);

/* Writes all counts, closes and frees. NULL is accepted. */
void log_file_close(struct log_file *l);

#endif
