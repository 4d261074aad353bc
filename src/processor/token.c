#include "processor/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST 65536

static bool is_same(const struct token *t, const struct stat *st)
{
    return t->text.len > 0 && t->device == st->st_dev && t->inode == st->st_ino &&
           t->size == st->st_size && t->changed.tv_sec == st->st_mtim.tv_sec &&
           t->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static void note_file(struct token *t, const struct stat *st)
{
    t->device = st->st_dev;
    t->inode = st->st_ino;
    t->size = st->st_size;
    t->changed = st->st_mtim;
}

static int refuse(const struct token *t, const char *why, struct err *e)
{
    return err_set(e, ERR_USAGE, "processor.token_file: %s: %s", t->path, why);
}

static int read_text(struct token *t, int fd, struct err *e)
{
    char block[4096];
    ssize_t n;

    strbuf_reset(&t->text);
    while ((n = read(fd, block, sizeof(block))) > 0) {
        strbuf_add(&t->text, block, (size_t)n);
        if (t->text.len > LARGEST)
            return refuse(t, "too large for a token", e);
    }
    if (n < 0)
        return refuse(t, strerror(errno), e);
    while (t->text.len > 0 && strchr(" \t\r\n", t->text.data[t->text.len - 1]))
        strbuf_cut(&t->text, t->text.len - 1);
    if (t->text.len == 0)
        return refuse(t, "holds no token", e);
    for (size_t i = 0; i < t->text.len; i++)
        if (t->text.data[i] <= ' ' || t->text.data[i] > '~')
            return refuse(t, "holds no token: only letters, digits and punctuation may be in it",
                          e);
    return 0;
}

int token_refresh(struct token *t, struct err *e)
{
    struct stat st;
    int fd;
    int rc;

    if (stat(t->path, &st) == 0 && is_same(t, &st))
        return 0;
    fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        rc = refuse(t, strerror(errno), e);
    } else {
        note_file(t, &st);
        rc = read_text(t, fd, e);
    }
    if (fd >= 0)
        close(fd);
    if (rc < 0)
        strbuf_reset(&t->text);
    return rc;
}

void token_doubt(struct token *t)
{
    strbuf_reset(&t->text);
}

void token_release(struct token *t)
{
    strbuf_release(&t->text);
}
