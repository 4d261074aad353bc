#include "model/histogram.h"

#include <math.h>

/* Below 128 a bucket is one value. Above, each power of two is cut into 64 equal parts: the six
 * bits behind the leading one choose the part. */
static int bucket_of(int64_t value)
{
    uint64_t v = value < 0 ? 0 : value > HISTOGRAM_LARGEST ? HISTOGRAM_LARGEST : (uint64_t)value;
    int octave;

    if (v < 128)
        return (int)v;
    octave = 63 - __builtin_clzll(v) - 7;
    return 128 + octave * 64 + (int)(v >> (octave + 1)) - 64;
}

static int64_t middle_of(int bucket)
{
    int octave;
    int64_t low;

    if (bucket < 128)
        return bucket;
    octave = (bucket - 128) / 64;
    low = ((int64_t)(bucket - 128) % 64 + 64) << (octave + 1);
    return low + (INT64_C(1) << octave);
}

void histogram_add(struct histogram *h, int64_t value)
{
    h->buckets[bucket_of(value)]++;
    h->count++;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
        h->buckets[i] += other->buckets[i];
    h->count += other->count;
}

uint64_t histogram_count_to(const struct histogram *h, int64_t value)
{
    int last = bucket_of(value);
    uint64_t count = 0;

    for (int i = 0; i <= last && value >= 0; i++)
        count += h->buckets[i];
    return count;
}

int64_t histogram_quantile(const struct histogram *h, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)h->count);
    uint64_t seen = 0;

    if (h->count == 0)
        return -1;
    if (rank == 0)
        rank = 1;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return middle_of(i);
    }
    return HISTOGRAM_LARGEST;
}
