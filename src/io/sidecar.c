#include "io/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/disk.h"

#define MAX_BYTES ((size_t)16 << 20)

int sidecar_sync_folder(const char *path)
{
    char *copy = mem_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    int saved = errno;

    if (fd >= 0)
        close(fd);
    free(copy);
    errno = saved;
    return rc;
}

static int read_all(int fd, struct strbuf *text)
{
    while (text->len < MAX_BYTES) {
        ssize_t n;

        strbuf_reserve(text, 4096);
        n = read(fd, text->data + text->len, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        text->len += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

int sidecar_read(const char *path, struct checkpoint *s, struct err *e)
{
    struct strbuf text = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a named pipe is not waited for */
    int rc = -1;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    if (read_all(fd, &text) < 0)
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(errno));
    else if (checkpoint_decode(s, strbuf_text(&text), text.len, e) < 0)
        err_wrap(e, "%s", path);
    else
        rc = 1;
    close(fd);
    strbuf_release(&text);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = ENOSPC;
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

static int write_file(const char *path, const struct strbuf *text, struct stat *written)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
    int rc;
    int saved;

    if (fd < 0)
        return -1;
    rc = write_all(fd, text->data, text->len);
    if (rc == 0)
        rc = fsync(fd);
    if (rc == 0 && written)
        rc = fstat(fd, written);
    saved = errno;
    if (close(fd) < 0 && rc == 0) {
        saved = errno;
        rc = -1;
    }
    errno = saved;
    return rc;
}

int sidecar_write(const char *path, const struct checkpoint *s, struct stat *written, struct err *e)
{
    struct strbuf text = {0};
    struct strbuf temporary = {0};
    int rc = -1;
    int saved;

    checkpoint_encode(s, &text);
    strbuf_addf(&temporary, "%s.tmp", path);
    if (write_file(temporary.data, &text, written) == 0 && rename(temporary.data, path) == 0 &&
        sidecar_sync_folder(path) == 0)
        rc = 0;
    saved = errno;
    if (rc < 0) {
        err_set(e, ERR_RUNTIME, "%s: %s", path, strerror(saved));
        unlink(temporary.data);
    }
    strbuf_release(&text);
    strbuf_release(&temporary);
    errno = saved;
    return rc;
}
