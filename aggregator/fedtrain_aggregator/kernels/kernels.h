/* What the kernels share. Compile with -ffp-contract=off (a fused multiply-add rounds once instead of twice) and
 * -fno-math-errno (else sqrt is a call of a function). */

#include <stddef.h>

#if defined(__x86_64__) && defined(__gnu_linux__) && __GNUC__ >= 11 && !defined(__clang__)
/* One copy for each level of the processor, chosen when the library is loaded. */
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { CHUNK = 4096 }; /* kernels/portable.py: CHUNK */

#define INLINE static inline __attribute__((always_inline))

/* Added and subtracted, this rounds to the nearest integer, ties to even, below 2^51. */
static const double ROUND = 0x1.8p52;
