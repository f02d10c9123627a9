/*
 * The kernel's address space at EL2: physical memory at its own address (of which only what is needed is mapped), and
 * in the last GiB of the 39 bits the CPUs' scrub windows and stacks. For C and assembly.
 */
#ifndef AARCH64_LAYOUT_H
#define AARCH64_LAYOUT_H

#define KERNEL_VA_BITS 39
#define PRIVATE_BASE 0x7fc0000000 /* 511 GiB */

/* One page of L3 entries: WINDOW_PAGES for each CPU, then two for each CPU's stack: a hole below it and the stack. */
#define WINDOW_PAGES 16
#define STACKS_BASE (PRIVATE_BASE + 8 * WINDOW_PAGES * 4096)
#define STACK_SHIFT 13 /* log2 of the distance of two stacks */
#define STACK_SIZE 4096

#endif
