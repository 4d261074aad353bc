#include "io/file_watch.h"

#include <errno.h>
#include <sys/stat.h>

void file_watch_begin(struct file_watch *w, int fd, int64_t now_ms)
{
    *w = (struct file_watch){.due_ms = now_ms + FILE_WATCH_MS, .renamed_ms = -1};
    file_watch_is_deleted(w, fd);
}

bool file_watch_is_deleted(struct file_watch *w, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_nlink == 0)
        return true;
    w->named_size = st.st_size;
    return false;
}

/* A folder that cannot be searched says nothing. */
static bool is_renamed(const char *path, int fd)
{
    struct stat ours;
    struct stat named;

    if (fstat(fd, &ours) < 0 || !S_ISREG(ours.st_mode))
        return false;
    if (stat(path, &named) < 0)
        return errno == ENOENT || errno == ENOTDIR;
    return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

enum file_sight file_watch_look(struct file_watch *w, const char *path, int fd, int64_t now_ms)
{
    if (now_ms < w->due_ms)
        return FILE_IN_PLACE;
    w->due_ms = now_ms + FILE_WATCH_MS;
    if (file_watch_is_deleted(w, fd))
        return FILE_DELETED;
    if (!is_renamed(path, fd)) {
        w->renamed_ms = -1;
        return FILE_IN_PLACE;
    }
    if (w->renamed_ms < 0)
        w->renamed_ms = now_ms;
    if (now_ms - w->renamed_ms < FILE_RENAMED_MS)
        return FILE_IN_PLACE;
    w->renamed_ms = now_ms;
    return FILE_RENAMED;
}
