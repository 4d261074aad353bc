#include "io/rotated.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

/* ---- which ---- */

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

/* ---- the list ---- */

static void add(struct rotated *found, char *path, const struct stat *st)
{
    found->files = mem_realloc_array(found->files, found->count + 1, sizeof(found->files[0]));
    found->files[found->count++] = (struct rotated_file){.path = path, .st = *st};
}

static int compare_files(const void *a, const void *b)
{
    const struct rotated_file *one = a;
    const struct rotated_file *other = b;

    return compare_times(&one->st.st_mtim, &other->st.st_mtim);
}

/* The named file first, the others by time. */
static void sort(struct rotated *found, const struct stat *named)
{
    size_t first = 0;

    for (size_t i = 0; i < found->count && first == 0; i++) {
        struct rotated_file swap = found->files[i];

        if (!is_same(&swap.st, named))
            continue;
        found->files[i] = found->files[0];
        found->files[0] = swap;
        first = 1;
    }
    if (found->count > first)
        qsort(found->files + first, found->count - first, sizeof(found->files[0]), compare_files);
}

static bool has_file(const struct rotated *found, const struct stat *st)
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
    struct rotated *found;
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

static void look_beside(struct search *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup("./");
    DIR *dir = opendir(folder);
    struct strbuf one = {0};
    struct dirent *entry;

    s->journal = slash ? slash + 1 : path;
    while (dir && (entry = readdir(dir))) {
        strbuf_reset(&one);
        strbuf_addf(&one, "%s%s", folder, entry->d_name);
        consider(s, entry->d_name, one.data);
    }
    if (dir)
        closedir(dir);
    strbuf_release(&one);
    free(folder);
}

void rotated_find(const char *const *paths, size_t path_count, const struct stat *own,
                  const struct stat *named, const struct timespec *since, struct rotated *found)
{
    struct search search = {.own = own, .named = named, .since = since, .found = found};

    for (size_t i = 0; i < path_count; i++)
        if (paths[i])
            look_beside(&search, paths[i]);
    sort(found, named);
}

void rotated_release(struct rotated *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->files[i].path);
    free(found->files);
    *found = (struct rotated){0};
}
