/*
 * A component's first instruction. The creator has set x0 (startup page or bootinfo) and sp (COMPONENT_BASE + memory_size, which is
 * _stack_top); the loader has zeroed what is not in the file.
 */
    .section .text.start, "ax"
    .globl _start
    .type _start, %function
_start:
    mov     x29, #0
    mov     x30, #0
    bl      component_start
1:  b       1b      /* not reached: component_start does not return */
    .size _start, . - _start

    .section .note.GNU-stack, "", %progbits
