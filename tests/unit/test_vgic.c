/* Virtual interrupts: what a guest sees of them, with few list registers, two processors and both versions of the GIC. */
#include "fake_gic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { VCPUS = 2, STORM = 50, SPI = 40 };

static struct vm *vm;
static struct vcpu *vcpus[VCPUS];
static unsigned notified;
static bool notices_held;

/* --- what vgic.c needs of the kernel ------------------------------------------------------------------------------------- */

void cpu_run_on(unsigned index, void (*function)(void *argument), void *argument)
{
    unsigned before = this_cpu;
    this_cpu = index;
    function(argument);
    this_cpu = before;
}

static void attend_here(void *argument)
{
    arch_vcpu_attend(&cpus[this_cpu], argument);
}

void vcpu_notify(struct vcpu *vcpu)
{
    notified++;
    if (!notices_held)
        cpu_run_on(vcpu->cpu, attend_here, vcpu);
}

/* --- the machine ------------------------------------------------------------------------------------------------------------- */

static void on(unsigned cpu)
{
    this_cpu = cpu;
}

static void load_on(unsigned cpu, unsigned index)
{
    on(cpu);
    vcpus[index]->cpu = cpu;
    vgic_load(&cpus[cpu], vcpus[index]);
    cpus[cpu].loaded = vcpus[index];
    arch_vcpu_attend(&cpus[cpu], vcpus[index]);
}

static void load(unsigned index)
{
    load_on(index, index);
}

static void unload(unsigned index)
{
    on(vcpus[index]->cpu);
    vgic_unload(&cpus[this_cpu], vcpus[index]);
    cpus[this_cpu].loaded = NULL;
}

/* Maintenance interrupts, as long as there is a reason. */
static void maintain(void)
{
    for (unsigned i = 0; gic_misr(); i++) {
        assert_true(i < STORM);
        vgic_maintenance(&cpus[this_cpu]);
    }
}

static void set(unsigned vcpu, unsigned field, unsigned first, uint64_t value)
{
    assert_int_equal(vgic_set(vm, vcpu, field, first, value), STATUS_OK);
}

static uint64_t get(unsigned vcpu, unsigned field, unsigned first)
{
    uint64_t value;
    assert_int_equal(vgic_get(vm, vcpu, field, first, &value), STATUS_OK);
    return value;
}

static void raise(unsigned line, unsigned level)
{
    assert_int_equal(arch_virq_raise(vm, line, level), STATUS_OK);
}

static void set_line(unsigned vcpu, unsigned field, unsigned line)
{
    set(vcpu, field, line & ~31u, UINT64_C(1) << line % 32);
}

static void start(unsigned version, unsigned lr_count)
{
    memset(fakes, 0, sizeof fakes);
    memset(active_shared, 0, sizeof active_shared);
    memset(cpus, 0, sizeof cpus);
    memset(guests, 0, sizeof guests);
    gic = (struct gic){.ops = version == 2 ? &fake_v2 : &fake_v3, .version = version, .lr_count = lr_count, .links = true};
    notices_held = false;
    vm = calloc(1, sizeof *vm);
    vgic_vm_reset(vm);
    for (unsigned i = 0; i < VCPUS; i++) {
        cpus[i].index = i;
        vcpus[i] = calloc(1, sizeof *vcpus[i]);
        vcpus[i]->vm = vm;
        vcpus[i]->index = vcpus[i]->cpu = i;
        vgic_vcpu_reset(vcpus[i]);
        vm->vcpus[i] = vcpus[i];
    }
    set(0, VIRQ_FORWARDING, 0, 3);
    for (unsigned first = 32; first < VM_LINES; first += 32)
        set(0, VIRQ_ENABLE, first, UINT32_MAX);
    for (unsigned i = 0; i < VCPUS; i++)
        load(i);
    on(0);
    notified = 0;
}

static int setup(void **state)
{
    (void)state;
    start(3, 4);
    return 0;
}

static int setup_v2(void **state)
{
    (void)state;
    start(2, 4);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VCPUS; i++)
        free(vcpus[i]);
    free(vm);
    return 0;
}

static void edge(unsigned line)
{
    set(0, VIRQ_EDGE, line & ~31u, get(0, VIRQ_EDGE, line & ~31u) | UINT64_C(1) << line % 32);
}

static void priority(unsigned line, unsigned value)
{
    set(0, VIRQ_PRIORITY, line, value);
}

/* --- one interrupt --------------------------------------------------------------------------------------------------------------- */

static void test_edge(void **state)
{
    (void)state;
    edge(SPI);
    raise(SPI, 1);
    raise(SPI, 1); /* merged */
    assert_int_equal(guest_ack(), SPI);
    assert_int_equal(guest_ack(), NONE);
    raise(SPI, 1); /* while active: once more after its end */
    raise(SPI, 1);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    raise(SPI, 0); /* an edge's other side is nothing */
    assert_int_equal(guest_ack(), NONE);
}

static void test_level(void **state)
{
    (void)state;
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI); /* it is still up */
    maintain();
    assert_int_equal(guest_ack(), SPI);
    raise(SPI, 0);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    raise(SPI, 1);
    raise(SPI, 0); /* taken back before the guest saw it */
    maintain();
    assert_int_equal(guest_ack(), NONE);
    assert_int_equal(fakes[0].lr[0], 0); /* nothing left that would ask for maintenance */
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI);
    raise(SPI, 0); /* between the end and its report */
    maintain();
    assert_int_equal(guest_ack(), NONE);
}

static void test_disable(void **state)
{
    (void)state;
    raise(SPI, 1);
    edge(SPI + 1);
    raise(SPI + 1, 1);
    set_line(0, VIRQ_DISABLE, SPI);
    set_line(0, VIRQ_DISABLE, SPI + 1);
    assert_int_equal(guest_ack(), NONE);
    assert_int_equal(get(0, VIRQ_PEND, 32), 3u << (SPI - 32));
    set_line(0, VIRQ_ENABLE, SPI + 1);
    assert_int_equal(guest_ack(), SPI + 1);
    guest_eoi(SPI + 1);
    set_line(0, VIRQ_ENABLE, SPI);
    maintain();
    assert_int_equal(guest_ack(), SPI);
    set_line(0, VIRQ_DISABLE, SPI); /* while active: its end counts all the same */
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    set_line(0, VIRQ_ENABLE, SPI);
    assert_int_equal(guest_ack(), SPI);
}

/* The distributor's switch, by group. */
static void test_forwarding(void **state)
{
    (void)state;
    set(0, VIRQ_FORWARDING, 0, 1);
    set(0, VIRQ_GROUP1, 32, 1u << (SPI - 32));
    raise(SPI, 1);
    raise(SPI + 1, 1);
    assert_int_equal(guest_ack(), SPI + 1);
    guest_eoi(SPI + 1);
    raise(SPI + 1, 0);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    set(0, VIRQ_FORWARDING, 0, 2);
    assert_true(fakes[0].lr[0] & layout()->group1);
    set(0, VIRQ_FORWARDING, 0, 0); /* taken back from the list register */
    assert_int_equal(guest_ack(), NONE);
    set(0, VIRQ_FORWARDING, 0, 3);
    assert_int_equal(get(0, VIRQ_FORWARDING, 0), 3);
    assert_int_equal(guest_ack(), SPI);
}

/* --- many ---------------------------------------------------------------------------------------------------------------------------- */

/* More than there are list registers: all come, in the order of their priorities, equal ones in that of coming. */
static void test_overflow(void **state)
{
    enum { COUNT = 40 };
    unsigned last = 0;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        edge(SPI + i);
        priority(SPI + i, (i * 7 % COUNT) / 2 * 8);
    }
    for (unsigned i = 0; i < COUNT; i++)
        raise(SPI + i, 1);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned line = guest_ack();
        assert_in_range(line, SPI, SPI + COUNT - 1);
        assert_true(get(0, VIRQ_PRIORITY, line) >= last);
        last = (unsigned)get(0, VIRQ_PRIORITY, line);
        guest_eoi(line);
        maintain();
    }
    assert_int_equal(guest_ack(), NONE);
    assert_int_equal(vcpus[0]->arch.lr_used & vcpus[0]->arch.queued, 0);
}

/* A more urgent one does not wait behind those that hold the list registers. */
static void test_eviction(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        priority(SPI + i, 0x80 + 8 * i);
        raise(SPI + i, 1);
    }
    priority(SPI + 9, 0x40);
    raise(SPI + 9, 1);
    assert_int_equal(guest_ack(), SPI + 9);
    raise(SPI + 9, 0);
    guest_eoi(SPI + 9);
    for (unsigned i = 0; i < 4; i++) { /* the evicted one, the least urgent, is not lost */
        maintain();
        assert_int_equal(guest_ack(), SPI + i);
        raise(SPI + i, 0);
        guest_eoi(SPI + i);
    }
    maintain();
    assert_int_equal(guest_ack(), NONE);
}

/* Nested deeper than there are list registers: active ones make room, and their ends are counted. */
static void test_active_eviction(void **state)
{
    enum { DEPTH = 7 };
    (void)state;
    for (unsigned i = 0; i < DEPTH; i++) {
        edge(SPI + i);
        priority(SPI + i, 0xf0 - 16 * i);
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
    }
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), ((1u << DEPTH) - 1) << (SPI - 32));
    for (unsigned i = DEPTH; i-- > 0;) {
        guest_eoi(SPI + i);
        maintain();
        assert_int_equal(get(0, VIRQ_ACTIVATE, 32), ((1u << i) - 1) << (SPI - 32));
    }
    assert_int_equal(vcpus[0]->arch.active_in_memory, 0);
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
}

/* The same with each of them pending again meanwhile. */
static void test_active_and_pending(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        edge(SPI + i);
        priority(SPI + i, 0xf0 - 16 * i);
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
        raise(SPI + i, 1);
    }
    priority(SPI + 9, 0x10);
    raise(SPI + 9, 1);
    maintain();
    assert_int_equal(guest_ack(), SPI + 9);
    raise(SPI + 9, 0);
    guest_eoi(SPI + 9);
    for (unsigned i = 4; i-- > 0;) {
        maintain();
        guest_eoi(SPI + i); /* the first time of each */
        maintain();
        assert_int_equal(guest_ack(), SPI + i);
        guest_eoi(SPI + i);
    }
    maintain();
    assert_int_equal(guest_ack(), NONE);
}

/* An end that was counted is not lost when something else is looked at before the maintenance interrupt, or the vCPU leaves. */
static void test_counted_end(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++) {
            edge(SPI + i);
            priority(SPI + i, 0xf0 - 16 * i);
            raise(SPI + i, 1);
            assert_int_equal(guest_ack(), SPI + i);
        }
        for (unsigned i = 5; i-- > 1;)
            guest_eoi(SPI + i);
        maintain();
        guest_eoi(SPI); /* in no list register */
        edge(SPI + 9);
        if (round == 1) {
            unload(0);
            load(0);
        }
        if (round == 2)
            assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 0);
        raise(SPI + 9, 1);
        maintain();
        assert_int_equal(guest_ack(), SPI + 9);
        guest_eoi(SPI + 9);
        maintain();
        assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 0);
        assert_int_equal(vcpus[0]->arch.active_in_memory, 0);
    }
}

/* --- SGIs ------------------------------------------------------------------------------------------------------------------------------ */

static void sgi1r(unsigned from, uint64_t value)
{
    on(from);
    vgic_sgi1r_write(&cpus[from], vcpus[from], value);
}

static unsigned ack_on(unsigned cpu)
{
    on(cpu);
    maintain();
    unsigned line = guest_ack();
    if (line != NONE)
        guest_eoi(line);
    maintain();
    return line;
}

static void test_sgi_v3(void **state)
{
    (void)state;
    sgi1r(0, 5u << 24 | 2);
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), 5);
    assert_int_equal(ack_on(1), NONE);
    sgi1r(0, 3u << 24 | 1); /* oneself */
    assert_int_equal(ack_on(0), 3);
    sgi1r(0, UINT64_C(1) << 40 | 7u << 24); /* all but oneself */
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), 7);
    sgi1r(0, 9u << 24 | 0xff);                 /* among them some that do not exist */
    assert_int_equal(ack_on(1), 9);
    assert_int_equal(ack_on(0), 9);
    sgi1r(0, UINT64_C(1) << 16 | 9u << 24 | 3); /* of another cluster */
    sgi1r(0, UINT64_C(1) << 32 | 9u << 24 | 3);
    sgi1r(0, UINT64_C(1) << 48 | 9u << 24 | 3);
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), NONE);
    unload(1);
    sgi1r(0, 5u << 24 | 2); /* to one that is not loaded */
    assert_true(arch_vcpu_pending(vcpus[1]));
    load(1);
    assert_int_equal(ack_on(1), 5);
}

static void sgir(unsigned from, uint32_t value)
{
    on(from);
    vgic_sgir_write(&cpus[from], vcpus[from], value);
}

/* In GICv2 each sender's SGI is one of its own. */
static void test_sgi_v2(void **state)
{
    unsigned first, second;
    (void)state;
    sgir(0, 2u << 16 | 5);
    assert_int_equal(ack_on(1), 5);
    sgir(1, 2u << 16 | 5);
    assert_int_equal(ack_on(1), 5 | 1 << 10);
    sgir(0, 2u << 16 | 5);
    sgir(1, 2u << 16 | 5);
    sgir(1, 2u << 16 | 5);
    first = ack_on(1);
    second = ack_on(1);
    assert_int_equal(first + second, 10 | 1 << 10);
    assert_int_not_equal(first, second);
    assert_int_equal(ack_on(1), NONE);
    sgir(0, 1u << 24 | 6); /* all but oneself */
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), 6);
    sgir(1, 2u << 24 | 7); /* oneself */
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), 7 | 1 << 10);
    sgir(1, 3u << 24 | 0xff << 16 | 7); /* reserved */
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), NONE);
    set(1, VIRQ_SOURCES, 8, 2); /* GICD_SPENDSGIR */
    assert_int_equal(get(1, VIRQ_SOURCES, 8), 0); /* in a list register by now */
    assert_int_equal(ack_on(1), 8 | 1 << 10);
}

/* Evicted from its list register, an SGI still knows who sent it. */
static void test_sgi_evicted(void **state)
{
    (void)state;
    on(0);
    set(0, VIRQ_PRIORITY, 5, 0xf0);
    sgir(1, 1u << 16 | 5);
    on(0);
    for (unsigned i = 0; i < 4; i++) {
        priority(SPI + i, 0x80);
        edge(SPI + i);
        raise(SPI + i, 1);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_in_range(ack_on(0), SPI, SPI + 3);
    assert_int_equal(ack_on(0), 5 | 1 << 10);
    assert_int_equal(ack_on(0), NONE);
}

/* --- the timer ---------------------------------------------------------------------------------------------------------------------------- */

/* The physical timer interrupt is taken: active, and the timer still asserts it. */
static void timer_fire(unsigned cpu)
{
    on(cpu);
    assert_false(fakes[cpu].active_private[27]);
    fakes[cpu].active_private[27] = true;
    fakes[cpu].timer_control = 5;
    vtimer_fired(&cpus[cpu]);
}

static void timer_setup(void)
{
    for (unsigned i = 0; i < VCPUS; i++)
        set(i, VIRQ_ENABLE, 0, 1u << 27);
}

static void test_timer(void **state)
{
    (void)state;
    timer_setup();
    for (unsigned i = 0; i < 3; i++) { /* again and again, by the short way */
        timer_fire(0);
        assert_true(fakes[0].lr[0] & layout()->hardware);
        assert_int_equal(guest_ack(), 27);
        assert_true(fakes[0].active_private[27]);
        guest_eoi(27); /* deactivates the physical one */
        assert_false(fakes[0].active_private[27]);
    }
    maintain();
    assert_int_equal(guest_ack(), NONE);
}

/* PPI 27 belongs to whoever is loaded; it is never left active for the next one. */
static void test_timer_switch(void **state)
{
    (void)state;
    timer_setup();
    unload(1);
    timer_fire(0);
    fakes[0].timer_control = 0;
    unload(0);
    assert_false(fakes[0].active_private[27]);
    /* Another vCPU comes to this CPU: its timer can fire. */
    load_on(0, 1);
    assert_false(fakes[0].active_private[27]);
    assert_int_equal(guest_ack(), NONE);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
    unload(1);
    assert_false(fakes[0].active_private[27]);
    load(0);
    assert_true(fakes[0].active_private[27]); /* the first one has not ended its own */
    assert_int_equal(guest_ack(), 27);
    guest_eoi(27);
    unload(0);
    load(0);
    assert_false(fakes[0].active_private[27]);
    assert_int_equal(guest_ack(), NONE);
    unload(0);
    load_on(0, 1);
    assert_true(fakes[0].active_private[27]); /* still in the second one's handler */
    guest_eoi(27);
    assert_false(fakes[0].active_private[27]);
}

/* Silenced before the guest could take it, because the interrupt was off: it is not delivered, and may fire again. */
static void test_timer_silenced(void **state)
{
    (void)state;
    timer_fire(0); /* disabled in the distributor */
    assert_int_equal(guest_ack(), NONE);
    assert_true(fakes[0].active_private[27]); /* no storm meanwhile */
    fakes[0].timer_control = 0;
    timer_setup();
    assert_int_equal(guest_ack(), NONE);
    assert_false(fakes[0].active_private[27]);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
}

static void test_timer_nobody(void **state)
{
    (void)state;
    unload(0);
    timer_fire(0);
    assert_false(fakes[0].active_private[27]);
}

/* The guest's timer is evicted while active: its end, counted, deactivates the physical one. */
static void test_timer_evicted(void **state)
{
    (void)state;
    timer_setup();
    set(0, VIRQ_PRIORITY, 27, 0xf8);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
    for (unsigned i = 0; i < 4; i++) {
        edge(SPI + i);
        priority(SPI + i, 0xe0 - 16 * i);
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
    }
    assert_true(fakes[0].active_private[27]);
    for (unsigned i = 4; i-- > 0;)
        guest_eoi(SPI + i);
    guest_eoi(27);
    maintain();
    assert_false(fakes[0].active_private[27]);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
}

/* A GIC whose linked interrupts do not work: the end is reported, the kernel deactivates. */
static void test_timer_unlinked(void **state)
{
    (void)state;
    gic.links = false;
    timer_setup();
    for (unsigned i = 0; i < 3; i++) {
        timer_fire(0);
        assert_int_equal(guest_ack(), 27);
        guest_eoi(27);
        assert_true(fakes[0].active_private[27]);
        maintain();
        assert_false(fakes[0].active_private[27]);
    }
}

/* --- physical interrupts ---------------------------------------------------------------------------------------------------------------------- */

static void test_forwarded(void **state)
{
    (void)state;
    assert_int_equal(vgic_forward(vm, SPI, 77), STATUS_OK);
    for (unsigned i = 0; i < 3; i++) {
        active_shared[77] = true; /* taken by the kernel */
        raise(SPI, 1);
        assert_int_equal(guest_ack(), SPI);
        assert_true(active_shared[77]);
        guest_eoi(SPI);
        assert_false(active_shared[77]);
        maintain();
    }
    active_shared[77] = true;
    raise(SPI, 1);
    vgic_vm_reset(vm);
    assert_false(active_shared[77]);
}

/* --- the VMM's fields --------------------------------------------------------------------------------------------------------------------------- */

static void test_fields(void **state)
{
    uint64_t value;
    (void)state;
    set(0, VIRQ_DISABLE, 64, 0xf0f0f0f0);
    assert_int_equal(get(0, VIRQ_ENABLE, 64), 0x0f0f0f0f);
    assert_int_equal(get(0, VIRQ_DISABLE, 64), 0x0f0f0f0f);
    set(0, VIRQ_EDGE, 64, 0x12345678);
    assert_int_equal(get(0, VIRQ_EDGE, 64), 0x12345678);
    set(0, VIRQ_GROUP1, 96, 0x87654321);
    assert_int_equal(get(0, VIRQ_GROUP1, 96), 0x87654321);
    set(1, VIRQ_ENABLE, 0, 1u << 30);
    assert_int_equal(get(1, VIRQ_ENABLE, 0), 1u << 30 | 0xffff); /* SGIs always are */
    assert_int_equal(get(0, VIRQ_ENABLE, 0), 0xffff);            /* each vCPU has its own */
    set(0, VIRQ_PRIORITY, 100, 0xff);
    assert_int_equal(get(0, VIRQ_PRIORITY, 100), 0xf8); /* 32 levels */
    set(0, VIRQ_TARGET, 100, 1);
    assert_int_equal(get(0, VIRQ_TARGET, 100), 1);
    set(0, VIRQ_TARGET, 100, 77);
    assert_int_equal(get(0, VIRQ_TARGET, 100), VM_VCPUS);
    set(0, VIRQ_PEND, 224, 1u << 31); /* the last line */
    assert_int_equal(get(0, VIRQ_PEND, 224), 1u << 31);
    assert_int_equal(guest_ack(), 255);
    assert_int_equal(get(0, VIRQ_PEND, 224), 0);
    assert_int_equal(get(0, VIRQ_ACTIVATE, 224), 1u << 31);
    set(0, VIRQ_DEACTIVATE, 224, 1u << 31);
    assert_int_equal(get(0, VIRQ_ACTIVATE, 224), 0);
    assert_int_equal(vgic_set(vm, 0, VIRQ_FORWARDING + 1, 32, 0), STATUS_RANGE);
    assert_int_equal(vgic_set(vm, 0, VIRQ_ENABLE, 33, 0), STATUS_RANGE);
    assert_int_equal(vgic_set(vm, 0, VIRQ_ENABLE, VM_LINES, 0), STATUS_RANGE);
    assert_int_equal(vgic_set(vm, 0, VIRQ_PRIORITY, VM_LINES, 0), STATUS_RANGE);
    assert_int_equal(vgic_set(vm, 2, VIRQ_ENABLE, 0, 0), STATUS_RANGE); /* no such vCPU */
    assert_int_equal(vgic_set(vm, VM_VCPUS, VIRQ_ENABLE, 0, 0), STATUS_RANGE);
    assert_int_equal(vgic_set(vm, 0, VIRQ_TARGET, 5, 0), STATUS_RANGE); /* private ones have none */
    assert_int_equal(vgic_get(vm, 2, VIRQ_ENABLE, 0, &value), STATUS_RANGE);
    assert_int_equal(vgic_get(vm, 0, VIRQ_ENABLE, 33, &value), STATUS_RANGE);
}

static void test_pend(void **state)
{
    (void)state;
    edge(SPI);
    set_line(0, VIRQ_PEND, SPI);
    set_line(0, VIRQ_UNPEND, SPI);
    assert_int_equal(guest_ack(), NONE);
    set_line(0, VIRQ_PEND, SPI);
    assert_int_equal(guest_ack(), SPI);
    set_line(0, VIRQ_PEND, SPI);
    assert_int_equal(get(0, VIRQ_PEND, 32), 1u << (SPI - 32)); /* active and pending */
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 1u << (SPI - 32));
    set_line(0, VIRQ_UNPEND, SPI);
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 1u << (SPI - 32));
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    raise(SPI + 1, 1); /* level: what is not latched is not to be cleared */
    set_line(0, VIRQ_UNPEND, SPI + 1);
    assert_int_equal(guest_ack(), SPI + 1);
}

/* The line goes to another vCPU: pending, active, and to nobody. */
static void test_retarget(void **state)
{
    (void)state;
    edge(SPI);
    raise(SPI, 1);
    set(0, VIRQ_TARGET, SPI, 1);
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), SPI);
    on(0);
    set(0, VIRQ_TARGET, SPI, VM_VCPUS);
    raise(SPI, 1);
    set_line(0, VIRQ_PEND, SPI + 1);
    assert_int_equal(ack_on(0), SPI + 1);
    assert_int_equal(ack_on(0), NONE); /* nobody's is not vCPU 0's */
    assert_int_equal(ack_on(1), NONE);
    set(0, VIRQ_DISABLE, 32, UINT32_MAX);
    set(0, VIRQ_ENABLE, 32, UINT32_MAX);
    assert_int_equal(ack_on(0), NONE);
    set(0, VIRQ_TARGET, SPI, 1); /* and is not lost */
    assert_int_equal(ack_on(1), SPI);
}

/* While active it goes to another vCPU, which may end it there; the first one does not keep count of it. */
static void test_retarget_active(void **state)
{
    (void)state;
    edge(SPI);
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    set(0, VIRQ_TARGET, SPI, 1);
    assert_int_equal(vcpus[0]->arch.active_in_memory, 0);
    assert_int_equal(vcpus[1]->arch.active_in_memory, 1);
    guests[0].depth--; /* the first one drops the priority, the second one ends it */
    guests[1].depth++;
    on(1);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 0);
    assert_int_equal(vcpus[1]->arch.active_in_memory, 0);
}

/* --- vCPUs come and go --------------------------------------------------------------------------------------------------------------------------- */

static void test_unload(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        edge(SPI + i);
        priority(SPI + i, 0xf0 - 16 * i);
        raise(SPI + i, 1);
    }
    assert_int_equal(guest_ack(), SPI + 2);
    unload(0);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(fakes[0].lr[n], 0);
    assert_int_equal(fakes[0].hcr, 0);
    assert_true(arch_vcpu_pending(vcpus[0]));
    edge(SPI + 3);
    priority(SPI + 3, 0xe8);
    raise(SPI + 3, 1);
    raise(SPI + 1, 1);
    load(0);
    maintain();
    assert_int_equal(guest_ack(), NONE); /* less urgent than what it is at */
    guest_eoi(SPI + 2);
    maintain();
    assert_int_equal(guest_ack(), SPI + 1);
    guest_eoi(SPI + 1);
    assert_int_equal(guest_ack(), SPI + 3);
    guest_eoi(SPI + 3);
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    unload(0);
    assert_false(arch_vcpu_pending(vcpus[0]));
}

/* From another CPU while it runs: the word is left, and its CPU told. */
static void test_remote(void **state)
{
    (void)state;
    on(1);
    notices_held = true;
    edge(SPI);
    raise(SPI, 1);
    assert_true(notified > 0);
    on(0);
    assert_int_equal(guest_ack(), NONE);
    arch_vcpu_attend(&cpus[0], vcpus[0]);
    assert_int_equal(guest_ack(), SPI);
    on(1);
    raise(SPI, 1);
    on(0);
    arch_vcpu_attend(&cpus[0], vcpus[0]);
    guest_eoi(SPI);
    maintain();
    assert_int_equal(guest_ack(), SPI);
}

static unsigned lrs_with(unsigned line)
{
    unsigned count = 0;
    for (unsigned n = 0; n < gic.lr_count; n++)
        count += lr_state_of(fakes[this_cpu].lr[n]) && lr_line_of(fakes[this_cpu].lr[n]) == line;
    return count;
}

/*
 * The word that another CPU left for a list register comes late: its line has been ended and delivered again in another one by then.
 * The same number in two list registers is what no GIC puts up with.
 */
static void test_late_word(void **state)
{
    (void)state;
    edge(SPI);
    edge(SPI + 1);
    raise(SPI, 1);
    raise(SPI + 1, 1); /* in the second list register */
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI);
    set(0, VIRQ_DISABLE, 64, 1);
    assert_int_equal(guest_ack(), SPI + 1);
    notices_held = true;
    on(1);
    raise(SPI + 1, 1);
    on(0);
    guest_eoi(SPI + 1);
    on(1);
    on(0);
    raise(SPI + 1, 1);
    arch_vcpu_attend(&cpus[0], vcpus[0]);
    raise(SPI + 1, 1);
    arch_vcpu_attend(&cpus[0], vcpus[0]);
    assert_int_equal(lrs_with(SPI + 1), 1);
    for (unsigned i = 0; i < 3 && guest_ack() == SPI + 1; i++) {
        guest_eoi(SPI + 1);
        raise(SPI + 1, 1);
        arch_vcpu_attend(&cpus[0], vcpus[0]);
        assert_int_equal(lrs_with(SPI + 1), 1);
    }
    maintain();
}

/* A level-sensitive line that ended and comes again before its report was heard leaves no report behind. */
static void test_end_and_again(void **state)
{
    (void)state;
    edge(SPI);
    raise(SPI, 1);
    raise(SPI + 1, 1);
    assert_int_equal(guest_ack(), SPI);
    guest_eoi(SPI);
    maintain();
    unload(0);
    load(0);
    assert_int_equal(guest_ack(), SPI + 1);
    guest_eoi(SPI + 1);
    raise(SPI + 1, 0);
    raise(SPI + 1, 1);
    maintain();
    assert_int_equal(guest_ack(), SPI + 1);
    raise(SPI + 1, 0);
    guest_eoi(SPI + 1);
    maintain();
}

/* The VM has gone from under the vCPU (vcpu_detach); what is in the list registers goes nowhere, and touches nothing. */
static void test_unload_without_vm(void **state)
{
    (void)state;
    timer_setup();
    timer_fire(0);
    for (unsigned i = 0; i < 6; i++)
        raise(SPI + i, 1);
    for (unsigned i = 0; i < 3; i++)
        guest_eoi(guest_ack());
    vcpus[0]->vm = NULL;
    unload(0);
    assert_int_equal(fakes[0].hcr, 0);
    assert_false(fakes[0].active_private[27]);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(fakes[0].lr[n], 0);
    vcpus[0]->vm = vm;
}

/* A vCPU is destroyed and one of the same index made: the shared lines that the old one held are free of it. */
static void test_made_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        raise(SPI + i, 1); /* four in list registers, four in the queue */
    vm->vcpus[0] = NULL;
    vcpus[0]->vm = NULL;
    unload(0);
    memset(vcpus[0], 0, sizeof *vcpus[0]);
    vcpus[0]->vm = vm;
    vgic_vcpu_reset(vcpus[0]);
    vm->vcpus[0] = vcpus[0];
    load(0);
    for (unsigned i = 0; i < 8; i++)
        raise(SPI + i, 0);
    for (unsigned i = 0; i < 4; i++) {
        priority(SPI + 8 + i, 0x80 - 8 * i);
        raise(SPI + 8 + i, 1); /* in list registers */
    }
    raise(SPI + 12, 1); /* in the queue, of the same priority as the first eight */
    for (unsigned i = 0; i < 8; i++)
        raise(SPI + i, 1);
    for (unsigned i = 0; i < 13; i++) {
        unsigned line = guest_ack();
        assert_in_range(line, SPI, SPI + 12);
        raise(line, 0);
        guest_eoi(line);
        maintain();
    }
    assert_int_equal(guest_ack(), NONE);
}

static void test_reset(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        raise(SPI + i, 1);
    unload(0);
    unload(1);
    vgic_vm_reset(vm);
    load(0);
    assert_int_equal(guest_ack(), NONE);
    assert_int_equal(get(0, VIRQ_ENABLE, 32), 0);
    assert_int_equal(get(0, VIRQ_PEND, 32), 0);
    assert_int_equal(get(0, VIRQ_FORWARDING, 0), 0);
    assert_false(arch_vcpu_pending(vcpus[0]));
}

int main(void)
{
#define V3(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define V2(function) cmocka_unit_test_setup_teardown(function, setup_v2, teardown)
    const struct CMUnitTest tests[] = {
        V3(test_edge),           V3(test_level),         V3(test_disable),       V3(test_forwarding),  V3(test_overflow),
        V3(test_eviction),       V3(test_active_eviction), V3(test_active_and_pending), V3(test_counted_end), V3(test_sgi_v3),
        V2(test_sgi_v2),         V2(test_sgi_evicted),   V3(test_timer),         V3(test_timer_switch), V3(test_timer_silenced),
        V3(test_timer_nobody),   V3(test_timer_evicted), V2(test_timer_unlinked), V3(test_forwarded),  V3(test_fields),
        V3(test_pend),           V3(test_retarget),      V3(test_retarget_active), V3(test_unload),    V3(test_remote),
        V3(test_late_word),      V3(test_end_and_again), V3(test_reset),         V3(test_unload_without_vm), V3(test_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
