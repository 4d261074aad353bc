#ifndef IO_ORDER_FILE_H
#define IO_ORDER_FILE_H

#include "base/err.h"
#include "flow/produce.h"

/* A JSON Lines file, or standard input, as the producer's input: each line is one order, bytes
 * unchanged; the key is its order_id when it can be decoded. Lines may be as long as a message may
 * be; the file may be larger than memory. */
struct order_file;

/* `path` "-" is standard input. `max_line_bytes` bounds a line. Returns NULL with `e`. */
struct order_file *order_file_open(const char *path, size_t max_line_bytes, struct err *e);

struct produce_input order_file_input(struct order_file *f);

void order_file_close(struct order_file *f);

#endif
