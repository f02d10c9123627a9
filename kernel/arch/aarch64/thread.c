/* Registers of components' threads. */
#include "thread.h"
#include "arch.h"

void arch_thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
    thread->arch.frame = (struct frame){.x = {argument}, .pc = pc, .sp_el0 = sp}; /* pstate 0: EL0, nothing masked */
    thread->arch.tpidr_el0 = 0;
}

uint64_t arch_thread_pc(const struct thread *thread)
{
    return thread->arch.frame.pc;
}

/* Asked for when the thread faults: its stack pointer is the live one. */
uint64_t arch_thread_sp(const struct thread *thread)
{
    (void)thread;
    return read_sysreg(sp_el0);
}

uint64_t arch_thread_link(const struct thread *thread)
{
    return thread->arch.frame.x[30];
}

void arch_call_repeat(struct thread *thread)
{
    thread->arch.frame.pc -= 4; /* the SVC */
}
