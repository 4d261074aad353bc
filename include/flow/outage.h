#ifndef FLOW_OUTAGE_H
#define FLOW_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

/* The processor is unavailable for a lane: it is down, or refuses our credentials. That is no fault
 * of the records: the lane begins no attempt but one probe at a time, with backoff and without
 * limit. Begins zeroed. Pure. */

struct outage {
    bool is_open;
    int64_t since_ms; /* monotonic, like the others */
    int64_t delay_ms; /* before the probe at deadline_ms */
    int64_t deadline_ms;
    bool is_probing;
    uint32_t probe; /* serial of the record that is attempted */
    char why[256];
};

/* An attempt for the record `serial` found the processor unavailable. */
void outage_note(struct outage *o, uint32_t serial, const char *why, int64_t now_ms);

/* An attempt for the record was answered otherwise. Returns for how long the processor was
 * unavailable if this ends it, else -1. */
int64_t outage_answered(struct outage *o, uint32_t serial, int64_t now_ms);

/* The record `serial` is attempted as a probe. */
void outage_probe(struct outage *o, uint32_t serial);

/* The probe is not under way any more, without an answer: another one may begin. */
void outage_forget_probe(struct outage *o, uint32_t serial);

#endif
