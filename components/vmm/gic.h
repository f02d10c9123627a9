/*
 * The guest's interrupt controller: GICv2 (IHI 0048) or GICv3 (IHI 0069), whichever the board has. This decodes the distributor's and
 * redistributors' registers; the kernel keeps the lines' state (lines.h) and the CPU interface is the processor's own.
 */
#ifndef VMM_GIC_H
#define VMM_GIC_H

#include <stdbool.h>
#include <stdint.h>

enum { GIC_PRIVATE = 32 }; /* lines below are each vCPU's own */

/* State of the distributor that the kernel does not keep. */
struct gicd_state {
    uint32_t first[4];     /* GICD_CTLR, GICD_TYPER, GICD_IIDR, reserved, as a guest reads them */
    uint8_t targets[256];  /* GICv2: GICD_ITARGETSR */
    uint64_t routes[256];  /* GICv3: GICD_IROUTER */
};

struct gicr_state {
    uint32_t waker[8]; /* GICR_WAKER of each vCPU */
};

/** Puts the controller into the guest's address space. */
void gic_build(void);

/** Power-on state, after CALL_VM_RESET. */
void gic_reset(void);

/** Distributor of `version` 2 or 3 for `cpus` vCPUs. */
void gicd_reset(unsigned version, unsigned cpus);
uint64_t gicd_read(unsigned vcpu, uint64_t offset, unsigned size);
void gicd_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

/** A 32-bit guest's store to ICC_SGI1R; the kernel carries out the others. False: a GICv2 has none. */
bool gic_sgi1r_write(unsigned vcpu, uint64_t value);

/** All redistributors; `offset` counts from the first one's frame. */
void gicr_reset(unsigned cpus);
uint64_t gicr_read(unsigned vcpu, uint64_t offset, unsigned size);
void gicr_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

/**
 * Registers with bits or bytes per line, at the same offsets in both versions' distributors and in a redistributor's SGI frame. The first
 * line that the word at `offset` describes, or -1 if it is not such a register.
 */
int gic_lines_first(uint32_t offset);

/** The word at `offset` (a multiple of 4). Lines below 32 are `vcpu`'s. */
uint32_t gic_lines_read(unsigned vcpu, uint32_t offset);

/** Writes those bytes of the word that are set in `lanes` (0xff for each). */
void gic_lines_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes);

/** A guest's load of `size` bytes at `offset` from registers of 32 bits. */
uint64_t gic_read_words(unsigned vcpu, uint64_t offset, unsigned size, uint32_t (*read)(unsigned, uint32_t));

/** A guest's store. */
void gic_write_words(void (*write)(unsigned, uint32_t, uint32_t, uint32_t), unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

#endif
