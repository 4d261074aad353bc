/* A line of the tracker's log as the monitor reads it, for libFuzzer: tests/fuzz/corpus/log_line,
 * log_line.dict.
 *
 * It is taken or refused; the figures of what is taken are numbers or unknown, its summary fits
 * whatever room there is. */

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "model/log_line.h"

#include "expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_metrics(const struct log_line *line)
{
    struct log_metrics m;

    log_line_metrics(line, &m);
    EXPECT(m.received >= -1 && m.failed >= -1 && m.lag >= -1 && m.dlq_pending >= -1);
    EXPECT(m.partition_count >= 0 && m.partition_count <= LOG_METRICS_PARTITIONS);
    for (int i = 0; i < m.partition_count; i++) {
        EXPECT(m.partitions[i].partition >= 0);
        EXPECT(m.partitions[i].offset >= -1 && m.partitions[i].lag >= -1);
    }
}

static void expect_summary(const struct log_line *line, bool is_utf8)
{
    static const size_t caps[] = {1, 2, 3, 7, 16, 100, 300};
    char room[300];

    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        memset(room, '#', sizeof(room));
        log_line_summary(line, room, caps[i]);
        EXPECT(memchr(room, '\0', caps[i]));
        EXPECT(!is_utf8 || utf8_valid(room, strlen(room), NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct log_line line;

    if (log_line_parse(&line, text, size) < 0)
        goto out;
    EXPECT(line.message && line.error && line.remedy);
    EXPECT(line.level >= LOG_DEBUG && line.level <= LOG_ERROR);
    expect_metrics(&line);
    expect_summary(&line, utf8_valid(text, size, NULL));
out:
    log_line_release(&line);
    return 0;
}
