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

static status_t quick_irq_ack(const struct cap *cap, uint64_t number, uint64_t b)
{
    return irq_covered(cap, number) ? irq_acknowledge((unsigned)number) : STATUS_RANGE;
}

static status_t quick_vcpu_kick(const struct cap *cap, uint64_t a, uint64_t b)
{
    struct vcpu *vcpu = (struct vcpu *)cap->object;
    if (__builtin_expect(vcpu_kick(vcpu), 0))
        vcpu_notify(vcpu);
    return STATUS_OK;
}

static status_t quick_virq_raise(const struct cap *cap, uint64_t number, uint64_t level)
{
    bool lines = cap->size; /* else all of the VM's */
    uint64_t first = lines ? (uint32_t)cap->size : VM_LINE_SHARED, count = lines ? cap->size >> 32 : VM_LINES - VM_LINE_SHARED;
    return number - first < count ? arch_virq_raise((struct vm *)cap->object, (unsigned)number, level != 0) : STATUS_RANGE;
}

/* A capability's type and rights, compared at once, as struct cap has them: whatever the order of bytes. */
union head {
    struct {
        uint8_t type, rights;
    };
    uint16_t both;
};

/* What `mask` leaves of a capability's head has to be `want`; 0: not a quick call. */
#define NEEDS(wanted_type, wanted_rights) .mask = {{0xff, wanted_rights}}, .want = {{wanted_type, wanted_rights}}

static const struct quick_row {
    quick_function *function; /* NULL: quick_calls() does that itself */
    union head mask, want;    /* of the capability that the first argument names */
    uint8_t other;            /* another type that will do; CAP_NONE: there is none */
} rows[CALL_COUNT] = {
    [CALL_SIGNAL_RAISE] = {NULL, NEEDS(CAP_SIGNAL, RIGHT_RAISE)},
    [CALL_IRQ_ACK] = {quick_irq_ack, NEEDS(CAP_IRQ, RIGHT_BIND)},
    [CALL_VCPU_KICK] = {quick_vcpu_kick, NEEDS(CAP_VCPU, RIGHT_KICK)},
    [CALL_VIRQ_RAISE] = {quick_virq_raise, NEEDS(CAP_VM, RIGHT_RAISE), CAP_LINE},
};

/* Why a call is refused, unless its capability, if there is one, is of the other type. */
static APART status_t quick_otherwise(const struct cap *cap, uint64_t a, uint64_t b, uint64_t number, union head head)
{
    if (number >= CALL_COUNT || !rows[number].want.both)
        return STATUS_CALL;
    const struct quick_row *row = &rows[number];
    if (head.type == CAP_NONE || (head.type != row->want.type && head.type != row->other))
        return STATUS_CAP;
    return row->want.rights & ~head.rights ? STATUS_RIGHTS : row->function(cap, a, b);
}

static inline bool head_suits(union head head, union head mask, union head want)
{
    return want.both && (head.both & mask.both) == want.both;
}

/* Computed here, and not again where it is used. */
#define SETTLED(value) __asm__("" : "+r"(value))

APART void quick_calls(struct cap *const *table, uint64_t *words, uint64_t count)
{
    const struct quick_row *raise = &rows[CALL_SIGNAL_RAISE];
    for (const uint64_t *end = words + count * MULTICALL_WORDS; words != end; words += MULTICALL_WORDS) {
        uint64_t number = words[0], slot = words[1], a = words[2], b = words[3], index = slot / CAPS_PER_PAGE;
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a component may write them at any time: they are read once */
        SETTLED(index);
        /* What lies in a page is read by its address, so not before it was written. */
        const struct cap *page = index < CAP_PAGES ? __atomic_load_n(&table[index], __ATOMIC_RELAXED) : NULL;
        if (!page) {
            words[0] = (uint64_t)quick_otherwise(NULL, a, b, number, (union head){{CAP_NONE, 0}});
            continue;
        }
        const struct cap *cap = &page[slot % CAPS_PER_PAGE];
        SETTLED(cap);
        union head head = {.both = __atomic_load_n(&cap->head, __ATOMIC_ACQUIRE)};
        if (__builtin_expect(number == CALL_SIGNAL_RAISE && head_suits(head, raise->mask, raise->want), 1)) {
            words[0] = STATUS_OK; /* the commonest, so not behind a pointer */
            signal_raise((struct signal *)cap->object, a & cap->size);
            continue;
        }
        const struct quick_row *row = &rows[number < CALL_COUNT ? number : 0];
        SETTLED(row);
        words[0] = (uint64_t)(head_suits(head, row->mask, row->want) ? row->function(cap, a, b) : quick_otherwise(cap, a, b, number, head));
    }
}

status_t quick_batch(const struct thread *thread, uint64_t count)
{
    uint64_t *batch = __atomic_load_n(&thread->batch, __ATOMIC_ACQUIRE);
    if (count > MULTICALL_CALLS)
        return STATUS_LIMIT;
    if (!batch)
        return STATUS_STATE;
    quick_calls(thread->partition->table, batch, count);
    return STATUS_OK;
}
