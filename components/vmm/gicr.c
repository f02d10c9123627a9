/*
 * GICv3 redistributors (IHI 0069 §12.11): per vCPU one frame of control registers and one with those of its SGIs and PPIs. No LPIs.
 */
#include "gic.h"
#include "lines.h"
#include "machine.h"

#include <string.h>

enum {
    GICR_CTLR = 0x0000,
    GICR_IIDR = 0x0004,
    GICR_TYPER = 0x0008,
    GICR_TYPER_HIGH = 0x000c,
    GICR_WAKER = 0x0014,
    GICR_PIDR = 0xffd0,
    SGI_FRAME = 0x10000,
    TYPER_LAST = 1 << 4,
    WAKER_SLEEP = 1 << 1,
    WAKER_ASLEEP = 1 << 2,
    IIDR_VALUE = 0x0000043b,
};

static struct gicr_state gicr;
static unsigned frames; /* redistributors */

static uint32_t id_read(uint32_t offset)
{
    static const uint8_t bytes[12] = {0x44, 0, 0, 0, 0x93, 0xb4, 0x3b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    return offset >= GICR_PIDR ? bytes[(offset - GICR_PIDR) / 4 % sizeof bytes] : 0;
}

static uint32_t control_read(unsigned vcpu, uint32_t offset)
{
    switch (offset) {
    case GICR_IIDR:
        return IIDR_VALUE;
    case GICR_TYPER:
        return vcpu << 8 | (vcpu == frames - 1 ? TYPER_LAST : 0);
    case GICR_TYPER_HIGH: /* affinity: Aff0 is the vCPU's index */
        return vcpu;
    case GICR_WAKER:
        return gicr.waker[vcpu];
    default:
        return id_read(offset);
    }
}

/* ChildrenAsleep follows ProcessorSleep at once. */
static void control_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    if (offset == GICR_WAKER && lanes & WAKER_SLEEP)
        gicr.waker[vcpu] = value & WAKER_SLEEP ? WAKER_SLEEP | WAKER_ASLEEP : 0;
}

/* Of the distributor's banks, a redistributor has the words of lines below 32. */
static bool is_private(uint32_t offset)
{
    int line = gic_lines_first(offset);
    return line >= 0 && line < GIC_PRIVATE;
}

/* `offset` counts from the first redistributor's frame; the accessing vCPU does not matter. */
static uint32_t word_read(unsigned vcpu, uint32_t offset)
{
    vcpu = offset / GICR_STRIDE;
    offset %= GICR_STRIDE;
    if (vcpu >= frames)
        return 0;
    if (offset < SGI_FRAME)
        return control_read(vcpu, offset);
    return is_private(offset - SGI_FRAME) ? gic_lines_read(vcpu, offset - SGI_FRAME) : 0;
}

static void word_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    vcpu = offset / GICR_STRIDE;
    offset %= GICR_STRIDE;
    if (vcpu >= frames)
        return;
    if (offset < SGI_FRAME)
        control_write(vcpu, offset, value, lanes);
    else if (is_private(offset - SGI_FRAME))
        gic_lines_write(vcpu, offset - SGI_FRAME, value, lanes);
}

uint64_t gicr_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    return gic_read_words(vcpu, offset, size, word_read);
}

void gicr_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    gic_write_words(word_write, vcpu, offset, size, value);
}

void gicr_reset(unsigned cpus)
{
    frames = cpus;
    memset(&gicr, 0, sizeof gicr);
    for (unsigned i = 0; i < cpus; i++)
        gicr.waker[i] = WAKER_SLEEP | WAKER_ASLEEP;
}
