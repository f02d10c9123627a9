/* Beside the kernel's memcpy and memset (memory.S). */
    .section .text.memmove, "ax"
    .globl memmove
    .type memmove, %function
    .balign 16
memmove:
    /* Downwards only where the destination begins inside the source. */
    sub     x3, x0, x1
    cmp     x3, x2
    b.hs    memcpy
    add     x1, x1, x2
    add     x3, x0, x2
    subs    x2, x2, #8
    b.mi    2f
1:  ldr     x4, [x1, #-8]!
    str     x4, [x3, #-8]!
    subs    x2, x2, #8
    b.pl    1b
2:  adds    x2, x2, #8
    b.eq    4f
3:  ldrb    w4, [x1, #-1]!
    strb    w4, [x3, #-1]!
    subs    x2, x2, #1
    b.ne    3b
4:  ret
    .size memmove, . - memmove

    .section .note.GNU-stack, "", %progbits
