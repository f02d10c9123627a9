/* The call table: every call with what it does not take, numbers that are none, and what guests may ask for. */
#include "machine.h"

#include <string.h>

enum { C = 1 };

/* Made when the call is. */
enum { GOOD_SPACE = 0x10000, GOOD_SIGNAL, GOOD_FREE, GOOD_VM, GOOD_KERNEL, GOOD_RAM };

static cap_t self_make(void)
{
    return make_partition(1 << 16, 10);
}

static cap_t guest_space_make(void)
{
    return make_space(SPACE_GUEST);
}

static cap_t component_space_make(void)
{
    return make_space(SPACE_COMPONENT);
}

static cap_t thread_make(void)
{
    return make_stopped_thread(make_space(SPACE_COMPONENT), C, 5, 0, 0);
}

static cap_t vm_make(void)
{
    cap_t guest;
    return make_vm(&guest);
}

static cap_t vcpu_make(void)
{
    cap_t guest;
    return make_vcpu(make_vm(&guest), 0, make_space(SPACE_COMPONENT), 0x1000);
}

static cap_t kernel_make(void)
{
    return make_kernel(1 << 16);
}

static cap_t ram_make(void)
{
    return make_ram(1 << 16, PAGE_SIZE);
}

static cap_t irqs_make(void)
{
    return CAP_IRQS;
}

static cap_t system_make(void)
{
    return CAP_SYSTEM;
}

/* Every argument that names a capability. */
static const struct row {
    unsigned number, argument; /* 1 … */
    cap_t (*make)(void);       /* a right one */
    uint64_t others[7];        /* the other arguments, good ones */
} rows[] = {
    {CALL_CAP_DELEGATE, 1, self_make, {0, GOOD_FREE, GOOD_SIGNAL, 0xff}},
    {CALL_PARTITION_CREATE, 2, kernel_make, {GOOD_FREE, 0, 1, 10}},
    {CALL_PARTITION_FEED, 1, self_make, {0, GOOD_KERNEL}},
    {CALL_PARTITION_FEED, 2, kernel_make, {CAP_SELF, 0}},
    {CALL_PARTITION_STATS, 1, self_make, {0}},
    {CALL_SPACE_CREATE, 1, self_make, {0, GOOD_FREE, SPACE_GUEST}},
    {CALL_SPACE_MAP, 1, guest_space_make, {0, GOOD_RAM, 0, 0, PAGE_SIZE, RIGHT_READ}},
    {CALL_SPACE_MAP, 2, ram_make, {GOOD_SPACE, 0, 0, 0, PAGE_SIZE, RIGHT_READ}},
    {CALL_SPACE_UNMAP, 1, guest_space_make, {0, 0}},
    {CALL_THREAD_CREATE, 1, self_make, {0, GOOD_FREE, GOOD_SPACE, C, 5}},
    {CALL_THREAD_CREATE, 3, component_space_make, {CAP_SELF, GOOD_FREE, 0, C, 5}},
    {CALL_THREAD_CREATE, 6, make_signal, {CAP_SELF, GOOD_FREE, GOOD_SPACE, C, 5, 0, 1}},
    {CALL_THREAD_START, 1, thread_make, {0}},
    {CALL_THREAD_STOP, 1, thread_make, {0}},
    {CALL_THREAD_FAULT, 1, thread_make, {0}},
    {CALL_THREAD_STATS, 1, thread_make, {0}},
    {CALL_SIGNAL_CREATE, 1, self_make, {0, GOOD_FREE}},
    {CALL_SIGNAL_RAISE, 1, make_signal, {0, 1}},
    {CALL_SIGNAL_WAIT, 1, make_signal, {0, 1, 0}},
    {CALL_PORTAL_CREATE, 1, self_make, {0, GOOD_FREE}},
    {CALL_PORTAL_CALL, 1, make_portal, {0}},
    {CALL_PORTAL_WAIT, 1, make_portal, {0}},
    {CALL_IRQ_BIND, 1, irqs_make, {0, 50, GOOD_SIGNAL, 1, 0}},
    {CALL_IRQ_BIND, 3, make_signal, {CAP_IRQS, 50, 0, 1, 0}},
    {CALL_IRQ_ACK, 1, irqs_make, {0, 50}},
    {CALL_VM_CREATE, 1, self_make, {0, GOOD_FREE, GOOD_SPACE}},
    {CALL_VM_CREATE, 3, guest_space_make, {CAP_SELF, GOOD_FREE, 0}},
    {CALL_VM_RESET, 1, vm_make, {0}},
    {CALL_VM_ANSWER, 1, vm_make, {0, 1, 1}},
    {CALL_VM_DOORBELL, 1, vm_make, {0, 0, GOOD_SIGNAL, 1}},
    {CALL_VM_DOORBELL, 3, make_signal, {GOOD_VM, 0, 0, 1}},
    {CALL_VCPU_CREATE, 1, self_make, {0, GOOD_FREE, GOOD_VM, 0, GOOD_SPACE, 0x1000}},
    {CALL_VCPU_CREATE, 3, vm_make, {CAP_SELF, GOOD_FREE, 0, 0, GOOD_SPACE, 0x1000}},
    {CALL_VCPU_CREATE, 5, component_space_make, {CAP_SELF, GOOD_FREE, GOOD_VM, 0, 0, 0x1000}},
    {CALL_VCPU_ENTER, 1, vcpu_make, {0}},
    {CALL_VCPU_KICK, 1, vcpu_make, {0}},
    {CALL_VCPU_SYNC, 1, vcpu_make, {0}},
    {CALL_VIRQ_RAISE, 1, vm_make, {0, 40, 1}},
    {CALL_SYSTEM_POWER, 1, system_make, {0, POWER_OFF}},
    {CALL_SYSTEM_LOG, 1, system_make, {0, 1}},
    {CALL_SYSTEM_STATS, 1, system_make, {0}},
};

static uint64_t good(uint64_t argument)
{
    switch (argument) {
    case GOOD_SPACE:
        return make_space(SPACE_COMPONENT);
    case GOOD_SIGNAL:
        return make_signal();
    case GOOD_FREE:
        return slot_new();
    case GOOD_VM:
        return vm_make();
    case GOOD_KERNEL:
        return kernel_make();
    case GOOD_RAM:
        return ram_make();
    default:
        return argument;
    }
}

static status_t call_with(const struct row *row, cap_t slot)
{
    uint64_t arguments[7];
    for (unsigned i = 0; i < 7; i++)
        arguments[i] = good(row->others[i]);
    arguments[row->argument - 1] = slot;
    return machine_call(0, row->number, arguments);
}

/* Slots that are empty, out of range, or hold something else; and the right thing without a single right. */
static void test_wrong_capabilities(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        bool wants_portal = row->make == make_portal;
        cap_t other = wants_portal ? make_signal() : make_portal(), weak = slot_new();
        print_message("call %u, argument %u\n", row->number, row->argument);
        assert_status(call_with(row, 15000), STATUS_CAP);
        assert_status(call_with(row, CAP_SLOTS + 5), STATUS_CAP);
        assert_status(call_with(row, other), STATUS_CAP);
        assert_ok(give(CAP_SELF, weak, row->make(), 0));
        assert_status(call_with(row, weak), STATUS_RIGHTS);
        if (row->number == CALL_VIRQ_RAISE || row->argument > 1)
            continue;
        assert_status(call_with(row, 0), STATUS_CAP);
    }
}

/* Is any call missing in the table above? */
static void test_table_complete(void **state)
{
    static const unsigned without[] = {CALL_NULL, CALL_CAP_DELETE, CALL_CAP_REVOKE, CALL_CAP_IDENTIFY, CALL_THREAD_YIELD, CALL_THREAD_EXIT};
    (void)state;
    for (unsigned number = 0; number < CALL_COUNT; number++) {
        bool found = false;
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
            found |= rows[i].number == number;
        for (unsigned i = 0; i < sizeof without / sizeof without[0]; i++)
            found |= without[i] == number;
        assert_true(found);
    }
}

static void test_occupied_slot(void **state)
{
    cap_t taken = make_signal(), space = make_space(SPACE_COMPONENT), guest = make_space(SPACE_GUEST), vm = vm_make(), kernel = kernel_make();
    (void)state;
    assert_status(BASE(CALL_PARTITION_CREATE, taken, kernel, 1, 1), STATUS_EXISTS);
    assert_status(BASE(CALL_SPACE_CREATE, CAP_SELF, taken, SPACE_GUEST), STATUS_EXISTS);
    assert_status(BASE(CALL_THREAD_CREATE, CAP_SELF, taken, space, C, 1), STATUS_EXISTS);
    assert_status(BASE(CALL_SIGNAL_CREATE, CAP_SELF, taken), STATUS_EXISTS);
    assert_status(BASE(CALL_PORTAL_CREATE, CAP_SELF, taken), STATUS_EXISTS);
    assert_status(BASE(CALL_VM_CREATE, CAP_SELF, taken, guest), STATUS_EXISTS);
    assert_status(BASE(CALL_VCPU_CREATE, CAP_SELF, taken, vm, 0, space, 0x1000), STATUS_EXISTS);
    assert_status(BASE(CALL_SIGNAL_CREATE, CAP_SELF, 0), STATUS_RANGE);
    assert_status(BASE(CALL_SIGNAL_CREATE, CAP_SELF, CAP_SLOTS), STATUS_RANGE);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_ok(BASE(CALL_NULL));
    for (unsigned long number = CALL_COUNT; number < CALL_ARCH; number++)
        assert_status(BASE(number), STATUS_CALL);
    assert_ok(BASE(CALL_ARCH, 5));
    assert_int_equal(result(0, 1), ~UINT64_C(5));
    assert_status(BASE(CALL_ARCH + 1), STATUS_CALL);
    assert_status(BASE(UINT32_MAX), STATUS_CALL);
    assert_status(BASE(1ul << 32), STATUS_CALL);
    assert_status(BASE((1ul << 32) + CALL_ARCH), STATUS_CALL);
    assert_status(BASE(UINT64_MAX), STATUS_CALL);
}

/* A call changes the registers that it documents, no others. */
static void test_registers(void **state)
{
    cap_t signal = make_signal();
    (void)state;
    assert_ok(BASE(CALL_SIGNAL_RAISE, signal, 6, 33, 44, 55, 66, 77));
    for (unsigned i = 3; i < 8; i++)
        assert_int_equal(result(0, i), i * 11);
    assert_ok(BASE(CALL_SIGNAL_WAIT, signal, 2, DEADLINE_NEVER, 44, 55, 66, 77));
    assert_int_equal(result(0, 1), 2);
    assert_int_equal(result(0, 2), 2);
    assert_status(BASE(CALL_SIGNAL_RAISE, 9999, 1, 2, 3, 4, 5, 6), STATUS_CAP);
    assert_int_equal(result(0, 1), 9999);
    assert_int_equal(result(0, 7), 6);
}

/* Guests: what is marked so, and even that not without a capability, of which they have none. */
static void test_guest(void **state)
{
    cap_t guest, vm = make_vm(&guest), space = make_space(SPACE_COMPONENT), vcpu = make_vcpu(vm, 0, space, 0x1000);
    (void)state;
    make_thread(space, C, 5);
    assert_status(CALL(C, CALL_VCPU_ENTER, vcpu), CALL_PENDING);
    for (unsigned number = 0; number < 0x8000; number = number < 0x100 ? number + 1 : number * 2) {
        uint64_t registers[8] = {0, 1, 1, 1, 1, 1, 1, 1};
        bool marked = number == CALL_NULL || number == CALL_SIGNAL_RAISE || number == CALL_VIRQ_RAISE;
        status_t status = guest_call(C, number, registers);
        assert_status(status, number == CALL_NULL ? STATUS_OK : marked ? STATUS_CAP : STATUS_CALL);
        assert_int_equal(registers[1], 1);
    }
}

static void test_log(void **state)
{
    const char text[32] = "thirty-two characters, not more!";
    uint64_t words[4];
    (void)state;
    memcpy(words, text, sizeof words);
    host.log_length = 0;
    assert_ok(BASE(CALL_SYSTEM_LOG, CAP_SYSTEM, 32, words[0], words[1], words[2], words[3]));
    assert_int_equal(host.log_length, 32);
    assert_memory_equal(host.log, text, 32);
    assert_ok(BASE(CALL_SYSTEM_LOG, CAP_SYSTEM, 9, words[0], words[1]));
    assert_memory_equal(host.log + 32, "thirty-tw", 9);
    assert_ok(BASE(CALL_SYSTEM_LOG, CAP_SYSTEM, 0));
    assert_int_equal(host.log_length, 41);
    assert_status(BASE(CALL_SYSTEM_LOG, CAP_SYSTEM, 33), STATUS_ARGUMENT);
    assert_status(BASE(CALL_SYSTEM_LOG, CAP_SYSTEM, UINT64_MAX), STATUS_ARGUMENT);
    assert_status(BASE(CALL_SYSTEM_POWER, CAP_SYSTEM, 2), STATUS_ARGUMENT);
}

static void power(void *argument)
{
    BASE(CALL_SYSTEM_POWER, CAP_SYSTEM, *(const unsigned *)argument);
}

/* The last test of the program: there is no way back. */
static void test_power(void **state)
{
    unsigned what = POWER_RESET;
    assert_int_equal(machine_setup(state), 0);
    assert_true(host_stops(power, &what));
    assert_int_equal(host.power, POWER_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_wrong_capabilities), MACHINE_TEST(test_table_complete), MACHINE_TEST(test_occupied_slot),
        MACHINE_TEST(test_numbers),            MACHINE_TEST(test_registers),      MACHINE_TEST(test_guest),
        MACHINE_TEST(test_log),                cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
