#include "io/rotation.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "io/tail_source.h"

/* Opens the folder of `path` and tells its last part. */
static DIR *open_folder(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    DIR *dir = opendir(folder);

    *name = slash ? slash + 1 : path;
    free(folder);
    return dir;
}

/* ---- what a journal was before: which ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int compare_times(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A journal that has a state of its own is another tracker's. */
static bool has_state(const char *path)
{
    struct strbuf state = {0};
    bool has;

    strbuf_addf(&state, "%s.state", path);
    has = access(strbuf_text(&state), F_OK) == 0;
    strbuf_release(&state);
    return has;
}

/* By its name, `journal` with something behind it. */
static bool was_journal(const char *name, const char *journal)
{
    size_t len = strlen(journal);

    return strncmp(name, journal, len) == 0 && (name[len] == '.' || name[len] == '-') &&
           !ends_in(name, ".state") && !ends_in(name, ".state.tmp") && !strstr(name, ".torn-") &&
           !ends_in(name, ".gz");
}

/* ---- what a journal was before: the list ---- */

static void add(struct rotation *found, char *path, const struct stat *st)
{
    found->files = mem_realloc_array(found->files, found->count + 1, sizeof(found->files[0]));
    found->files[found->count++] = (struct rotation_file){.path = path, .st = *st};
}

static int compare_files(const void *a, const void *b)
{
    const struct rotation_file *one = a;
    const struct rotation_file *other = b;

    return compare_times(&one->st.st_mtim, &other->st.st_mtim);
}

/* The named file first, the others by time. */
static void sort(struct rotation *found, const struct stat *named)
{
    size_t first = 0;

    for (size_t i = 0; i < found->count && first == 0; i++) {
        struct rotation_file swap = found->files[i];

        if (!is_same(&swap.st, named))
            continue;
        found->files[i] = found->files[0];
        found->files[0] = swap;
        first = 1;
    }
    if (found->count > first)
        qsort(found->files + first, found->count - first, sizeof(found->files[0]), compare_files);
}

static bool has_file(const struct rotation *found, const struct stat *st)
{
    for (size_t i = 0; i < found->count; i++)
        if (is_same(&found->files[i].st, st))
            return true;
    return false;
}

/* What is looked for. */
struct search {
    const char *journal; /* its name in the folder at hand */
    const struct stat *own;
    const struct stat *named;
    const struct timespec *since;
    struct rotation *found;
};

static bool is_wanted(const struct search *s, const char *name, const char *path,
                      const struct stat *st)
{
    if (!S_ISREG(st->st_mode) || is_same(st, s->own) || has_file(s->found, st))
        return false;
    return is_same(st, s->named) ||
           (was_journal(name, s->journal) && compare_times(&st->st_mtim, s->since) >= 0 &&
            !has_state(path));
}

/* A link leads to the named file only where it was itself renamed like a journal. */
static void consider(const struct search *s, const char *name, const char *path)
{
    struct stat st;
    char *real;

    if (lstat(path, &st) < 0)
        return;
    if (is_wanted(s, name, path, &st)) {
        add(s->found, mem_strdup(path), &st);
        return;
    }
    real = S_ISLNK(st.st_mode) && was_journal(name, s->journal) ? realpath(path, NULL) : NULL;
    if (real && lstat(real, &st) == 0 && is_same(&st, s->named) && is_wanted(s, name, real, &st))
        add(s->found, mem_strdup(real), &st);
    free(real);
}

static void look_through_folder(struct search *s, const char *path)
{
    DIR *dir = open_folder(path, &s->journal);
    struct strbuf one = {0};
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        strbuf_reset(&one);
        if (s->journal == path)
            strbuf_adds(&one, "./");
        strbuf_add(&one, path, (size_t)(s->journal - path));
        strbuf_adds(&one, entry->d_name);
        consider(s, entry->d_name, one.data);
    }
    if (dir)
        closedir(dir);
    strbuf_release(&one);
}

void rotation_find(const char *const *paths, size_t path_count, const struct stat *own,
                   const struct stat *named, const struct timespec *since, struct rotation *found)
{
    struct search search = {.own = own, .named = named, .since = since, .found = found};

    for (size_t i = 0; i < path_count; i++)
        if (paths[i])
            look_through_folder(&search, paths[i]);
    sort(found, named);
}

void rotation_release(struct rotation *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->files[i].path);
    free(found->files);
    *found = (struct rotation){0};
}

/* ---- files that a reader missed ---- */

/* One way of looking through the folder. */
struct tail_search {
    const char *path;
    const char *name; /* the path's last part */
    const struct tail_set *known;
    const struct tail_source *of;
    struct timespec after; /* no file older than this */
    bool wants_earliest;   /* else the latest */
    bool (*accepts)(const struct tail_search *search, const struct tail_source *s,
                    const char *name);
};

static struct tail_source *open_in(int folder, const char *name)
{
    char path[sizeof("/proc/self/fd/2147483647/") + NAME_MAX];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%.*s", folder, NAME_MAX, name);
    return tail_source_open(path);
}

static bool is_candidate(const struct tail_search *search, DIR *folder, const char *name,
                         struct stat *st)
{
    size_t len = strlen(search->name);

    return strncmp(name, search->name, len) == 0 && name[len] != '\0' &&
           fstatat(dirfd(folder), name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode) &&
           !tail_set_has(search->known, st) && compare_times(&search->after, &st->st_mtim) <= 0;
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
    int order = compare_times(&a->written, &b->written);
    ssize_t n;
    ssize_t m;

    if (order != 0)
        return order < 0;
    n = pread(a->source->fd, x, sizeof(x), 0);
    m = pread(b->source->fd, y, sizeof(y), 0);
    return n > 0 && m > 0 && memcmp(x, y, (size_t)(n < m ? n : m)) < 0;
}

static struct tail_source *look_through(const struct tail_search *search, DIR *folder)
{
    struct found best = {0};
    struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        struct found one = {0};
        struct stat st;

        if (!is_candidate(search, folder, entry->d_name, &st))
            continue;
        one.source = open_in(dirfd(folder), entry->d_name);
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

static struct tail_source *find(struct tail_search *search)
{
    DIR *folder = open_folder(search->path, &search->name);
    struct tail_source *found = NULL;

    if (folder) {
        found = look_through(search, folder);
        closedir(folder);
    }
    return found;
}

/* Holds it lines of its own? Sidecars begin otherwise, copies begin like the file that we read, and
 * torn ends were put aside because they are no lines. */
static bool was_ours(const struct tail_search *search, const struct tail_source *s,
                     const char *name)
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

struct tail_source *rotation_missed(const char *path, const struct tail_set *known)
{
    struct tail_search search = {.path = path,
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

static bool is_copy(const struct tail_search *search, const struct tail_source *s, const char *name)
{
    (void)name;
    return search->of->mark_len + search->of->carry.text.len >= TAIL_MARK &&
           tail_source_has_mark_of(s, search->of);
}

struct tail_source *rotation_copy(const char *path, const struct tail_set *known,
                                  struct tail_source *of)
{
    struct tail_search search = {.path = path, .known = known, .of = of, .accepts = is_copy};
    struct tail_source *copy = find(&search);

    if (!copy)
        return NULL;
    copy->pos = of->pos;
    copy->mark_len = of->mark_len;
    memcpy(copy->mark, of->mark, of->mark_len);
    copy->is_skipping = of->is_skipping;
    copy->carry = of->carry;
    of->carry = (struct line_reader){0};
    return copy;
}
