/* Root's side of links: what a monitor writes there may be lies, and must harm no driver. */
#define LIB_CLOCK_H
#define LIB_CALL_STUBS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bulkhead/call.h>
#include <bulkhead/startup.h>
#include <bulkhead/status.h>

static uint64_t clock_now(void);
static uint64_t clock_deadline_us(uint64_t us);
static status_t cap_delegate(cap_t partition, cap_t to, cap_t from, unsigned rights, uint64_t first, uint64_t size);
static status_t vm_doorbell(cap_t vm, uint64_t address, cap_t signal, uint64_t bits);

#include "../../components/root/link.c"

#include <stdlib.h>

struct system the_system;

static struct virtio_link shared;
static struct description_disk disk = {.name = "disk0"};
static struct description_vm described = {.name = "vm", .disk_count = 1};
static struct vm *const vm = &the_system.vms[0];
static struct component *const blk = &the_system.components[0];
static uint64_t now;
static unsigned deaths, wakes;

static uint64_t clock_now(void)
{
    return now;
}

static uint64_t clock_deadline_us(uint64_t us)
{
    return now + us;
}

static status_t cap_delegate(cap_t partition, cap_t to, cap_t from, unsigned rights, uint64_t first, uint64_t size)
{
    (void)partition, (void)to, (void)from, (void)rights, (void)first, (void)size;
    return STATUS_OK;
}

static status_t vm_doorbell(cap_t object, uint64_t address, cap_t signal, uint64_t bits)
{
    (void)object, (void)address, (void)signal, (void)bits;
    return STATUS_OK;
}

void instance_wake(const struct instance *in, uint64_t bits)
{
    wakes += in == &blk->instance && bits == 1;
}

void instance_stop(const struct instance *in)
{
    assert_ptr_equal(in, &vm->instance);
}

/* As root does: its device is silent afterwards. */
void life_died(struct instance *in, const char *why)
{
    (void)why;
    assert_ptr_equal(in, &blk->instance);
    in->alive = false;
    shared.flags |= LINK_ABSENT;
    deaths++;
}

struct startup_resource *instance_resource(struct instance *in, const char *name)
{
    (void)in, (void)name;
    abort();
}

cap_t instance_slot(struct instance *in)
{
    (void)in;
    abort();
}

void instance_map(struct instance *in, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access, const char *what)
{
    (void)in, (void)extent, (void)address, (void)offset, (void)size, (void)access, (void)what;
    abort();
}

void memory_take_mapped_head(struct block *block, uint64_t size, uint64_t mapped)
{
    (void)block, (void)size, (void)mapped;
    abort();
}

_Noreturn void log_fail(const char *format, ...)
{
    (void)format;
    abort();
}

static int setup(void **state)
{
    (void)state;
    memset(&the_system, 0, sizeof the_system);
    memset(&shared, 0, sizeof shared);
    now = 1000;
    deaths = wakes = 0;
    the_system.description.vm_count = 1;
    vm->described = &described;
    vm->instance.alive = blk->instance.alive = true;
    vm->links[0] = (struct vm_link){.described = &disk, .vm = vm, .driver = blk, .head = &shared};
    return 0;
}

/* What a driver does when it looks at its links. */
static void driver_looks(void)
{
    shared.heard = shared.asked;
    shared.answer = shared.request;
}

static void patience_ends(void)
{
    now += ANSWER_PATIENCE_US;
    links_check(vm);
}

/* Red when a driver that does nothing any more is not ended, or one is that has not had its time. */
static void test_driver_that_hangs(void **state)
{
    (void)state;
    shared.request = 2;
    shared.answer = 1;
    links_look(vm);
    assert_true(wakes == 1 && links_deadline(vm) == now + ANSWER_PATIENCE_US);
    now += ANSWER_PATIENCE_US - 1;
    links_look(vm);
    links_check(vm);
    assert_int_equal(deaths, 0);
    now++;
    links_check(vm);
    assert_int_equal(deaths, 1);
    assert_true(links_deadline(vm) == DEADLINE_NEVER);
}

/* Red when a monitor can have a driver killed that others need, by asking again just before its time is over for what was answered, or takes back. */
static void test_monitor_that_lies(void **state)
{
    (void)state;
    shared.request = 2;
    shared.answer = 1;
    links_look(vm);
    driver_looks();
    shared.request = 3;
    driver_looks();
    shared.request = 2;
    patience_ends();
    assert_int_equal(deaths, 0);
    links_look(vm);
    shared.request = 3; /* as if nothing had been */
    driver_looks();
    shared.request = 2;
    patience_ends();
    assert_int_equal(deaths, 0);
}

/* Red when root takes a VM's memory for free while its driver serves it, whatever number the monitor left behind. */
static void test_monitor_that_dies(void **state)
{
    (void)state;
    for (uint32_t request = 4; request < 9; request++) {
        for (uint32_t answer = 5; answer < 9; answer += 2) {
            shared.answer = answer;
            shared.request = request;
            links_release(&vm->instance);
            assert_true(!(shared.request & 1) && !links_released(&vm->instance));
            driver_looks();
            assert_true(links_released(&vm->instance));
        }
    }
    assert_int_equal(deaths, 0);
    shared.answer = 9;
    links_release(&vm->instance);
    now += ANSWER_PATIENCE_US;
    assert_true(links_released(&vm->instance));
    assert_int_equal(deaths, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_driver_that_hangs, setup),
        cmocka_unit_test_setup(test_monitor_that_lies, setup),
        cmocka_unit_test_setup(test_monitor_that_dies, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
