#include "processor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES     (1 << 18)
#define OUT_BYTES      ((size_t)1 << 18) /* requests that wait for the pipe */
#define READ_BYTES     ((size_t)1 << 16)
#define FIRST_DELAY_MS 100
#define MAX_DELAY_MS   30000
#define LIFE_MS        10000 /* a process that lived for so long was started well */
#define ENDING_MS      1000  /* from the end of its output to its own */
#define CHECK_MS       50

void worker_init(struct worker *w)
{
    *w = (struct worker){.pid = -1, .in_fd = -1, .answers.fd = -1, .errors.fd = -1};
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_all(struct worker *w)
{
    close_fd(&w->in_fd);
    close_fd(&w->answers.fd);
    close_fd(&w->errors.fd);
}

static void release_lines(struct worker_lines *l)
{
    strbuf_release(&l->bytes);
    *l = (struct worker_lines){.fd = -1};
}

void worker_release(struct worker *w)
{
    close_all(w);
    strbuf_release(&w->out);
    release_lines(&w->answers);
    release_lines(&w->errors);
}

/* ---- starting ---- */

static int open_pipe(int fds[2], int ours, struct err *e)
{
    if (pipe2(fds, O_CLOEXEC) < 0) {
        fds[0] = fds[1] = -1;
        return err_set(e, ERR_RUNTIME, "pipe: %s", strerror(errno));
    }
    fcntl(fds[ours], F_SETFL, O_NONBLOCK);
    fcntl(fds[ours], F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

/* Libraries open descriptors that are not closed by an exec. */
static void close_others(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
        return;
#endif
    for (long fd = 3, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
        close((int)fd);
}

/* In the child: only calls that are safe after a fork of a program with threads. */
static void become(const char *command, int in, int out, int error)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0)
        _exit(126);
    close_others();
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static void watch(int epoll_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void begin_lines(struct worker_lines *l, int fd)
{
    strbuf_reset(&l->bytes);
    l->fd = fd;
    l->begin = l->searched = 0;
    l->is_too_long = false;
}

static void take_process(struct worker *w, const struct worker_options *o, pid_t pid,
                         int64_t now_ms)
{
    setpgid(pid, pid); /* whoever comes first */
    w->pid = pid;
    w->state = WORKER_RUNNING;
    w->started_ms = w->checked_ms = now_ms;
    w->waits_to_write = false;
    w->written = 0;
    strbuf_reset(&w->out);
    watch(o->epoll_fd, w->answers.fd, EPOLLIN);
    watch(o->epoll_fd, w->errors.fd, EPOLLIN);
}

static int64_t next_delay_ms(const struct worker *w)
{
    if (w->delay_ms == 0)
        return FIRST_DELAY_MS;
    return 2 * w->delay_ms < MAX_DELAY_MS ? 2 * w->delay_ms : MAX_DELAY_MS;
}

static void restart_later(struct worker *w, int64_t now_ms)
{
    w->state = WORKER_DOWN;
    w->pid = -1;
    w->delay_ms = next_delay_ms(w);
    w->restart_ms = now_ms + w->delay_ms;
}

int worker_start(struct worker *w, const struct worker_options *o, int64_t now_ms, struct err *e)
{
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    int error[2] = {-1, -1};
    pid_t pid = -1;

    close_all(w);
    if (open_pipe(in, 1, e) == 0 && open_pipe(out, 0, e) == 0 && open_pipe(error, 0, e) == 0) {
        pid = fork();
        if (pid == 0)
            become(o->command, in[0], out[1], error[1]);
        if (pid < 0)
            err_set(e, ERR_RUNTIME, "fork: %s", strerror(errno));
    }
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&error[1]);
    w->in_fd = in[1];
    begin_lines(&w->answers, out[0]);
    begin_lines(&w->errors, error[0]);
    if (pid < 0) {
        close_all(w);
        snprintf(w->ended, sizeof(w->ended), "cannot be started: %.200s", e->text);
        restart_later(w, now_ms);
        return -1;
    }
    take_process(w, o, pid, now_ms);
    return 0;
}

/* ---- writing ---- */

bool worker_has_room(const struct worker *w)
{
    return w->state == WORKER_RUNNING && w->out.len - w->written < OUT_BYTES;
}

static void wait_to_write(struct worker *w, const struct worker_options *o, bool waits)
{
    if (w->waits_to_write == waits)
        return;
    w->waits_to_write = waits;
    if (waits)
        watch(o->epoll_fd, w->in_fd, EPOLLOUT);
    else
        epoll_ctl(o->epoll_fd, EPOLL_CTL_DEL, w->in_fd, NULL);
}

/* A process that has closed its input is noticed by its end, or because it does not answer. */
void worker_flush(struct worker *w, const struct worker_options *o)
{
    if (w->state != WORKER_RUNNING || w->in_fd < 0)
        return;
    while (w->written < w->out.len) {
        ssize_t n = write(w->in_fd, w->out.data + w->written, w->out.len - w->written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            wait_to_write(w, o, errno == EAGAIN);
            return;
        }
        w->written += (size_t)n;
    }
    strbuf_reset(&w->out);
    w->written = 0;
    wait_to_write(w, o, false);
}

/* ---- reading ---- */

/* Room for what comes next: whole lines that were taken leave. */
static void make_room(struct worker_lines *l)
{
    if (l->begin > 0) {
        memmove(l->bytes.data, l->bytes.data + l->begin, l->bytes.len - l->begin);
        strbuf_cut(&l->bytes, l->bytes.len - l->begin);
        l->searched -= l->begin;
        l->begin = 0;
    }
    strbuf_reserve(&l->bytes, READ_BYTES);
}

/* A line that grows too long is left out up to its newline, wherever that comes. */
static void cut_long_line(struct worker_lines *l, size_t max_line)
{
    if (l->searched < l->bytes.len || l->bytes.len - l->begin <= max_line)
        return;
    l->is_too_long = true;
    strbuf_cut(&l->bytes, l->begin);
    l->searched = l->begin;
}

/* Returns true when something was read, or the pipe has ended. */
static bool read_pipe(struct worker_lines *l, size_t max_line)
{
    ssize_t n;

    if (l->fd < 0)
        return false;
    cut_long_line(l, max_line);
    make_room(l);
    do {
        n = read(l->fd, l->bytes.data + l->bytes.len, READ_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        l->bytes.len += (size_t)n;
        l->bytes.data[l->bytes.len] = '\0';
        return true;
    }
    if (n < 0 && errno == EAGAIN)
        return false;
    close_fd(&l->fd);
    return true;
}

bool worker_read(struct worker *w, const struct worker_options *o, int64_t now_ms)
{
    bool was_open = w->answers.fd >= 0;
    bool has_read = read_pipe(&w->answers, o->max_line);

    has_read |= read_pipe(&w->errors, o->max_line);
    if (was_open && w->answers.fd < 0 && w->state == WORKER_RUNNING) {
        w->state = WORKER_ENDING;
        w->ending_ms = now_ms + ENDING_MS;
        w->checked_ms = 0;
    }
    return has_read;
}

int worker_next_line(struct worker_lines *l, const char **line, size_t *len)
{
    const char *newline;

    if (l->searched == l->bytes.len)
        return 0;
    newline = memchr(l->bytes.data + l->searched, '\n', l->bytes.len - l->searched);
    if (!newline) {
        l->searched = l->bytes.len;
        return 0;
    }
    *line = l->bytes.data + l->begin;
    *len = (size_t)(newline - *line);
    l->begin = l->searched = (size_t)(newline - l->bytes.data) + 1;
    if (!l->is_too_long)
        return 1;
    l->is_too_long = false;
    return -1;
}

/* ---- the end ---- */

void worker_signal(const struct worker *w, int signal)
{
    if (w->pid > 0)
        kill(-w->pid, signal);
}

void worker_kill(struct worker *w, int64_t now_ms, bool restart_at_once)
{
    worker_signal(w, SIGKILL);
    if (restart_at_once)
        w->started_ms = INT64_MIN;
    w->state = WORKER_ENDING;
    w->ending_ms = now_ms + ENDING_MS;
    w->checked_ms = 0;
}

static void describe_end(struct worker *w, const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        snprintf(w->ended, sizeof(w->ended), "ended with exit status %d", info->si_status);
    else
        snprintf(w->ended, sizeof(w->ended), "ended by signal %d (%s)", info->si_status,
                 strsignal(info->si_status));
}

bool worker_has_ended(struct worker *w, int64_t now_ms)
{
    siginfo_t info = {0};
    bool was_killed = w->started_ms == INT64_MIN;

    if (w->pid < 0 || now_ms - w->checked_ms < CHECK_MS)
        return false;
    w->checked_ms = now_ms;
    if (w->state == WORKER_ENDING && now_ms >= w->ending_ms)
        worker_signal(w, SIGKILL);
    if (waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return false;
    worker_signal(w, SIGKILL); /* what it started; while it is not reaped the group is its own */
    waitpid(w->pid, NULL, 0);
    describe_end(w, &info);
    if (!was_killed && now_ms - w->started_ms >= LIFE_MS)
        w->delay_ms = 0;
    close_fd(&w->in_fd);
    if (was_killed) {
        w->state = WORKER_DOWN;
        w->pid = -1;
        w->restart_ms = now_ms;
    } else {
        restart_later(w, now_ms);
    }
    return true;
}

void worker_close_input(struct worker *w)
{
    close_fd(&w->in_fd);
}

int64_t worker_due_ms(const struct worker *w)
{
    if (w->pid < 0)
        return w->restart_ms;
    return w->state == WORKER_ENDING ? w->checked_ms + CHECK_MS : INT64_MAX;
}
