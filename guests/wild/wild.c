/*
 * A guest that does what it was not offered, for tests of what is reported then. Boot arguments: do=ACT,ACT,… in that order; each
 * exception is printed and the next act follows.
 */
#include "guest.h"

enum {
    NOT_GIVEN_READ = 0x0a100000,  /* pages of the virt board where no VM has anything, unless it is given it */
    NOT_GIVEN_WRITE = 0x09030000,
    NOT_GIVEN_PAIR = 0x09020000,
    NOT_GIVEN_BACK = 0x0c000000,
    NOWHERE = 0x10000000,
    HOLE = 0x0b800000, /* where the board has nothing, given to the VM by a tree that lies */
    CLOCK = 0x09010000, /* the PL031, as on the virt board */
    FETCH_OFFSET = 1 << 20, /* behind the end of RAM */
    UNKNOWN_CALL = 0x0600fff0, /* no owner has it */
    KERNEL_CALL = 0x46000000,  /* the kernel's own (bulkhead/call.h); without a capability there is little to be had */
    KERNEL_CALLS = 0x200,
    SCTLR_OFF = 0x30d00800, /* MMU and caches off */
};
#define FAST_CALL 0x80000000UL

static const char *next; /* act */

/* --- accesses --------------------------------------------------------------------------------------------------- */

static void read_value(uintptr_t address)
{
    uint32_t value = mmio_read(address);
    print("wild: read ");
    print_hex(value);
    print("\n");
}

/* Two registers: the syndrome does not say which (Arm ARM, ISS of a data abort, ISV). */
static void read_pair(uintptr_t address)
{
    uint64_t a, b;
    __asm__ volatile("ldp %0, %1, [%2]" : "=&r"(a), "=&r"(b) : "r"(address) : "memory");
}

static void read_exclusively(uintptr_t address)
{
    uint32_t value;
    __asm__ volatile("ldxr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
}

static void write_back(uintptr_t address)
{
    __asm__ volatile("str wzr, [%0], #4" : "+r"(address) : : "memory");
}

static void jump(uintptr_t address)
{
    __asm__ volatile("blr %0" : : "r"(address) : "x30", "memory");
}

/* --- instructions ----------------------------------------------------------------------------------------------- */

static void print_answer(const char *call, int64_t answer)
{
    print("wild: ");
    print(call);
    print(answer == -1 ? " is not supported\n" : " has answered\n");
}

static uint64_t call_kernel(uint64_t argument)
{
    uint64_t done = 0;
    for (uint64_t number = 0; number < KERNEL_CALLS; number++)
        done += SMCCC_CALL("hvc", FAST_CALL | KERNEL_CALL | number, argument, argument << 1, argument << 3) >= 0;
    return done;
}

static void call_kernel_with_many(void)
{
    uint64_t done = 0;
    for (uint64_t argument = 1; argument; argument <<= 1)
        done += call_kernel(argument - 1) + call_kernel(~argument);
    print("wild: calls that did something, per argument: ");
    print_dec(done / 128);
    print(done % 128 ? " and some\n" : "\n");
}

/* What the code that this is copied from, or a boot loader's, has not set up yet: no MMU, no vectors. */
static void jump_early(void)
{
    uint64_t target = NOWHERE;
    __asm__ volatile("msr sctlr_el1, %0\n\tmsr vbar_el1, xzr\n\tisb\n\tbr %1" : : "r"((uint64_t)SCTLR_OFF), "r"(target) : "memory");
}

/* The vector for exceptions with SP_EL0 is a branch to itself (start.S). */
static void hang_in_vector(void)
{
    __asm__ volatile("msr spsel, #0\n\t.inst 0" : : : "memory");
}

static _Noreturn void sleep_for_ever(void)
{
    for (;;)
        wfi();
}

/* --- the list of acts ------------------------------------------------------------------------------------------- */

/* Takes `word` off the list if it is the next one. */
static bool take(const char *word)
{
    unsigned i = 0;
    while (word[i] && next[i] == word[i])
        i++;
    if (word[i] || (next[i] && next[i] != ',' && next[i] != ' '))
        return false;
    next += next[i] == ',' ? i + 1 : i;
    return true;
}

static bool act_on_memory(void)
{
    uintptr_t end = machine.ram + machine.ram_size;
    if (take("read"))
        read_value(NOT_GIVEN_READ);
    else if (take("write"))
        mmio_write(NOT_GIVEN_WRITE, 0x12345678);
    else if (take("pair"))
        read_pair(NOT_GIVEN_PAIR);
    else if (take("back"))
        write_back(NOT_GIVEN_BACK);
    else if (take("clock-exclusive"))
        read_exclusively(CLOCK);
    else if (take("beyond"))
        read_value(end);
    else if (take("hole"))
        read_value(HOLE);
    else if (take("fetch"))
        jump(end + FETCH_OFFSET);
    else
        return false;
    return true;
}

static bool act_by_instruction(void)
{
    if (take("register"))
        (void)read_sysreg(S3_1_C15_C7_7);
    else if (take("pmu"))
        (void)read_sysreg(pmcr_el0);
    else if (take("timer"))
        write_sysreg(cntp_ctl_el0, 1);
    else if (take("undefined"))
        __asm__ volatile(".inst 0");
    else if (take("hvc"))
        print_answer("hvc", SMCCC_CALL("hvc", FAST_CALL | UNKNOWN_CALL, 0, 0, 0));
    else if (take("smc"))
        print_answer("smc", SMCCC_CALL("smc", FAST_CALL | UNKNOWN_CALL, 0, 0, 0));
    else if (take("calls"))
        call_kernel_with_many();
    else if (take("jump"))
        jump_early();
    else if (take("hang"))
        hang_in_vector();
    else
        return false;
    return true;
}

static _Noreturn void act(void)
{
    if (take("sleep"))
        sleep_for_ever();
    while (act_on_memory() || act_by_instruction())
        ;
    print(*next && *next != ' ' ? "wild: no such act\n" : "wild: done\n");
    power_off();
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    print("wild: exception of class ");
    print_hex(esr >> 26);
    print(" at pc ");
    print_hex(elr);
    print(", address ");
    print_hex(far);
    print("\n");
    act(); /* on the same stack: the list is short */
}

void irq_handler(uint64_t entry)
{
    (void)entry;
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    next = option_find("do=");
    if (!next)
        next = "";
    act();
}
