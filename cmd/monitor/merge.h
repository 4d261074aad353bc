#ifndef MONITOR_MERGE_H
#define MONITOR_MERGE_H

#include <stddef.h>

#include "base/err.h"

/* One stream out of several journals and the files that they were rotated to. */

/* Writes the lines of these journals to standard output: one partition after the other, by offset,
 * each offset once. Of an offset that has several lines it is the newest; what a journal tells of
 * offsets without a record is kept, that offsets are reprocessed is not. Offsets of a topic that
 * was recreated come after those of the old one. Standard error gets the offsets that have no line,
 * those that have several, and the files that cannot be read. Keeps 64 bytes for each line in
 * memory. Returns the exit status, or that of `e`: 1 also when a compressed file was left out. */
int merge_run(const char *const *journals, size_t count, struct err *e);

#endif
