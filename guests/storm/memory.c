/* Acts on memory, caches, translation and devices. */
#include "storm.h"

#define TCR_TTBR1 UINT64_C(0x2b5193519) /* as start.S sets it, and TTBR1 the same way: T1SZ 25, 4 KiB granule, shareable write-back walks */

enum {
    TABLE_ENTRIES = 512,
    RET = (int)0xd65f03c0,
    MOVZ_X0 = (int)0xd2800000, /* | imm16 << 5 */
};

/* A table of random descriptors, many of them valid, some pointing into RAM or at themselves. Loads only: it may find the storm's own memory. */
void act_tables(struct storm_cpu *cpu)
{
    uint64_t *table = (uint64_t *)cpu->scratch, sum = 0;
    write_sysreg(tcr_el1, TCR_TTBR1);
    while (storm_goes_on()) {
        for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
            uint64_t value = storm_random(cpu);
            table[i] = (value & 0x8 ? (value & 0x7f0000ffffff) | 0x40000000 : value) | (value >> 60 & 3);
        }
        table[storm_random(cpu) % TABLE_ENTRIES] = (uint64_t)table | 3;
        __asm__ volatile("dsb ish" : : : "memory");
        write_sysreg(ttbr1_el1, table);
        isb();
        __asm__ volatile("tlbi vmalle1is\n\tdsb ish\n\tisb" : : : "memory");
        for (unsigned i = 0; i < 16; i++) {
            uint64_t value, at = storm_random(cpu) | UINT64_C(0xffffff8000000000);
            __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
            __asm__ volatile("at s1e1r, %0\n\tat s1e0w, %0" : : "r"(at) : "memory");
            sum += value;
        }
    }
    cpu->scratch[0] = (uint32_t)sum & ~1u;
    write_sysreg(tcr_el1, TCR_TTBR1 | 1 << 23); /* EPD1 */
    isb();
}

void act_caches(struct storm_cpu *cpu)
{
    while (storm_goes_on()) {
        uint64_t set_way = storm_random(cpu) & 0xffffffff, at = (uint64_t)cpu->scratch + (storm_random(cpu) & 0xfc0);
        __asm__ volatile("dc isw, %0\n\tdc csw, %0\n\tdc cisw, %0" : : "r"(set_way) : "memory");
        __asm__ volatile("dc civac, %0\n\tdc cvau, %0\n\tic ivau, %0" : : "r"(at) : "memory");
        __asm__ volatile("ic iallu\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
        __asm__ volatile("tlbi vmalle1is\n\ttlbi aside1is, %0\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb" : : "r"(set_way) : "memory");
        write_sysreg(csselr_el1, set_way & 15);
        isb();
        (void)read_sysreg(ccsidr_el1);
    }
}

/* A function that is written again before each call. */
void act_code(struct storm_cpu *cpu)
{
    for (uint32_t n = 0; storm_goes_on(); n++) {
        uint64_t got;
        cpu->scratch[0] = (uint32_t)MOVZ_X0 | (n & 0xffff) << 5;
        cpu->scratch[1] = (uint32_t)RET;
        __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" : : "r"(cpu->scratch) : "memory");
        __asm__ volatile("blr %1\n\tmov %0, x0" : "=r"(got) : "r"(cpu->scratch) : "x0", "x30", "memory");
        if (got != (n & 0xffff)) {
            print("storm: stale code\n");
            power_off();
        }
    }
    cpu->scratch[0] = 0;
}

/* Jumps to where nothing is, and to where data is. */
void act_jumps(struct storm_cpu *cpu)
{
    while (storm_goes_on()) {
        uint64_t at = storm_random(cpu) >> (storm_random(cpu) & 63);
        if (at - machine.ram >= machine.ram_size)
            __asm__ volatile("blr %0" : : "r"(at) : "x30", "memory");
    }
}

static void touch(uint64_t at, uint64_t value)
{
    switch (value & 15) {
    case 0:
        __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 1:
        __asm__ volatile("ldrsh %x0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 2:
        __asm__ volatile("ldr %x0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 3:
        __asm__ volatile("strb %w0, [%1]" : : "r"(value >> 8), "r"(at) : "memory");
        break;
    case 4:
        __asm__ volatile("str %x0, [%1]" : : "r"(value >> 8), "r"(at) : "memory");
        break;
    case 5:
        __asm__ volatile("ldp %x0, xzr, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    case 6:
        __asm__ volatile("str %w0, [%1], #4" : : "r"(value >> 8), "r"(at) : "memory");
        break;
    case 7:
    case 8:
    case 9:
        __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
        break;
    default:
        __asm__ volatile("str %w0, [%1]" : : "r"(value >> 8), "r"(at) : "memory");
    }
}

/* Any access to any device register, across the ends of pages and devices, but for the UART's output. */
void act_devices(struct storm_cpu *cpu)
{
    const uintptr_t bases[] = {machine.gicd, machine.gicd, machine.gic_cpu, machine.gic_cpu + 0x10000, machine.uart, 0x09010000, 0x08000000, 0x0b000000};
    while (storm_goes_on()) {
        uint64_t value = storm_random(cpu), base = bases[value % 8];
        uint64_t offset = storm_random(cpu) & (value & 8 ? 0xfff : 0x1ffff);
        if (value & 16)
            offset &= ~UINT64_C(3);
        if (base + offset >= machine.uart && base + offset < machine.uart + 0x1000)
            continue;
        touch(base + offset, storm_random(cpu));
    }
}
