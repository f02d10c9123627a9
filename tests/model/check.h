/* Kernel and model side by side. */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "model.h"

enum step_kind { STEP_CALL, STEP_FAULT, STEP_TIME, STEP_IRQ, STEP_WRITE, STEP_BATCH };

/* One thing that happens. Everything that a run does is a sequence of these. */
struct step {
    unsigned kind, cpu;
    uint64_t word[M_REGISTERS]; /* call: number and arguments; fault: address; time: ticks; interrupt: number; write: address, value; batch: place, words */
};

/* --- compare.c ----------------------------------------------------------------------------------------------------------- */

/* Boots the kernel and makes the model's state that of root at its first instruction. */
void check_boot(void);
/* Does the step to both and compares. False if it cannot happen now: then nothing did. */
bool check_step(const struct step *step);
/* Ends everything: nothing may be left. */
void check_end(void);
/* The thread ended itself: the kernel leaves off there (its partition's end removes the rest), so comparing ends here. */
extern bool check_over;

/* --- generate.c ------------------------------------------------------------------------------------------------------------ */

void generate_seed(uint64_t seed);
/* The next step, which the model says is possible. False: nothing can happen any more. */
bool generate_step(struct step *step);

/* --- main.c ------------------------------------------------------------------------------------------------------------------- */

/* Kernel and model differ: prints how it came to that and ends the program. */
_Noreturn void differs(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
