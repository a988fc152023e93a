/* Coverage of the compiled kernels for the fuzzer.

   The compiler calls __sanitizer_cov_trace_pc at every edge (gcc
   -fsanitize-coverage=trace-pc); libFuzzer reads counters.  This counts the one
   into the other.  The fuzzer's functions are looked up weakly: where no fuzzer
   is loaded, the counters are counted and nobody looks. */

#include <stddef.h>
#include <stdint.h>

#define COUNTERS 16384
#define QUIET __attribute__((no_sanitize_coverage))

struct entry { uintptr_t pc, flags; };

static uint8_t counters[COUNTERS];
static struct entry entries[COUNTERS];

extern void __sanitizer_cov_8bit_counters_init(uint8_t *, uint8_t *) __attribute__((weak));
extern void __sanitizer_cov_pcs_init(const uintptr_t *, const uintptr_t *) __attribute__((weak));

QUIET __attribute__((constructor)) static void offer_the_counters(void)
{
    for (size_t i = 0; i < COUNTERS; i++)
        entries[i].pc = (uintptr_t)&counters[i];
    if (__sanitizer_cov_8bit_counters_init)
        __sanitizer_cov_8bit_counters_init(counters, counters + COUNTERS);
    if (__sanitizer_cov_pcs_init)
        __sanitizer_cov_pcs_init((const uintptr_t *)entries, (const uintptr_t *)(entries + COUNTERS));
}

/* Two calls are at least five octets apart.  Where a kernel is larger than four times the counters some ways share
   one: the fuzzer looks through all of them after each input, and more of them would cost more than they tell. */
QUIET __attribute__((visibility("hidden"))) void __sanitizer_cov_trace_pc(void)
{
    uintptr_t from = (uintptr_t)__builtin_return_address(0) - (uintptr_t)counters;
    counters[(from >> 2) % COUNTERS]++;
}

/* libFuzzer learns from compared integers; of fractions it wants to know nothing. */
QUIET __attribute__((visibility("hidden"))) void __sanitizer_cov_trace_cmpd(double one, double other)
{
    (void)one, (void)other;
}
