/* In root's place. */
#include "stand_in.h"

#include "call_stubs.h"
#include "clock.h"
#include "kernel_log.h"
#include "print.h"

/* Slots of root's table; the last ones are the memory that the subject is fed with. */
enum { ROOT_SUBJECT = 100, ROOT_MEMORY, ROOT_THREAD, ROOT_WAKE, ROOT_FEED };
enum { SUBJECT_PRIORITY = 40, STACK = 16384 };

static const struct bootinfo *boot;
static const char *name;
static char stack[STACK] __attribute__((aligned(16)));

void stand_in_begin(const struct bootinfo *bootinfo, const char *program)
{
    boot = bootinfo;
    name = program;
    clock_frequency_set(boot->timer_frequency);
    print_divert(kernel_log_write);
}

_Noreturn void stand_in_end(void)
{
    system_power(CAP_SYSTEM, POWER_OFF);
    thread_exit(1);
}

_Noreturn void must_fail(const char *what, status_t status)
{
    console_print("%s: %s: status %ld\n", name, what, (long)status);
    stand_in_end();
}

cap_t extent_of(enum extent_use use)
{
    const struct bootinfo_extent *best = NULL;
    for (uint32_t i = 0; i < boot->extent_count; i++)
        if (boot->extents[i].use == use && (!best || boot->extents[i].size > best->size))
            best = &boot->extents[i];
    return best ? best->slot : 0;
}

void take(cap_t to, cap_t from, uint64_t offset, uint64_t size)
{
    must(cap_delegate(CAP_SELF, to, from, 0xff, offset, size), "a piece of memory");
}

void subject_give(cap_t to, cap_t from, uint64_t first, uint64_t size)
{
    must(cap_delegate(ROOT_SUBJECT, to, from, 0xff, first, size), "a capability of the subject");
}

void subject_make(unsigned mebibytes, uint64_t cpus)
{
    uint64_t type, base, size, used = mebibytes * (uint64_t)MEBIBYTE;
    cap_t kernel = extent_of(EXTENT_KERNEL);
    must(cap_identify(kernel, &type, &base, &size), "kernel memory");
    take(ROOT_MEMORY, kernel, 0, MEBIBYTE);
    must(partition_create(ROOT_SUBJECT, ROOT_MEMORY, cpus, PRIORITIES - 1), "the subject");
    for (unsigned i = 1; i < mebibytes; i++) {
        take(ROOT_FEED + i, kernel, i * (uint64_t)MEBIBYTE, MEBIBYTE);
        must(partition_feed(ROOT_SUBJECT, ROOT_FEED + i), "more memory of the subject");
    }
    subject_give(CAP_SPACE, CAP_SPACE, 0, 0);
    subject_give(CAP_SYSTEM, CAP_SYSTEM, 0, 0);
    subject_give(SUBJECT_KERNEL, kernel, used, size - used);
    subject_give(SUBJECT_RAM, extent_of(EXTENT_RAM), 0, 0);
}

_Noreturn void subject_run(void (*entry)(void))
{
    uint64_t bits;
    struct thread_fault_report fault;
    must(signal_create(CAP_SELF, ROOT_WAKE), "root's signal");
    must(thread_create(ROOT_SUBJECT, ROOT_THREAD, CAP_SPACE, 0, SUBJECT_PRIORITY, ROOT_WAKE, 1), "the subject's thread");
    must(thread_start(ROOT_THREAD, (uint64_t)entry, (uint64_t)(stack + STACK), 0), "the subject's start");
    must(signal_wait(ROOT_WAKE, 1, DEADLINE_NEVER, &bits), "waiting for the subject");
    must(thread_fault(ROOT_THREAD, &fault), "its end");
    console_print("%s: the subject ended: class %lu, pc 0x%lx, address 0x%lx\n", name, fault.class, fault.pc, fault.address);
    stand_in_end();
}
