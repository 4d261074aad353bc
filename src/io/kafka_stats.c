#include "io/kafka_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document is librdkafka's own and always in the same order, so that a search for its members
 * is enough: the statistics of many partitions are long, and they come every two seconds. */

/* Copies the string member `key` that comes next at `at`. Returns where it ends, or NULL. */
static const char *take_text(const char *at, const char *key, char *out, size_t size)
{
    const char *begin = strstr(at, key);
    size_t len;

    if (!begin)
        return NULL;
    begin += strlen(key);
    len = strcspn(begin, "\"");
    snprintf(out, size, "%.*s", (int)len, begin);
    return begin + len;
}

static bool is_empty_object(const char *at)
{
    return at[strspn(at, " ")] == '}';
}

bool kafka_stats_next(const char **at, struct kafka_broker_state *b)
{
    static const char age[] = "\"stateage\":";
    static const char partitions[] = "\"toppars\":{";
    char node[300];
    char source[32];
    const char *id = strstr(*at, "\"nodeid\":");
    const char *name = id;
    const char *s;

    if (!id)
        return false;
    while (name > *at && strncmp(name, "\"name\":\"", 8) != 0)
        name--;
    *b = (struct kafka_broker_state){0};
    if (!take_text(name, "\"name\":\"", b->name, sizeof(b->name)) ||
        !(s = take_text(id, "\"nodename\":\"", node, sizeof(node))) ||
        !(s = take_text(s, "\"source\":\"", source, sizeof(source))) ||
        !(s = take_text(s, "\"state\":\"", b->state, sizeof(b->state))) || !(s = strstr(s, age)))
        return false;
    b->state_age_ms = strtoll(s + sizeof(age) - 1, NULL, 10) / 1000;
    b->is_up = strcmp(b->state, "UP") == 0;
    b->is_coordinator = strcmp(source, "logical") == 0 && *node;
    s = strstr(s, partitions);
    b->is_leader = s && !is_empty_object(s + sizeof(partitions) - 1);
    *at = s ? s : id + 1;
    return true;
}
