/*
 * AArch64: layout of the state page. `regs` is current at every exit. `el1` is current after CALL_VCPU_SYNC and before the first
 * enter; otherwise the values lie in the processor (they stay loaded while the monitor runs). The kernel takes nothing here on trust: of
 * `pstate` it lets only EL1 and EL0 through, `el1` acts on the guest alone.
 */
#ifndef BULKHEAD_AARCH64_VCPU_STATE_H
#define BULKHEAD_AARCH64_VCPU_STATE_H

#include <stdint.h>

/* What an exception saves and a return restores; of guests and of components' threads. */
struct frame {
    uint64_t x[31];
    uint64_t sp_el0; /* saved and restored on switches between guest and component only */
    uint64_t pc;
    uint64_t pstate;
};

enum { /* most that a guest has */ VCPU_BREAKPOINTS = 6, VCPU_WATCHPOINTS = 4 };
/*
 * What a guest has of MDSCR_EL1 (SS, TDCC, KDE, MDE) and of its controls: no levels and security states that no guest is at (HMC, SSC: RES0 where there is no EL2
 * and EL3, Arm ARM D13.3.2, D13.3.11), and nothing that compares VMIDs and EL2's context (BT[3]): a guest would see which VMID it has.
 */
enum { VCPU_MDSCR = 1 << 0 | 1 << 12 | 1 << 13 | 1 << 15, VCPU_BREAKPOINT_CONTROL = 0x7f01e7, VCPU_WATCHPOINT_CONTROL = 0x1f1f1fff };

/* System registers of EL1 (and EL0) by name, in lines of 64 bytes, in the order in which the world switch reads and writes them. */
struct vcpu_el1 {
    uint64_t ttbr0, ttbr1, tcr, mair, vbar, esr, far, elr;
    uint64_t spsr, sp, par, contextidr, tpidr, csselr, cntv_cval, cntv_ctl;
    uint64_t tpidr_el0, tpidrro_el0, cpacr, cntkctl, sctlr;
    uint64_t amair, afsr0, afsr1; /* zero where the processor has none, which is most */
    /* Always current. By kind: breakpoints' values and controls, watchpoints' values and controls. */
    uint64_t mdscr, debug[4][VCPU_BREAKPOINTS];
};

/* What AArch32 has besides (Arm ARM D1.20.2 says which of the others it shares); fpexc is current when the FP registers are not loaded. */
struct vcpu_aarch32 {
    uint32_t dacr, ifsr, fpexc;
    uint32_t spsr_abt, spsr_und, spsr_irq, spsr_fiq;
};

struct vcpu_state {
    struct frame regs;     /* offset 0: the exception vector relies on it */
    struct vcpu_exit exit; /* written by the kernel on exit */
    struct vcpu_el1 el1 __attribute__((aligned(64)));
    uint64_t counter_offset; /* written by the kernel: virtual counter = physical counter - this */
    uint64_t exits;          /* written by the kernel: exits to the monitor so far */
    struct vcpu_aarch32 aarch32; /* of a vCPU in VCPU_MODE_AARCH32 */
    uint64_t id[8][8];           /* written by the kernel when it is made: identification registers as guests see them, op0 3, op1 0, CRn 0, by CRm and op2 */
};

enum { /* pstate of a reset AArch64 guest: EL1h, D A I F masked */ VCPU_PSTATE_RESET = 0x3c5 };
enum { /* SCTLR_EL1 of a reset guest: RES1 bits of Armv8.0, MMU and caches off */ VCPU_SCTLR_RESET = 0x30d00800 };

enum { /* the same in VCPU_MODE_AARCH32: Supervisor mode, A I F masked */ VCPU_PSTATE_RESET_AARCH32 = 0x1d3 };
enum { /* SCTLR: RES1 bits; CP15BEN, nTWI, nTWE */ VCPU_SCTLR_RESET_AARCH32 = 0x00c50838 };

#endif
