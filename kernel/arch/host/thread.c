/* Threads' registers, and which side of a CPU is up. */
#include "thread.h"
#include "arch.h"
#include "host.h"
#include "internal.h"

void arch_thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
    thread->arch = (struct arch_thread){.registers = {argument}, .pc = pc, .sp = sp};
}

void arch_thread_place(const struct thread *thread, struct thread_fault *fault)
{
    fault->pc = thread->arch.pc;
    fault->link = thread->arch.link;
    fault->sp = thread->arch.sp;
}

void arch_call_repeat(struct thread *thread)
{
    thread->arch.repeat = true;
}

void side_set(struct cpu *cpu, enum host_side side, struct space *space)
{
    cpu->arch.side = side;
    cpu->arch.space = space;
    if (space)
        cpu->arch.tag = tag_activate(cpu->index, 0, &space->tag);
}

void arch_thread_switch(struct cpu *cpu, struct thread *from, struct thread *to)
{
    if (from && cpu->arch.side == SIDE_NONE)
        host_fail("CPU %u switches from a thread that it did not run", cpu->index);
    if (to && to->vcpu)
        vcpu_side(cpu, to->vcpu);
    else
        side_set(cpu, to ? SIDE_COMPONENT : SIDE_NONE, to ? to->space.space : NULL);
}
