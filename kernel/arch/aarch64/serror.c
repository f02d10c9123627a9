/* SErrors: looked for, and put down to whoever ran. Nothing but sysreg.h ties this to the processor, so that it is tested on the host. */
#include "serror.h"
#include "cpu.h"
#include "log.h"
#include "sysreg.h"
#include "thread.h"
#include "trap.h"

enum { ISR_SERROR = 1 << 8 };

/* It was caused by whoever ran last, or by what that one left in write buffers. Who has been stopped meanwhile has nobody to tell. */
void serror_attribute(struct cpu *cpu, uint64_t esr)
{
    struct thread *thread = cpu->current;
    if (!serror_is_contained(esr))
        panic("uncontainable SError, syndrome %lx", esr);
    if (!thread || (thread->state != THREAD_READY && thread->state != THREAD_WAITING))
        log_print("bulkhead: SError of a stopped thread, syndrome %lx\n", esr);
    else if (!thread->vcpu)
        thread_trap(cpu, FAULT_ERROR, 0, esr);
    else {
        trap_guest_exit(cpu, thread->vcpu, EXIT_ERROR, esr);
        if (thread->state == THREAD_WAITING)
            thread_ready(cpu, thread);
    }
}

/* One that is pending, or that outstanding writes still cause: its syndrome, 0 if there is none. */
static uint64_t serror_take(void)
{
    dsb(sy); /* what has been written is answered for (D1.13.4: then it is pending, or will not come) */
    return read_sysreg(isr_el1) & ISR_SERROR ? serror_window() : 0;
}

void serror_reschedule(struct cpu *cpu)
{
    uint64_t syndrome = serror_take();
    if (syndrome)
        serror_attribute(cpu, syndrome); /* while it is still known whose it is */
    cpu_reschedule(cpu);
}

void serror_idle(void)
{
    uint64_t syndrome = serror_take();
    if (syndrome)
        panic("SError while nobody runs, syndrome %lx", syndrome);
}
