/*
 * Counts a periodic timer's expiries against the counter, for tests of two VMs on one CPU: now and then the handler works for longer
 * than a time slice, sends itself an interrupt and is preempted there. Boot arguments, in microseconds: period=, work= (inside the
 * handler of each every=th expiry); spin=1 keeps the processor busy between expiries, seconds= ends it, 0: never.
 */
#include "guest.h"

enum { GAP_US = 100 /* no exit of a guest that is left alone takes as long */, TURNS = 1000 };

bool registers_hold(uint64_t seed, uint64_t turns);
void registers_fill(uint64_t seed);
bool registers_kept(uint64_t seed);

static struct {
    uint64_t frequency, period, work; /* Hz, ticks of CNTVCT */
    uint64_t every, seconds;
    bool spin;
    uint64_t seed; /* of the patterns in registers; the VMs' differ */
} task;

static uint64_t deadline; /* of the armed expiry */
static uint64_t handled, sent, received, preemptions, unexpected;
static bool held = true; /* the handler's general registers */

static uint64_t now(void)
{
    isb();
    return read_sysreg(cntvct_el0);
}

static uint64_t us_to_ticks(uint64_t us)
{
    return us * task.frequency / 1000000;
}

static void arm(uint64_t when)
{
    deadline = when;
    write_sysreg(cntv_cval_el0, when);
    isb();
}

/* --- interrupts ------------------------------------------------------------------------------------------------- */

/* Somebody else had the CPU meanwhile if there is a gap between two looks at the clock. */
static void do_work(void)
{
    uint64_t gap = us_to_ticks(GAP_US), start = now(), at = start, before;
    if (sent == received) { /* a second one would merge with the first */
        sent++;
        gic_sgi(gic_sgi_self());
    }
    do {
        held &= registers_hold(task.seed, TURNS);
        before = at;
        at = now();
        preemptions += at - before > gap;
    } while (at - start < task.work);
}

/* Each other time the timer goes on asserting its interrupt, which is active, while the handler works. */
static void handle_expiry(void)
{
    bool works = ++handled % task.every == 0, arm_late = works && handled % (2 * task.every) == 0;
    uint64_t next = deadline + task.period;
    if (!arm_late)
        arm(next);
    if (works)
        do_work();
    if (arm_late)
        arm(next);
}

/* Judged after the acknowledgement: the timer may expire between the entry, for an interrupt to itself, and here, and its interrupt is then acknowledged first. */
void irq_handler(uint64_t entry)
{
    (void)entry;
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid == SGI) {
        received++;
    } else if (intid == VTIMER_PPI && now() >= deadline) {
        handle_expiry();
    } else {
        unexpected++; /* also the timer's, once more for an expiry that has been handled */
    }
    gic_eoi(intid);
}

/* --- registers --------------------------------------------------------------------------------------------------- */

static void system_registers_fill(void)
{
    write_sysreg(tpidr_el0, task.seed);
    write_sysreg(tpidrro_el0, task.seed + 1);
    write_sysreg(tpidr_el1, task.seed + 2);
    write_sysreg(sp_el0, task.seed + 3);
    write_sysreg(contextidr_el1, task.seed & 0xffff);
}

static bool system_registers_kept(void)
{
    return read_sysreg(tpidr_el0) == task.seed && read_sysreg(tpidrro_el0) == task.seed + 1 &&
           read_sysreg(tpidr_el1) == task.seed + 2 && read_sysreg(sp_el0) == task.seed + 3 &&
           read_sysreg(contextidr_el1) == (task.seed & 0xffff);
}

static void need(bool kept, const char *what)
{
    if (kept)
        return;
    irq_mask();
    print("ticker: ");
    print(what);
    print(" were not kept\n");
    power_off();
}

static void look_at_registers(void)
{
    need(registers_hold(task.seed, task.spin ? TURNS : 1) && __atomic_load_n(&held, __ATOMIC_RELAXED), "general registers");
    need(registers_kept(task.seed), "vector registers");
    need(system_registers_kept(), "system registers");
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static uint64_t count(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void print_number(uint64_t n, const char *behind)
{
    print_dec(n);
    print(behind);
}

static void print_line(uint64_t due, uint64_t in_time)
{
    print("ticker: ");
    print_number(due, " due, ");
    print_number(in_time, " handled, ");
    print_number(due > in_time ? due - in_time : 0, " lost, ");
    print_number(count(&preemptions), " preemptions in handlers, ");
    print_number(count(&received), " of ");
    print_number(count(&sent), " interrupts to itself, ");
    print_number(count(&unexpected), " unexpected\n");
}

/* Until the counter is there; then for as long again as a late handler may take. What is due by `end` has been handled, or is lost. */
static void pass_second(uint64_t start, uint64_t end)
{
    uint64_t due = (end - start) / task.period;
    while (now() < end || (count(&handled) < due && now() < end + task.frequency)) {
        look_at_registers();
        if (!task.spin)
            wfi();
    }
    print_line(due, count(&handled) < due ? count(&handled) : due);
}

static uint64_t at_least_one(uint64_t n)
{
    return n ? n : 1;
}

static void read_options(void)
{
    task.frequency = read_sysreg(cntfrq_el0);
    task.period = at_least_one(us_to_ticks(option_number("period=", 10000)));
    task.work = us_to_ticks(option_number("work=", 5000));
    task.every = at_least_one(option_number("every=", 4));
    task.seconds = option_number("seconds=", 0);
    task.spin = option_number("spin=", 0);
    task.seed = task.period << 32 | task.work << 8 | task.spin;
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("ticker", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    read_options();
    write_sysreg(cpacr_el1, 3 << 20); /* FPEN */
    isb();
    registers_fill(task.seed);
    system_registers_fill();
    gic_init();
    gic_cpu_init();
    uint64_t start = now();
    arm(start + task.period);
    write_sysreg(cntv_ctl_el0, 1);
    irq_unmask();
    for (uint64_t second = 1; !task.seconds || second <= task.seconds; second++)
        pass_second(start, start + second * task.frequency);
    irq_mask();
    power_off();
}
