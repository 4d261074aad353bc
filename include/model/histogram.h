#ifndef MODEL_HISTOGRAM_H
#define MODEL_HISTOGRAM_H

#include <stdint.h>

/* Counts of whole numbers in buckets that are exact below 128 and at most 1/64 of their value wide
 * above, so that a quantile is off by at most 0.8 %. Histograms add up; quantiles do not. */

#define HISTOGRAM_LARGEST ((INT64_C(1) << 32) - 1) /* 49 days in milliseconds */
#define HISTOGRAM_BUCKETS (128 + (32 - 7) * 64)

struct histogram {
    uint64_t count;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

/* Adds one value; negative ones count as 0, larger ones as HISTOGRAM_LARGEST. */
void histogram_add(struct histogram *h, int64_t value);

/* Adds all counts of `other`. */
void histogram_merge(struct histogram *h, const struct histogram *other);

/* How many values are at most `value`, to the width of a bucket. */
uint64_t histogram_count_to(const struct histogram *h, int64_t value);

/* The smallest value that at least the share `q` (0 to 1) of all values does not exceed; -1 when
 * the histogram is empty. */
int64_t histogram_quantile(const struct histogram *h, double q);

#endif
