/*
 * A holder on CPU 1 uses a page again and again; the subject, on CPU 0, takes the page back. When the call has returned the holder must not get at
 * the page any more, and its next access must have been its last.
 *
 * The holder's program is a few instructions in memory, in a space of its own: x0 is the address of the page that it keeps, in which it counts;
 * the page that it loses lies behind it.
 */
#include "rights.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"
#include "string.h"

#include <bulkhead/vcpu.h>
#include <stdbool.h>

enum {
    KEPT = SLOT_REVOCATION, /* pages */
    LOST,
    LENT, /* derived from LOST: what the holder's mapping hangs on */
    HOLDER_MEMORY,
    HOLDER,
    HOLDER_SPACE,
    HOLDER_THREAD,
    ENDED, /* signal: the holder faulted or ended */
    GUEST_SPACE,
    HOLDERS_VM,
    HOLDERS_VCPU,
    IN_HOLDER = 40, /* the page, and the vCPU, in the holder's table */
    HOLDER_BYTES = 0x10000,
    HOLDER_CPU = 1,
    ROUNDS = 50,
    PROGRESS = 100, /* rounds of the holder's loop before the page is taken */
    RUN_AT = 0x40000000,
    HERE_KEPT = 0x20000000, /* in the subject's space */
    HERE_LOST = HERE_KEPT + PAGE,
    HERE_STATE = HERE_LOST + PAGE,
    CODE = 0x800, /* offset of the program in a page */
};

enum {
    ADD = 0x91000421,         /* add x1, x1, #1 */
    COUNT = 0xf9000001,       /* str x1, [x0] */
    STORE = 0xf9080001,       /* str x1, [x0, #4096] */
    LOAD = 0xf9480002,        /* ldr x2, [x0, #4096] */
    BACK_3 = 0x17fffffd,      /* b .-12 */
    BACK_2 = 0x17fffffe,      /* b .-8 */
    MOV_X0 = 0xd2800000,      /* mov x0, #imm16 << 5 */
    MOV_X1 = 0xd2800001,
    SVC = 0xd4000001,
};

static const struct way {
    const char *name;
    uint32_t program[4];
    bool lost; /* the program lies in the page that goes */
    unsigned access;
} ways[] = {
    {"store", {ADD, STORE, COUNT, BACK_3}, false, RIGHT_READ | RIGHT_WRITE},
    {"load", {ADD, LOAD, COUNT, BACK_3}, false, RIGHT_READ},
    {"fetch", {ADD, COUNT, BACK_2}, true, RIGHT_READ | RIGHT_EXECUTE},
};

static volatile uint64_t *word_at(uint64_t address)
{
    return (volatile uint64_t *)address; /* NOLINT */
}

static void program_write(uint64_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ((volatile uint32_t *)at)[i] = words[i]; /* NOLINT */
    for (uint64_t line = at; line < at + count * sizeof *words; line += 16)
        __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish" : : "r"(line) : "memory");
}

/* Both pages, mapped here, and the holder's partition. */
static void pages_make(void)
{
    uint64_t ram = PART_REVOCATION * (uint64_t)RAM_PART;
    take(KEPT, SUBJECT_RAM, ram, PAGE);
    take(LOST, SUBJECT_RAM, ram + PAGE, PAGE);
    must(space_map(CAP_SPACE, SUBJECT_RAM, HERE_KEPT, ram, 2 * PAGE, RIGHT_READ | RIGHT_WRITE), "the pages here");
    memset((void *)HERE_KEPT, 0, 2 * PAGE); /* NOLINT */
    take(HOLDER_MEMORY, SUBJECT_KERNEL, PART_REVOCATION * (uint64_t)KERNEL_PART, HOLDER_BYTES);
    must(partition_create(HOLDER, HOLDER_MEMORY, UINT64_C(1) << HOLDER_CPU, 10), "the holder");
    must(signal_create(CAP_SELF, ENDED), "the holder's signal");
}

/* Deleting the holder's memory deletes the holder and all in it. */
static void pages_delete(void)
{
    cap_delete(HOLDERS_VCPU);
    cap_delete(HOLDERS_VM);
    cap_delete(GUEST_SPACE);
    cap_delete(HOLDER_MEMORY);
    cap_delete(ENDED);
    space_unmap(CAP_SPACE, HERE_KEPT);
    cap_delete(LOST);
    cap_delete(KEPT);
}

static void lend(cap_t space, unsigned access)
{
    must(space_map(space, KEPT, RUN_AT, 0, PAGE, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE), "the page that is kept");
    must(cap_delegate(CAP_SELF, LENT, LOST, 0xff, 0, 0), "the page that is lent");
    must(cap_delegate(HOLDER, IN_HOLDER, LENT, access, 0, 0), "the holder's capability");
    must(space_map(space, LENT, RUN_AT + PAGE, 0, PAGE, access), "the page that is lent, there");
}

static void wait_for_progress(void)
{
    uint64_t limit = clock_deadline_us(20 * 1000 * 1000);
    while (*word_at(HERE_KEPT) < PROGRESS) {
        if (clock_now() > limit)
            must(STATUS_TIMEOUT, "the holder's first accesses");
        __asm__ volatile("yield");
    }
}

/* Takes the page; true if the holder did not get at it afterwards. The count lags behind by what is between access and counting. */
static bool take_back(bool writable)
{
    must(cap_revoke(LOST), "taking the page back");
    uint64_t count = *word_at(HERE_KEPT), value = *word_at(HERE_LOST);
    uint64_t until = clock_deadline_us(300);
    while (clock_now() < until)
        __asm__ volatile("yield");
    return *word_at(HERE_KEPT) <= count + 1 && *word_at(HERE_LOST) == value && (!writable || value == 0);
}

static struct thread_fault_report wait_for_end(void)
{
    uint64_t bits;
    struct thread_fault_report report;
    must(signal_wait(ENDED, 1, clock_deadline_us(20 * 1000 * 1000), &bits), "the holder's end");
    must(thread_fault(HOLDER_THREAD, &report), "the holder's fault");
    return report;
}

static void component_round(const struct way *way)
{
    pages_make();
    uint64_t place = way->lost ? PAGE + CODE : CODE;
    program_write(HERE_KEPT + place, way->program, sizeof way->program / sizeof way->program[0]);
    must(space_create(HOLDER, HOLDER_SPACE, SPACE_COMPONENT), "the holder's space");
    lend(HOLDER_SPACE, way->access);
    must(thread_create(HOLDER, HOLDER_THREAD, HOLDER_SPACE, HOLDER_CPU, 1, ENDED, 1), "the holder's thread");
    must(thread_start(HOLDER_THREAD, RUN_AT + place, 0, RUN_AT), "the holder's start");
    wait_for_progress();
    bool quiet = take_back(way->access & RIGHT_WRITE);
    struct thread_fault_report report = wait_for_end();
    uint64_t page = report.address & ~(uint64_t)(PAGE - 1);
    if (!quiet || report.class != FAULT_MEMORY || page != RUN_AT + PAGE)
        console_print("rights: %s after revocation: quiet %u, class %lu, address 0x%lx\n", way->name, quiet, report.class, report.address);
    pages_delete();
}

/* --- a guest --------------------------------------------------------------------------------------------------------------------------- */

/* The holder's thread enters the vCPU and ends with the reason of its exit as code. */
static void monitor_write(uint64_t at)
{
    const uint32_t program[] = {MOV_X0 | CALL_VCPU_ENTER << 5, MOV_X1 | (IN_HOLDER + 1) << 5, SVC, MOV_X0 | CALL_THREAD_EXIT << 5, SVC};
    program_write(at, program, sizeof program / sizeof program[0]);
}

static struct vcpu_state *guest_make(const struct way *way, uint64_t place)
{
    must(space_create(HOLDER, GUEST_SPACE, SPACE_GUEST), "the guest's space");
    must(vm_create(HOLDER, HOLDERS_VM, GUEST_SPACE), "the VM");
    must(vcpu_create(HOLDER, HOLDERS_VCPU, HOLDERS_VM, 0, CAP_SPACE, HERE_STATE, 0), "the vCPU");
    must(cap_delegate(HOLDER, IN_HOLDER + 1, HOLDERS_VCPU, RIGHT_ENTER, 0, 0), "the holder's vCPU");
    struct vcpu_state *state = (struct vcpu_state *)HERE_STATE; /* NOLINT */
    state->regs.pc = RUN_AT + place;
    state->regs.x[0] = RUN_AT;
    state->regs.pstate = VCPU_PSTATE_RESET;
    state->el1.sctlr = VCPU_SCTLR_RESET;
    lend(GUEST_SPACE, way->access);
    return state;
}

static void guest_round(const struct way *way)
{
    enum { MONITOR = 0xc00 };
    pages_make();
    uint64_t place = way->lost ? PAGE + CODE : CODE;
    program_write(HERE_KEPT + place, way->program, sizeof way->program / sizeof way->program[0]);
    monitor_write(HERE_KEPT + MONITOR);
    volatile struct vcpu_state *state = guest_make(way, place);
    must(space_create(HOLDER, HOLDER_SPACE, SPACE_COMPONENT), "the monitor's space");
    must(space_map(HOLDER_SPACE, KEPT, RUN_AT, 0, PAGE, RIGHT_READ | RIGHT_EXECUTE), "the monitor's program");
    must(thread_create(HOLDER, HOLDER_THREAD, HOLDER_SPACE, HOLDER_CPU, 1, ENDED, 1), "the monitor");
    must(thread_start(HOLDER_THREAD, RUN_AT + MONITOR, 0, 0), "the monitor's start");
    wait_for_progress();
    bool quiet = take_back(way->access & RIGHT_WRITE);
    struct thread_fault_report report = wait_for_end();
    uint64_t reason = way->lost ? EXIT_FETCH : EXIT_MMIO, page = state->exit.mmio.address & ~(uint64_t)(PAGE - 1);
    if (!quiet || report.class != FAULT_EXIT || report.address != reason || page != RUN_AT + PAGE)
        console_print("rights: guest's %s after revocation: quiet %u, class %lu, reason %lu, address 0x%lx\n", way->name, quiet, report.class,
                      report.address, page);
    pages_delete();
}

void revocation_try(void)
{
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        for (unsigned round = 0; round < ROUNDS; round++)
            component_round(&ways[i]);
        console_print("rights: %u holders lost their page amid a %s\n", ROUNDS, ways[i].name);
        for (unsigned round = 0; round < ROUNDS; round++)
            guest_round(&ways[i]);
        console_print("rights: %u guests lost their page amid a %s\n", ROUNDS, ways[i].name);
    }
}
