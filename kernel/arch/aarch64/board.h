/* What platform.c found in the device tree beyond the portable `platform`: for this directory only. Constant after boot. */
#ifndef AARCH64_BOARD_H
#define AARCH64_BOARD_H

#include "platform.h"

struct uart_kind;

enum { BOARD_REDISTRIBUTORS = 4 };

struct board {
    uint64_t mpidr[CPUS_MAX]; /* affinity fields by CPU index */
    /* GIC registers: which are there depends on the version */
    struct range distributor, cpu_interface, virtual_control;
    struct range redistributors[BOARD_REDISTRIBUTORS];
    unsigned redistributor_count;
    uint64_t redistributor_stride; /* 0: frames follow one another */
    /* interrupt numbers of PPIs */
    unsigned hyp_timer, virtual_timer, maintenance;
    /* PSCI function identifiers (DEN 0022); 0: not offered */
    uint32_t psci_on, psci_off, psci_reset;
    const struct uart_kind *uart; /* NULL: none that the kernel can write to */
};
extern struct board board;

enum { MPIDR_AFF1 = 8, MPIDR_AFF2 = 16, MPIDR_AFF3 = 32 };
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* Fills in `platform` and `board` from the tree, which may be at `fdt`; panics, naming node and property, if the kernel cannot run on it. */
void platform_init(uint64_t fdt);
/* Root gets nothing of it. Returns the range. While booting. */
struct range platform_reserve(struct range range);

#endif
