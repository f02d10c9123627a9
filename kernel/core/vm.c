/* VMs and vCPUs. */
#include "vm.h"
#include "call.h"
#include "cpu.h"
#include "irq.h"
#include "log.h"
#include "partition.h"
#include "thread.h"

/* --- VMs --------------------------------------------------------------------------------------------------------------- */

struct vm *vm_new(struct partition *payer, struct space *space, status_t *status)
{
    struct vm *vm = (struct vm *)object_new(payer, CAP_VM, sizeof(*vm), status);
    if (!vm)
        return NULL;
    space_user_add(space, &vm->space, &vm->object);
    arch_vm_reset(vm);
    return vm;
}

static void vcpu_unload_here(void *argument)
{
    struct vcpu *vcpu = argument;
    vcpu_unload(cpu_self(), vcpu);
    arch_vcpu_release(cpu_self(), vcpu);
    vcpu->resident = false;
}

/* Brings its registers out of whatever CPU they are in. Claimed. */
static void vcpu_bring_out(struct vcpu *vcpu)
{
    if (vcpu->resident)
        cpu_run_on(vcpu->cpu, vcpu_unload_here, vcpu);
}

/*
 * Stands for the thread that looks after a vCPU without being in it: the CPU where the vCPU is loaded follows vcpu->thread outside of sections, so only
 * a thread of that CPU may be there. Poked for good: whoever pokes it disturbs nobody.
 */
static struct thread caretaker = {.poked = POKED};

/* Keeps everybody out of the vCPU until vcpu_yield(), or until the calling thread goes in. */
static bool vcpu_claim(struct vcpu *vcpu)
{
    return vcpu_claim_for(vcpu, &caretaker);
}

/* The first `count` vCPUs that there are. */
static void vcpus_yield(struct vm *vm, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (vm->vcpus[i])
            vcpu_yield(vm->vcpus[i]);
    }
}

status_t vm_reset(struct vm *vm)
{
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        if (vm->vcpus[i] && !vcpu_claim(vm->vcpus[i])) {
            vcpus_yield(vm, i);
            return STATUS_BUSY;
        }
    }
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        if (vm->vcpus[i])
            vcpu_bring_out(vm->vcpus[i]);
    }
    arch_vm_reset(vm);
    vcpus_yield(vm, VM_VCPUS);
    return STATUS_OK;
}

status_t vm_answer_set(struct vm *vm, uint32_t function, uint64_t value)
{
    struct vm_answer *answer = vm_answer_find(vm, function);
    if (answer) {
        answer->value = value;
        return STATUS_OK;
    }
    if (vm->answer_count == VM_ANSWERS)
        return STATUS_LIMIT;
    vm->answers[vm->answer_count] = (struct vm_answer){function, value};
    __atomic_store_n(&vm->answer_count, vm->answer_count + 1, __ATOMIC_RELEASE);
    return STATUS_OK;
}

static inline __attribute__((always_inline)) struct doorbell *doorbell_at(struct vm *vm, saddr_t address)
{
    unsigned count = __atomic_load_n(&vm->doorbell_count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++) {
        if (vm->doorbells[i].address.raw == address.raw)
            return &vm->doorbells[i];
    }
    return NULL;
}

/* One at that address, or one whose signal went away, or a new one. */
static struct doorbell *doorbell_for(struct vm *vm, saddr_t address)
{
    struct doorbell *doorbell = doorbell_at(vm, address);
    for (unsigned i = 0; !doorbell && i < vm->doorbell_count; i++) {
        if (!vm->doorbells[i].binding.signal)
            doorbell = &vm->doorbells[i];
    }
    if (!doorbell && vm->doorbell_count < VM_DOORBELLS) {
        doorbell = &vm->doorbells[vm->doorbell_count];
        doorbell->address = address;
        __atomic_store_n(&vm->doorbell_count, vm->doorbell_count + 1, __ATOMIC_RELEASE);
    }
    return doorbell;
}

status_t vm_doorbell_set(struct vm *vm, saddr_t address, struct signal *signal, uint64_t bits)
{
    struct doorbell *doorbell = doorbell_for(vm, address);
    if (!doorbell)
        return STATUS_LIMIT;
    if (doorbell->binding.signal) {
        binding_set(&doorbell->binding, NULL, 0);
        cpu_quiesce(); /* who rings it now means the old one */
    }
    doorbell->address = address;
    binding_set(&doorbell->binding, signal, bits);
    return STATUS_OK;
}

bool vm_ring(struct vm *vm, saddr_t address)
{
    struct doorbell *doorbell = doorbell_at(vm, address);
    if (!doorbell || !doorbell->binding.signal)
        return false;
    cpu_section_begin(cpu_self());
    binding_raise(&doorbell->binding);
    cpu_section_end(cpu_self());
    return true;
}

bool vm_destroy(struct vm *vm)
{
    vm_space_died(vm);
    if (!irq_unbind_step(vm))
        return false;
    for (unsigned i = 0; i < vm->doorbell_count; i++)
        binding_set(&vm->doorbells[i].binding, NULL, 0);
    space_user_remove(&vm->space);
    return true;
}

void vm_space_died(struct vm *vm)
{
    for (unsigned i = 0; i < VM_VCPUS; i++) {
        if (vm->vcpus[i])
            vcpu_detach(vm->vcpus[i]);
    }
}

/* --- vCPUs: making and ending ------------------------------------------------------------------------------------------- */

struct vcpu *vcpu_new(struct partition *payer, struct vm *vm, unsigned index, uint64_t mode, struct space *monitor, saddr_t address,
                      status_t *status)
{
    if (vm->vcpus[index]) {
        *status = STATUS_EXISTS;
        return NULL;
    }
    struct vcpu *vcpu = (struct vcpu *)object_new(payer, CAP_VCPU, sizeof(*vcpu), status);
    if (!vcpu)
        return NULL;
    vcpu->state = space_page_new(monitor, address, payer, RIGHT_READ | RIGHT_WRITE, status);
    if (!vcpu->state) {
        object_free(&vcpu->object);
        return NULL;
    }
    vcpu->index = index;
    vcpu->state_address = address;
    space_user_add(monitor, &vcpu->monitor, &vcpu->object);
    vcpu->vm = vm;
    arch_vcpu_init(vcpu, mode);
    __atomic_store_n(&vm->vcpus[index], vcpu, __ATOMIC_RELEASE);
    return vcpu;
}

/* On the CPU of the thread that is in it: back to the monitor with STATUS_DEAD, and out of the registers. */
static void vcpu_detach_here(void *argument)
{
    struct vcpu *vcpu = argument;
    struct cpu *cpu = cpu_self();
    struct thread *thread = vcpu->thread;
    if (thread && thread->cpu == cpu->index && thread->vcpu == vcpu) {
        vcpu_abandon(cpu, thread);
        thread_answer(thread, STATUS_DEAD);
        if (thread->state == THREAD_WAITING)
            thread_ready(cpu, thread);
    }
    vcpu_unload_here(vcpu);
}

void vcpu_detach(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    if (!vm)
        return;
    __atomic_store_n(&vcpu->dead, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&vm->vcpus[vcpu->index], NULL, __ATOMIC_SEQ_CST); /* no interrupt is sent to it from here on */
    cpu_quiesce(); /* nobody enters it any more: the CPU that it was in last is the one to tell */
    if (vcpu->resident)
        cpu_run_on(vcpu->cpu, vcpu_detach_here, vcpu);
    arch_vcpu_detach(vcpu);
    vcpu->vm = NULL;
}

void vcpu_space_died(struct vcpu *vcpu)
{
    space_unmap_kernel(vcpu->monitor.space, vcpu->state_address);
}

bool vcpu_destroy(struct vcpu *vcpu)
{
    vcpu_detach(vcpu);
    if (vcpu->monitor.space) {
        vcpu_space_died(vcpu);
        space_user_remove(&vcpu->monitor);
    }
    memory_give_page(vcpu->object.payer, vcpu->state);
    return true;
}

status_t vcpu_sync(struct vcpu *vcpu)
{
    if (!vcpu_claim(vcpu))
        return STATUS_BUSY;
    vcpu_bring_out(vcpu);
    vcpu_yield(vcpu);
    return STATUS_OK;
}

/* --- vCPUs: the world switch, on the thread's CPU ------------------------------------------------------------------------- */

status_t vcpu_enter(struct cpu *cpu, struct vcpu *vcpu, bool wait)
{
    struct thread *thread = cpu->current;
    if (!vcpu_claim(vcpu))
        return STATUS_BUSY;
    if (vcpu->dead || (vcpu->resident && vcpu->cpu != cpu->index)) {
        vcpu_yield(vcpu);
        return vcpu->dead ? STATUS_DEAD : STATUS_CPU; /* its registers lie in another CPU: CALL_VCPU_SYNC brings them out */
    }
    if (!vcpu->resident) { /* whoever looks at what was saved of it on the CPU where it has been has done so */
        lock_take(&vcpu->lock);
        vcpu->cpu = cpu->index;
        lock_release(&vcpu->lock);
        vcpu->resident = true;
    }
    thread->vcpu = vcpu;
    __atomic_store_n(&vcpu->thread, thread, __ATOMIC_SEQ_CST); /* before the look at `kicked` */
    arch_vcpu_enter(cpu, vcpu);
    if (wait)
        vcpu_wait(cpu, vcpu);
    if (__atomic_load_n(&vcpu->kicked, __ATOMIC_SEQ_CST))
        vcpu_attend(cpu, vcpu);
    return CALL_PENDING;
}

void vcpu_exit(struct cpu *cpu, struct vcpu *vcpu, unsigned reason)
{
    struct thread *thread = vcpu->thread;
    arch_vcpu_leave(cpu, vcpu);
    vcpu_returned(vcpu, thread, reason);
}

void vcpu_wait(struct cpu *cpu, struct vcpu *vcpu)
{
    if (!arch_vcpu_pending(vcpu))
        thread_wait(cpu, vcpu->thread, WAIT_INTERRUPT, &vcpu->object, DEADLINE_NEVER);
}

void vcpu_attend(struct cpu *cpu, struct vcpu *vcpu)
{
    struct thread *thread = vcpu->thread;
    arch_vcpu_attend(cpu, vcpu);
    bool kicked = vcpu->kicked;
    if (thread->waiting == WAIT_INTERRUPT && (kicked || arch_vcpu_pending(vcpu)))
        thread_ready(cpu, thread);
    if (kicked && cpu->current == thread) {
        __atomic_exchange_n(&vcpu->kicked, 0, __ATOMIC_SEQ_CST); /* what a second one stored before it kicked is seen now */
        vcpu_exit(cpu, vcpu, EXIT_KICKED);
    }
}

void vcpu_notify(struct vcpu *vcpu)
{
    struct thread *thread = __atomic_load_n(&vcpu->thread, __ATOMIC_SEQ_CST);
    if (thread)
        thread_poke(thread);
}

void vcpu_abandon(struct cpu *cpu, struct thread *thread)
{
    struct vcpu *vcpu = thread->vcpu;
    if (cpu->current == thread)
        arch_vcpu_leave(cpu, vcpu);
    vcpu_unload(cpu, vcpu);
    thread->vcpu = NULL;
    __atomic_store_n(&vcpu->thread, NULL, __ATOMIC_RELEASE);
}

void vcpu_unload(struct cpu *cpu, struct vcpu *vcpu)
{
    if (cpu->loaded != vcpu)
        return;
    bool came = arch_vcpu_unload(cpu, vcpu);
    struct thread *thread = vcpu->thread;
    if (!thread || thread->waiting != WAIT_INTERRUPT)
        return;
    if (came) {
        thread_ready(cpu, thread);
        return;
    }
    thread_timer_remove(cpu, thread);
    thread_timer_add(cpu, thread, arch_vcpu_deadline(vcpu));
    cpu_timer_update(cpu);
}
