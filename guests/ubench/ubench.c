/*
 * What a hypervisor costs its guest, one row per quantity, in ticks of CNTVCT. See README.md for what the rows mean.
 *
 * A row is a function that fills `samples` and calls report(). It runs under row_call(), so that an access which the
 * hypervisor answers with a fault ends that row only.
 */
#include "ubench.h"

#ifndef MODE
#define MODE FULL
#endif
enum { FULL, LATENCY, NOISE };

enum {
    MANY = 4000,                       /* samples of cheap operations */
    FEW = MODE == LATENCY ? 100 : 300, /* samples of those that wait */
    BRIEF = 24,                        /* samples of either with boot argument `brief=1` */
};

/* PL031 of QEMU's virt machine. */
enum { RTC = 0x09010000, RTC_INTID = 34, RTC_DR = 0x00, RTC_MR = 0x04, RTC_IMSC = 0x10, RTC_ICR = 0x1c };

static bool brief;
static unsigned many = MANY, few = FEW;
static uint64_t samples[MANY];
static const char *row_name;
static uint64_t boot_ticks;
static uint64_t frequency; /* of CNTVCT, Hz */

/* What a CPU's interrupt handler leaves for the code that waits. `irqs` is written last. */
struct cpu {
    uint64_t irqs;  /* interrupts taken */
    uint64_t entry; /* CNTVCT at entry of the last one */
    uint64_t eoi;   /* ticks that its end-of-interrupt took */
};
static struct cpu cpus[2];

/* row.S */
extern bool row_call(void (*row)(void));
extern _Noreturn void row_abort(void);

/* --- time ------------------------------------------------------------------------------------------------------- */

/* The ISBs keep the measured operation between the two reads: the counter may be read early or late otherwise. */
static inline uint64_t ticks_before(void)
{
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0\n\tisb" : "=r"(t) : : "memory");
    return t;
}

static inline uint64_t ticks_after(void)
{
    uint64_t t;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(t) : : "memory");
    return t;
}

/* The PMU's cycle counter, of EL1 and EL2, if this level may use it. */
static bool cycles_counted;

static void cycles_begin(void)
{
    unsigned version = read_sysreg(id_aa64dfr0_el1) >> 8 & 0xf;
    if (!version || version == 0xf) /* none; or none that the architecture describes */
        return;
    write_sysreg(pmccfiltr_el0, 1 << 27); /* NSH: EL2, too */
    write_sysreg(pmcr_el0, read_sysreg(pmcr_el0) | 1 << 6 | 1 << 2 | 1); /* LC: 64 bits, C: reset, E: enable */
    write_sysreg(pmcntenset_el0, 1u << 31);
    isb();
    cycles_counted = true;
}

static inline uint64_t cycles_before(void)
{
    uint64_t c;
    __asm__ volatile("isb\n\tmrs %0, pmccntr_el0\n\tisb" : "=r"(c) : : "memory");
    return c;
}

static inline uint64_t cycles_after(void)
{
    uint64_t c;
    __asm__ volatile("isb\n\tmrs %0, pmccntr_el0" : "=r"(c) : : "memory");
    return c;
}

static uint64_t us_to_ticks(uint64_t us)
{
    return us * frequency / 1000000;
}

static void spin_us(uint64_t us)
{
    uint64_t start = ticks_after(), ticks = us_to_ticks(us);
    while (ticks_after() - start < ticks)
        yield();
}

/* --- interrupts ------------------------------------------------------------------------------------------------- */

static uint64_t irqs_of(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->irqs, __ATOMIC_ACQUIRE);
}

/* Called by the vector with interrupts masked; `entry` is CNTVCT as it was there. */
void irq_handler(uint64_t entry)
{
    struct cpu *cpu = (struct cpu *)read_sysreg(tpidr_el1);
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid == VTIMER_PPI) {
        write_sysreg(cntv_ctl_el0, 0); /* level-triggered: silence it before the end of interrupt */
        isb();
    } else if (intid == RTC_INTID) {
        mmio_write(RTC + RTC_ICR, 1);
    }
    cpu->entry = entry;
    uint64_t start = ticks_before();
    gic_eoi(intid);
    cpu->eoi = ticks_after() - start;
    __atomic_store_n(&cpu->irqs, cpu->irqs + 1, __ATOMIC_RELEASE);
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    static bool nested; /* no console: nobody to tell */
    while (nested)
        wfi();
    nested = true;
    print(row_name);
    print(" fault ");
    print_hex(esr);
    print(" ");
    print_hex(far);
    print("\n# at image offset ");
    print_hex(elr - (uintptr_t)_start);
    print("\n");
    nested = false;
    while (read_sysreg(tpidr_el1) != (uintptr_t)&cpus[0])
        wfi(); /* rows run on the first CPU, which will miss the second */
    row_abort();
}

/* --- rows: single operations ------------------------------------------------------------------------------------ */

#define VENDOR_UNUSED 0xc6007fffUL /* vendor-specific hypervisor range, a number that nobody assigned */

static void report(unsigned n, const char *unit)
{
    print_row(row_name, samples, n, unit);
}

/* The same row in cycles. */
static void report_cycles(unsigned n)
{
    print(row_name);
    print_row("_cycles", samples, n, "cycles");
}

static void report_one(uint64_t value, const char *unit)
{
    samples[0] = value;
    report(1, unit);
}

#define SAMPLE_LOOP(n, before, after, operation)                                                                      \
    for (unsigned i_ = 0; i_ < (n); i_++) {                                                                           \
        uint64_t start_ = before();                                                                                   \
        operation;                                                                                                    \
        samples[i_] = after() - start_;                                                                               \
    }

/* Takes and reports n samples of the ticks that `operation` needs, then of the cycles. Constant ends, as a variable one lets compilers move an operation's
   first instructions before the clock's. */
#define SAMPLE(n, operation)                                                                                          \
    do {                                                                                                              \
        if (brief) {                                                                                                  \
            SAMPLE_LOOP(BRIEF, ticks_before, ticks_after, operation)                                                  \
        } else {                                                                                                      \
            SAMPLE_LOOP(n, ticks_before, ticks_after, operation)                                                      \
        }                                                                                                             \
        report(brief ? BRIEF : (n), "ticks");                                                                         \
        if (cycles_counted) {                                                                                         \
            SAMPLE_LOOP(BRIEF, cycles_before, cycles_after, operation)                                                \
            report_cycles(BRIEF);                                                                                     \
        }                                                                                                             \
    } while (0)

static void row_cntfrq(void)
{
    report_one(frequency, "Hz");
}

/* CNTVCT at the image's first instruction. */
static void row_boot_ticks(void)
{
    report_one(boot_ticks, "ticks");
}

/* The same on the physical counter, which no offset hides: time since the board was switched on. */
static void row_boot_phys(void)
{
    uint64_t now = ticks_after();
    uint64_t physical = read_sysreg(cntpct_el0);
    report_one(physical - (now - boot_ticks), "ticks");
}

static void row_empty(void)
{
    SAMPLE(MANY, );
}

/* The call that every hypervisor answers, and has least to do for. */
static void row_hvc_null(void)
{
    SAMPLE(MANY, SMCCC_CALL("hvc", SMCCC_VERSION, 0, 0, 0));
}

/* A call that no hypervisor knows: what an error costs. */
static void row_hvc_unknown(void)
{
    SAMPLE(MANY, SMCCC_CALL("hvc", VENDOR_UNUSED, 0, 0, 0));
}

/* By the conduit that the device tree states. */
static void row_smc_psci(void)
{
    if (machine.psci_by_smc)
        SAMPLE(MANY, SMCCC_CALL("smc", PSCI_VERSION, 0, 0, 0));
    else
        SAMPLE(MANY, SMCCC_CALL("hvc", PSCI_VERSION, 0, 0, 0));
}

/* An SMC whatever the conduit. A guest has nobody to send it to; it gets an answer, an error, or a fault. */
static void row_smc_trap(void)
{
    SAMPLE(MANY, SMCCC_CALL("smc", PSCI_VERSION, 0, 0, 0));
}

static void row_sysreg_idreg(void)
{
    SAMPLE(MANY, read_sysreg(id_aa64pfr0_el1));
}

/* A device read is over when its value is there, which on hardware only a DSB waits for. */
#define dsb() __asm__ volatile("dsb sy" : : : "memory")

static void row_gicd_typer_rd(void)
{
    uintptr_t typer = machine.gicd + GICD_TYPER;
    SAMPLE(MANY, mmio_read(typer); dsb());
}

/* Writes no bit: the cost of getting there, not of enabling something. */
static void row_gicd_isenabler_wr(void)
{
    uintptr_t isenabler1 = machine.gicd + GICD_ISENABLER + 4;
    SAMPLE(MANY, mmio_write(isenabler1, 0); dsb());
}

/* Enables a line that no device has, each time after it was disabled. */
static void row_gicd_isenabler_line(void)
{
    uintptr_t isenabler1 = machine.gicd + GICD_ISENABLER + 4, icenabler1 = isenabler1 + GICD_ICENABLER - GICD_ISENABLER;
    uint32_t line = 1u << 31;
    for (unsigned i = 0; i < many; i++) {
        mmio_write(icenabler1, line);
        dsb();
        uint64_t start = ticks_before();
        mmio_write(isenabler1, line);
        dsb();
        samples[i] = ticks_after() - start;
    }
    mmio_write(icenabler1, line);
    report(many, "ticks");
}

static void row_uart_fr_rd(void)
{
    uintptr_t flags = machine.uart + PL011_FR;
    SAMPLE(MANY, mmio_read(flags); dsb());
}

/* --- rows: interrupts ------------------------------------------------------------------------------------------- */

/* Interrupts this CPU n times by SGI; each time keeps entry minus send, or the handler's end-of-interrupt. */
static void sample_self_sgi(unsigned n, bool keep_eoi)
{
    struct cpu *cpu = &cpus[0];
    uint64_t self = gic_sgi_self();
    irq_unmask();
    for (unsigned i = 0; i < n; i++) {
        uint64_t before = irqs_of(cpu), start = ticks_before();
        gic_sgi(self);
        while (irqs_of(cpu) == before)
            yield();
        samples[i] = keep_eoi ? cpu->eoi : cpu->entry - start;
    }
    irq_mask();
    report(n, "ticks");
}

static void row_sgi_self(void)
{
    sample_self_sgi(many, false);
}

static void row_eoi(void)
{
    sample_self_sgi(many, true);
}

/* Ways to wait a little for an interrupt of this CPU after the `irqs`-th. */

static void wait_spinning(uint64_t irqs)
{
    (void)irqs;
    yield();
}

/* Decides and sleeps with interrupts masked: one that comes in between still ends the sleep, and is taken after it. */
static void wait_sleeping(uint64_t irqs)
{
    irq_mask();
    if (irqs_of(&cpus[0]) == irqs)
        wfi();
    irq_unmask();
    isb();
}

/* Two accesses that trap, again and again: can an interrupt get through? */
static void wait_trapping(uint64_t irqs)
{
    (void)irqs;
    mmio_read(machine.uart + PL011_FR);
    mmio_read(machine.gicd + GICD_TYPER);
    yield();
}

/* Sets the virtual timer `us` ahead, n times; reports how long after its deadline the handler was entered. */
static inline void sample_vtimer(uint64_t us, unsigned n, void (*wait)(uint64_t irqs))
{
    struct cpu *cpu = &cpus[0];
    uint64_t ahead = us_to_ticks(us);
    irq_unmask();
    for (unsigned i = 0; i < n; i++) {
        uint64_t before = irqs_of(cpu), deadline = ticks_after() + ahead;
        write_sysreg(cntv_cval_el0, deadline);
        write_sysreg(cntv_ctl_el0, 1);
        isb();
        while (irqs_of(cpu) == before)
            wait(before);
        samples[i] = cpu->entry - deadline;
    }
    irq_mask();
    report(n, "ticks");
}

static void row_vtimer_spin(void)
{
    sample_vtimer(50, few, wait_spinning);
}

static void row_vtimer_wfi_50us(void)
{
    sample_vtimer(50, few, wait_sleeping);
}

static void row_vtimer_wfi_1ms(void)
{
    sample_vtimer(1000, few, wait_sleeping);
}

static void row_vtimer_traploop(void)
{
    sample_vtimer(50, few, wait_trapping);
}

/* --- rows: devices and neighbours, only if `rows=` names them ---------------------------------------------------- */

/* From the store that makes the real-time clock interrupt, by matching the present second, until the handler. For a VM that was given the clock. */
static void row_device_irq(void)
{
    struct cpu *cpu = &cpus[0];
    gic_enable_shared(RTC_INTID, false);
    mmio_write(RTC + RTC_IMSC, 1);
    irq_unmask();
    for (unsigned i = 0; i < few; i++) {
        uint64_t before = irqs_of(cpu), start;
        do { /* again if a new second began just then */
            uint32_t second = mmio_read(RTC + RTC_DR);
            start = ticks_before();
            mmio_write(RTC + RTC_MR, second);
            spin_us(50);
        } while (irqs_of(cpu) == before);
        samples[i] = cpu->entry - start;
    }
    irq_mask();
    report(few, "ticks");
}

/* A component is rung and answers with an interrupt. For a VM with a doorbell. */
static void row_doorbell_round_trip(void)
{
    struct cpu *cpu = &cpus[0];
    if (!machine.doorbell)
        return;
    gic_enable_shared(machine.doorbell_intid, true);
    irq_unmask();
    for (unsigned i = 0; i < few; i++) {
        spin_us(50);
        uint64_t before = irqs_of(cpu), start = ticks_before();
        mmio_write(machine.doorbell, 1);
        while (irqs_of(cpu) == before)
            yield();
        samples[i] = cpu->entry - start;
    }
    irq_mask();
    report(few, "ticks");
}

/* Sleeps as vtimer_wfi_50us, with FP registers in use: what leaves the CPU then is seen in the emulator's log only. */
static void wait_sleeping_fp(uint64_t irqs)
{
    __asm__ volatile(".inst 0x1e602800"); /* fadd d0, d0, d0; the compiler is told that there is no FP */
    wait_sleeping(irqs);
}

static void row_vm_switch(void)
{
    sample_vtimer(50, few, wait_sleeping);
}

static void row_vm_switch_fp(void)
{
    write_sysreg(cpacr_el1, 3 << 20); /* FPEN */
    isb();
    sample_vtimer(50, few, wait_sleeping_fp);
}

/* --- rows: the second CPU --------------------------------------------------------------------------------------- */

enum wish { SLEEP, SPIN };
enum state { OFF, AWAKE, ASLEEP, SPINNING };

static struct {
    enum wish wish;   /* written by the first CPU */
    enum state state; /* written by the second */
    uint64_t sgi;     /* how to interrupt it */
} second;

static void second_is(enum state state)
{
    __atomic_store_n(&second.state, state, __ATOMIC_RELEASE);
}

static bool second_is_to(enum wish wish)
{
    return __atomic_load_n(&second.wish, __ATOMIC_ACQUIRE) == wish;
}

/* Exits to hypervisor and monitor in turn, for ever; for one of them, a line of this CPU, the monitor calls the hypervisor. */
static _Noreturn void busy(void)
{
    unsigned line = 16 + (read_sysreg(mpidr_el1) & 7); /* among the shared ones */
    gic_enable_shared(32 + line, true);
    for (;;) {
        SMCCC_CALL("hvc", SMCCC_VERSION, 0, 0, 0);
        mmio_read(machine.gicd + GICD_TYPER);
        mmio_write(machine.gicd + GICD_ISENABLER + 4, 1u << line);
        yield();
    }
}

static bool crowded; /* all other CPUs are busy */

void secondary_main(void)
{
    if (crowded)
        busy();
    write_sysreg(tpidr_el1, &cpus[1]);
    gic_cpu_init();
    second.sgi = gic_sgi_self();
    for (;;) {
        second_is(ASLEEP);
        wfi(); /* interrupts are masked: it ends the sleep, and is taken when they are let in */
        irq_unmask();
        isb();
        second_is(AWAKE);
        while (second_is_to(SPIN)) {
            second_is(SPINNING);
            yield();
        }
        irq_mask();
    }
}

/* Waits up to a second for it. */
static bool second_becomes(enum state state)
{
    uint64_t start = ticks_after();
    while (__atomic_load_n(&second.state, __ATOMIC_ACQUIRE) != state) {
        if (ticks_after() - start > frequency)
            return false;
        yield();
    }
    return true;
}

/* Starts the second CPU if there is one and waits until it sleeps. */
static bool second_start(void)
{
    return machine.cpus > 1 && psci(PSCI_CPU_ON, machine.second_mpidr, (uintptr_t)&secondary_start, 0) == 0 &&
           second_becomes(ASLEEP);
}

/* Ticks from before the SGI is sent here until the second CPU's handler is entered. Waits until it was handled. */
static uint64_t second_interrupt(void)
{
    uint64_t before = irqs_of(&cpus[1]), start = ticks_before();
    gic_sgi(second.sgi);
    while (irqs_of(&cpus[1]) == before)
        yield();
    return cpus[1].entry - start;
}

/* Reports the SGI's latency while the second CPU is in `state`, which it has been for 50 us each time. */
static void sample_ipi(enum state state)
{
    for (unsigned i = 0; i < few; i++) {
        if (!second_becomes(state)) {
            print("# the second CPU went missing\n");
            return;
        }
        spin_us(50);
        samples[i] = second_interrupt();
    }
    report(few, "ticks");
}

static void row_ipi_spin(void)
{
    __atomic_store_n(&second.wish, SPIN, __ATOMIC_RELEASE);
    second_interrupt();
    sample_ipi(SPINNING);
    __atomic_store_n(&second.wish, SLEEP, __ATOMIC_RELEASE);
}

static void row_ipi_wfi(void)
{
    sample_ipi(ASLEEP);
}

/* Boot argument `crowd=1`: the other CPUs are busy from now on. */
static void row_crowd(void)
{
    enum { OTHERS = 7, STACK = 1024 };
    static uint8_t stacks[OTHERS][STACK] __attribute__((aligned(16)));
    crowded = option_number("crowd=", 0) != 0;
    for (unsigned i = 0; crowded && i < OTHERS && i + 1 < machine.cpus; i++)
        psci(PSCI_CPU_ON, i + 1, (uintptr_t)&secondary_start, (uintptr_t)stacks[i] + STACK);
}

/* --- rows: memory and CPU --------------------------------------------------------------------------------------- */

/* A stretch of `size` bytes of RAM behind the image or, if the largest bank is another one, at its start. */
static uintptr_t free_ram(uint64_t size)
{
    extern char _bss_end[];
    uintptr_t end = machine.ram + machine.ram_size, start = machine.ram;
    if ((uintptr_t)_bss_end > start && (uintptr_t)_bss_end < end)
        start = (uintptr_t)_bss_end;
    start = (start + (2UL << 20) - 1) & ~((2UL << 20) - 1);
    return start < end && end - start >= size ? start : 0;
}

static void row_first_touch_64mib(void)
{
    enum { SIZE = 64 << 20, PAGE = 4096 };
    uintptr_t ram = free_ram(SIZE);
    if (!ram) {
        print("# first_touch_64mib left out: no 64 MiB of RAM behind the image\n");
        return;
    }
    uint64_t start = ticks_before();
    __asm__ volatile("1: str xzr, [%0]\n\tadd %0, %0, %2\n\tcmp %0, %1\n\tb.ne 1b"
                     : "+r"(ram)
                     : "r"(ram + SIZE), "r"((uint64_t)PAGE)
                     : "cc", "memory");
    report_one(ticks_after() - start, "ticks");
}

/* Ten million instructions that touch nothing: more ticks than instructions means that time was stolen. */
static void row_cpu_loop(void)
{
    enum { RUNS = BRIEF, INSTRUCTIONS = 10000000 };
    SAMPLE(RUNS, uint64_t n = INSTRUCTIONS / 2;
           __asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n) : : "cc"));
}

/* Reads and writes each 16 bytes of 4 MiB. */
static void row_memory_loop(void)
{
    enum { RUNS = BRIEF, SIZE = 4 << 20 };
    uintptr_t ram = free_ram(SIZE);
    if (!ram)
        return;
    SAMPLE(RUNS, uintptr_t at = ram;
           __asm__ volatile("1: ldp x9, x10, [%0]\n\tadd x9, x9, #1\n\tstp x9, x10, [%0], #16\n\tcmp %0, %1\n\tb.ne 1b"
                            : "+r"(at)
                            : "r"(ram + SIZE)
                            : "x9", "x10", "cc", "memory"));
}

/* --- the three programs ----------------------------------------------------------------------------------------- */

static void run(const char *name, void (*row)(void))
{
    row_name = name;
    if (!row_call(row)) {
        write_sysreg(cntv_ctl_el0, 0);
        irq_mask();
    }
}

#define RUN(row) run(#row, row_##row)

/* Is the row among those that the boot argument `rows=NAME,NAME…` names? */
static bool wanted(const char *name, bool otherwise)
{
    const char *list = option_find("rows=");
    if (!list)
        return otherwise;
    for (const char *at = list; *at && *at != ' '; at++) {
        unsigned i = 0;
        while (name[i] && at[i] == name[i])
            i++;
        if (!name[i] && (at == list || at[-1] == ',') && (!at[i] || at[i] == ',' || at[i] == ' '))
            return true;
    }
    return false;
}

/* Sleeps for 50 ms, until whoever writes our last line to the UART has done so: else that would be some row's worst sample. */
static void settle(void)
{
    uint64_t before = irqs_of(&cpus[0]);
    write_sysreg(cntv_cval_el0, ticks_after() + us_to_ticks(50000));
    write_sysreg(cntv_ctl_el0, 1);
    isb();
    while (irqs_of(&cpus[0]) == before)
        wait_sleeping(before);
    irq_mask();
}

#define ROW_IF(row, otherwise)                                                                                        \
    do {                                                                                                              \
        if (wanted(#row, otherwise)) {                                                                                \
            if (MODE == FULL && !brief)                                                                           \
                settle();                                                                                             \
            RUN(row);                                                                                                 \
        }                                                                                                             \
    } while (0)
#define ROW(row) ROW_IF(row, true)

static void brevity(void)
{
    brief = option_number("brief=", 0) != 0;
    if (brief)
        many = few = BRIEF;
}

static void full(void)
{
    ROW(boot_ticks);
    ROW(boot_phys);
    ROW(empty);
    ROW(hvc_null);
    ROW(hvc_unknown);
    ROW(smc_psci);
    ROW(smc_trap);
    ROW(sysreg_idreg);
    ROW(gicd_typer_rd);
    ROW(gicd_isenabler_wr);
    ROW(gicd_isenabler_line);
    ROW(uart_fr_rd);
    ROW(sgi_self);
    ROW(eoi);
    ROW(vtimer_spin);
    ROW(vtimer_wfi_50us);
    ROW(vtimer_wfi_1ms);
    ROW(vtimer_traploop);
    if (second_start()) {
        ROW(ipi_spin);
        ROW(ipi_wfi);
    } else {
        print(machine.cpus > 1 ? "# ipi rows left out: the second CPU did not start\n"
                               : "# ipi rows left out: one CPU\n");
    }
    ROW(first_touch_64mib);
    ROW(cpu_loop);
    ROW(memory_loop);
    ROW_IF(device_irq, false);
    ROW_IF(doorbell_round_trip, false);
    ROW_IF(vm_switch, false);
    ROW_IF(vm_switch_fp, false);
}

static void latency(void)
{
    for (unsigned round = 0; round < 10; round++) {
        ROW(vtimer_spin);
        ROW(vtimer_wfi_50us);
        ROW(vtimer_wfi_1ms);
        ROW(vtimer_traploop);
    }
}

/* Keeps caches, memory and the hypervisor busy; never returns. The yields let an emulator's other CPUs run. */
static void noise(void)
{
    static volatile uint64_t buffer[4 << 20 >> 3];
    for (uint64_t round = 0;; round++) {
        for (unsigned i = 0; i < sizeof(buffer) / sizeof(*buffer); i += 8) { /* one write per 64-byte line */
            buffer[i] = round;
            yield();
        }
        for (unsigned i = 0; i < 1000; i++)
            wait_trapping(0);
    }
}

/* Not a row, but run like one: a hypervisor may fault it. */
static void row_pmu(void)
{
    cycles_begin();
}

static void row_gic_init(void)
{
    gic_init();
    gic_cpu_init();
}

static void describe(void)
{
    print("# ubench: GICv");
    print_dec(machine.gic_version);
    print(machine.psci_by_smc ? ", PSCI by SMC, " : ", PSCI by HVC, ");
    print_dec(machine.cpus);
    print(machine.from_fdt ? " CPU(s), by the device tree\n" : " CPU(s), no device tree: QEMU virt's map\n");
}

static const void *fdt_from_boot;

/* Not a row, but run like one: if the tree cannot be read, the virt map stands. */
static void row_device_tree(void)
{
    machine_from_fdt(fdt_from_boot);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    boot_ticks = first_tick;
    frequency = read_sysreg(cntfrq_el0);
    fdt_from_boot = fdt;
    write_sysreg(tpidr_el1, &cpus[0]);
    RUN(device_tree);
    RUN(cntfrq);
    describe();
    brevity();
    if (MODE == NOISE)
        run("noise", noise);
    if (option_number("busy=", 0))
        run("busy", busy);
    RUN(gic_init);
    RUN(pmu);
    RUN(crowd);
    if (MODE == LATENCY)
        latency();
    else
        full();
    print("done\n");
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        wfi();
}
