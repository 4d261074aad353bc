#include "io/async_call.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/wake.h"

struct async_call {
    void (*work)(void *arg);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t ended;
    int wake_fd;
    bool is_done;
    bool is_left; /* nobody waits: the thread frees */
};

static void async_call_free(struct async_call *a)
{
    pthread_cond_destroy(&a->ended);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static void *run(void *self)
{
    struct async_call *a = self;
    bool is_left;

    a->work(a->arg);
    pthread_mutex_lock(&a->lock);
    a->is_done = true;
    is_left = a->is_left;
    pthread_cond_signal(&a->ended);
    if (!is_left)
        wake_up(a->wake_fd);
    pthread_mutex_unlock(&a->lock);
    if (is_left)
        async_call_free(a);
    return NULL;
}

struct async_call *async_call_begin(void (*work)(void *arg), void *arg, int wake_fd)
{
    struct async_call *a = mem_alloc(sizeof(*a));
    pthread_condattr_t attr;

    a->work = work;
    a->arg = arg;
    a->wake_fd = wake_fd;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&a->thread, NULL, run, a) == 0)
        return a;
    async_call_free(a);
    return NULL;
}

static struct timespec in_ms(int timeout_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

bool async_call_is_done(struct async_call *a, int timeout_ms)
{
    struct timespec until = in_ms(timeout_ms);
    bool is_done;

    pthread_mutex_lock(&a->lock);
    while (timeout_ms > 0 && !a->is_done &&
           pthread_cond_timedwait(&a->ended, &a->lock, &until) != ETIMEDOUT)
        ;
    is_done = a->is_done;
    pthread_mutex_unlock(&a->lock);
    return is_done;
}

void async_call_end(struct async_call *a)
{
    bool is_done;

    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    is_done = a->is_done;
    a->is_left = !is_done;
    if (!is_done)
        pthread_detach(a->thread);
    pthread_mutex_unlock(&a->lock);
    if (!is_done)
        return;
    pthread_join(a->thread, NULL);
    async_call_free(a);
}
