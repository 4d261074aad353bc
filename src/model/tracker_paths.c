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

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

bool tracker_path_is_no_journal(const char *path)
{
    static const char *const ends[] = {".state", ".state.tmp", ".pid", ".gz", ".xz",
                                       ".bz2",   ".zst",       ".lz4", ".Z"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends_in(path, ends[i]))
            return true;
    }
    return strstr(last_part(path), ".torn-") != NULL;
}

/* A number, or a date with or without a time. */
static bool is_number_or_date(const char *text)
{
    return *text >= '0' && *text <= '9' && text[strspn(text, "0123456789-.:_TZ")] == '\0';
}

bool tracker_path_is_older(const char *path, const char *journal)
{
    static const char *const words[] = {"old", "bak", "orig", "save"};
    size_t len = strlen(journal);
    const char *rest = path + len;

    if (strncmp(path, journal, len) != 0 || *rest == '\0')
        return false;
    if (strcmp(rest, "~") == 0)
        return true;
    if (*rest != '.' && *rest != '-' && *rest != '_')
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(rest + 1, words[i]) == 0)
            return true;
    }
    return is_number_or_date(rest + 1);
}
