/* A guest that floods whatever it can reach, for tests of its neighbours' peace. All CPUs do each act at the same time. */
#ifndef STORM_H
#define STORM_H

#include "guest.h"

enum { CPUS = 8 };

/* One CPU of the storm. */
struct storm_cpu {
    uint64_t faults;     /* offset 0: vectors.S counts here */
    uint64_t interrupts; /* handled */
    uint64_t wrong;      /* calls that were answered otherwise than documented; the first one: */
    uint64_t wrong_function, wrong_answer;
    uint64_t random;
    unsigned index;
    uint32_t *scratch;   /* its own page */
    uint64_t round;
    unsigned act;        /* it goes on there when it is switched off and on again, */
    bool inside;         /* if it was in the middle of it */
};

/* The acts: each for as long as storm_goes_on(). */
void act_calls(struct storm_cpu *cpu);
void act_psci(struct storm_cpu *cpu);
void act_off_and_on(struct storm_cpu *cpu);
void act_interrupts(struct storm_cpu *cpu);
void act_timer(struct storm_cpu *cpu);
void act_sleep(struct storm_cpu *cpu);
void act_tables(struct storm_cpu *cpu);
void act_caches(struct storm_cpu *cpu);
void act_code(struct storm_cpu *cpu);
void act_jumps(struct storm_cpu *cpu);
void act_devices(struct storm_cpu *cpu);

/* Time is left for the current act; true at least once per act and CPU. */
bool storm_goes_on(void);
/* xorshift64; never 0. */
uint64_t storm_random(struct storm_cpu *cpu);
/* PSCI CPU_ON of the CPU `index`, which (re)joins the storm. */
int64_t storm_cpu_on(unsigned index);
unsigned storm_cpus(void);

#endif
