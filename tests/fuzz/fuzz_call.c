/*
 * The kernel's calls, on the simulated machine: any thread makes any call with any arguments; guests run, call and exit; interrupts and time
 * pass. After each stay in the kernel its invariants are checked (tests/unit/machine.c), and when the partition is taken down nothing may be left.
 */
#include "fuzz.h"

#include "machine.h"

enum { STEPS = 200, REPEATS = 20000, SLOTS = 48 };

/* What calls like to see; low numbers are slots. */
static uint64_t argument(struct input *input)
{
    static const uint64_t liked[] = {PAGE_SIZE, 2 * PAGE_SIZE, 0x200000, UINT64_MAX, 0xff, 0x80, 1 << 16, 0x1000000, UINT64_C(1) << 38,
                                     UINT64_C(1) << 39, UINT64_C(1) << 63, 33, 50, 0x400000, 0x8000, CAP_SLOTS};
    uint8_t how = input_byte(input);
    if (how < 128)
        return how % SLOTS;
    if (how < 240)
        return liked[how % (sizeof liked / sizeof liked[0])];
    return input_number(input, how < 248 ? 2 : 8);
}

/* A few calls, any, into the page that the next CALL_MULTICALL makes them from. */
static void batch_fill(struct input *input, uint64_t *batch)
{
    for (unsigned i = 0; i < 4 * MULTICALL_WORDS; i++)
        batch[i] = i % MULTICALL_WORDS ? argument(input) : input_byte(input) % (CALL_COUNT + 2u);
}

/* Any but CALL_SYSTEM_POWER, which may end the machine. */
static void step_call(struct input *input, unsigned cpu)
{
    uint64_t arguments[7];
    uint8_t how = input_byte(input);
    unsigned number = how < 0xf0 ? how % (CALL_COUNT + 2u) : (unsigned)input_number(input, 4);
    for (unsigned i = 0; i < 7; i++)
        arguments[i] = argument(input);
    if (number == CALL_SYSTEM_POWER)
        return;
    if (number == CALL_MULTICALL && cpus[cpu].current->batch)
        batch_fill(input, cpus[cpu].current->batch);
    for (unsigned i = 0; machine_call_once(cpu, number, arguments) == CALL_REPEAT; i++)
        MUST(i < REPEATS);
}

static void step_guest(struct input *input, unsigned cpu, uint8_t what)
{
    uint64_t registers[8] = {0};
    switch (what % 4) {
    case 0:
        guest_exit(cpu, EXIT_MMIO);
        break;
    case 1:
        guest_wait(cpu);
        break;
    case 2:
        guest_ring(cpu, argument(input));
        break;
    default:
        for (unsigned i = 0; i < 8; i++)
            registers[i] = argument(input);
        guest_call(cpu, (unsigned)registers[0], registers);
    }
}

static void step(struct input *input)
{
    uint8_t what = input_byte(input);
    unsigned cpu = 1 + (what >> 6) % (MACHINE_CPUS - 1);
    const struct thread *current = cpus[cpu].current;
    if (what % 8 == 7)
        host_interrupt_raise(32 + input_byte(input) % 64u);
    else if (what % 8 == 6)
        host_advance(arch_counter() + argument(input) % 100000);
    else if (current && what % 32 == 5)
        machine_fault(cpu, argument(input));
    else if (current && current->vcpu)
        step_guest(input, cpu, what >> 2);
    else if (current)
        step_call(input, cpu);
}

/* --- the partition whose threads do all this: made anew for each input by the base, which sleeps meanwhile ------------------------ */

enum { SUBJECT_MEMORY = 1 << 18, SUBJECT_PRIORITY = 40, SUBJECT_CPUS = 0xe };

static cap_t object_make(unsigned number, cap_t subject, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    cap_t slot = slot_new();
    MUST(BASE(number, subject, slot, a, b, c, d) == STATUS_OK);
    return slot;
}

static void hand_over(cap_t subject, cap_t to, cap_t from, uint64_t rights, uint64_t first, uint64_t bytes)
{
    MUST(BASE(CALL_CAP_DELEGATE, subject, to, from, rights, first, bytes) == STATUS_OK);
}

/* Slots of the subject: those of every component, then one thing of each kind. */
static void things_give(cap_t subject, cap_t space)
{
    cap_t guest = object_make(CALL_SPACE_CREATE, subject, SPACE_GUEST, 0, 0, 0), vm = object_make(CALL_VM_CREATE, subject, guest, 0, 0, 0);
    const cap_t things[] = {
        guest, vm, object_make(CALL_VCPU_CREATE, subject, vm, 0, space, 0x10000), object_make(CALL_SIGNAL_CREATE, subject, 0, 0, 0, 0),
        object_make(CALL_PORTAL_CREATE, subject, 0, 0, 0, 0), make_ram(1 << 21, 1 << 21), make_ram(1 << 14, 1 << 14), make_kernel(1 << 16),
        make_kernel(1 << 15),
    };
    for (unsigned i = 0; i < sizeof things / sizeof things[0]; i++)
        hand_over(subject, CAP_FIRST_FREE + i, things[i], 0xff, 0, 0);
    hand_over(subject, CAP_SPACE, space, 0xff, 0, 0);
    hand_over(subject, CAP_IRQS, CAP_IRQS, 0xff, 32, 64);
    hand_over(subject, CAP_SYSTEM, CAP_SYSTEM, RIGHT_LOG, 0, 0);
}

static void subject_make(void)
{
    machine.next_slot = SLOT_NEXT;
    machine.kernel_used = machine.ram_used = 0;
    cap_t subject = slot_new();
    MUST(BASE(CALL_PARTITION_CREATE, subject, make_kernel(SUBJECT_MEMORY), SUBJECT_CPUS, SUBJECT_PRIORITY) == STATUS_OK);
    cap_t space = object_make(CALL_SPACE_CREATE, subject, SPACE_COMPONENT, 0, 0, 0);
    things_give(subject, space);
    for (unsigned cpu = 1; cpu < MACHINE_CPUS; cpu++) {
        cap_t thread = object_make(CALL_THREAD_CREATE, subject, space, cpu, SUBJECT_PRIORITY - cpu, 0);
        hand_over(subject, CAP_FIRST_FREE + 9 + cpu, thread, 0xff, 0, 0);
        MUST(BASE(CALL_THREAD_START, thread, THREAD_PC, 0x8000, 7) == STATUS_OK);
    }
}

/* The base takes all back: nothing may be left of it. */
static void subject_end(void)
{
    for (cap_t slot = SLOT_NEXT; slot < machine.next_slot; slot++)
        BASE(CALL_CAP_DELETE, slot);
    for (unsigned cpu = 1; cpu < MACHINE_CPUS; cpu++)
        MUST(!cpus[cpu].current && !cpus[cpu].loaded && !cpus[cpu].timers && !cpus[cpu].scheduler.ready);
    for (unsigned i = 0; i < ARCH_IRQS; i++)
        MUST(!host.interrupts[i].enabled);
}

void input_try(const uint8_t *data, size_t size)
{
    static uint64_t pages, unused, given;
    struct input input = {data, size};
    uint64_t unused_now, given_now;
    if (!pages) {
        MUST(!machine_setup(NULL));
        subject_make();
        subject_end();
        pages = host.mapped_pages;
        memory_stats(&given, &unused);
    }
    subject_make();
    for (unsigned i = 0; input_more(&input) && i < STEPS; i++)
        step(&input);
    subject_end();
    memory_stats(&given_now, &unused_now);
    MUST(host.mapped_pages == pages && given_now == given && unused_now == unused);
}
