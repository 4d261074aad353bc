#include "support/fake_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

static void write_entry(void *self, const struct log_entry *entry)
{
    struct fake_log *l = self;
    struct strbuf fields = {0};

    for (size_t i = 0; i < entry->field_count; i++) {
        const struct log_field *f = &entry->fields[i];

        strbuf_addf(&fields, "%s=", f->name ? f->name : "");
        if (f->kind == LOG_FIELD_INT)
            strbuf_addf(&fields, "%" PRId64 " ", f->integer);
        else
            strbuf_addf(&fields, "%s ", f->text);
    }
    l->entries = mem_realloc_array(l->entries, l->count + 1, sizeof(*l->entries));
    l->entries[l->count++] =
        (struct fake_log_entry){.level = entry->level,
                                .event = (enum log_event_id)(entry->event - log_events),
                                .error = mem_strdup(entry->error ? entry->error : ""),
                                .fields = strbuf_take(&fields)};
}

struct log fake_log_port(struct fake_log *l)
{
    return (struct log){.write = write_entry, .self = l};
}

size_t fake_log_count(const struct fake_log *l, enum log_event_id event)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++)
        n += l->entries[i].event == event;
    return n;
}

const struct fake_log_entry *fake_log_last(const struct fake_log *l, enum log_event_id event)
{
    for (size_t i = l->count; i-- > 0;)
        if (l->entries[i].event == event)
            return &l->entries[i];
    return NULL;
}

void fake_log_release(struct fake_log *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->entries[i].error);
        free(l->entries[i].fields);
    }
    free(l->entries);
    *l = (struct fake_log){0};
}
