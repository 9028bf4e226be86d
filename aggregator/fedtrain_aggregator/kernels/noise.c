/* Gaussian noise on a sum. fedtrain/privacy/gaussian_noise.py has the same bits: keep the order of all operations. */

#include <math.h>
#include <stdint.h>

#include "kernels.h"

enum { BATCH = 256 }; /* pairs computed at a time, in arrays that stay in the core's first cache */

static const double TWO_52 = 0x1p52, TWO_53 = 0x1p53;
static const double LN_2 = 0x1.62e42fefa39efp-1, PI = 0x1.921fb54442d18p+1;

typedef union {
    double number;
    uint64_t bits;
} word;

/* A whole number below 2^52 as a double, without the conversion that processors before AVX-512 lack. */
INLINE double whole(uint64_t number)
{
    return (word){.bits = number | 0x4330000000000000}.number - TWO_52;
}

/* The upper 53 bits. */
INLINE double upper(uint64_t bits)
{
    return whole(bits >> 32) * 0x1p21 + whole((bits >> 11) & 0x1FFFFF);
}

INLINE double log_uniform(uint64_t bits)
{
    const uint64_t half_root = 0x3FE6A09E667F3BCD; /* the bits of sqrt(1 / 2) */
    word number = {.number = upper(bits) + 1.0};
    number.bits += 0x3FF0000000000000 - half_root;
    double exponent = whole(number.bits >> 52) - (1023.0 + 53.0);
    double mantissa = (word){.bits = (number.bits & 0xFFFFFFFFFFFFF) + half_root}.number;
    double s = (mantissa - 1.0) / (mantissa + 1.0);
    double x = s * s;
    double series = 2.0 / 21;
    series = series * x + 2.0 / 19;
    series = series * x + 2.0 / 17;
    series = series * x + 2.0 / 15;
    series = series * x + 2.0 / 13;
    series = series * x + 2.0 / 11;
    series = series * x + 2.0 / 9;
    series = series * x + 2.0 / 7;
    series = series * x + 2.0 / 5;
    series = series * x + 2.0 / 3;
    series = series * x + 2.0;
    return exponent * LN_2 + s * series;
}

INLINE void on_circle(uint64_t bits, double *cosine, double *sine)
{
    double half = upper(bits) * (PI / 2 / TWO_53) - PI / 4;
    double x = half * half;
    double s = 1.0 / 355687428096000;
    s = s * x + -1.0 / 1307674368000;
    s = s * x + 1.0 / 6227020800;
    s = s * x + -1.0 / 39916800;
    s = s * x + 1.0 / 362880;
    s = s * x + -1.0 / 5040;
    s = s * x + 1.0 / 120;
    s = s * x + -1.0 / 6;
    s = s * x + 1.0;
    s = half * s;
    double c = 1.0 / 20922789888000;
    c = c * x + -1.0 / 87178291200;
    c = c * x + 1.0 / 479001600;
    c = c * x + -1.0 / 3628800;
    c = c * x + 1.0 / 40320;
    c = c * x + -1.0 / 720;
    c = c * x + 1.0 / 24;
    c = c * x + -1.0 / 2;
    c = c * x + 1.0;
    word whole = {.number = c * c - s * s};
    whole.bits ^= bits << 63;
    *cosine = whole.number;
    *sine = (s + s) * c;
}

INLINE double noisy(double total, double sample, double std, double scale)
{
    return (total + ((sample * std + ROUND) - ROUND)) * scale;
}

/* (total + round(std * sample)) * scale for each of `totals`. `words`: count, rounded up to a pair. */
FOR_EACH_PROCESSOR void add_noise(double *restrict totals, const uint64_t *restrict words, size_t count, double std,
                                  double scale)
{
    double cosines[BATCH], sines[BATCH];
    for (size_t start = 0; start < count; start += 2 * BATCH) {
        size_t left = count - start, samples = left < 2 * BATCH ? left : 2 * BATCH, pairs = (samples + 1) / 2;
        const uint64_t *restrict from = words + start;
        double *restrict to = totals + start;
        for (size_t i = 0; i < pairs; i++) {
            double radius = sqrt(-2.0 * log_uniform(from[2 * i])), cosine, sine;
            on_circle(from[2 * i + 1], &cosine, &sine);
            cosines[i] = radius * cosine;
            sines[i] = radius * sine;
        }
        for (size_t i = 0; i < samples / 2; i++) {
            to[2 * i] = noisy(to[2 * i], cosines[i], std, scale);
            to[2 * i + 1] = noisy(to[2 * i + 1], sines[i], std, scale);
        }
        if (samples % 2)
            to[samples - 1] = noisy(to[samples - 1], cosines[pairs - 1], std, scale);
    }
}
