#include "flow/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

#define ERROR_MAX_BYTES   1024
#define ERROR_SHORT_BYTES 128
#define NUMBER_MAX_BYTES  20 /* of an int64_t in decimal */
#define OWN_HEADERS_MAX   24

static const char VALUE_OMITTED[] = "dlq.value-omitted";
static const char HEADERS_OMITTED[] = "dlq.headers-omitted";
static const char KEY_OMITTED[] = "dlq.key-omitted";
static const char YES[] = "true";

static const char *const own_names[] = {
    "__dlq.errors.topic",
    "__dlq.errors.partition",
    "__dlq.errors.offset",
    "__dlq.errors.group",
    "__dlq.errors.delivery.count",
    "__dlq.errors.message",
    "dlq.id",
    "dlq.reason",
    "dlq.attempts",
    "dlq.first-failure-ms",
    "dlq.last-failure-ms",
    "dlq.original-timestamp-ms",
    "original-topic",
    "error",
    "attempts",
    /* Written at times only; left from an earlier time they would be wrong. */
    VALUE_OMITTED,
    "dlq.value-size",
    HEADERS_OMITTED,
    "dlq.headers-count",
    "dlq.headers-size",
    KEY_OMITTED,
    "dlq.key-size",
};

struct header_list {
    struct header items[OWN_HEADERS_MAX];
    size_t count;
    struct arena *arena;
};

static void add_text(struct header_list *list, const char *name, const char *text)
{
    size_t len = strlen(text);

    list->items[list->count++] = (struct header){
        .name = name, .value = arena_strndup(list->arena, text, len), .value_len = len};
}

static void add_int(struct header_list *list, const char *name, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, value);
    add_text(list, name, text);
}

static void add_id(struct header_list *list, const struct message *m, const char *group)
{
    struct strbuf id = {0};

    strbuf_addf(&id, "%s/%" PRId32 "/%" PRId64 "/%s", m->topic, m->partition, m->offset, group);
    add_text(list, "dlq.id", strbuf_text(&id));
    strbuf_release(&id);
}

static void add_facts(struct header_list *list, const struct message *m,
                      const struct dead_letter_facts *f)
{
    struct strbuf error = {0};

    printable_add(&error, f->error, strlen(f->error),
                  f->form < DEAD_LETTER_WITHOUT_HEADERS ? ERROR_MAX_BYTES : ERROR_SHORT_BYTES);
    add_text(list, "__dlq.errors.topic", m->topic);
    add_int(list, "__dlq.errors.partition", m->partition);
    add_int(list, "__dlq.errors.offset", m->offset);
    add_text(list, "__dlq.errors.group", f->group);
    add_int(list, "__dlq.errors.delivery.count", f->attempts);
    add_text(list, "__dlq.errors.message", strbuf_text(&error));
    add_id(list, m, f->group);
    add_text(list, "dlq.reason", record_reason_name(f->reason));
    add_int(list, "dlq.attempts", f->attempts);
    add_int(list, "dlq.first-failure-ms", f->first_failure_ms);
    add_int(list, "dlq.last-failure-ms", f->last_failure_ms);
    add_int(list, "dlq.original-timestamp-ms", m->timestamp_ms);
    add_text(list, "original-topic", m->topic);
    add_text(list, "error", strbuf_text(&error));
    add_int(list, "attempts", f->attempts);
    strbuf_release(&error);
}

/* Of the original what goes with the dead letter. */
struct kept {
    struct header *headers;
    size_t count;
    size_t bytes; /* of their names and values */
};

static void keep_headers(struct kept *kept, const struct header *original, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!dead_letter_writes(original[i].name)) {
            kept->headers[kept->count++] = original[i];
            kept->bytes += strlen(original[i].name) + original[i].value_len;
        }
}

/* Only what was there can be left out: a null value stays a null value. */
static void leave_out(struct header_list *own, const struct message *m, enum dead_letter_form form,
                      struct kept *kept, struct outgoing *out)
{
    if (form >= DEAD_LETTER_WITHOUT_VALUE && out->value) {
        add_text(own, VALUE_OMITTED, YES);
        add_int(own, "dlq.value-size", (int64_t)m->value_len);
        out->value = NULL;
        out->value_len = 0;
    }
    if (form >= DEAD_LETTER_WITHOUT_HEADERS && kept->count > 0) {
        add_text(own, HEADERS_OMITTED, YES);
        add_int(own, "dlq.headers-count", (int64_t)kept->count);
        add_int(own, "dlq.headers-size", (int64_t)kept->bytes);
        kept->count = 0;
    }
    if (form >= DEAD_LETTER_WITHOUT_KEY && out->key) {
        add_text(own, KEY_OMITTED, YES);
        add_int(own, "dlq.key-size", (int64_t)m->key_len);
        out->key = NULL;
        out->key_len = 0;
    }
}

static const struct header *find_header(const struct header *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0 && list[i].value)
            return &list[i];
    return NULL;
}

/* A record that was moved back from the dead letter topic brings the time when it first failed;
 * that stays, or a record that goes round and round would always look new. */
static void keep_first_failure(struct header_list *own, const struct header *original, size_t count)
{
    const struct header *first = find_header(original, count, "dlq.first-failure-ms");

    if (!first || first->value_len > NUMBER_MAX_BYTES ||
        !find_header(original, count, "dlq.replay-count"))
        return;
    for (size_t i = 0; i < own->count; i++)
        if (strcmp(own->items[i].name, first->name) == 0)
            own->items[i] = *first;
}

bool dead_letter_writes(const char *name)
{
    for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
        if (strcmp(own_names[i], name) == 0)
            return true;
    return false;
}

bool dead_letter_is_partial(const struct header *headers, size_t count)
{
    static const char *const names[] = {VALUE_OMITTED, HEADERS_OMITTED, KEY_OMITTED};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct header *h = find_header(headers, count, names[i]);

        if (h && h->value_len == strlen(YES) && memcmp(h->value, YES, h->value_len) == 0)
            return true;
    }
    return false;
}

void dead_letter_build(const struct message *m, const struct header *original,
                       size_t original_count, const struct dead_letter_facts *facts,
                       const char *topic, struct arena *arena, struct outgoing *out)
{
    struct header_list own = {.arena = arena};
    struct kept kept = {
        .headers = arena_alloc(arena, (original_count + OWN_HEADERS_MAX) * sizeof(*kept.headers))};

    *out = (struct outgoing){
        .topic = topic,
        .partition_hint = m->partition,
        .key = m->key,
        .key_len = m->key_len,
        .value = m->value,
        .value_len = m->value_len,
        .headers = kept.headers,
    };
    add_facts(&own, m, facts);
    keep_first_failure(&own, original, original_count);
    keep_headers(&kept, original, original_count);
    leave_out(&own, m, facts->form, &kept, out);
    memcpy(kept.headers + kept.count, own.items, own.count * sizeof(*own.items));
    out->header_count = kept.count + own.count;
}
