/*
 * System registers that trap: what a guest is told (identification), what the kernel does for it (SGIs, debug). Anything else
 * goes to the monitor, which absorbs or reports it. Who sees what, with reasons: guest_registers.h, docs/guest-machine.md.
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

void sysreg_answer(struct vcpu *vcpu, const struct sysreg_access *access, uint64_t value)
{
    if (access->read && access->rt != 31)
        vcpu->state->regs.x[access->rt] = value;
}

uint64_t sysreg_written(const struct vcpu *vcpu, const struct sysreg_access *access)
{
    return access->rt == 31 ? 0 : vcpu->state->regs.x[access->rt];
}

bool sysreg_emulate(struct cpu *cpu, struct vcpu *vcpu, const struct sysreg_access *access)
{
    uint32_t reg = access->reg;
    if (reg == ICC_SGI1R && !access->read)
        vgic_sgi1r_write(cpu, vcpu, sysreg_written(vcpu, access));
    else if (sysreg_is_id(reg) && access->read)
        sysreg_answer(vcpu, access, sysreg_id_values[reg >> 1 & 7][reg >> 17 & 7]);
    else
        return debug_emulate(cpu, vcpu, access);
    return true;
}
