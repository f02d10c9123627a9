/* What the vectors call, and the ways on from there. */
#ifndef AARCH64_TRAP_H
#define AARCH64_TRAP_H

#include "arch.h"

#include <bulkhead/vcpu.h>

struct frame;
struct vcpu;

/* What the vectors go on with after a short way (fast.c, switch.c): a frame, or the long way. */
#define LONG_WAY ((struct frame *)0)
/* Or a short way ends with one of these of entry.S, which do not return; a function calls them last, so that C has put back what is not its own (scripts/check-fp). */
/* What the exception asked for has been done, and somebody else may have to run now. */
struct frame *frame_reschedule(struct cpu *cpu);
/* From one guest to another, whose registers are there but for those in the frames. */
struct frame *frame_switch(struct frame *to, struct frame *from);

/* Called by entry.S with the registers saved; each returns the frame to go on with. */
struct frame *trap_sync(struct cpu *cpu);
struct frame *trap_irq(struct cpu *cpu);
struct frame *trap_serror(struct cpu *cpu);
struct frame *trap_illegal(struct cpu *cpu);
struct frame *trap_return(struct cpu *cpu); /* nothing but that */

/* ESR_ELx (Arm ARM D13.2.37). */
enum esr_class {
    EC_WFX = 0x01,
    EC_FP = 0x07,
    EC_SVC64 = 0x15,
    EC_HVC64 = 0x16,
    EC_SMC64 = 0x17,
    EC_SYSREG = 0x18,
    EC_FETCH_LOWER = 0x20,
    EC_PC_ALIGN = 0x22,
    EC_DATA_LOWER = 0x24,
    EC_SP_ALIGN = 0x26,
};

/* SMC, not HVC? Their classes differ in the lowest bit, in both states. */
#define ESR_IS_SMC(esr) ((esr) >> 26 & 1)
#define ESR_CLASS(esr) ((unsigned)(esr) >> 26) /* above bit 31 stands ISS2 */

#define ABORT_GONE UINT64_MAX
uint64_t trap_abort_address(uint64_t esr); /* guest-physical; ABORT_GONE: the guest has unmapped it meanwhile, so it is to try again */
/* What a data abort's syndrome says of the access (D13.2.37, ISS); if not `known`, no more than whether it is a store. */
static inline void mmio_describe(struct vcpu_mmio *mmio, uint64_t esr, uint64_t address, bool known)
{
    mmio->address = address;
    mmio->size = (uint8_t)(known ? 1u << (esr >> 22 & 3) : 0);
    mmio->write = esr >> 6 & 1;
    mmio->reg = esr >> 16 & 31;
    mmio->sign = (uint8_t)((esr >> 21 & 1) | (esr >> 15 & 1) << 1);
}
void trap_guest_exit(struct cpu *cpu, struct vcpu *vcpu, unsigned reason, uint64_t esr);

#define SYSREG(op0, op1, crn, crm, op2) ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)

enum { SYSREG_ID_CRM = 8, SYSREG_ID_OP2 = 8, ICC_SGI1R = SYSREG(3, 0, 12, 11, 5) };

/* One of the identification registers, op0 3, op1 0, CRn 0? As guests see them: by CRm and op2, 1 … 7 each. */
static inline bool sysreg_is_id(uint32_t reg)
{
    return (reg & (uint32_t)SYSREG(3, 7, 15, 0, 0)) == SYSREG(3, 0, 0, 0, 0);
}
extern uint64_t sysreg_id_values[SYSREG_ID_CRM][SYSREG_ID_OP2];

/* Reads the processor's identification registers and decides what guests see of them. Once, at boot. sysreg.c */
void sysreg_init(void);
/* Emulates the access behind EC_SYSREG; false: not one that the kernel knows. sysreg.c */
bool sysreg_emulate(struct cpu *cpu, struct vcpu *vcpu, uint64_t esr);
/* How many breakpoints and watchpoints a guest has. ID_AA64DFR0_EL1 has their numbers minus one. */
enum { DFR0_BREAKPOINTS_SHIFT = 12, DFR0_WATCHPOINTS_SHIFT = 20 };
unsigned sysreg_breakpoints(void);
unsigned sysreg_watchpoints(void);

#endif
