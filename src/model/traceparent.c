#include "model/traceparent.h"

#include <string.h>

bool traceparent_from_uuid(const char *uuid, char out[TRACEPARENT_SIZE])
{
    static const char form[] = "00-tttttttttttttttttttttttttttttttt-pppppppppppppppp-01";
    char *trace_id = out + 3;
    char *parent_id = trace_id + 33;
    size_t n = 0;

    memcpy(out, form, TRACEPARENT_SIZE);
    for (const char *c = uuid; *c && n < 32; c++) {
        if (*c == '-')
            continue;
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'f')))
            return false;
        trace_id[n++] = *c;
    }
    if (n != 32)
        return false;
    memcpy(parent_id, trace_id + 16, 16);
    return memcmp(parent_id, "0000000000000000", 16) != 0;
}
