#include "io/pending_record.h"

#include <string.h>

#include "base/mem.h"

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

/* The struct, its headers, then all bytes. */
struct pending_record *pending_record_new(const struct outgoing *o, uint64_t tag)
{
    size_t header_bytes = o->header_count * sizeof(struct header);
    size_t size = sizeof(struct pending_record) + header_bytes + copied_size(o);
    struct pending_record *sent =
        mem_realloc_array(NULL, size, 1); /* not zeroed: all of it is written */
    struct header *headers = (struct header *)(sent + 1);
    char *at = (char *)headers + header_bytes;

    *sent = (struct pending_record){.tag = tag, .size = size, .record = *o};
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

void pending_ring_init(struct pending_record *ring)
{
    ring->next = ring->prev = ring;
}

void pending_ring_add(struct pending_record *ring, struct pending_record *sent)
{
    sent->prev = ring->prev;
    sent->next = ring;
    sent->prev->next = sent;
    sent->next->prev = sent;
}

void pending_ring_remove(struct pending_record *sent)
{
    sent->prev->next = sent->next;
    sent->next->prev = sent->prev;
}

bool pending_ring_is_empty(const struct pending_record *ring)
{
    return ring->next == ring;
}

void pending_ring_put_first(struct pending_record *ring, struct pending_record *other)
{
    while (!pending_ring_is_empty(other)) {
        struct pending_record *last = other->prev;

        pending_ring_remove(last);
        pending_ring_add(ring->next, last);
    }
}
