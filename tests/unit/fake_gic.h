/*
 * The virtual half of a GIC on the host, for kernel/arch/aarch64/vgic.c and fast.c, which this includes: list registers as the guest and the
 * hypervisor change them, the reasons for maintenance interrupts, active physical interrupts. To be included once, by a test program.
 */
#ifndef TESTS_FAKE_GIC_H
#define TESTS_FAKE_GIC_H

#include "../../kernel/arch/aarch64/board.h"
#include "types.h"
#include <bulkhead/call.h>

#include <stdlib.h>
#include <string.h>

/* System registers: a function each. Barriers: none, there is one thread. */
#define AARCH64_SYSREG_H
#define AARCH64_BARRIER_H
#define HOST_ARCH_TYPES_H /* AArch64's are meant */
#define read_sysreg(name) fake_read_##name()
#define write_sysreg(value, name) fake_write_##name(value)
#define isb() (void)0
#define dsb(scope) (void)0

enum { FAKE_CPUS = 2, FAKE_LRS_MAX = 16, FAKE_IRQS = 1020, EOI_COUNT_SHIFT = 27, LRENP = 4 };

struct fake_cpu {
    uint64_t lr[FAKE_LRS_MAX];
    uint32_t hcr;
    bool active_private[32];
    uint64_t timer_control; /* CNTV_CTL_EL0 */
    uint64_t acknowledges;  /* ICC_IAR1_EL1 */
    unsigned ends, deactivations, lr_writes;
};
static struct fake_cpu fakes[FAKE_CPUS];
static bool active_shared[FAKE_IRQS];
static unsigned this_cpu;

static inline uint64_t fake_read_tpidr_el2(void);
static inline uint64_t fake_read_ich_hcr_el2(void);
static inline uint64_t fake_read_ich_misr_el2(void);
static inline uint64_t fake_read_ich_eisr_el2(void);
static inline uint64_t fake_read_ich_elrsr_el2(void);

static inline uint64_t fake_read_icc_iar1_el1(void)
{
    return fakes[this_cpu].acknowledges;
}

static inline uint64_t fake_read_cntpct_el0(void)
{
    return 0;
}

static inline uint64_t fake_read_cntfrq_el0(void)
{
    return 1000000;
}

static inline uint64_t fake_read_cntv_ctl_el0(void)
{
    return fakes[this_cpu].timer_control;
}

static inline void fake_write_cntv_ctl_el0(uint64_t value)
{
    fakes[this_cpu].timer_control = value;
}

static inline void fake_write_ich_hcr_el2(uint64_t value)
{
    fakes[this_cpu].hcr = (uint32_t)value;
}

static inline void fake_write_icc_eoir1_el1(uint64_t value)
{
    fakes[this_cpu].ends += value == fakes[this_cpu].acknowledges;
}

static inline void fake_write_icc_dir_el1(uint64_t value)
{
    fakes[this_cpu].deactivations += value == fakes[this_cpu].acknowledges;
}

/* Registers without a meaning here. */
#define FAKE_REGISTER(name)                            \
    static uint64_t fake_##name;                       \
    static inline uint64_t fake_read_##name(void)      \
    {                                                  \
        return fake_##name;                            \
    }                                                  \
    static inline void fake_write_##name(uint64_t raw) \
    {                                                  \
        fake_##name = raw;                             \
    }
FAKE_REGISTER(elr_el2)
FAKE_REGISTER(spsr_el2)
FAKE_REGISTER(esr_el2)
FAKE_REGISTER(far_el2)
FAKE_REGISTER(hpfar_el2)
FAKE_REGISTER(hcr_el2)
FAKE_REGISTER(vttbr_el2)
FAKE_REGISTER(sctlr_el1)
FAKE_REGISTER(sp_el0)
FAKE_REGISTER(tpidr_el0)
FAKE_REGISTER(tpidrro_el0)
FAKE_REGISTER(isr_el1)
FAKE_REGISTER(ttbr0_el1)
FAKE_REGISTER(ttbr1_el1)
FAKE_REGISTER(tcr_el1)
FAKE_REGISTER(mair_el1)
FAKE_REGISTER(vbar_el1)
FAKE_REGISTER(esr_el1)
FAKE_REGISTER(far_el1)
FAKE_REGISTER(elr_el1)
FAKE_REGISTER(spsr_el1)
FAKE_REGISTER(sp_el1)
FAKE_REGISTER(par_el1)
FAKE_REGISTER(contextidr_el1)
FAKE_REGISTER(tpidr_el1)
FAKE_REGISTER(csselr_el1)
FAKE_REGISTER(cpacr_el1)
FAKE_REGISTER(cntkctl_el1)
FAKE_REGISTER(cntv_cval_el0)
FAKE_REGISTER(vmpidr_el2)
FAKE_REGISTER(cntvoff_el2)
FAKE_REGISTER(cnthp_cval_el2)
FAKE_REGISTER(cnthp_ctl_el2)
FAKE_REGISTER(ich_vmcr_el2)
FAKE_REGISTER(ich_ap0r0_el2)
FAKE_REGISTER(ich_ap1r0_el2)

/* The one instruction of another processor in a function that is used. */
#define arch_relax arch_relax_by_yield
#include "../../kernel/arch/aarch64/arch_types.h"
#undef arch_relax
static inline void arch_relax(void)
{
    abort(); /* a lock that is taken twice */
}

#include "../../kernel/arch/aarch64/vgic.c"
#include "../../kernel/arch/aarch64/vgic_fields.c"
#include "../../kernel/arch/aarch64/fast.c"
#include "../../kernel/arch/aarch64/switch.c"

/* ICH_MISR_EL2 */
enum { GIC_MISR_EOI = 1 << 0, GIC_MISR_NO_PENDING = 1 << 3 };

struct gic gic;
struct board board = {.virtual_timer = 27, .maintenance = 25};
struct cpu cpus[CPUS_MAX];
uint64_t sysreg_id_values[SYSREG_ID_CRM][SYSREG_ID_OP2];

static inline uint64_t fake_read_tpidr_el2(void)
{
    return (uint64_t)&cpus[this_cpu];
}

/* --- list registers ------------------------------------------------------------------------------------------------------- */

static inline const struct lr_layout * layout(void)
{
    return &gic.ops->lr;
}

static inline unsigned lr_state_of(uint64_t raw)
{
    return (unsigned)(raw >> layout()->state) & 3;
}

static inline unsigned lr_line_of(uint64_t raw)
{
    return raw & 0x3ff;
}

static inline unsigned lr_priority_of(uint64_t raw)
{
    return (unsigned)(raw >> layout()->priority & 31) << 3;
}

/* Ended with a report due: empty, not linked, `eoi_irq` set. */
static inline bool lr_reports(uint64_t raw)
{
    return !lr_state_of(raw) && !(raw & layout()->hardware) && raw & layout()->eoi_irq;
}

static inline uint32_t eisr(void)
{
    uint32_t mask = 0;
    for (unsigned n = 0; n < gic.lr_count; n++)
        mask |= (uint32_t)lr_reports(fakes[this_cpu].lr[n]) << n;
    return mask;
}

static inline uint64_t fake_read_ich_eisr_el2(void)
{
    return eisr();
}

static inline uint64_t fake_read_ich_elrsr_el2(void)
{
    uint32_t mask = 0;
    for (unsigned n = 0; n < gic.lr_count; n++)
        mask |= (uint32_t)(!lr_state_of(fakes[this_cpu].lr[n]) && !lr_reports(fakes[this_cpu].lr[n])) << n;
    return mask;
}

static inline bool lrs_have_pending(void)
{
    for (unsigned n = 0; n < gic.lr_count; n++) {
        if (lr_state_of(fakes[this_cpu].lr[n]) == LR_PENDING)
            return true;
    }
    return false;
}

static inline uint64_t fake_read_ich_hcr_el2(void)
{
    return fakes[this_cpu].hcr;
}

static inline uint64_t fake_read_ich_misr_el2(void)
{
    uint32_t hcr = fakes[this_cpu].hcr, misr = eisr() ? GIC_MISR_EOI : 0;
    if (hcr & LRENP && hcr >> EOI_COUNT_SHIFT)
        misr |= 1 << 2;
    if (hcr & GIC_HCR_NO_PENDING && !lrs_have_pending())
        misr |= GIC_MISR_NO_PENDING;
    return hcr & GIC_HCR_ENABLE ? misr : 0;
}

static inline uint64_t lr_read(unsigned n)
{
    return fakes[this_cpu].lr[n];
}

static inline void lr_write(unsigned n, uint64_t raw)
{
    fakes[this_cpu].lr[n] = raw;
    fakes[this_cpu].lr_writes++;
}

static inline bool *active_of(unsigned intid)
{
    return intid < 32 ? &fakes[this_cpu].active_private[intid] : &active_shared[intid];
}

void gic_set_active(unsigned intid, bool active)
{
    *active_of(intid) = active;
}

/* A physical interrupt, where the short way is tried first, if at all. True: that was enough. */
static bool short_ways;
static inline bool interrupt_taken(unsigned intid)
{
    static struct frame frame;
    fakes[this_cpu].acknowledges = intid;
    return short_ways && fast_irq(&cpus[this_cpu], &frame) == &frame;
}

static inline void posted_here(void *argument)
{
    (void)argument;
    if (!interrupt_taken(SGI_POSTED))
        vgic_posted(&cpus[this_cpu]);
}

/* SGI_POSTED is the only one that vgic.c sends; it arrives at once. */
static inline void send(unsigned cpu, unsigned sgi)
{
    if (sgi != SGI_POSTED)
        abort();
    cpu_run_on(cpu, posted_here, NULL);
}

static inline void interface_save(struct gic_interface *interface, struct gic_interface_rest *rest)
{
    (void)interface;
    (void)rest;
}

static inline void interface_load(const struct gic_interface *interface, const struct gic_interface_rest *rest)
{
    (void)interface;
    (void)rest;
}

static const struct gic_ops fake_v2 = {
    .lr = {.priority = 23, .state = 28, .physical = 10, .source = 10, .group1 = 1 << 30, .hardware = UINT64_C(1) << 31, .eoi_irq = 1 << 19},
    .send = send,
    .lr_read = lr_read,
    .lr_write = lr_write,
    .interface_save = interface_save,
    .interface_load = interface_load,
};
static const struct gic_ops fake_v3 = {
    .lr = {.priority = 51, .state = 62, .physical = 32, .group1 = UINT64_C(1) << 60, .hardware = UINT64_C(1) << 61, .eoi_irq = UINT64_C(1) << 41},
    .send = send,
    .lr_read = lr_read,
    .lr_write = lr_write,
    .interface_save = interface_save,
    .interface_load = interface_load,
};

/* --- the guest on this CPU ---------------------------------------------------------------------------------------------------- */

enum { NONE = 1023 };

/* Priorities that each vCPU's guest is at, the innermost last: what the active priority registers know. */
enum { GUESTS = 8, NESTING_MAX = 64 };
static struct {
    unsigned depth, priority[NESTING_MAX];
} guests[GUESTS];

static inline unsigned guest_index(void)
{
    return cpus[this_cpu].loaded->index;
}

static inline unsigned guest_running(void)
{
    unsigned depth = guests[guest_index()].depth;
    return depth ? guests[guest_index()].priority[depth - 1] : 256;
}

/* The list register that the guest would take next if it runs at `running`; -1: none. */
static inline int lr_best(unsigned running)
{
    int best = -1;
    for (unsigned n = 0; n < gic.lr_count; n++) {
        uint64_t raw = fakes[this_cpu].lr[n];
        if (lr_state_of(raw) != LR_PENDING || lr_priority_of(raw) >= running)
            continue;
        if (best < 0 || lr_priority_of(raw) < lr_priority_of(fakes[this_cpu].lr[best]))
            best = (int)n;
    }
    return best;
}

/* The guest acknowledges: number, and in GICv2 for an SGI the sender << 10. */
static inline unsigned guest_ack(void)
{
    int n = lr_best(guest_running());
    if (n < 0)
        return NONE;
    uint64_t raw = fakes[this_cpu].lr[n];
    fakes[this_cpu].lr[n] = gic_lr_with_state(raw, LR_ACTIVE);
    guests[guest_index()].priority[guests[guest_index()].depth++] = lr_priority_of(raw);
    unsigned line = lr_line_of(raw);
    return line < 16 && layout()->source ? line | (unsigned)(raw >> layout()->source & 7) << 10 : line;
}

/* The guest ends it. */
static inline void guest_eoi(unsigned acknowledged)
{
    guests[guest_index()].depth--;
    for (unsigned n = 0; n < gic.lr_count; n++) {
        uint64_t raw = fakes[this_cpu].lr[n];
        if (lr_line_of(raw) != (acknowledged & 0x3ff) || !(lr_state_of(raw) & LR_ACTIVE))
            continue;
        fakes[this_cpu].lr[n] = gic_lr_with_state(raw, lr_state_of(raw) & LR_PENDING);
        if (raw & layout()->hardware)
            gic_set_active((unsigned)(raw >> layout()->physical & 0x3ff), false);
        return;
    }
    fakes[this_cpu].hcr += 1u << EOI_COUNT_SHIFT;
}

#endif
