/*
 * System registers that trap: what a guest is told (identification), what is absorbed (debug, set/way cache maintenance), what the kernel does
 * for it (SGIs). Anything else goes to the monitor, which reports it. The table of who sees what, with reasons: docs/guest-machine.md.
 */
#include "cpu.h"
#include "trap.h"
#include "vgic.h"
#include "vm.h"

enum { ID_CRM = 8, ID_OP2 = 8 };

/* Identification registers op0 3, op1 0, CRn 0, CRm 1 … 7 as guests see them. Row 0 (MIDR and so on) does not trap. */
static uint64_t id_values[ID_CRM][ID_OP2];

/* --- identification: only what works in a VM --------------------------------------------------------------------------------- */

/* Takes the 4-bit fields at the given bit numbers out of `value`. */
#define FIELD(shift) (UINT64_C(15) << (shift))
#define FIELD_IS(shift, n) ((uint64_t)(n) << (shift))

/* Upper bound on a field. */
static uint64_t field_limit(uint64_t value, unsigned shift, uint64_t limit)
{
    uint64_t field = value >> shift & 15;
    return field <= limit ? value : (value & ~FIELD(shift)) | limit << shift;
}

static void id_hide(void)
{
    uint64_t *pfr0 = &id_values[4][0], *dfr0 = &id_values[5][0], *isar1 = &id_values[6][1], *mmfr0 = &id_values[7][0];
    /* AArch64 at EL1, no EL2 or EL3; no RAS, SVE, Secure EL2, MPAM, AMU, RME: their registers are not switched. */
    *pfr0 &= ~(FIELD(4) | FIELD(8) | FIELD(12) | FIELD(28) | FIELD(32) | FIELD(36) | FIELD(40) | FIELD(44) | FIELD(52));
    *pfr0 |= FIELD_IS(4, 1);
    id_values[4][1] &= FIELD(0) | FIELD(4); /* BT, SSBS; no MTE, SME, … */
    id_values[4][4] = id_values[4][5] = 0;  /* SVE, SME */
    /* Debug: the architecture's minimum, which is absorbed; no PMU, trace, statistical profiling, trace buffer. */
    *dfr0 = (*dfr0 & FIELD(0)) | FIELD_IS(12, 1) | FIELD_IS(20, 1);
    id_values[5][1] = 0;
    id_values[5][4] = id_values[5][5] = 0; /* auxiliary */
    id_values[6][0] &= ~FIELD(24);         /* TME */
    *isar1 &= ~(FIELD(4) | FIELD(8) | FIELD(24) | FIELD(28) | FIELD(60)); /* pointer authentication keys are not switched; LS64 */
    id_values[6][2] &= FIELD(4);           /* RPRES; no WFxT, pointer authentication, MOPS */
    *mmfr0 = field_limit(*mmfr0, 0, 2) & ~(FIELD(56) | FIELD(60)); /* at most 40 bits of physical address; no FGT, ECV */
    id_values[7][1] &= FIELD(0) | FIELD(12) | FIELD(20) | FIELD(36); /* HAFDBS, HPDS, PAN, ETS; no VHE, VMID, LORegions */
    id_values[7][2] &= FIELD(0) | FIELD(4) | FIELD(8) | FIELD(16) | FIELD(20) | FIELD(28) | FIELD(32) | FIELD(36) | FIELD(48) |
                       FIELD(52) | FIELD(60); /* no IESB, NV, FWB, EVT */
    for (unsigned op2 = 3; op2 < ID_OP2; op2++)
        id_values[7][op2] = 0;
    id_values[1][2] &= ~FIELD(24); /* ID_DFR0_EL1: PerfMon */
}

#define READ_ID(crm, op2) id_values[crm][op2] = read_sysreg(S3_0_C0_C##crm##_##op2);
#define READ_ROW(crm)                                                                                                  \
    READ_ID(crm, 0) READ_ID(crm, 1) READ_ID(crm, 2) READ_ID(crm, 3) READ_ID(crm, 4) READ_ID(crm, 5) READ_ID(crm, 6)    \
    READ_ID(crm, 7)

void sysreg_init(void)
{
    READ_ROW(1) READ_ROW(2) READ_ROW(3) READ_ROW(4) READ_ROW(5) READ_ROW(6) READ_ROW(7)
    id_hide();
}

/* --- access -------------------------------------------------------------------------------------------------------------------------- */

#define SYSREG_GROUP SYSREG(3, 7, 15, 0, 0)
enum {
    ID_GROUP = SYSREG(3, 0, 0, 0, 0),
    ICC_SGI1R = SYSREG(3, 0, 12, 11, 5),
    ICC_SRE = SYSREG(3, 0, 12, 12, 5),
    ICC_SRE_FIXED = 7, /* system registers, no bypass: there is nothing else for a guest to choose */
    ACTLR = SYSREG(3, 0, 1, 0, 1),
    DC_ISW = SYSREG(1, 0, 7, 6, 2),
    DC_CSW = SYSREG(1, 0, 7, 10, 2),
    DC_CISW = SYSREG(1, 0, 7, 14, 2),
    OSLSR = SYSREG(2, 0, 1, 1, 4),
    OSLSR_OSLM = 8, /* the OS lock is implemented and open */
    OP0_SHIFT = 20,
    OP0_DEBUG = 2,
};

static void answer(struct vcpu *vcpu, const struct sysreg_access *access, uint64_t value)
{
    if (access->read && access->rt != 31)
        vcpu->state->regs.x[access->rt] = value;
}

static uint64_t written(const struct vcpu *vcpu, const struct sysreg_access *access)
{
    return access->rt == 31 ? 0 : vcpu->state->regs.x[access->rt];
}

bool sysreg_emulate(struct cpu *cpu, struct vcpu *vcpu, const struct sysreg_access *access)
{
    uint32_t reg = access->reg;
    if ((reg & (uint32_t)SYSREG_GROUP) == ID_GROUP && access->read)
        answer(vcpu, access, id_values[reg >> 1 & 7][reg >> 17 & 7]);
    else if (reg == ICC_SGI1R && !access->read)
        vgic_sgi1r_write(cpu, vcpu, written(vcpu, access));
    else if (reg == ICC_SRE && gic.version == 3)
        answer(vcpu, access, ICC_SRE_FIXED);
    else if (reg >> OP0_SHIFT == OP0_DEBUG)
        answer(vcpu, access, reg == OSLSR ? OSLSR_OSLM : 0);
    else if (reg == ACTLR)
        answer(vcpu, access, 0);
    else if (reg != DC_ISW && reg != DC_CSW && reg != DC_CISW)
        return false;
    /* Set/way maintenance is absorbed: it cannot be made to work across CPUs, and stage 2 memory is coherent (D4.4.7). */
    return true;
}
