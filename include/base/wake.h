#ifndef BASE_WAKE_H
#define BASE_WAKE_H

/* A loop's alarm clock: other threads write to an eventfd, the loop sleeps on it and on signals. */

/* Returns a new eventfd, or -1 with errno. */
int wake_open(void);

/* Wakes the loop that sleeps on `wake_fd`; -1: there is none. */
void wake_up(int wake_fd);

/* Sleeps until the eventfd or a signal (base/stop.h) wakes it, or `timeout_ms` have passed. */
void wake_wait(int wake_fd, int timeout_ms);

/* The same, and wakes when `other_fd` is readable too; -1: there is none. */
void wake_wait_for(int wake_fd, int other_fd, int timeout_ms);

#endif
