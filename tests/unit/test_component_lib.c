/* The components' library where it does not need a kernel: formatting and hashing. */
#include "format.h"
#include "hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define assert_format(expected, ...)                                                                                                       \
    do {                                                                                                                                   \
        char text[80];                                                                                                                     \
        assert_int_equal(format_text(text, sizeof text, __VA_ARGS__), strlen(expected));                                                   \
        assert_string_equal(text, expected);                                                                                               \
    } while (0)

static void test_numbers(void **state)
{
    (void)state;
    assert_format("0 -1 4294967295", "%d %d %u", 0, -1, UINT32_MAX);
    assert_format("-9223372036854775808", "%ld", INT64_MIN);
    assert_format("18446744073709551615", "%lu", UINT64_MAX);
    assert_format("ff FF 0x10", "%x %X %p", 255u, 255u, (void *)16);
    assert_format("  42|42  |0042|-042", "%4d|%-4d|%04d|%04d", 42, 42, 42, -42);
    assert_format("   7", "%*d", 4, 7);
}

static void test_strings(void **state)
{
    (void)state;
    assert_format("[abc] [ab] [  abc] [abc  ]", "[%s] [%.2s] [%5s] [%-5s]", "abc", "abc", "abc", "abc");
    assert_format("100% x", "%d%% %c", 100, 'x');
}

static void test_cut(void **state)
{
    char text[4];
    (void)state;
    assert_int_equal(format_text(text, sizeof text, "%s", "abcdef"), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(format_text(text, 0, "x"), 0);
}

/* RFC 7693, appendix B, and the last line of the reference implementation's table of keyed hashes. */
static void test_hash(void **state)
{
    static const uint8_t abc[4] = {0x50, 0x8c, 0x5e, 0x8c}, keyed[4] = {0x3f, 0xb7, 0x35, 0x06};
    uint8_t data[255], out[HASH_SIZE];
    (void)state;
    hash_blake2s(out, NULL, 0, "abc", 3);
    assert_memory_equal(out, abc, sizeof abc);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    hash_blake2s(out, data, HASH_KEY_MAX, data, sizeof data);
    assert_memory_equal(out, keyed, sizeof keyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
