/*
 * Quick calls: each looks one capability up, does something short to what it names, and answers no more than a status. They neither wait nor touch the
 * derivation tree, so guests may make them, and several may be made at once.
 */
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "partition.h"
#include "signal.h"
#include "thread.h"
#include "vm.h"

#pragma GCC diagnostic ignored "-Wunused-parameter" /* every call is given the same */

typedef status_t quick_function(const struct cap *cap, uint64_t a, uint64_t b);

static status_t quick_signal_raise(const struct cap *cap, uint64_t bits, uint64_t b)
{
    signal_raise((struct signal *)cap->object, bits & cap->size);
    return STATUS_OK;
}

static status_t quick_irq_ack(const struct cap *cap, uint64_t number, uint64_t b)
{
    return irq_covered(cap, number) ? irq_acknowledge((unsigned)number) : STATUS_RANGE;
}

static status_t quick_vcpu_kick(const struct cap *cap, uint64_t a, uint64_t b)
{
    vcpu_kick((struct vcpu *)cap->object);
    return STATUS_OK;
}

static status_t quick_virq_raise(const struct cap *cap, uint64_t number, uint64_t level)
{
    bool lines = cap->size; /* else all of the VM's */
    uint64_t first = lines ? (uint32_t)cap->size : VM_LINE_SHARED, count = lines ? cap->size >> 32 : VM_LINES - VM_LINE_SHARED;
    return number - first < count ? arch_virq_raise((struct vm *)cap->object, (unsigned)number, level != 0) : STATUS_RANGE;
}

static const struct quick_row {
    quick_function *function;     /* NULL: not a quick call */
    uint8_t type, other, rights; /* of the capability: either type */
} rows[CALL_COUNT] = {
    [CALL_SIGNAL_RAISE] = {quick_signal_raise, CAP_SIGNAL, CAP_SIGNAL, RIGHT_RAISE},
    [CALL_IRQ_ACK] = {quick_irq_ack, CAP_IRQ, CAP_IRQ, RIGHT_BIND},
    [CALL_VCPU_KICK] = {quick_vcpu_kick, CAP_VCPU, CAP_VCPU, RIGHT_KICK},
    [CALL_VIRQ_RAISE] = {quick_virq_raise, CAP_VM, CAP_LINE, RIGHT_RAISE},
};

static inline status_t quick_make(const struct partition *self, const struct quick_row *row, uint64_t slot, uint64_t a, uint64_t b)
{
    const struct cap *cap = cap_entry(self, slot);
    if (!cap)
        return STATUS_CAP;
    uint8_t type = __atomic_load_n(&cap->type, __ATOMIC_ACQUIRE);
    if (type != row->type && type != row->other)
        return STATUS_CAP;
    return row->rights & ~cap->rights ? STATUS_RIGHTS : row->function(cap, a, b);
}

__attribute__((noinline)) void quick_calls(const struct partition *self, uint64_t *words, uint64_t count)
{
    uint64_t before = CALL_SIGNAL_RAISE;
    struct quick_row row = rows[before];
    for (const uint64_t *end = words + count * MULTICALL_WORDS; words < end; words += MULTICALL_WORDS) {
        uint64_t number = words[0], slot = words[1], a = words[2], b = words[3];
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a component may write them at any time: they are read once */
        if (number != before) {
            if (number >= CALL_COUNT || !rows[number].function) {
                words[0] = (uint64_t)STATUS_CALL;
                continue;
            }
            row = rows[before = number];
        }
        words[0] = (uint64_t)quick_make(self, &row, slot, a, b);
    }
}

status_t call_multicall(struct partition *self, const struct cap *cap, uint64_t *r)
{
    uint64_t *batch = __atomic_load_n(&cpu_self()->current->batch, __ATOMIC_ACQUIRE);
    if (r[1] > MULTICALL_CALLS)
        return STATUS_LIMIT;
    if (!batch)
        return STATUS_STATE;
    quick_calls(self, batch, r[1]);
    return STATUS_OK;
}
