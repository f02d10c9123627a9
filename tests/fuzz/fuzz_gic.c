/*
 * The distributor: a guest's loads and stores to GICD and GICR go through the monitor's model into the kernel's vgic, on a fake GIC; between
 * them devices raise lines, timers expire and the guest acknowledges, ends and is switched. What list registers show must be allowed by what the registers say.
 */
#include "fuzz.h"

#include "vgic_machine.h"

#include "../../components/vmm/gic.h"

enum { GICR_FRAME = 0x20000, GICR_SGI_FRAME = 0x10000, NESTED_MAX = 40, TIMER = 27, TIMER_ASSERTED = 5, LINKED = 48, IRQ = 100 };

static struct {
    unsigned depth, line[NESTED_MAX];
} acknowledged[VCPUS];
static unsigned version;

/* --- what the model calls, with the kernel behind it -------------------------------------------------------------------- */

uint32_t lines_get(unsigned vcpu, enum virq_field field, unsigned first);
void lines_set(unsigned vcpu, enum virq_field field, unsigned first, uint64_t value);

uint32_t lines_get(unsigned vcpu, enum virq_field field, unsigned first)
{
    uint64_t value = 0;
    MUST(first < VM_LINES && vcpu < VCPUS);
    vgic_get(vm, vcpu, field, first, &value);
    return (uint32_t)value;
}

void lines_set(unsigned vcpu, enum virq_field field, unsigned first, uint64_t value)
{
    MUST(first < VM_LINES && vcpu < VCPUS);
    vgic_set(vm, vcpu, field, first, value);
}

/* --- what must hold ------------------------------------------------------------------------------------------------------- */

static bool line_enabled(unsigned vcpu, unsigned line)
{
    return get(vcpu, VIRQ_ENABLE, line & ~31u) >> line % 32 & 1;
}

static void check_list_registers(unsigned vcpu)
{
    bool seen[8][VM_LINES] = {{false}};
    for (unsigned n = 0; n < gic.lr_count; n++) {
        uint64_t raw = fakes[vcpu].lr[n];
        unsigned line = lr_line_of(raw), source = version == 2 && line < 16 ? (unsigned)(raw >> layout()->source & 7) : 0;
        if (!lr_state_of(raw))
            continue;
        MUST(line < VM_LINES && !seen[source][line]);
        seen[source][line] = true;
        MUST(lr_state_of(raw) & LR_ACTIVE || line_enabled(vcpu, line));
    }
}

/* The physical timer interrupt stays active only for something that the guest will end, or can: else it never comes again. */
static void check_timer(unsigned vcpu)
{
    const struct arch_vcpu *a = &vcpus[vcpu]->arch;
    const struct virq *virq = &a->private[TIMER];
    if (!fakes[vcpu].active_private[TIMER])
        return;
    bool in_register = virq->lr != VIRQ_NO_LR && lr_state_of(fakes[vcpu].lr[virq->lr]);
    MUST(in_register || (a->timer_owned && virq->flags & (LATCH | ACTIVE)));
}

/* The same of a linked device's, wherever its vCPU is. */
static void check_linked(unsigned i)
{
    const struct virq *virq = &vm->arch.shared[LINKED + i - GIC_PRIVATE];
    const struct vcpu *vcpu = vcpus[virq->target < VCPUS ? virq->target : 0];
    if (!virq->physical || !active_shared[virq->physical] || virq->flags & (LATCH | ACTIVE))
        return;
    MUST(virq->lr != VIRQ_NO_LR && lr_state_of(cpus[vcpu->cpu].loaded == vcpu ? fakes[vcpu->cpu].lr[virq->lr] : vcpu->arch.lr[virq->lr]));
}

static void check(unsigned vcpu)
{
    if (!cpus[vcpu].loaded) {
        MUST(!fakes[vcpu].active_private[TIMER]); /* the next guest's timer shares it */
        return;
    }
    on(vcpu);
    for (unsigned i = 0; fake_read_ich_misr_el2(); i++) {
        MUST(i < STORM);
        vgic_maintenance(&cpus[this_cpu]);
    }
    check_list_registers(vcpu);
    check_timer(vcpu);
}

/* --- what can happen ---------------------------------------------------------------------------------------------------------- */

static uint64_t offset_take(struct input *input, unsigned bytes, uint64_t limit)
{
    return input_number(input, bytes) % limit & ~UINT64_C(7);
}

/* In its first page, or its second one, of which the first part matters. */
static uint64_t redistributor_offset(struct input *input)
{
    uint64_t number = input_number(input, 2);
    return number & 0x8000 ? (number & 0x7ff8) * 2 : GICR_SGI_FRAME + (number % 0x1000 & ~UINT64_C(7));
}

static void step_access(struct input *input, unsigned vcpu, uint8_t what)
{
    unsigned size = 1u << (what >> 4 & 3);
    bool redistributor = version == 3 && what & 0x40;
    uint64_t offset = redistributor ? (what & 0x80 ? GICR_FRAME : 0u) + redistributor_offset(input) : offset_take(input, 2, 0x10000);
    offset += input_byte(input) % 8u & ~(size - 1);
    if (what & 8 && redistributor)
        gicr_read(vcpu, offset, size);
    else if (what & 8)
        gicd_read(vcpu, offset, size);
    else if (redistributor)
        gicr_write(vcpu, offset, size, input_number(input, size));
    else
        gicd_write(vcpu, offset, size, input_number(input, size));
}

static void step_ack(unsigned vcpu)
{
    on(vcpu);
    if (!cpus[vcpu].loaded || fake_read_ich_misr_el2() || acknowledged[vcpu].depth == NESTED_MAX)
        return;
    unsigned line = guest_ack();
    if (line != NONE)
        acknowledged[vcpu].line[acknowledged[vcpu].depth++] = line;
}

static void step_end(unsigned vcpu)
{
    on(vcpu);
    if (cpus[vcpu].loaded && acknowledged[vcpu].depth)
        guest_eoi(acknowledged[vcpu].line[--acknowledged[vcpu].depth]);
}

/* The guest's timer begins to assert its interrupt, or is silenced. */
static void step_timer(unsigned vcpu, bool asserted)
{
    on(vcpu);
    if (!cpus[vcpu].loaded)
        return;
    fakes[vcpu].timer_control = asserted ? TIMER_ASSERTED : 1;
    if (asserted && !fakes[vcpu].active_private[TIMER])
        timer_fire(vcpu);
}

/* A passed-through device's interrupt, on the CPU that takes it. */
static void step_device(unsigned i)
{
    const struct virq *virq = &vm->arch.shared[LINKED + i - GIC_PRIVATE];
    unsigned number = virq->physical;
    if (!number || active_shared[number])
        return;
    active_shared[number] = true;
    if (!interrupt_taken(number))
        arch_virq_raise(vm, LINKED + i, 1);
}

/* As core does it when a device is given to the VM or taken from it. */
static void step_link(unsigned i, bool linked)
{
    arch_virq_link(vm, LINKED + i, linked ? IRQ + i : 0);
    if (!linked)
        active_shared[IRQ + i] = false;
}

static void step_physical(unsigned vcpu, uint8_t what)
{
    unsigned i = what >> 6 & 1;
    switch (what >> 4 & 3) {
    case 0:
    case 1:
        step_timer(vcpu, what >> 6 & 1);
        break;
    case 2:
        step_device(i);
        break;
    default:
        step_link(i, !vm->arch.shared[LINKED + i - GIC_PRIVATE].physical);
    }
}

/* The monitor starts the machine anew; the kernel has seen to it that no vCPU is in a CPU. */
static void step_reset(void)
{
    if (cpus[0].loaded || cpus[1].loaded)
        return;
    vgic_vm_reset(vm);
    gicd_reset(version, VCPUS);
    gicr_reset(VCPUS);
    memset(acknowledged, 0, sizeof acknowledged);
    memset(guests, 0, sizeof guests);
    for (unsigned i = 0; i < FAKE_IRQS; i++)
        MUST(!active_shared[i]);
}

static void step_sgi(struct input *input)
{
    if (version == 2)
        vgic_sgir_write(&cpus[this_cpu], vcpus[this_cpu], (uint32_t)input_number(input, 4));
    else
        vgic_sgi1r_write(&cpus[this_cpu], vcpus[this_cpu], input_number(input, 6));
}

static void step(struct input *input)
{
    uint8_t what = input_byte(input);
    unsigned vcpu = what >> 3 & 1;
    on(what >> 2 & 1);
    switch (what & 7) {
    case 0:
        arch_virq_raise(vm, GIC_PRIVATE + input_byte(input) % (VM_LINES - GIC_PRIVATE), what >> 4 & 1); /* core has checked the number */
        break;
    case 1:
        step_ack(vcpu);
        break;
    case 2:
        step_end(vcpu);
        break;
    case 3:
        if (what & 0x80)
            step_physical(vcpu, what);
        else if ((what >> 4 & 7) == 7)
            step_reset();
        else if (cpus[vcpu].loaded)
            unload(vcpu);
        else
            load(vcpu);
        break;
    case 4:
        step_sgi(input);
        break;
    default:
        step_access(input, vcpu, what ^ input_byte(input));
    }
}

void input_try(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    version = input_byte(&input) & 1 ? 2 : 3;
    uint8_t how = input_byte(&input);
    start(version, 1 + how % 4);
    gic.links = how < 0x80;
    memset(acknowledged, 0, sizeof acknowledged);
    timer_setup();
    gicd_reset(version, VCPUS);
    gicr_reset(VCPUS);
    while (input_more(&input)) {
        step(&input);
        for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++)
            check(vcpu);
        for (unsigned i = 0; i < 2; i++)
            check_linked(i);
    }
    teardown(NULL);
}
