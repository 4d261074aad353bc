#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

/* Standard input, output and error, as they were handed over. */

/* Takes the places of those that are closed, so that no file opened later gets their number and
 * with it what is meant for a terminal. Reading or writing them fails with EBADF, as it would have.
 * To be called before anything else is opened. */
void standard_hold(void);

#endif
