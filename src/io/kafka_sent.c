#include "io/kafka_sent.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SPARE_BYTES_MAX ((size_t)4 << 20) /* more than one answer of the broker sets free */

static size_t copied_size(const struct outgoing *o)
{
    size_t size = strlen(o->topic) + 1 + o->key_len + 1 + o->value_len + 1;

    for (size_t i = 0; i < o->header_count; i++)
        size += strlen(o->headers[i].name) + 1 + o->headers[i].value_len + 1;
    return size;
}

static char *copy_bytes(char **at, const char *bytes, size_t len)
{
    char *copy = *at;

    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    *at += len + 1;
    return copy;
}

static char *copy_text(char **at, const char *text)
{
    char *copy = *at;

    *at = stpcpy(copy, text) + 1;
    return copy;
}

/* The spare blocks that are large enough, or NULL when this size is not kept. */
static struct sent **spares_of(struct sent_pool *pool, size_t size)
{
    size_t i = (size - 1) / SENT_STEP;

    return i < SENT_CLASSES ? &pool->spare[i] : NULL;
}

static struct sent *take_block(struct sent_pool *pool, size_t size)
{
    struct sent **spares = spares_of(pool, size);
    size_t cap = spares ? (size + SENT_STEP - 1) / SENT_STEP * SENT_STEP : size;
    struct sent *sent = spares ? *spares : NULL;

    if (sent) {
        *spares = sent->next;
        pool->bytes -= sent->cap;
    } else {
        sent = mem_alloc(cap);
        sent->cap = cap;
    }
    sent->size = size;
    return sent;
}

/* The struct, its headers, then all bytes. */
struct sent *sent_new(struct sent_pool *pool, const struct outgoing *o, uint64_t tag)
{
    size_t header_bytes = o->header_count * sizeof(struct header);
    struct sent *sent = take_block(pool, sizeof(*sent) + header_bytes + copied_size(o));
    struct header *headers = (struct header *)(sent + 1);
    char *at = (char *)headers + header_bytes;

    sent->tag = tag;
    sent->record = *o;
    sent->record.topic = copy_text(&at, o->topic);
    sent->record.headers = headers;
    if (o->key)
        sent->record.key = copy_bytes(&at, o->key, o->key_len);
    if (o->value)
        sent->record.value = copy_bytes(&at, o->value, o->value_len);
    for (size_t i = 0; i < o->header_count; i++) {
        headers[i] = o->headers[i];
        headers[i].name = copy_text(&at, o->headers[i].name);
        if (o->headers[i].value)
            headers[i].value = copy_bytes(&at, o->headers[i].value, o->headers[i].value_len);
    }
    return sent;
}

void sent_free(struct sent_pool *pool, struct sent *sent)
{
    struct sent **spares = spares_of(pool, sent->cap);

    if (!spares || pool->bytes + sent->cap > SPARE_BYTES_MAX) {
        free(sent);
        return;
    }
    sent->next = *spares;
    *spares = sent;
    pool->bytes += sent->cap;
}

void sent_pool_release(struct sent_pool *pool)
{
    for (size_t i = 0; i < SENT_CLASSES; i++) {
        for (struct sent *p = pool->spare[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    }
    *pool = (struct sent_pool){0};
}

void sent_ring_init(struct sent *ring)
{
    ring->next = ring->prev = ring;
}

void sent_link_last(struct sent *ring, struct sent *sent)
{
    sent->prev = ring->prev;
    sent->next = ring;
    sent->prev->next = sent;
    sent->next->prev = sent;
}

void sent_unlink(struct sent *sent)
{
    sent->prev->next = sent->next;
    sent->next->prev = sent->prev;
}
