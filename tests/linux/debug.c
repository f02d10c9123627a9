/*
 * A Linux program without a C library for the initrd of a test: hardware breakpoints, watchpoints and single steps as a debugger (ptrace) and perf
 * use them. Prints one line per result; the test compares.
 */
#include <stddef.h>
#include <stdint.h>

enum { SIGCHLD_NUMBER = 17, SIGTRAP_NUMBER = 5, SIGKILL_NUMBER = 9, CALLS = 1000, STEPS = 1000 };

/* Linux's interface to programs on arm64, as far as it is used here (<asm-generic/unistd.h>, <linux/ptrace.h>, <asm/ptrace.h>, <linux/perf_event.h>). */
enum {
    CALL_CLOSE = 57, CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT_GROUP = 94, CALL_PTRACE = 117, CALL_KILL = 129, CALL_GETPID = 172,
    CALL_CLONE = 220, CALL_PERF_EVENT_OPEN = 241, CALL_WAIT4 = 260,
};
enum { PTRACE_TRACEME = 0, PTRACE_PEEKDATA = 2, PTRACE_CONT = 7, PTRACE_SINGLESTEP = 9, PTRACE_GETREGSET = 0x4204, PTRACE_SETREGSET = 0x4205 };
enum { NT_PRSTATUS = 1, NT_ARM_HW_BREAK = 0x402, NT_ARM_HW_WATCH = 0x403, HW_SLOTS = 16 };
enum { PERF_TYPE_HARDWARE = 0, PERF_TYPE_BREAKPOINT = 5, PERF_COUNT_HW_CPU_CYCLES = 0, HW_BREAKPOINT_W = 2, HW_BREAKPOINT_X = 4 };
#define PERF_EXCLUDE_KERNEL (UINT64_C(1) << 5)

/* Control bits of a breakpoint: enable, type (loads 1, stores 2), bytes. */
enum { CONTROL_EXECUTE = 0xf << 5 | 1, CONTROL_STORE = 0xff << 5 | 2 << 3 | 1 };

#define SVC UINT32_C(0xd4000001)

struct iovec {
    void *base;
    size_t size;
};

struct user_registers {
    uint64_t x[31], sp, pc, pstate;
};

struct user_debug {
    uint32_t info, padding; /* info: number of slots in bits 7 to 0 */
    struct {
        uint64_t address;
        uint32_t control, padding;
    } slot[HW_SLOTS];
};

struct perf_attributes {
    uint32_t type, size;
    uint64_t config, sample_period, sample_type, read_format, flags;
    uint32_t wakeup_events, breakpoint_type;
    uint64_t breakpoint_address, breakpoint_length;
};

/* --- Linux ------------------------------------------------------------------------------------------------------ */

static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

static void print(const char *text)
{
    long size = 0;
    while (text[size])
        size++;
    call(CALL_WRITE, 1, (long)text, size, 0, 0);
}

static void result(const char *what, long value)
{
    char digits[24], *at = digits + sizeof digits;
    unsigned long rest = value < 0 ? 0 - (unsigned long)value : (unsigned long)value;
    *--at = 0;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    print("debug: ");
    print(what);
    print(value < 0 ? " -" : " ");
    print(at);
    print("\n");
}

/* --- what is debugged --------------------------------------------------------------------------------------------- */

static volatile uint64_t watched;

__attribute__((noinline)) static void target(void)
{
    __asm__ volatile("nop" : : : "memory");
}

static _Noreturn void child(void)
{
    call(CALL_PTRACE, PTRACE_TRACEME, 0, 0, 0, 0);
    call(CALL_KILL, call(CALL_GETPID, 0, 0, 0, 0, 0), SIGTRAP_NUMBER, 0, 0, 0);
    for (;;) {
        target();
        watched++;
        call(CALL_GETPID, 0, 0, 0, 0, 0);
    }
}

/* --- the debugger --------------------------------------------------------------------------------------------------- */

/* Until the child stops: the signal's number, or -1. */
static long stopped(long pid)
{
    int status = 0;
    return call(CALL_WAIT4, pid, (long)&status, 0, 0, 0) == pid && (status & 0xff) == 0x7f ? status >> 8 : -1;
}

static struct user_registers registers(long pid)
{
    struct user_registers regs = {0};
    struct iovec vector = {&regs, sizeof regs};
    call(CALL_PTRACE, PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&vector, 0);
    return regs;
}

static long slots(long pid, long kind)
{
    struct user_debug state = {0};
    struct iovec vector = {&state, sizeof state};
    long error = call(CALL_PTRACE, PTRACE_GETREGSET, pid, kind, (long)&vector, 0);
    return error ? error : (long)(state.info & 0xff);
}

static long arm(long pid, long kind, const volatile void *address, uint32_t control, long slot)
{
    struct user_debug state = {0};
    struct iovec vector = {&state, offsetof(struct user_debug, slot[slot + 1])};
    state.slot[slot].address = (uintptr_t)address;
    state.slot[slot].control = control;
    return call(CALL_PTRACE, PTRACE_SETREGSET, pid, kind, (long)&vector, 0);
}

static long resume(long pid, long how)
{
    call(CALL_PTRACE, how, pid, 0, 0, 0);
    return stopped(pid);
}

static void breakpoints(long pid)
{
    long hits = 0, count = slots(pid, NT_ARM_HW_BREAK);
    result("breakpoints", count);
    for (long slot = 0; slot < count; slot++) {
        long error = arm(pid, NT_ARM_HW_BREAK, (const volatile void *)(uintptr_t)target, CONTROL_EXECUTE, slot);
        hits += !error && resume(pid, PTRACE_CONT) == SIGTRAP_NUMBER && registers(pid).pc == (uintptr_t)target;
        arm(pid, NT_ARM_HW_BREAK, NULL, 0, slot);
    }
    result("breakpoints hit", hits);
}

/* The child's copy of `watched` is seen by PTRACE_PEEKDATA; the store has not happened yet when the watchpoint is reported. */
static long watchpoint_hits(long pid, long slot)
{
    uint64_t before = 0, after = 0;
    long error = arm(pid, NT_ARM_HW_WATCH, &watched, CONTROL_STORE, slot);
    call(CALL_PTRACE, PTRACE_PEEKDATA, pid, (long)&watched, (long)&before, 0);
    long signal = resume(pid, PTRACE_CONT);
    call(CALL_PTRACE, PTRACE_PEEKDATA, pid, (long)&watched, (long)&after, 0);
    arm(pid, NT_ARM_HW_WATCH, NULL, 0, slot);
    resume(pid, PTRACE_SINGLESTEP);
    return !error && signal == SIGTRAP_NUMBER && after == before;
}

static void watchpoints(long pid)
{
    long hits = 0, count = slots(pid, NT_ARM_HW_WATCH);
    result("watchpoints", count);
    for (long slot = 0; slot < count; slot++)
        hits += watchpoint_hits(pid, slot);
    result("watchpoints hit", hits);
}

/* Behind an SVC, Linux reports a step once more before the next instruction. */
static int is_behind_svc(uint64_t pc)
{
    return ((const uint32_t *)pc)[-1] == SVC; /* the child has the same code */
}

/* Every step ends at another instruction. */
static void steps(long pid)
{
    long moved = 0, rounds = 0;
    for (long i = 0; i < STEPS; i++) {
        uint64_t before = registers(pid).pc;
        if (resume(pid, PTRACE_SINGLESTEP) != SIGTRAP_NUMBER)
            break;
        uint64_t after = registers(pid).pc;
        moved += after != before || is_behind_svc(after);
        rounds += after == (uintptr_t)target;
    }
    result("steps", moved);
    result("steps through the loop", rounds > 10);
}

static void traced(void)
{
    long pid = call(CALL_CLONE, SIGCHLD_NUMBER, 0, 0, 0, 0);
    if (!pid)
        child();
    result("stopped by", stopped(pid));
    breakpoints(pid);
    watchpoints(pid);
    steps(pid);
    call(CALL_KILL, pid, SIGKILL_NUMBER, 0, 0, 0);
}

/* --- perf ------------------------------------------------------------------------------------------------------------ */

static long perf_open(uint32_t type, uint64_t config, uint32_t access, const volatile void *address)
{
    struct perf_attributes attributes = {.type = type,
                                         .size = sizeof attributes,
                                         .config = config,
                                         .flags = PERF_EXCLUDE_KERNEL,
                                         .breakpoint_type = access,
                                         .breakpoint_address = (uintptr_t)address,
                                         .breakpoint_length = access == HW_BREAKPOINT_X ? 4 : access ? 8 : 0};
    return call(CALL_PERF_EVENT_OPEN, (long)&attributes, 0, -1, -1, 0);
}

static long perf_count(uint32_t access, const volatile void *address)
{
    uint64_t count = 0;
    long event = perf_open(PERF_TYPE_BREAKPOINT, 0, access, address);
    if (event < 0)
        return event;
    for (int i = 0; i < CALLS; i++) {
        target();
        watched = watched + 1;
    }
    long size = call(CALL_READ, event, (long)&count, sizeof count, 0, 0);
    call(CALL_CLOSE, event, 0, 0, 0, 0);
    return size == sizeof count ? (long)count : -1;
}

void program(void);
void program(void)
{
    traced();
    result("perf, execution of a function", perf_count(HW_BREAKPOINT_X, (const volatile void *)(uintptr_t)target));
    result("perf, stores to a variable", perf_count(HW_BREAKPOINT_W, &watched));
    result("perf, cycles of the processor", perf_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, NULL));
    print("debug: done\n");
    call(CALL_EXIT_GROUP, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov x29, xzr\n\tb program\n");
