/*
 * Exception vectors (Arm ARM D1.10) and the way back.
 *
 * While a lower level runs, SP_EL2 points to the frame (struct frame, vcpu_state.h) that the next exception saves its registers
 * in: the running thread's, or in a guest the vCPU's state page. The kernel itself runs on the CPU's stack, always from its top: it never
 * sleeps, so there is nothing to come back to.
 *
 * The short way (fast.c) saves what C may change and no more: x0 to x17, x29, x30. x18 is not the kernel's (-ffixed-x18), x19 to x28 C itself puts back. Only when
 * fast.c says that the exception needs more, the rest follows: the long way.
 */
#define FRAME_SP_EL0    248
#define FRAME_PC        256
#define CPU_STACK_TOP   0
#define CPU_RESUME      8

        /* x0 to x17, x29, x30 into the frame; then x0 = cpu, x1 = frame, and the kernel's stack. */
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
        stp     x29, x30, [sp, #232]
        mrs     x0, tpidr_el2
        mov     x1, sp
        ldr     x2, [x0, #CPU_STACK_TOP]
        mov     x29, xzr                        // a backtrace ends here
        mov     sp, x2
        .endm

        /* x18 to x28 into the frame that x1 points to. */
        .macro  save_rest
        stp     x18, x19, [x1, #144]
        stp     x20, x21, [x1, #160]
        stp     x22, x23, [x1, #176]
        stp     x24, x25, [x1, #192]
        stp     x26, x27, [x1, #208]
        str     x28, [x1, #224]
        .endm

        /* All that save did not, and on to `handler`, which returns the frame to go on with. */
        .macro  long handler
        save_rest
        mrs     x2, elr_el2
        mrs     x3, spsr_el2
        stp     x2, x3, [x1, #FRAME_PC]
        bl      \handler
        b       resume
        .endm

        .macro  lower offset, handler
        .org    vectors + \offset
        save
        long    \handler
        .endm

        /* The short way first: `handler` returns the frame to go on with, none for the long way, an odd one if a guest has been left. */
        .macro  lower_fast offset, handler, long
        .org    vectors + \offset
        save
        bl      \handler
        cbz     x0, \long
        tbnz    x0, #0, leave
        mov     sp, x0
        b       back
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
        lower_fast 0x400, fast_sync, long_sync
        lower_fast 0x480, fast_irq, long_irq
        lower_fast 0x500, fast_irq, long_irq
        lower   0x580, trap_serror
        lower   0x600, trap_sync_aarch32
        lower_fast 0x680, fast_irq, long_irq
        lower_fast 0x700, fast_irq, long_irq
        lower   0x780, trap_serror
        .org    vectors + 0x800

long_sync:
        mrs     x0, tpidr_el2
        ldr     x1, [x0, #CPU_RESUME]           // the frame that the exception came with
        long    trap_sync
long_irq:
        mrs     x0, tpidr_el2
        ldr     x1, [x0, #CPU_RESUME]
        long    trap_irq

/* To a monitor, which has asked for no more than x0, x1, x29, x30 and sp; it finds its guest's in the others. */
leave:
        tbnz    x0, #1, pass
        mrs     x2, tpidr_el2
        ldp     x0, x1, [x2, #CPU_RESUME]       // the monitor's frame, its guest's
        save_rest
        mov     sp, x0
        ldp     x2, x3, [x1, #16]
        ldp     x4, x5, [x1, #32]
        ldp     x6, x7, [x1, #48]
        ldp     x8, x9, [x1, #64]
        ldp     x10, x11, [x1, #80]
        ldp     x12, x13, [x1, #96]
        ldp     x14, x15, [x1, #112]
        ldp     x16, x17, [x1, #128]
        ldp     x29, x30, [sp, #232]
        ldp     x0, x1, [sp]
        eret
        dsb     nsh
        isb

/* From the thread whose frame is at CPU_RESUME, not quite saved, to whom the scheduler chooses. */
reschedule:
        mrs     x0, tpidr_el2
        ldr     x1, [x0, #CPU_RESUME]
        long    trap_return
/* From one thread to another, whose frames fast.c has given: of the first one's the rest is saved here. */
pass:
        tbnz    x0, #2, reschedule
        mrs     x2, tpidr_el2
        ldp     x0, x1, [x2, #CPU_RESUME]
        save_rest

/* x0 = frame: everything from there, and down. */
        .global resume
resume:
        mov     sp, x0
        ldp     x2, x3, [sp, #FRAME_PC]
        tbnz    x3, #3, high_mode
permitted:
        msr     elr_el2, x2
        msr     spsr_el2, x3
        ldr     x28, [sp, #224]
        ldp     x26, x27, [sp, #208]
        ldp     x24, x25, [sp, #192]
        ldp     x22, x23, [sp, #176]
        ldp     x20, x21, [sp, #160]
        ldp     x18, x19, [sp, #144]
/* sp = frame: what the short way saves, and down. */
back:
        ldp     x29, x30, [sp, #232]
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
        .space  2048
panic_stack_top:
