/*
 * From one guest to the next (switch.c): every register goes out and comes in, threads and timers are as the scheduler would leave them, and each
 * condition under which the long way has to do it. A register that is missing in a list, or a check, makes a row of a table red.
 */
#include "vgic_machine.h"

enum { PASSES = 2, RESCHEDULES = 3 /* vgic_machine.h */, WAY = 2, HOLDER = PLACE_LOADED * PLACE_WAYS + WAY, PC = 0x1000, OFFSET = 5000, TI_WFE = 1, AARCH32 = 1 << 4, SERROR = 1 << 8, MDSCR = 1 << 12 };

static struct vcpu_state states[VCPUS];
static struct vm other_vm;
static struct choice chosen;
static unsigned left;
static void (*while_leaving)(void);

static struct choice leave_of_test(struct scheduler *scheduler, struct thread *thread)
{
    assert_ptr_equal(scheduler, &cpus[0].scheduler);
    assert_ptr_equal(thread, &threads[0]);
    left++;
    if (while_leaving)
        while_leaving();
    return chosen;
}

static const struct policy policy = {.leave = leave_of_test};

/* What a guest has, but for what vgic_machine.h knows of: the processor's, and where it lies. */
#define REGISTER(name, field) {#name, &fake_##name, offsetof(struct vcpu_state, field)}
static const struct {
    const char *name;
    uint64_t *processor;
    size_t offset;
} registers[] = {
    REGISTER(ttbr0_el1, el1.ttbr0),         REGISTER(ttbr1_el1, el1.ttbr1),           REGISTER(tcr_el1, el1.tcr),               REGISTER(mair_el1, el1.mair),
    REGISTER(vbar_el1, el1.vbar),           REGISTER(esr_el1, el1.esr),               REGISTER(far_el1, el1.far),               REGISTER(elr_el1, el1.elr),
    REGISTER(spsr_el1, el1.spsr),           REGISTER(sp_el1, el1.sp),                 REGISTER(par_el1, el1.par),               REGISTER(contextidr_el1, el1.contextidr),
    REGISTER(tpidr_el1, el1.tpidr),         REGISTER(csselr_el1, el1.csselr),         REGISTER(cntv_cval_el0, el1.cntv_cval),   REGISTER(tpidr_el0, el1.tpidr_el0),
    REGISTER(tpidrro_el0, el1.tpidrro_el0), REGISTER(cpacr_el1, el1.cpacr),           REGISTER(cntkctl_el1, el1.cntkctl),       REGISTER(sctlr_el1, el1.sctlr),
    REGISTER(sp_el0, regs.sp_el0),
};

static uint64_t *place(unsigned vcpu, unsigned i)
{
    return (uint64_t *)(void *)((char *)&states[vcpu] + registers[i].offset);
}

static uint64_t value(unsigned vcpu, unsigned i)
{
    return 1000 * (vcpu + 1) + i;
}

/* vCPU 0 runs on CPU 0; vCPU 1 of another VM was there before, and is ready. */
static int switch_setup(void **state)
{
    (void)state;
    start(3, 4);
    unload(1);
    on(0);
    memset(states, 0, sizeof states);
    memset(threads, 0, sizeof threads);
    for (unsigned i = 0; i < VCPUS; i++) {
        vcpus[i]->state = &states[i];
        vcpus[i]->cpu = 0;
        vcpus[i]->arch.hcr = 0x80 + i;
        vcpus[i]->arch.vmpidr = 0x90 + i;
        vcpus[i]->arch.counter_offset = OFFSET * (i + 1);
        vcpus[i]->arch.interface = (struct gic_interface){0xa0 + i, {0xb0 + i, 0xc0 + i}};
        threads[i].vcpu = vcpus[i];
        threads[i].state = THREAD_READY;
        states[i].el1.mdscr = MDSCR;
    }
    vcpus[1]->vm = &other_vm;
    vcpus[1]->arch.way = WAY;
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        *registers[i].processor = value(0, i);
        *place(1, i) = value(1, i);
    }
    states[1].el1.cntv_ctl = 1;
    fakes[0].timer_control = 1;
    fake_ich_vmcr_el2 = 0xa0, fake_ich_ap0r0_el2 = 0xb0, fake_ich_ap1r0_el2 = 0xc0;
    fake_cnthp_cval_el2 = fake_cnthp_ctl_el2 = fake_isr_el1 = 0;
    fake_elr_el2 = PC;
    fake_spsr_el2 = 5;
    struct cpu *cpu = &cpus[0];
    cpu->arch.resume = &states[0].regs;
    cpu->arch.last[WAY] = vcpus[1];
    cpu->arch.held[HOLDER].tag = 0x10006;
    cpu->arch.held[HOLDER].vttbr = 0x4444;
    cpu->arch.mdscr = MDSCR;
    cpu->current = &threads[0];
    cpu->timer_armed = cpu->slice_end = UINT64_MAX;
    cpu->scheduler.policy = &policy;
    chosen = (struct choice){&threads[1], 0};
    left = 0;
    while_leaving = NULL;
    fp_followed = NULL;
    return 0;
}

static uint64_t wait_by(uint64_t iss)
{
    fake_esr_el2 = (uint64_t)EC_WFX << 26 | iss;
    return cpus[0].arch.debugging ? 0 : (uint64_t)(uintptr_t)fast_sync(&cpus[0], &states[0].regs); /* the vector looks at that */
}

static void check_registers(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        if (*registers[i].processor != value(1, i) || *place(0, i) != value(0, i))
            fail_msg("%s", registers[i].name);
    }
    assert_int_equal(states[0].el1.cntv_ctl, 1);
    assert_int_equal(fakes[0].timer_control, 1);
    assert_int_equal(fake_vmpidr_el2, 0x91);
    assert_int_equal(fake_cntvoff_el2, 2 * OFFSET);
    assert_int_equal(fake_vttbr_el2, 0x4444);
    assert_int_equal(fake_ich_vmcr_el2, 0xa1);
    assert_int_equal(fake_ich_ap0r0_el2, 0xb1);
    assert_int_equal(fake_ich_ap1r0_el2, 0xc1);
    assert_int_equal(vcpus[0]->arch.interface.vmcr, 0xa0);
    assert_int_equal(vcpus[0]->arch.interface.apr[0], 0xb0);
    assert_int_equal(vcpus[0]->arch.interface.apr[1], 0xc0);
    assert_ptr_equal(cpus[0].loaded, vcpus[1]);
    assert_ptr_equal(cpus[0].arch.resume, &states[1].regs);
    assert_int_equal(cpus[0].arch.place[PLACE_LOADED].tag, 0x10006);
    assert_int_equal(cpus[0].arch.place[PLACE_LOADED].vttbr, 0x4444);
    assert_int_equal(cpus[0].arch.side, SIDE_GUEST);
}

/* --- a guest that waits ---------------------------------------------------------------------------------------------------------- */

static void test_wait(void **state)
{
    (void)state;
    assert_int_equal(wait_by(0), PASSES);
    check_registers();
    assert_int_equal(fake_hcr_el2, 0x81);
    assert_ptr_equal(went_from, &states[0].regs);
    assert_int_equal(states[0].regs.pc, PC + 4);
    assert_int_equal(states[0].regs.pstate, 5);
    assert_int_equal(threads[0].state, THREAD_WAITING);
    assert_int_equal(threads[0].waiting, WAIT_INTERRUPT);
    assert_ptr_equal(cpus[0].current, &threads[1]);
    assert_int_equal(threads[1].switches, 1);
    assert_null(fp_followed);
}

/* The kernel's timer takes the guest's over, and the next one's time slice. */
static void test_wait_timer(void **state)
{
    (void)state;
    uint64_t cval = *registers[14].processor;
    assert_string_equal(registers[14].name, "cntv_cval_el0");
    wait_by(0);
    assert_ptr_equal(cpus[0].timers, &threads[0]);
    assert_true(threads[0].timer_queued);
    assert_int_equal(threads[0].deadline, cval + OFFSET);
    assert_int_equal(fake_cnthp_cval_el2, cval + OFFSET);
    assert_int_equal(cpus[0].timer_armed, cval + OFFSET);
    assert_int_equal(fake_cnthp_ctl_el2, 1);
}

/* The highest value that a guest can write is never, not long ago. */
static void test_wait_for_ever(void **state)
{
    (void)state;
    *registers[14].processor = UINT64_MAX - OFFSET + 1;
    assert_int_equal(wait_by(0), PASSES);
    assert_int_equal(threads[0].deadline, UINT64_MAX);
    assert_int_equal(fake_cnthp_ctl_el2, 0);
}

/* … behind one that is due before; and others: their slices, and WFI traps. */
static void test_wait_others(void **state)
{
    (void)state;
    static struct thread sooner;
    sooner = (struct thread){.deadline = 10, .timer_queued = true};
    cpus[0].timers = &sooner;
    chosen.others = UINT64_C(1) << threads[1].priority;
    assert_int_equal(wait_by(0), PASSES);
    assert_ptr_equal(sooner.timer_next, &threads[0]);
    assert_int_equal(fake_cnthp_cval_el2, 10);
    assert_int_equal(cpus[0].slice_end, 777);
    assert_int_equal(cpus[0].others, UINT64_C(1) << threads[1].priority);
    assert_int_equal(fake_hcr_el2, 0x81 | HCR_TWI);
    assert_true(cpus[0].arch.wait_trap);
}

/* … before one that is due later. */
static void test_wait_before_others(void **state)
{
    (void)state;
    static struct thread later;
    later = (struct thread){.deadline = UINT64_MAX - 1, .timer_queued = true};
    cpus[0].timers = &later;
    assert_int_equal(wait_by(0), PASSES);
    assert_ptr_equal(cpus[0].timers, &threads[0]);
    assert_ptr_equal(threads[0].timer_next, &later);
    assert_int_equal(fake_cnthp_cval_el2, threads[0].deadline);
}

static void test_wait_without_timer(void **state)
{
    fakes[0].timer_control = 0;
    assert_int_equal(wait_by(0), PASSES);
    assert_null(cpus[0].timers);
    assert_int_equal(fake_cnthp_ctl_el2, 0);
    teardown(state);
    switch_setup(state);
    fakes[0].timer_control = 3; /* masked */
    cpus[0].timer_armed = 50;
    chosen.others = UINT64_C(2) << threads[1].priority;
    assert_int_equal(wait_by(0), PASSES);
    assert_null(cpus[0].timers);
    assert_int_equal(fake_cnthp_cval_el2, UINT64_MAX); /* what was armed for is no more */
    assert_int_equal(fake_cnthp_ctl_el2, 0);
}

/* FP registers are looked at if either has to do with them. */
static void test_fp(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        cpus[0].arch.fp_owner = i < 2 ? vcpus[i] : NULL;
        vcpus[1]->arch.fp_turns = i == 2;
        assert_int_equal(wait_by(0), PASSES);
        assert_ptr_equal(fp_followed, vcpus[1]);
        teardown(state);
        switch_setup(state);
    }
}

/* A list register that was emptied stays its line's, which comes again; the timer's physical interrupt is no longer the vCPU's. */
static void test_emptied(void **state)
{
    (void)state;
    unsigned line = SPI;
    edge(line);
    raise(line, 1);
    assert_int_equal(ack_on(0), line);
    assert_true(vcpus[0]->arch.lr_used);
    vcpus[0]->arch.lr_live = 1; /* of the last time */
    timer_setup();
    timer_fire(0);
    fakes[0].timer_control = 1;
    assert_int_equal(ack_on(0), 27);
    assert_true(vcpus[0]->arch.timer_owned);
    assert_int_equal(wait_by(0), PASSES);
    assert_false(vcpus[0]->arch.timer_owned);
    assert_int_equal(vcpus[0]->arch.lr_live, 0);
    cpus[0].loaded = NULL;
    assert_false(arch_vcpu_pending(vcpus[0]));
    raise(line, 1);
    assert_true(arch_vcpu_pending(vcpus[0])); /* a wake-up is lost otherwise */
}

/* --- conditions ------------------------------------------------------------------------------------------------------------------ */

static void not_posted(void) { vcpus[0]->arch.posted = 1; }
static void not_queued(void) { vcpus[0]->arch.queued = 1; }
static void not_recheck(void) { vcpus[0]->arch.lr_recheck = 1; }
static void not_active(void) { vcpus[0]->arch.active_in_memory = 1; }
static void not_special(void) { vcpus[0]->arch.special = SPECIAL_AARCH32; }
static void not_live(void) { raise(SPI, 1); }
static void not_owned(void) { vcpus[0]->arch.timer_owned = true; }
static void not_aarch64(void) { fake_spsr_el2 |= AARCH32; }
static void not_serror(void) { fake_isr_el1 = SERROR; }
static void not_debugging(void) { cpus[0].arch.debugging = true; }
static void (*const may_not_go[])(void) = {not_posted, not_queued, not_recheck, not_active, not_special, not_live, not_owned, not_aarch64, not_serror, not_debugging};

static void test_wait_refused(void **state)
{
    for (unsigned i = 0; i <= ARRAY_SIZE(may_not_go); i++) {
        if (i < ARRAY_SIZE(may_not_go))
            may_not_go[i]();
        if (wait_by(i == ARRAY_SIZE(may_not_go) ? TI_WFE : 0) || left || threads[0].state != THREAD_READY || fake_elr_el2 != PC || cpus[0].loaded != vcpus[0])
            fail_msg("condition %u", i);
        teardown(state);
        switch_setup(state);
    }
}

static void no_queue(void) { vcpus[1]->arch.queued = 1; }
static void no_recheck(void) { vcpus[1]->arch.lr_recheck = 1; }
static void no_active(void) { vcpus[1]->arch.active_in_memory = 1; }
static void no_special(void) { vcpus[1]->arch.special = SPECIAL_GIC; }
static void no_live(void) { vcpus[1]->arch.lr_live = 1; }
static void no_owned(void) { vcpus[1]->arch.timer_owned = true; }
static void no_posted(void) { vcpus[1]->arch.posted = 1; }
static void no_kick(void) { vcpus[1]->kicked = 1; }
static void no_last(void) { cpus[0].arch.last[WAY] = vcpus[0]; }
static void no_mdscr(void) { states[1].el1.mdscr = 0; }
static void (*const may_not_come[])(void) = {no_queue, no_recheck, no_active, no_special, no_live, no_owned, no_posted, no_kick, no_last, no_mdscr};

static void no_thread(void) { chosen.thread = NULL; }
static void no_guest(void) { threads[1].vcpu = NULL; }
static void posts(void) { vcpus[0]->arch.posted = 2; }
static void no_silence(void) { while_leaving = posts; } /* from another CPU, which has seen it loaded */

/* It waits, but the scheduler has to do the rest. */
static void check_rescheduled(void **state, void (*spoil)(void), unsigned number)
{
    spoil();
    if (wait_by(0) != RESCHEDULES || !cpus[0].resched || threads[0].state != THREAD_WAITING || threads[0].waiting != WAIT_INTERRUPT || fake_elr_el2 != PC + 4 ||
        cpus[0].loaded != vcpus[0] || cpus[0].current != &threads[0] || cpus[0].arch.resume != &states[0].regs || threads[0].timer_queued)
        fail_msg("condition %u", number);
    teardown(state);
    switch_setup(state);
}

static void test_rescheduled(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(may_not_come); i++)
        check_rescheduled(state, may_not_come[i], i);
    check_rescheduled(state, no_thread, 100);
    check_rescheduled(state, no_guest, 101);
    check_rescheduled(state, no_silence, 102);
}

/* --- a guest that is interrupted --------------------------------------------------------------------------------------------------- */

static void test_switch(void **state)
{
    (void)state;
    cpus[0].arch.wait_trap = true;
    assert_true(guest_switch(&cpus[0], vcpus[0], vcpus[1]));
    check_registers();
    assert_int_equal(fake_hcr_el2, 0x81 | HCR_TWI);
    assert_int_equal(threads[0].state, THREAD_READY);
    assert_null(cpus[0].timers);
}

static void test_switch_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_SIZE(may_not_go) + ARRAY_SIZE(may_not_come); i++) {
        bool goes = i >= ARRAY_SIZE(may_not_go);
        void (*spoil)(void) = goes ? may_not_come[i - ARRAY_SIZE(may_not_go)] : may_not_go[i];
        if (spoil == not_aarch64 || spoil == not_serror || spoil == not_posted) /* the interrupt's way has seen to them, or the next one's attending will */
            continue;
        spoil();
        if (guest_switch(&cpus[0], vcpus[0], vcpus[1]) || cpus[0].loaded != vcpus[0])
            fail_msg("condition %u", i);
        teardown(state);
        switch_setup(state);
    }
}

#define SWITCH(function) cmocka_unit_test_setup_teardown(function, switch_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWITCH(test_wait), SWITCH(test_wait_timer), SWITCH(test_wait_for_ever), SWITCH(test_wait_others), SWITCH(test_wait_before_others), SWITCH(test_wait_without_timer),
        SWITCH(test_fp), SWITCH(test_emptied), SWITCH(test_wait_refused), SWITCH(test_rescheduled), SWITCH(test_switch),            SWITCH(test_switch_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
