/*
 * Physical memory: one file mapped twice. Through the first mapping the kernel sees the pages that it has mapped, the others fault;
 * through the second the simulation sees all.
 */
#define _GNU_SOURCE
#include "host.h"
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *kernel_view, *whole_view;
static bool mapped[HOST_RAM_SIZE / PAGE_SIZE];

static char *view_map(int descriptor, int protection)
{
    void *view = mmap(NULL, HOST_RAM_SIZE, protection, MAP_SHARED, descriptor, 0);
    if (view == MAP_FAILED)
        host_fail("no address space for %lu bytes of memory", (unsigned long)HOST_RAM_SIZE);
    return view;
}

static int file = -1;

static void views_make(void)
{
    file = memfd_create("ram", 0);
    if (file < 0 || ftruncate(file, (off_t)HOST_RAM_SIZE) != 0)
        host_fail("no %lu bytes of memory", (unsigned long)HOST_RAM_SIZE);
    kernel_view = view_map(file, PROT_NONE);
    whole_view = view_map(file, PROT_READ | PROT_WRITE);
}

void memory_reset(void)
{
    if (!kernel_view)
        views_make();
    if (ftruncate(file, 0) != 0 || ftruncate(file, (off_t)HOST_RAM_SIZE) != 0) /* zero again */
        host_fail("the memory cannot be emptied");
    memset(mapped, 0, sizeof mapped);
    mprotect(kernel_view, HOST_RAM_SIZE, PROT_NONE);
    mprotect(kernel_view + (HOST_IMAGE - HOST_RAM), HOST_IMAGE_SIZE + HOST_PACKAGE_SIZE, PROT_READ | PROT_WRITE);
}

void *phys_to_ptr(paddr_t address)
{
    if (address.raw - HOST_RAM >= HOST_RAM_SIZE)
        host_fail("no memory at physical %lx", (unsigned long)address.raw);
    return kernel_view + (address.raw - HOST_RAM);
}

paddr_t ptr_to_phys(const void *pointer)
{
    uint64_t offset = (uint64_t)((const char *)pointer - kernel_view);
    if (offset >= HOST_RAM_SIZE)
        host_fail("pointer %p is not into the kernel's memory", pointer);
    return paddr(HOST_RAM + offset);
}

void *host_memory(uint64_t physical)
{
    return whole_view + (physical - HOST_RAM);
}

bool host_is_mapped(uint64_t physical)
{
    return mapped[(physical - HOST_RAM) / PAGE_SIZE];
}

uint64_t arch_kernel_area_tables(void)
{
    return 0;
}

struct range arch_kernel_image(void)
{
    return platform.image;
}

struct range arch_kernel_area(void)
{
    return (struct range){paddr(HOST_AREA), HOST_AREA_SIZE};
}

static void page_set(paddr_t page, bool on)
{
    uint64_t offset = page.raw - HOST_RAM;
    if (!page_aligned(page.raw) || page.raw < HOST_AREA || page.raw >= HOST_AREA + HOST_AREA_SIZE)
        host_fail("%lx is no page of the kernel's area", (unsigned long)page.raw);
    if (mapped[offset / PAGE_SIZE] == on)
        host_fail("kernel page %lx is %smapped already", (unsigned long)page.raw, on ? "" : "un");
    mapped[offset / PAGE_SIZE] = on;
    mprotect(kernel_view + offset, PAGE_SIZE, on ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void arch_kernel_map(paddr_t page)
{
    page_set(page, true);
    host.mapped_pages++;
}

void arch_kernel_unmap(paddr_t page)
{
    if (host_tlb_reaches(page.raw, PAGE_SIZE))
        host_fail("kernel page %lx is given back while a TLB knows of it", (unsigned long)page.raw);
    page_set(page, false);
    host.mapped_pages--;
    size_t used = (size_t)(host.stack - (const char *)__builtin_frame_address(0));
    host.stack_used = used > host.stack_used ? used : host.stack_used;
}

void arch_scrub(paddr_t base, uint64_t size)
{
    if (!page_aligned(base.raw | size) || size > ARCH_SCRUB_STEP)
        host_fail("scrub of %lx bytes at %lx", (unsigned long)size, (unsigned long)base.raw);
    /* Reads as zero, and costs nothing where nothing was written. */
    if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(base.raw - HOST_RAM), (off_t)size) != 0)
        host_fail("the memory at %lx cannot be emptied", (unsigned long)base.raw);
    host.scrubbed += size;
}
