/*
 * A small real-time guest: a periodic task on the virtual timer that counts what it handled, what it lost and how
 * late it woke. See README.md for its lines and options.
 */
#include "guest.h"

enum {
    NS_PER_S = 1000000000,
    GAP_US = 100,  /* no exit of a guest that is left alone takes as long */
    KEPT = 64,     /* lines */
};

/* Of the periods since the last line. Times in ticks of CNTVCT. */
struct account {
    uint64_t handled;
    uint64_t lost; /* expiries never handled: given up, see task.backlog */
    uint64_t late; /* handled, but only after the next one was due */
    uint64_t min, sum, worst;
    uint64_t preemptions; /* gaps in do_work() */
};

static struct {
    uint64_t frequency; /* of CNTVCT, Hz */
    uint64_t period;    /* ticks */
    uint64_t work;      /* ticks that the handler spends on each expiry before its end of interrupt */
    uint64_t backlog;   /* ticks that the task may fall behind and still handle every expiry, one by one */
    uint64_t line;      /* ticks that a line is about */
    bool apart;         /* the timer is off while a line is printed, and for `pause` ticks */
    uint64_t pause;
    uint64_t seconds;   /* or lines, after which it switches itself off; 0: never */
    const char *note;   /* shown with the figures */
} task;

static uint64_t deadline; /* of the armed expiry, ticks */
static uint64_t line_end; /* the expiry that completes the current line */
static struct account current;
/* The handler's last finished lines, for the main loop to print, which falls behind where the host does; `lines` counts them and is written last. */
static struct account finished[KEPT];
static uint64_t lines;

/* --- options ---------------------------------------------------------------------------------------------------- */

static uint64_t us_to_ticks(uint64_t us)
{
    return us * task.frequency / 1000000;
}

static void read_options(void)
{
    task.frequency = read_sysreg(cntfrq_el0);
    task.period = us_to_ticks(option_number("period=", 1000));
    if (task.period == 0)
        task.period = task.frequency / 1000;
    task.work = us_to_ticks(option_number("work=", 0));
    task.backlog = option_number("backlog=", 1) * task.frequency;
    task.line = us_to_ticks(option_number("line=", 0));
    task.apart = task.line != 0;
    task.pause = us_to_ticks(option_number("pause=", 0));
    if (!task.apart)
        task.line = task.frequency;
    task.seconds = option_number("seconds=", 0);
    task.note = option_find("note="); /* the rest of the arguments */
}

/* --- the periodic task ------------------------------------------------------------------------------------------ */

static void start_account(void)
{
    current = (struct account){.min = UINT64_MAX};
    line_end += task.line;
}

static void arm(uint64_t when)
{
    deadline = when;
    write_sysreg(cntv_cval_el0, when);
    isb(); /* the level-triggered line falls before the end of interrupt */
}

static void start_timer(void)
{
    line_end = read_sysreg(cntvct_el0) + task.pause;
    start_account();
    arm(line_end - task.line + task.period);
    write_sysreg(cntv_ctl_el0, 1);
}

/* Adds one handled expiry to the line's figures. */
static void count(uint64_t latency)
{
    current.handled++;
    current.late += latency >= task.period;
    current.sum += latency;
    if (latency < current.min)
        current.min = latency;
    if (latency > current.worst)
        current.worst = latency;
}

/* Accounts for the expiry at `deadline`, whose handler was entered at `entry`, and arms the next one, past or not. */
static void account_for(uint64_t entry)
{
    uint64_t latency = entry - deadline, skipped = 0;
    if (latency > task.backlog)
        skipped = latency / task.period;
    count(latency);
    current.lost += skipped;
    arm(deadline + (skipped + 1) * task.period);
    if ((int64_t)(deadline - line_end) > 0) {
        finished[lines % KEPT] = current;
        __atomic_store_n(&lines, lines + 1, __ATOMIC_RELEASE);
        if (task.apart)
            write_sysreg(cntv_ctl_el0, 0);
        else
            start_account();
    }
}

/* Sees that somebody else had the CPU meanwhile by a gap between two looks at the clock. */
static void do_work(void)
{
    uint64_t gap = us_to_ticks(GAP_US), start = read_sysreg(cntvct_el0), now = start, before;
    do {
        yield();
        before = now;
        now = read_sysreg(cntvct_el0);
        current.preemptions += now - before > gap;
    } while (now - start < task.work);
}

void irq_handler(uint64_t entry)
{
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid == VTIMER_PPI && (int64_t)(entry - deadline) >= 0) { /* else: the expiry was handled already */
        account_for(entry);
        if (task.work)
            do_work();
    }
    gic_eoi(intid);
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static uint64_t ticks_to_ns(uint64_t ticks)
{
    return ticks / task.frequency * NS_PER_S + ticks % task.frequency * NS_PER_S / task.frequency;
}

static void print_number(const char *before, uint64_t n)
{
    print(before);
    print_dec(n);
}

static void print_line(uint64_t second, const struct account *a)
{
    print_number("rt: ", second);
    print_number(task.apart ? " lines: " : " s: ", a->handled);
    print_number(" periods handled, ", a->lost);
    print_number(" lost, ", a->late);
    print_number(" late, wake-up latency min ", ticks_to_ns(a->min));
    print_number(" mean ", ticks_to_ns(a->sum / a->handled));
    print_number(" worst ", ticks_to_ns(a->worst));
    print(" ns");
    if (task.work) {
        print_number(", ", a->preemptions);
        print(" preemptions in handlers");
    }
    if (task.note) {
        print(" (");
        print(task.note);
        print(")");
    }
    print("\n");
}

/* Sleeps until the handler has finished another line than the `seen`-th; returns the next one's number, and its figures. */
static uint64_t wait_for_line(uint64_t seen, struct account *line)
{
    for (;;) {
        irq_mask(); /* an interrupt between the look and the sleep ends the sleep, and is taken after it */
        uint64_t now = __atomic_load_n(&lines, __ATOMIC_ACQUIRE);
        uint64_t next = now - seen > KEPT ? now - KEPT : seen;
        if (now != seen)
            *line = finished[next % KEPT];
        else
            wfi();
        irq_unmask();
        isb();
        if (now != seen)
            return next + 1;
    }
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("rt", esr, far, elr);
}

static void describe(void)
{
    print_number("rt: period ", ticks_to_ns(task.period) / 1000);
    print_number(" us, GICv", machine.gic_version);
    print_number(", counter ", task.frequency);
    print(" Hz\n");
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    struct account line = {0};
    uint64_t seen = 0;
    (void)first_tick;
    machine_from_fdt(fdt);
    read_options();
    describe();
    gic_init();
    gic_cpu_init();

    start_timer();
    irq_unmask();
    while (!task.seconds || seen < task.seconds) {
        seen = wait_for_line(seen, &line);
        print_line(seen, &line);
        if (task.apart)
            start_timer();
    }
    irq_mask();
    power_off();
}
