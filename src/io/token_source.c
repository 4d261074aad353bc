#include "io/token_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define DEADLINE_MS 20000
#define LOOK_MS     10 /* for the end, once its output is closed */
#define MAX_BYTES   65536

static int64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

/* ---- starting ---- */

/* A process group of its own, so that all of it can be killed; no signal blocked or ignored. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);
}

/* What it says on its standard error goes where ours goes. */
static int start(const char *command, int out, pid_t *pid)
{
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    int rc;

    set_attributes(&attributes);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    rc = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* ---- reading ---- */

static bool is_readable(int fd, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = deadline - now_ms();

    return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* Reads up to the end of the output, the deadline, or one byte too many. */
static void read_output(int fd, int64_t deadline, struct strbuf *out)
{
    size_t before = out->len;
    char block[4096];
    ssize_t n = 1;

    while (n > 0 && out->len - before <= MAX_BYTES && is_readable(fd, deadline)) {
        n = read(fd, block, sizeof(block));
        if (n > 0)
            strbuf_add(out, block, (size_t)n);
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
}

/* Returns false when it has to be killed. */
static bool has_ended(pid_t pid, int64_t deadline, int *status)
{
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (now_ms() >= deadline)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
    return true;
}

static int judge(int status, struct err *e)
{
    if (WIFSIGNALED(status))
        return err_set(e, ERR_RUNTIME, "it is ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(e, ERR_RUNTIME, "it ends with exit status %d", WEXITSTATUS(status));
    return 0;
}

int token_source_run(const char *command, struct strbuf *out, struct err *e)
{
    int64_t deadline = now_ms() + DEADLINE_MS;
    size_t before = out->len;
    int fds[2];
    int status = 0;
    pid_t pid;
    int rc;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, ERR_RUNTIME, "pipe: %s", strerror(errno));
    rc = start(command, fds[1], &pid);
    close(fds[1]);
    if (rc == 0)
        read_output(fds[0], deadline, out);
    close(fds[0]);
    if (rc != 0)
        return err_set(e, ERR_RUNTIME, "/bin/sh: %s", strerror(rc));
    if (out->len - before <= MAX_BYTES && has_ended(pid, deadline, &status))
        return judge(status, e);
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (out->len - before > MAX_BYTES)
        return err_set(e, ERR_RUNTIME, "it writes more than %d bytes", MAX_BYTES);
    return err_set(e, ERR_RUNTIME, "it does not end within %d s", DEADLINE_MS / 1000);
}
