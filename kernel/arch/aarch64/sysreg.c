/*
 * System registers that trap: what a guest is told (identification), what the kernel does for it (SGIs). Anything else
 * goes to the monitor: debug registers, what is absorbed, and what is undefined. Who sees what, with reasons: guest_registers.h, docs/guest-machine.md.
 */
#include "sysreg.h"
#include "cpu.h"
#include "debug.h"
#include "guest_registers.h"
#include "trap.h"
#include "vgic.h"
#include "vm.h"

enum { FIELD_BITS = 4 };

/* Identification registers op0 3, op1 0, CRn 0, CRm 1 … 7 as guests see them. */
uint64_t sysreg_id_values[SYSREG_ID_CRM][SYSREG_ID_OP2];

#define LIMIT(crm, op2, name, limit, reason) [crm][op2] = (limit),
static const uint64_t id_limits[SYSREG_ID_CRM][SYSREG_ID_OP2] = {GUEST_ID_REGISTERS(LIMIT)};

/* --- identification: only what works in a VM --------------------------------------------------------------------------------- */

static uint64_t fields_limit(uint64_t value, uint64_t limits)
{
    for (uint64_t field = 15; field; field <<= FIELD_BITS)
        if ((value & field) > (limits & field))
            value = (value & ~field) | (limits & field);
    return value;
}

#define READ_ID(crm, op2, name, limit, reason) sysreg_id_values[crm][op2] = read_sysreg(S3_0_C0_C##crm##_##op2);

void sysreg_init(void)
{
    GUEST_ID_REGISTERS(READ_ID)
    for (unsigned i = 0; i < SYSREG_ID_CRM * SYSREG_ID_OP2; i++)
        sysreg_id_values[i / SYSREG_ID_OP2][i % SYSREG_ID_OP2] = fields_limit(sysreg_id_values[i / SYSREG_ID_OP2][i % SYSREG_ID_OP2], id_limits[i / SYSREG_ID_OP2][i % SYSREG_ID_OP2]);
}

unsigned sysreg_breakpoints(void)
{
    return (unsigned)(sysreg_id_values[5][0] >> DFR0_BREAKPOINTS_SHIFT & 15) + 1;
}

unsigned sysreg_watchpoints(void)
{
    return (unsigned)(sysreg_id_values[5][0] >> DFR0_WATCHPOINTS_SHIFT & 15) + 1;
}

/* --- access -------------------------------------------------------------------------------------------------------------------------- */

bool sysreg_emulate(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr)
{
    uint32_t reg = (uint32_t)esr & 0x3ffc1e;
    uint64_t *rt = (esr >> 5 & 31) == 31 ? NULL : &vcpu->state->regs.x[esr >> 5 & 31];
    bool read = esr & 1, id = sysreg_is_id(reg) && read, sgi = reg == ICC_SGI1R && !read;
    if (sgi)
        vgic_sgi1r_write(cpu, vcpu, rt ? *rt : 0);
    else if (id && rt)
        *rt = sysreg_id_values[reg >> 1 & 7][reg >> 17 & 7];
    return id || sgi;
}
