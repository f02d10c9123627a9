/* External aborts and SErrors: what their syndrome says (Arm ARM D13.2.37), whose they are. */
#ifndef AARCH64_SERROR_H
#define AARCH64_SERROR_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/*
 * May an SError be put down to whoever ran when it came? Only processors with RAS describe it; they say when the error may have gone further (AET:
 * uncontainable). Without a description, what the processor gave with it is implementation defined, and it is put down to whoever ran.
 */
static inline bool serror_is_contained(uint64_t esr)
{
    bool described = !(esr >> 24 & 1) && (esr & 0x3f) == 0x11; /* IDS; DFSC: asynchronous SError */
    return !described || (esr >> 10 & 7) != 0;
}

/*
 * Did the access itself fail (external abort, uncorrectable data, alignment, TLB conflict, …), rather than its translation or permission (FSC
 * 0 to 15), which is where devices are emulated?
 */
static inline bool abort_is_error(uint64_t esr)
{
    return (esr & 0x30) != 0;
}

/* It goes to whoever ran last: EXIT_ERROR of a guest, FAULT_ERROR of a component, a line in the log if that one has been stopped; a panic if it may have spread. */
void serror_attribute(struct cpu *cpu, uint64_t esr);
/* cpu_reschedule(), after what is pending, or what outstanding writes still cause, has gone to the thread that is leaving. */
void serror_reschedule(struct cpu *cpu);
/* The same for a CPU that nobody runs on: a panic. */
void serror_idle(void);

#endif
