/* Stage-2 translation tables: 4 KiB granule, 39 bits, three levels (Arm ARM D5.2, D5.3), and their TLB maintenance (D5.10). */
#include "space.h"
#include "arch.h"
#include "barrier.h"
#include <bulkhead/call.h>

/* A descriptor of stage 2 (D5.3.3). */
#define S2_VALID (UINT64_C(1) << 0)
#define S2_TABLE (UINT64_C(1) << 1) /* at the last level: page */
#define S2_MEMORY (UINT64_C(0xf) << 2) /* Normal, inner and outer write-back */
#define S2_DEVICE (UINT64_C(1) << 2)   /* Device-nGnRE */
#define S2_READ (UINT64_C(1) << 6)
#define S2_WRITE (UINT64_C(1) << 7)
#define S2_INNER_SHAREABLE (UINT64_C(3) << 8)
#define S2_ACCESSED (UINT64_C(1) << 10)
#define S2_CONTIGUOUS (UINT64_C(1) << 52)
#define S2_NO_EXECUTE (UINT64_C(1) << 54)
#define S2_ADDRESS UINT64_C(0xfffffffff000)

static uint64_t table_entry(paddr_t table)
{
    return table.raw | S2_TABLE | S2_VALID;
}

static uint64_t leaf_entry(unsigned level, paddr_t base, unsigned access, bool device, bool contiguous)
{
    uint64_t entry = base.raw | S2_VALID | S2_ACCESSED | (device ? S2_DEVICE : S2_MEMORY | S2_INNER_SHAREABLE);
    entry |= level == 2 ? S2_TABLE : 0;
    entry |= access & RIGHT_READ ? S2_READ : 0;
    entry |= access & RIGHT_WRITE ? S2_WRITE : 0;
    entry |= access & RIGHT_EXECUTE ? 0 : S2_NO_EXECUTE;
    entry |= contiguous ? S2_CONTIGUOUS : 0;
    return entry;
}

static bool is_table(unsigned level, uint64_t entry)
{
    return level < 2 && entry & S2_TABLE;
}

static paddr_t entry_address(uint64_t entry)
{
    return paddr(entry & S2_ADDRESS);
}

const struct table_format arch_space_format = {
    .levels = 3,
    .shift = {30, 21, 12},
    .leaf = {true, true, true},
    .contiguous = {0, 16, 16}, /* D5.3.2, 4 KiB granule */
    .table_entry = table_entry,
    .leaf_entry = leaf_entry,
    .is_table = is_table,
    .entry_address = entry_address,
};

void arch_table_publish(const void *entry, size_t bytes)
{
    (void)entry; /* walks are coherent: VTCR_EL2 makes them write-back, inner shareable */
    (void)bytes;
    dsb(ishst);
}

enum { FLUSH_PAGES_MAX = 64 /* beyond that, all of the space's entries are cheaper */ };

/* Runs with VTTBR_EL2 naming the space: TLBI by address and by VMID take the VMID from there. */
static void flush_current(saddr_t address, uint64_t size)
{
    if (size > (uint64_t)FLUSH_PAGES_MAX * PAGE_SIZE) {
        __asm__ volatile("tlbi vmalls12e1is" : : : "memory");
        dsb(ish);
        return;
    }
    for (uint64_t at = address.raw; at < address.raw + size; at += PAGE_SIZE)
        __asm__ volatile("tlbi ipas2e1is, %0" : : "r"(at >> PAGE_SHIFT) : "memory");
    dsb(ish);
    __asm__ volatile("tlbi vmalle1is" : : : "memory"); /* what stage 1 and 2 together have cached */
    dsb(ish);
}

void arch_space_flush(struct space *space, saddr_t address, uint64_t size)
{
    uint64_t vttbr = read_sysreg(vttbr_el2), hcr = read_sysreg(hcr_el2);
    dsb(ish); /* the changed entries before the invalidation, on all CPUs (D5.10.2), and before the look at the tag */
    uint64_t tag = __atomic_load_n(&space->tag.value, __ATOMIC_RELAXED) & 0xffff;
    if (!tag)
        return; /* it never ran */
    write_sysreg(hcr | UINT64_C(1) << 27, hcr_el2); /* TGE: no speculative walk by the guest's stage 1 meanwhile */
    isb();
    write_sysreg(ptr_to_phys(space->table.root).raw | tag << 48, vttbr_el2);
    isb();
    flush_current(address, size);
    write_sysreg(vttbr, vttbr_el2);
    isb();
    write_sysreg(hcr, hcr_el2);
    isb();
}

/*
 * Orders the tag's store before this CPU's walks under it. Against arch_space_flush(), which orders changed entries before its look at the tag:
 * either it sees the tag, or the walks see the entries.
 */
void arch_tag_publish(void)
{
    dsb(ish);
}

void arch_tags_flush(void)
{
    dsb(ishst);
    __asm__ volatile("tlbi alle1is" : : : "memory");
    dsb(ish);
    isb();
}

unsigned arch_tag_count(void)
{
    bool wide = (read_sysreg(id_aa64mmfr1_el1) >> 4 & 15) == 2; /* VMIDBits: VTCR_EL2.VS is set then (cpu.c) */
    return wide ? TAGS_MAX : 1u << 8;
}
