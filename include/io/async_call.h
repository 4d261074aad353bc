#ifndef IO_ASYNC_CALL_H
#define IO_ASYNC_CALL_H

#include <stdbool.h>

/* A call that may block, made by a thread of its own. */
struct async_call;

/* Begins work(arg); when it has returned, the eventfd `wake_fd` is written to (-1: none). Returns
 * NULL when no thread is to be had. */
struct async_call *async_call_begin(void (*work)(void *arg), void *arg, int wake_fd);

/* Waits for the work up to `timeout_ms`. Returns true when it has returned: what it left in `arg`
 * may be read. */
bool async_call_is_done(struct async_call *a, int timeout_ms);

/* Frees. Work that has not returned is left alone with its `arg`, and wakes nobody any more. NULL
 * is accepted. */
void async_call_end(struct async_call *a);

#endif
