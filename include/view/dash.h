#ifndef VIEW_DASH_H
#define VIEW_DASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cause.h"
#include "model/file_state.h"
#include "model/histogram.h"
#include "model/journal_line.h"
#include "model/log_line.h"
#include "model/order_sums.h"
#include "model/partition.h"
#include "model/window.h"
#include "view/ring.h"

/* The state behind the screen: filled by lines of the journal and of the log, read by figures,
 * health and paint. Counters never forget; only the lists of recent lines do. Pure: all times are
 * handed in, wall clock in milliseconds.
 *
 * With several trackers each has a dash of its own, and they add to a whole, which stands for all
 * of them: its counters are fed by its parts' lines, its lists are theirs, merged by time. */

enum row_kind {
    ROW_OK,
    ROW_FAILED,
    ROW_DUP,    /* an offset that was seen before */
    ROW_GAP,    /* offsets that are missing before the next row */
    ROW_REPLAY, /* told again on purpose */
    ROW_BAD,    /* a line that is no journal line */
};

/* Where a line stands, to read it again for the detail view. */
struct place {
    uint32_t file;
    int tracker;
    int64_t offset;
    size_t len;
};

struct event_row {
    struct ring_row row;
    enum row_kind kind;
    int32_t partition;
    int64_t offset;
    int64_t message_size; /* -1 unknown */
    bool has_latency;
    int64_t latency_ms;
    struct place place;
    char order_id[40];
    char text[168]; /* what the order or the error says, as it came: not yet safe to print */
};

struct log_row {
    struct ring_row row;
    enum log_level level;
    struct place place;
    char text[256];
};

/* What the file reader says about one of the two files. */
struct reader {
    const char *path; /* borrowed */
    enum reader_state state;
    int error;             /* errno */
    bool has_no_directory; /* while waiting: the one that the file should be in is missing too */
    bool was_at_end;       /* has once read all there was */
    int64_t size;
    int64_t behind;        /* unread bytes */
    int64_t behind_ms;     /* for how long there has been something unread; -1 if nothing is */
    int64_t unfinished;    /* bytes of a line that has no end yet */
    int64_t unfinished_ms; /* for how long; -1 if none */
    int64_t rotated_ms;    /* how long ago; -1 if never */
    enum writer_state writer;
    int64_t writer_gone_ms; /* for how long; -1 unless it is gone */
    uint64_t rotations;
    uint64_t truncations;
    uint64_t oversized;
    uint64_t malformed; /* counted by the dash */
    uint64_t torn;      /* likewise: ends of files that were no whole line */
    struct place last_malformed;
};

#define DASH_LATENCY_SECONDS 128
#define DASH_READINGS        6
#define DASH_LAST            100
#define DASH_LARGE_GAP       1000 /* offsets */

struct latency_second {
    int64_t second;
    int64_t max;
    struct histogram histogram;
};

#define DASH_MINUTES 128

struct dash_minute {
    int64_t minute;
    uint32_t received;
};

/* One report of the tracker's lag. */
struct lag_reading {
    int64_t at_ms;
    int64_t lag;
    int64_t offsets; /* sum over partitions: does it move? */
};

#define AWAY_WHY_SIZE 600

struct dash_log {
    bool has_any;
    int64_t newest_ms;
    bool is_stopped; /* the newest line says that the tracker stopped */
    bool has_failed; /* and that an error stopped it */
    int64_t stopped_ms;
    int64_t away_ms; /* since when Kafka is unavailable by the log, 0 while it is not */
    char away_why[AWAY_WHY_SIZE]; /* the reason and a remedy, "" while the log gives none */
    int64_t down_ms;              /* since when the processor is unavailable, 0 while it is not */
    char down_why[AWAY_WHY_SIZE]; /* "" while the log gives none */
    bool is_unassigned;           /* what is away is not Kafka: it gives the tracker no partition */
    int errors_in_a_row;
    int64_t fatal_ms;                      /* of the last FATAL line, 0 if none */
    struct cause_slot errors[CAUSE_SLOTS]; /* by second */
    struct log_metrics metrics;
    struct lag_reading readings[DASH_READINGS]; /* newest last */
    int reading_count;
    int64_t metrics_ms; /* time of the last metrics line, 0 if none */
};

/* The older part of the journal, read behind the present: it adds to the totals only. */
struct dash_history {
    bool is_reading;
    bool is_skipped;  /* given up: the totals stay incomplete */
    int64_t position; /* bytes */
    int64_t size;
    struct partition_table partitions;
};

#define DASH_PARTS 64

struct dash {
    const char *name;    /* of the tracker; borrowed, NULL for a whole */
    struct dash *whole;  /* what this one adds to, or NULL */
    struct dash **parts; /* of a whole; borrowed */
    int part_count;
    int number;       /* among the parts */
    int64_t since_ms; /* nothing earlier is counted; 0: all is */

    struct ring events;
    struct ring logs;
    struct reader events_reader;
    struct reader log_reader;

    struct window window;
    struct partition_table partitions;
    struct cause_table causes;
    struct latency_second *latency; /* DASH_LATENCY_SECONDS of them */
    struct order_sums *orders;
    struct histogram *latency_total; /* of all lines, those of history too */
    int64_t latency_total_ms;        /* the sum of all latencies */

    bool has_event;
    int64_t first_ms; /* earliest and latest time in the journal */
    int64_t newest_ms;
    uint64_t live; /* messages that did not come from history */
    struct dash_minute minutes[DASH_MINUTES];
    uint64_t received;
    uint64_t failed;
    uint64_t retries;
    uint64_t dead_lettered;
    uint64_t gaps;
    uint64_t dups;
    uint64_t rewinds;
    int64_t largest_skew_ms;
    int64_t dead_lettered_ms; /* of the latest, 0 if none */
    int64_t large_gap_ms;     /* when a gap of more than 1000 offsets was last seen, 0 if never */
    int64_t failed_ms;        /* of the latest failure, 0 if none */
    int32_t failed_partition;
    int64_t failed_offset;
    bool knows_outcome;         /* the journal has the keys outcome and attempts */
    uint64_t with_whole_second; /* events whose creation time is a whole second */
    uint64_t with_latency;
    bool last_failed[DASH_LAST];

    struct dash_history history;
    struct dash_log log;
    char topic[PARTITION_TOPIC]; /* of the newest event */
};

/* Keeps so many rows of each list (at least 1). Never NULL; free with dash_free. */
struct dash *dash_new(size_t events_kept, size_t logs_kept);
void dash_free(struct dash *d);

/* From now on `part` adds to `whole`, which must be one that nothing else is fed into. Before the
 * first line of the part; both live as long as the other. At most DASH_PARTS. */
void dash_join(struct dash *whole, struct dash *part);

/* Brings the readers' and the history's figures of a whole up to date with its parts. */
void dash_sum_readers(struct dash *whole);

void dash_event(struct dash *d, const struct journal_line *line, const struct place *place,
                int64_t now_ms);
void dash_log_line(struct dash *d, const struct log_line *line, const struct place *place);

/* A line of the journal's older part; and the end of that part. */
void dash_old_event(struct dash *d, const struct journal_line *line);
void dash_end_history(struct dash *d);

/* A line of the journal that could not be read. */
void dash_bad_event(struct dash *d, const char *text, size_t len, const struct place *place,
                    bool is_torn, int64_t now_ms);
void dash_bad_log_line(struct dash *d, const struct place *place, bool is_torn);

/* Keeps the rows that lists held at these anchors show, however many come after them; 0 lets them
 * go. To be called at the moment when an anchor is set. */
void dash_hold(struct dash *d, uint64_t events_anchor, uint64_t logs_anchor);

/* The row with this number, or NULL when it was forgotten or is not there yet. Not of a whole. */
const struct event_row *dash_event_row(const struct dash *d, uint64_t number);
const struct log_row *dash_log_row(const struct dash *d, uint64_t number);

/* Walks over rows, newest first, beginning with the newest whose sequence is at most `anchor` (0:
 * the newest there is). Valid until the next line. */
struct dash_walk {
    const struct dash *dash;
    bool is_of_logs;
    uint64_t at[DASH_PARTS]; /* number of the next row of each part */
};

void dash_walk_events(const struct dash *d, uint64_t anchor, struct dash_walk *w);
void dash_walk_logs(const struct dash *d, uint64_t anchor, struct dash_walk *w);

/* The next row, or NULL behind the last one. A part's jump over offsets that another part told is
 * no gap of the whole and left out. */
const struct event_row *dash_next_event(struct dash_walk *w);
const struct log_row *dash_next_log(struct dash_walk *w);

/* The newest line of the log, or NULL. */
const struct log_row *dash_newest_log(const struct dash *d);

#endif
