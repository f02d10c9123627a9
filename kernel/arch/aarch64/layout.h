/*
 * The kernel's address space at EL2: physical memory at its own address, of which only what is needed is mapped; and in the last part of the
 * 2 MiB that the image begins, so that they share its tables, the CPUs' scrub windows and stacks. There lies memory that the kernel does not
 * map: files of the package. For C and assembly.
 */
#ifndef AARCH64_LAYOUT_H
#define AARCH64_LAYOUT_H

#define KERNEL_VA_BITS 39

/* From the image's beginning: WINDOW_PAGES for each CPU, then two for each CPU's stack: a hole below it and the stack. */
#define WINDOW_PAGES 16
#define WINDOWS_OFFSET 0x170000
#define STACKS_OFFSET (WINDOWS_OFFSET + 8 * WINDOW_PAGES * 4096)
#define WINDOWS_SIZE (0x200000 - WINDOWS_OFFSET) /* with the stacks */
#define STACK_SHIFT 13 /* log2 of the distance of two stacks */
#define STACK_SIZE 4096

#define BOOT_PAGES 18 /* behind the image's data: stacks of eight CPUs, tables: image 2, device tree or area 1 to 2, devices 2 to 6 */
/* A variable of whole pages. */
#define PAGES_SECTION __attribute__((section(".pages"), aligned(4096)))

#endif
