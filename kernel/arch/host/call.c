/* Calls of this architecture: one, which answers what it was given. */
#include "arch.h"
#include "call.h"
#include "direct.h"
#include "host.h"
#include <string.h>

status_t arch_call(struct cpu *cpu, struct thread *thread, unsigned number, uint64_t *registers)
{
    (void)cpu;
    (void)thread;
    if (number != 0)
        return STATUS_CALL;
    registers[1] = ~registers[1];
    return STATUS_OK;
}

/* The call's results are the first `count` words. */
static void pass(struct cpu *cpu, struct thread *from, struct thread *to, const uint64_t *words, size_t count)
{
    host.passes++;
    arch_thread_switch(cpu, from, to);
    memcpy(arch_call_registers(to), words, count * sizeof *words);
}

void host_call(struct cpu *cpu)
{
    struct thread *from = cpu->current, *to = NULL;
    uint64_t *r = arch_call_registers(from), number = r[0], words[] = {STATUS_OK, r[2], r[3], r[4], r[5], 0};
    size_t count = number == CALL_PORTAL_CALL ? 6 : number == CALL_PORTAL_WAIT ? 5 : 2;
    cpu_section_begin(cpu);
    if (number == CALL_PORTAL_CALL)
        to = direct_call(cpu, from, r[1], r[6], &words[5]);
    else if (number == CALL_PORTAL_WAIT)
        to = direct_answer(cpu, from, r[1], r[6]);
    else if (number == CALL_SIGNAL_RAISE)
        to = direct_raise(cpu, from, r[1], &words[1]);
    cpu_section_end(cpu);
    if (to)
        pass(cpu, from, to, words, count);
    else
        call_dispatch(cpu);
    if (to && number == CALL_SIGNAL_RAISE) {
        r[0] = STATUS_OK;
        arch_wait_trap(cpu, true);
    }
}
