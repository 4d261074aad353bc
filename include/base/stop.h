#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Signals as flags. The handlers set a flag and wake one descriptor, nothing else; loops look at
 * the flags each turn. One per process. */

/* For the first line of main: from here on SIGHUP is kept in mind and SIGPIPE ignored. SIGINT and
 * SIGTERM still end the program at once: it has nothing to lose yet, and may wait for a pipe to
 * bring its settings. */
void stop_begin(void);

/* Catches SIGINT and SIGTERM too. After it, a signal ends nothing by itself. */
void stop_install(void);

/* How often SIGINT or SIGTERM came: 0 = go on, 1 = stop in good order, 2 and more = stop at once.
 */
int stop_count(void);

/* True once for each time SIGHUP came since the last call (several may count as one). */
bool stop_take_hangup(void);

/* A descriptor that becomes readable when a signal came, for poll(); stop_drain_wake empties it. */
int stop_wake_fd(void);
void stop_drain_wake(void);

#endif
