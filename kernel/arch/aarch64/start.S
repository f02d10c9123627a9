/*
 * The first instructions: from a boot loader by the Linux arm64 boot protocol (x0 = device tree, MMU off, image cleaned to the
 * point of coherency), or as an ELF file by an emulator (x0 = 0); and from PSCI CPU_ON. Ends in boot_main() or boot_secondary()
 * with the MMU on and a stack.
 */
#include "layout.h"

#define R_AARCH64_RELATIVE 1027
#define CURRENT_EL2 (2 << 2)
#define HCR_RW (1 << 31)
#define SCTLR_RES1 0x30c50830
#define SCTLR_M (1 << 0)
#define SCTLR_C (1 << 2)
#define SCTLR_SA (1 << 3)
#define SCTLR_I (1 << 12)
#define SCTLR_WXN (1 << 19)
/* Attribute 0: Normal write-back; 1: Device-nGnRE (mmu.c). */
#define MAIR 0x04ff
/* Inner shareable, write-back walks, 4 KiB granule; PS is added. */
#define TCR ((1 << 31) | (1 << 23) | (3 << 12) | (1 << 10) | (1 << 8) | (64 - KERNEL_VA_BITS))
#define PS_SHIFT 16
#define PS_48_BITS 5

    .macro address register, symbol
    adrp    \register, \symbol
    add     \register, \register, :lo12:\symbol
    .endm

    .macro constant register, value
    movz    \register, #((\value) & 0xffff)
    movk    \register, #(((\value) >> 16) & 0xffff), lsl #16
    .endm

    /* Goes on at `label` unless the field of the identification register in x1 says that there is what comes. */
    .macro if_feature shift, label
    tst     x1, #(0xf << \shift)
    b.eq    \label
    .endm

    .section .head, "ax"
    .globl  _start
_start: /* header of an arm64 Image, see the Linux boot protocol */
    b       boot
    .word   0
    .quad   0 /* text_offset */
    .word   _image_size, 0 /* in halves: a linker would have the loader relocate a 64-bit one */
    .quad   0xa /* little-endian, 4 KiB pages, anywhere in memory */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

boot:
    mrs     x19, cntpct_el0
    mov     x20, x0
    bl      el2_prepare
    bl      relocate
    address x0, boot_pages + STACK_SIZE
    mov     sp, x0
    mov     x29, xzr
    bl      mmu_build
    mov     x21, #0
    bl      mmu_enable
    mov     x0, x20
    mov     x1, x19
    bl      boot_main

    /* Entry of PSCI CPU_ON; x0 = the CPU's index. */
    .globl  secondary_start
secondary_start:
    mov     x21, x0
    bl      el2_prepare
    bl      mmu_enable
    mov     x0, x21
    bl      boot_secondary

/* A known state of EL2 with the MMU off. At another level nothing can be done, nor said: no UART is known yet. */
el2_prepare:
    msr     daifset, #0xf
    mrs     x0, CurrentEL
    cmp     x0, #CURRENT_EL2
    b.ne    park
    constant x0, SCTLR_RES1
    msr     sctlr_el2, x0
    constant x0, HCR_RW
    msr     hcr_el2, x0

/*
 * What later architectures add to EL2 and leave UNKNOWN at reset (Arm ARM D13.2): zero is no indirect permissions, stacks or system register of the kernel's
 * own, for guests no trap of what they are offered and, by the fine-grained bits of inverse sense, a trap of what they are not (BRBE, TPIDR2_EL0, …).
 * Profiling (PMSCR_EL2), trace (TRFCR_EL2), SVE (ZCR_EL2) need nothing: MDCR_EL2 and CPTR_EL2 keep guests away, and the kernel uses none.
 */
features_prepare:
    mrs     x1, S3_0_C0_C7_3            /* ID_AA64MMFR3_EL1 */
    if_feature 0, 1f                    /* TCRX */
    msr     S3_4_C2_C0_3, xzr           /* TCR2_EL2 */
1:  if_feature 4, 1f                    /* SCTLRX */
    msr     S3_4_C1_C0_3, xzr           /* SCTLR2_EL2 */
1:  mrs     x1, id_aa64mmfr1_el1
    if_feature 40, 1f                   /* HCX */
    msr     S3_4_C1_C2_2, xzr           /* HCRX_EL2 */
1:  mrs     x1, id_aa64mmfr0_el1
    if_feature 56, 1f                   /* FGT */
    msr     S3_4_C1_C1_4, xzr           /* HFGRTR_EL2 */
    msr     S3_4_C1_C1_5, xzr           /* HFGWTR_EL2 */
    msr     S3_4_C1_C1_6, xzr           /* HFGITR_EL2 */
    msr     S3_4_C3_C1_4, xzr           /* HDFGRTR_EL2 */
    msr     S3_4_C3_C1_5, xzr           /* HDFGWTR_EL2 */
    tbz     x1, #57, 1f                 /* FGT2 */
    msr     S3_4_C3_C1_2, xzr           /* HFGRTR2_EL2 */
    msr     S3_4_C3_C1_3, xzr           /* HFGWTR2_EL2 */
    msr     S3_4_C3_C1_7, xzr           /* HFGITR2_EL2 */
    msr     S3_4_C3_C1_0, xzr           /* HDFGRTR2_EL2 */
    msr     S3_4_C3_C1_1, xzr           /* HDFGWTR2_EL2 */
1:  mrs     x1, id_aa64pfr1_el1
    if_feature 44, 1f                   /* GCS */
    msr     S3_4_C2_C5_0, xzr           /* GCSCR_EL2 */
/* MPAM, by either of its fields: guests' partition is EL2's, and its registers trap (TIDR, TRAPMPAM0EL1, TRAPMPAM1EL1). */
1:  mrs     x2, id_aa64pfr0_el1
    ubfx    x1, x1, #16, #4
    ubfx    x2, x2, #40, #4
    orr     x1, x1, x2
    cbz     x1, 1f
    mov     x0, #(0x0403 << 48)
    msr     S3_4_C10_C5_0, x0           /* MPAM2_EL2 */
    mrs     x0, S3_0_C10_C4_4           /* MPAMIDR_EL1 */
    tbz     x0, #17, 1f                 /* HAS_HCR */
    msr     S3_4_C10_C4_0, xzr          /* MPAMHCR_EL2 */
1:  isb
    ret
park:
    wfi
    b       park

relocate: /* their place becomes translation tables: zero is none */
    address x0, _rela_start
    address x1, _rela_end
    address x2, _image_start
1:  cmp     x0, x1
    b.hs    2f
    ldp     x3, x4, [x0]
    ldr     x5, [x0, #16]
    stp     xzr, xzr, [x0], #16
    str     xzr, [x0], #8
    cmp     w4, #R_AARCH64_RELATIVE
    b.ne    park /* the linker was told not to leave any other */
    add     x5, x5, x2
    str     x5, [x2, x3]
    b       1b
2:  ret

/* And the stack; x21 = the CPU's index. */
mmu_enable:
    mov     x0, #MAIR
    msr     mair_el2, x0
    constant x0, TCR
    mrs     x1, id_aa64mmfr0_el1
    and     x1, x1, #0xf
    mov     x2, #PS_48_BITS
    cmp     x1, x2
    csel    x1, x1, x2, lo
    bfi     x0, x1, #PS_SHIFT, #3
    msr     tcr_el2, x0
    address x0, kernel_root
    msr     ttbr0_el2, x0
    isb
    tlbi    alle2
    ic      iallu
    dsb     nsh
    isb
    constant x0, (SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN)
    msr     sctlr_el2, x0
    isb
    address x0, _image_start
    add     x0, x0, #STACKS_OFFSET
    add     x1, x21, #1
    add     x0, x0, x1, lsl #STACK_SHIFT
    mov     sp, x0
    mov     x29, xzr
    ret
    .section .note.GNU-stack, "", %progbits
