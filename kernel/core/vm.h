/*
 * VMs and their virtual processors. A vCPU is lent to a thread: while the thread is in CALL_VCPU_ENTER, the processor runs the guest on the
 * thread's time. Its registers may stay in the CPU while the thread is back in the monitor.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "lock.h"
#include "object.h"
#include "signal.h"
#include "space.h"
#include "thread.h"
#include <bulkhead/vcpu.h>

struct cpu;
struct thread;

struct doorbell {
    saddr_t address;
    struct binding binding; /* no signal: free */
};

struct vm {
    struct object object;
    struct space_user space;
    struct vcpu *vcpus[VM_VCPUS];
    unsigned doorbell_count, answer_count; /* in use, from the front */
    struct doorbell doorbells[VM_DOORBELLS];
    struct vm_answer answers[VM_ANSWERS];
    struct arch_vm arch;
};

/* What the world switch looks at lies in three lines of 64 bytes, by who writes it: its thread's CPU, as that enters and leaves; any CPU; the one where it is loaded (struct arch_vcpu). */
struct vcpu {
    struct object object;
    struct vm *vm; /* NULL: gone */
    struct vcpu_state *state; /* shared with the monitor */
    struct thread *thread;    /* that is in it; one that is nobody's while it is synchronised or reset; NULL */
    /* any CPU's */
    unsigned kicked;
    struct lock lock; /* of its virtual interrupts; and of `cpu` */
    unsigned index;
    unsigned cpu;     /* that it ran on last */
    struct arch_vcpu arch;
    /* seldom */
    bool dead;                 /* its VM is going: nobody enters any more */
    bool resident;             /* some of its registers may still be in that CPU */
    struct space_user monitor; /* where the state page is mapped */
    saddr_t state_address;
};

/* The thread, or whoever stands for one, has the vCPU from now on; false: another one does. */
static inline bool vcpu_claim_for(struct vcpu *vcpu, struct thread *thread)
{
    struct thread *nobody = NULL;
    return __atomic_compare_exchange_n(&vcpu->thread, &nobody, thread, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static inline void vcpu_yield(struct vcpu *vcpu)
{
    __atomic_store_n(&vcpu->thread, NULL, __ATOMIC_RELEASE);
}

/* Its thread is the monitor's again, which finds the reason. */
static inline void vcpu_returned(struct vcpu *vcpu, struct thread *thread, unsigned reason)
{
    uint64_t *registers = arch_call_registers(thread);
    vcpu->state->exit.reason = reason;
    vcpu->state->exits++;
    thread->vcpu = NULL;
    registers[0] = STATUS_OK;
    registers[1] = reason;
    vcpu_yield(vcpu);
}

/* Tree lock for the first group. */
struct vm *vm_new(struct partition *payer, struct space *space, status_t *status);
status_t vm_reset(struct vm *vm);
status_t vm_answer_set(struct vm *vm, uint32_t function, uint64_t value);
status_t vm_doorbell_set(struct vm *vm, saddr_t address, struct signal *signal, uint64_t bits);
bool vm_destroy(struct vm *vm);
void vm_space_died(struct vm *vm);
struct vcpu *vcpu_new(struct partition *payer, struct vm *vm, unsigned index, uint64_t mode, struct space *monitor, saddr_t address,
                      status_t *status);
bool vcpu_destroy(struct vcpu *vcpu);
void vcpu_space_died(struct vcpu *vcpu);
/* Its VM or guest space goes: whoever is in it returns with STATUS_DEAD. */
void vcpu_detach(struct vcpu *vcpu);
/* Brings what is in processor registers to the state page. STATUS_BUSY while a thread is in it. */
status_t vcpu_sync(struct vcpu *vcpu);

/* The calling thread crosses over, and the guest waits for an interrupt if it is to; CALL_PENDING, or a status if it cannot. */
status_t vcpu_enter(struct cpu *cpu, struct vcpu *vcpu, bool wait);
/* The current thread's guest stops; its monitor goes on with `reason`. */
void vcpu_exit(struct cpu *cpu, struct vcpu *vcpu, unsigned reason);
/* The guest waits for an interrupt. */
void vcpu_wait(struct cpu *cpu, struct vcpu *vcpu);
/* From whatever CPU: virtual interrupts of the vCPU have changed. */
void vcpu_notify(struct vcpu *vcpu);
/* True: there is somebody in it, to be notified. */
static inline bool vcpu_kick(struct vcpu *vcpu)
{
    __atomic_store_n(&vcpu->kicked, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&vcpu->thread, __ATOMIC_SEQ_CST);
}
/* On its thread's CPU: kicks and virtual interrupts that arrived. */
void vcpu_attend(struct cpu *cpu, struct vcpu *vcpu);
/* On its thread's CPU: the thread will not come back to it. */
void vcpu_abandon(struct cpu *cpu, struct thread *thread);
/* The registers leave this CPU for another vCPU's, or for memory; a waiting guest's timer is taken over by the kernel's. */
void vcpu_unload(struct cpu *cpu, struct vcpu *vcpu);
/* Raises the signal of the doorbell at `address`; false if there is none. */
bool vm_ring(struct vm *vm, saddr_t address);
/* The constant answer to that firmware call of a guest; NULL: none. */
static inline struct vm_answer *vm_answer_find(struct vm *vm, uint32_t function)
{
    unsigned count = __atomic_load_n(&vm->answer_count, __ATOMIC_ACQUIRE);
    for (struct vm_answer *answer = vm->answers; answer < vm->answers + count; answer++) {
        if (answer->function == function)
            return answer;
    }
    return NULL;
}

#endif
