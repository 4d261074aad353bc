#ifndef VIEW_FIGURE_H
#define VIEW_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "view/figures.h"
#include "view/format.h"

/* Each figure once: its name in --json, its label and unit for people, where it is found and how it
 * is written. The report, --json and the details are made from these tables, and a test compares
 * docs/monitor.schema.json with them. To add a figure: a row in figure.c and a property of the
 * schema. */

enum figure_kind {
    FIGURE_COUNT,  /* integer, -1 is unknown */
    FIGURE_INT,    /* integer, always known */
    FIGURE_NUMBER, /* NAN is unknown */
    FIGURE_FLAG,
    FIGURE_TEXT, /* NULL is unknown */
    FIGURE_TIME, /* milliseconds since 1970, 0 is unknown; RFC 3339 in --json */
};

/* Of a kind only its own member counts. */
struct figure_value {
    int64_t integer;
    double number;
    const char *text;
};

/* What the figures of a table are figures of. */
enum figure_table {
    FIGURE_OF_STATE,     /* struct figures */
    FIGURE_OF_FLOW,      /* struct figures */
    FIGURE_OF_WINDOW,    /* struct figure_window */
    FIGURE_OF_LATENCY,   /* struct figures */
    FIGURE_OF_LAG,       /* struct figures */
    FIGURE_OF_PROCESSOR, /* struct figures */
    FIGURE_OF_ORDERS,    /* struct figures */
    FIGURE_OF_TRACKER,   /* struct figures */
    FIGURE_OF_PARTITION, /* struct figure_partition */
    FIGURE_OF_ERROR,     /* struct figure_error */
    FIGURE_OF_READER,    /* struct figures */
    FIGURE_TABLES,
};

struct figure_error {
    const struct cause *cause;
    int64_t now_ms;
};

struct figure {
    const char *name;
    enum figure_kind kind;
    int decimals; /* of a FIGURE_NUMBER in --json */
    struct figure_value (*get)(const void *of);
    const char *label; /* NULL: for programs only */
    const char *unit;  /* behind the value for people, or "" */
    struct text_buffer (*format)(struct figure_value value); /* for people */
};

/* All figures of a table; `count` gets how many there are. */
const struct figure *figure_all(enum figure_table table, size_t *count);

/* The figure of this name, which must be there and have a label. */
const struct figure *figure_named(enum figure_table table, const char *name);

/* The value for people with its unit, "-" or "n/a" when it is not known. */
struct text_buffer figure_text(const struct figure *figure, const void *of);

#endif
