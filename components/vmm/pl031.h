/* PL031 real-time clock (DDI 0224). */
#ifndef VMM_PL031_H
#define VMM_PL031_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 at 2024-01-01T00:00:00Z, what the clock shows when the board's counter is zero: no firmware clock is passed to monitors. */
#define PL031_EPOCH UINT32_C(1704067200)

struct pl031_state {
    uint32_t offset; /* seconds: the clock minus the counter; survives a reset, as a battery-backed clock does */
    uint32_t load;   /* RTCLR */
    uint32_t match;  /* RTCMR */
    uint32_t mask, raw;
    uint32_t level; /* of the interrupt line */
    uint32_t armed; /* the match has not come yet */
};

/** Puts the clock into the guest's address space. False if a passed-through device is there. */
bool pl031_build(void);

/** Power-on state, apart from the time. */
void pl031_reset(void);

/** Main thread: raises the alarm if it is due. Answers the counter's value when the next one will be, DEADLINE_NEVER if none. */
uint64_t pl031_alarm(void);

/** Its registers. */
uint64_t pl031_read(unsigned vcpu, uint64_t offset, unsigned size);
void pl031_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

#endif
