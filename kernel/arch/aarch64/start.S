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
    bl      bss_clear
    bl      relocate
    address x0, kernel_stacks + STACK_SIZE
    mov     sp, x0
    mov     x29, xzr
    bl      mmu_build
    bl      written_invalidate
    bl      mmu_enable
    mov     x21, #0
    bl      stack_set
    mov     x0, x20
    mov     x1, x19
    bl      boot_main

    /* Entry of PSCI CPU_ON; x0 = the CPU's index. */
    .globl  secondary_start
secondary_start:
    mov     x21, x0
    bl      el2_prepare
    bl      mmu_enable
    bl      stack_set
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
    isb
    ret
park:
    wfi
    b       park

bss_clear:
    address x0, _bss_start
    address x1, _image_end
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    ret

relocate:
    address x0, _rela_start
    address x1, _rela_end
    address x2, _image_start
1:  cmp     x0, x1
    b.hs    2f
    ldp     x3, x4, [x0], #16
    ldr     x5, [x0], #8
    cmp     w4, #R_AARCH64_RELATIVE
    b.ne    park /* the linker was told not to leave any other */
    add     x5, x5, x2
    str     x5, [x2, x3]
    b       1b
2:  ret

/*
 * What was written past the caches must not be hidden by stale lines once they are on (Arm ARM, "Mismatched memory
 * attributes"). The loader left no dirty ones.
 */
written_invalidate:
    mrs     x0, ctr_el0
    ubfx    x0, x0, #16, #4
    mov     x1, #4
    lsl     x1, x1, x0
    address x0, _relocated_start
    address x2, _image_end
    sub     x3, x1, #1
    bic     x0, x0, x3
    dmb     sy
1:  dc      ivac, x0
    add     x0, x0, x1
    cmp     x0, x2
    b.lo    1b
    dsb     sy
    ret

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
    ret

/* x21 = the CPU's index */
stack_set:
    ldr     x0, =STACKS_BASE
    add     x1, x21, #1
    add     x0, x0, x1, lsl #STACK_SHIFT
    mov     sp, x0
    mov     x29, xzr
    ret
    .ltorg
    .section .note.GNU-stack, "", %progbits
