/*
 * A system for tests: it is packed in root's place, so it starts with every capability. A partition of its own making, the subject, gets
 * some of them and tries on the real machine what checks.h says of every call, then what revocation promises. All threads run in root's
 * space but for those that memory is taken from.
 */
#include "rights.h"
#include "tries.h"

#include "call_stubs.h"
#include "checks.h"
#include "clock.h"
#include "print.h"
#include "string.h"

static uint64_t cpus;

/* --- every check of every call ----------------------------------------------------------------------------------------------------- */

status_t tries_call(uint64_t words[8])
{
    struct call_words call;
    uint64_t number = words[0];
    memcpy(call.w, words, sizeof call.w);
    uint64_t before = clock_now();
    status_t status = call_long(&call);
    uint64_t ticks = clock_now() - before;
    memcpy(words, call.w, sizeof call.w);
    if (status == STATUS_OK)
        cost_note(number, ticks);
    return status;
}

_Noreturn void tries_fail(const char *what, const struct check *check, uint64_t value, status_t status, status_t expected)
{
    console_print("rights: call %u, argument %u, %s (0x%lx): status %ld instead of %ld\n", check->call, check->argument, what, value,
                  (long)status, (long)expected);
    stand_in_end();
}

#define CAPABILITY(call_, argument_, types_, rights_, status_, ...) {call_, argument_, true, types_, rights_, status_, {__VA_ARGS__}},
#define REFUSED(call_, argument_, status_, ...) {call_, argument_, false, 0, 0, status_, {__VA_ARGS__}},
static const struct check checks_aarch64[] = {CHECKS_AARCH64(CAPABILITY, REFUSED)};

static void try_checks(void)
{
    struct tries tries = {.kernel = SUBJECT_KERNEL,
                          .ram = SUBJECT_RAM,
                          .irqs = CAP_IRQS,
                          .system = CAP_SYSTEM,
                          .first_slot = SLOT_TRIES,
                          .kernel_offset = PART_TRIES * (uint64_t)KERNEL_PART,
                          .ram_offset = PART_TRIES * (uint64_t)RAM_PART};
    unsigned count = sizeof checks_aarch64 / sizeof checks_aarch64[0];
    unsigned refused = tries_run(&tries, checks_portable, checks_portable_count) + tries_run(&tries, checks_aarch64, count);
    console_print("rights: %u rows, %u calls refused as documented\n", checks_portable_count + count, refused);
}

/* Makes the pages of its table that the parts need: they stay. */
static void table_grow(void)
{
    enum { SLOTS_PER_PAGE = PAGE / 64 };
    for (cap_t slot = SLOT_REVOCATION; slot < SLOT_TRIES; slot += SLOTS_PER_PAGE / 2) {
        must(signal_create(CAP_SELF, slot), "a signal");
        must(cap_delete(slot), "its end");
    }
}

static _Noreturn void subject_main(void)
{
    uint64_t bytes, before, after;
    table_grow();
    try_checks();
    partition_stats(CAP_SELF, &bytes, &before);
    try_checks();
    if (cpus > 1) {
        revocation_try();
    } else {
        steps_measure();
        costs_measure();
        costs_print();
    }
    try_checks();
    partition_stats(CAP_SELF, &bytes, &after);
    console_print("rights: kernel memory free before %lu, after %lu\n", before, after);
    thread_exit(0);
}

_Noreturn void component_start(void *argument)
{
    const struct bootinfo *boot = argument;
    cpus = boot->cpus;
    stand_in_begin(boot, "rights");
    subject_make(1, (UINT64_C(1) << cpus) - 1);
    subject_give(CAP_IRQS, CAP_IRQS, 0, 0);
    subject_run(subject_main);
}
