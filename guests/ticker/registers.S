/*
 * Patterns in registers that a hypervisor has to keep when it lets somebody else have the processor. Register n bears
 * seed + n, in both halves of a vector.
 */
#include "frame.h"

        .arch   armv8-a+fp+simd

/* void registers_fill(uint64_t seed): v0–v31, which nothing else here uses. */
        .global registers_fill
registers_fill:
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        add     x1, x0, #\n
        dup     v\n\().2d, x1
        .endr
        ret

/* bool registers_kept(uint64_t seed): v0–v31 are what registers_fill left. */
        .global registers_kept
registers_kept:
        mov     x4, #0
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        add     x1, x0, #\n
        umov    x2, v\n\().d[0]
        umov    x3, v\n\().d[1]
        eor     x2, x2, x1
        eor     x3, x3, x1
        orr     x4, x4, x2
        orr     x4, x4, x3
        .endr
        cmp     x4, #0
        cset    w0, eq
        ret

/* bool registers_hold(uint64_t seed, uint64_t turns): x1–x28 keep their patterns while `turns` turns of a loop go by. */
        .global registers_hold
registers_hold:
        frame_push
        mov     x29, x1
        .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28
        add     x\n, x0, #\n
        .endr
1:      subs    x29, x29, #1
        b.ne    1b
        .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28
        sub     x30, x\n, x0
        sub     x30, x30, #\n
        orr     x29, x29, x30
        .endr
        cmp     x29, #0
        cset    w0, eq
        frame_pop
        ret

        .section .note.GNU-stack, "", %progbits
