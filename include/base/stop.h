#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Signals as flags. The handlers set a flag and wake one descriptor, nothing else; loops look at
 * the flags each turn. One per process. */

/* For the first line of main: from here on SIGPIPE is ignored, and SIGHUP is kept in mind for
 * stop_take_hangup, unless the program was started at a terminal: standard input is one, and SIGHUP
 * was not ignored, as by nohup. Then it is that terminal's end, and stops the program like SIGTERM.
 * What stops still ends the program at once: it has nothing to lose yet, and may wait for a pipe to
 * bring its settings. */
void stop_begin(void);

/* Catches the signals that stop too. After it, a signal ends nothing by itself. */
void stop_install(void);

/* How often a stop was asked for: 0 = continue, 1 = stop in good order, 2 and more = stop at once.
 * SIGHUP is at most the first: a closed terminal may send it twice, by the shell and the system. */
int stop_count(void);

/* True once for each time SIGHUP came since the last call (several may count as one). Never where
 * SIGHUP stops the program. */
bool stop_take_hangup(void);

/* A descriptor that becomes readable when a signal came, for poll(); stop_drain_wake empties it. */
int stop_wake_fd(void);
void stop_drain_wake(void);

#endif
