#include "matches.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "model/tracker_paths.h"

/* Why the folder that was searched last could not be. glob(3) hands nothing on to its callback. */
static int folder_error;

static int note_folder_error(const char *path, int error)
{
    (void)path;
    if (error != ENOENT && error != ENOTDIR)
        folder_error = error;
    return 0;
}

/* Backslashes and brackets are plain characters here. */
static char *glob_text(const char *pattern, size_t len)
{
    struct strbuf out = {0};

    for (size_t i = 0; i < len; i++) {
        if (pattern[i] == '[' || pattern[i] == '\\')
            strbuf_addc(&out, '\\');
        strbuf_addc(&out, pattern[i]);
    }
    return strbuf_take(&out);
}

/* What may not be looked at may be one: then the reader says why it cannot be read. */
static bool may_be_file(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == EACCES;
    return S_ISREG(st.st_mode);
}

static void add_match(struct matches *m, const char *path, const char *rest)
{
    struct strbuf whole = {0};

    strbuf_addf(&whole, "%s%s", path, rest);
    if (may_be_file(whole.data) && !tracker_path_is_no_journal(whole.data)) {
        m->paths = mem_realloc_array(m->paths, m->count + 1, sizeof(char *));
        m->paths[m->count++] = strbuf_take(&whole);
    }
    strbuf_release(&whole);
}

/* A last part without wildcards is looked for in each folder that matches, since glob takes what is
 * in a folder without the right to search it for not there. */
int matches_find(struct matches *m, const char *pattern)
{
    const char *slash = strrchr(pattern, '/');
    bool has_plain_name = slash && slash > pattern && !tracker_path_is_pattern(slash);
    size_t len = has_plain_name ? (size_t)(slash - pattern) : strlen(pattern);
    char *text = glob_text(pattern, len);
    glob_t found = {0};

    folder_error = 0;
    if (glob(text, 0, note_folder_error, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            add_match(m, found.gl_pathv[i], has_plain_name ? slash : "");
    }
    globfree(&found);
    free(text);
    return folder_error;
}

void matches_release(struct matches *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->paths[i]);
    free(m->paths);
    *m = (struct matches){0};
}
