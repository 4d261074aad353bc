#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Allocation for sizes that we choose: running out of memory ends the program with a message, since
 * nothing sensible could go on. Sizes that a payload chooses are checked against a ceiling by the
 * caller first. All are freed with free(). */

/* `size` bytes, zeroed; never NULL. */
void *mem_alloc(size_t size);

/* `count` elements of `size` bytes, zeroed, checked against overflow; never NULL. */
void *mem_alloc_array(size_t count, size_t size);

/* Like realloc, checked against overflow; new bytes are not zeroed; never NULL. */
void *mem_realloc_array(void *ptr, size_t count, size_t size);

/* Ends the program with a message: for a library that had no memory for a size that we chose. */
void mem_die(void) __attribute__((noreturn));

/* A copy of the text; never NULL. */
char *mem_strdup(const char *text);

/* A copy of `len` bytes with a NUL after them; never NULL. */
char *mem_strndup(const char *bytes, size_t len);

#endif
