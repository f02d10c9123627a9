/*
 * Virtqueues whose component is killed at each of its stores, and whose successor is, while the guest goes on: no request is lost, none comes back twice, and
 * the successor finds those in flight in the order in which they were taken.
 */
#include "virtio_machine.h"

enum { STEPS = 40, GUEST_AFTER = 6 };

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 8) * limit >> 24);
}

/* --- what must be so ------------------------------------------------------------------------------------------------------------ */

/* In the order of taking. `taking`: the component is in vq_take; `putting`: in vq_put of this one. */
static struct {
    uint32_t number;
    uint16_t place;
} flight[LINK_QUEUE_SIZE];
static unsigned flight_count;
static bool taking;
static uint32_t putting;
static uint32_t started; /* by the last component that was: the highest number taken for certain */

static uint32_t written_for(uint32_t number)
{
    return number % 3 ? number * 7 : 0;
}

static void guest_step(void)
{
    uint32_t written, number;
    if (random_below(3)) {
        driver_add(&driver, 1 + random_below(3), random_below(4) == 0);
    } else {
        number = driver_get(&driver, &written);
        assert_int_not_equal(number, UINT32_MAX); /* put back twice */
        if (number)
            assert_int_equal(written, written_for(number));
    }
}

/* --- the component -------------------------------------------------------------------------------------------------------------- */

static void component_take(void)
{
    taking = true;
    uint32_t number = take();
    taking = false;
    assert_null(vq_wrong(&queue));
    if (!number)
        return;
    assert_int_equal(number, ++started); /* none is left out, none taken again */
    flight[flight_count].number = number;
    flight[flight_count++].place = chain.place;
}

static void flight_remove(unsigned at)
{
    for (flight_count--; at < flight_count; at++)
        flight[at] = flight[at + 1];
}

static void component_put(void)
{
    if (!flight_count)
        return;
    unsigned at = random_below(flight_count);
    putting = flight[at].number;
    vq_put(&queue, flight[at].place, written_for(putting));
    putting = 0;
    flight_remove(at);
}

static void component_step(void)
{
    switch (random_below(8)) {
    case 0:
        vq_interrupts(&queue);
        break;
    case 1:
        vq_sleep(&queue);
        break;
    case 2:
        vq_wake(&queue);
        break;
    case 3:
    case 4:
        component_put();
        break;
    default:
        component_take();
    }
}

/* A successor: what it finds is what was in flight, but for what was being done when the other one died. */
static void component_resume(void)
{
    static struct vq_chain all[LINK_QUEUE_SIZE];
    unsigned found = 0, expected = 0;
    assert_true(component_start(1));
    while (vq_resume(&queue, &all[found]))
        found++;
    assert_null(vq_wrong(&queue));
    for (unsigned i = 0; i < found; i++) {
        chain = all[i];
        uint32_t number = chain_number();
        if (expected < flight_count && flight[expected].number == putting && number != putting)
            flight_remove(expected); /* it has been put back */
        if (expected == flight_count) {
            assert_true(taking && i + 1 == found);
            assert_int_equal(number, ++started);
            flight[flight_count++].number = number;
        }
        assert_int_equal(number, flight[expected].number);
        flight[expected++].place = chain.place;
    }
    if (expected < flight_count && flight[expected].number == putting)
        flight_remove(expected);
    assert_int_equal(expected, flight_count); /* none is lost */
    taking = false;
    putting = 0;
}

/* --- lives ---------------------------------------------------------------------------------------------------------------------- */

static void all_come_back(void)
{
    uint32_t written;
    for (unsigned turn = 0; driver.returned < driver.added; turn++) {
        component_take();
        component_put();
        uint32_t number = driver_get(&driver, &written);
        if (number)
            assert_int_equal(written, written_for(number));
        assert_int_not_equal(number, UINT32_MAX);
        assert_true(turn < 2 * STEPS); /* lost */
    }
    assert_int_equal(driver_get(&driver, &written), 0);
    assert_false(vq_take(&queue, &chain));
}

/* Kills the component at its store `first`, and the successor at its store `second` (0: never). How many stores there were in a life without death. */
static unsigned long life(bool packed, uint16_t size, uint32_t with, unsigned long first, unsigned long second)
{
    static volatile int deaths, step;
    seed = with;
    machine_build(packed, size, (uint64_t)(with & 1) << VIRTIO_F_EVENT_IDX);
    flight_count = 0;
    started = 0;
    deaths = step = 0;
    stores_done = 0;
    stores_left = first;
    if (setjmp(killed)) {
        deaths++;
        for (unsigned i = 0; i < GUEST_AFTER; i++)
            guest_step();
        stores_left = deaths == 1 ? second : 0;
    }
    if (deaths) {
        component_resume();
        assert_true(vq_interrupts(&queue) || !(features >> VIRTIO_F_EVENT_IDX & 1));
    }
    while (step < STEPS) {
        step++;
        guest_step();
        component_step();
    }
    unsigned long stores = stores_done;
    stores_left = 0;
    all_come_back();
    return stores;
}

/*
 * Red when: a chain counts as taken before its record is whole, or the index moves before it; it counts as put back before the used index says so, or
 * after another store than that of `putting`; a packed ring's used descriptor is written again over what the guest made available there; copies of
 * chains in flight are given to others; a successor's interrupt is missing.
 */
static void deaths(bool packed, uint16_t size)
{
    for (uint32_t with = 1; with < 25; with++) {
        unsigned long stores = life(packed, size, with, 0, 0);
        assert_true(stores > 10);
        for (unsigned long first = 1; first <= stores; first++)
            life(packed, size, with, first, 0);
        for (unsigned long first = 1; first <= stores; first++) {
            for (unsigned long second = 1; second < 12; second++)
                life(packed, size, with, first, second);
        }
    }
}

static void test_split(void **state)
{
    (void)state;
    deaths(false, 1);
    deaths(false, 4);
    deaths(false, 16);
}

static void test_packed(void **state)
{
    (void)state;
    deaths(true, 1);
    deaths(true, 4);
    deaths(true, 5);
    deaths(true, 16);
}

static void component_start_and_die(unsigned long store)
{
    stores_left = store;
    if (!setjmp(killed))
        component_start(3);
    stores_left = 0;
}

/* Red when: a record that was half made anew when its maker died is believed. */
static void test_beginning(void **state)
{
    (void)state;
    EACH_KIND (i) {
        for (unsigned long at = 1; at <= 4; at++) {
            machine_build(kinds[i].packed, kinds[i].size, 0);
            driver_add(&driver, 1, false);
            assert_int_equal(take(), 1);
            driver_init(&driver, ram, kinds[i].packed, kinds[i].size);
            driver_add(&driver, 1, false);
            component_start_and_die(at);
            assert_true(component_start(3));
            assert_false(vq_resume(&queue, &chain));
            assert_int_equal(take(), 1);
        }
    }
}

/* Red when: a damaged record leads a component out of bounds, or in circles; sanitizers watch. Only components write there. */
static void test_damaged_record(void **state)
{
    (void)state;
    seed = 5;
    for (unsigned i = 0; i < 20000; i++) {
        machine_build(i & 1, 8, 0);
        for (unsigned n = 0; n < 6; n++)
            driver_add(&driver, 1 + random_below(2), false);
        while (take())
            ;
        for (unsigned n = 0; n < 3; n++)
            ((uint8_t *)&record)[4 + random_below(random_below(2) ? 24 : 200)] = (uint8_t)random_below(256);
        bool good = component_start(1);
        assert_int_equal(good, !vq_wrong(&queue));
        for (unsigned n = 0; n < 8 && vq_resume(&queue, &chain); n++)
            vq_put(&queue, chain.place, 1);
        for (unsigned n = 0; n < 8 && vq_take(&queue, &chain); n++)
            vq_put(&queue, chain.place, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_damaged_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
