/*
 * The storm's course: act after act, on all CPUs at once, with a line after each. Boot arguments: ms=N how long each act lasts (100),
 * seed=N, only=NAME, rounds=N (1; 0: for ever, silently), all=1 (calls: each number of our range, however long it takes).
 */
#include "storm.h"

enum { STACK = 4096 };

/* The acts in their order. No table: its pointers would be absolute addresses (guest.lds). */
#define ACT_LIST(X)                                                                                                   \
    X("calls", act_calls) X("psci", act_psci) X("off-and-on", act_off_and_on) X("interrupts", act_interrupts)         \
    X("timer", act_timer) X("sleep", act_sleep) X("tables", act_tables) X("caches", act_caches) X("code", act_code)   \
    X("jumps", act_jumps) X("devices", act_devices)

static struct storm_cpu cpus[CPUS];
static uint8_t stacks[CPUS][STACK] __attribute__((aligned(16)));
static uint32_t scratch[CPUS][1024] __attribute__((aligned(4096)));

static uint64_t act_end; /* CNTVCT */
static uint64_t act_ticks;
static unsigned arrived; /* at the barriers, since the start */
static unsigned running; /* CPUs that take part */

extern char storm_vectors[];

unsigned storm_cpus(void)
{
    return machine.cpus < CPUS ? machine.cpus : CPUS;
}

bool storm_goes_on(void)
{
    yield(); /* a counting emulator hands over to its next CPU here */
    return (int64_t)(act_end - read_sysreg(cntvct_el0)) > 0;
}

uint64_t storm_random(struct storm_cpu *cpu)
{
    cpu->random ^= cpu->random << 13;
    cpu->random ^= cpu->random >> 7;
    cpu->random ^= cpu->random << 17;
    return cpu->random;
}

int64_t storm_cpu_on(unsigned index)
{
    return psci(PSCI_CPU_ON, index, (uint64_t)secondary_start, (uint64_t)(stacks[index] + STACK));
}

/* Returns when all CPUs have come here as often as this one. */
static void barrier(void)
{
    unsigned ticket = __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST), count = __atomic_load_n(&running, __ATOMIC_RELAXED);
    unsigned all = (ticket + count - 1) / count * count;
    while ((int)(__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) - all) < 0)
        yield();
}

static struct storm_cpu *self(void)
{
    return (struct storm_cpu *)read_sysreg(tpidr_el1);
}

void irq_handler(uint64_t entry)
{
    uint32_t intid = gic_ack();
    (void)entry;
    if (intid >= GIC_SPURIOUS)
        return;
    self()->interrupts++;
    if (intid == VTIMER_PPI)
        write_sysreg(cntv_ctl_el0, 0); /* or it would be taken again before anything else */
    isb();
    gic_eoi(intid);
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("storm", esr, far, elr);
}

static void cpu_begin(unsigned index)
{
    struct storm_cpu *cpu = &cpus[index];
    cpu->index = index;
    cpu->scratch = scratch[index];
    write_sysreg(tpidr_el1, cpu);
    write_sysreg(vbar_el1, storm_vectors);
    isb();
    gic_cpu_init();
}

/* What an act may have left behind: an armed timer, masked or pending interrupts. */
static void calm_down(void)
{
    write_sysreg(cntv_ctl_el0, 0);
    isb();
    irq_unmask();
    isb();
    irq_mask();
}

/* What happened on all CPUs. */
struct totals {
    uint64_t faults, interrupts, wrong;
};

static struct totals count_all(void)
{
    struct totals sum = {0};
    for (unsigned i = 0; i < storm_cpus(); i++) {
        sum.faults += cpus[i].faults;
        sum.interrupts += cpus[i].interrupts;
        sum.wrong += cpus[i].wrong;
    }
    return sum;
}

static void say_wrong(const struct storm_cpu *cpu)
{
    print("storm: call ");
    print_hex(cpu->wrong_function);
    print(" answered ");
    print_hex(cpu->wrong_answer);
    print("\n");
}

static void say(const char *act, const struct totals *before)
{
    struct totals now = count_all();
    print("storm: ");
    print(act);
    print(" survived, faults ");
    print_dec(now.faults - before->faults);
    print(", interrupts ");
    print_dec(now.interrupts - before->interrupts);
    print(", wrong answers ");
    print_dec(now.wrong - before->wrong);
    print("\n");
    for (unsigned i = 0; i < storm_cpus(); i++)
        if (cpus[i].wrong)
            say_wrong(&cpus[i]);
}

static void begin_act(struct storm_cpu *cpu, struct totals *before)
{
    barrier();
    if (cpu->index == 0) {
        *before = count_all();
        __atomic_store_n(&act_end, read_sysreg(cntvct_el0) + act_ticks, __ATOMIC_SEQ_CST);
    }
    barrier();
}

static void end_act(struct storm_cpu *cpu, const char *act, const struct totals *before, bool loud)
{
    calm_down();
    barrier();
    if (cpu->index == 0) {
        gic_init(); /* acts write to its registers */
        if (loud)
            say(act, before);
    }
    barrier();
    gic_cpu_init();
}

static void run_act(struct storm_cpu *cpu, const char *name, void (*run)(struct storm_cpu *), bool loud)
{
    static struct totals before;
    if (!cpu->inside)
        begin_act(cpu, &before);
    cpu->inside = true;
    run(cpu);
    cpu->inside = false;
    end_act(cpu, name, &before, loud);
}

static bool wanted(const char *name)
{
    const char *only = option_find("only=");
    while (only && *name && *only == *name) {
        only++;
        name++;
    }
    return !only || (!*name && (*only == ' ' || !*only));
}

static void run_all(struct storm_cpu *cpu)
{
    uint64_t rounds = option_number("rounds=", 1);
    while (!rounds || cpu->round < rounds) {
        unsigned number = 0;
#define RUN(name, function)                                                                                           \
    if (number++ == cpu->act) {                                                                                       \
        if (wanted(name))                                                                                             \
            run_act(cpu, name, function, rounds);                                                                     \
        cpu->act++;                                                                                                   \
    }
        ACT_LIST(RUN)
#undef RUN
        cpu->act = 0;
        cpu->round++;
    }
}

void secondary_main(void)
{
    unsigned index = (unsigned)(read_sysreg(mpidr_el1) & 0xff);
    cpu_begin(index);
    run_all(&cpus[index]);
    for (;;)
        wfi();
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    act_ticks = read_sysreg(cntfrq_el0) / 1000 * option_number("ms=", 100);
    running = storm_cpus();
    for (unsigned i = 0; i < running; i++)
        cpus[i].random = option_number("seed=", 1) * 0x9e3779b97f4a7c15 + i + 1;
    print("storm: seed ");
    print_dec(option_number("seed=", 1));
    print("\n");
    gic_init();
    cpu_begin(0);
    for (unsigned i = 1; i < running; i++) {
        if (storm_cpu_on(i) != 0)
            print("storm: a CPU does not start\n");
    }
    run_all(&cpus[0]);
    print("storm: over\n");
    power_off();
}
