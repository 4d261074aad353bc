/* Faults on demand, for tests: a library for LD_PRELOAD that lets the n-th call of a function fail,
 * or kills the program right before or after it.
 *
 *   FAULTS      what is to happen: FUNCTION[@NAME]:FIRST[+TIMES]:WHAT, separated by blanks
 *   FAULTS_DIR  files that are watched: all whose path begins with this
 *   FAULTS_LOG  where each watched call is told, one line each
 *
 *   FUNCTION  open write fdatasync fsync ftruncate rename pread read, on files; on librdkafka:
 *             fetch (a record read), produce (a dead letter handed over), report (on it),
 *             store (offsets to be committed), commit (acknowledged), close (the consumer)
 *   NAME      pattern for the last part of the path; all watched files without it
 *   FIRST     counts from 1, calls that match FUNCTION and NAME
 *   TIMES     1 without it, 0 for ever
 *   WHAT      an error (ENOSPC EDQUOT EIO EINTR EMFILE EACCES);
 *             `short`: half is written; `slow`: takes a tenth of a second more;
 *             `fail`: librdkafka's call refuses, its report brings an error;
 *             `kill-before`, `kill-after`, `kill-within` (half is written)
 *
 * The log: `call FUNCTION NUMBER NAME`, `hit FUNCTION NUMBER NAME WHAT`, and `durable NAME SIZE`
 * once so many bytes of a file would outlive a loss of power. When a file is renamed onto another,
 * that other stays beside it as NAME.before until its folder is fsynced: after a loss of power it
 * may be either. */

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <librdkafka/rdkafka.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FAULTS 8
#define MAX_COUNTS 64
#define NAME_BYTES 256
#define SLOW_US    100000

enum what {
    PASS,
    FAIL, /* `error` tells how */
    SHORT,
    SLOW,
    KILL_BEFORE,
    KILL_WITHIN,
    KILL_AFTER,
};

struct fault {
    char function[16];
    char name[NAME_BYTES];
    long first;
    long times;
    enum what what;
    int error;
    char text[16]; /* WHAT as it was given */
    long seen;
};

struct count {
    char function[16];
    char name[NAME_BYTES];
    long n;
};

static struct fault faults[MAX_FAULTS];
static int fault_count;
static struct count counts[MAX_COUNTS];
static int count_count;
static const char *folder;
static int log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- the wish ---- */

static const struct {
    const char *name;
    enum what what;
    int error;
} whats[] = {
    {"ENOSPC", FAIL, ENOSPC},
    {"EDQUOT", FAIL, EDQUOT},
    {"EIO", FAIL, EIO},
    {"EINTR", FAIL, EINTR},
    {"EMFILE", FAIL, EMFILE},
    {"EACCES", FAIL, EACCES},
    {"fail", FAIL, EIO},
    {"short", SHORT, 0},
    {"slow", SLOW, 0},
    {"kill-before", KILL_BEFORE, 0},
    {"kill-after", KILL_AFTER, 0},
    {"kill-within", KILL_WITHIN, 0},
};

static void refuse(const char *text)
{
    fprintf(stderr, "faults: not understood: %s\n", text);
    _exit(99);
}

static void parse_fault(const char *text)
{
    struct fault *f = &faults[fault_count++];
    char function[NAME_BYTES];
    char *at;

    if (fault_count > MAX_FAULTS)
        refuse(text);
    f->times = 1;
    if (sscanf(text, "%255[^:]:%ld+%ld:%15s", function, &f->first, &f->times, f->text) != 4 &&
        sscanf(text, "%255[^:]:%ld:%15s", function, &f->first, f->text) != 3)
        refuse(text);
    at = strchr(function, '@');
    snprintf(f->name, sizeof(f->name), "%s", at ? at + 1 : "*");
    snprintf(f->function, sizeof(f->function), "%.*s",
             (int)(at ? at - function : (long)strlen(function)), function);
    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++)
        if (strcmp(whats[i].name, f->text) == 0) {
            f->what = whats[i].what;
            f->error = whats[i].error;
        }
    if (f->what == PASS)
        refuse(text);
}

static void begin(void)
{
    const char *wish = getenv("FAULTS");
    const char *path = getenv("FAULTS_LOG");
    char *copy = strdup(wish ? wish : "");
    char *rest = NULL;

    folder = getenv("FAULTS_DIR");
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        parse_fault(word);
    free(copy);
    if (path)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                              0644);
}

/* ---- counting ---- */

/* One line, in one write: it is there even when the program is killed right behind it. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char line[2 * NAME_BYTES];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (log_fd >= 0 && n > 0)
        syscall(SYS_write, log_fd, line, (size_t)n);
}

static long count_call(const char *function, const char *name)
{
    struct count *c = counts;

    while (c < counts + count_count && (strcmp(c->function, function) || strcmp(c->name, name)))
        c++;
    if (c == counts + count_count) {
        assert(count_count < MAX_COUNTS);
        count_count++;
        snprintf(c->function, sizeof(c->function), "%s", function);
        snprintf(c->name, sizeof(c->name), "%s", name);
    }
    return ++c->n;
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Counts the call and tells what is to happen to it. Dies here when that is to be before it. */
static struct fault decide(const char *function, const char *name)
{
    struct fault chosen = {.what = PASS};
    int saved = errno;
    long n;

    pthread_mutex_lock(&lock);
    n = count_call(function, name);
    tell("call %s %ld %s\n", function, n, name);
    for (int i = 0; i < fault_count; i++) {
        struct fault *f = &faults[i];

        if (strcmp(f->function, function) != 0 || fnmatch(f->name, name, 0) != 0)
            continue;
        f->seen++;
        if (f->seen < f->first || (f->times && f->seen >= f->first + f->times))
            continue;
        chosen = *f;
        tell("hit %s %ld %s %s\n", function, n, name, f->text);
    }
    if (chosen.what == KILL_BEFORE)
        die();
    pthread_mutex_unlock(&lock);
    if (chosen.what == SLOW)
        usleep(SLOW_US);
    errno = saved;
    return chosen;
}

static void finish(const struct fault *f)
{
    if (f->what == KILL_AFTER || f->what == KILL_WITHIN)
        die();
}

/* ---- files ---- */

/* The last part of a watched path, or NULL. */
static const char *watched_name(const char *path)
{
    const char *slash;

    pthread_once(&once, begin);
    if (!folder || strncmp(path, folder, strlen(folder)) != 0)
        return NULL;
    slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The same for an open file, by its name of now. `path` is where the name is kept. */
static const char *watched_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    int saved = errno;
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    errno = saved;
    if (n < 0)
        return NULL;
    path[n] = '\0';
    return watched_name(path);
}

static bool fails(const struct fault *f)
{
    if (f->what != FAIL)
        return false;
    errno = f->error;
    return true;
}

/* The next definition of the function that is being replaced. */
#define NEXT(name)                   \
    static __typeof__(&(name)) next; \
    if (!next)                       \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

static int do_open(int folder_fd, const char *path, int flags, mode_t mode)
{
    char absolute[PATH_MAX];
    const char *name = NULL;
    struct fault f = {.what = PASS};
    int fd;

    if (folder_fd == AT_FDCWD)
        name = realpath(path, absolute) ? watched_name(absolute) : watched_name(path);
    if (name)
        f = decide("open", name);
    if (fails(&f))
        return -1;
    fd = (int)syscall(SYS_openat, folder_fd, path, flags, mode);
    finish(&f);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return do_open(AT_FDCWD, path, flags, mode);
}

int openat(int folder_fd, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return do_open(folder_fd, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    NEXT(write);
    char path[PATH_MAX];
    const char *name = watched_fd(fd, path);
    struct fault f = {.what = PASS};
    ssize_t n;

    if (name)
        f = decide("write", name);
    if (fails(&f))
        return -1;
    if (f.what == SHORT || f.what == KILL_WITHIN)
        len = (len + 1) / 2;
    n = next(fd, bytes, len);
    finish(&f);
    return n;
}

static ssize_t do_read(const char *function, ssize_t (*read_it)(int, void *, size_t, off_t), int fd,
                       void *bytes, size_t len, off_t at)
{
    char path[PATH_MAX];
    const char *name = watched_fd(fd, path);
    struct fault f = {.what = PASS};
    ssize_t n;

    if (name)
        f = decide(function, name);
    if (fails(&f))
        return -1;
    n = read_it(fd, bytes, len, at);
    finish(&f);
    return n;
}

static ssize_t read_at(int fd, void *bytes, size_t len, off_t at)
{
    return syscall(SYS_pread64, fd, bytes, len, at);
}

static ssize_t read_on(int fd, void *bytes, size_t len, off_t at)
{
    (void)at;
    return syscall(SYS_read, fd, bytes, len);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return do_read("pread", read_at, fd, bytes, len, at);
}

ssize_t read(int fd, void *bytes, size_t len)
{
    return do_read("read", read_on, fd, bytes, len, 0);
}

/* What calls with a buffer of known size become when the program is hardened. */
ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size);
ssize_t __read_chk(int fd, void *bytes, size_t len, size_t size);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size)
{
    assert(len <= size);
    return pread(fd, bytes, len, at);
}

ssize_t __read_chk(int fd, void *bytes, size_t len, size_t size)
{
    assert(len <= size);
    return read(fd, bytes, len);
}

/* A folder that is fsynced has its names for good. */
static void forget_forerunner(const char *path)
{
    char before[PATH_MAX];

    snprintf(before, sizeof(before), "%.*s/tracker.events.state.before", PATH_MAX - 64, path);
    unlink(before);
}

static int do_sync(const char *function, int (*sync_it)(int), int fd)
{
    char path[PATH_MAX];
    const char *name = watched_fd(fd, path);
    struct fault f = {.what = PASS};
    struct stat st = {0};
    int rc;

    if (name) {
        f = decide(function, name);
        fstat(fd, &st);
    }
    if (fails(&f))
        return -1;
    rc = sync_it(fd);
    if (name && rc == 0 && S_ISDIR(st.st_mode))
        forget_forerunner(path);
    else if (name && rc == 0)
        tell("durable %s %lld\n", name, (long long)st.st_size);
    finish(&f);
    return rc;
}

int fdatasync(int fd)
{
    NEXT(fdatasync);
    return do_sync("fdatasync", next, fd);
}

int fsync(int fd)
{
    NEXT(fsync);
    return do_sync("fsync", next, fd);
}

int ftruncate(int fd, off_t length)
{
    NEXT(ftruncate);
    char path[PATH_MAX];
    const char *name = watched_fd(fd, path);
    struct fault f = {.what = PASS};
    int rc;

    if (name)
        f = decide("ftruncate", name);
    if (fails(&f))
        return -1;
    rc = next(fd, length);
    finish(&f);
    return rc;
}

int rename(const char *from, const char *to)
{
    NEXT(rename);
    const char *name = watched_name(to);
    struct fault f = {.what = PASS};
    char before[PATH_MAX];
    int rc;

    if (name)
        f = decide("rename", name);
    if (fails(&f))
        return -1;
    if (name) {
        snprintf(before, sizeof(before), "%s.before", to);
        unlink(before);
        if (link(to, before) < 0 && errno != ENOENT)
            tell("trouble link %s\n", name);
    }
    rc = next(from, to);
    finish(&f);
    return rc;
}

/* ---- librdkafka ---- */

static struct fault decide_kafka(const char *point)
{
    pthread_once(&once, begin);
    return decide(point, "-");
}

/* Only calls that bring a record count. That one comes is known when it has come: before and after
 * are one here, the record is out of librdkafka and the program knows nothing of it. */
rd_kafka_message_t *rd_kafka_consume_queue(rd_kafka_queue_t *queue, int timeout_ms)
{
    NEXT(rd_kafka_consume_queue);
    rd_kafka_message_t *m = next(queue, timeout_ms);
    struct fault f;

    if (m && !m->err) {
        f = decide_kafka("fetch");
        finish(&f);
    }
    return m;
}

/* The variable arguments as the array that rd_kafka_produceva takes. */
static size_t collect(va_list args, rd_kafka_vu_t *list, size_t max)
{
    size_t n = 0;
    rd_kafka_vtype_t type;

    while ((type = va_arg(args, rd_kafka_vtype_t)) != RD_KAFKA_VTYPE_END) {
        rd_kafka_vu_t *v = &list[n++];

        assert(n <= max);
        v->vtype = type;
        switch ((int)type) {
        case RD_KAFKA_VTYPE_TOPIC:
            v->u.cstr = va_arg(args, const char *);
            break;
        case RD_KAFKA_VTYPE_PARTITION:
            v->u.i32 = va_arg(args, int32_t);
            break;
        case RD_KAFKA_VTYPE_MSGFLAGS:
            v->u.i = va_arg(args, int);
            break;
        case RD_KAFKA_VTYPE_TIMESTAMP:
            v->u.i64 = va_arg(args, int64_t);
            break;
        case RD_KAFKA_VTYPE_VALUE:
        case RD_KAFKA_VTYPE_KEY:
            v->u.mem.ptr = va_arg(args, void *);
            v->u.mem.size = va_arg(args, size_t);
            break;
        case RD_KAFKA_VTYPE_OPAQUE:
            v->u.ptr = va_arg(args, void *);
            break;
        case RD_KAFKA_VTYPE_HEADERS:
            v->u.headers = va_arg(args, rd_kafka_headers_t *);
            break;
        default:
            fprintf(stderr, "faults: rd_kafka_producev: argument of type %d\n", (int)type);
            abort();
        }
    }
    return n;
}

rd_kafka_resp_err_t rd_kafka_producev(rd_kafka_t *rk, ...)
{
    struct fault f = decide_kafka("produce");
    rd_kafka_resp_err_t err;
    rd_kafka_vu_t list[16];
    rd_kafka_error_t *error;
    va_list args;
    size_t n;

    va_start(args, rk);
    n = collect(args, list, sizeof(list) / sizeof(list[0]));
    va_end(args);
    if (f.what == FAIL)
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    error = rd_kafka_produceva(rk, list, n);
    err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error)
        rd_kafka_error_destroy(error);
    finish(&f);
    return err;
}

static void (*real_report)(rd_kafka_t *, const rd_kafka_message_t *, void *);
static void (*real_commit)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *,
                           void *);

static void report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct fault f = decide_kafka("report");
    rd_kafka_message_t failed = *m;

    failed.err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    real_report(rk, f.what == FAIL ? &failed : m, opaque);
    finish(&f);
}

void rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *conf,
                                 void (*callback)(rd_kafka_t *, const rd_kafka_message_t *, void *))
{
    NEXT(rd_kafka_conf_set_dr_msg_cb);
    real_report = callback;
    next(conf, report);
}

static void commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                   void *opaque)
{
    struct fault f = {.what = PASS};

    if (!err)
        f = decide_kafka("commit");
    real_commit(rk, err, list, opaque);
    finish(&f);
}

rd_kafka_resp_err_t rd_kafka_commit_queue(
    rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets, rd_kafka_queue_t *queue,
    void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *),
    void *opaque)
{
    NEXT(rd_kafka_commit_queue);
    struct fault f = decide_kafka("store");
    rd_kafka_resp_err_t err;

    if (f.what == FAIL)
        return RD_KAFKA_RESP_ERR__FAIL;
    real_commit = callback;
    err = next(rk, offsets, queue, commit, opaque);
    finish(&f);
    return err;
}

rd_kafka_error_t *rd_kafka_consumer_close_queue(rd_kafka_t *rk, rd_kafka_queue_t *queue)
{
    NEXT(rd_kafka_consumer_close_queue);
    struct fault f = decide_kafka("close");
    rd_kafka_error_t *error = next(rk, queue);

    finish(&f);
    return error;
}
