/* A keyed checksum, to notice whether values changed between two passes. kernels/portable.py computes the same. */

#include <stdint.h>

#include "kernels.h"

/* The values of a file may start at any byte. */
typedef uint32_t value __attribute__((aligned(1)));

/* NH (Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC", section 3): one sum for each CHUNK values and CHUNK keys. */
FOR_EACH_PROCESSOR void checksums(const value *restrict values, size_t count, const uint32_t *restrict keys,
                                  uint64_t *restrict sums)
{
    for (size_t start = 0; start < count; start += CHUNK) {
        size_t left = count - start, size = left < CHUNK ? left : CHUNK;
        uint64_t sum = 0;
        for (size_t i = 0; i + 1 < size; i += 2)
            sum += (uint64_t)(uint32_t)(values[start + i] + keys[i]) * (uint32_t)(values[start + i + 1] + keys[i + 1]);
        if (size % 2)
            sum += (uint64_t)(uint32_t)(values[start + size - 1] + keys[size - 1]) * keys[size];
        *sums++ = sum;
    }
}
