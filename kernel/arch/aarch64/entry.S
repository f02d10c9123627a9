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
#define CPU_STACK_TOP   8
#define CPU_RESUME      16
#define CPU_SIDE        24
#define PLAIN_GUEST     2               // SIDE_GUEST, and not debugging
#define CLASS_SVC       0x15

        .macro  save_arguments frame
        stp     x0, x1, [\frame]
        stp     x2, x3, [\frame, #16]
        stp     x4, x5, [\frame, #32]
        .endm

        .macro  save_temporaries
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x29, x30, [sp, #232]
        .endm

        /* x0 to x17, x29, x30 into the frame; then x0 = cpu, x1 = frame, and the kernel's stack. */
        .macro  save
        save_arguments sp
        save_temporaries
        mrs     x0, tpidr_el2
        mov     x1, sp
        ldr     x2, [x0, #CPU_STACK_TOP]
        mov     x29, xzr                        // a backtrace ends here
        mov     sp, x2
        .endm

        /* x18 to x28 into the frame that x1 points to. */
        .macro  save_rest frame=x1
        stp     x18, x19, [\frame, #144]
        stp     x20, x21, [\frame, #160]
        stp     x22, x23, [\frame, #176]
        stp     x24, x25, [\frame, #192]
        stp     x26, x27, [\frame, #208]
        str     x28, [\frame, #224]
        .endm

        .macro  load_rest
        ldr     x28, [sp, #224]
        ldp     x26, x27, [sp, #208]
        ldp     x24, x25, [sp, #192]
        ldp     x22, x23, [sp, #176]
        ldp     x20, x21, [sp, #160]
        ldp     x18, x19, [sp, #144]
        .endm

        .macro  load_temporaries
        ldp     x6, x7, [sp, #48]
        ldp     x29, x30, [sp, #232]
        ldp     x16, x17, [sp, #128]
        ldp     x14, x15, [sp, #112]
        ldp     x12, x13, [sp, #96]
        ldp     x10, x11, [sp, #80]
        ldp     x8, x9, [sp, #64]
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

        /* The short way first: `handler` returns the frame to go on with, none for the long way; or goes to frame_leave or frame_pass. */
        .macro  lower_fast offset, handler, long
        .org    vectors + \offset
        save
        fast    \handler, \long
        .endm

        .macro  fast handler, long
        bl      \handler
        cbz     x0, \long
        mov     sp, x0
        b       back
        .endm

        /*
         * The kernel itself causes no exceptions, but for one: a monitor may write a pstate that no lower level has (one of EL2's own
         * is masked below). The exception return then stays here and sets PSTATE.IL (D1.14.4); SP_EL2 and the frame are as before it. x18 is not the compiler's.
         * Behind each of these vectors stands, in what would be padding, a piece of the way back.
         */
        .macro  own offset
        .org    vectors + \offset
        mrs     x18, spsr_el2
        tbnz    x18, #20, illegal
        mov     x18, #\offset
        b       fatal
        .endm

        .section .text.vectors, "ax"
        .balign 2048
        .global vectors
vectors:
        own     0x000
/* x0 = frame: everything from there, and down. */
        .global resume
resume:
        mov     sp, x0
        ldp     x2, x3, [sp, #FRAME_PC]
        tbnz    x3, #3, high_mode
permitted:
        msr     elr_el2, x2
        msr     spsr_el2, x3
        load_rest
/* sp = frame: what the short way saves, and down. */
back:
        load_temporaries
        ldp     x4, x5, [sp, #32]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp]
        eret
        dsb     nsh                             // no speculation past the return (straight-line)
        isb

        own     0x080
/* struct frame *frame_leave(to, from): to a monitor, which has asked for no more than x0, x1, x29, x30 and sp; it finds its guest's in the others. */
        .global frame_leave
frame_leave:
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

/* struct frame *frame_switch(to, from): from one guest to another. */
        .global frame_switch
frame_switch:
        save_rest
        b       resume

        own     0x100
/* The frame that the exception came with is at CPU_RESUME. */
long_sync:
        mrs     x0, tpidr_el2
        ldr     x1, [x0, #CPU_RESUME]
        long    trap_sync
long_irq:
        mrs     x0, tpidr_el2
        ldr     x1, [x0, #CPU_RESUME]
        long    trap_irq

        own     0x180
/* Not from a guest, or from one that debugs. */
other:
        mrs     x10, esr_el2
        ldr     x11, [x7, #CPU_STACK_TOP]
        mov     x29, xzr
        ubfx    x10, x10, #26, #6
        mov     sp, x11
        cmp     x10, #CLASS_SVC
        b.ne    svc_long
        cbz     w9, fast_component
        b       fast_monitor
/* x0 to x6 as the exception found them; x7 = cpu. */
        .global svc_long
svc_long:
        ldr     x9, [x7, #CPU_RESUME]
        save_arguments x9
        b       long_sync

        .global svc_short
svc_short:
        ldr     x9, [x7, #CPU_RESUME]
        save_arguments x9
        mov     x0, x7
        mov     x1, x9
        fast    fast_call, long_sync

        own     0x200
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

/* x0 = cpu: what the exception asked for has been done, and elr_el2 is right. */
        .global frame_reschedule
frame_reschedule:
        ldr     x1, [x0, #CPU_RESUME]
        long    trap_return

        own     0x280
/* An exception in the kernel, x18 = vector: all registers go to the panic stack, kernel_fault(frame, vector) tells. */
fatal:
        msr     elr_el1, x18                    // no guest will see it any more
        adr     x18, panic_stack_top - 288
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

        own     0x300
/* From one component's thread to another's, but for what fast.c has seen to: x0 and x6 = frames, x7 = cpu, x1 to x5 are the call's results. */
        .global frame_pass
frame_pass:
        save_rest x0
        str     x6, [x7, #CPU_RESUME]
        mov     x0, xzr                         // STATUS_OK
        mov     sp, x6
        load_rest
        load_temporaries
        eret
        dsb     nsh
        isb

/* SError where serror.c looks for one, and nowhere else: x0 = syndrome, and back, with SErrors masked. */
        .org    vectors + 0x380
        mrs     x0, esr_el2
        mrs     x1, spsr_el2
        orr     x1, x1, #(1 << 8)
        msr     spsr_el2, x1
        eret

        .org    vectors + 0x400
lower_vectors:
        .org    vectors + 0x400
        save_temporaries
        mrs     x7, tpidr_el2
        ldrh    w9, [x7, #CPU_SIDE]
        cmp     w9, #PLAIN_GUEST
        b.ne    other
        save_arguments sp
        mov     x0, x7
        mov     x1, sp
        ldr     x2, [x0, #CPU_STACK_TOP]
        mov     x29, xzr
        mov     sp, x2
        fast    fast_sync, long_sync
        lower_fast 0x480, fast_irq, long_irq
        lower_fast 0x500, fast_irq, long_irq
        lower   0x580, trap_serror
        lower   0x600, trap_sync
        lower_fast 0x680, fast_irq, long_irq
        lower_fast 0x700, fast_irq, long_irq
        lower   0x780, trap_serror
        .org    vectors + 0x800

        .section .bss.panic_stack, "aw", %nobits
        .balign 16
        .space  2048
panic_stack_top:
