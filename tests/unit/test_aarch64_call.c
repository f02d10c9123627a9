/*
 * The calls that only AArch64 has: rights and bounds; and the life of a forwarded interrupt. kernel/arch/aarch64/call.c and kernel/core/irq.c on the fake
 * GIC, with a table of a few capabilities.
 */
#include "fake_gic.h"

#include "../../kernel/arch/aarch64/call.c"
#include "../../kernel/core/irq.c"

#include "vgic_machine.h"

/* --- what they need of the kernel ------------------------------------------------------------------------------------------------ */

enum { A_VM = 1, A_PLAIN_VM, SOME_IRQS, PLAIN_IRQS, ALL_IRQS, NO_SLOT, FIRST = 60, COUNT = 2, PHYSICAL_MAX = 1020, LINE = 40 };

static struct cap table[NO_SLOT];
static struct thread caller;
static bool locked, lock_refused;
static bool enabled[PHYSICAL_MAX];
static struct signal other = {.object.type = CAP_SIGNAL}; /* of another partition */
static unsigned told;       /* how often that was raised */

struct cap *cap_find(const struct partition *partition, uint64_t slot, unsigned type, unsigned rights, status_t *status)
{
    (void)partition;
    bool there = slot < NO_SLOT && table[slot].type == type;
    *status = there ? STATUS_RIGHTS : STATUS_CAP;
    return there && (table[slot].rights & rights) == rights ? &table[slot] : NULL;
}

bool cap_tree_lock(void)
{
    assert_false(locked);
    locked = !lock_refused;
    return locked;
}

void cap_tree_unlock(void)
{
    assert_true(locked);
    locked = false;
}

void cpu_quiesce(void)
{
}

void binding_set(struct binding *binding, struct signal *signal, uint64_t bits)
{
    binding->signal = signal;
    binding->bits = bits;
}

void binding_raise(struct binding *binding)
{
    told += binding->signal == &other;
}

void arch_irq_enable(unsigned number, unsigned cpu, bool is_edge)
{
    (void)cpu;
    (void)is_edge;
    enabled[number] = true;
}

void arch_irq_disable(unsigned number)
{
    enabled[number] = false;
}

void arch_irq_complete(unsigned number)
{
    active_shared[number] = false;
}

/* --- calls ----------------------------------------------------------------------------------------------------------------------------- */

static int call_setup(void **state)
{
    start(3, 4);
    table[A_VM] = (struct cap){.type = CAP_VM, .rights = RIGHT_CONFIGURE, .object = &vm->object};
    table[A_PLAIN_VM] = (struct cap){.type = CAP_VM, .rights = 0xff & ~RIGHT_CONFIGURE, .object = &vm->object};
    table[SOME_IRQS] = (struct cap){.type = CAP_IRQ, .rights = RIGHT_BIND, .base = FIRST, .size = COUNT};
    table[PLAIN_IRQS] = (struct cap){.type = CAP_IRQ, .rights = 0xff & ~RIGHT_BIND, .base = FIRST, .size = COUNT};
    table[ALL_IRQS] = (struct cap){.type = CAP_IRQ, .rights = RIGHT_BIND, .base = 0, .size = UINT64_MAX};
    lock_refused = false;
    memset(receivers, 0, sizeof receivers);
    memset(receiver_of, 0, sizeof receiver_of);
    memset(enabled, 0, sizeof enabled);
    told = 0;
    (void)state;
    return 0;
}

static status_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    uint64_t registers[8] = {number, a, b, c, d, e};
    status_t status = arch_call(&cpus[0], &caller, (unsigned)(number - CALL_ARCH), registers);
    assert_false(locked);
    return status;
}

#define FORWARD(line, irqs, number, flags) call(CALL_VIRQ_FORWARD, A_VM, line, irqs, number, flags)

static void test_numbers(void **state)
{
    (void)state;
    for (uint64_t number = CALL_ARCH_END; number < CALL_ARCH_END + 100; number++)
        assert_int_equal(call(number, A_VM, 0, 0, 0, 0), STATUS_CALL);
}

/* Each of them takes a VM, with RIGHT_CONFIGURE. */
static void test_vm_argument(void **state)
{
    (void)state;
    for (uint64_t number = CALL_ARCH; number < CALL_ARCH_END; number++) {
        assert_int_equal(call(number, NO_SLOT, 0, 0, 0, 0), STATUS_CAP);
        assert_int_equal(call(number, SOME_IRQS, 0, 0, 0, 0), STATUS_CAP);
        assert_int_equal(call(number, A_PLAIN_VM, 40, 0, 0, 0), STATUS_RIGHTS);
        assert_int_equal(call(number, A_VM, 40, 0, 32, 0), STATUS_OK);
        if (number == CALL_VIRQ_SET)
            continue;
        lock_refused = true;
        assert_int_equal(call(number, A_VM, 40, 0, 32, 0), CALL_REPEAT);
        lock_refused = false;
    }
}

/* Red when guests that enable and disable their lines wait for each other, or when what changes more does not wait. */
static void test_lock(void **state)
{
    (void)state;
    lock_refused = true;
    for (uint64_t field = VIRQ_ENABLE; field <= VIRQ_FORWARDING; field++)
        assert_int_equal(call(CALL_VIRQ_SET, A_VM, 40, field, 32, 0), field == VIRQ_ENABLE || field == VIRQ_DISABLE ? STATUS_OK : CALL_REPEAT);
    lock_refused = false;
}

static void test_fields(void **state)
{
    (void)state;
    for (uint64_t number = CALL_VIRQ_SET; number <= CALL_VIRQ_GET; number++) {
        assert_int_equal(call(number, A_VM, VCPUS, VIRQ_ENABLE, 0, 1), STATUS_RANGE); /* no such vCPU yet */
        assert_int_equal(call(number, A_VM, VM_VCPUS, VIRQ_ENABLE, 0, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, UINT32_MAX, VIRQ_ENABLE, 0, 1), STATUS_RANGE); /* far from all memory */
        assert_int_equal(call(number, A_VM, UINT64_C(1) << 32, VIRQ_ENABLE, 0, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, UINT64_C(1) << 32 | VIRQ_ENABLE, 0, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, VIRQ_ENABLE, UINT64_C(1) << 32, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 1, VIRQ_ENABLE, 0, 1), STATUS_OK);
        assert_int_equal(call(number, A_VM, 0, VIRQ_FORWARDING + 1, 0, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, VIRQ_FORWARDING + 1, 32, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, VIRQ_ENABLE, VM_LINES, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, VIRQ_ENABLE, UINT32_MAX - 31, 1), STATUS_RANGE);
        assert_int_equal(call(number, A_VM, 0, VIRQ_ENABLE, 33, 1), STATUS_RANGE); /* of 32 lines, not from a multiple of 32 */
        assert_int_equal(call(number, A_VM, 0, VIRQ_TARGET, 31, 1), STATUS_RANGE); /* shared lines only */
        assert_int_equal(call(number, A_VM, 0, VIRQ_TARGET, 33, 1), STATUS_OK);
    }
}

static unsigned physical(void)
{
    return vm->arch.shared[LINE - 32].physical;
}

static void test_forward_refused(void **state)
{
    static const uint64_t lines[] = {0, 31, VM_LINES, UINT64_C(1) << 32 | 40, UINT64_MAX};
    static const uint64_t numbers[] = {0, FIRST - 1, FIRST + COUNT, UINT64_C(1) << 32 | FIRST, UINT64_MAX};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(FORWARD(lines[i], SOME_IRQS, FIRST, 0), STATUS_RANGE);
        assert_int_equal(FORWARD(lines[i], 0, 0, 0), STATUS_RANGE);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        assert_int_equal(FORWARD(40, SOME_IRQS, numbers[i], 0), STATUS_RANGE);
    assert_int_equal(FORWARD(40, ALL_IRQS, PHYSICAL_MAX, 0), STATUS_RANGE);
    assert_int_equal(FORWARD(40, NO_SLOT, FIRST, 0), STATUS_CAP);
    assert_int_equal(FORWARD(40, A_VM, FIRST, 0), STATUS_CAP);
    assert_int_equal(FORWARD(40, PLAIN_IRQS, FIRST, 0), STATUS_RIGHTS);
    assert_int_equal(FORWARD(40, SOME_IRQS, FIRST, IRQ_EDGE << 1), STATUS_ARGUMENT);
    assert_int_equal(FORWARD(40, SOME_IRQS, FIRST, UINT64_C(1) << 32), STATUS_ARGUMENT);
    assert_int_equal(irq_bound_count(), 0);
    assert_int_equal(physical(), 0);
}

static void test_forward(void **state)
{
    (void)state;
    assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST, 0), STATUS_OK);
    assert_true(enabled[FIRST]);
    assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST, 0), STATUS_OK); /* the same again: nothing to do */
    assert_int_equal(irq_bound_count(), 1);
    assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST + 1, 0), STATUS_BUSY);
    assert_int_equal(FORWARD(LINE + 1, SOME_IRQS, FIRST, 0), STATUS_BUSY);
    assert_int_equal(vm->arch.shared[LINE + 1 - 32].physical, 0);
    assert_int_equal(physical(), FIRST);
    assert_int_equal(FORWARD(LINE, 0, 0, 0), STATUS_OK);
    assert_false(enabled[FIRST]);
    assert_int_equal(physical(), 0);
    irq_bind(FIRST, &table[ALL_IRQS], &other.object, 1, 0, false);
    assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST, 0), STATUS_BUSY);
    assert_int_equal(physical(), 0);
    assert_int_equal(FORWARD(LINE, 0, 0, 0), STATUS_OK); /* there is nothing to undo: least of all the other's */
    assert_true(enabled[FIRST]);
}

/* --- what is left of a forwarded interrupt whose capability goes: nothing ------------------------------------------------------------- */

/* The device asserts it and CPU 0 takes it. */
static void come(void)
{
    assert_true(enabled[FIRST] && !active_shared[FIRST]);
    active_shared[FIRST] = true;
    on(0);
    irq_handle(&cpus[0], FIRST);
}

static void start_forwarded(unsigned target)
{
    assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST, 0), STATUS_OK);
    set(0, VIRQ_TARGET, LINE, target);
    come();
    on(target);
}

/* On CPU 0: as cap.c does. Then the interrupt is another partition's, and comes again. */
static void revoke(void)
{
    unsigned before = this_cpu;
    on(0);
    assert_true(irq_unbind_step(&table[ALL_IRQS])); /* that is not what it was bound by */
    assert_int_equal(physical(), FIRST);
    assert_false(irq_unbind_step(&table[SOME_IRQS]));
    assert_true(irq_unbind_step(&table[SOME_IRQS]));
    assert_int_equal(physical(), 0);
    assert_false(enabled[FIRST] || active_shared[FIRST]);
    assert_int_equal(irq_bind(FIRST, &table[ALL_IRQS], &other.object, 1, 0, false), STATUS_OK);
    come();
    assert_int_equal(told, 1);
    on(before);
}

/* The other's is active until he says so, and the line works as any other one. */
static void check_separate(unsigned target)
{
    on(target);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    assert_true(active_shared[FIRST]);
    raise(LINE, 1);
    on(target);
    maintain();
    assert_int_equal(guest_ack(), LINE);
    raise(LINE, 0);
    on(target);
    guest_eoi(LINE);
    maintain();
    assert_int_equal(guest_ack(), NONE);
    assert_true(active_shared[FIRST]);
    assert_int_equal(vcpus[target]->arch.active_in_memory, 0);
}

/* Each once with links and without: QEMU's GICv2 has none that work. */
static void test_revoked_pending(void **state)
{
    for (unsigned i = 0; i < 2 * VCPUS; i++) {
        struct vcpu *vcpu = vcpus[i % VCPUS];
        gic.links = i / VCPUS;
        start_forwarded(i % VCPUS);
        assert_true(arch_vcpu_pending(vcpu));
        revoke();
        assert_false(arch_vcpu_pending(vcpu));
        check_separate(i % VCPUS);
        teardown(state);
        call_setup(state);
    }
}

static void test_revoked_active(void **state)
{
    for (unsigned i = 0; i < 2 * VCPUS; i++) {
        gic.links = i / VCPUS;
        start_forwarded(i % VCPUS);
        assert_int_equal(guest_ack(), LINE);
        revoke();
        guest_eoi(LINE); /* the red one: with the link still in the list register it would end the other's */
        check_separate(i % VCPUS);
        teardown(state);
        call_setup(state);
    }
}

/* … while the vCPU is not loaded: its list registers lie in memory, or the line waits for one. */
static void test_revoked_unloaded(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(FORWARD(LINE, SOME_IRQS, FIRST, 0), STATUS_OK);
        if (i == 0)
            unload(0);
        come();
        if (i == 2)
            assert_int_equal(guest_ack(), LINE);
        if (i > 0)
            unload(0);
        revoke();
        load(0);
        if (i == 2)
            guest_eoi(LINE);
        check_separate(0);
        teardown(state);
        call_setup(state);
    }
}

#define CALL_TEST(function) cmocka_unit_test_setup_teardown(function, call_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CALL_TEST(test_numbers),  CALL_TEST(test_vm_argument),     CALL_TEST(test_lock), CALL_TEST(test_fields),         CALL_TEST(test_forward_refused),
        CALL_TEST(test_forward),  CALL_TEST(test_revoked_pending), CALL_TEST(test_revoked_active), CALL_TEST(test_revoked_unloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
