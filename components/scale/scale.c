/*
 * A system for `make bench-full`: it is packed in root's place and measures on the real kernel how costs depend on how much there is of something. A
 * partition of its own making, the subject, does it, in root's space. Each line of output: "scale SERIES NAME=NUMBER …", times in ticks of
 * the counter, which are instructions under -icount.
 */
#include "scale.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"
#include "string.h"

#include <bulkhead/bootinfo.h>

enum { ROOT_SUBJECT = 100, ROOT_MEMORY, ROOT_THREAD, ROOT_WAKE, ROOT_FEED, FEEDS = 2, SUBJECT_PRIORITY = 40, STACK = 16384 };

static const struct bootinfo *boot;
static char stack[STACK] __attribute__((aligned(16)));

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

void must(status_t status, const char *what)
{
    if (status == STATUS_OK)
        return;
    console_print("scale: %s: status %ld\n", what, (long)status);
    system_power(CAP_SYSTEM, POWER_OFF);
    thread_exit(1);
}

void take(cap_t to, cap_t from, uint64_t offset, uint64_t size)
{
    must(cap_delegate(CAP_SELF, to, from, 0xff, offset, size), "a piece of memory");
}

static _Noreturn void subject_main(void)
{
    late_make();
    series_vms();
    series_lines();
    series_capabilities();
    series_memory();
    console_print("scale done\n");
    thread_exit(0);
}

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

/* With kernel memory for a table of 10,000 capabilities. */
static void subject_make(void)
{
    uint64_t type, base, size;
    cap_t kernel = extent_of(EXTENT_KERNEL);
    must(cap_identify(kernel, &type, &base, &size), "kernel memory");
    must(cap_delegate(CAP_SELF, ROOT_MEMORY, kernel, RIGHT_KERNEL, 0, MEBIBYTE), "memory of the subject");
    must(partition_create(ROOT_SUBJECT, ROOT_MEMORY, 1, PRIORITIES - 1), "the subject");
    for (unsigned i = 0; i < FEEDS; i++) {
        must(cap_delegate(CAP_SELF, ROOT_FEED + i, kernel, RIGHT_KERNEL, (i + 1) * (uint64_t)MEBIBYTE, MEBIBYTE), "more of it");
        must(partition_feed(ROOT_SUBJECT, ROOT_FEED + i), "more memory");
    }
    must(signal_create(CAP_SELF, ROOT_WAKE), "root's signal");
    must(thread_create(ROOT_SUBJECT, ROOT_THREAD, CAP_SPACE, 0, SUBJECT_PRIORITY, ROOT_WAKE, 1), "the subject's thread");
    give(CAP_SPACE, CAP_SPACE, 0, 0);
    give(CAP_SYSTEM, CAP_SYSTEM, 0, 0);
    give(SUBJECT_KERNEL, kernel, (FEEDS + 1) * (uint64_t)MEBIBYTE, size - (FEEDS + 1) * (uint64_t)MEBIBYTE);
    give(SUBJECT_RAM, extent_of(EXTENT_RAM), 0, 0);
}

_Noreturn void component_start(void *argument);

/* Instead of the library's, which expects a startup page. */
_Noreturn void component_start(void *argument)
{
    uint64_t bits;
    boot = argument;
    clock_frequency_set(boot->timer_frequency);
    print_divert(kernel_write);
    subject_make();
    must(thread_start(ROOT_THREAD, (uint64_t)subject_main, (uint64_t)(stack + STACK), 0), "the subject's start");
    must(signal_wait(ROOT_WAKE, 1, DEADLINE_NEVER, &bits), "waiting for the subject");
    system_power(CAP_SYSTEM, POWER_OFF);
    thread_exit(0);
}
