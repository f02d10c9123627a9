/* A monitor's side of a link, the driver being the test's (bulkhead/virtio_link.h). */
#define LIB_CLOCK_H
#define LIB_CALL_STUBS_H
#include "vmm_lines.h"

#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t clock_now(void);
static uint64_t clock_deadline_us(uint64_t us);
static void clock_sleep_us(uint64_t us);
static status_t signal_raise(cap_t signal, uint64_t bits);
static status_t vm_doorbell(cap_t vm, uint64_t address, cap_t signal, uint64_t bits);

#include "../../components/lib/string.h"
#include "../../components/vmm/virtio_front.c"
#include "../../components/vmm/virtio_remote.c"

enum { INDEX = 3, LINE = FRONT_LINE + INDEX, SIGNAL = 30, BITS = 4, ROOT = 31, ROOT_BITS = 8, OK = 4, ALL_BUT_OK = 1 | 2 | 8, NEVER = 1000000 };

struct machine machine = {.name = "test", .vm = 20, .status_signal = ROOT, .status_mask = ROOT_BITS};

static struct virtio_link *shared;
static struct front *front;
static struct startup_resource resource;
static uint64_t now;
static unsigned raised, told /* root */, doorbells, sleeps, answers_after; /* looks until the driver answers */
static char report[300];
static unsigned reports;
static bool line_is_taken;

static uint64_t clock_now(void)
{
    return now;
}

static uint64_t clock_deadline_us(uint64_t us)
{
    return now + us;
}

static void clock_sleep_us(uint64_t us)
{
    now += us;
    if (++sleeps == answers_after)
        shared->answer = shared->request;
}

static status_t signal_raise(cap_t signal, uint64_t bits)
{
    assert_int_equal(signal, bits == ROOT_BITS ? ROOT : SIGNAL);
    assert_true(bits == BITS || bits == ROOT_BITS);
    *(bits == BITS ? &raised : &told) += 1;
    return STATUS_OK;
}

static status_t vm_doorbell(cap_t vm, uint64_t address, cap_t signal, uint64_t bits)
{
    assert_true(vm == 20 && signal == SIGNAL && bits == BITS);
    assert_int_equal(address, 0x0a003050);
    doorbells++;
    return STATUS_OK;
}

void string_copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

const struct startup_resource *startup_each(const char *prefix, const struct startup_resource *previous)
{
    assert_string_equal(prefix, "link/");
    return previous ? NULL : &resource;
}

bool devices_have_line(uint32_t intid)
{
    assert_int_equal(intid, LINE);
    return line_is_taken;
}

_Noreturn void component_fail(const char *format, ...)
{
    (void)format;
    mock_assert(0, "component_fail", __FILE__, __LINE__);
    abort();
}

void report_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report, sizeof report, format, arguments);
    va_end(arguments);
    reports++;
}

void report_device(const char *device, const char *wrong)
{
    report_line("%s: %s", device, wrong);
}

static void driver_offers(uint32_t size)
{
    shared->offer.generation += 2;
    shared->offer.config_size = size;
    shared->offer.features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << FEATURE_RING_RESET | 0x200;
}

static int setup(void **state)
{
    (void)state;
    memset(&recorded, 0, sizeof recorded);
    memset(fronts, 0, sizeof fronts);
    memset(remotes, 0, sizeof remotes);
    memset(shared, 0, sizeof *shared);
    shared->magic = LINK_MAGIC;
    shared->device = VIRTIO_BLOCK;
    shared->queues = 2;
    driver_offers(24);
    shared->offer.config[0] = 7;
    resource = (struct startup_resource){"link/disk0", SIGNAL, LINE, (uintptr_t)shared, LINK_SIZE_MONITOR, BITS};
    virtio_remote_build();
    front = front_at(INDEX);
    assert_non_null(front);
    now = 0;
    virtio_remote_await();
    fronts_reset();
    raised = told = doorbells = sleeps = reports = 0;
    answers_after = NEVER;
    return 0;
}

static void drive(void)
{
    struct link_queue queue = {0x1000, 0x2000, 0x3000, 128, 0};
    front_status_write(front, 1 | 2);
    front_accept(front, 0, 0x200);
    front_accept(front, 1, 1);
    front_status_write(front, ALL_BUT_OK);
    front_queue_write(front, 1, &queue);
    front_queue_ready_write(front, 1, true);
    queue.size = 7; /* of the other one, which is not made ready */
    front_queue_write(front, 0, &queue);
    front_status_write(front, ALL_BUT_OK | OK);
}

static void test_offer(void **state)
{
    (void)state;
    assert_int_equal(front->device, VIRTIO_BLOCK);
    assert_int_equal(front_offered(front, 0), 0x200);
    assert_int_equal(front_offered(front, 1), 1); /* no reset of single queues */
    assert_int_equal(front_config_read(front, 0, 8), 7);
    assert_int_equal(front->state->config_size, 24);
}

/* Red when the driver is asked before what it needs stands there, or served queues change under it. */
static void test_start(void **state)
{
    (void)state;
    drive();
    assert_int_equal(shared->request, 1);
    assert_int_equal(raised, 1);
    assert_int_equal(doorbells, 1);
    assert_true(shared->negotiated == (UINT64_C(1) << VIRTIO_F_VERSION_1 | 0x200));
    assert_int_equal(shared->queue[0].size, 0);
    assert_int_equal(shared->queue[1].size, 128);
    assert_int_equal(shared->queue[1].used, 0x3000);
    assert_int_equal(sleeps, 0);
    front_notify(front);
    assert_int_equal(raised, 2);
    assert_int_equal(front_interrupts(front), FRONT_USED);
}

/* Red when the guest goes on while its memory is still being written to. */
static void test_reset_waits(void **state)
{
    (void)state;
    front_status_write(front, 0); /* nothing was asked for: nothing to wait for */
    assert_int_equal(raised + sleeps, 0);
    drive();
    shared->answer = 1;
    answers_after = 40;
    front_status_write(front, 0);
    assert_int_equal(shared->request, 2);
    assert_int_equal(sleeps, 40);
    assert_int_equal(raised, 2);
    drive();
    assert_int_equal(shared->request, 3);
}

/* Root is told of a driver that is slow to stop, and of no other. */
static void test_root_is_told(void **state)
{
    (void)state;
    drive();
    shared->answer = 1;
    answers_after = 5;
    front_status_write(front, 0);
    assert_int_equal(told, 0);
    drive();
    shared->answer = 3;
    answers_after = sleeps + 40;
    front_status_write(front, 0);
    assert_true(told > 0);
}

/* Root has silenced the device: nobody will answer. */
static void test_reset_without_driver(void **state)
{
    (void)state;
    drive();
    shared->flags |= LINK_ABSENT;
    front_status_write(front, 0);
    assert_int_equal(sleeps, 0);
    assert_int_equal(front_status(front), 0);
}

/* A monitor that finds a link odd: its predecessor's, and root had no time. */
static void test_vm_reset(void **state)
{
    (void)state;
    drive();
    answers_after = 2;
    fronts_reset();
    assert_int_equal(shared->request, 2);
    assert_int_equal(shared->answer, 2);
    assert_int_equal(front_status(front), 0);
}

static void test_config_change(void **state)
{
    (void)state;
    drive();
    fronts_event();
    assert_int_equal(front_generation(front), 0);
    shared->offer.config[1] = 9;
    shared->offer.generation++; /* it is still writing */
    fronts_event();
    assert_int_equal(front_config_read(front, 0, 2), 7);
    assert_false(recorded.level[LINE]);
    shared->offer.generation++;
    fronts_event();
    assert_int_equal(front_config_read(front, 0, 2), 0x907);
    assert_int_equal(front_generation(front), 1);
    assert_true(recorded.level[LINE]);
    assert_int_equal(front_interrupts(front), FRONT_USED | FRONT_CONFIG);
    front_acknowledge(front, FRONT_CONFIG);
    driver_offers(24); /* a successor offers the same */
    fronts_event();
    assert_int_equal(front_generation(front), 1);
    assert_int_equal(front_interrupts(front), FRONT_USED);
    driver_offers(UINT32_MAX); /* nonsense */
    fronts_event();
    assert_int_equal(front->state->config_size, LINK_CONFIG_SIZE);
    assert_int_equal(front_config_read(front, LINK_CONFIG_SIZE - 4, 8), 0);
}

static void test_broken(void **state)
{
    (void)state;
    drive();
    memset(shared->why, 'x', sizeof shared->why); /* without an end */
    shared->broken = 3;
    fronts_event();
    assert_int_equal(reports, 0);
    shared->broken = 1;
    fronts_event();
    assert_int_equal(front_status(front), ALL_BUT_OK | OK | 64);
    assert_int_equal(reports, 1);
    assert_int_equal(strlen(report), strlen("disk0: ") + sizeof front->text - 1);
    assert_true(front_interrupts(front) & FRONT_CONFIG);
    raised = 0;
    front_notify(front);
    fronts_event();
    assert_int_equal(reports, 1);
    assert_int_equal(raised, 0);
    answers_after = sleeps + 1;
    front_status_write(front, 0);
    drive();
    fronts_event(); /* `broken` is about the request before */
    assert_int_equal(front_status(front), ALL_BUT_OK | OK);
}

/* Red when a VM waits for ever for a driver without a device, or its console does not say why. */
static void test_no_device(void **state)
{
    (void)state;
    driver_offers(0);
    strcpy(shared->offer.text, "no disk at /virtio_mmio@a000000; give --disk");
    virtio_remote_await();
    assert_true(now >= 2000000 && now < 2100000);
    assert_string_equal(report, "VM test: disk0: no disk at /virtio_mmio@a000000; give --disk");
    fronts_reset();
    assert_int_equal(front_offered(front, 1), 1);
    assert_int_equal(front_config_read(front, 0, 8), 0);
    assert_int_equal(front->device, VIRTIO_BLOCK);
}

/* Red when a disk and a device of the board that the VM was given have one interrupt, and nobody says so. */
static void test_line_of_a_device(void **state)
{
    (void)state;
    memset(fronts, 0, sizeof fronts);
    memset(remotes, 0, sizeof remotes);
    line_is_taken = true;
    virtio_remote_build();
    line_is_taken = false;
    assert_null(front_at(INDEX));
    assert_non_null(strstr(report, "disk0"));
    virtio_remote_await();
    fronts_event();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_offer, setup),         cmocka_unit_test_setup(test_start, setup),
        cmocka_unit_test_setup(test_root_is_told, setup),  cmocka_unit_test_setup(test_line_of_a_device, setup),
        cmocka_unit_test_setup(test_reset_waits, setup),   cmocka_unit_test_setup(test_reset_without_driver, setup),
        cmocka_unit_test_setup(test_vm_reset, setup),      cmocka_unit_test_setup(test_config_change, setup),
        cmocka_unit_test_setup(test_broken, setup),        cmocka_unit_test_setup(test_no_device, setup),
    };
    shared = aligned_alloc(4096, sizeof *shared);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(shared);
    return failed;
}
