/* The kernel's own translation besides what core/arch.h offers: used while booting. */
#ifndef AARCH64_MMU_H
#define AARCH64_MMU_H

#include "layout.h"
#include "platform.h"

/* Maps device registers for good and returns where. */
uintptr_t mmu_map_device(paddr_t base, uint64_t size);
/* Maps memory that firmware or loader wrote, read-only, page by page, for good. */
const void *mmu_map_constant(paddr_t base, uint64_t size);
/* The same by blocks of 2 MiB, until mmu_unmap_blocks(). */
const void *mmu_map_blocks(paddr_t base, uint64_t size);
void mmu_unmap_blocks(paddr_t base, uint64_t size);
/* Chooses the kernel area and makes its tables; `platform` is filled in. */
void mmu_area_init(void);

/* For start.S: fills the tables with what the image needs; MMU off. */
void mmu_build(void);
/* Takes and maps the stack of a CPU. */
void mmu_stack_make(unsigned cpu);

#define WINDOWS_BASE ((uint64_t)_image_start + WINDOWS_OFFSET)
#define STACKS_BASE ((uint64_t)_image_start + STACKS_OFFSET)

/* From kernel.lds. */
extern char _image_start[], _rodata_start[], _relocated_start[], _data_start[], _data_end[], boot_pages[], _image_end[];

#endif
