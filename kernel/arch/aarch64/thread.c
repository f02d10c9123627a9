/* Registers of components' threads. */
#include "thread.h"
#include "arch.h"

void arch_thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument)
{
    thread->arch.frame = (struct frame){.x = {argument}, .pc = pc, .sp_el0 = sp}; /* pstate 0: EL0, nothing masked */
    thread->arch.tpidr_el0 = 0;
}

void arch_thread_place(const struct thread *thread, struct thread_fault *fault)
{
    fault->pc = thread->arch.frame.pc;
    fault->link = thread->arch.frame.x[30];
    fault->sp = read_sysreg(sp_el0); /* the live one */
}

void arch_call_repeat(struct thread *thread)
{
    thread->arch.frame.pc -= 4; /* the SVC */
}
