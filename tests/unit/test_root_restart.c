/* Root's back-off. */
#include "../../components/root/restart.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct restart with(uint32_t first, uint32_t most, uint32_t stable, uint32_t limit)
{
    return (struct restart){.rule = {.first_ms = first, .most_ms = most, .stable_ms = stable, .limit = limit}};
}

static void test_doubles_up_to_most(void **state)
{
    struct restart r = with(100, 1000, 60000, 0);
    (void)state;
    static const uint32_t delays[] = {100, 200, 400, 800, 1000, 1000};
    for (unsigned i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        assert_true(restart_plan(&r, 5));
        assert_int_equal(r.delay_ms, delays[i]);
        assert_int_equal(r.in_row, i + 1);
    }
    for (int i = 0; i < 100000; i++)
        assert_true(restart_plan(&r, 60000));
    assert_int_equal(r.delay_ms, 1000);
}

static void test_forgets_after_stable(void **state)
{
    struct restart r = with(100, 1000, 60000, 3);
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(restart_plan(&r, 1));
        assert_true(restart_plan(&r, 60000)); /* not longer than that */
        assert_int_equal(r.delay_ms, 200);
        assert_true(restart_plan(&r, 60001));
        assert_int_equal(r.delay_ms, 100);
        assert_int_equal(r.in_row, 1);
        restart_forget(&r);
    }
}

static void test_gives_up(void **state)
{
    struct restart r = with(1, 1, 1000, 2);
    (void)state;
    assert_true(restart_plan(&r, 0));
    assert_true(restart_plan(&r, 0));
    assert_false(restart_plan(&r, 0));
    assert_false(restart_plan(&r, 0));
    assert_int_equal(r.in_row, 2);
    restart_forget(&r); /* started by order */
    assert_true(restart_plan(&r, 0));
    assert_int_equal(r.in_row, 1);
}

/* Delays of no length, and of the greatest. */
static void test_extremes(void **state)
{
    struct restart none = with(0, 0, 1000, 0), odd = with(0, 5, 1000, 0), most = with(UINT32_MAX, UINT32_MAX, 0, 0);
    static const uint32_t delays[] = {0, 1, 2, 4, 5, 5};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_true(restart_plan(&none, 0) && restart_plan(&odd, 0) && restart_plan(&most, 0));
        assert_int_equal(none.delay_ms, 0);
        assert_int_equal(odd.delay_ms, delays[i]);
        assert_int_equal(most.delay_ms, UINT32_MAX);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubles_up_to_most),
        cmocka_unit_test(test_forgets_after_stable),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
