/*
 * The kernel's calls, on the simulated machine: any thread makes any call with any arguments; guests run, call and exit; interrupts and time
 * pass. After each stay in the kernel its invariants are checked (tests/unit/machine.c), and when the partition is taken down nothing may be left.
 */
#include "fuzz.h"

#include "machine.h"

enum { STEPS = 200, REPEATS = 20000, SLOTS = 56, BATCH = 4 };

/* The subject's slots: what it is given, and where it puts what it makes, two of each kind. */
enum {
    GUEST = CAP_FIRST_FREE,
    VM,
    VCPU,
    SIGNAL,
    PORTAL,
    RAM,
    SMALL_RAM,
    KERNEL,
    SMALL_KERNEL,
    THREAD, /* two for each CPU */
    NEW = THREAD + 2 * MACHINE_CPUS,
    NEW_SIGNAL = NEW,
    NEW_PORTAL = NEW + 2,
    NEW_SPACE = NEW + 4,
    NEW_THREAD = NEW + 6,
    NEW_VM = NEW + 8,
    NEW_VCPU = NEW + 10,
    NEW_PARTITION = NEW + 12,
    NEW_EXTENT = NEW + 14,
};

enum { SUBJECT_MEMORY = 1 << 18, SUBJECT_PRIORITY = 40, SUBJECT_CPUS = 0xe, BATCH_ADDRESS = 0x40000 };

/* What an argument of a call is, and four values that it may have. */
enum kind { ANY, A_PARTITION, A_TO, A_EXTENT, A_KERNEL, A_SPACE, A_GUEST, A_THREAD, A_SIGNAL, A_PORTAL, A_IRQS, A_VM, A_VCPU, A_SYSTEM, A_CPU, A_PRIORITY,
            A_CPUS, A_BITS, A_RIGHTS, A_ADDRESS, A_SIZE, A_NUMBER, A_FEW, A_DEADLINE };

static const uint64_t liked_of[][4] = {
    [A_PARTITION] = {CAP_SELF, CAP_SELF, NEW_PARTITION, NEW_PARTITION + 1},
    [A_EXTENT] = {RAM, SMALL_RAM, NEW_EXTENT, NEW_EXTENT + 1},
    [A_KERNEL] = {KERNEL, SMALL_KERNEL, NEW_EXTENT, NEW_EXTENT + 1},
    [A_SPACE] = {CAP_SPACE, CAP_SPACE, NEW_SPACE, NEW_SPACE + 1},
    [A_GUEST] = {GUEST, GUEST, NEW_SPACE, NEW_SPACE + 1},
    [A_THREAD] = {THREAD + 2, THREAD + 3, NEW_THREAD, NEW_THREAD + 1},
    [A_SIGNAL] = {SIGNAL, SIGNAL, NEW_SIGNAL, NEW_SIGNAL + 1},
    [A_PORTAL] = {PORTAL, PORTAL, NEW_PORTAL, NEW_PORTAL + 1},
    [A_IRQS] = {CAP_IRQS, CAP_IRQS, CAP_IRQS, NEW_EXTENT},
    [A_VM] = {VM, VM, NEW_VM, NEW_VM + 1},
    [A_VCPU] = {VCPU, VCPU, NEW_VCPU, NEW_VCPU + 1},
    [A_SYSTEM] = {CAP_SYSTEM, CAP_SYSTEM, CAP_SYSTEM, CAP_SYSTEM},
    [A_CPU] = {1, 2, 3, 1},
    [A_PRIORITY] = {SUBJECT_PRIORITY - 1, SUBJECT_PRIORITY - 2, SUBJECT_PRIORITY - 4, SUBJECT_PRIORITY},
    [A_CPUS] = {SUBJECT_CPUS, 2, 4, 0xc},
    [A_BITS] = {1, 2, 3, UINT64_MAX},
    [A_RIGHTS] = {0xff, 0x83, 3, 1},
    [A_ADDRESS] = {0x80000, 0x81000, 0x200000, 0x400000},
    [A_SIZE] = {PAGE_SIZE, 2 * PAGE_SIZE, 0x200000, 0},
    [A_NUMBER] = {33, 50, VM_LINE_SHARED, 40},
    [A_FEW] = {0, 1, 2, 3},
};

static const uint8_t kinds[CALL_COUNT][7] = {
    [CALL_CAP_DELEGATE] = {A_PARTITION, A_TO, ANY, A_RIGHTS, A_SIZE, A_SIZE},
    [CALL_PARTITION_CREATE] = {A_TO, A_KERNEL, A_CPUS, A_PRIORITY},
    [CALL_PARTITION_FEED] = {A_PARTITION, A_KERNEL},
    [CALL_PARTITION_STATS] = {A_PARTITION},
    [CALL_PARTITION_CAP] = {A_PARTITION},
    [CALL_SPACE_CREATE] = {A_PARTITION, A_TO, A_FEW},
    [CALL_SPACE_MAP] = {A_SPACE, A_EXTENT, A_ADDRESS, A_SIZE, A_SIZE, A_BITS},
    [CALL_SPACE_UNMAP] = {A_SPACE, A_ADDRESS},
    [CALL_THREAD_CREATE] = {A_PARTITION, A_TO, A_SPACE, A_CPU, A_PRIORITY, A_SIGNAL, A_BITS},
    [CALL_THREAD_START] = {A_THREAD, A_ADDRESS, A_ADDRESS, A_FEW},
    [CALL_THREAD_STOP] = {A_THREAD},
    [CALL_THREAD_FAULT] = {A_THREAD},
    [CALL_THREAD_STATS] = {A_THREAD},
    [CALL_SIGNAL_CREATE] = {A_PARTITION, A_TO},
    [CALL_SIGNAL_RAISE] = {A_SIGNAL, A_BITS},
    [CALL_SIGNAL_WAIT] = {A_SIGNAL, A_BITS, A_DEADLINE},
    [CALL_PORTAL_CREATE] = {A_PARTITION, A_TO},
    [CALL_PORTAL_CALL] = {A_PORTAL, A_FEW, A_FEW, A_FEW, A_FEW, A_DEADLINE},
    [CALL_PORTAL_WAIT] = {A_PORTAL, A_FEW, A_FEW, A_FEW, A_FEW, A_DEADLINE},
    [CALL_IRQ_BIND] = {A_IRQS, A_NUMBER, A_SIGNAL, A_BITS, A_FEW},
    [CALL_IRQ_ACK] = {A_IRQS, A_NUMBER},
    [CALL_VM_CREATE] = {A_PARTITION, A_TO, A_GUEST},
    [CALL_VM_RESET] = {A_VM},
    [CALL_VM_ANSWER] = {A_VM, A_FEW, A_FEW},
    [CALL_VM_DOORBELL] = {A_VM, A_ADDRESS, A_SIGNAL, A_BITS},
    [CALL_VCPU_CREATE] = {A_PARTITION, A_TO, A_VM, A_FEW, A_SPACE, A_ADDRESS, A_FEW},
    [CALL_VCPU_ENTER] = {A_VCPU},
    [CALL_VCPU_KICK] = {A_VCPU},
    [CALL_VCPU_WAIT] = {A_VCPU},
    [CALL_VCPU_SYNC] = {A_VCPU},
    [CALL_VIRQ_RAISE] = {A_VM, A_NUMBER, A_FEW},
    [CALL_SYSTEM_LOG] = {A_SYSTEM, A_FEW},
    [CALL_SYSTEM_STATS] = {A_SYSTEM},
    [CALL_MULTICALL_PAGE] = {A_THREAD, A_SPACE, A_ADDRESS},
    [CALL_MULTICALL] = {A_FEW},
};

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

/* Where the call's object goes. */
static cap_t slot_for(unsigned number, uint8_t how)
{
    static const uint8_t slots[CALL_COUNT] = {[CALL_PARTITION_CREATE] = NEW_PARTITION, [CALL_SPACE_CREATE] = NEW_SPACE, [CALL_THREAD_CREATE] = NEW_THREAD,
                                              [CALL_SIGNAL_CREATE] = NEW_SIGNAL,       [CALL_PORTAL_CREATE] = NEW_PORTAL,
                                              [CALL_VM_CREATE] = NEW_VM,               [CALL_VCPU_CREATE] = NEW_VCPU};
    return slots[number] ? slots[number] + how % 2 : NEW + how % 16u;
}

static uint64_t deadline_near(uint8_t how)
{
    const uint64_t deadlines[] = {arch_counter() + 1 + how, arch_counter() + 1000u * how, DEADLINE_NEVER, DEADLINE_POLL};
    return deadlines[how % 4];
}

/* The call's arguments: mostly such as it may succeed with. */
static void arguments_take(struct input *input, unsigned number, uint64_t *arguments, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        enum kind kind = number < CALL_COUNT ? kinds[number][i] : ANY;
        uint8_t how = kind == ANY ? 0 : input_byte(input);
        if (kind == ANY || how >= 0xe0)
            arguments[i] = argument(input);
        else if (kind == A_TO)
            arguments[i] = slot_for(number, how);
        else
            arguments[i] = kind == A_DEADLINE ? deadline_near(how) : liked_of[kind][how % 4];
    }
}

static unsigned quick_take(struct input *input)
{
    static const uint8_t quick[] = {CALL_SIGNAL_RAISE, CALL_IRQ_ACK, CALL_VCPU_KICK, CALL_VIRQ_RAISE};
    uint8_t how = input_byte(input);
    return how < 0xe0 ? quick[how % 4] : how % (CALL_COUNT + 2u);
}

/* A few calls, any, into the page that the next CALL_MULTICALL makes them from. */
static void batch_fill(struct input *input, uint64_t *batch)
{
    for (unsigned i = 0; i < BATCH; i++, batch += MULTICALL_WORDS) {
        batch[0] = quick_take(input);
        arguments_take(input, (unsigned)batch[0], batch + 1, MULTICALL_WORDS - 1);
    }
}

/* Any but CALL_SYSTEM_POWER, which may end the machine. */
static void step_call(struct input *input, unsigned cpu)
{
    uint64_t arguments[7];
    uint8_t how = input_byte(input);
    unsigned number = how < 0xf0 ? how % (CALL_COUNT + 2u) : (unsigned)input_number(input, 4);
    arguments_take(input, number, arguments, 7);
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
        guest_ring(cpu, liked_of[A_ADDRESS][input_byte(input) % 4]);
        break;
    default:
        registers[0] = quick_take(input);
        arguments_take(input, (unsigned)registers[0], registers + 1, 7);
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

/* From GUEST on, in that order. */
static void things_give(cap_t subject, cap_t space)
{
    cap_t guest = object_make(CALL_SPACE_CREATE, subject, SPACE_GUEST, 0, 0, 0), vm = object_make(CALL_VM_CREATE, subject, guest, 0, 0, 0);
    const cap_t things[] = {
        guest, vm, object_make(CALL_VCPU_CREATE, subject, vm, 0, space, 0x10000), object_make(CALL_SIGNAL_CREATE, subject, 0, 0, 0, 0),
        object_make(CALL_PORTAL_CREATE, subject, 0, 0, 0, 0), make_ram(1 << 21, 1 << 21), make_ram(1 << 14, 1 << 14), make_kernel(1 << 16),
        make_kernel(1 << 15),
    };
    for (unsigned i = 0; i < sizeof things / sizeof things[0]; i++)
        hand_over(subject, GUEST + i, things[i], 0xff, 0, 0);
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
    for (unsigned i = 2; i < 2 * MACHINE_CPUS; i++) {
        cap_t thread = object_make(CALL_THREAD_CREATE, subject, space, i / 2, SUBJECT_PRIORITY - i, 0);
        hand_over(subject, THREAD + i, thread, 0xff, 0, 0);
        MUST(BASE(CALL_MULTICALL_PAGE, thread, space, BATCH_ADDRESS + i * PAGE_SIZE) == STATUS_OK);
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
    static uint64_t pages, used, given;
    struct input input = {data, size};
    uint64_t used_now, given_now;
    if (!pages) {
        MUST(!machine_setup(NULL));
        subject_make();
        subject_end();
        pages = host.mapped_pages;
        memory_stats(&given, &used);
    }
    subject_make();
    for (unsigned i = 0; input_more(&input) && i < STEPS; i++)
        step(&input);
    subject_end();
    memory_stats(&given_now, &used_now);
    MUST(host.mapped_pages == pages && given_now == given && used_now == used);
}
