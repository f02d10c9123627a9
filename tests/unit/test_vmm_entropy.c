/* The entropy device on a split ring of the test's (virtio 1.2 §2.7, §5.4), with a generator that counts. */
#define LIB_CLOCK_H
#define LIB_CALL_STUBS_H
#include "vmm_lines.h"

#include <bulkhead/call.h>
#include <bulkhead/status.h>

static void clock_sleep_us(uint64_t us);
static status_t signal_raise(cap_t signal, uint64_t bits);

#include "../../components/lib/string.h"
#include "../../components/vmm/virtio_front.c"
#include "../../components/vmm/virtio_entropy.c"

enum {
    RAM = 0x40000000,
    RAM_SIZE = 0x10000,
    DESCRIPTORS = 0x1000,
    AVAILABLE = 0x2000,
    USED = 0x3000,
    BUFFERS = 0x4000,
    SIZE = 8,
    LINE = FRONT_LINE,
    OK = 15,
    WAKE = 17,
};

struct machine machine = {.name = "test", .wake = WAKE};

static _Alignas(4096) uint8_t ram[RAM_SIZE];
static struct front *front;
static bool seeded, line_taken, refills;
static uint8_t next_byte;
static unsigned wakes, reports;
static const char *report;

static void clock_sleep_us(uint64_t us)
{
    (void)us;
    fail();
}

static status_t signal_raise(cap_t signal, uint64_t bits)
{
    assert_true(signal == WAKE && bits == WAKE_LINK);
    wakes++;
    return STATUS_OK;
}

/* The queues' objects are those of test_virtqueue, which watches their stores. */
void vq_stored(void)
{
}

bool trng_is_offered(void)
{
    return seeded;
}

bool devices_have_line(uint32_t intid)
{
    assert_int_equal(intid, LINE);
    return line_taken;
}

void report_device(const char *device, const char *wrong)
{
    assert_string_equal(device, "entropy device");
    report = wrong;
    reports++;
}

void string_copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

static uint16_t *word(uint32_t at)
{
    return (uint16_t *)(void *)(ram + at);
}

static void give(uint16_t head)
{
    uint16_t index = *word(AVAILABLE + 2);
    *word(AVAILABLE + 4 + index % SIZE * 2u) = head;
    *word(AVAILABLE + 2) = (uint16_t)(index + 1);
}

/* Another vCPU makes a buffer available whenever one is being filled. */
void trng_bytes(void *to, size_t size)
{
    assert_true(size && size <= 32);
    memset(to, ++next_byte, size);
    if (refills && next_byte % 2 == 0)
        give(next_byte / 2 % SIZE);
}

static void describe(unsigned i, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
    struct link_descriptor descriptor = {address, length, flags, next};
    memcpy(ram + DESCRIPTORS + i * sizeof descriptor, &descriptor, sizeof descriptor);
}

static void drive(void)
{
    struct link_queue rings = {RAM + DESCRIPTORS, RAM + AVAILABLE, RAM + USED, SIZE, 0};
    front_status_write(front, 0);
    memset(ram + DESCRIPTORS, 0, BUFFERS - DESCRIPTORS);
    front_status_write(front, 3);
    front_accept(front, 0, 1u << VIRTIO_F_INDIRECT_DESC);
    front_accept(front, 1, 1);
    front_status_write(front, 11);
    front_queue_write(front, 0, &rings);
    front_queue_ready_write(front, 0, true);
    front_status_write(front, OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&recorded, 0, sizeof recorded);
    memset(fronts, 0, sizeof fronts);
    memset(ram, 0, sizeof ram);
    machine.ram = (struct ram){ram, RAM, RAM_SIZE};
    seeded = true;
    line_taken = refills = false;
    virtio_entropy_build();
    front = front_at(0);
    assert_non_null(front);
    fronts_reset();
    virtio_entropy_reset();
    next_byte = 0;
    drive();
    wakes = reports = 0;
    return 0;
}

static uint32_t used_length(unsigned i)
{
    uint32_t length;
    memcpy(&length, ram + USED + 8 + i * 8u, sizeof length);
    return length;
}

static void test_fills(void **state)
{
    (void)state;
    assert_int_equal(front_status(front), OK);
    describe(3, RAM + BUFFERS, 256, VIRTIO_D_WRITE, 0);
    give(3);
    assert_int_equal(*word(USED + 2), 0); /* not before it is told */
    front_notify(front);
    assert_int_equal(*word(USED + 2), 1);
    assert_int_equal(*word(USED + 4), 3);
    assert_int_equal(used_length(0), 64);
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(ram[BUFFERS + i], i < 32 ? 1 : i < 64 ? 2 : 0);
    assert_true(recorded.level[LINE]);
    assert_int_equal(front_interrupts(front), FRONT_USED);
    assert_int_equal(wakes, 0);
}

/* Red when it writes to what the guest gave it to read, or beyond a segment. */
static void test_segments(void **state)
{
    (void)state;
    describe(0, RAM + BUFFERS, 8, VIRTIO_D_NEXT, 1);
    describe(1, RAM + BUFFERS + 8, 3, VIRTIO_D_NEXT | VIRTIO_D_WRITE, 2);
    describe(2, RAM + BUFFERS + 16, 37, VIRTIO_D_WRITE, 0);
    give(0);
    front_notify(front);
    assert_int_equal(used_length(0), 40);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(ram[BUFFERS + i] != 0, (i >= 8 && i < 11) || (i >= 16 && i < 53));
    describe(4, RAM + BUFFERS, 8, 0, 0); /* nothing to write to */
    give(4);
    front_notify(front);
    assert_int_equal(used_length(1), 0);
    assert_int_equal(front_status(front), OK);
}

static void test_no_interrupt(void **state)
{
    (void)state;
    *word(AVAILABLE) = VIRTIO_A_NO_INTERRUPT;
    describe(0, RAM + BUFFERS, 8, VIRTIO_D_WRITE, 0);
    give(0);
    recorded.calls = 0;
    front_notify(front);
    assert_int_equal(*word(USED + 2), 1);
    assert_int_equal(recorded.calls, 0);
}

/* Red when a guest whose other vCPU goes on giving keeps a thread of its monitor's busy for ever, or what is left over is forgotten. */
static void test_bounded(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < SIZE; i++)
        describe(i, RAM + BUFFERS + i * 64u, 64, VIRTIO_D_WRITE, 0);
    refills = true;
    give(0);
    front_notify(front);
    assert_int_equal(*word(USED + 2), 2 * SIZE);
    assert_int_equal(wakes, 1);
    refills = false;
    fronts_event();
    assert_int_equal(*word(USED + 2), 2 * SIZE + 1);
    assert_int_equal(wakes, 1);
    fronts_event();
    assert_int_equal(*word(USED + 2), 2 * SIZE + 1);
}

static void test_malformed(void **state)
{
    (void)state;
    describe(0, RAM + RAM_SIZE - 4, 8, VIRTIO_D_WRITE, 0);
    give(0);
    front_notify(front);
    assert_int_equal(front_status(front), OK | VIRTIO_S_NEEDS_RESET);
    assert_int_equal(front_interrupts(front), FRONT_CONFIG);
    assert_int_equal(*word(USED + 2), 0);
    assert_string_equal(report, "a descriptor leads out of the guest's memory");
    drive();
    describe(0, RAM + RAM_SIZE - 8, 8, VIRTIO_D_WRITE, 0);
    give(0);
    front_notify(front);
    assert_int_equal(*word(USED + 2), 1);
    assert_int_equal(reports, 1);
}

/* Each start is another one: what was in flight is not. */
static void test_reset_amid_work(void **state)
{
    (void)state;
    describe(0, RAM + BUFFERS, 8, VIRTIO_D_WRITE, 0);
    give(0);
    drive();
    front_notify(front);
    assert_int_equal(*word(USED + 2), 0);
    give(0);
    fronts_reset();
    virtio_entropy_reset();
    front_notify(front);
    assert_int_equal(*word(USED + 2), 0);
    assert_int_equal(entropy.record.started, 0);
    uint32_t before = entropy.request;
    drive();
    assert_int_equal(entropy.request, before + 1);
}

static void test_absent(void **state)
{
    (void)state;
    memset(fronts, 0, sizeof fronts);
    seeded = false;
    virtio_entropy_build();
    assert_null(front_at(0));
    seeded = line_taken = true;
    virtio_entropy_build();
    assert_null(front_at(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fills, setup),        cmocka_unit_test_setup(test_segments, setup), cmocka_unit_test_setup(test_no_interrupt, setup),
        cmocka_unit_test_setup(test_bounded, setup),      cmocka_unit_test_setup(test_malformed, setup), cmocka_unit_test_setup(test_reset_amid_work, setup),
        cmocka_unit_test_setup(test_absent, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
