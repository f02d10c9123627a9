/*
 * bool row_call(void (*row)(void)): calls row(); true if it returned, false if it ended in row_abort(), which the
 * fault handler calls. One level deep, first CPU only.
 */
#include "frame.h"

        .section .text.row, "ax"
        .global row_call
row_call:
        frame_push
        mov     x1, sp
        adrp    x2, row_sp
        str     x1, [x2, #:lo12:row_sp]
        blr     x0
        mov     x0, #1
1:
        frame_pop
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
