#ifndef BASE_CHOICES_H
#define BASE_CHOICES_H

/* What a user chooses and more than one room acts upon: config reads it, others are handed it. The
 * order is that of the choices in config/key_table.c. */

enum retry_jitter {
    RETRY_JITTER_EQUAL,        /* half, plus a random half */
    RETRY_JITTER_FULL,         /* 0 up to the delay */
    RETRY_JITTER_PROPORTIONAL, /* the delay, 25 % more or less */
    RETRY_JITTER_DECORRELATED, /* initial up to three times the delay before */
    RETRY_JITTER_NONE,
};

enum journal_fsync {
    JOURNAL_FSYNC_GROUP,  /* once enough lines wait, or after fsync_interval_ms */
    JOURNAL_FSYNC_ALWAYS, /* after every write */
    JOURNAL_FSYNC_NEVER,  /* leave it to the operating system: power loss may lose lines */
};

/* Which records keep their message in the journal. */
enum lane_payload { LANE_PAYLOAD_BOTH, LANE_PAYLOAD_RAW, LANE_PAYLOAD_FAILURES };

#endif
