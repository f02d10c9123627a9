/* The board, as the architecture found it in the firmware's description; filled in before kernel_main() and constant after. */
#ifndef CORE_PLATFORM_H
#define CORE_PLATFORM_H

#include "types.h"

struct range {
    paddr_t base;
    uint64_t size; /* bytes */
};

enum { PLATFORM_RANGES = 8 };

struct platform {
    unsigned cpus;                         /* that can be started, 1 … CPUS_MAX; CPU 0 is the one that booted */
    unsigned ram_count, reserved_count;
    struct range ram[PLATFORM_RANGES];     /* page multiples, ascending */
    struct range reserved[PLATFORM_RANGES]; /* within RAM or outside: firmware's; and devices that are the kernel's own */
    struct range image;                    /* the kernel from first byte to end of .bss, page multiples */
    struct range package;                  /* behind it; size from its header */
    paddr_t root;                          /* its member "root", a component */
    uint64_t root_memory;                  /* bytes of kernel memory that its header says; 0: a usual amount */
    struct range fdt;                      /* the device tree itself, byte-exact */
    paddr_t console;                       /* registers of the UART that the log goes to; 0: none */
    struct range guest_device;             /* registers that answer to the guest which runs (EXTENT_GUEST_DEVICE); size 0: none */
    uint64_t physical_limit;               /* first address that the processor cannot output */
    uint64_t boot_ticks;                   /* counter at the first instruction */
    unsigned irq_first, irq_count;         /* shared interrupts that root gets */
    uint32_t variant;                      /* for root and monitors, who know what it means to the architecture */
};

extern struct platform platform;

enum { RANGES_MAX = 24 };

struct ranges {
    unsigned count;
    struct range list[RANGES_MAX];
};

/* RAM that is nobody's: of `platform`, and with what the kernel has taken so far. main.c */
struct ranges platform_free_ram(void);

#endif
