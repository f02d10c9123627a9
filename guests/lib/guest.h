/*
 * What our bare-metal guests share: entry at the first instruction, the machine they run on, its interrupt controller, its
 * console, calls to firmware. Linked only as far as used.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything is in this one image, so nothing needs a global offset table, whose entries would be absolute. */
#pragma GCC visibility push(hidden)

/* --- start.S calls these, which a guest defines ------------------------------------------------------------------ */

/* On the first CPU, MMU on, interrupts masked. `first_tick` is CNTVCT at the image's first instruction. */
_Noreturn void primary_main(const void *fdt, uint64_t first_tick);
/* On a CPU started by PSCI at secondary_start. A guest of one CPU need not define it. */
_Noreturn void secondary_main(void);
/* Interrupt; `entry` is CNTVCT at the vector. */
void irq_handler(uint64_t entry);
/* Any other exception. */
_Noreturn void fault_handler(uint64_t esr, uint64_t far, uint64_t elr);

extern char _start[]; /* first byte of the image */
extern void secondary_start(void);

/* --- machine.c: what the device tree says, or QEMU's `virt` machine --------------------------------------------- */

struct machine {
    bool from_fdt;           /* false: no device tree, all below is the virt map */
    unsigned gic_version;    /* 2 or 3 */
    uintptr_t gicd;          /* distributor */
    uintptr_t gic_cpu;       /* v2: CPU interface (GICC); v3: first redistributor (GICR) */
    uintptr_t uart;          /* PL011 or SBSA UART */
    bool psci_by_smc;        /* conduit of PSCI; else HVC */
    unsigned cpus;           /* how many the tree lists; 2, to be tried, without a tree */
    uint64_t second_mpidr;   /* affinity of a CPU that is not this one, if cpus > 1 */
    uint64_t ram, ram_size;  /* largest bank */
    const char *bootargs;    /* of /chosen, in the tree; never null */
    uintptr_t doorbell;      /* the first one ("bulkhead,doorbell"); 0: none */
    unsigned doorbell_intid; /* of the line that its component raises */
};

extern struct machine machine;

/* Fills in `machine`. `fdt` is what the boot protocol passed in x0, if anything. Faults if that is a bad address. */
void machine_from_fdt(const void *fdt);

/* --- options.c: words of the boot arguments --------------------------------------------------------------------- */

/* What follows `name` (which ends with '=') at the start of a word; null if it is not there. */
const char *option_find(const char *name);
/* The decimal number there; `otherwise` if there is none. */
uint64_t option_number(const char *name, uint64_t otherwise);

/* --- power.c ---------------------------------------------------------------------------------------------------- */

_Noreturn void power_off(void);
/* For a guest whose fault_handler() has nothing else to do: prints the exception first. */
_Noreturn void power_off_at_fault(const char *who, uint64_t esr, uint64_t far, uint64_t elr);

/* --- gic.c: GICv2 and GICv3, just enough for SGI 0, the virtual timer and one CPU's shared interrupts ------------ */

enum { SGI = 0, VTIMER_PPI = 27, GIC_SPURIOUS = 1020 };

void gic_init(void);         /* distributor; once */
void gic_cpu_init(void);     /* this CPU's part; on every CPU */
void gic_enable_shared(unsigned intid, bool edge); /* to the calling CPU */
uint32_t gic_ack(void);      /* INTID, or >= GIC_SPURIOUS */
void gic_eoi(uint32_t intid);
uint64_t gic_sgi_self(void); /* what to give to gic_sgi() to interrupt the calling CPU */
void gic_sgi(uint64_t target);

/* --- console.c: the UART ---------------------------------------------------------------------------------------- */

void print(const char *text);
void print_dec(uint64_t n);
void print_hex(uint64_t n);

/* --- registers -------------------------------------------------------------------------------------------------- */

#define read_sysreg(reg) ({ uint64_t v_; __asm__ volatile("mrs %0, " #reg : "=r"(v_) : : "memory"); v_; })
#define write_sysreg(reg, value) __asm__ volatile("msr " #reg ", %x0" : : "rZ"((uint64_t)(value)) : "memory")
#define isb() __asm__ volatile("isb" : : : "memory")

/* Single loads and stores without write-back: the form whose syndrome lets a hypervisor emulate them. */
static inline uint32_t mmio_read(uintptr_t address)
{
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write(uintptr_t address, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(address) : "memory");
}

#define PL011_DR 0x00
#define PL011_FR 0x18
#define PL011_FR_TXFF (1u << 5)

#define GICD_CTLR 0x0000
#define GICD_TYPER 0x0004
#define GICD_ISENABLER 0x0100
#define GICD_ICENABLER 0x0180

#define irq_unmask() __asm__ volatile("msr daifclr, #2" : : : "memory")
#define irq_mask() __asm__ volatile("msr daifset, #2" : : : "memory")
#define wfi() __asm__ volatile("dsb sy\n\twfi" : : : "memory")

static inline void yield(void)
{
    __asm__ volatile("yield" : : : "memory");
}

/* --- calls (SMCCC, DEN 0028; PSCI, DEN 0022) -------------------------------------------------------------------- */

#define SMCCC_VERSION 0x80000000UL
#define PSCI_VERSION 0x84000000UL
#define PSCI_SYSTEM_OFF 0x84000008UL
#define PSCI_SYSTEM_RESET 0x84000009UL
#define PSCI_CPU_ON 0xc4000003UL

#define SMCCC_CALL(conduit, function, a1, a2, a3)                                                                     \
    ({                                                                                                                \
        register uint64_t x0 __asm__("x0") = (function);                                                              \
        register uint64_t x1 __asm__("x1") = (a1);                                                                    \
        register uint64_t x2 __asm__("x2") = (a2);                                                                    \
        register uint64_t x3 __asm__("x3") = (a3);                                                                    \
        __asm__ volatile(conduit " #0"                                                                                \
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)                                                     \
                         :                                                                                            \
                         : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
                           "memory");                                                                                 \
        (int64_t) x0;                                                                                                 \
    })

/* By the conduit that the device tree states. */
static inline int64_t psci(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return machine.psci_by_smc ? SMCCC_CALL("smc", function, a1, a2, a3) : SMCCC_CALL("hvc", function, a1, a2, a3);
}

#endif
