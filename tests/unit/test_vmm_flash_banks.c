/* When a bank of flash memory is mapped into the guest, and how often: against a kernel and a clock of the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The portable kernel has a header of the same name, which is found first; calls and clock are this test's. */
#define CORE_LOCK_H
#define LIB_CALL_STUBS_H
#define LIB_CLOCK_H
#include "../../components/lib/lock.h"
#include <bulkhead/call.h>
#include <bulkhead/status.h>

enum { KILO = 1024, BANK = 1 << 26, CODE = 2048 * KILO, VARS = 4096 * KILO };

static uint64_t now, maps, unmaps;
static bool shown[2], refuse;

static uint64_t clock_now(void)
{
    return now;
}

static uint64_t clock_deadline_us(uint64_t us)
{
    return now + us;
}

static status_t space_map(cap_t space, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access)
{
    unsigned bank = (unsigned)(address / BANK);
    assert_int_equal(space, 20);
    assert_int_equal(extent, 21);
    assert_true(address % BANK == 0 && bank < 2 && !shown[bank]);
    assert_int_equal(offset, bank ? CODE : 0);
    assert_int_equal(size, bank ? VARS : CODE);
    assert_int_equal(access, RIGHT_READ | RIGHT_EXECUTE); /* a store must exit */
    maps++;
    shown[bank] = !refuse;
    return refuse ? STATUS_MEMORY : STATUS_OK;
}

static status_t space_unmap(cap_t space, uint64_t address)
{
    assert_int_equal(space, 20);
    assert_true(shown[address / BANK]);
    shown[address / BANK] = false;
    unmaps++;
    return STATUS_OK;
}

#include "../../components/vmm/flash.c"
#include "../../components/vmm/flash_banks.c"
#include "../../components/vmm/mmio.c"

struct machine machine;

static uint8_t memory[CODE + VARS];
static struct startup_resource banks_resource = {.slot = 21, .size = sizeof memory, .value = CODE};

void lock_take(struct lock *taken)
{
    assert_int_equal(taken->word, 0);
    taken->word = 1;
}

void lock_release(struct lock *taken)
{
    taken->word = 0;
}

const struct startup_resource *startup_need(const char *name)
{
    assert_string_equal(name, "banks");
    return &banks_resource;
}

void cache_clean(const void *start, size_t size)
{
    const uint8_t *at = start;
    assert_true(at >= memory && at + size <= memory + sizeof memory);
}

void component_fail(const char *format, ...)
{
    (void)format;
    abort();
}

static void store(uint64_t address, uint32_t value)
{
    banks_write(0, address, 4, value);
}

static uint32_t load(uint64_t address)
{
    return (uint32_t)banks_read(0, address, 4);
}

static int setup(void **state)
{
    (void)state;
    banks_resource.address = (uint64_t)memory;
    machine = (struct machine){.guest_space = 20, .firmware = {(const uint8_t *)"code", 4}, .flash = {(const uint8_t *)"vars", 4}};
    memset(memory, 0, sizeof memory);
    shown[0] = shown[1] = refuse = false;
    range_count = 0;
    now = 1000000;
    flash_banks_build();
    flash_banks_reset();
    maps = unmaps = 0;
    return 0;
}

static void test_contents(void **state)
{
    (void)state;
    assert_true(shown[0] && shown[1]);
    assert_memory_equal(memory, "code\xff\xff\xff\xff", 8);
    assert_memory_equal(memory + CODE, "vars\xff\xff\xff\xff", 8);
    assert_int_equal(memory[CODE - 1], 0xff);
    assert_int_equal(memory[CODE + VARS - 1], 0xff);
    store(0, 0x400040); /* the firmware's own cannot be changed, */
    store(0, 0);
    assert_int_equal(memory[0], 'c');
    store(BANK, 0x400040);
    store(BANK, 0); /* the guest's can, and keeps it over a reset */
    flash_banks_reset();
    assert_int_equal(memory[CODE], 0);
    assert_int_equal(load(BANK), 0);
}

/* A bank is away while it shows something else, the other one stays; it comes back with a load, but not at once. */
static void test_commands(void **state)
{
    (void)state;
    store(BANK, 0x700070);
    assert_true(shown[0] && !shown[1]);
    assert_int_equal(load(BANK), 0x800080);
    now += 10 * MAP_INTERVAL_US;
    assert_int_equal(load(BANK), 0x800080);
    assert_false(shown[1]);
    store(BANK, 0xff00ff);
    assert_int_equal(load(BANK), 'v' | 'a' << 8 | 'r' << 16 | 's' << 24);
    assert_true(shown[1]);
    store(BANK, 0x700070);
    store(BANK, 0xff00ff);
    assert_int_equal(load(BANK) & 0xff, 'v');
    assert_false(shown[1]);
    now += MAP_INTERVAL_US;
    assert_int_equal(load(BANK) & 0xff, 'v');
    assert_true(shown[1]);
}

static void test_fetch(void **state)
{
    (void)state;
    assert_true(flash_banks_fetch(0)); /* another vCPU has just mapped it */
    store(0, 0x700070);
    assert_false(flash_banks_fetch(0));
    store(0, 0xff00ff);
    assert_true(flash_banks_fetch(0)); /* to be tried again, until it may be mapped */
    assert_false(shown[0]);
    now += MAP_INTERVAL_US;
    assert_true(flash_banks_fetch(0));
    assert_true(shown[0]);
    assert_false(flash_banks_fetch(CODE)); /* nothing is there */
    assert_false(flash_banks_fetch(2 * (uint64_t)BANK));
    assert_false(flash_banks_fetch(UINT64_MAX));
    machine.firmware.data = NULL;
    memset(banks, 0, sizeof banks);
    assert_false(flash_banks_fetch(0)); /* a VM without firmware */
    flash_banks_reset();
}

/* Whatever the guest does for a second: at most one mapping of a bank per interval, which is what its neighbours notice of it. */
static void test_flood(void **state)
{
    (void)state;
    srandom(4);
    for (uint64_t end = now + 1000 * MAP_INTERVAL_US; now < end; now += (uint64_t)random() % 20) {
        static const uint32_t commands[] = {0x70, 0xff, 0x90, 0xff, 0x98, 0xff, 0x50};
        uint64_t at = random() & 1 ? BANK : 0;
        store(at, commands[(size_t)random() % 7] * 0x10001);
        load(at);
        flash_banks_fetch(at);
    }
    assert_in_range(maps, 1, 2 * 1000);
    assert_in_range(unmaps, 1, 2 * 1000 + 2);
}

/* No memory for the mapping: exits do all the work. */
static void test_refused(void **state)
{
    (void)state;
    refuse = true;
    store(BANK, 0x700070);
    store(BANK, 0xff00ff);
    for (unsigned i = 0; i < 5; i++, now += MAP_INTERVAL_US)
        assert_int_equal(load(BANK) & 0xff, 'v');
    assert_false(flash_banks_fetch(BANK)); /* but for fetches, which must not be tried for ever */
    store(BANK, 0x700070);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_contents, setup), cmocka_unit_test_setup(test_commands, setup),
        cmocka_unit_test_setup(test_fetch, setup),    cmocka_unit_test_setup(test_flood, setup),
        cmocka_unit_test_setup(test_refused, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
