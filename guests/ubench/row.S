/*
 * bool row_call(void (*row)(void)): calls row(); true if it returned, false if it ended in row_abort(), which the
 * fault handler calls. One level deep, first CPU only.
 */
        .section .text.row, "ax"
        .global row_call
row_call:
        stp     x29, x30, [sp, #-96]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        mov     x1, sp
        adrp    x2, row_sp
        str     x1, [x2, #:lo12:row_sp]
        blr     x0
        mov     x0, #1
1:      ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #96
        ret
        .global row_abort
row_abort:
        adrp    x2, row_sp
        ldr     x1, [x2, #:lo12:row_sp]
        mov     sp, x1
        mov     x0, #0
        b       1b

        .section .bss.row_sp, "aw", %nobits
        .balign 8
row_sp: .space  8

        .section .note.GNU-stack, "", %progbits
