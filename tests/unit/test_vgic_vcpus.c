/* Virtual interrupts between vCPUs: SGIs, other targets, vCPUs that come and go; and what the VMM reads and writes. */
#include "vgic_machine.h"

/* --- SGIs ------------------------------------------------------------------------------------------------------------------------------ */

static void sgi1r(unsigned from, uint64_t value)
{
    on(from);
    vgic_sgi1r_write(&cpus[from], vcpus[from], value);
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

/* While somebody more urgent runs on the target's CPU they wait, so that the next one of that number interrupts nobody; in its sleep or in its turn it gets them. */
static void test_sgi_not_its_turn(void **state)
{
    struct thread urgent = {0};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        cpus[1].current = &urgent;
        cpus[1].arch.side = SIDE_COMPONENT;
        threads[1].waiting = WAIT_NONE;
        sgi1r(0, 5u << 24 | 2);
        assert_int_equal(vcpus[1]->arch.posted, 1u << 5);
        if (i)
            cpus[1].current = &threads[1];
        else
            threads[1].waiting = WAIT_INTERRUPT;
        on(1);
        vgic_posted(&cpus[1]);
        assert_int_equal(vcpus[1]->arch.posted, 0);
        assert_int_equal(ack_on(1), 5);
    }
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

static void goes_to_cpu_1(void)
{
    load_on(1, 0);
}

/* Red when the VMM's look takes what was saved of a vCPU's list registers while another CPU loads them: one interrupt comes twice, the end of the other is lost. */
static void test_settled_while_it_moves(void **state)
{
    (void)state;
    edge(SPI);
    edge(SPI + 1);
    priority(SPI + 1, 0xa0);
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    raise(SPI + 1, 1);
    unload(0);
    unload(1);
    meanwhile = goes_to_cpu_1;
    assert_int_equal(get(0, VIRQ_PEND, 32), 1u << (SPI + 1 - 32));
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 1u << (SPI - 32));
    on(1);
    guest_eoi(SPI);
    assert_int_equal(ack_on(1), SPI + 1);
    assert_int_equal(ack_on(1), NONE);
    assert_int_equal(get(0, VIRQ_ACTIVATE, 32), 0);
}

/*
 * The word that another CPU left for a list register comes late: its line has been ended and delivered again in another one by then.
 * The same number in two list registers is what no GIC puts up with.
 */
static void test_late_word(void **state)
{
    (void)state;
    sgi1r(0, 1u << 24 | 1);
    sgi1r(0, 5u << 24 | 1); /* in the second list register */
    assert_int_equal(guest_ack(), 1);
    guest_eoi(1);
    assert_int_equal(guest_ack(), 5);
    unload(0);
    load(0); /* the first one is free now */
    notices_held = true;
    sgi1r(1, 5u << 24 | 1);
    on(0);
    guest_eoi(5);
    sgi1r(0, 5u << 24 | 1);
    arch_vcpu_attend(&cpus[0], vcpus[0]);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(lrs_with(5), 1);
        sgi1r(0, 5u << 24 | 1);
        arch_vcpu_attend(&cpus[0], vcpus[0]);
    }
    assert_int_equal(ack_on(0), 5);
    assert_int_equal(ack_on(0), NONE);
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

/* One vCPU takes the active state, or the pending one, from another's timer: it is that CPU's physical interrupt which may come again, no other's. */
static void test_timer_of_another(void **state)
{
    (void)state;
    timer_setup();
    timer_fire(0);
    timer_fire(1);
    on(1);
    assert_int_equal(guest_ack(), 27);
    on(0);
    set(1, VIRQ_DEACTIVATE, 0, 1u << 27);
    assert_true(fakes[0].active_private[27]);
    assert_false(fakes[1].active_private[27]);
    set(0, VIRQ_UNPEND, 0, 1u << 27);
    assert_false(fakes[0].active_private[27]);
    timer_fire(0); /* asserted still */
    assert_int_equal(ack_on(0), 27);
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
        assert_int_equal(lr_state_of(fakes[0].lr[n]), 0);
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
    load(0); /* the lines are up still */
    for (unsigned i = 8; i < 16; i++)
        raise(SPI + i, 1);
    for (unsigned i = 4; i < 8; i++)
        raise(SPI + i, 0);
    for (unsigned i = 0; i < 12; i++) {
        unsigned line = guest_ack();
        assert_true(line - SPI < 4 || (line - SPI >= 8 && line - SPI < 16));
        raise(line, 0);
        guest_eoi(line);
        maintain();
    }
    assert_int_equal(guest_ack(), NONE);
    assert_int_equal(vcpus[0]->arch.queued, 0);
}

/* … and a physical interrupt that the old one had taken and not ended, in a list register or out of it, may come again. */
static void test_made_again_active(void **state)
{
    (void)state;
    virq_at(vm, NULL, SPI)->physical = SPI;
    gic_set_active(SPI, true);
    raise(SPI, 1);
    assert_int_equal(guest_ack(), SPI);
    vm->vcpus[0] = NULL;
    unload(0);
    arch_vcpu_detach(vcpus[0]);
    memset(vcpus[0], 0, sizeof *vcpus[0]);
    vcpus[0]->vm = vm;
    vgic_vcpu_reset(vcpus[0]);
    vm->vcpus[0] = vcpus[0];
    assert_false(active_shared[SPI]);
    load(0);
    assert_false(arch_vcpu_pending(vcpus[0]));
    raise(SPI, 1);
    assert_true(arch_vcpu_pending(vcpus[0]));
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
    const struct CMUnitTest tests[] = {
        V3(test_sgi_v3), V3(test_sgi_not_its_turn), V2(test_sgi_v2), V2(test_sgi_evicted), V3(test_fields), V3(test_pend), V3(test_retarget),
        V3(test_retarget_active), V3(test_unload), V3(test_remote), V3(test_late_word), V3(test_settled_while_it_moves), V3(test_end_and_again),
        V3(test_timer_of_another), V3(test_unload_without_vm), V3(test_made_again), V3(test_made_again_active), V3(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
