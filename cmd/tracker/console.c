#include "console.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"

#define BLOCKS_PER_SECOND 5
#define TEXT_MAX_BYTES    200

void console_init(struct console *c, int fd)
{
    *c = (struct console){.fd = fd, .second = -1};
}

/* A terminal that was stopped, or a pipe whose reader sleeps, must not stop the flow: what is
 * writable takes PIPE_BUF bytes without waiting, the rest of a longer text is not shown then. */
static void put(const struct console *c, const struct strbuf *text)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    size_t done = 0;

    while (c->fd >= 0 && done < text->len && poll(&p, 1, 0) > 0 && p.revents & POLLOUT) {
        size_t left = text->len - done;
        ssize_t n = write(c->fd, text->data + done, left < PIPE_BUF ? left : PIPE_BUF);

        if (n <= 0)
            return; /* nobody reads: the journal has it all */
        done += (size_t)n;
    }
}

static void add_text(struct strbuf *out, const char *text)
{
    printable_add(out, text ? text : "-", strlen(text ? text : "-"), TEXT_MAX_BYTES);
}

static void add_amount(struct strbuf *out, int64_t cents, const char *currency)
{
    uint64_t whole = (uint64_t)(cents < 0 ? -cents : cents);

    strbuf_addf(out, "%s%" PRIu64 ".%02" PRIu64 " ", cents < 0 ? "-" : "", whole / 100,
                whole % 100);
    add_text(out, currency);
}

static void add_head(struct strbuf *out, const struct record *r)
{
    char now[RFC3339_SIZE];

    rfc3339_format(r->timestamp_ms, now);
    strbuf_addf(out, "%.12s  partition %" PRId32 " offset %" PRId64 "  %s", now + 11, r->partition,
                r->offset, record_outcome_name(r->outcome));
    if (r->attempts > 1)
        strbuf_addf(out, " after %d attempts", r->attempts);
    strbuf_addf(out, ", %" PRId64 " ms\n", r->latency_ms);
    if (!r->error)
        return;
    strbuf_addf(out, "  %s: ", record_reason_name(r->reason));
    add_text(out, r->error);
    if (r->dlq_topic)
        strbuf_addf(out, " -> %s/%" PRId32 " offset %" PRId64, r->dlq_topic, r->dlq_partition,
                    r->dlq_offset);
    strbuf_addc(out, '\n');
}

static void add_order(struct strbuf *out, const struct order *o)
{
    strbuf_adds(out, "  order ");
    add_text(out, o->order_id);
    strbuf_addf(out, " #%" PRId64 "  ", o->sequence);
    add_text(out, o->customer.name);
    if (o->customer.email) {
        strbuf_adds(out, " <");
        add_text(out, o->customer.email);
        strbuf_addc(out, '>');
    }
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < o->item_count && i < 10; i++) {
        strbuf_addf(out, "    %" PRId64 " x ", o->items[i].quantity);
        add_text(out, o->items[i].item_name);
        strbuf_adds(out, "  ");
        add_amount(out, o->items[i].total_price, o->currency);
        strbuf_addc(out, '\n');
    }
    strbuf_adds(out, "  total ");
    add_amount(out, o->total, o->currency);
    strbuf_addc(out, '\n');
}

static void show_block(const struct console *c, const struct record *r, const struct order *o)
{
    struct strbuf text = {0};

    add_head(&text, r);
    if (o)
        add_order(&text, o);
    put(c, &text);
    strbuf_release(&text);
}

static void end_second(struct console *c)
{
    if (c->in_second > BLOCKS_PER_SECOND)
        console_say(c,
                    "%" PRId64 " orders/s   processed %" PRId64 "  dead-lettered %" PRId64
                    "  dropped %" PRId64,
                    c->in_second, c->processed, c->dead_lettered, c->dropped);
    c->was_busy = c->in_second > BLOCKS_PER_SECOND;
    c->in_second = 0;
}

void console_tick(struct console *c, int64_t wall_ms)
{
    if (wall_ms / 1000 == c->second)
        return;
    end_second(c);
    c->second = wall_ms / 1000;
}

void console_settled(struct console *c, const struct record *r, const struct order *o)
{
    console_tick(c, r->timestamp_ms);
    c->in_second++;
    c->processed += r->outcome == RECORD_PROCESSED;
    c->dead_lettered += r->outcome == RECORD_DEAD_LETTERED;
    c->dropped += r->outcome == RECORD_DROPPED;
    if (c->fd >= 0 && !c->was_busy && c->in_second <= BLOCKS_PER_SECOND)
        show_block(c, r, o);
}

void console_say(struct console *c, const char *fmt, ...)
{
    struct strbuf text = {0};
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    printable_add(&text, line, strlen(line), sizeof(line));
    strbuf_addc(&text, '\n');
    put(c, &text);
    strbuf_release(&text);
}
