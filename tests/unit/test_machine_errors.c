/* External aborts and SErrors: whose they are, and what is said of them. */
#include "../../kernel/arch/aarch64/serror.h"

#include "../../components/vmm/syndrome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DATA_ABORT (UINT64_C(0x24) << 26 | 1 << 25)
#define SERROR (UINT64_C(0x2f) << 26 | 1 << 25)
#define IDS (1 << 24)
#define AET(n) ((n) << 10)
enum { DFSC_SERROR = 0x11, UNCONTAINABLE = 0, UNRECOVERABLE = 1, RESTARTABLE = 2, RECOVERABLE = 3, CORRECTED = 6 };

/* Red when an error that may have gone further is put down to one guest, or a contained one stops the machine. */
static void test_contained(void **state)
{
    (void)state;
    assert_true(serror_is_contained(SERROR));                                        /* no RAS: not described */
    assert_true(serror_is_contained(SERROR | IDS | DFSC_SERROR | AET(UNCONTAINABLE))); /* implementation defined */
    assert_false(serror_is_contained(SERROR | DFSC_SERROR | AET(UNCONTAINABLE)));
    assert_true(serror_is_contained(SERROR | DFSC_SERROR | AET(UNRECOVERABLE)));
    assert_true(serror_is_contained(SERROR | DFSC_SERROR | AET(RESTARTABLE)));
    assert_true(serror_is_contained(SERROR | DFSC_SERROR | AET(RECOVERABLE)));
    assert_true(serror_is_contained(SERROR | DFSC_SERROR | AET(CORRECTED)));
}

/* Red when an emulated device's access is taken for an error, or an error is emulated at an address that HPFAR_EL2 does not have. */
static void test_abort_is_error(void **state)
{
    (void)state;
    for (uint64_t fsc = 0; fsc < 64; fsc++)
        assert_int_equal(abort_is_error(DATA_ABORT | fsc), fsc >= 16);
}

static void assert_says(uint64_t syndrome, const char *what)
{
    if (!strstr(syndrome_error(syndrome), what))
        fail_msg("0x%lx: \"%s\" does not say \"%s\"", (unsigned long)syndrome, syndrome_error(syndrome), what);
}

static void test_words(void **state)
{
    (void)state;
    assert_says(SERROR, "SError");
    assert_says(DATA_ABORT | 0x10, "synchronous external abort");
    assert_says(DATA_ABORT | 0x15, "translation tables");
    assert_says(DATA_ABORT | 0x1c, "parity or ECC");
    assert_says(DATA_ABORT | 0x21, "not aligned");
    assert_says(DATA_ABORT | 0x35, "of a kind");
    assert_true(syndrome_is_abort(DATA_ABORT | 0x10));
    assert_false(syndrome_is_abort(SERROR));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contained),
        cmocka_unit_test(test_abort_is_error),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
