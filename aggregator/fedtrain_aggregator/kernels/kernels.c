/* The inner loops of an aggregation. kernels/portable.py does the same in numpy, with the same bits: keep the order of
 * all additions. */

#include "kernels.h"

enum {
    RUN = 128, /* numpy's pairwise summation adds up runs of at most this many values in LANES sums */
    LANES = 8,
};

/* The values of a file may start at any byte. */
typedef float value __attribute__((aligned(1)));

enum add { NOTHING, SCALED, ROUNDED };

/* What is added to a total: factor * value, or its nearest integer. */
INLINE double part_of(enum add add, double value, double factor)
{
    double v = factor * value;
    return add == ROUNDED ? (v + ROUND) - ROUND : v;
}

/* Return the sum of the squares of up to RUN values; also add to each total. */
INLINE double run(enum add add, double *restrict totals, const value *restrict values, size_t count, double factor)
{
    double lanes[LANES] = {0};
    size_t i;
    for (i = 0; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double v = values[i + lane];
            lanes[lane] += v * v;
            if (add)
                totals[i + lane] += part_of(add, v, factor);
        }
    double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    for (; i < count; i++) {
        double v = values[i];
        sum += v * v;
        if (add)
            totals[i] += part_of(add, v, factor);
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

INLINE void each_chunk(enum add add, double *restrict totals, const value *restrict values, size_t count, double factor,
                       double *restrict sums)
{
    for (; count >= CHUNK; count -= CHUNK, values += CHUNK, totals = add ? totals + CHUNK : totals)
        *sums++ = chunk(add, totals, values, factor);
    if (count)
        *sums = part(add, totals, values, count, factor);
}

FOR_EACH_PROCESSOR void square_sums(const value *restrict values, size_t count, double *restrict sums)
{
    each_chunk(NOTHING, NULL, values, count, 0, sums);
}

FOR_EACH_PROCESSOR void add_scaled(double *restrict totals, const value *restrict values, size_t count, double factor,
                                   double *restrict sums)
{
    each_chunk(SCALED, totals, values, count, factor, sums);
}

FOR_EACH_PROCESSOR void add_rounded(double *restrict totals, const value *restrict values, size_t count, double factor,
                                    double *restrict sums)
{
    each_chunk(ROUNDED, totals, values, count, factor, sums);
}
