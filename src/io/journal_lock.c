#include "io/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* The whole file, however it grows. */
static struct flock whole(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

int journal_lock_take(int fd)
{
    struct flock lock = whole(F_WRLCK);

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES) /* POSIX allows both */
        errno = EWOULDBLOCK;
    return -1;
}

int journal_lock_is_held(int fd)
{
    struct flock lock = whole(F_RDLCK);

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -1;
    return lock.l_type != F_UNLCK;
}
