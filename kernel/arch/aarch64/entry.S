/*
 * Exception vectors (Arm ARM D1.10) and the way back.
 *
 * While a lower level runs, SP_EL2 points to the frame (struct frame, vcpu_state.h) that the next exception saves its registers
 * in: the running thread's, or in a guest the vCPU's state page. The kernel itself runs on the CPU's stack, always from its top: it never
 * sleeps, so there is nothing to come back to.
 */
#define FRAME_SP_EL0    248
#define FRAME_PC        256
#define CPU_STACK_TOP   0

        /* Registers into the frame; then x0 = cpu, x1 = frame, and the kernel's stack. */
        .macro  save
        stp     x0, x1, [sp]
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x2, elr_el2
        mrs     x3, spsr_el2
        mrs     x0, tpidr_el2
        str     x30, [sp, #240]
        stp     x2, x3, [sp, #FRAME_PC]
        mov     x1, sp
        ldr     x4, [x0, #CPU_STACK_TOP]
        mov     sp, x4
        mov     x29, xzr                        // a backtrace ends here
        .endm

        .macro  lower offset, handler
        .org    vectors + \offset
        save
        bl      \handler
        b       resume
        .endm

        .section .text.vectors, "ax"
        .balign 2048
        .global vectors
vectors:
        /*
         * The kernel itself causes no exceptions, but for one: a monitor may write a pstate that no lower level has (one of EL2's own
         * is masked below). The exception return then stays here and sets PSTATE.IL (D1.14.4); SP_EL2 and the frame are as before it. x18 is not the compiler's.
         */
        .irp    off, 0x000, 0x080, 0x100, 0x180, 0x200, 0x280, 0x300
        .org    vectors + \off
        mrs     x18, spsr_el2
        tbnz    x18, #20, illegal
        mov     x18, #\off
        b       fatal
        .endr
        /* SError where trap.c looks for one, and nowhere else: x0 = syndrome, and back, with SErrors masked. */
        .org    vectors + 0x380
        mrs     x0, esr_el2
        mrs     x1, spsr_el2
        orr     x1, x1, #(1 << 8)
        msr     spsr_el2, x1
        eret
        lower   0x400, trap_sync
        lower   0x480, trap_irq
        lower   0x500, trap_irq
        lower   0x580, trap_serror
        lower   0x600, trap_sync_aarch32
        lower   0x680, trap_irq
        lower   0x700, trap_irq
        lower   0x780, trap_serror
        .org    vectors + 0x800

/* x0 = frame: everything from there, and down. */
        .global resume
resume:
        mov     sp, x0
        ldp     x2, x3, [sp, #FRAME_PC]
        tbnz    x3, #3, high_mode
permitted:
        msr     elr_el2, x2
        msr     spsr_el2, x3
        ldr     x30, [sp, #240]
        ldp     x28, x29, [sp, #224]
        ldp     x26, x27, [sp, #208]
        ldp     x24, x25, [sp, #192]
        ldp     x22, x23, [sp, #176]
        ldp     x20, x21, [sp, #160]
        ldp     x18, x19, [sp, #144]
        ldp     x16, x17, [sp, #128]
        ldp     x14, x15, [sp, #112]
        ldp     x12, x13, [sp, #96]
        ldp     x10, x11, [sp, #80]
        ldp     x8, x9, [sp, #64]
        ldp     x6, x7, [sp, #48]
        ldp     x4, x5, [sp, #32]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp]
        eret
        dsb     nsh                             // no speculation past the return (straight-line)
        isb

/* Never to EL2: a guest's pstate is its monitor's to write, at any time. AArch32's Undefined and System modes are no danger; its Hyp is an illegal return (D1.14.4). */
high_mode:
        tbnz    x3, #4, permitted
        and     x3, x3, #~(1 << 3)
        b       permitted

/* The frame that could not be returned to: trap_illegal(cpu, frame). */
illegal:
        mrs     x0, tpidr_el2
        mov     x1, sp
        ldr     x4, [x0, #CPU_STACK_TOP]
        mov     sp, x4
        mov     x29, xzr
        bl      trap_illegal
        b       resume

/* An exception in the kernel, x18 = vector: all registers go to the panic stack, kernel_fault(frame, vector) tells. */
fatal:
        msr     elr_el1, x18                    // no guest will see it any more
        adrp    x18, panic_stack_top
        add     x18, x18, :lo12:panic_stack_top
        sub     x18, x18, #288
        stp     x0, x1, [x18]
        stp     x2, x3, [x18, #16]
        stp     x4, x5, [x18, #32]
        stp     x6, x7, [x18, #48]
        stp     x8, x9, [x18, #64]
        stp     x10, x11, [x18, #80]
        stp     x12, x13, [x18, #96]
        stp     x14, x15, [x18, #112]
        stp     x16, x17, [x18, #128]
        stp     xzr, x19, [x18, #144]
        stp     x20, x21, [x18, #160]
        stp     x22, x23, [x18, #176]
        stp     x24, x25, [x18, #192]
        stp     x26, x27, [x18, #208]
        stp     x28, x29, [x18, #224]
        mov     x2, sp
        stp     x30, x2, [x18, #240]            // the field for SP_EL0 bears the kernel's SP here
        mrs     x2, elr_el2
        mrs     x3, spsr_el2
        stp     x2, x3, [x18, #FRAME_PC]
        mov     sp, x18
        mov     x0, x18
        mrs     x1, elr_el1
        bl      kernel_fault
        b       .

        .section .bss.panic_stack, "aw", %nobits
        .balign 16
        .space  4096
panic_stack_top:
