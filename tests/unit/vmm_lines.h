/*
 * For tests of the monitor's device models: what they call instead of the kernel and of the components' library. A test includes it once, before
 * the models' sources. The lock does nothing: tests have one thread.
 */
#ifndef TEST_VMM_LINES_H
#define TEST_VMM_LINES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

/* The portable kernel has a header of the same name, which is found first. */
#define CORE_LOCK_H
#include "../../components/lib/lock.h"

#include "../../components/vmm/lines.h"

enum { TEST_LINES = 256 };

/* What the kernel would keep. */
static struct {
    uint32_t masks[VIRQ_FORWARDING + 1][TEST_LINES / 32]; /* by field and 32 lines */
    uint8_t priority[TEST_LINES], target[TEST_LINES], sources[TEST_LINES];
    uint64_t forwarding;
    bool level[TEST_LINES];
    unsigned vcpu, calls; /* of the last one; number of changes */
} recorded;

void lock_take(struct lock *lock)
{
    assert_int_equal(lock->word, 0);
    lock->word = 1;
}

void lock_release(struct lock *lock)
{
    lock->word = 0;
}

uint32_t lines_get(unsigned vcpu, enum virq_field field, unsigned first)
{
    recorded.vcpu = vcpu;
    assert_true(first < TEST_LINES);
    switch (field) {
    case VIRQ_PRIORITY:
        return recorded.priority[first];
    case VIRQ_TARGET:
        return recorded.target[first];
    case VIRQ_SOURCES:
        return recorded.sources[first];
    default:
        assert_int_equal(first % 32, 0);
        return recorded.masks[field][first / 32];
    }
}

void lines_set(unsigned vcpu, enum virq_field field, unsigned first, uint64_t value)
{
    recorded.vcpu = vcpu;
    recorded.calls++;
    assert_true(first < TEST_LINES);
    switch (field) {
    case VIRQ_PRIORITY:
        recorded.priority[first] = (uint8_t)value;
        break;
    case VIRQ_TARGET:
        recorded.target[first] = (uint8_t)value;
        break;
    case VIRQ_SOURCES:
        recorded.sources[first] = (uint8_t)value;
        break;
    case VIRQ_FORWARDING:
        recorded.forwarding = value;
        break;
    default:
        assert_int_equal(first % 32, 0);
        recorded.masks[field][first / 32] = (uint32_t)value;
    }
}

void line_level(unsigned intid, bool level)
{
    assert_true(intid < TEST_LINES);
    recorded.level[intid] = level;
    recorded.calls++;
}

#endif
