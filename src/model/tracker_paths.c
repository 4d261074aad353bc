#include "model/tracker_paths.h"

#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define WILDCARDS 16

static const char wildcards[] = "*?";

/* What each wildcard stands for. */
struct capture {
    const char *text;
    size_t len;
};

bool tracker_path_is_pattern(const char *path)
{
    return strpbrk(path, wildcards) != NULL;
}

bool tracker_path_patterns_agree(const char *events, const char *log)
{
    int count = 0;

    for (;;) {
        events = strpbrk(events, wildcards);
        log = strpbrk(log, wildcards);
        if (!events || !log)
            return !events && !log;
        if (*events++ != *log++ || ++count > WILDCARDS)
            return false;
    }
}

/* Fills `captures` from `at` on. A star takes as little as it can. */
static bool match(const char *pattern, const char *path, struct capture *captures, int at)
{
    for (; *pattern; pattern++, path++) {
        if (*pattern == '*' && at < WILDCARDS) {
            for (size_t len = 0;; len++) {
                captures[at] = (struct capture){path, len};
                if (match(pattern + 1, path + len, captures, at + 1))
                    return true;
                if (path[len] == '\0' || path[len] == '/')
                    return false;
            }
        }
        if (*pattern == '?' && at < WILDCARDS && *path && *path != '/')
            captures[at++] = (struct capture){path, 1};
        else if (*pattern != *path)
            return false;
    }
    return *path == '\0';
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Without the ending: "run/tracker-1" for "run/tracker-1.events". */
static size_t stem_len(const char *path)
{
    const char *name = last_part(path);
    const char *dot = strrchr(name, '.');

    return dot && dot > name ? (size_t)(dot - path) : strlen(path);
}

static char *log_beside(const char *path)
{
    struct strbuf out = {0};

    strbuf_add(&out, path, stem_len(path));
    strbuf_adds(&out, ".log");
    return strbuf_take(&out);
}

char *tracker_path_log(const char *events, const char *path, const char *log)
{
    struct capture captures[WILDCARDS] = {{0}};
    struct strbuf out = {0};
    int at = 0;

    if (!log)
        return log_beside(path);
    if (!match(events, path, captures, 0))
        return mem_strdup(log);
    for (; *log; log++) {
        if ((*log == '*' || *log == '?') && at < WILDCARDS) {
            if (captures[at].len)
                strbuf_add(&out, captures[at].text, captures[at].len);
            at++;
        } else {
            strbuf_addc(&out, *log);
        }
    }
    return strbuf_take(&out);
}

char *tracker_path_name(const char *path)
{
    static const char usual[] = "tracker";
    const char *name = last_part(path);
    size_t len = stem_len(path) - (size_t)(name - path);
    const char *folder;

    if (len != strlen(usual) || memcmp(name, usual, len) != 0 || name - path < 2)
        return mem_strndup(name, len);
    for (folder = name - 1; folder > path && folder[-1] != '/';)
        folder--;
    len = (size_t)(name - 1 - folder);
    if (len == 0 || (len == 1 && folder[0] == '.'))
        return mem_strdup(usual);
    return mem_strndup(folder, len);
}
