/*
 * A component for tests: misbehaves as its name in the system description says. What it does must be reported by root, and end nobody
 * but itself.
 */
#include "crash.h"

#include "call_stubs.h"
#include "print.h"
#include "startup.h"
#include "string.h"

#include <bulkhead/package.h>

enum { NOWHERE = 0x10000000, CODE = 42 };

/* Compilers know too well what such a store in C would do. */
static void write_to(uint64_t address)
{
    __asm__ volatile("str wzr, [%0]" : : "r"(address) : "memory");
}

static void write_to_nothing(void)
{
    write_to(8);
}

static void write_to_code(void)
{
    write_to(COMPONENT_BASE); /* the header of the image */
}

static void jump_to_nothing(void)
{
    __asm__ volatile("br %0" : : "r"((uint64_t)NOWHERE));
}

static void execute_undefined(void)
{
    __asm__ volatile(".inst 0");
}

/* A register of the kernel's level. */
static void execute_privileged(void)
{
    __asm__ volatile("msr vttbr_el2, xzr");
}

/* As floating point would, of which components have none: MOVI V0.2D, #0, as data, for the build refuses such instructions. */
static void execute_vector(void)
{
    __asm__ volatile(".word 0x6f00e400");
}

/* The depth is unbounded; the value keeps it from becoming a loop. */
static uint64_t descend(uint64_t depth)
{
    volatile uint64_t frame[16] = {depth};
    return depth == UINT64_MAX ? 0 : descend(depth + 1) + frame[0];
}

static void overflow_stack(void)
{
    descend(0);
}

static void end(void)
{
    thread_exit(CODE);
}

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {
    {"null", write_to_nothing},        {"code", write_to_code},     {"jump", jump_to_nothing}, {"undefined", execute_undefined},
    {"privileged", execute_privileged}, {"vector", execute_vector}, {"overflow", overflow_stack}, {"end", end},
    {"calls", calls_make},
};

int component_main(struct startup *startup)
{
    for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (!strcmp(acts[i].name, startup->name))
            acts[i].act();
    component_fail("crash: went on, or has no act of the name \"%s\"", startup->name);
}
