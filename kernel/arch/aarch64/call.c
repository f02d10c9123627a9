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
static bool virq_named(const uint64_t *r)
{
    return !((r[2] | r[3] | r[4]) >> 32);
}

static status_t virq_set(const struct partition *self, struct vm *vm, uint64_t *r)
{
    (void)self;
    if (!virq_named(r))
        return STATUS_RANGE;
    return vgic_set(vm, (unsigned)r[2], (unsigned)r[3], (unsigned)r[4], r[5]);
}

static status_t virq_get(const struct partition *self, struct vm *vm, uint64_t *r)
{
    (void)self;
    if (!virq_named(r))
        return STATUS_RANGE;
    return vgic_get(vm, (unsigned)r[2], (unsigned)r[3], (unsigned)r[4], &r[1]);
}

static status_t vm_sgi_address(const struct partition *self, struct vm *vm, uint64_t *r)
{
    (void)self;
    vm->arch.sgi_address = r[2];
    return STATUS_OK;
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
    if (number - cap->base >= cap->size || number >= ARCH_IRQS)
        return STATUS_RANGE;
    if (r[5] & ~(uint64_t)IRQ_EDGE)
        return STATUS_ARGUMENT;
    if (before)
        return before == number ? STATUS_OK /* it is already */ : STATUS_BUSY;
    return irq_bind((unsigned)number, cap, &vm->object, line, cpu_self()->index, r[5] & IRQ_EDGE);
}

static status_t (*const calls[CALL_ARCH_END - CALL_ARCH])(const struct partition *self, struct vm *vm, uint64_t *r) = {
    [CALL_VIRQ_SET - CALL_ARCH] = virq_set,
    [CALL_VIRQ_GET - CALL_ARCH] = virq_get,
    [CALL_VM_SGI_ADDRESS - CALL_ARCH] = vm_sgi_address,
    [CALL_VIRQ_FORWARD - CALL_ARCH] = virq_forward,
};

status_t arch_call(struct cpu *cpu, struct thread *thread, unsigned number, uint64_t *registers)
{
    status_t status;
    (void)cpu;
    if (number >= ARRAY_SIZE(calls))
        return STATUS_CALL;
    struct cap *cap = cap_find(thread->partition, registers[1], CAP_VM, RIGHT_CONFIGURE, &status);
    if (!cap)
        return status;
    if (number == CALL_VIRQ_SET - CALL_ARCH && registers[3] <= VIRQ_DISABLE) /* guests do that all the time: no lock of all CPUs */
        return virq_set(thread->partition, (struct vm *)cap->object, registers);
    if (!cap_tree_lock())
        return CALL_REPEAT;
    status = calls[number](thread->partition, (struct vm *)cap->object, registers);
    cap_tree_unlock();
    return status;
}
