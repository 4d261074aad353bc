#include "config/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES 1000000

int reference_read_file(const char *path, struct strbuf *out, struct err *e)
{
    FILE *f = fopen(path, "re");
    size_t before = out->len;
    char block[4096];
    size_t n;
    int rc = -1;

    if (!f)
        return err_set(e, ERR_USAGE, "%s: %s", path, strerror(errno));
    while ((n = fread(block, 1, sizeof(block), f)) > 0 && out->len - before <= FILE_MAX_BYTES)
        strbuf_add(out, block, n);
    if (ferror(f))
        err_set(e, ERR_USAGE, "%s: %s", path, strerror(errno));
    else if (out->len - before > FILE_MAX_BYTES)
        err_set(e, ERR_USAGE, "%s: larger than %d bytes, too large for a value", path,
                FILE_MAX_BYTES);
    else if (out->len > before && memchr(out->data + before, '\0', out->len - before))
        err_set(e, ERR_USAGE, "%s: has a NUL character in it", path);
    else
        rc = 0;
    fclose(f);
    if (out->len > before && out->data[out->len - 1] == '\n')
        strbuf_cut(out, out->len - 1);
    if (out->len > before && out->data[out->len - 1] == '\r')
        strbuf_cut(out, out->len - 1);
    return rc;
}

static int add_variable(const char *name, struct strbuf *out, struct err *e)
{
    const char *value = getenv(name);

    if (!value)
        return err_set(e, ERR_USAGE, "environment variable %s: not set", name);
    strbuf_adds(out, value);
    return 0;
}

static int add_credential(const char *name, struct strbuf *out, struct err *e)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    struct strbuf path = {0};
    int rc;

    if (!folder || !*folder)
        return err_set(e, ERR_USAGE,
                       "credential %s: $CREDENTIALS_DIRECTORY is not set (systemd sets it for "
                       "LoadCredential=)",
                       name);
    if (strchr(name, '/'))
        return err_set(e, ERR_USAGE, "credential %s: must be a name without /", name);
    strbuf_addf(&path, "%s/%s", folder, name);
    rc = reference_read_file(strbuf_text(&path), out, e);
    strbuf_release(&path);
    return rc;
}

static const struct {
    const char *begin;
    int (*add)(const char *name, struct strbuf *out, struct err *e);
} kinds[] = {
    {"${file:", reference_read_file},
    {"${env:", add_variable},
    {"${credential:", add_credential},
};

/* The length of the reference at `text`, 0 when there is none; `*kind` is its row. */
static size_t find_reference(const char *text, size_t *kind)
{
    const char *end = strchr(text, '}');

    for (*kind = 0; end && *kind < sizeof(kinds) / sizeof(kinds[0]); ++*kind) {
        size_t len = strlen(kinds[*kind].begin);

        if (strncmp(text, kinds[*kind].begin, len) == 0 && end > text + len)
            return (size_t)(end - text) + 1;
    }
    return 0;
}

static int add_reference(const char *text, size_t len, size_t kind, struct strbuf *out,
                         struct err *e)
{
    size_t begin = strlen(kinds[kind].begin);
    struct strbuf name = {0};
    int rc;

    strbuf_add(&name, text + begin, len - begin - 1);
    rc = kinds[kind].add(strbuf_text(&name), out, e);
    strbuf_release(&name);
    return rc;
}

int reference_expand(const char *text, struct strbuf *out, struct err *e)
{
    while (*text) {
        size_t kind;
        size_t len;

        if (strncmp(text, "$${", 3) == 0) {
            strbuf_adds(out, "${");
            text += 3;
        } else if (strncmp(text, "${", 2) != 0) {
            strbuf_addc(out, *text++);
        } else if ((len = find_reference(text, &kind)) > 0) {
            if (add_reference(text, len, kind, out, e) < 0)
                return -1;
            text += len;
        } else {
            return err_set(e, ERR_USAGE,
                           "its value has a ${ that begins no reference (allowed: ${file:PATH}, "
                           "${env:NAME}, ${credential:NAME}; $${ for a plain ${)");
        }
    }
    return 0;
}

bool reference_is_whole(const char *text)
{
    size_t kind;
    size_t len = find_reference(text, &kind);

    return len > 0 && text[len] == '\0';
}
