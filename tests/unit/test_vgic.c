/* Virtual interrupts: what a guest sees of them, with few list registers; and of its timer. */
#include "vgic_machine.h"

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

/* Edge-triggered lines, each more urgent than the one before. (Afterwards: what the VMM sets brings list registers to memory.) */
static void ladder(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        edge(SPI + i);
        priority(SPI + i, 0xf0 - 16 * i);
    }
}

/* Nested deeper than there are list registers: active ones make room, and their ends are counted. */
static void test_active_eviction(void **state)
{
    enum { DEPTH = 7 };
    (void)state;
    ladder(DEPTH);
    for (unsigned i = 0; i < DEPTH; i++) {
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
    }
    assert_int_equal(vcpus[0]->arch.active_in_memory, DEPTH - 4);
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
    ladder(4);
    priority(SPI + 9, 0x10);
    for (unsigned i = 0; i < 4; i++) {
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
        raise(SPI + i, 1);
    }
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
        ladder(5);
        edge(SPI + 9);
        for (unsigned i = 0; i < 5; i++) {
            raise(SPI + i, 1);
            assert_int_equal(guest_ack(), SPI + i);
        }
        for (unsigned i = 5; i-- > 1;)
            guest_eoi(SPI + i);
        maintain();
        guest_eoi(SPI); /* in no list register */
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

/* --- the timer ---------------------------------------------------------------------------------------------------------------------------- */

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
    ladder(4);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
    for (unsigned i = 0; i < 4; i++) {
        raise(SPI + i, 1);
        assert_int_equal(guest_ack(), SPI + i);
    }
    assert_true(fakes[0].active_private[27]);
    for (unsigned i = 4; i-- > 0;)
        guest_eoi(SPI + i);
    guest_eoi(27);
    maintain();
    assert_false(fakes[0].active_private[27]);
    unload(0);
    load(0);
    assert_false(fakes[0].active_private[27]); /* it is not the vCPU's any more */
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
}

/* In the handler for one that came by the short way: the list register was there, nothing else knows of it. */
static void timer_again(void)
{
    timer_setup();
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
    guest_eoi(27);
    unload(0);
    load(0);
    timer_fire(0);
    assert_int_equal(guest_ack(), 27);
}

/* Red when the end of the last interrupt disowns the next one: PPI 27 stays active for the next vCPU on this CPU, whose timer is silent then. */
static void test_timer_again_off(void **state)
{
    (void)state;
    timer_again();
    set_line(0, VIRQ_DISABLE, 27);
    guest_eoi(27);
    timer_fire(0);
    assert_int_equal(guest_ack(), NONE);
    unload(0);
    assert_false(fakes[0].active_private[27]);
    load(0);
    assert_true(fakes[0].active_private[27]); /* no storm */
    timer_setup();
    assert_int_equal(guest_ack(), 27);
    guest_eoi(27);
    assert_false(fakes[0].active_private[27]);
}

/* The same without the guest's doing: all list registers are taken by more urgent ones. */
static void test_timer_again_crowded(void **state)
{
    (void)state;
    set(0, VIRQ_PRIORITY, 27, 0xf8);
    timer_again();
    ladder(5);
    for (unsigned i = 0; i < 5; i++)
        raise(SPI + i, 1);
    guest_eoi(27);
    timer_fire(0);
    unload(0);
    assert_false(fakes[0].active_private[27]);
    load(0);
    assert_true(fakes[0].active_private[27]);
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
    arch_virq_link(vm, SPI, 77);
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

/* Red when what the guest takes back before it saw it leaves the device's interrupt active: nobody would end it, and the device were silent. */
static void test_forwarded_unpended(void **state)
{
    (void)state;
    arch_virq_link(vm, SPI, 77);
    set_line(0, VIRQ_DISABLE, SPI);
    active_shared[77] = true;
    raise(SPI, 1);
    set_line(0, VIRQ_UNPEND, SPI);
    assert_false(active_shared[77]);
    set_line(0, VIRQ_ENABLE, SPI);
    active_shared[77] = true;
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    set_line(0, VIRQ_UNPEND, SPI);
    assert_true(active_shared[77]); /* the guest is in its handler */
    set_line(0, VIRQ_DEACTIVATE, SPI);
    assert_false(active_shared[77]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        V3(test_edge), V3(test_level), V3(test_disable), V3(test_forwarding), V3(test_overflow), V3(test_eviction),
        V3(test_active_eviction), V3(test_active_and_pending), V3(test_counted_end), V3(test_timer),
        V3(test_timer_switch), V3(test_timer_silenced), V3(test_timer_nobody), V3(test_timer_evicted),
        V2(test_timer_unlinked), V3(test_forwarded),   V3(test_timer_again_off),
        V3(test_timer_again_crowded), V3(test_forwarded_unpended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
