/*
 * Vectors of a guest that expects to fault: a synchronous exception is counted and what caused it skipped. A jump that went astray
 * (EC 0x21, 0x22) goes back to whoever made it, whose return address is in x30.
 */
        .section .text.storm_vectors, "ax"
        .balign 2048
        .global storm_vectors
storm_vectors:
        .org    storm_vectors + 0x200
        stp     x0, x1, [sp, #-16]!
        mrs     x0, elr_el1
        mrs     x1, esr_el1
        add     x0, x0, #4
        lsr     x1, x1, #27                     // EC without its last bit but one
        cmp     x1, #(0x20 >> 1)                // 0x20, 0x21: instruction abort
        csel    x0, x30, x0, eq
        mrs     x1, esr_el1
        lsr     x1, x1, #26
        cmp     x1, #0x22                       // PC alignment
        csel    x0, x30, x0, eq
        msr     elr_el1, x0
        mrs     x1, tpidr_el1                   // the CPU's count
        ldr     x0, [x1]
        add     x0, x0, #1
        str     x0, [x1]
        ldp     x0, x1, [sp], #16
        eret
        .org    storm_vectors + 0x280
        b       vectors + 0x280
        .org    storm_vectors + 0x380
        eret                                    // an SError that a hypervisor injected
        .org    storm_vectors + 0x800

        .section .note.GNU-stack, "", %progbits
