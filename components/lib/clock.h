/* The clock: the physical counter, which a guest's virtual offset does not touch. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

/** The counter now, in ticks; deadlines of calls are values of it. */
static inline uint64_t clock_now(void)
{
    uint64_t ticks;
    /* Without the barrier the counter may be read before earlier instructions are done (Arm ARM D11.2.1). */
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

/** Ticks per second. */
uint64_t clock_frequency(void);

/** Sets what clock_frequency answers; done at start from the startup page. */
void clock_frequency_set(uint64_t hertz);

/** Ticks that `us` microseconds take, rounded up. */
uint64_t clock_from_us(uint64_t us);

/** Microseconds that `ticks` take, rounded down. */
uint64_t clock_to_us(uint64_t ticks);

/** The deadline `us` microseconds from now. */
uint64_t clock_deadline_us(uint64_t us);

/** Lets the calling thread sleep for at least `us` microseconds. */
void clock_sleep_us(uint64_t us);

#endif
