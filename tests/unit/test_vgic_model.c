/*
 * Virtual interrupts against a model of what a distributor and a CPU interface do: random sequences of everything that devices, the VMM,
 * the guest and the kernel's own switching can do. After each step that leaves no maintenance interrupt due, each loaded vCPU must be offered
 * exactly what the model says is most urgent.
 */
#include "vgic_machine.h"

enum { STEPS = 60000, SEEDS = 6, FIRST = 32, LINES = 14, LRS = 3 };

static struct line {
    bool enabled, edge, level, latch, active;
    unsigned priority, target;
} lines[LINES];
static struct stack {
    unsigned depth, line[LINES + 1]; /* acknowledged and not ended, the innermost last */
} stacks[VCPUS];
static uint64_t random_state;

static unsigned pick(unsigned count)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(random_state >> 33) % count;
}

static bool pending(const struct line *line)
{
    return line->latch || (!line->edge && line->level);
}

static unsigned running_of(unsigned vcpu)
{
    const struct stack *stack = &stacks[vcpu];
    return stack->depth ? lines[stack->line[stack->depth - 1]].priority : 256;
}

/* Priority of the most urgent line that the vCPU could take now; 256: none. */
static unsigned best_of(unsigned vcpu)
{
    unsigned best = 256;
    for (unsigned i = 0; i < LINES; i++) {
        const struct line *line = &lines[i];
        if (line->target == vcpu && line->enabled && !line->active && pending(line) && line->priority < best)
            best = line->priority;
    }
    return best < running_of(vcpu) ? best : 256;
}

/* --- what must hold ------------------------------------------------------------------------------------------------------- */

static void check_list_registers(unsigned vcpu)
{
    bool seen[LINES] = {false};
    for (unsigned n = 0; n < gic.lr_count; n++) {
        uint64_t raw = fakes[vcpu].lr[n];
        unsigned i = lr_line_of(raw) - FIRST;
        if (!lr_state_of(raw))
            continue;
        assert_true(i < LINES);
        assert_false(seen[i]); /* one list register for each */
        seen[i] = true;
        assert_int_equal(!!(lr_state_of(raw) & LR_ACTIVE), lines[i].active);
        if (lr_state_of(raw) & LR_PENDING) /* nothing that is not pending and allowed is offered */
            assert_true(pending(&lines[i]) && lines[i].enabled && lines[i].target == vcpu);
    }
}

static void check(unsigned vcpu)
{
    if (!cpus[vcpu].loaded)
        return;
    on(vcpu);
    maintain();
    check_list_registers(vcpu);
    int n = lr_best(guest_running());
    assert_int_equal(n < 0 ? 256 : lr_priority_of(fakes[vcpu].lr[n]), best_of(vcpu));
}

/* --- what can happen ---------------------------------------------------------------------------------------------------------- */

static void step_level(unsigned i)
{
    unsigned level = pick(2);
    raise(FIRST + i, level);
    if (lines[i].edge)
        lines[i].latch |= level;
    else
        lines[i].level = level;
}

static void step_enable(unsigned i)
{
    bool on_or_off = pick(3);
    set_line(0, on_or_off ? VIRQ_ENABLE : VIRQ_DISABLE, FIRST + i);
    lines[i].enabled = on_or_off;
}

static void step_pend(unsigned i)
{
    bool on_or_off = pick(2);
    set_line(0, on_or_off ? VIRQ_PEND : VIRQ_UNPEND, FIRST + i);
    lines[i].latch = on_or_off;
}

/* What is active keeps its priority and its vCPU, as guests do it. */
static void step_priority(unsigned i)
{
    if (lines[i].active)
        return;
    lines[i].priority = pick(8) * 32;
    set(0, VIRQ_PRIORITY, FIRST + i, lines[i].priority);
}

static void step_target(unsigned i)
{
    static const unsigned targets[] = {0, 1, VM_VCPUS};
    if (lines[i].active)
        return;
    lines[i].target = targets[pick(3)];
    set(0, VIRQ_TARGET, FIRST + i, lines[i].target);
}

static void step_get(unsigned i)
{
    (void)i;
    uint64_t pending_mask = get(0, VIRQ_PEND, FIRST), active_mask = get(0, VIRQ_ACTIVATE, FIRST);
    for (unsigned j = 0; j < LINES; j++) {
        assert_int_equal(pending_mask >> j & 1, pending(&lines[j]));
        assert_int_equal(active_mask >> j & 1, lines[j].active);
    }
}

/* The guest acknowledges; more often than it ends, so that it nests. */
static void step_ack(unsigned i)
{
    unsigned vcpu = pick(VCPUS);
    (void)i;
    if (!cpus[vcpu].loaded)
        return;
    on(vcpu);
    if (fake_read_ich_misr_el2())
        return; /* the maintenance interrupt comes first */
    unsigned number = guest_ack();
    assert_int_equal(number == NONE, best_of(vcpu) == 256);
    if (number == NONE)
        return;
    struct line *line = &lines[number - FIRST];
    assert_int_equal(line->priority, best_of(vcpu));
    assert_true(line->target == vcpu && line->enabled && !line->active && pending(line));
    line->latch = false;
    line->active = true;
    stacks[vcpu].line[stacks[vcpu].depth++] = number - FIRST;
}

static void step_end(unsigned i)
{
    unsigned vcpu = pick(VCPUS);
    struct stack *stack = &stacks[vcpu];
    (void)i;
    if (!cpus[vcpu].loaded || !stack->depth)
        return;
    on(vcpu);
    unsigned ended = stack->line[--stack->depth];
    lines[ended].active = false;
    guest_eoi(FIRST + ended);
}

static void step_switch(unsigned i)
{
    unsigned vcpu = pick(VCPUS);
    (void)i;
    if (cpus[vcpu].loaded)
        unload(vcpu);
    else
        load(vcpu);
}

static void (*const steps[])(unsigned i) = {
    step_level, step_level, step_level, step_level, step_level, step_enable, step_pend, step_priority, step_target,
    step_get,   step_ack,   step_ack,   step_ack,   step_ack,   step_end,    step_end,  step_end,      step_switch,
};

static void run(unsigned seed)
{
    random_state = seed;
    start(3, LRS);
    memset(stacks, 0, sizeof stacks);
    set(0, VIRQ_DISABLE, FIRST, UINT32_MAX);
    set(0, VIRQ_EDGE, FIRST, 0x55555555);
    for (unsigned i = 0; i < LINES; i++) {
        lines[i] = (struct line){.edge = !(i % 2)};
        step_enable(i);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        on(pick(VCPUS)); /* whoever does it may be on either CPU */
        steps[pick(sizeof steps / sizeof steps[0])](pick(LINES));
        if (pick(3)) { /* else the maintenance interrupt is a little late */
            for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++)
                check(vcpu);
        }
    }
    teardown(NULL);
}

static void test_model(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
