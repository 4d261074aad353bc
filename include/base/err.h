#ifndef BASE_ERR_H
#define BASE_ERR_H

/* An error as a value: what went wrong, in words, and what kind it is.
 *
 * The caller owns the struct and passes it down. Whoever fails fills it with err_set; each floor on
 * the way up may prefix what only it knows with err_wrap. It is printed once, at the top.
 * Every function that takes a `struct err *` accepts NULL where the caller does not care. */

enum err_kind {
    ERR_NONE = 0,
    ERR_USAGE,   /* wrong option or setting: exit status 2 */
    ERR_RUNTIME, /* everything else: exit status 1 */
};

struct err {
    enum err_kind kind;
    char text[1024];
};

/* Fills `e`; a text that does not fit is cut. Always returns -1, so that `return err_set(...)`
 * reads as what it is. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<prefix>: " before the text of `e` and keeps its kind. Always returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status for an error that reached main: 2 for wrong usage or configuration, else 1. */
int err_exit_status(const struct err *e);

#endif
