/* Physical interrupts that are somebody's: each is bound to a signal, or forwarded to a VM's line. */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include "cap.h"
#include "signal.h"

struct vm;

/*
 * Tree lock for all but the last. `number` is within the caller's capability `by`, with which the binding goes. `to`: a signal, `what` its bits; or a
 * VM, `what` its line. STATUS_BUSY if somebody has the interrupt, STATUS_LIMIT if too many are bound.
 */
status_t irq_bind(unsigned number, const struct cap *by, struct object *to, uint64_t what, unsigned cpu, bool edge);
/* No VM or signal uses it any more; inactive, and nothing of it is left in a VM. */
void irq_unbind(unsigned number);
/* The capability, signal or VM goes: unbinds one interrupt that was bound by it or to it. True when none was left. */
bool irq_unbind_step(const void *gone);
/* How many are somebody's. */
unsigned irq_bound_count(void);
/* Is it one of those that the capability, of type CAP_IRQ, is for? */
static inline bool irq_covered(const struct cap *cap, uint64_t number)
{
    return number - cap->base < cap->size && number < ARCH_IRQS;
}

/* It was handled. STATUS_STATE if it is not bound to a signal. */
status_t irq_acknowledge(unsigned number);

#endif
