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

#include <bulkhead/bootinfo.h>

enum { ROOT_SUBJECT = 100, ROOT_MEMORY, ROOT_THREAD, ROOT_WAKE, SUBJECT_MEMORY = 0x100000, SUBJECT_PRIORITY = 40, STACK = 16384 };

static const struct bootinfo *boot;
static char stack[STACK] __attribute__((aligned(16)));

/* --- messages -------------------------------------------------------------------------------------------------------------------- */

static void kernel_write(const char *text, size_t size)
{
    while (size) {
        uint64_t words[4] = {0};
        size_t part = size < sizeof words ? size : sizeof words;
        memcpy(words, text, part);
        system_log(CAP_SYSTEM, part, words);
        text += part;
        size -= part;
    }
}

static _Noreturn void end(void)
{
    system_power(CAP_SYSTEM, POWER_OFF);
    thread_exit(1);
}

void must_be(status_t status, status_t expected, const char *what)
{
    if (status == expected)
        return;
    console_print("rights: %s: status %ld instead of %ld\n", what, (long)status, (long)expected);
    end();
}

void take_part(cap_t slot, cap_t from, uint64_t offset, uint64_t size)
{
    must(cap_delegate(CAP_SELF, slot, from, 0xff, offset, size), "a piece of memory");
}

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
    end();
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
    if (boot->cpus > 1) {
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

/* --- root -------------------------------------------------------------------------------------------------------------------------- */

/* The largest extent of that use. */
static cap_t extent_of(enum extent_use use)
{
    const struct bootinfo_extent *best = NULL;
    for (uint32_t i = 0; i < boot->extent_count; i++)
        if (boot->extents[i].use == use && (!best || boot->extents[i].size > best->size))
            best = &boot->extents[i];
    return best ? best->slot : 0;
}

static void give(cap_t to, cap_t from, uint64_t first, uint64_t size)
{
    must(cap_delegate(ROOT_SUBJECT, to, from, 0xff, first, size), "a capability of the subject");
}

static void subject_make(void)
{
    uint64_t type, base, size;
    cap_t kernel = extent_of(EXTENT_KERNEL);
    must(cap_identify(kernel, &type, &base, &size), "kernel memory");
    must(cap_delegate(CAP_SELF, ROOT_MEMORY, kernel, RIGHT_KERNEL, 0, SUBJECT_MEMORY), "memory of the subject");
    must(partition_create(ROOT_SUBJECT, ROOT_MEMORY, (UINT64_C(1) << boot->cpus) - 1, PRIORITIES - 1), "the subject");
    must(signal_create(CAP_SELF, ROOT_WAKE), "root's signal");
    must(thread_create(ROOT_SUBJECT, ROOT_THREAD, CAP_SPACE, 0, SUBJECT_PRIORITY, ROOT_WAKE, 1), "the subject's thread");
    give(CAP_SPACE, CAP_SPACE, 0, 0);
    give(CAP_SYSTEM, CAP_SYSTEM, 0, 0);
    give(CAP_IRQS, CAP_IRQS, 0, 0);
    give(SUBJECT_KERNEL, kernel, SUBJECT_MEMORY, size - SUBJECT_MEMORY);
    give(SUBJECT_RAM, extent_of(EXTENT_RAM), 0, 0);
}

_Noreturn void component_start(void *argument);

/* Instead of the library's, which expects a startup page. */
_Noreturn void component_start(void *argument)
{
    uint64_t bits;
    struct thread_fault_report fault;
    boot = argument;
    clock_frequency_set(boot->timer_frequency);
    print_divert(kernel_write);
    subject_make();
    must(thread_start(ROOT_THREAD, (uint64_t)subject_main, (uint64_t)(stack + STACK), 0), "the subject's start");
    must(signal_wait(ROOT_WAKE, 1, DEADLINE_NEVER, &bits), "waiting for the subject");
    must(thread_fault(ROOT_THREAD, &fault), "its end");
    console_print("rights: the subject ended: class %lu, pc 0x%lx, address 0x%lx\n", fault.class, fault.pc, fault.address);
    end();
}
