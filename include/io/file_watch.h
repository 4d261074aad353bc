#ifndef IO_FILE_WATCH_H
#define IO_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* Does the path of an open file still name it? A program that only writes does not notice when its
 * file is deleted: what it writes then is lost with the file. */

enum file_sight {
    FILE_IN_PLACE, /* or it is too early to look again, or nobody can tell */
    FILE_DELETED,  /* or replaced: it has no name any more */
    FILE_RENAMED,  /* for FILE_RENAMED_MS; until then a rotation is given time to send its SIGHUP */
};

#define FILE_WATCH_MS   1000
#define FILE_RENAMED_MS 10000

struct file_watch {
    int64_t due_ms;     /* monotonic: when to look again */
    int64_t renamed_ms; /* since when it has another name; -1: it has not */
    int64_t named_size; /* how many bytes it had when it was last seen with a name */
};

/* The file was just opened by its path. */
void file_watch_begin(struct file_watch *w, int fd, int64_t now_ms);

/* Looks once in FILE_WATCH_MS. After FILE_RENAMED the time is counted from the beginning. */
enum file_sight file_watch_look(struct file_watch *w, const char *path, int fd, int64_t now_ms);

/* True when it has no name any more; else notes its size. To be asked at any time. */
bool file_watch_is_deleted(struct file_watch *w, int fd);

#endif
