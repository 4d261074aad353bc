#include "model/checkpoint.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/mem.h"

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
    *p = (struct checkpoint_entry){
        .topic = mem_strdup(topic), .partition = partition, .next = -1, .committed = -1};
    return p;
}

void checkpoint_forget(struct checkpoint *s)
{
    for (size_t i = 0; i < s->entry_count; i++)
        free(s->entries[i].topic);
    free(s->entries);
    s->entries = NULL;
    s->entry_count = 0;
}

void checkpoint_copy(struct checkpoint *to, const struct checkpoint *from)
{
    *to = *from;
    to->entries = mem_alloc_array(from->entry_count, sizeof(*to->entries));
    for (size_t i = 0; i < from->entry_count; i++) {
        to->entries[i] = from->entries[i];
        to->entries[i].topic = mem_strdup(from->entries[i].topic);
    }
}

void checkpoint_release(struct checkpoint *s)
{
    checkpoint_forget(s);
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
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    strbuf_addc(out, '\n');
}

static int read_int(const cJSON *object, const char *key, int64_t min, int64_t *value,
                    struct err *e)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) ||
        item->valuedouble < (double)min || item->valuedouble > 0x1p53)
        return err_set(e, ERR_RUNTIME, "%s is not a number that fits", key);
    *value = (int64_t)item->valuedouble;
    return 0;
}

static int read_u64(const cJSON *object, const char *key, uint64_t *value, struct err *e)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    char *end;

    if (!cJSON_IsString(item) || item->valuestring[0] < '0' || item->valuestring[0] > '9')
        return err_set(e, ERR_RUNTIME, "%s is not a number as text", key);
    *value = strtoull(item->valuestring, &end, 10);
    return *end ? err_set(e, ERR_RUNTIME, "%s is not a number as text", key) : 0;
}

static int read_position(struct checkpoint *s, const cJSON *object, struct err *e)
{
    const cJSON *topic = cJSON_GetObjectItemCaseSensitive(object, "topic");
    struct checkpoint_entry *p;
    int64_t partition = 0;
    int64_t next = -1;
    int64_t committed = -1;

    if (!cJSON_IsString(topic))
        return err_set(e, ERR_RUNTIME, "a partition has no topic");
    if (read_int(object, "partition", 0, &partition, e) < 0 ||
        read_int(object, "next", -1, &next, e) < 0 ||
        read_int(object, "committed", -1, &committed, e) < 0)
        return -1;
    p = checkpoint_find(s, topic->valuestring, (int32_t)partition);
    p->next = next;
    p->committed = committed;
    return 0;
}

static int read_state(struct checkpoint *s, const cJSON *root, struct err *e)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(root, "cluster_id");
    const cJSON *clean = cJSON_GetObjectItemCaseSensitive(root, "clean");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "partitions");
    const cJSON *item;
    int64_t version = 0;

    if (read_int(root, "version", 0, &version, e) < 0)
        return -1;
    if (version != CHECKPOINT_VERSION)
        return err_set(e, ERR_RUNTIME, "version %" PRId64 " is not known", version);
    if (!cJSON_IsString(id) || !cJSON_IsBool(clean) || !cJSON_IsArray(list))
        return err_set(e, ERR_RUNTIME, "cluster_id, clean or partitions is missing");
    snprintf(s->cluster_id, sizeof(s->cluster_id), "%s", id->valuestring);
    s->is_clean = cJSON_IsTrue(clean);
    if (read_u64(root, "device", &s->device, e) < 0 || read_u64(root, "inode", &s->inode, e) < 0 ||
        read_u64(root, "tail_hash", &s->tail_hash, e) < 0 ||
        read_int(root, "length", 0, &s->length, e) < 0)
        return -1;
    cJSON_ArrayForEach(item, list)
    {
        if (read_position(s, item, e) < 0)
            return -1;
    }
    return 0;
}

int checkpoint_decode(struct checkpoint *s, const char *text, size_t len, struct err *e)
{
    cJSON *root = cJSON_ParseWithLength(text, len);
    int rc;

    if (!root)
        return err_set(e, ERR_RUNTIME, "it is no JSON");
    rc = read_state(s, root, e);
    cJSON_Delete(root);
    return rc;
}
