/* One function per call of bulkhead/call.h, which says what each does and answers. */
#ifndef LIB_CALL_STUBS_H
#define LIB_CALL_STUBS_H

#include "call_invoke.h"

#include <bulkhead/aarch64/call.h>
#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdint.h>

/** Does nothing. */
static inline status_t call_null(void)
{
    return call_short(CALL_NULL, 0, 0, 0);
}

/** Derives a capability from slot `from` into slot `to` of `partition`. */
static inline status_t cap_delegate(cap_t partition, cap_t to, cap_t from, unsigned rights, uint64_t first, uint64_t size)
{
    struct call_words words = {{CALL_CAP_DELEGATE, partition, to, from, rights, first, size}};
    return call_long(&words);
}

/** Empties a slot, after all that is derived from it. */
static inline status_t cap_delete(cap_t slot)
{
    return call_short(CALL_CAP_DELETE, slot, 0, 0);
}

/** Deletes all that is derived from a slot. */
static inline status_t cap_revoke(cap_t slot)
{
    return call_short(CALL_CAP_REVOKE, slot, 0, 0);
}

/** Type | rights << 8, base and size of what a slot holds. */
static inline status_t cap_identify(cap_t slot, uint64_t *type_rights, uint64_t *base, uint64_t *size)
{
    struct call_words words = {{CALL_CAP_IDENTIFY, slot}};
    status_t status = call_long(&words);
    *type_rights = words.w[1];
    *base = words.w[2];
    *size = words.w[3];
    return status;
}

/** A partition that lives in the kernel memory `extent`. */
static inline status_t partition_create(cap_t to, cap_t extent, uint64_t cpus, unsigned priority)
{
    struct call_words words = {{CALL_PARTITION_CREATE, to, extent, cpus, priority}};
    return call_long(&words);
}

/** More kernel memory for a partition. */
static inline status_t partition_feed(cap_t partition, cap_t extent)
{
    return call_short(CALL_PARTITION_FEED, partition, extent, 0);
}

/** Kernel memory of a partition, and how much of it is free. */
static inline status_t partition_stats(cap_t partition, uint64_t *bytes, uint64_t *free_bytes)
{
    struct call_words words = {{CALL_PARTITION_STATS, partition}};
    status_t status = call_long(&words);
    *bytes = words.w[1];
    *free_bytes = words.w[2];
    return status;
}

/** Type | rights << 8, base and size of what a slot of that partition's table holds. */
static inline status_t partition_cap(cap_t partition, cap_t slot, uint64_t *type_rights, uint64_t *base, uint64_t *size)
{
    struct call_words words = {{CALL_PARTITION_CAP, partition, slot}};
    status_t status = call_long(&words);
    *type_rights = words.w[1];
    *base = words.w[2];
    *size = words.w[3];
    return status;
}

/** An empty space of `kind` (enum space_kind). */
static inline status_t space_create(cap_t partition, cap_t to, unsigned kind)
{
    return call_short(CALL_SPACE_CREATE, partition, to, kind);
}

/** Maps [offset, offset + size) of an extent at `address`; at most SPACE_MAP_LIMIT blocks and pages. */
static inline status_t space_map(cap_t space, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access)
{
    struct call_words words = {{CALL_SPACE_MAP, space, extent, address, offset, size, access}};
    return call_long(&words);
}

/** Removes the mapping that begins at `address`. */
static inline status_t space_unmap(cap_t space, uint64_t address)
{
    return call_short(CALL_SPACE_UNMAP, space, address, 0);
}

/** A stopped thread; `bits` of `signal` are raised when it faults or exits. */
static inline status_t thread_create(cap_t partition, cap_t to, cap_t space, unsigned cpu, unsigned priority, cap_t signal, uint64_t bits)
{
    struct call_words words = {{CALL_THREAD_CREATE, partition, to, space, cpu, priority, signal, bits}};
    return call_long(&words);
}

/** Starts a stopped thread. */
static inline status_t thread_start(cap_t thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
    struct call_words words = {{CALL_THREAD_START, thread, pc, sp, argument}};
    return call_long(&words);
}

/** Stops a thread; it does not run any more on return. */
static inline status_t thread_stop(cap_t thread)
{
    return call_short(CALL_THREAD_STOP, thread, 0, 0);
}

/** What CALL_THREAD_FAULT tells. */
struct thread_fault_report {
    uint64_t class; /* enum fault_class */
    uint64_t pc;
    uint64_t address; /* FAULT_EXIT: the code */
    uint64_t syndrome;
    uint64_t link;
    uint64_t sp;
};

/** Why a thread stopped. */
static inline status_t thread_fault(cap_t thread, struct thread_fault_report *report)
{
    struct call_words words = {{CALL_THREAD_FAULT, thread}};
    status_t status = call_long(&words);
    *report = (struct thread_fault_report){words.w[1], words.w[2], words.w[3], words.w[4], words.w[5], words.w[6]};
    return status;
}

/** CPU time, times switched to, and state (enum thread_state_code). */
static inline status_t thread_stats(cap_t thread, uint64_t *ticks, uint64_t *switches, uint64_t *state)
{
    struct call_words words = {{CALL_THREAD_STATS, thread}};
    status_t status = call_long(&words);
    *ticks = words.w[1];
    *switches = words.w[2];
    *state = words.w[3];
    return status;
}

/** Lets the next thread of the same priority run. */
static inline status_t thread_yield(void)
{
    return call_short(CALL_THREAD_YIELD, 0, 0, 0);
}

/** Stops the calling thread; its supervisor sees `code`. */
static inline _Noreturn void thread_exit(uint64_t code)
{
    for (;;)
        call_short(CALL_THREAD_EXIT, code, 0, 0);
}

/** A page for multicall(), at `address` of the thread's `space`. */
static inline status_t multicall_page(cap_t thread, cap_t space, uint64_t address)
{
    return call_short(CALL_MULTICALL_PAGE, thread, space, address);
}

/** Makes the first `count` calls of the calling thread's batch page. */
static inline status_t multicall(unsigned count)
{
    return call_short(CALL_MULTICALL, count, 0, 0);
}

/** A word of 64 bits, all clear. */
static inline status_t signal_create(cap_t partition, cap_t to)
{
    return call_short(CALL_SIGNAL_CREATE, partition, to, 0);
}

/** Sets bits and wakes who waits for them. */
static inline status_t signal_raise(cap_t signal, uint64_t bits)
{
    return call_short(CALL_SIGNAL_RAISE, signal, bits, 0);
}

/** Waits until a bit of `mask` is set, takes those; `*bits` is 0 if the status is not STATUS_OK. */
static inline status_t signal_wait(cap_t signal, uint64_t mask, uint64_t deadline, uint64_t *bits)
{
    struct call_words words = {{CALL_SIGNAL_WAIT, signal, mask, deadline}};
    status_t status = call_long(&words);
    *bits = status == STATUS_OK ? words.w[1] : 0;
    return status;
}

/** A portal that nobody serves yet. */
static inline status_t portal_create(cap_t partition, cap_t to)
{
    return call_short(CALL_PORTAL_CREATE, partition, to, 0);
}

/** Hands the server four words and waits for its answer, which replaces them. */
static inline status_t portal_call(cap_t portal, uint64_t message[4], uint64_t deadline)
{
    uint64_t none;
    return call_portal(CALL_PORTAL_CALL, portal, message, deadline, &none);
}

/** Answers the caller being served, if any, with `message` and waits for the next one's. */
static inline status_t portal_wait(cap_t portal, uint64_t message[4], uint64_t deadline, uint64_t *badge)
{
    return call_portal(CALL_PORTAL_WAIT, portal, message, deadline, badge);
}

/** From now on the interrupt raises `bits` of `signal` (0: none) and stays masked until irq_ack. */
static inline status_t irq_bind(cap_t irq, unsigned number, cap_t signal, uint64_t bits, unsigned flags)
{
    struct call_words words = {{CALL_IRQ_BIND, irq, number, signal, bits, flags}};
    return call_long(&words);
}

/** The interrupt is handled and may come again. */
static inline status_t irq_ack(cap_t irq, unsigned number)
{
    return call_short(CALL_IRQ_ACK, irq, number, 0);
}

/** A VM without vCPUs in a guest space. */
static inline status_t vm_create(cap_t partition, cap_t to, cap_t space)
{
    return call_short(CALL_VM_CREATE, partition, to, space);
}

/** Forgets every virtual interrupt's configuration and state. */
static inline status_t vm_reset(cap_t vm)
{
    return call_short(CALL_VM_RESET, vm, 0, 0);
}

/** The kernel itself answers an SMCCC call with a constant. */
static inline status_t vm_answer(cap_t vm, uint64_t function, uint64_t value)
{
    return call_short(CALL_VM_ANSWER, vm, function, value);
}

/** A guest's store to `address` raises `bits` of `signal` (0: no doorbell any more). */
static inline status_t vm_doorbell(cap_t vm, uint64_t address, cap_t signal, uint64_t bits)
{
    struct call_words words = {{CALL_VM_DOORBELL, vm, address, signal, bits}};
    return call_long(&words);
}

/** Guest processor `index`, its state page mapped at `address` of `space`. */
static inline status_t vcpu_create(cap_t partition, cap_t to, cap_t vm, unsigned index, cap_t space, uint64_t address, uint64_t mode)
{
    struct call_words words = {{CALL_VCPU_CREATE, partition, to, vm, index, space, address, mode}};
    return call_long(&words);
}

/** Runs the guest until something happens that the kernel does not handle (enum vcpu_exit_reason). */
static inline status_t vcpu_enter(cap_t vcpu, uint64_t *reason)
{
    return call_enter(CALL_VCPU_ENTER, vcpu, reason);
}

/** vcpu_enter, but the guest waits for an interrupt first. */
static inline status_t vcpu_wait(cap_t vcpu, uint64_t *reason)
{
    return call_enter(CALL_VCPU_WAIT, vcpu, reason);
}

/** Makes a running or the next vcpu_enter return with EXIT_KICKED. */
static inline status_t vcpu_kick(cap_t vcpu)
{
    return call_short(CALL_VCPU_KICK, vcpu, 0, 0);
}

/** Brings the guest's system registers into the state page. */
static inline status_t vcpu_sync(cap_t vcpu)
{
    return call_short(CALL_VCPU_SYNC, vcpu, 0, 0);
}

/** Sets or clears the level of a shared virtual interrupt line. */
static inline status_t virq_raise(cap_t vm_or_line, unsigned number, unsigned level)
{
    return call_short(CALL_VIRQ_RAISE, vm_or_line, number, level);
}

/** Changes `field` (enum virq_field) of lines from `first`. */
static inline status_t virq_set(cap_t vm, unsigned vcpu, unsigned field, unsigned first, uint64_t value)
{
    struct call_words words = {{CALL_VIRQ_SET, vm, vcpu, field, first, value}};
    return call_long(&words);
}

/** Reads `field` of lines from `first`. */
static inline status_t virq_get(cap_t vm, unsigned vcpu, unsigned field, unsigned first, uint64_t *value)
{
    struct call_words words = {{CALL_VIRQ_GET, vm, vcpu, field, first}};
    status_t status = call_long(&words);
    *value = words.w[1];
    return status;
}

/** Stores to `address` are GICD_SGIR writes, which the kernel carries out. */
static inline status_t vm_sgi_address(cap_t vm, uint64_t address)
{
    return call_short(CALL_VM_SGI_ADDRESS, vm, address, 0);
}

/** Physical interrupt `number` becomes virtual line `line`; `flags`: IRQ_EDGE or 0. */
static inline status_t virq_forward(cap_t vm, unsigned line, cap_t irq, unsigned number, unsigned flags)
{
    struct call_words words = {{CALL_VIRQ_FORWARD, vm, line, irq, number, flags}};
    return call_long(&words);
}

/** Switches the machine off or resets it (enum system_power). */
static inline status_t system_power(cap_t system, unsigned what)
{
    return call_short(CALL_SYSTEM_POWER, system, what, 0);
}

/** Up to 32 characters to the kernel's log. */
static inline status_t system_log(cap_t system, uint64_t length, const uint64_t text[4])
{
    struct call_words words = {{CALL_SYSTEM_LOG, system, length, text[0], text[1], text[2], text[3]}};
    return call_long(&words);
}

/** Bytes of the kernel's image, bytes given to partitions, bytes of those in use. */
static inline status_t system_stats(cap_t system, uint64_t *image, uint64_t *given, uint64_t *used)
{
    struct call_words words = {{CALL_SYSTEM_STATS, system}};
    status_t status = call_long(&words);
    *image = words.w[1];
    *given = words.w[2];
    *used = words.w[3];
    return status;
}

/** All that CALL_SYSTEM_STATS tells. */
struct system_figures {
    uint64_t image, given, used; /* bytes */
    uint64_t irqs_bound, irqs_awake, tags;
};

/** Reads all of it. */
static inline status_t system_figures(cap_t system, struct system_figures *to)
{
    struct call_words words = {{CALL_SYSTEM_STATS, system}};
    status_t status = call_long(&words);
    *to = (struct system_figures){words.w[1], words.w[2], words.w[3], words.w[4], words.w[5], words.w[6]};
    return status;
}

#endif
