/*
 * What a guest is told about its processor: the decided table, of which the one in docs/guest-registers.md is made (scripts/register-doc) and which
 * guests/sweep is checked against. The reasons stand here for that.
 */
#ifndef AARCH64_GUEST_REGISTERS_H
#define AARCH64_GUEST_REGISTERS_H

/*
 * Identification registers op0 3, op1 0, CRn 0: ID(CRm, op2, name, most that a guest sees of each 4-bit field, reason). A field reads as the
 * lesser of this and the processor's; 0xf does not limit. What is not listed reads as zero. Row CRm = 0 (MIDR, MPIDR, REVIDR) does not trap.
 */
#define GUEST_ID_REGISTERS(ID)                                                                                                  \
    ID(1, 0, ID_PFR0_EL1, 0x0f01ffff, "no RAS, AMU: not switched. CSV2 at most 1: SCXTNUM is not switched")                     \
    ID(1, 1, ID_PFR1_EL1, 0xf00f000f, "no Security, Virtualization: no EL3, EL2. GIC as in ID_AA64PFR0_EL1")                    \
    ID(1, 2, ID_DFR0_EL1, 0x0000000f, "no PMU, trace: hidden")                                                                  \
    ID(1, 4, ID_MMFR0_EL1, 0xffffffff, "native")                                                                                \
    ID(1, 5, ID_MMFR1_EL1, 0xffffffff, "native")                                                                                \
    ID(1, 6, ID_MMFR2_EL1, 0xffffffff, "native")                                                                                \
    ID(1, 7, ID_MMFR3_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 0, ID_ISAR0_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 1, ID_ISAR1_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 2, ID_ISAR2_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 3, ID_ISAR3_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 4, ID_ISAR4_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 5, ID_ISAR5_EL1, 0xffffffff, "native")                                                                                \
    ID(2, 6, ID_MMFR4_EL1, 0x0ffff0f0, "no SError speculation, XNX, EVT: EL2's or RAS")                                         \
    ID(2, 7, ID_ISAR6_EL1, 0xffffffff, "native")                                                                                \
    ID(3, 0, MVFR0_EL1, 0xffffffff, "native")                                                                                   \
    ID(3, 1, MVFR1_EL1, 0xffffffff, "native")                                                                                   \
    ID(3, 2, MVFR2_EL1, 0xffffffff, "native")                                                                                   \
    ID(3, 4, ID_PFR2_EL1, 0x000000ff, "no RAS_frac")                                                                            \
    ID(3, 6, ID_MMFR5_EL1, 0x0000000f, "ETS")                                                                                   \
    ID(4, 0, ID_AA64PFR0_EL1, 0xf10f00000fff001f,                                                                               \
       "EL1 is AArch64. No EL2, EL3, Secure EL2, RME: there is no such level. No RAS, SVE, MPAM, AMU: not switched. CSV2 at most 1") \
    ID(4, 1, ID_AA64PFR1_EL1, 0x00000000000000ff, "BT, SSBS; no MTE, SME, RNDR trap, …: not switched")                          \
    ID(5, 0, ID_AA64DFR0_EL1, 0x000000f010305009,                                                          \
       "at most 6 breakpoints and 4 watchpoints, 2 of context; no PMU, trace, profiling, BRBE: not switched")                   \
    ID(6, 0, ID_AA64ISAR0_EL1, 0xfffffffff0ffffff, "no TME: transactions would not survive an exit")                            \
    ID(6, 1, ID_AA64ISAR1_EL1, 0x0fffffff00fff00f, "no pointer authentication: keys are not switched; no LS64")                 \
    ID(6, 2, ID_AA64ISAR2_EL1, 0x00000000000000f0, "RPRES; no WFxT: a deadline that the kernel does not know; no MOPS, keys")   \
    ID(7, 0, ID_AA64MMFR0_EL1, 0x00fffffffffffff2, "at most 40 bits of physical address: spaces have 39; no FGT, ECV: EL2's")   \
    ID(7, 1, ID_AA64MMFR1_EL1, 0x000000f000f0f00f, "HAFDBS, HPDS, PAN, ETS; no VHE, VMIDs, LORegions: EL2's, or not switched")  \
    ID(7, 2, ID_AA64MMFR2_EL1, 0xf0ff00fff0ff0fff, "no IESB, NV, FWB, EVT: RAS, EL2's")

#endif
