/*
 * A guest whose loads and stores the processor does not describe (Arm ARM, ISS of a data abort, ISV = 0), for tests of the monitor's decoder. Each
 * form is executed on registers of emulated devices and compared with what single loads and stores find there. Boot arguments: do=tables64
 * runs all under tables with a granule of 64 KiB, do=off without any.
 */
#include "guest.h"

enum {
    PRIORITIES = 0x440, /* GICD_IPRIORITYR of lines 64 to 95: bytes that keep their upper five bits */
    SPACE = 32,         /* bytes of them */
    SGIR = 0xf00,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    PAGE_END = 0xff8,
    ISAR0_ATOMIC = 20,
    ABORT = 0x25,
    FETCH_ABORT = 0x21,
    EXTERNAL = 0x10,
    ALIGNMENT = 0x21,
    UNSUPPORTED = 0x35,
    CLASS_SHIFT = 26,
    STATUS = 0x3f,
};
#define WORD0 0xf0e8d8c0u /* their lower three bits are clear */
#define WORD1 0x88989058u
#define DOUBLE0 0x88989058f0e8d8c0ul
#define DOUBLE1 0x7068605850484038ul

static uintptr_t at; /* of the priorities */
static unsigned failures;

static void put(unsigned offset, uint64_t value)
{
    mmio_write(at + offset, (uint32_t)value);
    mmio_write(at + offset + 4, (uint32_t)(value >> 32));
}

static uint64_t get(unsigned offset)
{
    return mmio_read(at + offset) | (uint64_t)mmio_read(at + offset + 4) << 32;
}

static bool same(uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return true;
    print("syndrome: got ");
    print_hex(got);
    print(" instead of ");
    print_hex(wanted);
    print("\n");
    return false;
}

/* a and b come out of the instruction, p goes in as its base and comes out. */
#define LOAD(text) __asm__ volatile(text : "=&r"(a), "=&r"(b), "+r"(p) : : "memory")
#define STORE(text) __asm__ volatile(text : "+r"(p) : "r"(a), "r"(b) : "memory")

/* --- loads ------------------------------------------------------------------------------------------------------ */

static bool load(char form)
{
    uint64_t a = 0, b = 0;
    uintptr_t p = at;
    put(0, DOUBLE0);
    put(8, DOUBLE1);
    switch (form) {
    case 'a':
        LOAD("ldp %0, %1, [%2]");
        return same(a, DOUBLE0) && same(b, DOUBLE1) && same(p, at);
    case 'b':
        LOAD("ldp %w0, %w1, [%2]");
        return same(a, WORD0) && same(b, WORD1) && same(p, at);
    case 'c':
        LOAD("ldpsw %0, %1, [%2, #4]");
        return same(a, 0xffffffff00000000ul | WORD1) && same(b, (uint32_t)DOUBLE1);
    case 'd':
        LOAD("ldp %0, %1, [%2], #16");
        return same(a, DOUBLE0) && same(b, DOUBLE1) && same(p, at + 16);
    case 'e':
        p -= 32;
        LOAD("ldp %w0, %w1, [%2, #32]!");
        return same(a, WORD0) && same(b, WORD1) && same(p, at);
    case 'f':
        LOAD("ldnp %0, %1, [%2]");
        return same(a, DOUBLE0) && same(b, DOUBLE1);
    case 'g':
        LOAD("ldr %0, [%2], #8\n\tldr %w1, [%2], #-8");
        return same(a, DOUBLE0) && same(b, (uint32_t)DOUBLE1) && same(p, at);
    case 'h':
        LOAD("ldrb %w0, [%2, #1]!\n\tldrsb %1, [%2, #1]!");
        return same(a, 0xd8) && same(b, 0xffffffffffffffe8) && same(p, at + 2);
    case 'i':
        LOAD("ldrsh %w0, [%2], #2\n\tldrsw %1, [%2, #2]!");
        return same(a, 0xffffd8c0) && same(b, 0xffffffff00000000ul | WORD1) && same(p, at + 4);
    default: /* the base is the stack pointer: of EL1 */
        LOAD("mov %1, sp\n\tmov sp, %2\n\tldr %0, [sp], #16\n\tmov %2, sp\n\tmov sp, %1");
        return same(a, DOUBLE0) && same(p, at + 16);
    }
}

/* --- stores ----------------------------------------------------------------------------------------------------- */

static bool store(char form)
{
    uint64_t a = DOUBLE1, b = DOUBLE0;
    uintptr_t p = at;
    put(0, 0);
    put(8, 0);
    switch (form) {
    case 'a':
        STORE("stp %1, %2, [%0]");
        return same(get(0), DOUBLE1) && same(get(8), DOUBLE0);
    case 'b':
        STORE("stp %w1, %w2, [%0, #4]!");
        return same(get(0), DOUBLE1 << 32) && same(get(8), WORD0) && same(p, at + 4);
    case 'c':
        STORE("stp %2, xzr, [%0], #16\n\tstnp %w1, %w2, [%0, #-8]");
        return same(get(0), DOUBLE0) && same(get(8), (uint64_t)WORD0 << 32 | (uint32_t)DOUBLE1) && same(p, at + 16);
    case 'd':
        STORE("str %1, [%0], #8\n\tstr %w2, [%0], #4");
        return same(get(0), DOUBLE1) && same(get(8), WORD0) && same(p, at + 12);
    default:
        STORE("strb %w2, [%0, #3]!\n\tstrh %w1, [%0, #1]!");
        return same(get(0), 0x4038c0000000) && same(p, at + 4);
    }
}

/* Registers that the other device models keep: UARTIBRD and UARTFBRD, RTCMR and RTCLR (which sets the clock). */
static bool others(void)
{
    uint64_t a = 0x1234, b = 0x21, clock;
    uintptr_t p = machine.uart + 0x24, rtc = machine.uart + 0x10000;
    STORE("stp %w1, %w2, [%0]");
    bool good = same(mmio_read(p), a) && same(mmio_read(p + 4), b);
    LOAD("ldp %w0, %w1, [%2]");
    good = good && same(a, 0x1234) && same(b, 0x21);
    p = rtc + 4;
    a = 0x70000000;
    b = 0x60000000;
    STORE("stp %w1, %w2, [%0], #-4");
    LOAD("ldp %w0, %w1, [%2]");
    clock = a - 0x60000000;
    return good && same(b, 0x70000000) && same(mmio_read(rtc + 8), 0x60000000) && clock < 1000;
}

/* GICD_SGIR and doorbells, which the kernel knows how to handle from single stores. */
static bool sgi(void)
{
    uint64_t a = 2 << 24 | 5, b = 0;
    uintptr_t p = machine.gicd + SGIR;
    if (machine.gic_version == 3)
        return true;
    mmio_write(machine.gicd + ICPENDR, 1 << 5);
    STORE("str %w1, [%0], #4");
    bool good = same(mmio_read(machine.gicd + ISPENDR) & 0xffff, 1 << 5);
    (void)b;
    mmio_write(machine.gicd + ICPENDR, 1 << 5);
    return good;
}

static bool doorbell(void)
{
    uint64_t a = 1, b = 0, line = machine.doorbell_intid;
    uintptr_t p = machine.doorbell, pending = machine.gicd + ISPENDR + line / 32 * 4;
    (void)b;
    if (!machine.doorbell)
        return true;
    STORE("str %w1, [%0], #4");
    while (!(mmio_read(pending) >> line % 32 & 1))
        yield();
    return true;
}

/* --- refused ---------------------------------------------------------------------------------------------------- */

/* Vector instructions as words: this is built without those registers. x0 is the address. */
#define AT_X0(text)                                                                                                   \
    do {                                                                                                              \
        register uint64_t x0 __asm__("x0") = p;                                                                       \
        __asm__ volatile(text : "+r"(x0) : : "x1", "x2", "memory");                                                   \
    } while (0)

static bool refused(char form)
{
    uintptr_t p = at;
    switch (form) {
    case 'a':
        AT_X0("ldxr w1, [x0]");
        break;
    case 'b':
        AT_X0("ldaxp x1, x2, [x0]");
        break;
    case 'c': /* LDADD, where the processor has it */
        if (!(read_sysreg(id_aa64isar0_el1) >> ISAR0_ATOMIC & 0xf))
            AT_X0("ldxr w1, [x0]");
        AT_X0(".inst 0xb8210002");
        break;
    case 'd':
        write_sysreg(cpacr_el1, 3 << 20);
        isb();
        AT_X0(".inst 0x3dc00000"); /* LDR Q0 */
        break;
    case 'e':
        AT_X0("dc zva, x0");
        break;
    case 'f':
        p += 2;
        AT_X0("ldr w1, [x0]");
        break;
    case 'g':
        p += 2;
        AT_X0("ldr w1, [x0], #4");
        break;
    case 'h':
        p = machine.gicd + PAGE_END;
        AT_X0("ldp x1, x2, [x0]");
        break;
    case 'i':
        p = machine.gicd + PAGE_END;
        AT_X0("stp x1, x2, [x0], #16");
        break;
    case 'j': /* the second half is not there */
        p = machine.ram + machine.ram_size - 8;
        AT_X0("ldp x1, x2, [x0]");
        break;
    default: /* not through __asm__ with outputs: it does not come back */
        __asm__ volatile("blr %0" : : "r"(machine.uart) : "x30", "memory");
        break;
    }
    return false;
}

/* --- the list --------------------------------------------------------------------------------------------------- */

enum group { LOAD_FORM, STORE_FORM, OTHERS_FORM, SGI_FORM, DOORBELL_FORM, REFUSED_FORM };

/* Without pointers: they would be absolute addresses. */
struct form {
    char name[28];
    uint8_t group; /* enum group */
    char form;
    unsigned class, status; /* of the exception that it ends with; 0: none, any */
};

static const struct form forms[] = {
    {"LDP x", LOAD_FORM, 'a', 0, 0},
    {"LDP w", LOAD_FORM, 'b', 0, 0},
    {"LDPSW", LOAD_FORM, 'c', 0, 0},
    {"LDP post-index", LOAD_FORM, 'd', 0, 0},
    {"LDP pre-index", LOAD_FORM, 'e', 0, 0},
    {"LDNP", LOAD_FORM, 'f', 0, 0},
    {"LDR post-index", LOAD_FORM, 'g', 0, 0},
    {"LDRB, LDRSB pre-index", LOAD_FORM, 'h', 0, 0},
    {"LDRSH, LDRSW", LOAD_FORM, 'i', 0, 0},
    {"LDR from SP", LOAD_FORM, 'j', 0, 0},
    {"STP x", STORE_FORM, 'a', 0, 0},
    {"STP w pre-index", STORE_FORM, 'b', 0, 0},
    {"STP post-index, STNP", STORE_FORM, 'c', 0, 0},
    {"STR post-index", STORE_FORM, 'd', 0, 0},
    {"STRB, STRH pre-index", STORE_FORM, 'e', 0, 0},
    {"PL011 and PL031", OTHERS_FORM, 'a', 0, 0},
    {"GICD_SGIR", SGI_FORM, 'a', 0, 0},
    {"doorbell", DOORBELL_FORM, 'a', 0, 0},
    {"LDXR", REFUSED_FORM, 'a', ABORT, UNSUPPORTED},
    {"LDAXP", REFUSED_FORM, 'b', ABORT, UNSUPPORTED},
    {"LDADD", REFUSED_FORM, 'c', ABORT, UNSUPPORTED},
    {"LDR q", REFUSED_FORM, 'd', ABORT, EXTERNAL},
    {"DC ZVA", REFUSED_FORM, 'e', ABORT, ALIGNMENT},
    {"LDR unaligned", REFUSED_FORM, 'f', ABORT, ALIGNMENT},
    {"LDR post-index unaligned", REFUSED_FORM, 'g', ABORT, ALIGNMENT},
    {"LDP across pages", REFUSED_FORM, 'h', ABORT, ALIGNMENT},
    {"STP across pages", REFUSED_FORM, 'i', ABORT, ALIGNMENT},
    {"LDP across the end of RAM", REFUSED_FORM, 'j', ABORT, EXTERNAL},
    {"code in a device", REFUSED_FORM, 'k', FETCH_ABORT, 0}, /* without tables the monitor's, else the processor's own */
};

static bool form_run(const struct form *form)
{
    switch (form->group) {
    case LOAD_FORM:
        return load(form->form);
    case STORE_FORM:
        return store(form->form);
    case OTHERS_FORM:
        return others();
    case SGI_FORM:
        return sgi();
    case DOORBELL_FORM:
        return doorbell();
    default:
        return refused(form->form);
    }
}

static unsigned next; /* form; the one that runs is before it */

static void result(const struct form *form, bool good)
{
    print("syndrome: ");
    print(form->name);
    print(good ? " good\n" : " WRONG\n");
    failures += !good;
}

static _Noreturn void run(void)
{
    while (next < sizeof forms / sizeof forms[0]) {
        const struct form *form = &forms[next++];
        bool good = form_run(form);
        result(form, good && !form->class);
    }
    print("syndrome: done, forms: ");
    print_dec(next);
    print(", failures: ");
    print_dec(failures);
    print("\n");
    power_off();
}

/* On the same stack: the list is short. */
void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    const struct form *form = &forms[next - 1];
    bool good = form->class == esr >> CLASS_SHIFT && (!form->status || form->status == (esr & STATUS));
    if (!good) {
        print("syndrome: exception ");
        print_hex(esr);
        print(" at pc ");
        print_hex(elr);
        print(", address ");
        print_hex(far);
        print("\n");
    }
    result(form, good);
    run();
}

void irq_handler(uint64_t entry)
{
    (void)entry;
}

/* --- other tables ----------------------------------------------------------------------------------------------- */

/* Eight entries of level 2 for 4 GiB in granules of 64 KiB: blocks of 512 MiB. */
static _Alignas(64) uint64_t blocks[8];

enum { DEVICE = 0x401, NORMAL = 0x705, TCR_64K = 1 << 14, SCTLR_M = 1, T0SZ = 32 };

static void tables_use(uint64_t *table, uint64_t tcr, uint64_t sctlr)
{
    __asm__ volatile("dsb sy\n\tmsr sctlr_el1, %0\n\tisb\n\tmsr ttbr0_el1, %1\n\tmsr tcr_el1, %2\n\tisb\n\ttlbi vmalle1\n\tdsb sy\n\tisb\n\t"
                     "msr sctlr_el1, %3\n\tisb"
                     :
                     : "r"(read_sysreg(sctlr_el1) & ~5ul), "r"(table), "r"(tcr), "r"(sctlr)
                     : "memory");
}

/* Data stays in memory: without caches from here on, and nothing of ours is dirty in one that matters on an emulator. */
static void tables_choose(void)
{
    const char *what = option_find("do=");
    uint64_t tcr = read_sysreg(tcr_el1) & ~0xc03ful, sctlr = read_sysreg(sctlr_el1) & ~4ul;
    if (!what)
        return;
    if (what[0] == 'o')
        tables_use(blocks, tcr, sctlr & ~(uint64_t)SCTLR_M);
    for (uint64_t i = 0; what[0] == 't' && i < 8; i++)
        blocks[i] = i << 29 | (i < 2 ? DEVICE : NORMAL);
    if (what[0] == 't')
        tables_use(blocks, tcr | TCR_64K | T0SZ, sctlr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    at = machine.gicd + PRIORITIES;
    tables_choose();
    run();
}
