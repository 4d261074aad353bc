#include "model/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "model/json_doc.h"

/* FNV-1a, 64 bits. */
uint64_t checkpoint_hash(const char *bytes, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

struct checkpoint_entry *checkpoint_find(struct checkpoint *s, const char *topic, int32_t partition)
{
    struct checkpoint_entry *p;

    for (size_t i = 0; i < s->entry_count; i++) {
        p = &s->entries[i];
        if (p->partition == partition && strcmp(p->topic, topic) == 0)
            return p;
    }
    s->entries = mem_realloc_array(s->entries, s->entry_count + 1, sizeof(*p));
    p = &s->entries[s->entry_count++];
    *p = (struct checkpoint_entry){.topic = mem_strdup(topic),
                                   .partition = partition,
                                   .next = -1,
                                   .committed = -1,
                                   .rewind_end = -1,
                                   .timestamp_ms = -1};
    return p;
}

void checkpoint_apply(struct checkpoint_entry *p, const struct journal_line *line)
{
    if (line->kind == JOURNAL_SKIP) /* the last record stays what it is */
        return;
    p->timestamp_ms = -1;
    switch (line->kind) {
    case JOURNAL_MESSAGE:
        p->next = line->offset + 1;
        p->timestamp_ms = line->kafka_timestamp_ms;
        break;
    case JOURNAL_GAP:
        p->next = line->gap_to;
        break;
    case JOURNAL_SKIP:
        break;
    case JOURNAL_REPLAY:
        p->next = line->gap_from;
        p->committed = line->gap_from;
        p->rewind_end = line->is_recreated ? -1 : line->gap_to;
        break;
    }
    if (p->next >= p->rewind_end)
        p->rewind_end = -1;
}

void checkpoint_forget(struct checkpoint *s)
{
    for (size_t i = 0; i < s->entry_count; i++)
        free(s->entries[i].topic);
    free(s->entries);
    s->entries = NULL;
    s->entry_count = 0;
}

bool checkpoint_set_cluster(struct checkpoint *s, const char *cluster_id)
{
    bool is_other = *s->cluster_id && strcmp(s->cluster_id, cluster_id) != 0;

    if (!*cluster_id)
        return false;
    if (is_other)
        checkpoint_forget(s);
    snprintf(s->cluster_id, sizeof(s->cluster_id), "%s", cluster_id);
    return is_other;
}

void checkpoint_copy(struct checkpoint *to, const struct checkpoint *from)
{
    *to = *from;
    to->path = from->path ? mem_strdup(from->path) : NULL;
    to->entries = mem_alloc_array(from->entry_count, sizeof(*to->entries));
    for (size_t i = 0; i < from->entry_count; i++) {
        to->entries[i] = from->entries[i];
        to->entries[i].topic = mem_strdup(from->entries[i].topic);
    }
}

void checkpoint_release(struct checkpoint *s)
{
    checkpoint_forget(s);
    free(s->path);
    *s = (struct checkpoint){0};
}

/* 64 bit numbers go as text: JSON readers keep only 53 bits. */
static void add_u64(struct cJSON *doc, const char *key, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_doc_text(doc, key, text);
}

static void add_entry(struct cJSON *list, const struct checkpoint_entry *p)
{
    struct cJSON *object = json_doc_object(list, NULL);

    json_doc_text(object, "topic", p->topic);
    json_doc_int(object, "partition", p->partition);
    json_doc_int(object, "next", p->next);
    json_doc_int(object, "committed", p->committed);
    json_doc_int(object, "rewind_end", p->rewind_end);
    json_doc_int(object, "timestamp_ms", p->timestamp_ms);
}

void checkpoint_encode(const struct checkpoint *s, struct strbuf *out)
{
    struct cJSON *doc = json_doc_object(NULL, NULL);
    struct cJSON *list;

    json_doc_int(doc, "version", CHECKPOINT_VERSION);
    json_doc_text(doc, "cluster_id", s->cluster_id);
    if (*s->instance_id)
        json_doc_text(doc, "instance_id", s->instance_id);
    if (s->path && utf8_valid(s->path, strlen(s->path), NULL))
        json_doc_text(doc, "path", s->path);
    add_u64(doc, "device", s->device);
    add_u64(doc, "inode", s->inode);
    json_doc_int(doc, "length", s->length);
    add_u64(doc, "tail_hash", s->tail_hash);
    json_doc_bool(doc, "clean", s->is_clean);
    list = json_doc_array(doc, "partitions");
    for (size_t i = 0; i < s->entry_count; i++)
        add_entry(list, &s->entries[i]);
    json_doc_print(doc, out);
    strbuf_addc(out, '\n');
    json_doc_free(doc);
}

static const char *find_text(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int read_int(const cJSON *object, const char *key, int64_t min, int64_t max, int64_t *value,
                    struct err *e)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    *value = json_doc_integer(item, INT64_MIN);
    if (*value < min || *value > max)
        return err_set(e, ERR_RUNTIME, "%s is not a number that fits", key);
    return 0;
}

/* A member that earlier versions did not write: -1 without it. */
static int read_newer_int(const cJSON *object, const char *key, int64_t *value, struct err *e)
{
    *value = -1;
    if (!cJSON_GetObjectItemCaseSensitive(object, key))
        return 0;
    return read_int(object, key, -1, INT64_MAX, value, e);
}

static bool parse_u64(const char *text, uint64_t *value)
{
    *value = 0;
    for (const char *p = text; *p; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (digit > 9 || __builtin_mul_overflow(*value, UINT64_C(10), value) ||
            __builtin_add_overflow(*value, digit, value))
            return false;
    }
    return *text != '\0';
}

static int read_u64(const cJSON *object, const char *key, uint64_t *value, struct err *e)
{
    const char *text = find_text(object, key);

    if (!text || !parse_u64(text, value))
        return err_set(e, ERR_RUNTIME, "%s is not a number as text", key);
    return 0;
}

static int read_entry(struct checkpoint *s, const cJSON *object, struct err *e)
{
    const char *topic = find_text(object, "topic");
    struct checkpoint_entry *p;
    int64_t partition;
    int64_t next;
    int64_t committed;
    int64_t rewind_end;
    int64_t timestamp_ms;

    if (!topic)
        return err_set(e, ERR_RUNTIME, "a partition has no topic");
    if (read_int(object, "partition", 0, INT32_MAX, &partition, e) < 0 ||
        read_int(object, "next", -1, INT64_MAX, &next, e) < 0 ||
        read_int(object, "committed", -1, INT64_MAX, &committed, e) < 0 ||
        read_newer_int(object, "rewind_end", &rewind_end, e) < 0 ||
        read_newer_int(object, "timestamp_ms", &timestamp_ms, e) < 0)
        return -1;
    p = checkpoint_find(s, topic, (int32_t)partition);
    p->next = next;
    p->committed = committed;
    p->rewind_end = rewind_end;
    p->timestamp_ms = timestamp_ms;
    return 0;
}

static int read_state(struct checkpoint *s, const cJSON *doc, struct err *e)
{
    const char *id = find_text(doc, "cluster_id");
    const char *path = find_text(doc, "path");            /* as read_newer_int */
    const char *instance = find_text(doc, "instance_id"); /* likewise */
    const cJSON *clean = cJSON_GetObjectItemCaseSensitive(doc, "clean");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "partitions");
    const cJSON *entry;
    int64_t version;

    if (read_int(doc, "version", 0, INT64_MAX, &version, e) < 0)
        return -1;
    if (version != CHECKPOINT_VERSION)
        return err_set(e, ERR_RUNTIME, "version %" PRId64 " is not known", version);
    if (!id || !cJSON_IsBool(clean) || !cJSON_IsArray(list))
        return err_set(e, ERR_RUNTIME, "cluster_id, clean or partitions is missing");
    snprintf(s->cluster_id, sizeof(s->cluster_id), "%s", id);
    s->is_clean = cJSON_IsTrue(clean);
    if (instance)
        snprintf(s->instance_id, sizeof(s->instance_id), "%s", instance);
    if (path)
        s->path = mem_strdup(path);
    if (read_u64(doc, "device", &s->device, e) < 0 || read_u64(doc, "inode", &s->inode, e) < 0 ||
        read_u64(doc, "tail_hash", &s->tail_hash, e) < 0 ||
        read_int(doc, "length", 0, INT64_MAX, &s->length, e) < 0)
        return -1;
    cJSON_ArrayForEach(entry, list)
    {
        if (read_entry(s, entry, e) < 0)
            return -1;
    }
    return 0;
}

int checkpoint_decode(struct checkpoint *s, const char *text, size_t len, struct err *e)
{
    cJSON *doc = json_doc_read(text, len);
    int rc = doc ? read_state(s, doc, e) : err_set(e, ERR_RUNTIME, "it is not JSON");

    json_doc_free(doc);
    return rc;
}
