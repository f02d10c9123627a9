/* A virtio device's front and its registers by the specification's tables, on a backend of the test's (virtio 1.2 §2, §4.2). */
#define LIB_CLOCK_H /* components/lib/clock.h reads the processor's counter */
#include "vmm_lines.h"

static void clock_sleep_us(uint64_t us);

#include "../../components/lib/string.h"
#include "../../components/vmm/mmio.c"
#include "../../components/vmm/virtio_front.c"
#include "../../components/vmm/virtio_mmio.c"

enum { PLACE = 2, PAGE_OF = PLACE * FRONT_SIZE, LINE = FRONT_LINE + PLACE, QUEUES = 2, OK = 4, ALL_BUT_OK = 1 | 2 | 8 };

#define TEST_FEATURES (UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_F_EVENT_IDX | 0x21)

/* The backend, and what became of it. */
static struct {
    unsigned starts, stops, notifies, events, sleeps, reports;
    unsigned late;     /* looks until it has stopped */
    const char *wrong; /* what it answers */
    const char *name, *report;
} seen;

void string_copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = 0;
}

void report_device(const char *device, const char *wrong)
{
    seen.reports++;
    seen.name = device;
    seen.report = wrong;
}

static void offer(struct front *front)
{
    front->state->offered = TEST_FEATURES;
    front->state->config_size = 10;
    for (uint8_t i = 0; i < 16; i++)
        front->state->config[i] = (uint8_t)(0x10 + i);
}

static const char *start(struct front *front)
{
    assert_int_equal(front->lock.word, 1);
    seen.starts++;
    return seen.wrong;
}

static const char *notify(struct front *front)
{
    assert_int_equal(front->lock.word, 1);
    seen.notifies++;
    return seen.wrong;
}

static void stop(struct front *front)
{
    assert_false(front->state->running);
    seen.stops++;
}

static bool stopped(struct front *front)
{
    (void)front;
    return !seen.late;
}

static const char *event(struct front *front)
{
    (void)front;
    seen.events++;
    return seen.wrong;
}

static uint32_t get(uint64_t offset)
{
    return (uint32_t)virtio_mmio_read(0, PAGE_OF + offset, 4);
}

static void put(uint64_t offset, uint32_t value)
{
    virtio_mmio_write(0, PAGE_OF + offset, 4, value);
}

/* Meanwhile another vCPU tries to go on with the device. */
static void clock_sleep_us(uint64_t us)
{
    assert_true(us && us <= 10000);
    assert_int_equal(fronts[PLACE].lock.word, 0);
    seen.sleeps++;
    seen.late--;
    if (!fronts[PLACE].state->stopping)
        return;
    put(STATUS, ALL_BUT_OK | OK);
    put(QUEUE_READY, 1);
    put(DRIVER_FEATURES, 0xffff);
    fronts_event();
    assert_int_equal(seen.events, 0);
}

static struct front_backend backend = {false, offer, start, notify, stop, stopped, event};

static int setup(void **state)
{
    (void)state;
    memset(&recorded, 0, sizeof recorded);
    memset(fronts, 0, sizeof fronts);
    memset(&mmio_map, 0, sizeof mmio_map);
    range_count = 0;
    backend.notifies_itself = false;
    assert_non_null(front_build(PLACE, "gadget", VIRTIO_BLOCK, QUEUES, &backend));
    assert_true(virtio_mmio_build());
    memset(&seen, 0, sizeof seen);
    fronts_reset();
    virtio_mmio_reset();
    memset(&seen, 0, sizeof seen);
    return 0;
}

static void accept(uint64_t features)
{
    for (uint32_t word = 0; word < 2; word++) {
        put(DRIVER_FEATURES_SEL, word);
        put(DRIVER_FEATURES, (uint32_t)(features >> 32 * word));
    }
}

/* §3.1.1, up to the queues. */
static void negotiate(void)
{
    put(STATUS, 1);
    put(STATUS, 1 | 2);
    accept(TEST_FEATURES);
    put(STATUS, ALL_BUT_OK);
    assert_int_equal(get(STATUS), ALL_BUT_OK);
}

static void queue_place(uint32_t queue)
{
    static const uint16_t low[] = {QUEUE_DESC_LOW, QUEUE_DRIVER_LOW, QUEUE_DEVICE_LOW};
    put(QUEUE_SEL, queue);
    assert_false(get(QUEUE_READY));
    put(QUEUE_NUM, 64);
    for (unsigned i = 0; i < 3; i++) {
        put(low[i], 0x40000000 + 0x1000 * i);
        put(low[i] + 4u, i);
    }
    put(QUEUE_READY, 1);
    assert_true(get(QUEUE_READY));
}

static void drive(void)
{
    negotiate();
    queue_place(0);
    put(STATUS, ALL_BUT_OK | OK);
    assert_int_equal(seen.starts, 1);
}

/* --- registers -------------------------------------------------------------------------------------------------------- */

/* What each word reads after a reset (§4.2.2, table 4.1); all others zero. */
static const struct {
    uint16_t offset;
    uint32_t value;
} after_reset[] = {
    {0x000, 0x74726976}, {0x004, 2}, {0x008, VIRTIO_BLOCK}, {0x00c, VENDOR}, {0x010, (uint32_t)TEST_FEATURES}, {0x034, LINK_QUEUE_SIZE},
    {0x0b0, UINT32_MAX}, {0x0b4, UINT32_MAX}, {0x0b8, UINT32_MAX}, {0x0bc, UINT32_MAX},
};

static uint32_t expected(uint16_t offset)
{
    for (unsigned i = 0; i < sizeof after_reset / sizeof after_reset[0]; i++)
        if (after_reset[i].offset == offset)
            return after_reset[i].value;
    return 0;
}

static void assert_as_after_reset(void)
{
    for (uint16_t offset = 0; offset < CONFIG; offset = (uint16_t)(offset + 4))
        assert_int_equal(get(offset), expected(offset));
}

static void test_after_reset(void **state)
{
    (void)state;
    assert_as_after_reset();
}

/* Red when a store changes what is read-only, or a write-only register can be read. */
static void test_read_only(void **state)
{
    static const uint16_t read_only[] = {0x000, 0x004, 0x008, 0x00c, 0x010, 0x034, 0x060, 0x0b0, 0x0b4, 0x0b8, 0x0bc, 0x0fc};
    static const uint16_t write_only[] = {0x014, 0x020, 0x024, 0x030, 0x038, 0x050, 0x064, 0x080, 0x084, 0x090, 0x094, 0x0a0, 0x0a4, 0x0ac};
    (void)state;
    for (unsigned i = 0; i < sizeof read_only / sizeof read_only[0]; i++)
        put(read_only[i], 0x5a5a5a5a);
    assert_as_after_reset();
    for (unsigned i = 0; i < sizeof write_only / sizeof write_only[0]; i++) {
        put(write_only[i], UINT32_MAX);
        assert_int_equal(get(write_only[i]), 0);
    }
    assert_int_equal(seen.notifies, 0); /* not before DRIVER_OK */
}

/* §4.2.2.2: narrower loads get their bytes, of 8 bytes the word; stores of another size are ignored. */
static void test_access_sizes(void **state)
{
    (void)state;
    assert_int_equal(virtio_mmio_read(0, PAGE_OF, 1), 0x74726976);
    assert_int_equal((uint8_t)virtio_mmio_read(0, PAGE_OF + 1, 1), 0x69);
    assert_int_equal((uint16_t)virtio_mmio_read(0, PAGE_OF + 2, 2), 0x7472);
    assert_int_equal(virtio_mmio_read(0, PAGE_OF, 8), 0x74726976);
    for (unsigned size = 1; size <= 8; size *= 2)
        if (size != 4)
            virtio_mmio_write(0, PAGE_OF + STATUS, size, 1);
    assert_int_equal(get(STATUS), 0);
    virtio_mmio_write(0, PAGE_OF + STATUS, 4, 1);
    assert_int_equal(get(STATUS), 1);
}

static void test_config(void **state)
{
    (void)state;
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x100, 1), 0x10);
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x103, 1), 0x13);
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x102, 2), 0x1312);
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x104, 4), 0x17161514);
    assert_true(virtio_mmio_read(0, PAGE_OF + 0x100, 8) == UINT64_C(0x1716151413121110));
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x108, 8), 0x1918); /* it has ten bytes */
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0x110, 8), 0);
    assert_int_equal(virtio_mmio_read(0, PAGE_OF + 0xff8, 8), 0);
    for (unsigned size = 1; size <= 8; size *= 2)
        virtio_mmio_write(0, PAGE_OF + 0x100, size, UINT64_MAX);
    assert_true(virtio_mmio_read(0, PAGE_OF + 0x100, 8) == UINT64_C(0x1716151413121110));
}

/* Pages between devices say that there is none; behind the last one there is nothing. */
static void test_no_device(void **state)
{
    (void)state;
    assert_int_equal(virtio_mmio_read(0, 0, 4), 0x74726976);
    assert_int_equal(virtio_mmio_read(0, 4, 4), 2);
    for (uint64_t offset = 8; offset < FRONT_SIZE; offset += 4) {
        virtio_mmio_write(0, offset, 4, UINT32_MAX);
        assert_int_equal(virtio_mmio_read(0, offset, 4), offset == VENDOR_ID ? VENDOR : 0);
    }
    assert_non_null(mmio_find(FRONT_BASE + PAGE_OF + FRONT_SIZE - 1));
    assert_null(mmio_find(FRONT_BASE + PAGE_OF + FRONT_SIZE));
    assert_null(front_build(PLACE, "twice", 1, 1, &backend));
    assert_null(front_build(FRONT_MAX, "beyond", 1, 1, &backend));
    assert_null(front_build(1, "many", 1, LINK_QUEUES + 1, &backend));
}

/* Anything anywhere, red by the sanitisers. */
static void test_everywhere(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    for (unsigned round = 0; round < 3; round++)
        for (uint64_t offset = 0; offset < 4 * FRONT_SIZE; offset++)
            for (unsigned i = 0; i < 4; i++) {
                virtio_mmio_write(0, offset, sizes[i], round ? UINT64_MAX : offset);
                virtio_mmio_read(0, offset, sizes[i]);
            }
}

/* --- negotiation ------------------------------------------------------------------------------------------------------ */

static void test_features(void **state)
{
    (void)state;
    for (uint32_t word = 0; word < 4; word++) {
        put(DEVICE_FEATURES_SEL, word);
        assert_int_equal(get(DEVICE_FEATURES), word < 2 ? (uint32_t)(TEST_FEATURES >> 32 * word) : 0);
    }
    put(DEVICE_FEATURES_SEL, UINT32_MAX);
    assert_int_equal(get(DEVICE_FEATURES), 0);
    negotiate();
    assert_true(fronts[PLACE].state->accepted == TEST_FEATURES);
    accept(0); /* too late (§3.1.1) */
    assert_true(fronts[PLACE].state->accepted == TEST_FEATURES);
}

static void assert_refused(uint64_t features)
{
    put(STATUS, 0);
    put(STATUS, 1 | 2);
    accept(features);
    put(STATUS, ALL_BUT_OK);
    assert_int_equal(get(STATUS), 1 | 2);
    put(STATUS, ALL_BUT_OK | OK); /* regardless */
    assert_int_equal(get(STATUS), 1 | 2);
    assert_int_equal(seen.starts, 0);
}

/* Red when the device goes on with features that it does not have, or with a driver of before version 1. */
static void test_features_refused(void **state)
{
    (void)state;
    assert_refused(TEST_FEATURES | 2);
    assert_refused(TEST_FEATURES | UINT64_C(1) << VIRTIO_F_RING_PACKED);
    assert_refused(TEST_FEATURES & ~(UINT64_C(1) << VIRTIO_F_VERSION_1));
    put(STATUS, 0);
    put(DRIVER_FEATURES_SEL, 2);
    put(DRIVER_FEATURES, 1);
    put(DRIVER_FEATURES_SEL, 0);
    accept(TEST_FEATURES);
    put(STATUS, ALL_BUT_OK);
    assert_int_equal(get(STATUS), 1 | 2);
    put(STATUS, 0);
    negotiate(); /* a refusal is not for ever */
}

static void test_status_order(void **state)
{
    (void)state;
    put(STATUS, OK); /* before FEATURES_OK */
    assert_int_equal(get(STATUS), 0);
    negotiate();
    put(STATUS, 1); /* bits are not taken back (§2.1.1) */
    assert_int_equal(get(STATUS), ALL_BUT_OK);
    put(STATUS, 64 | 16 | 32 | 1u << 31); /* DEVICE_NEEDS_RESET is the device's */
    assert_int_equal(get(STATUS), ALL_BUT_OK);
    put(STATUS, 128);
    assert_int_equal(get(STATUS), ALL_BUT_OK | 128);
    put(STATUS, 0);
    assert_int_equal(get(STATUS), 0);
}

/* --- queues ----------------------------------------------------------------------------------------------------------- */

static void test_queue(void **state)
{
    (void)state;
    negotiate();
    queue_place(1);
    const struct link_queue *queue = &fronts[PLACE].state->queues[1];
    assert_int_equal(queue->size, 64);
    assert_true(queue->descriptors == UINT64_C(0x40000000) && queue->available == UINT64_C(0x140001000) && queue->used == UINT64_C(0x240002000));
    put(QUEUE_NUM, 8); /* a queue that is ready stays as it is */
    put(QUEUE_DESC_LOW, 0);
    assert_true(queue->size == 64 && queue->descriptors == UINT64_C(0x40000000));
    put(QUEUE_SEL, 0);
    assert_false(get(QUEUE_READY));
    put(QUEUE_SEL, 1);
    put(QUEUE_READY, 0);
    assert_false(get(QUEUE_READY));
    assert_int_equal(seen.starts + seen.stops, 0);
}

static void test_queue_out_of_range(void **state)
{
    static const uint32_t queues[] = {QUEUES, 31, 32, 33, LINK_QUEUES, UINT32_MAX};
    struct virtio_front_state before;
    (void)state;
    negotiate();
    before = *fronts[PLACE].state;
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        put(QUEUE_SEL, queues[i]);
        assert_int_equal(get(QUEUE_NUM_MAX), 0);
        put(QUEUE_NUM, 4);
        put(QUEUE_DESC_HIGH, 4);
        put(QUEUE_READY, 1);
        assert_false(get(QUEUE_READY));
    }
    assert_memory_equal(&before, fronts[PLACE].state, sizeof before);
}

static void test_serving(void **state)
{
    (void)state;
    negotiate();
    queue_place(0);
    put(QUEUE_NOTIFY, 0);
    assert_int_equal(seen.starts + seen.notifies, 0);
    put(STATUS, ALL_BUT_OK | OK);
    assert_int_equal(seen.starts, 1);
    put(STATUS, ALL_BUT_OK | OK);
    assert_int_equal(seen.starts, 1);
    put(QUEUE_NOTIFY, 0);
    put(QUEUE_NOTIFY, 17);
    assert_int_equal(seen.notifies, 2);
    fronts_event();
    assert_int_equal(seen.events, 1);
}

/* Red when a queue that its driver stopped is served on. Of several all stop, and the device says so. */
static void test_queue_stop(void **state)
{
    (void)state;
    drive();
    seen.late = 3;
    put(QUEUE_READY, 0);
    assert_int_equal(seen.stops, 1);
    assert_int_equal(seen.sleeps, 3);
    assert_false(get(QUEUE_READY));
}

static void test_one_queue_restarts(void **state)
{
    (void)state;
    drive();
    put(QUEUE_READY, 0);
    assert_int_equal(get(STATUS), ALL_BUT_OK | OK);
    put(QUEUE_NOTIFY, 0);
    assert_int_equal(seen.notifies, 0);
    put(QUEUE_READY, 1);
    assert_int_equal(seen.starts, 2);
    put(QUEUE_SEL, 1);
    put(QUEUE_READY, 1); /* another one, too late */
    assert_false(get(QUEUE_READY));
    put(STATUS, 0);
    negotiate();
    queue_place(0);
    queue_place(1);
    put(STATUS, ALL_BUT_OK | OK);
    put(QUEUE_READY, 0);
    assert_int_equal(get(STATUS), ALL_BUT_OK | OK | 64);
    assert_string_equal(seen.report, "its driver stopped one queue of several");
}

/* --- interrupts, reset ------------------------------------------------------------------------------------------------ */

static void test_interrupts(void **state)
{
    (void)state;
    drive();
    recorded.calls = 0;
    front_interrupt(&fronts[PLACE], FRONT_USED);
    assert_true(recorded.level[LINE]);
    assert_int_equal(recorded.calls, 1);
    assert_int_equal(get(INTERRUPT_STATUS), 1);
    front_interrupt(&fronts[PLACE], FRONT_CONFIG);
    assert_int_equal(get(INTERRUPT_STATUS), 3);
    put(INTERRUPT_ACK, 1);
    assert_int_equal(get(INTERRUPT_STATUS), 2);
    put(INTERRUPT_ACK, UINT32_MAX);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
    backend.notifies_itself = true; /* a driver component raises the line */
    assert_int_equal(get(INTERRUPT_STATUS), 1);
    put(INTERRUPT_ACK, 1);
    assert_int_equal(get(INTERRUPT_STATUS), 1);
    put(STATUS, 0);
    assert_int_equal(get(INTERRUPT_STATUS), 0);
}

/* Red when a reset in the midst of work returns before the backend has let go of the guest's memory, or leaves anything of what was. */
static void test_reset_amid_work(void **state)
{
    struct virtio_front_state fresh;
    (void)state;
    fresh = *fronts[PLACE].state;
    drive();
    front_interrupt(&fronts[PLACE], FRONT_USED);
    put(DEVICE_FEATURES_SEL, 1);
    put(QUEUE_SEL, 1);
    seen.late = 5;
    put(STATUS, 0);
    assert_int_equal(seen.stops, 1);
    assert_int_equal(seen.late, 0);
    assert_int_equal(seen.starts, 1);
    assert_memory_equal(&fresh, fronts[PLACE].state, sizeof fresh);
    put(DRIVER_FEATURES_SEL, 0);
    put(QUEUE_SEL, 0); /* clock_sleep_us's */
    put(DEVICE_FEATURES_SEL, 0);
    assert_as_after_reset();
    seen.starts = 0;
    drive();
}

/* Red when it goes on with a malformed queue, does not tell the guest, or tells the user more than once in the VM's life. */
static void test_needs_reset(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        negotiate();
        queue_place(0);
        put(STATUS, ALL_BUT_OK | OK);
        seen.wrong = "a chain loops";
        put(QUEUE_NOTIFY, 0);
        seen.wrong = NULL;
        assert_int_equal(get(STATUS), ALL_BUT_OK | OK | 64);
        assert_int_equal(get(INTERRUPT_STATUS), 2);
        assert_true(recorded.level[LINE]);
        assert_int_equal(seen.reports, 1);
        seen.notifies = seen.events = 0;
        put(QUEUE_NOTIFY, 0);
        fronts_event();
        put(STATUS, ALL_BUT_OK | OK);
        assert_int_equal(seen.notifies + seen.events, 0);
        assert_int_equal(seen.starts, i + 1);
        put(STATUS, 0);
        assert_int_equal(get(STATUS), 0);
    }
    assert_string_equal(seen.name, "gadget");
    assert_string_equal(seen.report, "a chain loops");
    fronts_reset(); /* the VM's restart: another life */
    negotiate();
    queue_place(0);
    seen.wrong = "its ring lies outside";
    put(STATUS, ALL_BUT_OK | OK); /* found at the start */
    assert_int_equal(get(STATUS), ALL_BUT_OK | OK | 64);
    assert_int_equal(seen.reports, 2);
}

/* Red when a reset leaves anything of what was before: it is one function at start and at restart. */
static void test_reset_forgets(void **state)
{
    struct virtio_front_state fresh;
    (void)state;
    fresh = *fronts[PLACE].state;
    for (int pattern = 1; pattern < 256; pattern++) {
        memset(fronts[PLACE].state, pattern, sizeof fresh);
        memset(selected, pattern, sizeof selected);
        fronts_reset();
        virtio_mmio_reset();
        assert_memory_equal(fronts[PLACE].state, &fresh, sizeof fresh);
        for (size_t i = 0; i < sizeof selected; i++)
            assert_int_equal(((uint8_t *)selected)[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_after_reset, setup),      cmocka_unit_test_setup(test_read_only, setup),
        cmocka_unit_test_setup(test_access_sizes, setup),     cmocka_unit_test_setup(test_config, setup),
        cmocka_unit_test_setup(test_no_device, setup),        cmocka_unit_test_setup(test_everywhere, setup),
        cmocka_unit_test_setup(test_features, setup),         cmocka_unit_test_setup(test_features_refused, setup),
        cmocka_unit_test_setup(test_status_order, setup),     cmocka_unit_test_setup(test_queue, setup),
        cmocka_unit_test_setup(test_queue_out_of_range, setup), cmocka_unit_test_setup(test_serving, setup),
        cmocka_unit_test_setup(test_queue_stop, setup),       cmocka_unit_test_setup(test_one_queue_restarts, setup),
        cmocka_unit_test_setup(test_interrupts, setup),       cmocka_unit_test_setup(test_reset_amid_work, setup),
        cmocka_unit_test_setup(test_needs_reset, setup),      cmocka_unit_test_setup(test_reset_forgets, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
