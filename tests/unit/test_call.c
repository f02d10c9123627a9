/* The call table: occupied slots, numbers that are none, registers, and what guests may ask for. Rights and bounds: test_rights.c. */
#include "machine.h"

#include <string.h>

enum { C = 1 };

static cap_t vm_make(void)
{
    cap_t guest;
    return make_vm(&guest);
}

static void test_occupied_slot(void **state)
{
    cap_t taken = make_signal(), space = make_space(SPACE_COMPONENT), guest = make_space(SPACE_GUEST), vm = vm_make(), kernel = make_kernel(1 << 16);
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
        bool marked = number == CALL_NULL || number == CALL_SIGNAL_RAISE || number == CALL_IRQ_ACK || number == CALL_VCPU_KICK || number == CALL_VIRQ_RAISE;
        status_t status = guest_call(C, number, registers);
        assert_status(status, number == CALL_NULL ? STATUS_OK : marked ? STATUS_CAP : STATUS_CALL);
        assert_int_equal(registers[1], 1);
    }
}

static void test_log(void **state)
{
    const char text[32] = "thirty-two characters, not more!";
    uint64_t words[4] = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof text; i++)
        words[i / 8] |= (uint64_t)(uint8_t)text[i] << i % 8 * 8;
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
        MACHINE_TEST(test_occupied_slot), MACHINE_TEST(test_numbers), MACHINE_TEST(test_registers),
        MACHINE_TEST(test_guest),         MACHINE_TEST(test_log),     cmocka_unit_test(test_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
