/* Tags: against a model of all CPUs' TLBs, with few tags and many spaces. */
#include "machine.h"
#include "tag.h"

#include <string.h>

enum { TAGS = 64, SPACES = 200, CPUS = 4, STEPS = 100000 };

static int setup(void **state)
{
    (void)state;
    host_reset(CPUS);
    host.tag_count = TAGS;
    tags_init();
    return 0;
}

static void test_first(void **state)
{
    struct tag a = {0}, b = {0};
    unsigned first;
    (void)state;
    first = tag_activate(0, 0, &a);
    assert_in_range(first, 1, TAGS - 1); /* 0 is nobody's */
    assert_int_not_equal(tag_activate(0, 0, &b), first);
    assert_int_equal(tag_activate(0, 0, &a), first);
    assert_int_equal(tag_activate(3, 0, &a), first); /* on every CPU the same */
    assert_int_equal(host.tag_flushes, 0);
}

/* The last tag is used, and only the one after it costs a flush. */
static void test_rollover(void **state)
{
    struct tag tags[TAGS + 1] = {0};
    (void)state;
    for (unsigned i = 0; i < TAGS - 1; i++)
        assert_in_range(tag_activate(0, 0, &tags[i]), 1, TAGS - 1);
    assert_int_equal(host.tag_flushes, 0);
    assert_in_range(tag_activate(0, 0, &tags[TAGS - 1]), 1, TAGS - 1);
    assert_int_equal(host.tag_flushes, 1);
    assert_true(tags[TAGS - 1].value >> 16 > tags[0].value >> 16);
}

/* What a CPU holds in one place stays its own while the other place changes, through rollovers that itself and others cause. */
static void test_places(void **state)
{
    static const unsigned places[] = {0, TAG_HOLDERS - 1};
    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        struct tag kept = {0}, others[3 * TAGS] = {0};
        unsigned number = tag_activate(1, places[p], &kept);
        for (unsigned i = 0; i < 3 * TAGS; i++) {
            assert_int_not_equal(tag_activate(i & 1, places[!p], &others[i]), number);
            if (i % TAGS == TAGS / 2) /* the same in both */
                assert_int_equal(tag_activate(1, places[!p], &kept), number);
        }
        assert_int_equal(tag_activate(1, places[p], &kept), number);
    }
    assert_in_range(host.tag_flushes, 6, 7);
}

/* A CPU that goes on running through a rollover keeps its number, and nobody else gets it. */
static void test_reserved(void **state)
{
    struct tag running = {0}, others[3 * TAGS] = {0};
    unsigned number = tag_activate(1, 0, &running);
    (void)state;
    for (unsigned i = 0; i < 3 * TAGS; i++) {
        assert_int_not_equal(tag_activate(0, 0, &others[i]), number);
        if (i % TAGS == TAGS / 2) /* another CPU joins it, and goes again */
            assert_int_equal(tag_activate(2, 0, &running), number);
        else
            tag_activate(2, 0, &others[i]);
    }
    assert_in_range(host.tag_flushes, 3, 4);
    assert_int_equal(tag_activate(1, 0, &running), number); /* generations later */
    assert_int_equal(tag_activate(2, 0, &running), number);
}

/*
 * What each CPU's TLB may hold: for each number, the space that filled it. A rollover empties it but for what a CPU holds at that moment, in any of its places:
 * it may go from one to the other without asking.
 */
static int filled[CPUS][TAGS], runs[CPUS][TAG_HOLDERS], number_of[CPUS][TAG_HOLDERS];

static void model_flush(void)
{
    memset(filled, -1, sizeof filled);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        for (unsigned place = 0; place < TAG_HOLDERS; place++) {
            if (runs[cpu][place] >= 0)
                filled[cpu][number_of[cpu][place]] = runs[cpu][place];
        }
    }
}

static void model_run(unsigned cpu, unsigned place, int space, unsigned number)
{
    assert_in_range(number, 1, TAGS - 1);
    runs[cpu][place] = space;
    number_of[cpu][place] = (int)number;
    for (unsigned other = 0; other < CPUS; other++) {
        /* Two spaces never share a number: not where this one runs, nor where another one runs or left something. */
        assert_true(filled[other][number] < 0 || filled[other][number] == space);
        for (unsigned p = 0; p < TAG_HOLDERS; p++) {
            if (runs[other][p] == space) /* and one space has one number wherever it runs */
                assert_int_equal(number_of[other][p], number);
        }
    }
    filled[cpu][number] = space;
}

static void test_model(void **state)
{
    static struct tag tags[SPACES];
    static int identity[SPACES];
    uint64_t random = 1, flushes = 0;
    (void)state;
    for (int i = 0; i < SPACES; i++)
        identity[i] = i;
    memset(runs, -1, sizeof runs);
    memset(filled, -1, sizeof filled);
    for (unsigned i = 0; i < STEPS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned cpu = random >> 33 & (CPUS - 1), space = (unsigned)(random >> 40) % SPACES;
        if (random >> 60 < 12) /* mostly few of them, so that the fast way is gone, too */
            space %= 20;
        if ((random >> 50) % 64 == 0) { /* the space ends and another one begins in its place */
            tags[space].value = 0;
            identity[space] += SPACES;
        }
        unsigned place = random >> 54 & (TAG_HOLDERS - 1);
        unsigned number = tag_activate(cpu, place, &tags[space]);
        if (host.tag_flushes != flushes) {
            flushes = host.tag_flushes;
            model_flush();
        }
        model_run(cpu, place, identity[space], number);
    }
    assert_in_range(flushes, 20, STEPS / TAGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_first, setup),
        cmocka_unit_test_setup(test_rollover, setup),
        cmocka_unit_test_setup(test_places, setup),
        cmocka_unit_test_setup(test_reserved, setup),
        cmocka_unit_test_setup(test_model, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
