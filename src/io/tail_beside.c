#include "io/tail_beside.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* One way of looking through the folder. */
struct search {
    const char *path;
    const char *name; /* the path's last part */
    const struct tail_set *known;
    const struct tail_source *of;
    struct timespec after; /* no file older than this */
    bool wants_earliest;   /* else the latest */
    bool (*accepts)(const struct search *search, const struct tail_source *s, const char *name);
};

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static bool is_known(const struct tail_set *set, const struct stat *st)
{
    for (int i = 0; i < set->count; i++) {
        if (set->items[i]->dev == st->st_dev && set->items[i]->ino == st->st_ino)
            return true;
    }
    return false;
}

static struct tail_source *open_beside(int folder, const char *name)
{
    char path[sizeof("/proc/self/fd/2147483647/") + NAME_MAX];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%.*s", folder, NAME_MAX, name);
    return tail_source_open(path);
}

static bool is_candidate(const struct search *search, DIR *folder, const char *name,
                         struct stat *st)
{
    size_t len = strlen(search->name);

    return strncmp(name, search->name, len) == 0 && name[len] != '\0' &&
           fstatat(dirfd(folder), name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode) &&
           !is_known(search->known, st) && !is_later(&search->after, &st->st_mtim);
}

/* A file that was found, with the time of its last write. */
struct found {
    struct tail_source *source;
    struct timespec written;
};

/* The clock of file systems ticks in milliseconds, and files that were rotated one right after the
 * other may share a tick: then their first lines tell, which begin with their times. */
static bool is_earlier(const struct found *a, const struct found *b)
{
    char x[64];
    char y[64];
    ssize_t n;
    ssize_t m;

    if (is_later(&a->written, &b->written) || is_later(&b->written, &a->written))
        return is_later(&b->written, &a->written);
    n = pread(a->source->fd, x, sizeof(x), 0);
    m = pread(b->source->fd, y, sizeof(y), 0);
    return n > 0 && m > 0 && memcmp(x, y, (size_t)(n < m ? n : m)) < 0;
}

static struct tail_source *look_through(const struct search *search, DIR *folder)
{
    struct found best = {0};
    struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        struct found one = {0};
        struct stat st;

        if (!is_candidate(search, folder, entry->d_name, &st))
            continue;
        one.source = open_beside(dirfd(folder), entry->d_name);
        one.written = st.st_mtim;
        if (one.source && search->accepts(search, one.source, entry->d_name) &&
            (!best.source || is_earlier(&one, &best) == search->wants_earliest)) {
            struct found worse = best;

            best = one;
            one = worse;
        }
        tail_source_free(one.source);
    }
    return best.source;
}

static struct tail_source *find(struct search *search)
{
    const char *slash = strrchr(search->path, '/');
    char *path =
        slash ? mem_strndup(search->path, (size_t)(slash - search->path) + 1) : mem_strdup(".");
    DIR *folder = opendir(path);
    struct tail_source *found = NULL;

    search->name = slash ? slash + 1 : search->path;
    if (folder) {
        found = look_through(search, folder);
        closedir(folder);
    }
    free(path);
    return found;
}

/* Holds it lines of its own? Sidecars begin otherwise, copies begin like the file that we read, and
 * torn ends were put aside because they are no lines. */
static bool was_ours(const struct search *search, const struct tail_source *s, const char *name)
{
    static const char first_key[] = "{\"timestamp\"";
    char a[256];
    char b[256];
    ssize_t n = pread(s->fd, a, sizeof(a), 0);
    ssize_t m = pread(search->of->fd, b, sizeof(b), 0);

    if (n < (ssize_t)strlen(first_key) || memcmp(a, first_key, strlen(first_key)) != 0 ||
        strstr(name, ".torn-"))
        return false;
    return n != m || memcmp(a, b, (size_t)n) != 0;
}

struct tail_source *tail_beside_missed(const char *path, const struct tail_set *known)
{
    struct search search = {.path = path,
                            .known = known,
                            .of = known->items[known->count - 1],
                            .wants_earliest = true,
                            .accepts = was_ours};
    struct stat st;

    if (fstat(search.of->fd, &st) < 0)
        return NULL;
    search.after = st.st_mtim;
    return find(&search);
}

static bool is_copy(const struct search *search, const struct tail_source *s, const char *name)
{
    (void)name;
    return search->of->mark_len + search->of->carry.len >= TAIL_MARK &&
           tail_source_has_mark_of(s, search->of);
}

struct tail_source *tail_beside_copy(const char *path, const struct tail_set *known,
                                     struct tail_source *of)
{
    struct search search = {.path = path, .known = known, .of = of, .accepts = is_copy};
    struct tail_source *copy = find(&search);

    if (!copy)
        return NULL;
    copy->pos = of->pos;
    copy->mark_len = of->mark_len;
    memcpy(copy->mark, of->mark, of->mark_len);
    copy->searched = of->searched;
    copy->is_skipping = of->is_skipping;
    copy->carry = of->carry;
    of->carry = (struct strbuf){0};
    return copy;
}
