/*
 * The loop around CALL_VCPU_ENTER. Nobody but the vCPU's own thread touches its state page.
 *
 * Parking: a thread sets `parked`, then looks whether it may run; the main thread holds the machine, then looks at `parked`. Both are
 * sequentially consistent, so one of them sees the other: either the thread parks and says so, or the main thread waits for it.
 */
#include "vcpu.h"

#include "aarch32.h"
#include "access.h"
#include "call_stubs.h"
#include "flash_banks.h"
#include "inject.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"
#include "report.h"
#include "slots.h"
#include "smccc.h"
#include "string.h"
#include "syndrome.h"
#include "sysreg.h"
#include "waiter.h"

#include <bulkhead/aarch64/aarch32.h>
#include <bulkhead/aarch64/call.h>

enum {
    /* State pages lie below the startup page, whose translation table they share. */
    STATE_PAGES = STARTUP_ADDRESS - 0x20000,
    STATE_PAGE_SIZE = 0x1000,
    STACK_SIZE = 16384,
    SIGNAL_WAKE = 1,
    SIGNAL_SLEEPER = 2, /* waiter.h */
    EXIT_REASONS = EXIT_AARCH32 + 1,
};

static struct cpu cpus[VM_VCPUS];
static struct psci_state psci;
static _Alignas(16) uint8_t stacks[VM_VCPUS][STACK_SIZE];

struct cpu *cpu_at(unsigned index)
{
    return &cpus[index];
}

enum cpu_power cpu_power_of(const struct cpu *cpu)
{
    return (enum cpu_power)__atomic_load_n(&cpu->psci->power, __ATOMIC_ACQUIRE);
}

bool cpu_sync(struct cpu *cpu)
{
    return vcpu_sync(cpu->vcpu) == STATUS_OK;
}

/* --- exits: true if the guest goes on --------------------------------------------------------------------------------- */

static bool exit_kicked(struct cpu *cpu)
{
    if (__atomic_exchange_n(&cpu->report_request, 0, __ATOMIC_ACQ_REL))
        report_silence(cpu);
    return machine_is_running();
}

/* Apart, so that the way of most accesses saves no registers for it. */
__attribute__((noinline)) static bool exit_access(struct cpu *cpu)
{
    static const uint8_t faults[] = {[ACCESS_ALIGNMENT] = ABORT_ALIGNMENT, [ACCESS_EXCLUSIVE] = ABORT_EXCLUSIVE,
                                     [ACCESS_NOWHERE] = ABORT_EXTERNAL, [ACCESS_REFUSED] = ABORT_EXTERNAL};
    enum access_result result = access_carry_out(cpu);
    if (result == ACCESS_DONE)
        return true;
    report_access(cpu);
    return inject_abort(cpu, false, faults[result]) || report_fatal(cpu, "its exception level does not take aborts");
}

/* cpu_run() does it for most of them; here are those that end a wait, or that no device takes. */
static bool exit_mmio(struct cpu *cpu)
{
    if (!mmio_access(cpu->state, cpu->index))
        return exit_access(cpu);
    mmio_step(cpu->state);
    return true;
}

static bool exit_mmio_aarch32(struct cpu *cpu)
{
    struct vcpu_mmio *mmio = &cpu->state->exit.mmio;
    mmio->reg = (uint8_t)aarch32_register(cpu->state->regs.pstate, mmio->reg);
    if (!mmio_access(cpu->state, cpu->index))
        return exit_access(cpu);
    aarch32_skip(&cpu->state->regs, cpu->state->exit.syndrome);
    return true;
}

/* Vectors that cannot be fetched would abort for ever. */
static bool exit_fetch(struct cpu *cpu)
{
    if (flash_banks_fetch(cpu->state->exit.mmio.address))
        return true;
    if (inject_in_vectors(cpu))
        return report_fatal(cpu, "it took an exception, but its vectors (VBAR_EL1) are not in memory");
    report_access(cpu);
    return inject_abort(cpu, true, ABORT_EXTERNAL) || report_fatal(cpu, "its exception level does not take aborts");
}

static bool exit_smccc(struct cpu *cpu)
{
    return smccc_call(cpu);
}

static bool exit_undefined(struct cpu *cpu)
{
    report_instruction(cpu);
    return inject_undefined(cpu) || report_fatal(cpu, "its exception level does not take undefined instructions");
}

static bool exit_sysreg(struct cpu *cpu)
{
    return sysreg_access(cpu->state) || exit_undefined(cpu);
}

static bool exit_aarch32(struct cpu *cpu)
{
    enum aarch32_outcome outcome = aarch32_carry_out(cpu->state, cpu->index);
    if (outcome == OUTCOME_UNDEFINED)
        return exit_undefined(cpu);
    cpu->waits = outcome == OUTCOME_WAIT;
    return outcome != OUTCOME_CALL || smccc_call(cpu);
}

static bool exit_error(struct cpu *cpu)
{
    return report_fatal(cpu, syndrome_error(cpu->state->exit.syndrome));
}

static bool exit_unknown(struct cpu *cpu)
{
    return report_fatal(cpu, "the kernel ended the guest's run for a reason that this monitor does not know");
}

static bool (*const exits[EXIT_REASONS])(struct cpu *) = {
    [EXIT_KICKED] = exit_kicked,       [EXIT_MMIO] = exit_mmio,   [EXIT_FETCH] = exit_fetch,
    [EXIT_HVC] = exit_smccc,           [EXIT_SMC] = exit_smccc,     [EXIT_SYSREG] = exit_sysreg,
    [EXIT_UNDEFINED] = exit_undefined, [EXIT_ERROR] = exit_error,
    [EXIT_MMIO_AARCH32] = exit_mmio_aarch32, [EXIT_AARCH32] = exit_aarch32,
};

/* --- the thread ------------------------------------------------------------------------------------------------------- */

/*
 * The same in AArch32: Supervisor mode. By PSCI, bit 0 of the entry asks for T32 (DEN 0022 §6.4); the boot protocol (Linux, Documentation/arch/arm/booting) wants r0 = 0,
 * r1 all ones, since there is no machine type, r2 = tree.
 */
static void registers_reset_aarch32(struct cpu *cpu)
{
    struct vcpu_state *state = cpu->state;
    memset(&state->aarch32, 0, sizeof state->aarch32);
    state->el1.sctlr = VCPU_SCTLR_RESET_AARCH32;
    state->regs.pstate = VCPU_PSTATE_RESET_AARCH32 | (cpu->psci->entry & 1 ? AARCH32_T : 0);
    state->regs.pc = cpu->psci->entry & ~UINT64_C(1);
    if (!cpu->psci->boots)
        return;
    state->regs.x[0] = 0;
    state->regs.x[1] = UINT32_MAX;
    state->regs.x[2] = cpu->psci->context;
}

/* Processor state at the entry that PSCI CPU_ON and the boot protocol ask for (DEN 0022 §6.4): EL1h, masked, MMU and caches off. */
static void registers_reset(struct cpu *cpu)
{
    struct vcpu_state *state = cpu->state;
    cpu_sync(cpu); /* what the processor still holds must not come back */
    memset(&state->regs, 0, sizeof state->regs);
    memset(&state->el1, 0, sizeof state->el1);
    state->el1.sctlr = VCPU_SCTLR_RESET;
    state->regs.pstate = VCPU_PSTATE_RESET;
    state->regs.pc = cpu->psci->entry;
    state->regs.x[0] = cpu->psci->context;
    if (machine.aarch32)
        registers_reset_aarch32(cpu);
}

static bool may_run(struct cpu *cpu)
{
    if (!machine_is_running())
        return false;
    if (cpu_power_of(cpu) == CPU_PENDING) {
        registers_reset(cpu);
        __atomic_store_n(&cpu->psci->power, CPU_ON, __ATOMIC_RELEASE);
    }
    return cpu_power_of(cpu) == CPU_ON;
}

static void cpu_park(struct cpu *cpu)
{
    uint64_t bits;
    for (;;) {
        __atomic_store_n(&cpu->parked, 0, __ATOMIC_SEQ_CST);
        if (may_run(cpu))
            return;
        __atomic_store_n(&cpu->parked, 1, __ATOMIC_SEQ_CST);
        if (!machine_is_running())
            signal_raise(machine.wake, WAKE_PARKED);
        signal_wait(cpu->signal, SIGNAL_WAKE, DEADLINE_NEVER, &bits);
    }
}

static bool enter_failed(struct cpu *cpu, status_t status)
{
    if (status == STATUS_BUSY) { /* reset or sync of another thread is in it for a moment */
        thread_yield();
        return machine_is_running();
    }
    if (status == STATUS_DEAD) /* root ends the VM, and this thread in a moment */
        thread_exit(0);
    console_print("[bulkhead] VM %s, vCPU %u: the kernel refuses to run it (status %lld)\n", machine.name, cpu->index, (long long)status);
    return report_fatal(cpu, "the kernel refuses to run it");
}

/* Whatever is no access that a device takes; apart, so that the loop keeps what it needs in registers. */
__attribute__((noinline)) static bool cpu_attend(struct cpu *cpu, status_t status, uint64_t reason)
{
    for (;;) {
        bool goes_on = status != STATUS_OK ? enter_failed(cpu, status) : reason < EXIT_REASONS ? exits[reason](cpu) : exit_unknown(cpu);
        if (!goes_on || !cpu->waits)
            return goes_on;
        cpu->waits = false;
        status = vcpu_wait(cpu->vcpu, &reason);
    }
}

/* Until the thread has to park. Nearly all exits are accesses to devices. */
static void cpu_run(struct cpu *cpu)
{
    struct vcpu_state *state = cpu->state;
    const cap_t vcpu = cpu->vcpu;
    const unsigned index = cpu->index;
    uint64_t reason;
    for (;;) {
        status_t status = vcpu_enter(vcpu, &reason);
        if (__builtin_expect(status == STATUS_OK && reason == EXIT_MMIO && mmio_access(state, index), 1))
            mmio_step(state);
        else if (!cpu_attend(cpu, status, reason))
            return;
    }
}

static _Noreturn void cpu_thread(struct cpu *cpu)
{
    for (;;) {
        cpu_park(cpu);
        cpu_run(cpu);
    }
}

/* --- the main thread's side ------------------------------------------------------------------------------------------- */

static void need(status_t status, const char *what, unsigned index)
{
    if (status == STATUS_UNSUPPORTED)
        component_fail("VM %s: `kernel` is 32-bit (zImage), but this processor has AArch32 for programs only, not for kernels: give an arm64 kernel",
                       machine.name);
    if (status < 0)
        component_fail("VM %s: %s of vCPU %u failed (status %lld)", machine.name, what, index, (long long)status);
}

static void cpu_build(struct cpu *cpu, unsigned index)
{
    uintptr_t page = STATE_PAGES + index * STATE_PAGE_SIZE;
    cpu->index = index;
    cpu->psci = &psci.cpus[index];
    cpu->vcpu = slot_allocate();
    need(vcpu_create(CAP_SELF, cpu->vcpu, machine.vm, index, CAP_SPACE, page, machine.aarch32 ? VCPU_MODE_AARCH32 : VCPU_MODE_AARCH64),
         "making the state page", index);
    cpu->state = (struct vcpu_state *)page; /* NOLINT */
    cpu->signal = slot_allocate();
    need(signal_create(CAP_SELF, cpu->signal), "making the signal", index);
    waiter_assign(1 + (int)index, cpu->signal, SIGNAL_SLEEPER);
    cpu->parked = 1;
    need(thread_start(machine.threads + index, (uintptr_t)cpu_thread, (uintptr_t)stacks[index] + STACK_SIZE, (uintptr_t)cpu), "starting the thread",
         index);
}

/* The first thread's stack lies elsewhere. */
static int thread_number(void)
{
    uintptr_t offset = (uintptr_t)__builtin_frame_address(0) - (uintptr_t)stacks;
    return offset < sizeof stacks ? 1 + (int)(offset / STACK_SIZE) : 0;
}

void cpus_build(void)
{
    waiter_assign(0, machine.wake, WAKE_SLEEPER);
    waiters_assign(thread_number);
    for (unsigned i = 0; i < machine.cpus; i++)
        cpu_build(&cpus[i], i);
}

static bool start(struct cpu *cpu, uint64_t entry, uint64_t context, bool boots)
{
    uint32_t off = CPU_OFF;
    if (!__atomic_compare_exchange_n(&cpu->psci->power, &off, CPU_CLAIMED, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    cpu->psci->entry = entry;
    cpu->psci->context = context;
    cpu->psci->boots = boots;
    __atomic_store_n(&cpu->psci->power, CPU_PENDING, __ATOMIC_SEQ_CST);
    signal_raise(cpu->signal, SIGNAL_WAKE);
    return true;
}

bool cpu_start(struct cpu *cpu, uint64_t entry, uint64_t context)
{
    return start(cpu, entry, context, false);
}

void cpu_boot(struct cpu *cpu, uint64_t entry, uint64_t argument)
{
    start(cpu, entry, argument, true);
}

static bool all_parked(void)
{
    bool parked = true;
    for (unsigned i = 0; i < machine.cpus; i++)
        parked &= __atomic_load_n(&cpus[i].parked, __ATOMIC_SEQ_CST) != 0;
    return parked;
}

/* One that never parks has faulted: root knows, and ends the VM. */
void cpus_stop(void)
{
    uint64_t bits;
    machine_hold();
    for (unsigned i = 0; i < machine.cpus; i++)
        if (!__atomic_load_n(&cpus[i].parked, __ATOMIC_SEQ_CST))
            vcpu_kick(cpus[i].vcpu);
    while (!all_parked())
        signal_wait(machine.wake, WAKE_PARKED, DEADLINE_NEVER, &bits);
}

void cpus_reset(void)
{
    psci = (struct psci_state){0}; /* CPU_OFF; their threads are parked */
}

void cpu_request_report(struct cpu *cpu)
{
    __atomic_store_n(&cpu->report_request, 1, __ATOMIC_RELEASE);
    vcpu_kick(cpu->vcpu);
}
