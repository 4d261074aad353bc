#include "model/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/decimal.h"
#include "model/json_tree.h"

#define MAX_DEPTH 3 /* partitions' objects in their list in the whole */

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
static void write_u64(struct json_writer *w, const char *key, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_string(w, key, text);
}

void checkpoint_encode(const struct checkpoint *s, struct strbuf *out)
{
    struct json_writer w = json_writer_on(out);

    json_begin_object(&w, NULL);
    json_int(&w, "version", CHECKPOINT_VERSION);
    json_string(&w, "cluster_id", s->cluster_id);
    if (*s->instance_id)
        json_string(&w, "instance_id", s->instance_id);
    if (s->path && utf8_valid(s->path, strlen(s->path), NULL))
        json_string(&w, "path", s->path);
    write_u64(&w, "device", s->device);
    write_u64(&w, "inode", s->inode);
    json_int(&w, "length", s->length);
    write_u64(&w, "tail_hash", s->tail_hash);
    json_bool(&w, "clean", s->is_clean);
    json_begin_array(&w, "partitions");
    for (size_t i = 0; i < s->entry_count; i++) {
        const struct checkpoint_entry *p = &s->entries[i];

        json_begin_object(&w, NULL);
        json_string(&w, "topic", p->topic);
        json_int(&w, "partition", p->partition);
        json_int(&w, "next", p->next);
        json_int(&w, "committed", p->committed);
        json_int(&w, "rewind_end", p->rewind_end);
        json_int(&w, "timestamp_ms", p->timestamp_ms);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}

static const struct json_node *find(const struct json_node *object, const char *key,
                                    enum json_kind kind)
{
    const struct json_node *n = json_tree_find(object, key);

    return n && n->kind == kind ? n : NULL;
}

static int read_int(const struct json_node *object, const char *key, int64_t min, int64_t max,
                    int64_t *value, struct err *e)
{
    const struct json_node *n = find(object, key, JSON_NUMBER);
    bool exact;

    if (!n || !decimal_read(n->text, 0, value, &exact) || !exact || *value < min || *value > max)
        return err_set(e, ERR_RUNTIME, "%s is not a number that fits", key);
    return 0;
}

/* A member that earlier versions did not write: -1 without it. */
static int read_newer_int(const struct json_node *object, const char *key, int64_t *value,
                          struct err *e)
{
    *value = -1;
    return json_tree_find(object, key) ? read_int(object, key, -1, INT64_MAX, value, e) : 0;
}

static bool parse_u64(const char *text, size_t len, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (digit > 9 || __builtin_mul_overflow(*value, UINT64_C(10), value) ||
            __builtin_add_overflow(*value, digit, value))
            return false;
    }
    return len > 0;
}

static int read_u64(const struct json_node *object, const char *key, uint64_t *value, struct err *e)
{
    const struct json_node *n = find(object, key, JSON_STRING);

    if (!n || !parse_u64(n->text, n->text_len, value))
        return err_set(e, ERR_RUNTIME, "%s is not a number as text", key);
    return 0;
}

static int read_position(struct checkpoint *s, const struct json_node *object, struct err *e)
{
    const struct json_node *topic = find(object, "topic", JSON_STRING);
    struct checkpoint_entry *p;
    int64_t partition = 0;
    int64_t next = -1;
    int64_t committed = -1;
    int64_t rewind_end;
    int64_t timestamp_ms;
    char *name;

    if (!topic)
        return err_set(e, ERR_RUNTIME, "a partition has no topic");
    if (read_int(object, "partition", 0, INT32_MAX, &partition, e) < 0 ||
        read_int(object, "next", -1, INT64_MAX, &next, e) < 0 ||
        read_int(object, "committed", -1, INT64_MAX, &committed, e) < 0 ||
        read_newer_int(object, "rewind_end", &rewind_end, e) < 0 ||
        read_newer_int(object, "timestamp_ms", &timestamp_ms, e) < 0)
        return -1;
    name = mem_strndup(topic->text, topic->text_len);
    p = checkpoint_find(s, name, (int32_t)partition);
    free(name);
    p->next = next;
    p->committed = committed;
    p->rewind_end = rewind_end;
    p->timestamp_ms = timestamp_ms;
    return 0;
}

static int read_state(struct checkpoint *s, const struct json_node *root, struct err *e)
{
    const struct json_node *id = find(root, "cluster_id", JSON_STRING);
    const struct json_node *path = find(root, "path", JSON_STRING); /* as read_newer_int */
    const struct json_node *instance = find(root, "instance_id", JSON_STRING); /* likewise */
    const struct json_node *clean = json_tree_find(root, "clean");
    const struct json_node *list = find(root, "partitions", JSON_ARRAY);
    int64_t version = 0;

    if (read_int(root, "version", 0, INT64_MAX, &version, e) < 0)
        return -1;
    if (version != CHECKPOINT_VERSION)
        return err_set(e, ERR_RUNTIME, "version %" PRId64 " is not known", version);
    if (!id || !clean || (clean->kind != JSON_TRUE && clean->kind != JSON_FALSE) || !list)
        return err_set(e, ERR_RUNTIME, "cluster_id, clean or partitions is missing");
    snprintf(s->cluster_id, sizeof(s->cluster_id), "%.*s", (int)id->text_len, id->text);
    s->is_clean = clean->kind == JSON_TRUE;
    if (instance)
        snprintf(s->instance_id, sizeof(s->instance_id), "%.*s", (int)instance->text_len,
                 instance->text);
    if (path)
        s->path = mem_strndup(path->text, path->text_len);
    if (read_u64(root, "device", &s->device, e) < 0 || read_u64(root, "inode", &s->inode, e) < 0 ||
        read_u64(root, "tail_hash", &s->tail_hash, e) < 0 ||
        read_int(root, "length", 0, INT64_MAX, &s->length, e) < 0)
        return -1;
    for (const struct json_node *n = list->child; n; n = n->next)
        if (read_position(s, n, e) < 0)
            return -1;
    return 0;
}

int checkpoint_decode(struct checkpoint *s, const char *text, size_t len, struct err *e)
{
    struct arena arena = {0};
    char why[128];
    struct json_tree tree;
    int rc;

    if (json_tree_read(&tree, text, len, MAX_DEPTH, &arena, why, sizeof(why)))
        rc = read_state(s, tree.root, e);
    else
        rc = err_set(e, ERR_RUNTIME, "%s", why);
    arena_release(&arena);
    return rc;
}
