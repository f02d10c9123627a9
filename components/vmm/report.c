/* Reports, limited so that a guest that probes cannot flood its console. Lock: `lock`, held for one report; taken last. */
#include "report.h"

#include "format.h"
#include "inject.h"
#include "lock.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"
#include "string.h"
#include "syndrome.h"

#include <bulkhead/aarch64/aarch32.h>

enum {
    REPORTS = 16, /* per start of the guest */
    KEY_ACCESS = 0,
    KEY_INSTRUCTION = 1, /* low bit of a key; pages and syndromes are told apart by it */
    PAGE_BITS = 12,
    TEXT = 240,
};

static struct lock lock;
static uint64_t keys[REPORTS];
static unsigned key_count;

void report_reset(void)
{
    lock_take(&lock);
    key_count = 0;
    lock_release(&lock);
}

/* True the first time that `key` comes, as long as there is room to remember it. */
static bool key_is_new(uint64_t key)
{
    for (unsigned i = 0; i < key_count; i++)
        if (keys[i] == key)
            return false;
    if (key_count == REPORTS)
        return false;
    keys[key_count++] = key;
    return true;
}

static void say(const char *text)
{
    console_print("\n[bulkhead] %s\n", text);
    machine_text_set(text);
}

void report_line(const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    format_text_list(text, sizeof text, format, arguments);
    va_end(arguments);
    say(text);
}

void report_device(const char *device, const char *wrong)
{
    lock_take(&lock);
    report_line("VM %s: its %s needs a reset by its guest: %s", machine.name, device, wrong);
    lock_release(&lock);
}

static unsigned long long wide(uint64_t value)
{
    return value;
}

static void print_registers_aarch32(struct cpu *cpu)
{
    const struct vcpu_state *state = cpu->state;
    const struct vcpu_el1 *el1 = &state->el1;
    const struct vcpu_aarch32 *more = &state->aarch32;
    uint64_t pstate = state->regs.pstate;
    console_print("[bulkhead]   pc 0x%x, cpsr 0x%x, lr 0x%x, sp 0x%x\n", (unsigned)state->regs.pc, (unsigned)pstate,
                  (unsigned)state->regs.x[aarch32_register(pstate, 14)], (unsigned)state->regs.x[aarch32_register(pstate, 13)]);
    if (!cpu_sync(cpu))
        return;
    console_print("[bulkhead]   dfsr 0x%x, dfar 0x%x, ifsr 0x%x, ifar 0x%x, spsr_abt 0x%x, spsr_und 0x%x\n", (unsigned)el1->esr, (unsigned)el1->far,
                  more->ifsr, (unsigned)(el1->far >> 32), more->spsr_abt, more->spsr_und);
    console_print("[bulkhead]   vbar 0x%x, sctlr 0x%x, ttbcr 0x%x, ttbr0 0x%llx, ttbr1 0x%llx\n", (unsigned)el1->vbar, (unsigned)el1->sctlr,
                  (unsigned)el1->tcr, wide(el1->ttbr0), wide(el1->ttbr1));
}

static void print_registers(struct cpu *cpu)
{
    const struct vcpu_state *state = cpu->state;
    const struct vcpu_el1 *el1 = &state->el1;
    if (machine.aarch32) {
        print_registers_aarch32(cpu);
        return;
    }
    console_print("[bulkhead]   pc 0x%llx, pstate 0x%llx, x30 0x%llx\n", wide(state->regs.pc), wide(state->regs.pstate),
                  wide(state->regs.x[30]));
    if (!cpu_sync(cpu))
        return;
    console_print("[bulkhead]   esr_el1 0x%llx (%s), far_el1 0x%llx, elr_el1 0x%llx, spsr_el1 0x%llx\n", wide(el1->esr),
                  el1->esr ? syndrome_class(el1->esr) : "no exception yet", wide(el1->far), wide(el1->elr), wide(el1->spsr));
    console_print("[bulkhead]   vbar_el1 0x%llx, sctlr_el1 0x%llx, ttbr0_el1 0x%llx, ttbr1_el1 0x%llx, sp_el1 0x%llx\n", wide(el1->vbar),
                  wide(el1->sctlr), wide(el1->ttbr0), wide(el1->ttbr1), wide(el1->sp));
}

/* FAR_EL2 means something only after an abort: what is reported then is an access or a fetch. */
static void print_syndrome(const struct vcpu_exit *exit)
{
    bool abort = syndrome_is_abort(exit->syndrome);
    console_print("[bulkhead]   esr_el2 0x%llx (%s)", wide(exit->syndrome), syndrome_class(exit->syndrome));
    if (abort)
        console_print(", virtual address 0x%llx", wide(exit->fault_va));
    console_print("\n");
}

static void print_if_full(void)
{
    if (key_count == REPORTS)
        console_print("[bulkhead]   (further reports about this VM are left out until it restarts)\n");
}

/* The remedy for an access: more memory if that is what lies next to it, otherwise a device, from which no code runs. */
static void print_remedy(uint64_t address, bool fetch)
{
    uint64_t end = machine.ram.base + machine.ram.size;
    if (mmio_find(address))
        console_print("[bulkhead]   to allow it: nothing does; emulated devices take aligned loads and stores of one or two"
                      " general-purpose registers within a page\n");
    else if (address >= end)
        console_print("[bulkhead]   to allow it: this VM's RAM ends at 0x%llx; raise `memory` of \"%s\" in the system description\n", wide(end),
                      machine.name);
    else if (fetch)
        console_print("[bulkhead]   to allow it: nothing does; code runs from this VM's RAM, 0x%llx to 0x%llx, only: a wild jump, or `kernel` is linked"
                      " elsewhere\n",
                      wide(machine.ram.base), wide(end));
    else
        console_print("[bulkhead]   to allow it: add the firmware's device-tree node with these registers to `devices` of \"%s\" in the system"
                      " description\n",
                      machine.name);
}

void report_access(struct cpu *cpu)
{
    const struct vcpu_exit *exit = &cpu->state->exit;
    uint64_t address = exit->mmio.address;
    char what[128];
    lock_take(&lock);
    if (key_is_new(address >> PAGE_BITS << 1 | KEY_ACCESS)) {
        syndrome_access(what, sizeof what, cpu->state, cpu->instruction, &cpu->decoded);
        const struct mmio_range *range = mmio_find(address);
        report_line("VM %s, vCPU %u, pc 0x%llx: %s at 0x%llx, %s%s", machine.name, cpu->index, wide(cpu->state->regs.pc), what, wide(address),
                    range ? "not possible in " : "where it has nothing", range ? range->name : "");
        print_syndrome(exit);
        print_registers(cpu);
        print_remedy(address, exit->reason == EXIT_FETCH);
        print_if_full();
    }
    lock_release(&lock);
}

void report_instruction(struct cpu *cpu)
{
    const struct vcpu_exit *exit = &cpu->state->exit;
    char what[96];
    lock_take(&lock);
    if (key_is_new(exit->syndrome << 1 | KEY_INSTRUCTION)) {
        syndrome_instruction(what, sizeof what, exit->syndrome);
        report_line("VM %s, vCPU %u, pc 0x%llx: %s, which VMs are not offered", machine.name, cpu->index, wide(cpu->state->regs.pc), what);
        print_syndrome(exit);
        print_registers(cpu);
        console_print("[bulkhead]   to allow it: no property does; the guest gets an undefined instruction. ID registers show what works\n");
        print_if_full();
    }
    lock_release(&lock);
}

void report_silence(struct cpu *cpu)
{
    lock_take(&lock);
    report_line("VM %s has written nothing to its console so far; vCPU %u is at pc 0x%llx after %llu exits", machine.name, cpu->index,
                wide(cpu->state->regs.pc), wide(cpu->state->exits));
    print_registers(cpu);
    console_print("[bulkhead]   if it should have: is its console this VM's PL011 at 0x%x (Linux: `bootargs` with console=ttyAMA0"
                  " earlycon=pl011,0x%x), is `kernel` built for QEMU's virt board, is `memory` enough?\n",
                  UART_BASE, UART_BASE);
    lock_release(&lock);
}

bool report_fatal(struct cpu *cpu, const char *why)
{
    char text[TEXT];
    lock_take(&lock);
    format_text(text, sizeof text, "VM %s failed: %s (vCPU %u, pc 0x%llx)", machine.name, why, cpu->index, wide(cpu->state->regs.pc));
    say(text);
    print_syndrome(&cpu->state->exit);
    print_registers(cpu);
    lock_release(&lock);
    machine_request(REQUEST_FAIL);
    return false;
}
