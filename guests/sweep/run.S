/*
 * Runs generated code at EL1 or EL0 and comes back whatever happens: x0 = what the code left there, x16 = syndrome of the exception, 0 if none.
 * Nothing here uses memory between the jump and the return, so registers may be changed under it.
 */
#include "frame.h"

        .text

/* struct outcome run_el1(const void *code, uint64_t x0): code is one instruction and RET. */
        .global run_el1
run_el1:
        stp     x29, x30, [sp, #-16]!
        mov     x9, x0
        mov     x0, x1
        mov     x16, xzr
        blr     x9
        mov     x1, x16
        ldp     x29, x30, [sp], #16
        ret

/* struct outcome run_el0(uint64_t pc, uint64_t pstate, uint64_t x0, uint64_t x1): code ends with SVC, if it gets there. x2 = where it was. */
        .global run_el0
run_el0:
        frame_push
        msr     elr_el1, x0
        msr     spsr_el1, x1
        mov     x0, x2
        mov     x1, x3
        mov     x14, xzr
        isb
        eret
from_el0:
        mrs     x1, esr_el1
        mrs     x2, elr_el1
        frame_pop
        adrp    x9, where
        str     x2, [x9, :lo12:where]
        ret

        .macro  slot offset, target
        .org    sweep_vectors + \offset
        b       \target
        .endm

        .balign 2048
        .global sweep_vectors
sweep_vectors:
        .org    sweep_vectors + 0x200           // from EL1: over the instruction
        mrs     x16, esr_el1
        mrs     x17, elr_el1
        add     x17, x17, #4
        msr     elr_el1, x17
        eret
        slot    0x380, serror
        slot    0x400, from_el0
        slot    0x580, serror
        slot    0x600, from_el0
        slot    0x780, serror
        .org    sweep_vectors + 0x800

serror:
        mrs     x0, esr_el1
        mrs     x1, far_el1
        mrs     x2, elr_el1
        b       fault_handler

        .section .note.GNU-stack, "", %progbits
