#include "flow/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/dead_letter.h"

#define TOPIC_MAX_BYTES 249 /* Kafka's */
#define MAX_DIGITS      18  /* always fits */

static const char ID[] = "dlq.id";
static const char FIRST_FAILURE[] = "dlq.first-failure-ms";
static const char REPLAY_COUNT[] = "dlq.replay-count";

/* The last of that name with a value: ours follow the original's. */
static const struct header *find(const struct header *headers, size_t count, const char *name)
{
    for (size_t i = count; i-- > 0;)
        if (strcmp(headers[i].name, name) == 0 && headers[i].value)
            return &headers[i];
    return NULL;
}

static bool is_text(const struct header *h, const char *text)
{
    return h && h->value_len == strlen(text) && memcmp(h->value, text, h->value_len) == 0;
}

/* A number of decimal digits; `otherwise` when there is none, INT64_MAX when it is beyond all. */
static int64_t read_number(const struct header *h, int64_t otherwise)
{
    int64_t n = 0;

    if (!h || h->value_len == 0)
        return otherwise;
    for (size_t i = 0; i < h->value_len; i++) {
        if (h->value[i] < '0' || h->value[i] > '9')
            return otherwise;
        if (i < MAX_DIGITS)
            n = 10 * n + (h->value[i] - '0');
    }
    return h->value_len > MAX_DIGITS ? INT64_MAX : n;
}

/* What Kafka takes for the name of a topic. */
static bool is_topic_name(const char *name, size_t len)
{
    if (len == 0 || len > TOPIC_MAX_BYTES || (len == 1 && name[0] == '.') ||
        (len == 2 && memcmp(name, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
              (name[i] >= '0' && name[i] <= '9') || name[i] == '.' || name[i] == '_' ||
              name[i] == '-'))
            return false;
    return true;
}

static enum record_reason find_reason(const struct header *headers, size_t count)
{
    const struct header *h = find(headers, count, "dlq.reason");

    return h ? record_reason_find(h->value, h->value_len) : RECORD_REASON_NONE;
}

static enum redrive_fate judge_fate(const struct replay_policy *policy,
                                    const struct header *headers, size_t count, int64_t replays)
{
    if (dead_letter_is_partial(headers, count))
        return REDRIVE_NO_VALUE;
    return replays >= policy->max_replays ? REDRIVE_STAYS : REDRIVE_GOES;
}

void replay_judge(const struct replay_policy *policy, const struct header *headers, size_t count,
                  struct arena *arena, struct replay *out)
{
    const struct header *topic = find(headers, count, "__dlq.errors.topic");
    int64_t partition = read_number(find(headers, count, "__dlq.errors.partition"), -1);

    *out = (struct replay){.reason = find_reason(headers, count),
                           .fate = REDRIVE_FOREIGN,
                           .partition = partition <= INT32_MAX ? (int32_t)partition : -1};
    if (!topic || !find(headers, count, ID) || !is_topic_name(topic->value, topic->value_len) ||
        is_text(topic, policy->dlq_topic))
        return;
    out->topic = arena_strndup(arena, topic->value, topic->value_len);
    out->replays = read_number(find(headers, count, REPLAY_COUNT), 0);
    out->fate = judge_fate(policy, headers, count, out->replays);
}

static struct header count_header(const struct replay *r, struct arena *arena)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%" PRId64, r->replays + 1);

    return (struct header){.name = REPLAY_COUNT,
                           .value = arena_strndup(arena, text, (size_t)len),
                           .value_len = (size_t)len};
}

void replay_build(const struct replay *r, const struct message *m, const struct header *headers,
                  size_t count, struct arena *arena, struct outgoing *out)
{
    const char *const kept[] = {ID, FIRST_FAILURE};
    struct header *all = arena_alloc(arena, (count + 3) * sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!dead_letter_writes(headers[i].name) && strcmp(headers[i].name, REPLAY_COUNT) != 0)
            all[n++] = headers[i];
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        const struct header *h = find(headers, count, kept[i]);

        if (h)
            all[n++] = *h;
    }
    all[n++] = count_header(r, arena);
    *out = (struct outgoing){
        .topic = r->topic,
        .partition_hint = r->partition,
        .key = m->key,
        .key_len = m->key_len,
        .value = m->value,
        .value_len = m->value_len,
        .headers = all,
        .header_count = n,
    };
}
