#ifndef IO_DISK_H
#define IO_DISK_H

#include <errno.h>
#include <stdbool.h>

/* Of the files that the tracker creates: they hold customers' data, so nobody reads them but its
 * user and its group. */
#define FILE_MODE 0640

/* True for the errors that end when somebody makes room. */
static inline bool disk_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

#endif
