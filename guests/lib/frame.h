/* For assembly: the registers that a function keeps for its caller (AAPCS64 6.1.1), on the stack. */
#ifndef GUEST_FRAME_H
#define GUEST_FRAME_H

        .macro  frame_push
        stp     x29, x30, [sp, #-96]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        .endm

        .macro  frame_pop
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #96
        .endm

#endif
