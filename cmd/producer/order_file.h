#ifndef PRODUCER_ORDER_FILE_H
#define PRODUCER_ORDER_FILE_H

#include "base/err.h"
#include "flow/produce.h"

/* A JSON Lines file, or standard input, as the producer's input: each line is one order, bytes
 * unchanged; the key is its order_id when it can be decoded. A byte order mark at the start of the
 * file is dropped, lines with nothing but white space are skipped, UTF-16 and UTF-32 are refused.
 * Lines may be as long as a message may be; the file may be larger than memory. */
struct order_file;

struct order_file_counts {
    int64_t lines;           /* read, skipped ones included: the number of the last one */
    int64_t items;           /* handed out */
    int64_t not_orders;      /* of those: not decodable, or without order_id */
    int64_t first_not_order; /* its line, 0 for none */
    char why[128];           /* that one is no order */
};

/* `path` "-" is standard input. `max_line_bytes` bounds a line. Returns NULL with `e`. */
struct order_file *order_file_open(const char *path, size_t max_line_bytes, struct err *e);

struct produce_input order_file_input(struct order_file *f);

/* What was read so far; valid until the file is closed. */
const struct order_file_counts *order_file_counts(const struct order_file *f);

void order_file_close(struct order_file *f);

#endif
