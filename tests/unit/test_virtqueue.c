/* Virtqueues from the device's side (components/virtio/), against a driver of the tests' own (virtio_driver.h). Each test names a bug that turns it red. */
#include "virtio_machine.h"

/* --- both kinds ----------------------------------------------------------------------------------------------------------------- */

/* Red when: segments lose their order or flags, the bus address is not the window's, or a used element has another's length. */
static void test_one_request(void **state)
{
    (void)state;
    EACH_KIND (i) {
        for (unsigned parts = 1; parts <= 3; parts++) {
            for (int indirect = 0; indirect < 2; indirect++) {
                machine_build(kinds[i].packed, kinds[i].size, 0);
                assert_false(vq_take(&queue, &chain));
                uint32_t number = driver_add(&driver, parts, indirect), written;
                if (!number)
                    continue;
                assert_int_equal(take(), number);
                assert_int_equal(chain.readable + chain.writable, parts);
                assert_int_equal(chain.writable, parts > 1);
                assert_int_equal(chain.bytes, sizeof number + (parts - 1) * BUFFER_SIZE);
                for (unsigned n = 0; n < parts; n++)
                    assert_int_equal(chain.segments[n].bus - BUS, (uint8_t *)chain.segments[n].at - ram);
                assert_int_equal(driver_get(&driver, &written), 0);
                vq_put(&queue, chain.place, 77);
                assert_int_equal(driver_get(&driver, &written), number);
                assert_int_equal(written, 77);
                assert_int_equal(driver_get(&driver, &written), 0);
                assert_false(vq_take(&queue, &chain));
                assert_null(vq_wrong(&queue));
            }
        }
    }
}

/* Red when: a new request goes on with the old one's indices or wrap counters, or finds chains in flight that the guest's reset has ended. */
static void test_renegotiation(void **state)
{
    (void)state;
    EACH_KIND (i) {
        machine_build(kinds[i].packed, kinds[i].size, 0);
        for (uint32_t request = 3; request < 40; request += 2) {
            uint32_t written;
            while (driver_add(&driver, 1, false))
                ;
            if (request % 4 == 3 && take())
                vq_put(&queue, chain.place, 1);
            take();
            bool other = request % 6 == 1; /* and the next driver may choose other rings */
            features = (features & ~(UINT64_C(1) << VIRTIO_F_RING_PACKED)) | (uint64_t)(kinds[i].packed != other) << VIRTIO_F_RING_PACKED;
            rings.size = other ? 4 : kinds[i].size;
            driver_init(&driver, ram, kinds[i].packed != other, (uint16_t)rings.size);
            assert_true(component_start(request));
            assert_false(vq_resume(&queue, &chain));
            assert_false(vq_take(&queue, &chain));
            assert_false(vq_interrupts(&queue));
            assert_int_equal(driver_add(&driver, 1, false), 1);
            assert_int_equal(take(), 1);
            vq_put(&queue, chain.place, 1);
            assert_int_equal(driver_get(&driver, &written), 1);
        }
    }
}

/* Red when: a chain is put back a second time, or one that never was taken. */
static void test_put_of_nothing(void **state)
{
    (void)state;
    EACH_KIND (i) {
        for (unsigned place = 0; place < 0x10000; place += 85) {
            uint32_t written;
            machine_build(kinds[i].packed, kinds[i].size, 0);
            driver_add(&driver, 1, false);
            take();
            vq_put(&queue, chain.place, 1);
            vq_put(&queue, (uint16_t)place, 1);
            assert_string_equal(vq_wrong(&queue), "the driver puts back what is not in flight");
            assert_int_equal(driver_get(&driver, &written), 1);
            assert_int_equal(driver_get(&driver, &written), 0);
        }
    }
}

/* --- guest memory --------------------------------------------------------------------------------------------------------------- */

/* Red when: a bound is off by one, a sum wraps, or a range may cross from one window to the next. */
static void test_memory(void **state)
{
    (void)state;
    static const struct link_window two[] = {{0x1000, 0x1000, 0x100000, 0x900000}, {0x2000, 0x3000, 0x300000, 0x700000}};
    static const struct {
        uint64_t guest, size, at, bus;
    } rows[] = {
        {0x1000, 1, 0x100000, 0x900000},
        {0x1000, 0x1000, 0x100000, 0x900000},
        {0x1fff, 1, 0x100fff, 0x900fff},
        {0x2000, 0x3000, 0x300000, 0x700000},
        {0x4fff, 1, 0x302fff, 0x702fff},
        {0xfff, 1, 0, 0},
        {0xfff, 2, 0, 0},
        {0x1000, 0x1001, 0, 0},
        {0x1fff, 2, 0, 0},
        {0x5000, 1, 0, 0},
        {0x5000, 0, 0, 0},
        {0x2000, 0x3001, 0, 0},
        {0x2001, UINT64_MAX, 0, 0},
        {0x2001, UINT64_MAX - 0x1fff, 0, 0},
        {UINT64_MAX, 1, 0, 0},
        {UINT64_MAX, 2, 0, 0},
        {0, UINT64_MAX, 0, 0},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t bus = 0;
        struct vq_memory both = {two, 2}, none = {two, 0};
        assert_int_equal((uintptr_t)vq_memory_at(&both, rows[i].guest, rows[i].size, &bus), rows[i].at);
        assert_int_equal((uintptr_t)vq_memory_at(&both, rows[i].guest, rows[i].size, NULL), rows[i].at);
        assert_int_equal(bus, rows[i].bus);
        assert_null(vq_memory_at(&none, rows[i].guest, rows[i].size, &bus));
    }
}

static const char rings_wrong[] = "the queue's rings lie outside of the guest's memory, or are not aligned";
static const char size_wrong[] = "the queue's size is none that was offered";

/* Red when: a ring may begin anywhere, or end beyond the guest's memory; the event index that follows is forgotten. */
static void test_rings_places(void **state)
{
    (void)state;
    static const struct {
        uint64_t descriptors, available, used;
        uint32_t size;
        const char *split, *packed;
    } rows[] = {
        {0, 0x1000, 0x2000, 8, NULL, NULL},
        {RAM_SIZE - 128, 0, 0, 8, NULL, NULL},
        {RAM_SIZE - 112, 0, 0, 8, rings_wrong, rings_wrong},
        {8, 0x1000, 0x2000, 8, rings_wrong, rings_wrong},
        {0, 0x1001, 0x2000, 8, rings_wrong, rings_wrong},
        {0, 0x1002, 0x2000, 8, NULL, rings_wrong},
        {0, 0x1000, 0x2002, 8, rings_wrong, rings_wrong},
        {0, RAM_SIZE - 22, 0, 8, NULL, rings_wrong},
        {0, RAM_SIZE - 20, 0, 8, rings_wrong, NULL},
        {0, RAM_SIZE - 4, 0, 8, rings_wrong, NULL},
        {0, 0, RAM_SIZE - 72, 8, NULL, NULL},
        {0, 0, RAM_SIZE - 68, 8, rings_wrong, NULL},
        {0, 0, RAM_SIZE - 4, 8, rings_wrong, NULL},
        {0, 0, RAM_SIZE, 8, rings_wrong, rings_wrong},
        {0, RAM_SIZE, 0, 8, rings_wrong, rings_wrong},
        {-RAM_BASE, 0, 0, 8, rings_wrong, rings_wrong},
        {UINT64_MAX - 15 - RAM_BASE, 0, 0, 8, rings_wrong, rings_wrong},
        {0, 0x8000, 0x9000, 0, size_wrong, size_wrong},
        {0, 0x8000, 0x9000, 7, size_wrong, NULL},
        {0, 0x8000, 0x9000, 256, NULL, NULL},
        {0, 0x8000, 0x9000, 257, size_wrong, size_wrong},
        {0, 0x8000, 0x9000, 512, size_wrong, size_wrong},
        {0, 0x8000, 0x9000, UINT32_MAX, size_wrong, size_wrong},
    };
    for (unsigned i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const char *wrong = i % 2 ? rows[i / 2].packed : rows[i / 2].split;
        machine_build(i % 2, 8, 0);
        rings = (struct link_queue){RAM_BASE + rows[i / 2].descriptors, RAM_BASE + rows[i / 2].available, RAM_BASE + rows[i / 2].used, rows[i / 2].size, 0};
        assert_int_equal(component_start(3), !wrong);
        assert_int_equal(!vq_wrong(&queue), !wrong);
        if (wrong)
            assert_string_equal(vq_wrong(&queue), wrong);
        assert_int_equal(record.started, wrong ? 1 : 3);
    }
}

/* --- guests that lie ------------------------------------------------------------------------------------------------------------ */

enum kind { SPLIT = 1, PACKED = 2, BOTH = 3 };
enum field { ADDRESS, LENGTH, SET, CLEAR, NEXT, INDEX, HEAD };

/* A request of three buffers, the last one writable, in a queue of 8; one word of it is changed. */
struct lie {
    const char *wrong;
    enum kind kind;
    bool indirect; /* the request; then `n` is of its table, -1 the descriptor in the ring */
    int n;
    enum field field;
    uint64_t value;
};

static const struct lie lies[] = {
    {"a descriptor leads out of the guest's memory", BOTH, false, 0, ADDRESS, 0x3fffffff},
    {"a descriptor leads out of the guest's memory", BOTH, false, 1, ADDRESS, 0x40000000 + RAM_SIZE},
    {"a descriptor leads out of the guest's memory", BOTH, false, 2, ADDRESS, 0x40000001 + RAM_SIZE - BUFFER_SIZE},
    {"a descriptor leads out of the guest's memory", BOTH, false, 2, ADDRESS, UINT64_MAX},
    {"a descriptor leads out of the guest's memory", BOTH, false, 2, ADDRESS, 0},
    {"a descriptor leads out of the guest's memory", BOTH, false, 0, LENGTH, UINT32_MAX},
    {"a descriptor leads out of the guest's memory", BOTH, true, 1, ADDRESS, 0},
    {"a descriptor has no bytes", BOTH, false, 0, LENGTH, 0},
    {"a descriptor has no bytes", BOTH, true, 2, LENGTH, 0},
    {"a readable descriptor follows a writable one", BOTH, false, 0, SET, VIRTIO_D_WRITE},
    {"a readable descriptor follows a writable one", BOTH, true, 0, SET, VIRTIO_D_WRITE},
    {"a descriptor's number is beyond its table", SPLIT, false, 0, NEXT, 8},
    {"a descriptor's number is beyond its table", SPLIT, false, 1, NEXT, UINT16_MAX},
    {"a descriptor's number is beyond its table", SPLIT, true, 0, NEXT, 3},
    {"a readable descriptor follows a writable one", SPLIT, true, 2, SET, VIRTIO_D_NEXT},
    {"a descriptor's number is beyond its table", SPLIT, false, 0, HEAD, 8},
    {"a descriptor's number is beyond its table", SPLIT, false, 0, HEAD, UINT16_MAX},
    {"a chain has too many descriptors, or loops", SPLIT, false, 0, NEXT, 0},
    {"a chain has too many descriptors, or loops", SPLIT, false, 1, NEXT, 0},
    {"a chain has too many descriptors, or loops", SPLIT, true, 1, NEXT, 1},
    {"a chain leads beyond what is available", PACKED, false, 2, SET, VIRTIO_D_NEXT},
    {"a chain leads beyond what is available", PACKED, false, 1, CLEAR, VIRTIO_D_AVAILABLE},
    {"a chain leads beyond what is available", PACKED, false, 1, SET, VIRTIO_D_USED},
    {"an indirect descriptor is not the last one of its chain", BOTH, true, -1, SET, VIRTIO_D_NEXT},
    {"an indirect descriptor is not the last one of its chain", BOTH, false, 1, SET, VIRTIO_D_INDIRECT},
    {"the size of an indirect table is no multiple of 16", BOTH, true, -1, LENGTH, 0},
    {"the size of an indirect table is no multiple of 16", BOTH, true, -1, LENGTH, 15},
    {"the size of an indirect table is no multiple of 16", BOTH, true, -1, LENGTH, 56},
    {"a descriptor has no bytes", BOTH, false, 2, SET, VIRTIO_D_INDIRECT}, /* it points to zeroes */
    {"an indirect table lies outside of the guest's memory", BOTH, true, -1, ADDRESS, 0x40000000 + RAM_SIZE - 32},
    {"an indirect table lies outside of the guest's memory", BOTH, true, -1, ADDRESS, 0x3ffffff0},
    {"an indirect table lies outside of the guest's memory", BOTH, true, -1, LENGTH, UINT32_MAX - 15},
    {"an indirect descriptor within an indirect table", BOTH, true, 0, SET, VIRTIO_D_INDIRECT},
    {"an indirect descriptor within an indirect table", BOTH, true, 2, SET, VIRTIO_D_INDIRECT},
    {"the available index jumps", SPLIT, false, 0, INDEX, 9},
    {"the available index jumps", SPLIT, false, 0, INDEX, UINT16_MAX},
    {"the available index jumps", SPLIT, false, 0, INDEX, 0x8000},
};

static void lie_tell(const struct lie *lie)
{
    struct link_descriptor *tables = (struct link_descriptor *)(void *)(ram + TABLES_AT);
    struct link_descriptor *at = lie->indirect && lie->n >= 0 ? &tables[lie->n] : descriptor(&driver, lie->n < 0 ? 0 : (unsigned)lie->n);
    uint16_t *flags = driver.packed ? &at->b : &at->a;
    switch (lie->field) {
    case ADDRESS:
        at->address = lie->value;
        break;
    case LENGTH:
        at->length = (uint32_t)lie->value;
        break;
    case SET:
        *flags = (uint16_t)(*flags | lie->value);
        break;
    case CLEAR:
        *flags = (uint16_t)(*flags & ~lie->value);
        break;
    case NEXT:
        at->b = (uint16_t)lie->value;
        break;
    case INDEX:
        *word16(&driver, AVAILABLE_AT + 2) = (uint16_t)lie->value;
        break;
    case HEAD:
        *word16(&driver, AVAILABLE_AT + 4) = (uint16_t)lie->value;
    }
}

/* The queue stands still, for a successor too, until the guest has begun anew. */
static void check_stands_still(const char *wrong, uint16_t place)
{
    uint32_t written;
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_false(vq_take(&queue, &chain));
        assert_non_null(vq_wrong(&queue));
        assert_string_equal(vq_wrong(&queue), wrong);
        stores_done = 0;
        vq_put(&queue, place, 1);
        vq_wake(&queue);
        assert_true(vq_sleep(&queue));
        assert_false(vq_interrupts(&queue));
        assert_false(vq_resume(&queue, &chain));
        assert_int_equal(stores_done, 0);
        assert_int_equal(driver_get(&driver, &written), 0);
        assert_true(component_start(1));
    }
    driver_init(&driver, ram, driver.packed, driver.size);
    assert_true(component_start(3));
    driver_add(&driver, 1, false);
    assert_int_equal(take(), 1);
}

/* Red when: one of the checks is missing. The lie's name is printed. */
static void test_lies(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof lies / sizeof *lies; i++) {
        const struct lie *lie = &lies[i / 2];
        if (!(lie->kind & (i % 2 ? PACKED : SPLIT)))
            continue;
        machine_build(i % 2, 8, 0);
        driver_add(&driver, 3, lie->indirect);
        lie_tell(lie);
        if (vq_take(&queue, &chain) || !vq_wrong(&queue))
            fail_msg("lie %u (%s) was believed", i / 2, lie->wrong);
        check_stands_still(lie->wrong, 0);
    }
}

/* Red when: an indirect table is followed that was not negotiated. */
static void test_indirect_unasked(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        machine_build(packed, 8, 0);
        features &= ~(UINT64_C(1) << VIRTIO_F_INDIRECT_DESC);
        assert_true(component_start(1));
        driver_add(&driver, 3, true);
        assert_false(vq_take(&queue, &chain));
        check_stands_still("an indirect descriptor, which was not negotiated", 0);
    }
}

/* Red when: a chain in flight can be had a second time by making it available again. */
static void test_available_twice(void **state)
{
    (void)state;
    machine_build(false, 8, 0);
    driver_add(&driver, 3, false);
    assert_int_equal(take(), 1);
    *word16(&driver, AVAILABLE_AT + 4 + 2) = 0;
    *word16(&driver, AVAILABLE_AT + 2) = 2;
    assert_false(vq_take(&queue, &chain));
    assert_string_equal(vq_wrong(&queue), "a chain in flight is made available again");
}

/* Red when: a packed ring's guest can have more in flight than there is room for in the record. */
static void test_too_many(void **state)
{
    (void)state;
    for (uint16_t parts = 1; parts < 4; parts++) {
        machine_build(true, 6, 0);
        for (unsigned i = 0; i < 6u / parts; i++) {
            driver_add(&driver, parts, false);
            assert_int_equal(take(), i + 1);
        }
        driver.room = parts; /* it forgets those */
        driver.free[0] = driver.free[1] = driver.free[2] = 0;
        driver.free_count = 3;
        driver_add(&driver, parts, false);
        assert_false(vq_take(&queue, &chain));
        assert_string_equal(vq_wrong(&queue), "more is available than the queue has descriptors");
    }
}

/* Red when: the sum of lengths is counted in 32 bits. Nothing of it is touched. */
static void test_four_gigabytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        machine_build(i & 1, 8, 0);
        window.size = UINT64_C(1) << 33;
        driver_add(&driver, 3, false);
        descriptor(&driver, 1)->length = UINT32_MAX - 4;
        descriptor(&driver, 2)->length = i & 2 ? 1 : 2;
        assert_int_equal(vq_take(&queue, &chain), !!(i & 2));
        if (i & 2)
            assert_int_equal(chain.bytes, UINT64_C(1) << 32);
        else
            assert_string_equal(vq_wrong(&queue), "a chain has more than 4 GiB");
    }
}

/* Red when: as many segments as a chain may have are one too many, or one more is written behind them. */
static void test_segments(void **state)
{
    (void)state;
    struct link_descriptor *table = (struct link_descriptor *)(void *)(ram + TABLES_AT);
    for (unsigned i = 0; i < 4; i++) {
        unsigned count = VQ_SEGMENTS + (i >> 1);
        machine_build(i & 1, 8, 0);
        driver_add(&driver, 1, true);
        for (unsigned n = 0; n < count; n++) {
            uint16_t flags = n + 1 < count ? VIRTIO_D_NEXT : 0;
            table[n] = (struct link_descriptor){RAM_BASE + BUFFERS_AT, 4, i & 1 ? 0 : flags, i & 1 ? flags : (uint16_t)(n + 1)};
        }
        descriptor(&driver, 0)->length = count * 16;
        assert_int_equal(vq_take(&queue, &chain), count == VQ_SEGMENTS);
        if (count == VQ_SEGMENTS)
            assert_int_equal(chain.readable, VQ_SEGMENTS);
        else
            assert_string_equal(vq_wrong(&queue), "a chain has too many descriptors, or loops");
    }
}

/* Red when: a table's words are read as if it were aligned (undefined behaviour, a fault on some memory). */
static void test_table_anywhere(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        machine_build(i & 1, 8, 0);
        uint32_t number = driver_add(&driver, 3, true);
        memmove(ram + TABLES_AT + i / 2, ram + TABLES_AT, 48);
        descriptor(&driver, 0)->address += i / 2;
        assert_int_equal(take(), number);
        assert_int_equal(chain.bytes, sizeof number + 2 * BUFFER_SIZE);
    }
}

/* Red when: descriptors before an indirect one are refused, which §2.7.5.3.2 allows. */
static void test_indirect_behind_others(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine_build(i, 8, 0);
        driver_add(&driver, 2, false);
        memcpy(ram + TABLES_AT, descriptor(&driver, 1), 16);
        descriptor(&driver, 1)->address = RAM_BASE + TABLES_AT;
        descriptor(&driver, 1)->length = 16;
        *(i ? &descriptor(&driver, 1)->b : &descriptor(&driver, 1)->a) |= VIRTIO_D_INDIRECT;
        assert_int_equal(take(), 1);
        assert_int_equal(chain.readable, 1);
        assert_int_equal(chain.writable, 1);
    }
}

/* --- interrupts and notifications ----------------------------------------------------------------------------------------------- */

static const uint64_t EVENT_IDX = UINT64_C(1) << VIRTIO_F_EVENT_IDX;

/* The place in the ring that the driver counts as the `at`-th: as its event index has it. */
static uint16_t event_position(uint64_t at)
{
    uint64_t wrap = at / driver.size & 1 ? 0 : 1u << 15;
    return (uint16_t)(driver.packed ? at % driver.size | wrap : at);
}

static void event_set(uint64_t at)
{
    if (driver.packed) {
        *word16(&driver, AVAILABLE_AT) = event_position(at);
        *word16(&driver, AVAILABLE_AT + 2) = VIRTIO_E_INDEX;
    } else {
        *word16(&driver, AVAILABLE_AT + 4 + driver.size * 2u) = (uint16_t)at;
    }
}

/* Requests that come back at once; how many places they had. */
static unsigned serve(unsigned count)
{
    unsigned places = 0;
    uint32_t written;
    for (unsigned i = 0; i < count; i++) {
        bool indirect = i % 3 == 0;
        unsigned parts = 1 + i % 3;
        uint32_t number = driver_add(&driver, parts, indirect);
        if (!number)
            continue;
        places += driver.packed && !indirect ? parts : 1;
        assert_int_equal(take(), number);
        vq_put(&queue, chain.place, i);
        assert_int_equal(driver_get(&driver, &written), number);
    }
    return places;
}

/*
 * The driver has set its event index before, behind or among what is put back, over many rounds and past 65,536. Red when: the comparison is off by one, in
 * bits too many, or takes the wrong wrap counter.
 */
static void test_event_index(void **state)
{
    (void)state;
    EACH_KIND (i) {
        uint64_t used = 0;
        uint32_t size = kinds[i].size, batch = size < 8 ? 1 : size / 8;
        machine_build(kinds[i].packed, kinds[i].size, EVENT_IDX);
        for (unsigned turn = 0; used < 150000 || turn < 20000; turn++) {
            uint64_t before = used, event = used + (turn * 2654435761u >> 8) % (size + 1) - (used ? size / 2 : 0);
            event_set(event);
            used += serve(turn % (batch + 1));
            bool wanted = event >= before && event < used;
            if (vq_interrupts(&queue) != wanted)
                fail_msg("ring of %u: %llu to %llu put back, event index %llu, wanted %d", size, (unsigned long long)before, (unsigned long long)used,
                         (unsigned long long)event, wanted);
            assert_false(vq_interrupts(&queue));
        }
    }
}

/* Red when: a component that does not ask for a long time counts in as few bits as the indices have. */
static void test_asked_late(void **state)
{
    (void)state;
    EACH_KIND (i) {
        machine_build(kinds[i].packed, kinds[i].size, EVENT_IDX);
        unsigned places = 0;
        for (unsigned turn = 0; turn < 65539; turn++)
            places += serve(1);
        event_set(places);
        assert_true(vq_interrupts(&queue)); /* it passed there before */
        serve(1);
        assert_true(vq_interrupts(&queue));
        assert_false(vq_interrupts(&queue));
    }
}

static void interrupts_flag(bool wanted)
{
    if (driver.packed)
        *word16(&driver, AVAILABLE_AT + 2) = wanted ? VIRTIO_E_ENABLE : VIRTIO_E_DISABLE;
    else
        *word16(&driver, AVAILABLE_AT) = wanted ? 0 : VIRTIO_A_NO_INTERRUPT;
}

/* Red when: the flag is not looked at, looked at with event indices in a split ring (§2.7.7.2), an interrupt comes for nothing, or an index counts unasked. */
static void test_interrupts_flag(void **state)
{
    (void)state;
    EACH_KIND (i) {
        machine_build(kinds[i].packed, kinds[i].size, 0);
        assert_false(vq_interrupts(&queue));
        serve(1);
        assert_true(vq_interrupts(&queue));
        assert_false(vq_interrupts(&queue));
        interrupts_flag(false);
        serve(1);
        assert_false(vq_interrupts(&queue));
        interrupts_flag(true);
        assert_false(vq_interrupts(&queue)); /* the driver has looked before that */
        serve(2);
        assert_true(vq_interrupts(&queue));

        event_set(1000);
        serve(1);
        assert_true(vq_interrupts(&queue)); /* no index was negotiated */

        machine_build(kinds[i].packed, kinds[i].size, EVENT_IDX);
        event_set(0);
        interrupts_flag(false);
        serve(1);
        assert_int_equal(vq_interrupts(&queue), !kinds[i].packed);
    }
}

/* Whether the driver has to notify the device of the `count` last places that it made available (§2.7.10.1, §2.8.10). */
static bool driver_notifies(uint64_t before, uint64_t after)
{
    if (!(features & EVENT_IDX))
        return driver.packed ? *word16(&driver, USED_AT + 2) != VIRTIO_E_DISABLE : !(*word16(&driver, USED_AT) & VIRTIO_U_NO_NOTIFY);
    if (driver.packed && *word16(&driver, USED_AT + 2) != VIRTIO_E_INDEX)
        return *word16(&driver, USED_AT + 2) == VIRTIO_E_ENABLE;
    uint16_t event = *word16(&driver, driver.packed ? USED_AT : USED_AT + 4 + driver.size * 8u);
    for (uint64_t at = before; at < after; at++) {
        if (event == event_position(at))
            return true;
    }
    return false;
}

/* Red when: a driver is not asked for the notification that a sleeping device needs, or asked by one that is awake; a device sleeps over a request. */
static void test_notifications(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
        uint64_t available = 0;
        machine_build(kinds[i / 2].packed, kinds[i / 2].size, i & 1 ? EVENT_IDX : 0);
        for (unsigned turn = 0; available < 70000; turn++) {
            assert_true(vq_sleep(&queue));
            driver_add(&driver, 1, turn & 1);
            assert_true(driver_notifies(available, available + 1));
            assert_int_equal(take(), driver.added);
            vq_wake(&queue);
            assert_false(vq_take(&queue, &chain));
            vq_put(&queue, chain.place, 0);
            uint32_t written;
            driver_get(&driver, &written);
            driver_add(&driver, 1, false);
            assert_false(driver_notifies(available + 1, available + 2));
            assert_false(vq_sleep(&queue));
            assert_int_equal(take(), driver.added);
            vq_put(&queue, chain.place, 0);
            driver_get(&driver, &written);
            available += 2;
        }
        assert_null(vq_wrong(&queue));
    }
}

/* --- for long ------------------------------------------------------------------------------------------------------------------- */

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * limit >> 24);
}

/* 70,000 requests of one to four buffers, put back in any order. Each comes back once, with its own length. */
static void long_run(uint32_t most_in_flight)
{
    static struct {
        uint32_t number;
        uint16_t place;
    } flight[LINK_QUEUE_SIZE];
    uint32_t count = 0, taken = 0, number, written;
    while (driver.returned < 70000) {
        uint32_t what = random_below(4);
        if (what == 0) {
            driver_add(&driver, 1 + random_below(BUFFERS), random_below(4) == 0);
        } else if (what == 1 && count < most_in_flight && (number = take())) {
            assert_int_equal(number, ++taken);
            flight[count].number = number;
            flight[count++].place = chain.place;
        } else if (what == 2 && count) {
            uint32_t at = random_below(count);
            vq_put(&queue, flight[at].place, flight[at].number ^ 0x5a5a5a5a);
            flight[at] = flight[--count];
        } else if (what == 3 && (number = driver_get(&driver, &written))) {
            assert_int_equal(written, number ^ 0x5a5a5a5a);
        }
        assert_null(vq_wrong(&queue));
    }
}

/* Red when: an index is compared in more than 16 bits, a wrap counter is lost, or a descriptor of one chain is overwritten by another's used element. */
static void test_long_runs(void **state)
{
    (void)state;
    EACH_KIND (i) {
        seed = i;
        machine_build(kinds[i].packed, kinds[i].size, 0);
        long_run(1 + i % 3 * 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_request),
        cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_put_of_nothing),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_rings_places),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_indirect_unasked),
        cmocka_unit_test(test_available_twice),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_four_gigabytes),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_table_anywhere),
        cmocka_unit_test(test_indirect_behind_others),
        cmocka_unit_test(test_event_index),
        cmocka_unit_test(test_asked_late),
        cmocka_unit_test(test_interrupts_flag),
        cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
