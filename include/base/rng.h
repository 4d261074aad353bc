#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

/* A small random generator that gives the same numbers for the same seed on every machine. Not for
 * secrets. xoshiro256** seeded by splitmix64, by Blackman and Vigna (https://prng.di.unimi.it). */
struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);

/* A seed that differs from run to run, from the operating system. */
uint64_t rng_random_seed(void);

uint64_t rng_next(struct rng *r);

/* Uniform in [0, 1). */
double rng_unit(struct rng *r);

/* Uniform in [lo, hi], both included; lo <= hi. */
int64_t rng_range(struct rng *r, int64_t lo, int64_t hi);

/* One well mixed value from another: the splitmix64 step, for decisions that must be the same each
 * time the same thing is asked. */
uint64_t rng_mix(uint64_t x);

#endif
