#include "io/journal_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* ---- who holds it ---- */

/* Does /proc/PID/fdinfo/FD tell of our kind of lock on a file of that number? The kernel names no
 * pid where it is asked for the lock, since open files have these locks, and not processes. */
static bool tells_of_lock(const char *path, ino_t inode)
{
    FILE *f = fopen(path, "re");
    char line[256];
    char number[32];
    bool tells = false;

    if (!f)
        return false;
    snprintf(number, sizeof(number), ":%ju ", (uintmax_t)inode);
    while (!tells && fgets(line, sizeof(line), f))
        tells = strncmp(line, "lock:", 5) == 0 && strstr(line, " OFDLCK ") &&
                strstr(line, " WRITE ") && strstr(line, number);
    fclose(f);
    return tells;
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

static bool is_holder(const char *pid, const struct stat *file)
{
    char path[64];
    struct dirent *fd;
    bool holds = false;
    DIR *fds;

    snprintf(path, sizeof(path), "/proc/%.16s/fdinfo", pid);
    fds = opendir(path);
    while (fds && !holds && (fd = readdir(fds))) {
        snprintf(path, sizeof(path), "/proc/%.16s/fdinfo/%.16s", pid, fd->d_name);
        if (!tells_of_lock(path, file->st_ino))
            continue;
        snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, fd->d_name);
        holds = is_file(path, file);
    }
    if (fds)
        closedir(fds);
    return holds;
}

/* Returns the pid of the process whose open file has the lock, or 0 when none can be seen. */
static long holder_of(int fd)
{
    DIR *processes = opendir("/proc");
    struct stat file;
    struct dirent *process;
    long pid = 0;

    while (processes && fstat(fd, &file) == 0 && pid == 0 && (process = readdir(processes))) {
        char *end;
        long number = strtol(process->d_name, &end, 10);

        if (number > 0 && *end == '\0' && is_holder(process->d_name, &file))
            pid = number;
    }
    if (processes)
        closedir(processes);
    return pid;
}

int journal_lock_refuse(int fd, struct err *e)
{
    long pid;

    if (errno != EWOULDBLOCK)
        return err_set(e, ERR_RUNTIME, "%s", strerror(errno));
    pid = holder_of(fd);
    if (pid == 0)
        return err_set(e, ERR_RUNTIME, "another tracker writes to it");
    return err_set(e, ERR_RUNTIME, "another tracker writes to it (pid %ld)", pid);
}
