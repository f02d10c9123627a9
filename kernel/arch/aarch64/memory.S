/*
 * memcpy, memset: in assembly, for a compiler may turn a C loop that copies into a call of the very function.
 * For the kernel and for components: memory is Normal and unaligned accesses are allowed; nothing here runs before the MMU is on.
 */
    .macro function name
    .section .text.\name, "ax"
    .globl \name
    .type \name, %function
    .balign 16
\name:
    .endm

    function memcpy
    mov     x3, x0
    subs    x2, x2, #32
    b.lo    2f
1:  ldp     x6, x7, [x1, #16]
    ldp     x4, x5, [x1], #32
    stp     x6, x7, [x3, #16]
    stp     x4, x5, [x3], #32
    subs    x2, x2, #32
    b.hs    1b
2:  adds    x2, x2, #32 - 8
    b.mi    4f
3:  ldr     x4, [x1], #8
    str     x4, [x3], #8
    subs    x2, x2, #8
    b.pl    3b
4:  adds    x2, x2, #8
    b.eq    6f
5:  ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    subs    x2, x2, #1
    b.ne    5b
6:  ret
    .size memcpy, . - memcpy

    function memset
    mov     x3, x0
    and     x1, x1, #0xff
    orr     x1, x1, x1, lsl #8
    orr     x1, x1, x1, lsl #16
    orr     x1, x1, x1, lsl #32
    subs    x2, x2, #64
    b.lo    2f
1:  stp     x1, x1, [x3, #16]
    stp     x1, x1, [x3, #32]
    stp     x1, x1, [x3, #48]
    stp     x1, x1, [x3], #64
    subs    x2, x2, #64
    b.hs    1b
2:  adds    x2, x2, #64 - 8
    b.mi    4f
3:  str     x1, [x3], #8
    subs    x2, x2, #8
    b.pl    3b
4:  adds    x2, x2, #8
    b.eq    6f
5:  strb    w1, [x3], #1
    subs    x2, x2, #1
    b.ne    5b
6:  ret
    .size memset, . - memset

    .section .note.GNU-stack, "", %progbits
