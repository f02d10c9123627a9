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

/* So that the others need no frame. */
#define APART __attribute__((noinline))

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
    if (vcpu_kick((struct vcpu *)cap->object))
        vcpu_notify((struct vcpu *)cap->object);
    return STATUS_OK;
}

static status_t quick_virq_raise(const struct cap *cap, uint64_t number, uint64_t level)
{
    bool lines = cap->size; /* else all of the VM's */
    uint64_t first = lines ? (uint32_t)cap->size : VM_LINE_SHARED, count = lines ? cap->size >> 32 : VM_LINES - VM_LINE_SHARED;
    return number - first < count ? arch_virq_raise((struct vm *)cap->object, (unsigned)number, level != 0) : STATUS_RANGE;
}

static const struct quick_row {
    quick_function *function; /* NULL: not a quick call */
    union {
        uint8_t type_rights[2];
        uint16_t head; /* as of struct cap */
    } mask, want;
    uint8_t other;            /* another type that will do; CAP_NONE: there is none */
} rows[CALL_COUNT] = {
    [CALL_SIGNAL_RAISE] = {quick_signal_raise, {{0xff, RIGHT_RAISE}}, {{CAP_SIGNAL, RIGHT_RAISE}}, CAP_NONE},
    [CALL_IRQ_ACK] = {quick_irq_ack, {{0xff, RIGHT_BIND}}, {{CAP_IRQ, RIGHT_BIND}}, CAP_NONE},
    [CALL_VCPU_KICK] = {quick_vcpu_kick, {{0xff, RIGHT_KICK}}, {{CAP_VCPU, RIGHT_KICK}}, CAP_NONE},
    [CALL_VIRQ_RAISE] = {quick_virq_raise, {{0xff, RIGHT_RAISE}}, {{CAP_VM, RIGHT_RAISE}}, CAP_LINE},
};

/* Why a capability is refused, unless it is of the other type. */
static APART status_t quick_otherwise(const struct cap *cap, uint64_t a, uint64_t b, const struct quick_row *row)
{
    uint8_t type = cap ? __atomic_load_n(&cap->type, __ATOMIC_ACQUIRE) : CAP_NONE;
    if (type == CAP_NONE || (type != row->want.type_rights[0] && type != row->other))
        return STATUS_CAP;
    return row->want.type_rights[1] & ~cap->rights ? STATUS_RIGHTS : row->function(cap, a, b);
}

APART void quick_calls(struct cap *const *table, uint64_t *words, uint64_t count)
{
    uint64_t before = CALL_SIGNAL_RAISE;
    const struct quick_row *row = &rows[before]; /* that of the call before, and what stands in it */
    quick_function *function = row->function;
    uint16_t mask = row->mask.head, want = row->want.head;
    for (const uint64_t *end = words + count * MULTICALL_WORDS; words < end; words += MULTICALL_WORDS) {
        uint64_t number = words[0], slot = words[1], a = words[2], b = words[3];
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a component may write them at any time: they are read once */
        if (number != before) {
            words[0] = (uint64_t)STATUS_CALL;
            if (number >= CALL_COUNT || !rows[number].function)
                continue;
            row = &rows[before = number];
            function = row->function;
            mask = row->mask.head;
            want = row->want.head;
        }
        /* What lies in a page is read by its address, so not before it was written. */
        const struct cap *page = slot < CAP_SLOTS ? __atomic_load_n(&table[slot / CAPS_PER_PAGE], __ATOMIC_RELAXED) : NULL;
        const struct cap *cap = page ? &page[slot % CAPS_PER_PAGE] : NULL;
        bool suits = __builtin_expect(cap && (__atomic_load_n(&cap->head, __ATOMIC_ACQUIRE) & mask) == want, 1);
        words[0] = (uint64_t)(suits ? function(cap, a, b) : quick_otherwise(cap, a, b, row));
    }
}

status_t call_multicall(struct partition *self, const struct cap *cap, uint64_t *r)
{
    uint64_t *batch = __atomic_load_n(&cpu_self()->current->batch, __ATOMIC_ACQUIRE);
    if (r[1] > MULTICALL_CALLS)
        return STATUS_LIMIT;
    if (!batch)
        return STATUS_STATE;
    quick_calls(self->table, batch, r[1]);
    return STATUS_OK;
}
