#ifndef FLOW_DRAIN_H
#define FLOW_DRAIN_H

#include "flow/consume.h"

/* How the flow comes to its end: by itself at the ends of the partitions (tracker --drain), or
 * asked to. Part of consume, which calls these with its clock read. */

/* Asks for an orderly stop: what is before the ends known now is handled within the set time. Asked
 * again, nothing more is handled and only the journal is waited for. */
void drain_begin(struct consume *c);

/* Learns where the lane's partition ends, and whether the lane has come there. */
void drain_note_end(struct consume *c, struct lane *lane);

/* At a stop, when nothing came from the partition: one that is read to where it can be read has
 * come to its end, though the log goes on, in a transaction that is open. */
void drain_note_nothing(struct lane *lane);

/* Goes on to the next phase when its time has come. */
void drain_serve(struct consume *c);

#endif
