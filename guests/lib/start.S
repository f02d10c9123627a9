/*
 * Entry, exception vectors and page table of a bare-metal guest.
 *
 * The image starts with the header of the Linux arm64 boot protocol (Documentation/arch/arm64/booting), so whatever
 * loads a Linux kernel loads it: x0 = device tree, MMU off, interrupts masked, EL1 or EL2. It runs wherever it was
 * put (4 KiB aligned) because it contains no absolute address; guest.lds asserts that.
 *
 * Until the MMU is on nothing is written to memory and only constants are read, so no cache maintenance is needed.
 */

        .section .head, "ax"
        .global _start
_start:
        b       start                           // code0
        .long   0                               // code1
        .quad   0                               // text_offset
        .quad   _bss_end - _start                // image_size
        .quad   0xa                             // little-endian, 4 KiB pages, anywhere in RAM
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0

/* First CPU. x0 = device tree. */
start:
        mrs     x20, cntvct_el0                 // row boot_ticks
        mov     x19, x0
        bl      leave_el2
        bl      mmu_on
        adrp    x0, _bss_start
        adrp    x1, _bss_end                    // both page aligned
1:      stp     xzr, xzr, [x0], #16
        cmp     x0, x1
        b.lo    1b
        adrp    x0, stack0_top
        mov     sp, x0
        msr     daifclr, #4                     // SErrors that a hypervisor injects are reported like faults
        mov     x0, x19
        mov     x1, x20
        bl      primary_main
        b       .

/* Second CPU, started by PSCI CPU_ON. The context argument is its stack's top; 0: the one that is here. */
        .global secondary_start
secondary_start:
        mov     x19, x0
        bl      leave_el2
        bl      mmu_on
        adrp    x0, stack1_top
        cmp     x19, #0
        csel    x0, x0, x19, eq
        mov     sp, x0
        .weak   secondary_main                  // a guest of one CPU has none
        bl      secondary_main
        b       .

/*
 * Goes on at EL1 if the CPU is at EL2, with nothing trapped and HVC answered in the vector below: the shortest
 * hypervisor that there can be, as a lower bound to compare others with. Clobbers x0.
 */
leave_el2:
        mrs     x0, CurrentEL
        tbnz    x0, #3, 1f
        ret
1:      mov     x0, #(1 << 31)                  // HCR_EL2.RW: EL1 is AArch64
        msr     hcr_el2, x0
        mov     x0, #3                          // CNTHCTL_EL2: EL1 may use the physical counter and timer
        msr     cnthctl_el2, x0
        msr     cntvoff_el2, xzr
        mov     x0, #0x33ff                     // CPTR_EL2: its RES1 bits, no FP trap
        msr     cptr_el2, x0
        msr     hstr_el2, xzr
        msr     vttbr_el2, xzr
        mrs     x0, midr_el1
        msr     vpidr_el2, x0
        mrs     x0, mpidr_el1
        msr     vmpidr_el2, x0
        adrp    x0, vectors
        msr     vbar_el2, x0
        mrs     x0, id_aa64pfr0_el1
        tst     x0, #(0xf << 24)                // GIC system registers?
        b.eq    2f
        mov     x0, #9                          // ICC_SRE_EL2: SRE | Enable (for EL1)
        msr     S3_4_C12_C9_5, x0
        isb
        msr     S3_4_C12_C11_0, xzr             // ICH_HCR_EL2: no virtual interrupts
2:      mov     x0, #0x3c5                      // EL1h, D A I F masked
        msr     spsr_el2, x0
        msr     elr_el2, x30
        eret

/* Identity map with caches, vectors. Clobbers x0. */
mmu_on:
        adrp    x0, page_table
        msr     ttbr0_el1, x0
        mov     x0, #0xff04                     // MAIR: 0 = Device-nGnRE, 1 = Normal write-back
        msr     mair_el1, x0
        ldr     x0, =0x200803519                // TCR: T0SZ 25 (512 GiB), shareable write-back walks, EPD1, 40 bits
        msr     tcr_el1, x0
        adrp    x0, vectors
        msr     vbar_el1, x0
        tlbi    vmalle1
        ic      iallu
        dsb     nsh
        isb
        ldr     x0, =0x30d01805                 // SCTLR: RES1 bits of Armv8.0, I, C, M
        msr     sctlr_el1, x0
        isb
        ret

/*
 * One table for EL1 (slots from 0x200) and, when started there, EL2 (HVC from EL1 comes in at 0x400). EL1 never
 * runs EL0 code, so the slots do not collide.
 */
        .macro  slot offset, target
        .org    vectors + \offset
        b       \target
        .endm

        .section .text.vectors, "ax"
        .balign 4096
        .global vectors
vectors:
        slot    0x000, .
        slot    0x080, .
        slot    0x100, .
        slot    0x180, .
        slot    0x200, fault_entry

        .org    vectors + 0x280                 // IRQ
        stp     x0, x1, [sp, #-160]!
        mrs     x0, cntvct_el0                  // time of entry: one instruction after the earliest possible
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x30, [sp, #144]
        bl      irq_handler
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x8, x9, [sp, #64]
        ldp     x10, x11, [sp, #80]
        ldp     x12, x13, [sp, #96]
        ldp     x14, x15, [sp, #112]
        ldp     x16, x17, [sp, #128]
        ldp     x18, x30, [sp, #144]
        ldp     x0, x1, [sp], #160
        eret

        slot    0x300, .
        slot    0x380, fault_entry

        .org    vectors + 0x400                 // HVC from EL1, when there is nobody else at EL2
        mov     x0, #-1                         // SMCCC NOT_SUPPORTED
        eret

        slot    0x480, .
        slot    0x500, .
        slot    0x580, .
        slot    0x600, .
        slot    0x680, .
        slot    0x700, .
        slot    0x780, .

fault_entry:
        mrs     x0, esr_el1
        mrs     x1, far_el1
        mrs     x2, elr_el1
        b       fault_handler

/*
 * Level 1 of a 39-bit address space, 1 GiB blocks: devices below 1 GiB, RAM up to 256 GiB, nothing above (there,
 * QEMU's virt machine has devices again). Bits: AF, inner shareable, block; UXN; PXN for devices.
 */
        .section .rodata.page_table, "a"
        .balign 4096
page_table:
        .quad   0x0060000000000401
        .set    gib, 1
        .rept   255
        .quad   0x0040000000000705 | (gib << 30)
        .set    gib, gib + 1
        .endr
        .fill   256, 8, 0

        .section .bss
        .balign 4096
        .space  16384
stack0_top:
        .space  8192
stack1_top:

        .section .note.GNU-stack, "", %progbits
