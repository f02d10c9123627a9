/*
 * A hostile guest in AArch32: reads and writes each coprocessor register that can be encoded, then checks what a trap leaves behind. Undefined instructions and aborts
 * are counted and skipped. Says what it found and switches itself off. A zImage by its header; runs where it lies, MMU off.
 *
 * Kept throughout: r4 UART, r5 where an instruction is made, r9 checks that failed (bits), r10 aborts, r11 undefined instructions. r12 is the handlers'.
 */
        .syntax unified
        .arch   armv7-a
        .arch_extension virt
        .arch_extension sec
        .arm
        .text
        .global _start
_start:
        .rept   8
        nop
        .endr
        b       begin
        .word   0x016f2818              @ zImage
        .word   0, end - _start
        .word   0x04030201              @ little-endian
        .word   0, 0, 0

        .balign 32
vectors:
        b       .
        b       undefined
        b       .
        b       prefetch_abort
        b       data_abort
        b       .
        b       .
        b       .

@ LR is behind an A32 instruction; nothing else here is undefined. Back without SPSR: QEMU 7.2 does not show a mode the SPSR that EL2 has written for it.
undefined:
        add     r11, r11, #1
        mov     r12, lr
        cps     #0x13
        bx      r12
prefetch_abort:
        add     r10, r10, #1
        mov     r12, lr
        cps     #0x13
        bx      r12
data_abort:
        add     r10, r10, #1
        sub     r12, lr, #4
        cps     #0x13
        bx      r12

        .macro  check bit               @ fails if NE
        orrne   r9, r9, #1 << \bit
        .endm

begin:
        adr     r0, vectors
        mcr     p15, 0, r0, c12, c0, 0
        isb
        adr     r0, _start
        add     sp, r0, #0x10000
        add     r5, r0, #0x8000
        mov     r4, #0x09000000
        mov     r9, #0
        mov     r10, #0
        mov     r11, #0

@ MRC and MCR of p14 and p15: opc1, CRn, CRm, opc2 from r6; what was read is written back.
        mov     r8, #14
coprocessor:
        mov     r6, #0
register:
        and     r0, r6, #7
        lsl     r7, r0, #5              @ opc2
        ubfx    r0, r6, #3, #4
        orr     r7, r7, r0              @ CRm
        ubfx    r0, r6, #7, #4
        orr     r7, r7, r0, lsl #16     @ CRn
        ubfx    r0, r6, #11, #3
        orr     r7, r7, r0, lsl #21     @ opc1
        orr     r7, r7, r8, lsl #8
        orr     r7, r7, #0x10
        orr     r7, r7, #0xee000000
        mov     r0, #0
        orr     r1, r7, #0x00100000
        bl      execute
        mov     r1, r7
        bl      execute
        add     r6, r6, #1
        tst     r6, #1 << 14
        beq     register

@ MRRC and MCRR: opc1, CRm from r6.
        mov     r6, #0
pair:
        orr     r7, r6, r8, lsl #8
        orr     r7, r7, #0xec000000
        orr     r7, r7, #0x00430000     @ Rt2 is r3, Rt is r0
        mov     r0, #0
        mov     r3, #0
        orr     r1, r7, #0x00100000
        bl      execute
        mov     r1, r7
        bl      execute
        add     r6, r6, #1
        cmp     r6, #256
        bne     pair
        add     r8, r8, #1
        cmp     r8, #16
        bne     coprocessor

@ 0: an access where nothing is gives an external abort with its address. 1: one without a syndrome, too.
        mov     r6, r10
        mov     r0, #0x0a100000
        ldr     r1, [r0, #4]
        mrc     p15, 0, r1, c5, c0, 0
        bic     r1, r1, #0x800
        cmp     r1, #8
        check   0
        mrc     p15, 0, r1, c6, c0, 0
        add     r0, r0, #4
        cmp     r1, r0
        check   0
        ldrd    r0, r1, [r4, #0x18]
        sub     r6, r10, r6
        cmp     r6, #2
        check   1

@ 2: PSCI's version. 3: a function of 64 bits is none, and whatever it does not answer stays. 4: an SMC whose condition fails does nothing.
        mov     r0, #0x84000000
        hvc     #0
        movw    r1, #1
        movt    r1, #1
        cmp     r0, r1
        check   2
        mov     r0, #0xc4000003
        mov     r1, #7
        hvc     #0
        cmn     r0, #1
        cmpeq   r1, #7
        check   3
        mov     r0, #0x84000000
        cmp     r0, #0
        smceq   #0
        cmp     r0, #0x84000000
        check   4

@ 5: an IT block goes on behind an emulated load. 6: a register of this mode's own takes part.
        adr     r0, it_block
        orr     r0, r0, #1
        blx     r0
        cmp     r2, #2
        cmpeq   r3, #0
        check   5
        mov     r8, sp
        ldr     r0, [r4, #0xfe0]        @ UARTPeriphID0
        ldr     sp, [r4, #0xfe0]
        ldr     lr, [r4, #0xfe0]
        cmp     r0, #0x11
        cmpeq   sp, r0
        cmpeq   lr, r0
        mov     sp, r8
        check   6
@ 7: ID_DFR0 offers nothing.
        mrc     p15, 0, r0, c0, c1, 2
        cmp     r0, #0
        check   7

        adr     r0, text_failed
        mov     r1, r9
        bl      print
        adr     r0, text_undefined
        mov     r1, r11
        bl      print
        adr     r0, text_aborts
        mov     r1, r10
        bl      print
        adr     r0, text_end
        bl      puts
        movw    r0, #8                  @ SYSTEM_OFF
        movt    r0, #0x8400
        hvc     #0
        b       .

@ Executes the instruction in r1, which may change r0 and r3.
execute:
        adr     r2, return
        str     r1, [r5]
        str     r2, [r5, #8]
        ldr     r2, load_pc
        str     r2, [r5, #4]
        mcr     p15, 0, r5, c7, c11, 1  @ DCCMVAU
        dsb
        mcr     p15, 0, r5, c7, c5, 1   @ ICIMVAU
        dsb
        isb
        bx      r5
return: bx      lr
load_pc: .word  0xe51ff004              @ ldr pc, [pc, #-4]

@ Text at r0, then r1 in hexadecimal.
print:
        mov     r6, lr
        bl      puts
        mov     r2, #32
1:      sub     r2, r2, #4
        lsr     r0, r1, r2
        and     r0, r0, #15
        cmp     r0, #10
        addlo   r0, r0, #'0'
        addhs   r0, r0, #'a' - 10
        str     r0, [r4]
        cmp     r2, #0
        bne     1b
        bx      r6
puts:
        ldrb    r2, [r0], #1
        cmp     r2, #0
        bxeq    lr
        str     r2, [r4]
        b       puts

text_failed:    .asciz "wild32: checks failed 0x"
        .balign 4
text_undefined: .asciz ", undefined 0x"
        .balign 4
text_aborts:    .asciz ", aborts 0x"
        .balign 4
text_end:       .asciz "\r\n"

        .balign 4
        .thumb
it_block:
        movs    r2, #0
        movs    r3, #0
        cmp     r4, r4
        itte    eq
        ldreq   r1, [r4, #0x18]
        moveq   r2, #1
        movne   r3, #1
        itt     eq
        ldreq.w r1, [r4, #0x18]
        addeq   r2, r2, #1
        bx      lr
        .balign 4
end:
