/* A bank of flash memory against a contents array of the test's: what a driver of Intel's command set relies on, and drivers gone wild. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../components/vmm/flash.c"

enum { BACKED = 4 * FLASH_SECTOR, READY = 0x00800080 };

static uint8_t contents[BACKED];
static struct flash flash;
static uint64_t cleaned_low, cleaned_high; /* of the contents, since the last look */

void cache_clean(const void *start, size_t size)
{
    uint64_t low = (uint64_t)((const uint8_t *)start - contents);
    assert_true(low <= BACKED && size <= BACKED - low);
    cleaned_low = low < cleaned_low ? low : cleaned_low;
    cleaned_high = low + size > cleaned_high ? low + size : cleaned_high;
}

static uint32_t get(uint64_t offset)
{
    return (uint32_t)flash_read(&flash, offset, 4);
}

static void put(uint64_t offset, uint32_t value)
{
    flash_write(&flash, offset, 4, value);
}

/* A command as a driver gives it: to both chips. */
static void command(uint64_t offset, uint32_t value)
{
    put(offset, value | value << 16);
}

static void program_word(uint64_t offset, uint32_t value)
{
    command(offset, 0x40);
    put(offset, value);
}

static int setup(void **state)
{
    (void)state;
    memset(contents, 0xff, sizeof contents);
    flash = (struct flash){.contents = contents, .backed = BACKED};
    cleaned_low = UINT64_MAX;
    cleaned_high = 0;
    flash_reset(&flash);
    return 0;
}

static void test_array(void **state)
{
    (void)state;
    memcpy(contents + 8, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_int_equal(flash_read(&flash, 8, 1), 0x01);
    assert_int_equal(flash_read(&flash, 10, 2), 0x0403);
    assert_int_equal(get(12), 0x08070605);
    assert_int_equal(flash_read(&flash, 8, 8), 0x0807060504030201);
    assert_int_equal(flash_read(&flash, BACKED - 4, 8), UINT64_MAX); /* across the end of what exists */
    assert_int_equal(get(FLASH_BANK_SIZE - 4), UINT32_MAX);
}

/* Programming clears bits only, and what it changed is cleaned out of the cache: a guest may read it with its own off. */
static void test_program(void **state)
{
    (void)state;
    program_word(0x100, 0x12345678);
    assert_int_equal(flash.state.mode, FLASH_STATUS);
    assert_int_equal(get(0x100), READY);
    command(0, 0xff);
    assert_int_equal(flash.state.mode, FLASH_ARRAY);
    assert_int_equal(get(0x100), 0x12345678);
    assert_true(cleaned_low <= 0x100 && cleaned_high >= 0x104);
    program_word(0x100, 0xffff0000);
    command(0, 0xff);
    assert_int_equal(get(0x100), 0x12340000);
    command(0, 0x10); /* the other command that programs, one byte */
    flash_write(&flash, 0x103, 1, 0x10);
    command(0, 0xff);
    assert_int_equal(get(0x100), 0x10340000);
}

static void test_erase(void **state)
{
    (void)state;
    memset(contents, 0, sizeof contents);
    command(FLASH_SECTOR + 0x1234, 0x20);
    assert_int_equal(contents[FLASH_SECTOR], 0); /* not before it is confirmed */
    command(FLASH_SECTOR + 0x1234, 0xd0);
    assert_int_equal(get(0), READY);
    for (uint32_t i = 0; i < BACKED; i++)
        assert_int_equal(contents[i], i / FLASH_SECTOR == 1 ? 0xff : 0);
    assert_int_equal(cleaned_low, FLASH_SECTOR);
    assert_int_equal(cleaned_high, 2 * FLASH_SECTOR);
    command(0, 0x20);
    command(0, 0xff); /* no confirmation: a wrong sequence */
    assert_int_equal(get(0), READY | 0x00300030);
    assert_int_equal(contents[0], 0);
    command(0, 0x50);
    assert_int_equal(get(0), READY);
}

static void buffered(uint64_t offset, uint32_t words)
{
    command(offset, 0xe8);
    assert_int_equal(get(offset), READY);
    command(offset, words - 1);
    for (uint32_t i = 0; i < words; i++)
        put(offset + 4 * i, 0xa0000000 + i);
}

static void test_buffered(void **state)
{
    (void)state;
    buffered(0x40, 128);
    assert_int_equal(contents[0x40], 0xff);
    command(0x40, 0xd0);
    assert_int_equal(get(0x40), READY);
    command(0, 0xff);
    for (uint32_t i = 0; i < 128; i++)
        assert_int_equal(get(0x40 + 4 * i), 0xa0000000 + i);
    assert_int_equal(get(0x3c), UINT32_MAX);
    assert_int_equal(get(0x240), UINT32_MAX);
}

/* One word more than the buffer has; a confirmation that is none; data behind, before and across the end of the buffer. */
static void test_buffered_wrong(void **state)
{
    static const uint64_t outside[] = {0x1000 + FLASH_BUFFER, 0x0ffc, 0x1000 + FLASH_BUFFER - 2, 0, FLASH_BANK_SIZE - 4};
    (void)state;
    command(0, 0xe8);
    command(0, 128);
    assert_int_equal(get(0), READY | 0x00300030);
    command(0, 0x50);
    buffered(0x40, 2);
    command(0x40, 0xff);
    assert_int_equal(get(0), READY | 0x00300030);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        command(0, 0x50);
        command(0, 0xe8);
        command(0, 1);
        put(0x1000, 0);
        put(outside[i], 0);
        command(0, 0xd0);
        assert_int_equal(get(0), READY | 0x00300030);
    }
    for (uint32_t i = 0; i < BACKED; i++)
        assert_int_equal(contents[i], 0xff);
}

/* The bank's last buffer: its end is the bank's. */
static void test_buffered_at_end(void **state)
{
    (void)state;
    buffered(BACKED - 4, 1);
    command(0, 0xd0);
    assert_int_equal(get(0), READY);
    buffered(FLASH_BANK_SIZE - 4, 1);
    command(0, 0xd0);
    assert_int_equal(get(0), READY | 0x00100010);
    command(0, 0xff);
    assert_int_equal(get(BACKED - 4), 0xa0000000);
}

static void test_identification(void **state)
{
    (void)state;
    command(0, 0x90);
    assert_int_equal(get(0), 0x00890089);
    assert_int_equal(get(4), 0x00180018);
    assert_int_equal(get(FLASH_SECTOR + 8), 0); /* no sector is locked */
    command(0x55 * 4, 0x98);
    assert_int_equal(get(0x10 * 4), 'Q' << 16 | 'Q');
    assert_int_equal(flash_read(&flash, 0x11 * 4, 2), 'R');
    assert_int_equal(flash_read(&flash, 0x12 * 4, 8), UINT64_C(0x0001000100590059));
    assert_int_equal(get(0x2d * 4), 0x00ff00ff);
    assert_int_equal(get(0x30 * 4), 0x00020002); /* 128 KiB of each chip */
    assert_int_equal(get(0x40 * 4), 0);
    command(0, 0x70);
    assert_int_equal(get(0), READY);
    command(0, 0xf0); /* what drivers of other command sets try */
    assert_int_equal(flash.state.mode, FLASH_ARRAY);
}

static void test_locks(void **state)
{
    (void)state;
    command(0, 0x60);
    command(0, 0xd0);
    assert_int_equal(get(0), READY);
    program_word(0, 0);
    assert_int_equal(contents[0], 0);
}

static void test_read_only(void **state)
{
    (void)state;
    flash.read_only = true;
    program_word(0, 0);
    assert_int_equal(get(0), READY | 0x00120012);
    command(0, 0x50);
    command(0, 0x20);
    command(0, 0xd0);
    assert_int_equal(get(0), READY | 0x00220022);
    command(0, 0x50);
    buffered(0, 4);
    command(0, 0xd0);
    assert_int_equal(get(0), READY | 0x00120012);
    for (uint32_t i = 0; i < BACKED; i++)
        assert_int_equal(contents[i], 0xff);
    assert_int_equal(cleaned_high, 0);
}

static void test_not_backed(void **state)
{
    (void)state;
    program_word(BACKED, 0);
    assert_int_equal(get(0), READY | 0x00100010);
    command(0, 0x50);
    command(FLASH_BANK_SIZE - 4, 0x20);
    command(FLASH_BANK_SIZE - 4, 0xd0); /* is erased already */
    assert_int_equal(get(0), READY);
    command(0, 0xff);
    assert_int_equal(get(BACKED), UINT32_MAX);
    flash_write(&flash, BACKED - 4, 4, 0x40);
    flash_write(&flash, BACKED - 4, 8, 0); /* half of it exists */
    assert_int_equal(get(0), READY | 0x00100010);
    command(0, 0xff);
    assert_int_equal(get(BACKED - 4), 0);
}

/* Its one reset function: from any state to the power-on state, with the contents as they are. */
static void test_reset(void **state)
{
    (void)state;
    program_word(0, 0x11111111);
    command(0, 0xe8);
    command(0, 3);
    put(0, 0);
    flash_reset(&flash);
    struct flash_state fresh = flash.state;
    assert_int_equal(get(0), 0x11111111);
    program_word(4, 0x22222222);
    assert_int_equal(get(0), READY);
    for (int pattern = 1; pattern < 256; pattern++) {
        memset(&flash.state, pattern, sizeof flash.state);
        flash_reset(&flash);
        assert_memory_equal(&flash.state, &fresh, sizeof fresh);
    }
}

/* Any stores in any order: nothing outside of the contents is touched (the sanitizer looks), reads stay within. */
static void test_wild(void **state)
{
    (void)state;
    srandom(4);
    for (unsigned i = 0; i < 400000; i++) {
        static const uint8_t commands[] = {0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xe8, 0xff};
        unsigned size = 1u << (random() & 3);
        uint64_t limit = random() & 1 ? BACKED + 64 : FLASH_BANK_SIZE;
        uint64_t offset = (uint64_t)random() % (limit - size), value = (uint64_t)random() << 33 ^ (uint64_t)random();
        if (random() & 1)
            value = commands[(size_t)random() % sizeof commands];
        flash_write(&flash, offset, size, value);
        flash_read(&flash, offset, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_array, setup),          cmocka_unit_test_setup(test_program, setup),
        cmocka_unit_test_setup(test_erase, setup),          cmocka_unit_test_setup(test_buffered, setup),
        cmocka_unit_test_setup(test_buffered_wrong, setup), cmocka_unit_test_setup(test_buffered_at_end, setup),
        cmocka_unit_test_setup(test_identification, setup), cmocka_unit_test_setup(test_locks, setup),
        cmocka_unit_test_setup(test_read_only, setup),      cmocka_unit_test_setup(test_not_backed, setup),
        cmocka_unit_test_setup(test_reset, setup),          cmocka_unit_test_setup(test_wild, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
