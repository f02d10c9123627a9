/*
 * The short ways of fast.c: what each does, against the long way where that is compiled here, and every condition under which it has to leave things
 * alone. A check that is missing in fast.c makes a row of a table red.
 */
#include "vgic_machine.h"

#include "partition.h"

enum { IRQ = 77, PPI = 27, SGI = 5, SLOT = 9, RT = 3, RT_NOT_SAVED = 18 };
enum { ISS_WORD = 1 << 24 | 2 << 22, ISS_WRITE = 1 << 6, ISS_WALK = 1 << 7, ISS_TRANSLATION = 6, ISS_ACCESS_FLAG = 10, ISS_PERMISSION = 14, PSTATE_EL1 = 5 };
static const uint64_t device = 0x9000018, doorbell = 0xa000050, sgi_page = 0x8000f00;

static struct vcpu_state states[VCPUS];
static struct partition partition;
static struct space space;
static struct cap caps[CAPS_PER_PAGE];

/* What the vector makes of an exception. */
static struct frame *trapped(struct frame *frame)
{
    struct cpu *cpu = &cpus[0];
    const uint64_t *x = frame->x;
    if (cpu->arch.side == SIDE_GUEST && !cpu->arch.debugging)
        return fast_sync(cpu, frame);
    if (fake_esr_el2 >> 26 != EC_SVC64)
        return long_way;
    return (cpu->arch.side == SIDE_COMPONENT ? fast_component : fast_monitor)(x[0], x[1], x[2], x[3], x[4], x[5], x[6], cpu);
}

static struct frame *guest(void)
{
    return &states[0].regs;
}

static void machine_start(unsigned version)
{
    if (vm)
        teardown(NULL);
    start(version, 4);
    memset(states, 0, sizeof states);
    memset(&partition, 0, sizeof partition);
    memset(caps, 0, sizeof caps);
    memset(threads, 0, sizeof threads);
    for (unsigned i = 0; i < VCPUS; i++) {
        vcpus[i]->state = &states[i];
        threads[i].cpu = (uint8_t)i;
        threads[i].partition = &partition;
        threads[i].space.space = &space;
        threads[i].vcpu = vcpus[i];
        cpus[i].arch.resume = &states[i].regs;
    }
    partition.table[0] = caps;
    caps[SLOT] = (struct cap){.type = CAP_VCPU, .rights = RIGHT_ENTER, .object = &vcpus[0]->object};
    space.tag.value = 7 << 16 | 1;
    cpus[0].arch.place[PLACE_RUNNING].tag = space.tag.value;
    fake_elr_el2 = 0x1000;
    fake_spsr_el2 = PSTATE_EL1;
    fake_sctlr_el1 = 0;
}

static int setup_3(void **state)
{
    (void)state;
    machine_start(3);
    return 0;
}

static int setup_2(void **state)
{
    (void)state;
    machine_start(2);
    vm->arch.sgi_address = sgi_page;
    return 0;
}

/* --- linked interrupts --------------------------------------------------------------------------------------------------------- */

static void forward(void)
{
    arch_virq_link(vm, SPI, IRQ);
    on(0);
}

/* The device's interrupt, which is active from then on; true: taken the short way. */
static bool fire(void)
{
    assert_false(active_shared[IRQ]);
    active_shared[IRQ] = true;
    if (interrupt_taken(IRQ))
        return true;
    arch_virq_raise(vm, SPI, 1);
    return false;
}

static void test_linked(void **state)
{
    (void)state;
    forward();
    assert_false(fire()); /* the first time it needs a list register */
    assert_int_equal(ack_on(0), SPI);
    for (unsigned i = 0; i < 3; i++) {
        unsigned ends = fakes[0].ends;
        assert_true(fire());
        assert_int_equal(fakes[0].ends, ends + 1);
        assert_int_equal(fakes[0].deactivations, 0); /* the guest's end does that */
        assert_true(active_shared[IRQ]);
        assert_int_equal(ack_on(0), SPI);
        assert_false(active_shared[IRQ]);
    }
    unload(0); /* and what came last survives a change */
    load(0);
    assert_true(fire() || ack_on(0) == SPI);
}

/* Two vCPUs take turns on a CPU: each one's lines come again as what they are, although the other's were in the same list registers. */
static void test_linked_in_turns(void **state)
{
    (void)state;
    forward();
    fire();
    assert_int_equal(ack_on(0), SPI);
    for (unsigned i = 0; i < 3; i++) {
        unload(0);
        if (!i)
            unload(1);
        load_on(0, 1);
        vgic_post(vcpus[1], SGI, 0);
        on(0);
        interrupt_taken(SGI_POSTED);
        assert_int_equal(ack_on(0) & 0x3ff, SGI);
        unload(1);
        load_on(0, 0);
        if (i == 1)
            continue; /* unused this time */
        assert_true(fire());
        assert_int_equal(ack_on(0), SPI);
    }
}

/* In the interrupt's handler; the guest ends it afterwards. */
static void spoil_disabled(void)
{
    set_line(0, VIRQ_DISABLE, SPI);
}

static void spoil_forwarding(void)
{
    set(0, VIRQ_FORWARDING, 0, 0);
}

static void spoil_disabled_and_switched(void)
{
    set_line(0, VIRQ_DISABLE, SPI);
    unload(0);
    load(0);
}

static void spoil_unlinked(void)
{
    arch_virq_link(vm, SPI, 0);
}

static void test_linked_not_allowed(void **state)
{
    static void (*const spoils[])(void) = {spoil_disabled, spoil_forwarding, spoil_disabled_and_switched, spoil_unlinked};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(spoils); i++) {
        machine_start(3);
        forward();
        fire();
        on(0);
        unsigned line = guest_ack();
        assert_int_equal(line, SPI);
        spoils[i]();
        on(0);
        guest_eoi(line);
        active_shared[IRQ] = true;
        assert_false(interrupt_taken(IRQ));
        if (spoils[i] != spoil_unlinked)
            arch_virq_raise(vm, SPI, 1);
        assert_int_equal(ack_on(0), NONE);
        set_line(0, VIRQ_ENABLE, SPI);
        set(0, VIRQ_FORWARDING, 0, 3);
        assert_int_equal(ack_on(0), spoils[i] == spoil_unlinked ? NONE : SPI);
    }
}

/* The VMM made the line pending, and the guest is at it, when the device's interrupt comes: the LR is not empty. */
static void test_linked_busy(void **state)
{
    (void)state;
    forward();
    edge(SPI);
    set_line(0, VIRQ_PEND, SPI);
    on(0);
    unsigned line = guest_ack();
    assert_int_equal(line, SPI);
    assert_false(fire());
    guest_eoi(line);
    assert_int_equal(guests[0].depth, 0);
    assert_int_equal(fakes[0].hcr >> EOI_COUNT_SHIFT, 0); /* its end was no other's */
    assert_int_equal(ack_on(0), SPI);
}

static void spoil_monitor(void)
{
    cpus[0].arch.side = SIDE_MONITOR;
}

static void spoil_component(void)
{
    cpus[0].arch.side = SIDE_COMPONENT;
}

static void spoil_queue(void)
{
    vcpus[0]->arch.queued = 1;
}

static void spoil_recheck(void)
{
    vcpus[0]->arch.lr_recheck = 1;
}

static void test_linked_refused(void **state)
{
    static void (*const spoils[])(void) = {spoil_monitor, spoil_component, spoil_queue, spoil_recheck};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(spoils); i++) {
        machine_start(3);
        forward();
        fire();
        ack_on(0);
        spoils[i]();
        unsigned writes = fakes[0].lr_writes, ends = fakes[0].ends;
        assert_false(interrupt_taken(IRQ));
        assert_int_equal(fakes[0].lr_writes, writes);
        assert_int_equal(fakes[0].ends, ends);
        assert_int_equal(cpus[0].arch.acknowledged, IRQ); /* for irq_dispatch() */
    }
    machine_start(3);
    forward();
    fire();
    ack_on(0);
    assert_false(interrupt_taken(IRQ + 1));
    assert_false(interrupt_taken(1023));
    assert_false(interrupt_taken(SGI_IPI));
}

/* More urgent ones wait: the line is not to get its LR by coming again. */
static void test_linked_priority(void **state)
{
    (void)state;
    forward();
    priority(SPI, 0xf0);
    for (unsigned i = 1; i < 8; i++) {
        edge(SPI + i);
        priority(SPI + i, 0x80);
    }
    on(0);
    fire();
    unsigned line = guest_ack(); /* so that it keeps its list register */
    for (unsigned i = 1; i < 8; i++)
        raise(SPI + i, 1);
    on(0);
    guest_eoi(line);
    fire();
    for (unsigned i = 1; i < 8; i++)
        assert_in_range(ack_on(0), SPI + 1, SPI + 7);
    assert_int_equal(ack_on(0), SPI);
}

/* --- the timer, maintenance ------------------------------------------------------------------------------------------------------ */

static void timer_twice(bool links)
{
    gic.links = links;
    timer_setup();
    for (unsigned i = 0; i < 3; i++) {
        timer_fire(0);
        on(0);
        unsigned line = guest_ack();
        assert_int_equal(line, PPI);
        fakes[0].timer_control = 0;
        guest_eoi(line);
        if (fake_read_ich_misr_el2())
            assert_true(interrupt_taken(board.maintenance));
        assert_int_equal(fake_read_ich_misr_el2(), 0);
        assert_false(fakes[0].active_private[PPI]);
    }
}

static void test_timer_linked(void **state)
{
    (void)state;
    timer_twice(true);
    assert_int_equal(fakes[0].deactivations, 0);
}

static void test_timer_unlinked(void **state)
{
    (void)state;
    timer_twice(false);
    assert_int_equal(fakes[0].ends, 6);
    assert_int_equal(fakes[0].deactivations, 3); /* of the maintenance interrupt */
}

/* --- SGIs --------------------------------------------------------------------------------------------------------------------------- */

/* ICC_SGI1R_EL1, or GICD_SGIR, by the guest of CPU 0; true: the short way. */
static bool sgi_store(uint64_t value)
{
    on(0);
    guest()->x[RT] = value;
    if (gic.version == 3) {
        fake_esr_el2 = (uint64_t)EC_SYSREG << 26 | ICC_SGI1R | RT << 5;
    } else {
        fake_esr_el2 = (uint64_t)EC_DATA_LOWER << 26 | ISS_WORD | ISS_WRITE | RT << 16 | ISS_TRANSLATION;
        fake_hpfar_el2 = (sgi_page & ~UINT64_C(0xfff)) >> 8;
        fake_far_el2 = sgi_page;
    }
    uint64_t pc = fake_elr_el2;
    if (short_ways && trapped(guest()) == guest()) {
        assert_int_equal(fake_elr_el2, pc + 4);
        assert_int_equal(cpus[0].section & 1, 0);
        return true;
    }
    assert_int_equal(fake_elr_el2, pc);
    assert_int_equal(cpus[0].section & 1, 0);
    if (gic.version == 3)
        vgic_sgi1r_write(&cpus[0], vcpus[0], value);
    else
        vgic_sgir_write(&cpus[0], vcpus[0], (uint32_t)value);
    return false;
}

/* Number | list as the version has it. */
static uint64_t sgi_to(unsigned targets)
{
    return gic.version == 3 ? SGI << 24 | targets : SGI | targets << 16;
}

static void sgi_anywhere(unsigned version)
{
    static const unsigned targets[] = {1, 2, 3, 2 | 0x40, 1 | 0x80, 0};
    machine_start(version);
    if (version == 2)
        vm->arch.sgi_address = sgi_page;
    for (unsigned i = 0; i < 4 * ARRAY_SIZE(targets); i++) {
        unsigned to = targets[i % ARRAY_SIZE(targets)];
        bool done = sgi_store(sgi_to(to));
        if (i >= ARRAY_SIZE(targets)) /* each has its list register by now */
            assert_true(done);
        assert_int_equal(ack_on(1), to & 2 ? SGI : NONE);
        assert_int_equal(ack_on(0), to & 1 ? SGI : NONE);
    }
    assert_int_equal(fakes[1].ends, fakes[1].deactivations); /* of SGI_POSTED */
}

static void test_sgi(void **state)
{
    (void)state;
    sgi_anywhere(3);
    sgi_anywhere(2);
    notified = 0;
    assert_true(sgi_store(sgi_to(2)));
    assert_int_equal(notified, 0);
}

/* It waits already: one of them; the guest is at it: once more afterwards. */
static void test_sgi_merged(void **state)
{
    (void)state;
    for (unsigned target = 0; target < 2; target++) {
        unsigned list = 1u << target;
        sgi_store(sgi_to(list));
        ack_on(target);
        assert_true(sgi_store(sgi_to(list)));
        sgi_store(sgi_to(list));
        on(target);
        unsigned number = guest_ack();
        assert_int_equal(number, SGI);
        sgi_store(sgi_to(list));
        on(target);
        assert_int_equal(guest_ack(), NONE);
        guest_eoi(number);
        assert_int_equal(ack_on(target), SGI);
        assert_int_equal(ack_on(target), NONE);
    }
}

/* A disabled SGI does not come by way of the LR that it had. */
static void test_sgi_disabled(void **state)
{
    (void)state;
    for (unsigned target = 0; target < 2; target++) {
        sgi_store(sgi_to(1u << target));
        on(target);
        unsigned number = guest_ack();
        assert_int_equal(number, SGI);
        set(target, VIRQ_DISABLE, 0, 1 << SGI);
        on(target);
        guest_eoi(number);
        sgi_store(sgi_to(1u << target));
        assert_int_equal(ack_on(target), NONE);
        set(target, VIRQ_ENABLE, 0, 1 << SGI);
        assert_int_equal(ack_on(target), SGI);
    }
}

static void test_sgi_refused(void **state)
{
    (void)state;
    sgi_store(sgi_to(3));
    ack_on(0);
    ack_on(1);
    assert_false(sgi_store(sgi_to(1) | UINT64_C(1) << 40)); /* all but oneself */
    assert_int_equal(ack_on(1), SGI);
    assert_false(sgi_store(sgi_to(3) | 1 << 16)); /* other clusters */
    assert_false(sgi_store(sgi_to(3) | UINT64_C(1) << 32));
    assert_false(sgi_store(sgi_to(3) | UINT64_C(1) << 48));
    assert_false(sgi_store(sgi_to(1) | 1 << 8)); /* a vCPU beyond the last */
    assert_int_equal(ack_on(0), SGI);
    on(0);
    vcpus[0]->arch.lr_recheck = vcpus[0]->arch.lr_used;
    assert_false(sgi_store(sgi_to(1)));
    assert_int_equal(ack_on(0), SGI);
    unload(1);
    vcpus[1]->cpu = 0; /* its thread is this CPU's, and may have to run now */
    notices_held = true;
    assert_false(sgi_store(sgi_to(3)));
    assert_int_equal(ack_on(0), SGI);
    assert_true(arch_vcpu_pending(vcpus[1]));
    fake_esr_el2 |= RT_NOT_SAVED << 5;
    assert_ptr_equal(trapped(guest()), long_way);
}

/* One that waits in the queue is more urgent. */
static void test_sgi_queue(void **state)
{
    (void)state;
    unsigned number[VCPUS];
    for (unsigned i = 0; i < VCPUS; i++)
        set(i, VIRQ_PRIORITY, SGI, 0xf0);
    for (unsigned i = 0; i < 12; i++) {
        edge(SPI + i);
        set(0, VIRQ_TARGET, SPI + i, i % 2);
        set(0, VIRQ_PRIORITY, SPI + i, 0x80);
    }
    sgi_store(sgi_to(3));
    for (unsigned i = 0; i < VCPUS; i++) {
        on(i);
        number[i] = guest_ack(); /* so that it keeps its list register */
        assert_int_equal(number[i], SGI);
    }
    for (unsigned i = 0; i < 12; i++)
        raise(SPI + i, 1);
    for (unsigned i = 0; i < VCPUS; i++) {
        on(i);
        guest_eoi(number[i]);
        assert_true(vcpus[i]->arch.queued);
    }
    assert_false(sgi_store(sgi_to(3)));
    for (unsigned i = 0; i < 12; i++)
        assert_in_range(ack_on(i % 2), SPI, SPI + 11);
    assert_int_equal(ack_on(0), SGI);
    assert_int_equal(ack_on(1), SGI);
}

/* Several senders, before the receiver looks: with a GICv2, each one's is one of its own. */
static void test_senders_v2(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        sgi_store(sgi_to(2));
        assert_int_equal(ack_on(1), SGI);
    }
    vgic_post(vcpus[1], SGI, 3);
    vgic_post(vcpus[1], SGI, 6);
    for (unsigned i = 0; i < 3; i++)
        seen |= 1u << (ack_on(1) >> 10 & 15); /* 15: none */
    assert_int_equal(seen, 1 << 3 | 1 << 6 | 1u << (NONE >> 10 & 15));
    vcpus[1]->arch.posted_from[SGI] = 1 << 2 | 1 << 4; /* both at once */
    vcpus[1]->arch.posted = 1 << SGI;
    on(1);
    assert_true(interrupt_taken(SGI_POSTED));
    assert_int_equal(ack_on(1), SGI | 2 << 10);
    assert_int_equal(ack_on(1), SGI | 4 << 10);
    assert_int_equal(ack_on(1), NONE);
    vcpus[1]->arch.posted = 1 << SGI; /* whose sender has been seen to before */
    on(1);
    assert_true(interrupt_taken(SGI_POSTED));
    assert_int_equal(ack_on(1), NONE);
}

static void test_sgir_refused(void **state)
{
    static const uint64_t bits[] = {UINT64_C(1) << 22 /* a byte */, (RT ^ 20) << 16, (RT ^ 31) << 16, ISS_WRITE};
    (void)state;
    sgi_store(sgi_to(1));
    ack_on(0);
    on(0);
    for (unsigned i = 0; i < ARRAY_SIZE(bits); i++) {
        sgi_store(sgi_to(1));
        ack_on(0);
        on(0);
        fake_esr_el2 ^= bits[i];
        struct frame *next = trapped(guest());
        assert_ptr_equal(next, i == 0 || bits[i] == ISS_WRITE ? left_guest : long_way); /* no word, or a load: the monitor's */
        assert_int_equal(ack_on(0), NONE);
        cpus[0].arch.side = SIDE_GUEST;
        vcpus[0]->thread = cpus[0].current;
    }
    space.tag.value += 1 << 16; /* the monitor's space is not at hand, and need not be */
    assert_true(sgi_store(sgi_to(2) | 2 << 24)); /* oneself, whatever the list says */
    space.tag.value -= 1 << 16;
    assert_int_equal(ack_on(0), SGI);
    assert_int_equal(ack_on(1), NONE);
    assert_false(sgi_store(sgi_to(1) | 1 << 24)); /* all others */
    assert_int_equal(ack_on(0), NONE);
    assert_int_equal(ack_on(1), SGI);
    assert_false(sgi_store(sgi_to(3) | 3 << 24)); /* reserved */
    assert_int_equal(ack_on(0), NONE);
    vm->arch.sgi_address = 0; /* nowhere: not at address 0 either */
    on(0);
    fake_hpfar_el2 = fake_far_el2 = 0;
    assert_ptr_equal(trapped(guest()), left_guest);
}

/* Somebody reads or changes the target's lines before its CPU has looked: what was sent before counts, and is not forgotten. */
static void test_posted_counts(void **state)
{
    (void)state;
    unload(1);
    vcpus[1]->thread = NULL; /* nobody to be told */
    vgic_post(vcpus[1], SGI, 0);
    assert_int_equal(get(1, VIRQ_PEND, 0), 1 << SGI);
    set(1, VIRQ_UNPEND, 0, 1 << SGI);
    load(1);
    assert_int_equal(ack_on(1), NONE);
    for (unsigned i = 0; i < 2; i++) { /* without a list register, and with the last one's */
        vcpus[1]->arch.posted = 1 << SGI; /* its interrupt is on its way */
        on(0);
        assert_int_equal(get(1, VIRQ_PEND, 0), 1 << SGI);
        on(1);
        assert_true(interrupt_taken(SGI_POSTED));
        assert_int_equal(ack_on(1), SGI);
    }
}

/* --- constants ---------------------------------------------------------------------------------------------------------------------- */

static struct frame *sync(unsigned class, uint64_t iss)
{
    on(0);
    fake_esr_el2 = (uint64_t)class << 26 | 1 << 25 | iss;
    return trapped(guest());
}

static void test_identification(void **state)
{
    const uint32_t dfr0 = SYSREG((uint32_t)3, 0, 0, 5, 0);
    (void)state;
    sysreg_id_values[5][0] = 0x123456789a;
    assert_ptr_equal(sync(EC_SYSREG, dfr0 | RT << 5 | 1), guest());
    assert_int_equal(guest()->x[RT], 0x123456789a);
    assert_int_equal(fake_elr_el2, 0x1004);
    assert_ptr_equal(sync(EC_SYSREG, dfr0 | RT << 5), long_way); /* a write */
    assert_ptr_equal(sync(EC_SYSREG, dfr0 | RT_NOT_SAVED << 5 | 1), long_way);
    assert_ptr_equal(sync(EC_SYSREG, dfr0 | 31 << 5 | 1), long_way);
    assert_ptr_equal(sync(EC_SYSREG, SYSREG((uint32_t)3, 0, 1, 0, 1) | RT << 5 | 1), long_way);
    assert_ptr_equal(sync(EC_SYSREG, ICC_SGI1R | RT << 5 | 1), long_way); /* a read */
    assert_int_equal(fake_elr_el2, 0x1004);
}

static void test_answers(void **state)
{
    (void)state;
    vm->answers[0] = (struct vm_answer){0x84000000, 0x10001};
    vm->answer_count = 1;
    guest()->x[0] = UINT64_C(0xffffffff84000000); /* W0 counts */
    assert_ptr_equal(sync(EC_HVC64, 0), guest());
    assert_int_equal(guest()->x[0], 0x10001);
    assert_int_equal(fake_elr_el2, 0x1000); /* HVC leaves it behind the instruction */
    guest()->x[0] = 0x84000000;
    assert_ptr_equal(sync(EC_SMC64, 0), guest());
    assert_int_equal(fake_elr_el2, 0x1004);
    guest()->x[0] = 0x84000001;
    assert_ptr_equal(sync(EC_HVC64, 0), long_way);
    assert_ptr_equal(sync(EC_SMC64, 0), long_way);
    assert_int_equal(guest()->x[0], 0x84000001);
    guest()->x[0] = 0x84000000;
    cpus[0].arch.debugging = true; /* PSTATE.SS may have to go */
    assert_ptr_equal(sync(EC_SMC64, 0), long_way);
    assert_ptr_equal(sync(EC_DATA_LOWER, ISS_WORD | ISS_TRANSLATION), long_way);
    cpus[0].arch.debugging = false;
    cpus[0].arch.side = SIDE_MONITOR;
    assert_ptr_equal(sync(EC_SMC64, 0), long_way);
    cpus[0].arch.side = SIDE_COMPONENT;
    assert_ptr_equal(sync(EC_SMC64, 0), long_way);
}

/* --- to the monitor and back --------------------------------------------------------------------------------------------------------- */

static struct frame *access_at(uint64_t address, uint64_t iss)
{
    fake_far_el2 = UINT64_C(0xffff000012340000) | (address & 0xfff);
    fake_hpfar_el2 = (address & ~UINT64_C(0xfff)) >> 8;
    return sync(EC_DATA_LOWER, iss);
}

static void test_exit(void **state)
{
    struct frame *monitor = &threads[0].arch.frame;
    const struct vcpu_exit *exit = &states[0].exit;
    (void)state;
    *monitor = (struct frame){.pc = 0x400000, .pstate = 0x60000000, .sp_el0 = 0x7000};
    fake_sp_el0 = 0x8888;
    fake_tpidr_el0 = 0x9999;
    fake_tpidrro_el0 = 0xaaaa;
    cpus[0].arch.place[PLACE_RUNNING].vttbr = 0x1111;
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_WRITE | 1 << 21 | 1 << 15 | 7 << 16 | ISS_TRANSLATION), left_guest);
    assert_int_equal(exit->reason, EXIT_MMIO);
    assert_int_equal(exit->syndrome, fake_esr_el2);
    assert_int_equal(exit->fault_va, fake_far_el2);
    assert_int_equal(exit->mmio.address, device);
    assert_int_equal(exit->mmio.size, 4);
    assert_true(exit->mmio.write);
    assert_int_equal(exit->mmio.reg, 7);
    assert_int_equal(exit->mmio.sign, 3);
    assert_int_equal(states[0].exits, 1);
    assert_int_equal(guest()->pc, 0x1000);
    assert_int_equal(guest()->pstate, PSTATE_EL1);
    assert_int_equal(guest()->sp_el0, 0x8888);
    assert_int_equal(states[0].el1.tpidr_el0, 0x9999);
    assert_int_equal(states[0].el1.tpidrro_el0, 0xaaaa);
    assert_int_equal(fake_elr_el2, 0x400000);
    assert_int_equal(fake_spsr_el2, 0x60000000);
    assert_int_equal(fake_sp_el0, 0x7000);
    assert_int_equal(fake_vttbr_el2, 0x1111);
    assert_int_equal(fake_hcr_el2, HCR_COMPONENT);
    assert_int_equal(monitor->x[0], STATUS_OK);
    assert_int_equal(monitor->x[1], EXIT_MMIO);
    assert_ptr_equal(cpus[0].arch.resume, monitor);
    assert_ptr_equal(went_to, monitor);
    assert_ptr_equal(went_from, guest());
    assert_int_equal(cpus[0].arch.side, SIDE_MONITOR);
    assert_null(vcpus[0]->thread);
    assert_null(threads[0].vcpu);
    assert_int_equal(settled, 0);
}

/* A big-endian guest's monitor is not. */
static void test_exit_big_endian(void **state)
{
    (void)state;
    fake_sctlr_el1 = SCTLR_E0E;
    settled = 0;
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_TRANSLATION), left_guest);
    assert_int_equal(settled, 1);
}

static void test_exit_refused(void **state)
{
    (void)state;
    vm->doorbells[0].address = saddr(doorbell);
    vm->doorbell_count = 1;
    assert_ptr_equal(access_at(doorbell, ISS_WORD | ISS_WRITE | ISS_TRANSLATION), guest()); /* rung, and stepped over */
    assert_int_equal(fake_elr_el2, 0x1004);
    cpus[0].resched = true; /* it woke somebody here */
    assert_ptr_equal(access_at(doorbell, ISS_WORD | ISS_WRITE | ISS_TRANSLATION), rescheduled);
    cpus[0].resched = false;
    assert_ptr_equal(access_at(doorbell, (ISS_WORD & ~(1 << 23)) | ISS_WRITE | 1 << 22 | ISS_TRANSLATION), left_guest); /* half of one */
    cpus[0].arch.side = SIDE_GUEST;
    vcpus[0]->thread = &threads[0];
    threads[0].vcpu = vcpus[0];
    states[0].exits = 0;
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_ACCESS_FLAG), long_way);
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_WALK | ISS_TRANSLATION), long_way);
    assert_ptr_equal(access_at(device, (ISS_WORD ^ 1 << 24) | ISS_TRANSLATION), long_way); /* no ISV */
    assert_ptr_equal(access_at(device, ISS_WORD | 0x10), long_way);                         /* external abort */
    fake_spsr_el2 = 0x10;                                                                   /* AArch32 */
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_TRANSLATION), long_way);
    fake_spsr_el2 = PSTATE_EL1;
    fake_hpfar_el2 = UINT64_MAX >> 8, fake_far_el2 = UINT64_MAX; /* the guest has unmapped it meanwhile: the monitor has no address to be told */
    assert_ptr_equal(sync(EC_DATA_LOWER, ISS_WORD | ISS_PERMISSION), long_way);
    space.tag.value += 1 << 16; /* the monitor's space is not at hand */
    assert_ptr_equal(access_at(device, ISS_WORD | ISS_TRANSLATION), long_way);
    space.tag.value -= 1 << 16;
    assert_int_equal(states[0].exits, 0);
    assert_int_equal(cpus[0].arch.side, SIDE_GUEST);
    assert_ptr_equal(vcpus[0]->thread, &threads[0]);
    assert_ptr_equal(access_at(doorbell, ISS_WORD | ISS_TRANSLATION), left_guest); /* a load */
}

/* The monitor's SVC; true: it led into the guest. */
static bool entered(void)
{
    struct frame *frame = &threads[0].arch.frame;
    on(0);
    fake_elr_el2 = 0x400004;
    fake_spsr_el2 = 0;
    fake_sp_el0 = 0x7000;
    fake_esr_el2 = (uint64_t)EC_SVC64 << 26;
    if (setjmp(resumed))
        return true;
    assert_ptr_equal(trapped(frame), long_way);
    return false;
}

static void monitor_runs(void)
{
    cpus[0].arch.side = SIDE_MONITOR;
    cpus[0].arch.resume = &threads[0].arch.frame;
    cpus[0].arch.place[PLACE_LOADED].vttbr = 0x2222;
    cpus[0].arch.hcr = HCR_GUEST;
    vcpus[0]->thread = NULL;
    threads[0].vcpu = NULL;
    threads[0].arch.frame.x[0] = CALL_VCPU_ENTER;
    threads[0].arch.frame.x[1] = SLOT;
}

static void test_enter(void **state)
{
    (void)state;
    monitor_runs();
    states[0].regs.sp_el0 = 0x8888;
    states[0].el1.tpidr_el0 = 0x9999;
    states[0].el1.tpidrro_el0 = 0xaaaa;
    assert_true(entered());
    assert_ptr_equal(vcpus[0]->thread, &threads[0]);
    assert_ptr_equal(threads[0].vcpu, vcpus[0]);
    assert_int_equal(threads[0].arch.frame.pc, 0x400004);
    assert_int_equal(threads[0].arch.frame.sp_el0, 0x7000);
    assert_int_equal(fake_sp_el0, 0x8888);
    assert_int_equal(fake_tpidr_el0, 0x9999);
    assert_int_equal(fake_tpidrro_el0, 0xaaaa);
    assert_int_equal(fake_vttbr_el2, 0x2222);
    assert_int_equal(fake_hcr_el2, HCR_GUEST);
    assert_int_equal(cpus[0].arch.side, SIDE_GUEST);
    assert_ptr_equal(cpus[0].arch.resume, guest());
}

static void not_side(void) { cpus[0].arch.side = SIDE_COMPONENT; }
static void not_call(void) { threads[0].arch.frame.x[0] = CALL_VCPU_KICK; }
static void not_slot(void) { threads[0].arch.frame.x[1] = SLOT + 1; }
static void not_table(void) { threads[0].arch.frame.x[1] = UINT64_C(1) << 40; }
static void not_page(void) { threads[0].arch.frame.x[1] = CAPS_PER_PAGE + 1; }
static void not_type(void) { caps[SLOT].type = CAP_VM; }
static void not_dying(void) { caps[SLOT].type |= NODE_DYING; }
static void not_rights(void) { caps[SLOT].rights = RIGHT_KICK; }
static void not_loaded(void) { caps[SLOT].object = &vcpus[1]->object; }
static void not_alive(void) { vcpus[0]->dead = true; }
static void not_unkicked(void) { vcpus[0]->kicked = 1; }
static void not_queued(void) { vcpus[0]->arch.unseen = 1; }
static void not_recheck(void) { vcpus[0]->arch.lr_recheck = 1; }
static void not_posted(void) { vcpus[0]->arch.posted = 1; }
static void not_debugged(void) { states[0].el1.mdscr = 1; }

static void test_enter_refused(void **state)
{
    static void (*const nots[])(void) = {not_side,   not_call,   not_slot,  not_table,    not_page,   not_type,    not_dying,  not_rights,
                                         not_loaded, not_alive, not_unkicked, not_queued, not_recheck, not_posted, not_debugged};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(nots); i++) {
        machine_start(3);
        monitor_runs();
        nots[i]();
        assert_false(entered());
        assert_null(vcpus[0]->thread); /* vcpu_enter() begins from the start */
        assert_null(threads[0].vcpu);
        assert_int_equal(fake_sp_el0, 0x7000);
    }
    machine_start(3);
    monitor_runs();
    vcpus[0]->thread = &threads[1]; /* another one is in it, or stands for one */
    assert_false(entered());
    assert_ptr_equal(vcpus[0]->thread, &threads[1]);
}

/* --- several calls at once ----------------------------------------------------------------------------------------------------- */

static void test_several_calls(void **state)
{
    struct frame *frame = &threads[0].arch.frame;
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        monitor_runs();
        on(0);
        cpus[0].arch.side = i & 1 ? SIDE_COMPONENT : SIDE_MONITOR;
        several_wake = i & 2; /* whoever it is has to be looked for */
        several_status = i & 4 ? STATUS_LIMIT : STATUS_OK;
        frame->x[0] = CALL_MULTICALL;
        frame->x[1] = i + (UINT64_C(1) << 32);
        fake_esr_el2 = (uint64_t)EC_SVC64 << 26;
        unsigned section = cpus[0].section;
        assert_ptr_equal(trapped(frame), several_wake ? rescheduled : frame);
        assert_int_equal(frame->x[0], (uint64_t)several_status);
        assert_ptr_equal(several_of, &threads[0]);
        assert_int_equal(several_count, i + (UINT64_C(1) << 32));
        assert_int_equal(cpus[0].section, section + 2);
        several_wake = cpus[0].resched = false;
    }
}

/* --- from one component to another ------------------------------------------------------------------------------------------------- */

static struct portal portal;
static struct space other_space;

/* Thread 1 waits for calls of the portal, thread 0 is about to call. */
static void component_calls(void)
{
    threads[0].vcpu = threads[1].vcpu = NULL;
    threads[0].cpu = threads[1].cpu = 0;
    threads[0].state = THREAD_READY;
    threads[1].state = THREAD_WAITING;
    threads[1].waiting = WAIT_PORTAL_SERVE;
    threads[1].serving = &portal;
    threads[1].space.space = &other_space;
    other_space.tag.value = 7 << 16 | 6;
    portal = (struct portal){.server = &threads[1], .idle = &cpus[0]};
    caps[SLOT] = (struct cap){.type = CAP_PORTAL, .rights = RIGHT_CALL | RIGHT_SERVE, .object = &portal.object, .size = 77};
    cpus[0].arch.held[2] = (struct tag_holder){other_space.tag.value, 0x3333};
    cpus[0].arch.side = SIDE_COMPONENT;
    cpus[0].arch.resume = &threads[0].arch.frame;
    cpus[0].current = &threads[0];
    cpus[0].others = 0;
    threads[0].arch.frame = (struct frame){.x = {CALL_PORTAL_CALL, SLOT, 1, 2, 3, 4, DEADLINE_NEVER}};
    threads[1].arch = (struct arch_thread){{.pc = 0x500000, .pstate = 0x60000000, .sp_el0 = 0x7100}, 0x7777};
    fake_elr_el2 = 0x400004;
    fake_spsr_el2 = 0x80000000;
    fake_sp_el0 = 0x7000;
    fake_tpidr_el0 = 0x9999;
    fake_isr_el1 = 0;
    fake_esr_el2 = (uint64_t)EC_SVC64 << 26;
    takes = 0;
}

static struct frame *component_trapped(void)
{
    on(0);
    return trapped(&threads[0].arch.frame);
}

static void test_pass(void **state)
{
    const struct frame *caller = &threads[0].arch.frame, *server = &threads[1].arch.frame;
    (void)state;
    component_calls();
    assert_ptr_equal(component_trapped(), passed);
    assert_memory_equal(given, ((uint64_t[]){1, 2, 3, 4, 77}), sizeof given);
    assert_ptr_equal(went_from, caller);
    assert_ptr_equal(went_to, server);
    assert_int_equal(caller->pc, 0x400004);
    assert_int_equal(caller->pstate, 0x80000000);
    assert_int_equal(caller->sp_el0, 0x7000);
    assert_int_equal(threads[0].arch.tpidr_el0, 0x9999);
    assert_int_equal(fake_elr_el2, 0x500000);
    assert_int_equal(fake_spsr_el2, 0x60000000);
    assert_int_equal(fake_sp_el0, 0x7100);
    assert_int_equal(fake_tpidr_el0, 0x7777);
    assert_int_equal(fake_vttbr_el2, 0x3333);
    assert_int_equal(cpus[0].arch.place[PLACE_RUNNING].tag, other_space.tag.value);
    assert_int_equal(cpus[0].arch.place[PLACE_RUNNING].vttbr, 0x3333);
    assert_int_equal(takes, 0);
    assert_int_equal(cpus[0].section & 1, 0);
    assert_ptr_equal(cpus[0].current, &threads[1]);
}

/* The CPU does not hold the other's space. */
static void test_pass_takes(void **state)
{
    (void)state;
    component_calls();
    cpus[0].arch.held[2].tag--;
    assert_ptr_equal(component_trapped(), passed);
    assert_int_equal(takes, 1);
    assert_int_equal(fake_vttbr_el2, 0x4444);
    assert_int_equal(cpus[0].arch.place[PLACE_RUNNING].tag, other_space.tag.value);
    assert_memory_equal(given, ((uint64_t[]){1, 2, 3, 4, 77}), sizeof given);
}

static void test_pass_raise(void **state)
{
    static struct signal signal;
    (void)state;
    component_calls();
    signal = (struct signal){.waiter = &threads[1]};
    caps[SLOT] = (struct cap){.type = CAP_SIGNAL, .rights = RIGHT_RAISE, .object = &signal.object, .size = 7};
    threads[0].arch.frame.x[0] = CALL_SIGNAL_RAISE;
    threads[0].arch.frame.x[2] = 10; /* the capability raises 2 of them */
    threads[1].wait_mask = 2;
    threads[1].priority = (uint8_t)(threads[0].priority + 1);
    assert_ptr_equal(component_trapped(), passed);
    assert_int_equal(given[0], 2);
    assert_int_equal(given[1] | given[2] | given[3] | given[4], 0); /* none of the raiser's registers */
    assert_int_equal(threads[0].arch.frame.x[0], STATUS_OK);
    assert_true(cpus[0].arch.wait_trap);
}

static void looms(void) { fake_isr_el1 = 1 << 8; }
static void is_monitor(void) { cpus[0].arch.side = SIDE_MONITOR; }
static void is_fault(void) { fake_esr_el2 = (uint64_t)EC_DATA_LOWER << 26; }
static void is_other(void) { threads[0].arch.frame.x[0] = CALL_SIGNAL_WAIT; }
static void has_deadline(void) { threads[0].arch.frame.x[6] = 5000; }

/* What is refused is left alone, its registers saved. An SError that is still to come is the caller's. */
static void test_pass_refused(void **state)
{
    static void (*const nots[])(void) = {looms, is_monitor, is_fault, is_other, has_deadline};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(nots) * 2; i++) {
        component_calls();
        if (i & 1) { /* an answer, by thread 0 */
            threads[0].serving = &portal;
            threads[0].arch.frame.x[0] = CALL_PORTAL_WAIT;
            portal = (struct portal){.server = &threads[0], .caller = &threads[1]};
        }
        nots[i / 2]();
        struct thread before = threads[0];
        assert_ptr_equal(component_trapped(), long_way);
        assert_memory_equal(&before, &threads[0], sizeof before);
        assert_int_equal(threads[1].state, THREAD_WAITING);
        assert_int_equal(cpus[0].section & 1, 0);
        assert_ptr_equal(cpus[0].current, &threads[0]);
    }
    component_calls();
    fake_isr_el1 = 1 << 7; /* an interrupt can wait */
    assert_ptr_equal(component_trapped(), passed);
}

#define FAST3(function) cmocka_unit_test_setup_teardown(function, setup_3, teardown)
#define FAST2(function) cmocka_unit_test_setup_teardown(function, setup_2, teardown)

/* --- lines that the monitor turns on and off ---------------------------------------------------------------------------------------- */

enum { VM_SLOT = SLOT + 2 };

/* CALL_VIRQ_SET; true: the short way. */
static bool call_set(uint64_t field, uint64_t first, uint64_t mask)
{
    struct frame *frame = &threads[0].arch.frame;
    on(0);
    frame->x[0] = CALL_VIRQ_SET;
    frame->x[1] = VM_SLOT;
    frame->x[3] = field;
    frame->x[4] = first;
    frame->x[5] = mask;
    fake_esr_el2 = (uint64_t)EC_SVC64 << 26;
    struct frame *next = trapped(frame);
    assert_true(next == frame || next == long_way);
    assert_int_equal(frame->x[0], next ? (uint64_t)STATUS_OK : CALL_VIRQ_SET);
    return next == frame;
}

static void guest_runs(void)
{
    cpus[0].arch.side = SIDE_GUEST;
    arch_vcpu_attend(&cpus[0], vcpus[0]);
}

static void test_lines(void **state)
{
    (void)state;
    caps[VM_SLOT] = (struct cap){.type = CAP_VM, .rights = RIGHT_CONFIGURE, .object = &vm->object};
    edge(SPI);
    monitor_runs();
    assert_true(call_set(VIRQ_DISABLE, 32, UINT64_C(0xf00000000) | 1 << (SPI - 32) | 2 << (SPI - 32))); /* the upper half is ignored */
    assert_int_equal(get(0, VIRQ_ENABLE, 32), ~(UINT32_C(3) << (SPI - 32)));
    raise(SPI, 1);
    assert_int_equal(ack_on(0), NONE);
    assert_true(call_set(VIRQ_ENABLE, 32, 1 << (SPI - 32)));
    assert_int_equal(get(0, VIRQ_ENABLE, 32), ~(UINT32_C(2) << (SPI - 32)));
    assert_true(vcpus[0]->arch.queued); /* enter() sees it */
    guest_runs();
    assert_int_equal(ack_on(0), SPI);
    raise(SPI, 1);
    monitor_runs();
    assert_true(call_set(VIRQ_DISABLE, 32, 1 << (SPI - 32)));
    assert_true(vcpus[0]->arch.lr_recheck);
    guest_runs();
    assert_int_equal(ack_on(0), NONE);
}

static void test_lines_refused(void **state)
{
    (void)state;
    caps[VM_SLOT] = (struct cap){.type = CAP_VM, .rights = RIGHT_CONFIGURE, .object = &vm->object};
    set(0, VIRQ_TARGET, SPI + 1, 1);
    monitor_runs();
    for (unsigned field = VIRQ_PEND; field <= VIRQ_FORWARDING + 1; field++)
        assert_false(call_set(field, 32, 1 << (SPI - 32)));
    assert_false(call_set(UINT64_C(1) << 32, 32, 1));
    assert_false(call_set(VIRQ_DISABLE, 0, 1)); /* private */
    assert_false(call_set(VIRQ_DISABLE, 33, 1));
    assert_false(call_set(VIRQ_DISABLE, VM_LINES, 1));
    assert_false(call_set(VIRQ_DISABLE, UINT64_C(1) << 32, 1));
    assert_false(call_set(VIRQ_DISABLE, 32, 3 << (SPI - 32))); /* one of them another vCPU's: none at all */
    assert_int_equal(get(0, VIRQ_ENABLE, 32), UINT32_MAX);
    threads[0].arch.frame.x[2] = UINT64_C(1) << 32;
    assert_false(call_set(VIRQ_DISABLE, 32, 1));
    threads[0].arch.frame.x[2] = 0;
    caps[VM_SLOT].rights = RIGHT_RAISE;
    assert_false(call_set(VIRQ_DISABLE, 32, 1));
    caps[VM_SLOT] = (struct cap){.type = CAP_VM, .rights = RIGHT_CONFIGURE, .object = &vcpus[1]->object};
    assert_false(call_set(VIRQ_DISABLE, 32, 1));
    caps[VM_SLOT].object = &vm->object;
    cpus[0].arch.side = SIDE_COMPONENT;
    assert_false(call_set(VIRQ_DISABLE, 32, 1));
    cpus[0].arch.side = SIDE_MONITOR;
    assert_true(call_set(VIRQ_DISABLE, 32, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAST3(test_linked), FAST3(test_linked_not_allowed), FAST3(test_linked_busy), FAST3(test_linked_refused), FAST3(test_linked_priority),
        FAST2(test_linked), FAST3(test_linked_in_turns), FAST2(test_linked_in_turns), FAST3(test_timer_linked), FAST2(test_timer_linked), FAST2(test_timer_unlinked), FAST3(test_sgi),
        FAST3(test_sgi_merged), FAST2(test_sgi_merged), FAST3(test_sgi_disabled), FAST2(test_sgi_disabled), FAST3(test_sgi_refused),
        FAST3(test_sgi_queue), FAST2(test_sgi_queue), FAST2(test_senders_v2), FAST2(test_sgir_refused), FAST3(test_posted_counts),
        FAST3(test_identification), FAST3(test_answers), FAST3(test_exit), FAST3(test_exit_big_endian), FAST3(test_exit_refused),
        FAST3(test_enter), FAST3(test_enter_refused), FAST3(test_lines), FAST3(test_lines_refused), FAST3(test_several_calls),
        FAST3(test_pass), FAST3(test_pass_takes), FAST3(test_pass_raise), FAST3(test_pass_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
