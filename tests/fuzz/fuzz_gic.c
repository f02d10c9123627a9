/*
 * The distributor: a guest's loads and stores to GICD and GICR go through the monitor's model into the kernel's vgic, on a fake GIC; between
 * them devices raise lines and the guest acknowledges, ends and is switched. What list registers show must be allowed by what the registers say.
 */
#include "fuzz.h"

#include "vgic_machine.h"

#include "../../components/vmm/gic.h"

enum { GICR_FRAME = 0x20000, GICR_SGI_FRAME = 0x10000, NESTED_MAX = 40 };

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

static void check(unsigned vcpu)
{
    if (!cpus[vcpu].loaded)
        return;
    on(vcpu);
    for (unsigned i = 0; fake_read_ich_misr_el2(); i++) {
        MUST(i < STORM);
        vgic_maintenance(&cpus[this_cpu]);
    }
    check_list_registers(vcpu);
}

/* --- what can happen ---------------------------------------------------------------------------------------------------------- */

static uint64_t offset_take(struct input *input, unsigned bytes, uint64_t limit)
{
    return input_number(input, bytes) % limit & ~UINT64_C(7);
}

static void step_access(struct input *input, unsigned vcpu, uint8_t what)
{
    unsigned size = 1u << (what >> 4 & 3);
    bool redistributor = version == 3 && what & 0x40;
    uint64_t offset = redistributor ? (what & 0x80 ? GICR_FRAME : 0u) + GICR_SGI_FRAME + offset_take(input, 2, 0x1000)
                                    : offset_take(input, 2, 0x10000);
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
        if (cpus[vcpu].loaded)
            unload(vcpu);
        else
            load(vcpu);
        break;
    case 4:
        vgic_sgir_write(&cpus[this_cpu], vcpus[vcpu], (uint32_t)input_number(input, 4));
        break;
    default:
        step_access(input, vcpu, what ^ input_byte(input));
    }
}

void input_try(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    version = input_byte(&input) & 1 ? 2 : 3;
    start(version, 1 + input_byte(&input) % 4);
    memset(acknowledged, 0, sizeof acknowledged);
    gicd_reset(version, VCPUS);
    gicr_reset(VCPUS);
    while (input_more(&input)) {
        step(&input);
        for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++)
            check(vcpu);
    }
    teardown(NULL);
}
