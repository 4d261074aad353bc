#ifndef MODEL_TRACEPARENT_H
#define MODEL_TRACEPARENT_H

#include <stdbool.h>

#define TRACEPARENT_SIZE 56

/* W3C Trace Context: version, trace id, parent id, flags. The trace id is the UUID's 32 hex digits,
 * the parent id its last 16; both may not be all zero. Returns false for what is no UUID in small
 * letters. Pure. */
bool traceparent_from_uuid(const char *uuid, char out[TRACEPARENT_SIZE]);

#endif
