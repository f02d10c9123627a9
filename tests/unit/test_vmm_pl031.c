/* The guest's clock on a counter of the test's. */
#define LIB_CLOCK_H /* components/lib/clock.h reads the processor's counter */
#include "vmm_lines.h"

static uint64_t now; /* ticks */
enum { FREQUENCY = 1000 };

static inline uint64_t clock_now(void)
{
    return now;
}

static inline uint64_t clock_frequency(void)
{
    return FREQUENCY;
}

#include "../../components/vmm/mmio.c"
#include "../../components/vmm/pl031.c"

static unsigned alarms_changed;

void alarm_changed(void)
{
    alarms_changed++;
}

static int setup(void **state)
{
    (void)state;
    memset(&recorded, 0, sizeof recorded);
    now = 5 * FREQUENCY;
    rtc.offset = PL031_EPOCH;
    pl031_reset();
    return 0;
}

static uint32_t get(uint64_t offset)
{
    return (uint32_t)pl031_read(0, offset, 4);
}

static void put(uint64_t offset, uint32_t value)
{
    pl031_write(0, offset, 4, value);
}

static void test_identification(void **state)
{
    static const uint8_t bytes[] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1}; /* DDI 0224, 3.3 */
    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++)
        assert_int_equal(get(RTCPERIPHID0 + 4 * i), bytes[i]);
    assert_int_equal(get(RTCCR), 1);
}

static void test_time(void **state)
{
    (void)state;
    assert_int_equal(get(RTCDR), PL031_EPOCH + 5);
    now += 3 * FREQUENCY - 1;
    assert_int_equal(get(RTCDR), PL031_EPOCH + 7);
    now++;
    assert_int_equal(get(RTCDR), PL031_EPOCH + 8);
    put(RTCLR, 100);
    assert_int_equal(get(RTCLR), 100);
    assert_int_equal(get(RTCDR), 100);
    now += 2 * FREQUENCY;
    assert_int_equal(get(RTCDR), 102);
    put(RTCDR, 7); /* read-only */
    put(RTCCR, 0); /* the clock always runs */
    assert_int_equal(get(RTCDR), 102);
    assert_int_equal(get(RTCCR), 1);
}

static void test_alarm(void **state)
{
    (void)state;
    assert_int_equal(pl031_alarm(), UINT64_MAX);
    put(RTCIMSC, 1);
    alarms_changed = 0;
    put(RTCMR, PL031_EPOCH + 9);
    assert_int_equal(alarms_changed, 1); /* the main thread reckons anew */
    assert_int_equal(pl031_alarm(), 9 * FREQUENCY);
    assert_false(recorded.level[RTC_INTID]);
    now = 9 * FREQUENCY;
    assert_int_equal(pl031_alarm(), UINT64_MAX);
    assert_true(recorded.level[RTC_INTID]);
    assert_int_equal(get(RTCRIS), 1);
    assert_int_equal(get(RTCMIS), 1);
    now += FREQUENCY;
    assert_int_equal(pl031_alarm(), UINT64_MAX); /* once for each match */
    put(RTCICR, 1);
    assert_false(recorded.level[RTC_INTID]);
    assert_int_equal(get(RTCRIS), 0);
    put(RTCMR, PL031_EPOCH + 9); /* past: it comes at once, late */
    assert_int_equal(pl031_alarm(), UINT64_MAX);
    assert_true(recorded.level[RTC_INTID]);
}

static void test_mask(void **state)
{
    (void)state;
    put(RTCMR, PL031_EPOCH + 5);
    pl031_alarm();
    assert_int_equal(get(RTCRIS), 1);
    assert_int_equal(get(RTCMIS), 0);
    assert_false(recorded.level[RTC_INTID]);
    put(RTCIMSC, UINT32_MAX);
    assert_int_equal(get(RTCIMSC), 1);
    assert_int_equal(get(RTCMIS), 1);
    assert_true(recorded.level[RTC_INTID]);
    put(RTCIMSC, 0);
    assert_false(recorded.level[RTC_INTID]);
}

static void test_everywhere(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    for (uint64_t offset = 0; offset < 0x1000; offset++)
        for (unsigned i = 0; i < 4; i++) {
            pl031_write(0, offset, sizes[i], UINT64_MAX);
            pl031_read(0, offset, sizes[i]);
            pl031_alarm();
        }
    assert_int_equal(pl031_read(0, RTCPERIPHID0 + 1, 1), 0); /* a byte of a word */
}

/* Red when a reset leaves anything of what was before but the time: it is one function at start and at restart. */
static void test_reset_forgets(void **state)
{
    struct pl031_state fresh = {.offset = PL031_EPOCH};
    (void)state;
    for (int pattern = 1; pattern < 256; pattern++) {
        memset(&rtc, pattern, sizeof rtc);
        fresh.offset = rtc.offset;
        pl031_reset();
        assert_memory_equal(&rtc, &fresh, sizeof fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identification, setup), cmocka_unit_test_setup(test_time, setup),
        cmocka_unit_test_setup(test_alarm, setup),          cmocka_unit_test_setup(test_mask, setup),
        cmocka_unit_test_setup(test_everywhere, setup),     cmocka_unit_test_setup(test_reset_forgets, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
