/* Part of the decided table of guests' registers (kernel/arch/aarch64/guest_registers.h has the other): scripts/register-doc, guests/sweep. */
#ifndef VMM_ABSORBED_REGISTERS_H
#define VMM_ABSORBED_REGISTERS_H

/*
 * Registers that trap and that a guest may use although there is nothing behind them: ABSORBED(op0, op1, CRn, CRm, op2, name, what it reads as,
 * reason). Writes are ignored.
 */
#define GUEST_ABSORBED_REGISTERS(ABSORBED)                                                                                      \
    ABSORBED(1, 0, 7, 6, 2, DC ISW, 0, "cannot be made to work across CPUs, and stage 2 memory is coherent (D4.4.7)")           \
    ABSORBED(1, 0, 7, 10, 2, DC CSW, 0, "as DC ISW")                                                                            \
    ABSORBED(1, 0, 7, 14, 2, DC CISW, 0, "as DC ISW")                                                                           \
    ABSORBED(2, 0, 0, 0, 2, OSDTRRX_EL1, 0, "no external debugger is offered")                                                  \
    ABSORBED(2, 0, 0, 2, 0, MDCCINT_EL1, 0, "no external debugger is offered")                                                  \
    ABSORBED(2, 0, 0, 3, 2, OSDTRTX_EL1, 0, "no external debugger is offered")                                                  \
    ABSORBED(2, 0, 0, 6, 2, OSECCR_EL1, 0, "no external debugger is offered")                                                   \
    ABSORBED(2, 0, 1, 0, 0, MDRAR_EL1, 0, "no memory-mapped debug registers")                                                   \
    ABSORBED(2, 0, 1, 0, 4, OSLAR_EL1, 0, "nobody powers a vCPU down behind the guest's back")                                  \
    ABSORBED(2, 0, 1, 1, 4, OSLSR_EL1, 8, "the OS lock is implemented and always open")                                         \
    ABSORBED(2, 0, 1, 3, 4, OSDLR_EL1, 0, "as OSLAR_EL1")                                                                       \
    ABSORBED(2, 0, 1, 4, 4, DBGPRCR_EL1, 0, "as OSLAR_EL1")                                                                     \
    ABSORBED(2, 0, 7, 8, 6, DBGCLAIMSET_EL1, 0xff, "claim tags would be a channel between guests")                              \
    ABSORBED(2, 0, 7, 9, 6, DBGCLAIMCLR_EL1, 0, "as DBGCLAIMSET_EL1")                                                           \
    ABSORBED(2, 0, 7, 14, 6, DBGAUTHSTATUS_EL1, 0, "no external debugger is offered")                                           \
    ABSORBED(2, 3, 0, 1, 0, MDCCSR_EL0, 0, "no external debugger is offered")                                                   \
    ABSORBED(2, 3, 0, 4, 0, DBGDTR_EL0, 0, "no external debugger is offered")                                                   \
    ABSORBED(2, 3, 0, 5, 0, DBGDTRRX_EL0, 0, "no external debugger is offered; written: DBGDTRTX_EL0")                          \
    ABSORBED(3, 0, 1, 0, 1, ACTLR_EL1, 0, "implementation defined")                                                             \
    ABSORBED(3, 0, 12, 12, 5, ICC_SRE_EL1, 7, "GICv3: system registers, no bypass; there is nothing else to choose")

#endif
