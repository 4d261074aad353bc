#include <stdlib.h>

#include "base/mem.h"
#include "io/kafka_internal.h"

void kafka_message_fill(const char *topic, rd_kafka_message_t *rkm, struct message *m)
{
    rd_kafka_timestamp_type_t type;

    *m = (struct message){
        .topic = topic,
        .partition = rkm->partition,
        .offset = rkm->offset,
        .timestamp_ms = rd_kafka_message_timestamp(rkm, &type),
        .key = rkm->key,
        .key_len = rkm->key_len,
        .value = rkm->payload,
        .value_len = rkm->len,
        .handle = rkm,
    };
}

size_t kafka_headers_read(struct kafka_headers *h, const struct message *m,
                          const struct header **headers)
{
    rd_kafka_headers_t *list;
    size_t n = 0;
    const char *name;
    const void *value;
    size_t len;

    *headers = NULL;
    if (rd_kafka_message_headers(m->handle, &list))
        return 0;
    while (!rd_kafka_header_get_all(list, n, &name, &value, &len)) {
        if (n == h->cap) {
            h->cap = h->cap ? 2 * h->cap : 16;
            h->items = mem_realloc_array(h->items, h->cap, sizeof(*h->items));
        }
        h->items[n++] = (struct header){.name = name, .value = value, .value_len = len};
    }
    *headers = h->items;
    return n;
}

void kafka_headers_release(struct kafka_headers *h)
{
    free(h->items);
    *h = (struct kafka_headers){0};
}
