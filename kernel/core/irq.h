/* Physical interrupts that are somebody's: each is bound to a signal, or forwarded to a VM's line. */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include "signal.h"

struct vm;

/* Tree lock for both. `number` is within the caller's capability. STATUS_BUSY if somebody has it, STATUS_LIMIT if too many are bound. */
status_t irq_bind(unsigned number, struct signal *signal, uint64_t bits, unsigned cpu, bool edge);
status_t irq_forward(unsigned number, struct vm *vm, unsigned line, unsigned cpu, bool edge);
/* No VM or signal uses it any more. */
void irq_unbind(unsigned number);
void irq_vm_died(const struct vm *vm);
void irq_signal_died(const struct signal *signal);
/* How many are somebody's. */
unsigned irq_bound_count(void);
/* It was handled. STATUS_STATE if it is not bound to a signal. */
status_t irq_acknowledge(unsigned number);

#endif
