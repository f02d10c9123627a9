/*
 * Distributor of both versions. What the versions share lies in gic_lines.c; here is what is one version's, one row per bank. GICv3 is offered with
 * a single security state (DS = 1) and affinity routing only (ARE = 1), so lines below 32 are the redistributors' (IHI 0069 §12.9).
 * Registers of no row read as zero and ignore writes. 64-bit registers are two words here.
 */
#include "gic.h"
#include "lines.h"
#include "lock.h"

#include <bulkhead/call.h>
#include <stddef.h>
#include <string.h>

struct row {
    uint16_t start, end;
    uint8_t versions; /* VERSION_2 | VERSION_3 */
    uint32_t (*read)(unsigned vcpu, uint32_t offset);
    void (*write)(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes);
};

enum { VERSION_2 = 1, VERSION_3 = 2, VERSION_BOTH = 3 };
enum {
    GICD_CTLR = 0x000,
    GICD_TYPER = 0x004,
    GICD_IIDR = 0x008,
    GICD_ISENABLER = 0x100,
    GICD_ITARGETSR = 0x800,
    GICD_SGIR = 0xf00,
    GICD_CPENDSGIR = 0xf10,
    GICD_SPENDSGIR = 0xf20,
    GICD_IROUTER = 0x6000,
    CTLR_GROUPS = 3,
    CTLR_ARE = 1 << 4,
    CTLR_DS = 1 << 6,
    TYPER_NO1N = 1 << 25,
    TYPER_IDBITS = 9 << 19, /* INTIDs of 10 bits: no LPIs */
    IIDR_VALUE = 0x0000043b,
    MPIDR_AFF0 = 0xff,
};
_Static_assert(VM_LINES == 256, "struct gicd_state, the banks' ends, GICD_TYPER");

static struct gicd_state gicd;
static unsigned gic_version, gic_cpus;
static struct lock sgi_lock; /* nothing else is taken under it */

static uint8_t all_cpus(void)
{
    return (uint8_t)((1u << gic_cpus) - 1);
}

/* --- control and identification --------------------------------------------------------------------------------------- */

static uint32_t typer(void)
{
    uint32_t lines = VM_LINES / 32 - 1;
    return gic_version == 2 ? (gic_cpus - 1) << 5 | lines : TYPER_NO1N | TYPER_IDBITS | lines;
}

static void control_set(uint32_t groups)
{
    gicd.first[GICD_CTLR / 4] = groups | (gic_version == 3 ? CTLR_ARE | CTLR_DS : 0);
}

static uint32_t control_read(unsigned vcpu, uint32_t offset)
{
    (void)vcpu;
    return gicd.first[offset / 4];
}

static void control_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    if (offset != GICD_CTLR || !(lanes & CTLR_GROUPS))
        return;
    control_set(value & CTLR_GROUPS);
    lines_set(vcpu, VIRQ_FORWARDING, 0, value & CTLR_GROUPS);
}

/* Peripheral ID2's ArchRev, bits 7:4, is the version; Linux refuses a controller without it. */
static uint32_t id_read(unsigned vcpu, uint32_t offset)
{
    static const uint8_t v2[12] = {0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    static const uint8_t v3[12] = {0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    (void)vcpu;
    unsigned index = (offset & 0xff) / 4 - 0xd0 / 4;
    return gic_version == 2 ? v2[index] : v3[index];
}

/* --- lines ------------------------------------------------------------------------------------------------------------ */

static bool is_elsewhere(uint32_t offset)
{
    return gic_version == 3 && gic_lines_first(offset) < GIC_PRIVATE;
}

static uint32_t lines_read(unsigned vcpu, uint32_t offset)
{
    return is_elsewhere(offset) ? 0 : gic_lines_read(vcpu, offset);
}

static void lines_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    if (!is_elsewhere(offset))
        gic_lines_write(vcpu, offset, value, lanes);
}

/* GICv2: a bit per vCPU and a byte per line. Private lines' are read-only and name the reader (IHI 0048 §4.3.12). */
static uint32_t targets_read(unsigned vcpu, uint32_t offset)
{
    uint32_t line = offset - GICD_ITARGETSR, value;
    if (line < GIC_PRIVATE)
        return 0x01010101u << vcpu;
    memcpy(&value, &gicd.targets[line % VM_LINES], sizeof value);
    return value;
}

/* Of several targets the lowest takes the interrupt: one of them is all that the architecture promises (§3.2.3). */
static void target_set(unsigned vcpu, uint32_t line, uint8_t targets)
{
    gicd.targets[line] = targets;
    lines_set(vcpu, VIRQ_TARGET, line, targets ? (unsigned)__builtin_ctz(targets) : (unsigned)VM_VCPUS);
}

static void targets_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    uint32_t line = offset - GICD_ITARGETSR;
    for (unsigned i = 0; i < 4; i++)
        if (lanes >> 8 * i & 1 && line >= GIC_PRIVATE)
            target_set(vcpu, line + i, (uint8_t)(value >> 8 * i) & all_cpus());
}

/* GICv2 GICD_CPENDSGIR, GICD_SPENDSGIR: a byte of sources per SGI, four to a word. Single calls each: an SGI that arrives between them may be
   merged, as the architecture allows for one that arrives at the same time. */
static uint32_t sgi_pending_read(unsigned vcpu, uint32_t offset)
{
    uint32_t value = 0, first = offset & 0xf;
    for (unsigned i = 0; i < 4; i++)
        value |= (lines_get(vcpu, VIRQ_SOURCES, first + i) & 0xff) << 8 * i;
    return value;
}

static void sgi_pending_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    uint32_t first = offset & 0xf;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t bits = (value & lanes) >> 8 * i & all_cpus();
        uint32_t sources = bits ? lines_get(vcpu, VIRQ_SOURCES, first + i) : 0;
        if (bits)
            lines_set(vcpu, VIRQ_SOURCES, first + i, offset >= GICD_SPENDSGIR ? sources | bits : sources & ~bits);
    }
}

/* GICv2 GICD_SGIR (IHI 0048 §4.3.15). The kernel takes the stores that the processor describes; by a pair or with write-back, and from AArch32, they come
   here. The lock: two vCPUs may send the same one to a third. */
static void sgi_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    enum { FILTER_LIST, FILTER_OTHERS, FILTER_SELF };
    unsigned line = value & 0xf, filter = value >> 24 & 3, self = 1u << vcpu;
    unsigned targets = filter == FILTER_LIST ? value >> 16 & 0xff : filter == FILTER_OTHERS ? ~self : filter == FILTER_SELF ? self : 0;
    if (offset != GICD_SGIR || lanes != UINT32_MAX)
        return;
    lock_take(&sgi_lock);
    for (unsigned i = 0; i < gic_cpus; i++)
        if (targets >> i & 1)
            lines_set(i, VIRQ_SOURCES, line, lines_get(i, VIRQ_SOURCES, line) | self);
    lock_release(&sgi_lock);
}

/* IHI 0069, ICC_SGI1R. vCPU i has affinity 0.0.0.i. */
bool gic_sgi1r_write(unsigned vcpu, uint64_t value)
{
    unsigned targets = value & 0xffff, line = value >> 24 & 0xf;
    if (value >> 40 & 1) /* IRM: all but oneself */
        targets = ~(1u << vcpu);
    else if (value & UINT64_C(0xff00ff00ff0000)) /* another cluster */
        targets = 0;
    for (unsigned i = 0; gic_version == 3 && i < gic_cpus; i++)
        if (targets >> i & 1)
            lines_set(i, VIRQ_PEND, 0, UINT64_C(1) << line);
    return gic_version == 3;
}

/* GICv3 GICD_IROUTER: the affinity of the vCPU that the line goes to. Interrupt_Routing_Mode is not offered (GICD_TYPER.No1N). */
static uint32_t route_read(unsigned vcpu, uint32_t offset)
{
    (void)vcpu;
    uint32_t line = (offset - GICD_IROUTER) / 8;
    return line < GIC_PRIVATE ? 0 : (uint32_t)(gicd.routes[line % VM_LINES] >> 8 * (offset & 4));
}

static void route_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    uint32_t line = (offset - GICD_IROUTER) / 8;
    unsigned shift = 8 * (offset & 4);
    if (line < GIC_PRIVATE)
        return;
    uint64_t affinity = shift ? 0xff : 0xffffff; /* Aff3; Aff2, Aff1, Aff0 */
    uint64_t route = (gicd.routes[line] & ~((uint64_t)lanes << shift)) | (value & lanes & affinity) << shift;
    gicd.routes[line] = route;
    lines_set(vcpu, VIRQ_TARGET, line, route < gic_cpus ? route : VM_VCPUS);
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

static const struct row rows[] = {
    {0x000, 0x010, VERSION_BOTH, control_read, control_write},
    {0x080, 0x500, VERSION_BOTH, lines_read, lines_write},
    {0x800, 0x900, VERSION_2, targets_read, targets_write},
    {0xc00, 0xc40, VERSION_BOTH, lines_read, lines_write},
    {0xf00, 0xf04, VERSION_2, NULL, sgi_write},
    {0xf10, 0xf30, VERSION_2, sgi_pending_read, sgi_pending_write},
    {0xfd0, 0x1000, VERSION_2, id_read, NULL},
    {0x6000, 0x6800, VERSION_3, route_read, route_write},
    {0xffd0, 0xffff, VERSION_3, id_read, NULL},
};

static const struct row *row_find(uint32_t offset)
{
    uint8_t version = gic_version == 2 ? VERSION_2 : VERSION_3;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0] && offset >= rows[i].start; i++)
        if (offset < rows[i].end)
            return rows[i].versions & version ? &rows[i] : NULL;
    return NULL;
}

static uint32_t word_read(unsigned vcpu, uint32_t offset)
{
    const struct row *row = row_find(offset);
    return row && row->read ? row->read(vcpu, offset) : 0;
}

static void word_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    const struct row *row = row_find(offset);
    if (row && row->write)
        row->write(vcpu, offset, value, lanes);
}

uint64_t gicd_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    if (offset < sizeof gicd.first && size == 4)
        return gicd.first[offset / 4];
    return gic_read_words(vcpu, offset, size, word_read);
}

/*
 * Guests mask and unmask devices' lines as they run: the words of ISENABLER to ICACTIVER (`gic_lines.c` has them all) for shared lines, of which
 * zeros change nothing. False if it is another register.
 */
static bool shared_mask_write(unsigned vcpu, uint64_t offset, uint32_t value)
{
    enum { WORDS = VM_LINES / 32, BANK = 0x80 };
    static const uint8_t fields[] = {VIRQ_ENABLE, VIRQ_DISABLE, VIRQ_PEND, VIRQ_UNPEND, VIRQ_ACTIVATE, VIRQ_DEACTIVATE};
    uint64_t bank = (offset - GICD_ISENABLER) / BANK, word = offset % BANK / 4;
    if (bank >= sizeof fields || word - 1 >= WORDS - 1)
        return false;
    if (value)
        lines_set(vcpu, fields[bank], (unsigned)word * 32, value);
    return true;
}

void gicd_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    if (size != 4 || !shared_mask_write(vcpu, offset, (uint32_t)value))
        gic_write_words(word_write, vcpu, offset, size, value);
}

/* With one vCPU every line goes there without being told (IHI 0048 §4.3.12). */
void gicd_reset(unsigned version, unsigned cpus)
{
    gic_version = version;
    gic_cpus = cpus;
    memset(&gicd, 0, sizeof gicd);
    control_set(0);
    gicd.first[GICD_TYPER / 4] = typer();
    gicd.first[GICD_IIDR / 4] = IIDR_VALUE;
    if (cpus == 1)
        memset(gicd.targets, 1, sizeof gicd.targets);
}
