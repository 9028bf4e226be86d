/* The inner loops of an aggregation. kernels/portable.py does the same in numpy, with the same bits: keep the order of
 * all additions. */

#include <stdint.h>

#include "kernels.h"

enum {
    RUN = 128, /* numpy's pairwise summation adds up runs of at most this many values in LANES sums */
    LANES = 8,
};

/* The values of a file may start at any byte. */
typedef float value __attribute__((aligned(1)));
typedef uint32_t bits __attribute__((aligned(1), may_alias));

enum add { NOTHING, SCALED };

/* Return the sum of the squares of up to RUN values; also add factor * value to each total. */
INLINE double run(enum add add, double *restrict totals, const value *restrict values, size_t count, double factor)
{
    double lanes[LANES] = {0};
    size_t i;
    for (i = 0; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double v = values[i + lane];
            lanes[lane] += v * v;
            if (add == SCALED)
                totals[i + lane] += factor * v;
        }
    double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (; i < count; i++) {
        double v = values[i];
        sum += v * v;
        if (add == SCALED)
            totals[i] += factor * v;
    }
    return sum;
}

/* numpy's pairwise summation of CHUNK squares: a tree of runs. */
INLINE double chunk(enum add add, double *restrict totals, const value *restrict values, double factor)
{
    double sums[CHUNK / RUN];
    for (int i = 0; i < CHUNK / RUN; i++)
        sums[i] = run(add, add ? totals + i * RUN : totals, values + i * RUN, RUN, factor);
    for (int count = CHUNK / RUN / 2; count > 0; count /= 2)
        for (int i = 0; i < count; i++)
            sums[i] = sums[2 * i] + sums[2 * i + 1];
    return sums[0];
}

/* The same for fewer values. */
static double part(enum add add, double *totals, const value *values, size_t count, double factor)
{
    if (count <= RUN)
        return run(add, totals, values, count, factor);
    size_t half = count / 2 / LANES * LANES;
    double first = part(add, totals, values, half, factor);
    return first + part(add, add ? totals + half : totals, values + half, count - half, factor);
}

/* NH (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC", section 3) of up to CHUNK values. Pairs have one value of
 * each half, which needs no shuffling of lanes. */
INLINE uint64_t checksum(const value *restrict values, size_t count, const uint32_t *restrict keys)
{
    const bits *restrict words = (const bits *)values;
    size_t pairs = count / 2, half = count - pairs;
    uint64_t sum = 0;
    for (size_t i = 0; i < pairs; i++)
        sum += (uint64_t)(uint32_t)(words[i] + keys[i]) * (uint32_t)(words[half + i] + keys[half + i]);
    if (count % 2)
        sum += (uint64_t)(uint32_t)(words[pairs] + keys[pairs]) * keys[count];
    return sum;
}

/* `keys` may be NULL; with keys, the checksum of each chunk is computed while its values are in the first cache. */
INLINE void each_chunk(enum add add, double *restrict totals, const value *restrict values, size_t count, double factor,
                       double *restrict sums, const uint32_t *restrict keys, uint64_t *restrict checks)
{
    for (; count >= CHUNK; count -= CHUNK, values += CHUNK, totals = add ? totals + CHUNK : totals) {
        *sums++ = chunk(add, totals, values, factor);
        if (keys)
            *checks++ = checksum(values, CHUNK, keys);
    }
    if (count) {
        *sums = part(add, totals, values, count, factor);
        if (keys)
            *checks = checksum(values, count, keys);
    }
}

FOR_EACH_PROCESSOR void square_sums(const value *restrict values, size_t count, double *restrict sums,
                                    const uint32_t *restrict keys, uint64_t *restrict checks)
{
    each_chunk(NOTHING, NULL, values, count, 0, sums, keys, checks);
}

FOR_EACH_PROCESSOR void add_scaled(double *restrict totals, const value *restrict values, size_t count, double factor,
                                   double *restrict sums)
{
    each_chunk(SCALED, totals, values, count, factor, sums, NULL, NULL);
}

INLINE void add_to(int rounded, double *restrict totals, const value *restrict values, size_t count, double factor)
{
    for (size_t i = 0; i < count; i++) {
        double v = factor * values[i];
        totals[i] += rounded ? (v + ROUND) - ROUND : v;
    }
}

/* Add factor * value of each update to the totals, or its nearest integer, and compute the checksum of each chunk:
 * checks[update][chunk]. A chunk of the totals stays in the first cache until all updates are added. */
FOR_EACH_PROCESSOR void add_checked(double *restrict totals, const value *const *updates, size_t number, size_t count,
                                    const double *restrict factors, int rounded, const uint32_t *restrict keys,
                                    uint64_t *restrict checks)
{
    size_t chunks = (count + CHUNK - 1) / CHUNK;
    for (size_t i = 0; i < chunks; i++) {
        size_t start = i * CHUNK, left = count - start < CHUNK ? count - start : CHUNK;
        for (size_t update = 0; update < number; update++) {
            const value *values = updates[update] + start;
            checks[update * chunks + i] = checksum(values, left, keys);
            if (rounded)
                add_to(1, totals + start, values, left, factors[update]);
            else
                add_to(0, totals + start, values, left, factors[update]);
        }
    }
}
