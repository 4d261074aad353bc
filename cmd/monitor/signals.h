#ifndef MONITOR_SIGNALS_H
#define MONITOR_SIGNALS_H

/* Signals of the monitor. SIGINT, SIGTERM and SIGHUP only set a flag, since the way out is the same
 * for all: the loop ends and the terminal is given back. SIGHUP stays ignored where it was. */

void signals_install(void);

/* The signal that asked to stop, or 0. */
int signals_stop(void);

/* The exit status that goes with it: 0 for none and for SIGINT (Ctrl+C is a way to quit), else 128
 * and the number, as shells have it. */
int signals_exit_status(void);

/* From now on a crash (SIGSEGV and the like) first gives the terminal back, as it was at this call,
 * then dies of the same signal. The second call ends that. */
void signals_guard_terminal(void);
void signals_unguard_terminal(void);

#endif
