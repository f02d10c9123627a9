/* The lines' state lies in the kernel; a failed call is a line that does not exist, which reads as zero and ignores writes. */
#include "lines.h"

#include "call_stubs.h"
#include "machine.h"

uint32_t lines_get(unsigned vcpu, enum virq_field field, unsigned first)
{
    uint64_t value = 0;
    return virq_get(machine.vm, vcpu, field, first, &value) == STATUS_OK ? (uint32_t)value : 0;
}

void lines_set(unsigned vcpu, enum virq_field field, unsigned first, uint64_t value)
{
    virq_set(machine.vm, vcpu, field, first, value);
}

void line_level(unsigned intid, bool level)
{
    virq_raise(machine.vm, intid, level);
}
