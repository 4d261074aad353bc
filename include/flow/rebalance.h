#ifndef FLOW_REBALANCE_H
#define FLOW_REBALANCE_H

#include "flow/consume.h"

/* Partitions come and go. Part of consume, which calls these with its clock read. */

/* Serves the source: lanes begin where journal, group and broker say, those that are taken away are
 * fenced. Returns 0, or -1 with `e` when the source is dead for good. */
int rebalance_serve(struct consume *c, struct err *e);

/* Releases fenced lanes as soon as what they journaled is durable and stored, or their time is up.
 * To be called after everything durable was stored. */
void rebalance_give_back(struct consume *c);

#endif
