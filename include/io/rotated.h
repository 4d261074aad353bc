#ifndef IO_ROTATED_H
#define IO_ROTATED_H

#include <stddef.h>
#include <sys/stat.h>

/* The files that a journal was before rotations renamed them: they lie in its folder, mostly under
 * its name and something behind that. Where its path is a symbolic link, either may be renamed: the
 * file that it leads to, or the link. */

struct rotated_file {
    char *path;
    struct stat st;
};

struct rotated {
    struct rotated_file *files;
    size_t count;
};

/* Looks in the folders of `paths`, which are names of the journal, some may be NULL; it is the file
 * `own`. Fills a zeroed `found`, which the
 * caller releases: first the file `named` (st_dev and st_ino), whatever it is called now; then, the
 * last written last, those that are called like the journal and were written since `since`. Neither
 * what belongs to a journal nor another tracker's journal is among them. */
void rotated_find(const char *const *paths, size_t path_count, const struct stat *own,
                  const struct stat *named, const struct timespec *since, struct rotated *found);

void rotated_release(struct rotated *found);

#endif
