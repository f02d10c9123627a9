/*
 * What calls between components cost. Packed in root's place, so it starts with every capability: it makes two components, each a partition with a space of its
 * own and a copy of this image in it, and lets one call, wake or be woken by the other on the same processor. A row is printed as guests/ubench
 * prints one; scripts/bench takes it from there, and the path from the emulator's log.
 */
#include "call_stubs.h"
#include "cache.h"
#include "print.h"
#include "stand_in.h"
#include "string.h"

#include <bulkhead/package.h>

enum { SAMPLES = 24, LOW = 10, HIGH = 20, WINDOW = 0x40000000, KICKS_AT = 0x50000000, VCPU_AT = 0x50001000, BATCH = 0x60000000, BATCH_CALLS = 16, KERNEL_BYTES = 0x40000, PARTS = 2 };

/* Slots: root's, and those that both components have. */
enum {
    ROOT_DONE = 100,
    ROOT_SIGNAL,
    ROOT_PORTAL,
    ROOT_GUEST,
    ROOT_VM,
    ROOT_VCPU,
    ROOT_UNHEARD,
    ROOT_PART, /* from here PER_PART for each component */
    PART_KERNEL = 0,
    PART_PARTITION,
    PART_SPACE,
    PART_THREAD,
    PER_PART,
    SLOT_SIGNAL = 32,
    SLOT_PORTAL,
    SLOT_DONE,
    SLOT_UNHEARD, /* a signal that nobody waits for */
};

extern char _data_start[], _bss_end[];

/* --- rows ------------------------------------------------------------------------------------------------------------------------ */

/* As guests/ubench does it: the ISBs keep the operation between the reads. */
static inline uint64_t ticks_before(void)
{
    uint64_t t;
    __asm__ volatile("mrs %0, cntpct_el0\n\tisb" : "=r"(t) : : "memory");
    return t;
}

static inline uint64_t ticks_after(void)
{
    uint64_t t;
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(t) : : "memory");
    return t;
}

static void print_row(const char *name, uint64_t *samples)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        sum += samples[i];
        for (unsigned j = i; j && samples[j - 1] > samples[j]; j--) {
            uint64_t larger = samples[j - 1];
            samples[j - 1] = samples[j];
            samples[j] = larger;
        }
    }
    console_print("%s %lu %lu %lu %lu ticks %u\n", name, (sum + SAMPLES / 2) / SAMPLES, samples[SAMPLES / 2], samples[SAMPLES * 99 / 100], samples[SAMPLES - 1],
                  SAMPLES);
}

/* A call of a portal whose server adds one, and its answer. */
__attribute__((noinline)) static void row_portal_round_trip(void)
{
    static uint64_t samples[SAMPLES];
    uint64_t message[4] = {1, 2, 3, 4};
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = ticks_before();
        status_t status = portal_call(SLOT_PORTAL, message, DEADLINE_NEVER);
        samples[i] = ticks_after() - start;
        must(status, "a call of the portal");
    }
    if (message[0] != 1 + SAMPLES)
        console_print("bench: the portal's server answered %lu\n", message[0]);
    print_row("portal_round_trip", samples);
}

/* 16 signals raised by one call; each names its capability. Writing the batch is not part of it. */
__attribute__((noinline)) static void row_multicall16(void)
{
    static uint64_t samples[SAMPLES];
    volatile uint64_t *batch = (volatile uint64_t *)BATCH;
    for (unsigned i = 0; i < SAMPLES; i++) {
        for (unsigned call = 0; call < BATCH_CALLS; call++) {
            batch[call * MULTICALL_WORDS] = CALL_SIGNAL_RAISE;
            batch[call * MULTICALL_WORDS + 1] = SLOT_UNHEARD;
            batch[call * MULTICALL_WORDS + 2] = 1;
        }
        uint64_t start = ticks_before();
        status_t status = multicall(BATCH_CALLS);
        samples[i] = ticks_after() - start;
        must(status, "calls in one");
        for (unsigned call = 0; call < BATCH_CALLS; call++)
            must((status_t)batch[call * MULTICALL_WORDS], "one of them");
    }
    print_row("multicall16", samples);
}

/* When the signal was raised; raiser and waiter have different memory, so it goes with the signal: bits 1 to 63. */
__attribute__((noinline)) static void row_signal_same_cpu(void)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = ticks_before();
        must(signal_raise(SLOT_SIGNAL, start << 1 | 1), "raising");
    }
}

/* The same raise in a batch of one: whoever it wakes runs when the call returns, without anything else happening. */
__attribute__((noinline)) static void row_multicall_wake(void)
{
    volatile uint64_t *batch = (volatile uint64_t *)BATCH;
    batch[1] = SLOT_SIGNAL;
    for (unsigned i = 0; i < SAMPLES; i++) {
        batch[0] = CALL_SIGNAL_RAISE;
        uint64_t start = ticks_before();
        batch[2] = start << 1 | 1;
        must(multicall(1), "a batch of one");
    }
}

/* The same of a vCPU that nobody is in: next to nothing but the look-up. */
__attribute__((noinline)) static void row_multicall16_kick(void)
{
    static uint64_t samples[SAMPLES];
    uint64_t(*batch)[MULTICALL_WORDS] = (void *)KICKS_AT;
    for (unsigned i = 0; i < SAMPLES; i++) {
        for (unsigned k = 0; k < BATCH_CALLS; k++)
            memcpy(batch[k], (const uint64_t[MULTICALL_WORDS]){CALL_VCPU_KICK, ROOT_VCPU}, sizeof batch[k]);
        uint64_t start = ticks_before();
        status_t status = multicall(BATCH_CALLS);
        samples[i] = ticks_after() - start;
        must(status, "kicks in one");
        for (unsigned k = 0; k < BATCH_CALLS; k++)
            must((status_t)batch[k][0], "one of them");
    }
    print_row("multicall16_kick", samples);
}

static void kick_row(void)
{
    must(multicall_page(CAP_THREAD, CAP_SPACE, KICKS_AT), "the page of calls");
    must(space_create(CAP_SELF, ROOT_GUEST, SPACE_GUEST), "a guest's space");
    must(vm_create(CAP_SELF, ROOT_VM, ROOT_GUEST), "a VM");
    must(vcpu_create(CAP_SELF, ROOT_VCPU, ROOT_VM, 0, CAP_SPACE, VCPU_AT, 0), "a vCPU");
    row_multicall16_kick();
}

static _Noreturn void server_main(void)
{
    uint64_t message[4] = {0}, badge;
    for (;;) {
        must(portal_wait(SLOT_PORTAL, message, DEADLINE_NEVER, &badge), "serving");
        message[0]++;
    }
}

static void row_of_waiter(const char *name)
{
    static uint64_t samples[SAMPLES];
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t bits;
        must(signal_wait(SLOT_SIGNAL, UINT64_MAX, DEADLINE_NEVER, &bits), "waiting");
        samples[i] = ticks_after() - (bits >> 1);
    }
    print_row(name, samples);
}

/* The same component's second life: waits for the signal. */
static _Noreturn void waiter_main(void)
{
    row_of_waiter("signal_same_cpu");
    row_of_waiter("multicall_wake");
    signal_raise(SLOT_DONE, UINT64_MAX);
    thread_exit(0);
}

static _Noreturn void caller_main(void)
{
    row_portal_round_trip();
    row_multicall16();
    signal_raise(SLOT_DONE, UINT64_MAX);
    thread_exit(0);
}

static _Noreturn void raiser_main(void)
{
    row_signal_same_cpu();
    row_multicall_wake();
    signal_raise(SLOT_DONE, UINT64_MAX);
    thread_exit(0);
}

/* --- root ------------------------------------------------------------------------------------------------------------------------ */

/* A space with a copy of this image as it is now. */
static void space_fill(cap_t space, unsigned part)
{
    cap_t ram = extent_of(EXTENT_RAM);
    uint64_t base = COMPONENT_BASE, size = (uint64_t)_bss_end - base, code = (uint64_t)_data_start - base, offset = part * size;
    must(space_map(CAP_SPACE, ram, WINDOW + offset, offset, size, RIGHT_READ | RIGHT_WRITE), "the window");
    memcpy((char *)WINDOW + offset, (const char *)base, size);
    cache_clean((char *)WINDOW + offset, size);
    must(space_map(space, ram, base, offset, code, RIGHT_READ | RIGHT_EXECUTE), "code");
    must(space_map(space, ram, base + code, offset + code, size - code, RIGHT_READ | RIGHT_WRITE), "data");
}

static void component_make(unsigned part)
{
    cap_t slots = ROOT_PART + part * PER_PART, partition = slots + PART_PARTITION;
    must(cap_delegate(CAP_SELF, slots + PART_KERNEL, extent_of(EXTENT_KERNEL), RIGHT_KERNEL, part * (uint64_t)KERNEL_BYTES, KERNEL_BYTES), "kernel memory");
    must(partition_create(partition, slots + PART_KERNEL, 1, HIGH), "a partition");
    must(space_create(partition, slots + PART_SPACE, SPACE_COMPONENT), "a space");
    space_fill(slots + PART_SPACE, part);
    must(cap_delegate(partition, SLOT_SIGNAL, ROOT_SIGNAL, 0xff, 0, 0), "its signal");
    must(cap_delegate(partition, SLOT_PORTAL, ROOT_PORTAL, 0xff, 0, 0), "its portal");
    must(cap_delegate(partition, SLOT_UNHEARD, ROOT_UNHEARD, 0xff, 0, 0), "a signal");
    must(cap_delegate(partition, SLOT_DONE, ROOT_DONE, 0xff, 1U << part, 0), "the signal of its end");
    must(cap_delegate(partition, CAP_SYSTEM, CAP_SYSTEM, 0xff, 0, 0), "the log");
}

/* Runs `main` in that component until it stops or only waits. */
static void component_run(unsigned part, unsigned priority, void (*entry)(void))
{
    cap_t slots = ROOT_PART + part * PER_PART, thread = slots + PART_THREAD;
    cap_delete(thread);
    must(thread_create(slots + PART_PARTITION, thread, slots + PART_SPACE, 0, priority, 0, 0), "a thread");
    must(multicall_page(thread, slots + PART_SPACE, BATCH), "its batch");
    must(thread_start(thread, (uint64_t)entry, (uint64_t)_bss_end, 0), "its start");
}

static void wait_for(unsigned part)
{
    uint64_t bits;
    must(signal_wait(ROOT_DONE, 1U << part, DEADLINE_NEVER, &bits), "the end of a row");
}

_Noreturn void component_start(void *argument)
{
    stand_in_begin(argument, "bench");
    must(signal_create(CAP_SELF, ROOT_DONE), "a signal");
    must(signal_create(CAP_SELF, ROOT_SIGNAL), "a signal");
    must(signal_create(CAP_SELF, ROOT_UNHEARD), "a signal");
    must(portal_create(CAP_SELF, ROOT_PORTAL), "a portal");
    for (unsigned part = 0; part < PARTS; part++)
        component_make(part);
    component_run(0, HIGH, server_main);
    component_run(1, LOW, caller_main);
    wait_for(1);
    component_run(0, HIGH, waiter_main);
    component_run(1, LOW, raiser_main);
    wait_for(0);
    kick_row();
    console_print("| done\n");
    stand_in_end();
}
