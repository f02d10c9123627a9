/* Calls that only AArch64 has: <bulkhead/aarch64/call.h>. */
#include "arch.h"
#include "call.h"
#include "cap.h"
#include "cpu.h"
#include "../../core/irq.h" /* not this folder's */
#include "thread.h"
#include "vgic.h"
#include "vm.h"

/* vCPU, field and first line: what does not fit the types behind them is none of them. */
static status_t virq_access(struct vm *vm, bool set, uint64_t *r)
{
    unsigned vcpu = (unsigned)r[2], field = (unsigned)r[3], first = (unsigned)r[4];
    if ((r[2] | r[3] | r[4]) >> 32)
        return STATUS_RANGE;
    return set ? vgic_set(vm, vcpu, field, first, r[5]) : vgic_get(vm, vcpu, field, first, &r[1]);
}

static status_t virq_forward(const struct partition *self, struct vm *vm, uint64_t *r)
{
    status_t status;
    uint64_t line = r[2], number = r[4];
    if (line < VIRQ_PRIVATE || line >= VM_LINES)
        return STATUS_RANGE;
    unsigned before = vm->arch.shared[line - VIRQ_PRIVATE].physical;
    if (!r[3]) {
        if (before)
            irq_unbind(before);
        return STATUS_OK;
    }
    const struct cap *cap = cap_find(self, r[3], CAP_IRQ, RIGHT_BIND, &status);
    if (!cap)
        return status;
    if (!irq_covered(cap, number))
        return STATUS_RANGE;
    if (r[5] & ~(uint64_t)IRQ_EDGE)
        return STATUS_ARGUMENT;
    if (before)
        return before == number ? STATUS_OK /* it is already */ : STATUS_BUSY;
    return irq_bind((unsigned)number, cap, &vm->object, line, cpu_self()->index, r[5] & IRQ_EDGE);
}

static status_t locked_call(const struct partition *self, struct vm *vm, unsigned number, uint64_t *r)
{
    switch (number) {
    case CALL_VM_SGI_ADDRESS - CALL_ARCH:
        vm->arch.sgi_address = r[2];
        return STATUS_OK;
    case CALL_VIRQ_FORWARD - CALL_ARCH:
        return virq_forward(self, vm, r);
    default:
        return virq_access(vm, number == CALL_VIRQ_SET - CALL_ARCH, r);
    }
}

status_t arch_call(struct cpu *cpu, struct thread *thread, unsigned number, uint64_t *registers)
{
    status_t status;
    (void)cpu;
    if (number >= CALL_ARCH_END - CALL_ARCH)
        return STATUS_CALL;
    struct cap *cap = cap_find(thread->partition, registers[1], CAP_VM, RIGHT_CONFIGURE, &status);
    if (!cap)
        return status;
    if (number == CALL_VIRQ_SET - CALL_ARCH && registers[3] <= VIRQ_DISABLE) /* guests do that all the time: no lock of all CPUs */
        return virq_access((struct vm *)cap->object, true, registers);
    if (!cap_tree_lock())
        return CALL_REPEAT;
    status = locked_call(thread->partition, (struct vm *)cap->object, number, registers);
    cap_tree_unlock();
    return status;
}
