#ifndef SUPPORT_FAKE_SINK_H
#define SUPPORT_FAKE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "flow/port.h"

/* A sink that keeps copies of what it was sent. */

/* What one send meets. Zeroed: it is taken and reported well at the next asking. */
struct fake_send {
    enum send_result result;
    enum sink_status status; /* of the report, or of the refusal */
    bool report_later;       /* only by fake_sink_report */
};

struct fake_sent {
    uint64_t tag;
    struct outgoing record;
    struct fake_send met;
    bool is_reported;
};

struct fake_sink {
    /* What the n-th send meets, counted from 0; after `step_count` of them, `otherwise`. */
    const struct fake_send *steps;
    size_t step_count;
    struct fake_send otherwise;
    /* If set, asked instead. */
    struct fake_send (*decide)(void *ctx, const struct outgoing *o);
    void *decide_ctx;

    struct arena arena;
    struct fake_sent *sent; /* in the order of the calls, refused ones included */
    size_t count;
    size_t cap;
    size_t reported;
    size_t first_open; /* all before it are reported */
};

struct sink fake_sink_port(struct fake_sink *s);

/* Reports the i-th record, which was sent with report_later. */
void fake_sink_report(struct fake_sink *s, size_t i, enum sink_status status);

/* The text of a header of the i-th record, or NULL. */
const char *fake_sink_header(const struct fake_sink *s, size_t i, const char *name);

void fake_sink_release(struct fake_sink *s);

#endif
