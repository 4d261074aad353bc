#ifndef IO_ROTATION_H
#define IO_ROTATION_H

#include <stddef.h>
#include <sys/stat.h>

struct tail_set;
struct tail_source;

/* The files that a journal was before rotations renamed them: they lie in its folder, mostly under
 * its name and something behind that. Where its path is a symbolic link, either may be renamed: the
 * file that it leads to, or the link. */

struct rotation_file {
    char *path;
    struct stat st;
};

struct rotation {
    struct rotation_file *files;
    size_t count;
};

/* Looks in the folders of `paths`, which are names of the journal, some may be NULL; it is the file
 * `own`. Fills a zeroed `found`, which the caller releases: first the file `named` (st_dev and
 * st_ino), whatever it is called now; then, the last written last, those that
 * are called like the journal and were written since `since`. Neither what belongs to a journal nor
 * another tracker's journal is among them. */
void rotation_find(const char *const *paths, size_t path_count, const struct stat *own,
                   const struct stat *named, const struct timespec *since, struct rotation *found);

void rotation_release(struct rotation *found);

/* For tail only: files that lie beside the followed path under a longer name, which is where
 * rotations put them. Both return NULL when there is none, else a source that is the caller's. */

/* The earliest file that was made and renamed away between two looks: not known, not older than the
 * newest that is, and no copy of it. */
struct tail_source *rotation_missed(const char *path, const struct tail_set *known);

/* The copy that was taken of `of` before it was truncated, at the position where `of` stood and
 * with its unfinished line. */
struct tail_source *rotation_copy(const char *path, const struct tail_set *known,
                                  struct tail_source *of);

#endif
