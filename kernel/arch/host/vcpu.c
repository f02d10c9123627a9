/* A guest of one register; virtual interrupts that all go to vCPU 0. */
#include "internal.h"
#include "host.h"
#include "thread.h"
#include "vm.h"

#include <string.h>

void arch_vm_reset(struct vm *vm)
{
    vm->arch.counter_offset = arch_counter();
    memset(vm->arch.levels, 0, sizeof vm->arch.levels); /* links stay */
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        if (!vm->vcpus[i])
            continue;
        if (cpus[vm->vcpus[i]->cpu].loaded == vm->vcpus[i])
            host_fail("reset of a VM while vCPU %u is loaded", i);
        vm->vcpus[i]->arch.pending = false;
    }
}

status_t arch_vcpu_offers(uint64_t mode)
{
    return mode ? STATUS_ARGUMENT : STATUS_OK;
}

void arch_vcpu_init(struct vcpu *vcpu, uint64_t mode)
{
    (void)mode;
    vcpu->state->counter_offset = vcpu->vm->arch.counter_offset;
}

static void vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        if (cpus[i].loaded == vcpu)
            host_fail("a vCPU is loaded on CPUs %u and %u", i, cpu->index);
    }
    cpu->arch.guest_register = vcpu->state->el1.tpidr;
    cpu->arch.fp_owner = vcpu;
    cpu->loaded = vcpu;
    vcpu->arch.loads++;
}

bool arch_vcpu_unload(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->loaded != vcpu || cpu->arch.side == SIDE_GUEST)
        host_fail("CPU %u unloads a vCPU that is not there, or runs", cpu->index);
    if (vcpu->thread && vcpu->thread->partition && vcpu->thread->cpu != cpu->index)
        host_fail("CPU %u follows a vCPU to a thread of CPU %u, which may go at any time", cpu->index, vcpu->thread->cpu);
    vcpu->state->el1.tpidr = cpu->arch.guest_register;
    cpu->loaded = NULL;
    vcpu->arch.pending |= vcpu->arch.late;
    return vcpu->arch.late;
}

void arch_vcpu_detach(struct vcpu *vcpu)
{
    if (cpu_self()->loaded == vcpu)
        host_fail("vCPU %u leaves its VM while it is loaded", vcpu->index);
}

void arch_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.fp_owner == vcpu)
        cpu->arch.fp_owner = NULL;
}

void vcpu_side(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->loaded != vcpu) {
        side_set(cpu, SIDE_NONE, NULL);
        if (cpu->loaded)
            vcpu_unload(cpu, cpu->loaded);
        vcpu_load(cpu, vcpu);
    }
    side_set(cpu, SIDE_GUEST, vcpu->vm->space.space);
}

void arch_vcpu_enter(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.side != SIDE_COMPONENT || !vcpu->vm)
        host_fail("CPU %u enters a guest from where it cannot", cpu->index);
    vcpu_side(cpu, vcpu);
}

void arch_vcpu_leave(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->arch.side != SIDE_GUEST || cpu->loaded != vcpu)
        host_fail("CPU %u leaves a guest that it does not run", cpu->index);
    side_set(cpu, SIDE_COMPONENT, vcpu->thread->space.space);
}

bool arch_vcpu_pending(struct vcpu *vcpu)
{
    return vcpu->arch.pending;
}

uint64_t arch_vcpu_deadline(const struct vcpu *vcpu)
{
    const struct vcpu_el1 *el1 = &vcpu->state->el1;
    if ((el1->cntv_ctl & 3) != 1 || !vcpu->vm)
        return UINT64_MAX;
    return el1->cntv_cval + vcpu->vm->arch.counter_offset;
}

void arch_vcpu_attend(struct cpu *cpu, struct vcpu *vcpu)
{
    (void)cpu;
    vcpu->arch.attended++;
}

status_t arch_virq_raise(struct vm *vm, unsigned line, unsigned level)
{
    uint64_t bit = UINT64_C(1) << line % 64;
    struct vcpu *vcpu = vm->vcpus[0];
    if (line < 32 || line >= VM_LINES)
        host_fail("virtual line %u", line);
    if (!vcpu)
        return STATUS_STATE;
    lock_take(&vcpu->lock);
    vm->arch.levels[line / 64] = level ? vm->arch.levels[line / 64] | bit : vm->arch.levels[line / 64] & ~bit;
    vcpu->arch.pending = false;
    for (unsigned i = 0; i < VM_LINES / 64; i++)
        vcpu->arch.pending |= vm->arch.levels[i] != 0;
    lock_release(&vcpu->lock);
    vcpu_notify(vcpu);
    return STATUS_OK;
}

void arch_virq_link(struct vm *vm, unsigned line, unsigned number)
{
    if (line < 32 || line >= VM_LINES)
        host_fail("virtual line %u", line);
    if (!number == !vm->arch.physical[line])
        host_fail("line %u is linked twice, or was not", line);
    vm->arch.physical[line] = (uint16_t)number;
    if (!number)
        arch_virq_raise(vm, line, 0);
}

void arch_wait_trap(struct cpu *cpu, bool on)
{
    cpu->arch.wait_trap = on;
}
