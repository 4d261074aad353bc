#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "io/async_call.h"
#include "base/wake.h"

#define PATIENCE_MS 60000

/* Work that ends when it is told to. */
struct work {
    sem_t may_end;
    sem_t has_ended;
    int result;
};

static void work(void *arg)
{
    struct work *w = arg;

    while (sem_wait(&w->may_end) < 0)
        ;
    w->result = 42;
    sem_post(&w->has_ended);
}

static void init(struct work *w)
{
    *w = (struct work){0};
    sem_init(&w->may_end, 0, 0);
    sem_init(&w->has_ended, 0, 0);
}

static void release(struct work *w)
{
    sem_destroy(&w->may_end);
    sem_destroy(&w->has_ended);
}

static bool is_awake(int wake_fd, int timeout_ms)
{
    struct pollfd p = {.fd = wake_fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

static void work_goes_on_beside_and_wakes_when_it_has_returned(void **state)
{
    int wake_fd = wake_open();
    struct async_call *a;
    struct work w;

    (void)state;
    init(&w);
    a = async_call_begin(work, &w, wake_fd);
    assert_non_null(a);
    assert_false(async_call_is_done(a, 0));
    assert_false(async_call_is_done(a, 20));
    assert_false(is_awake(wake_fd, 0));
    sem_post(&w.may_end);
    assert_true(is_awake(wake_fd, PATIENCE_MS));
    assert_true(async_call_is_done(a, 0));
    assert_int_equal(w.result, 42);
    async_call_end(a);
    release(&w);
    close(wake_fd);
}

static void it_can_be_waited_for(void **state)
{
    struct async_call *a;
    struct work w;

    (void)state;
    init(&w);
    sem_post(&w.may_end);
    a = async_call_begin(work, &w, -1);
    assert_true(async_call_is_done(a, PATIENCE_MS));
    assert_true(async_call_is_done(a, PATIENCE_MS));
    assert_int_equal(w.result, 42);
    async_call_end(a);
    async_call_end(NULL);
    release(&w);
}

static void work_that_is_left_goes_on_and_wakes_nobody(void **state)
{
    int wake_fd = wake_open();
    static struct work w; /* the thread may be about to leave sem_post when the test ends */

    (void)state;
    init(&w);
    async_call_end(async_call_begin(work, &w, wake_fd));
    sem_post(&w.may_end);
    while (sem_wait(&w.has_ended) < 0)
        ;
    assert_int_equal(w.result, 42);
    assert_false(is_awake(wake_fd, 50));
    close(wake_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_goes_on_beside_and_wakes_when_it_has_returned),
        cmocka_unit_test(it_can_be_waited_for),
        cmocka_unit_test(work_that_is_left_goes_on_and_wakes_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
