/* Partitions of a disk: what is found, and what is said when it is not. Each refusal is red when its check in components/blk/partition.c is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "../../components/blk/crc32.h"
#include "../../components/blk/partition.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4096, ENTRIES = 128, ENTRY = 128, ENTRIES_AT = 2 };

static uint8_t *disk;
static uint32_t block_size;
static uint64_t bad_block;
static char text[PARTITION_TEXT];

static bool disk_read(void *context, uint64_t block, void *to)
{
    (void)context;
    assert_true(block < BLOCKS);
    memcpy(to, disk + block * block_size, block_size);
    return block != bad_block;
}

static void put(uint64_t at, uint64_t value, unsigned bytes)
{
    memcpy(disk + at, &value, bytes);
}

static bool find(uint32_t number, struct partition *partition)
{
    struct partition_source source = {disk_read, NULL, BLOCKS, block_size};
    memset(text, 0, sizeof(text));
    return partition_find(&source, number, partition, text);
}

static void finds(uint32_t number, uint64_t first, uint64_t count)
{
    struct partition partition;
    if (!find(number, &partition))
        fail_msg("partition %u: %s", number, text);
    assert_int_equal(partition.first, first);
    assert_int_equal(partition.count, count);
}

static void refuses(uint32_t number, const char *why)
{
    struct partition partition;
    assert_false(find(number, &partition));
    assert_string_equal(text, why);
}

static void mbr_put(unsigned index, uint8_t type, uint32_t first, uint32_t count)
{
    uint64_t at = 446 + index * 16;
    put(at + 4, type, 1);
    put(at + 8, first, 4);
    put(at + 12, count, 4);
    put(510, 0xaa55, 2);
}

static void gpt_seal(void)
{
    uint8_t *header = disk + block_size;
    put(block_size + 88, crc32(0, disk + ENTRIES_AT * block_size, ENTRIES * ENTRY), 4);
    put(block_size + 16, 0, 4);
    put(block_size + 16, crc32(0, header, 92), 4);
}

static void gpt_put(unsigned index, uint64_t first, uint64_t last)
{
    uint64_t at = ENTRIES_AT * block_size + index * ENTRY;
    memset(disk + at, 0x5a, 16);
    put(at + 32, first, 8);
    put(at + 40, last, 8);
    gpt_seal();
}

static void gpt_make(void)
{
    memset(disk, 0, (size_t)BLOCKS * block_size);
    mbr_put(0, 0xee, 1, BLOCKS - 1);
    memcpy(disk + block_size, "EFI PART", 8);
    put(block_size + 8, 0x10000, 4);
    put(block_size + 12, 92, 4);
    put(block_size + 24, 1, 8);
    put(block_size + 32, BLOCKS - 1, 8);
    put(block_size + 40, 34, 8);
    put(block_size + 48, BLOCKS - 34, 8);
    put(block_size + 72, ENTRIES_AT, 8);
    put(block_size + 80, ENTRIES, 4);
    put(block_size + 84, ENTRY, 4);
    gpt_put(0, 34, 1033);
    gpt_put(4, 2000, 2000);
}

static int setup(void **state)
{
    (void)state;
    block_size = 512;
    bad_block = UINT64_MAX;
    disk = calloc(BLOCKS, PARTITION_BLOCK_MOST);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(disk);
    return 0;
}

static void test_no_table(void **state)
{
    (void)state;
    refuses(1, "the disk has no partition table (or give the VM all of it: no `partition`)");
    bad_block = 0;
    refuses(1, "the partition table cannot be read");
}

static void test_mbr(void **state)
{
    (void)state;
    mbr_put(0, 0x83, 1, 1000);
    mbr_put(1, 0x83, 1001, BLOCKS - 1001);
    mbr_put(3, 0x05, 3, 0);
    finds(1, 1, 1000);
    finds(2, 1001, BLOCKS - 1001);
    refuses(3, "the disk has no partition 3");
    refuses(4, "the disk has no partition 4");
    refuses(5, "of an MBR, partitions 1 to 4 can be used (more: make a GPT)");
}

static void test_mbr_bad(void **state)
{
    (void)state;
    mbr_put(0, 0x83, 1, BLOCKS);
    refuses(1, "partition 1 does not lie within the disk");
    mbr_put(0, 0x83, BLOCKS, 1);
    refuses(1, "partition 1 does not lie within the disk");
    mbr_put(0, 0x83, 0, 10);
    refuses(1, "partition 1 does not lie within the disk");
    mbr_put(0, 0x83, 1, 1000);
    mbr_put(2, 0x83, 1000, 10);
    refuses(1, "partitions 1 and 3 of the disk overlap");
    refuses(3, "partitions 3 and 1 of the disk overlap");
    mbr_put(1, 0x0f, 2000, 10);
    refuses(2, "an extended partition cannot be used (make a primary one, or a GPT)");
}

static void test_gpt(void **state)
{
    (void)state;
    gpt_make();
    finds(1, 34, 1000);
    finds(5, 2000, 1);
    refuses(2, "the disk has no partition 2");
    refuses(129, "the disk has no partition 129");
    block_size = 4096;
    gpt_make();
    finds(1, 34, 1000);
}

/* The table that every tool writes: its checksum is known from elsewhere ("123456789": 0xcbf43926). */
static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc32(crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static void test_gpt_damaged(void **state)
{
    (void)state;
    gpt_make();
    put(block_size + 80, 127, 4);
    refuses(1, "the GPT's header is damaged (repair: sgdisk, gdisk)");
    gpt_make();
    put(ENTRIES_AT * block_size + 100 * ENTRY, 1, 1);
    refuses(1, "the GPT's entries are damaged (repair: sgdisk, gdisk)");
    gpt_make();
    put(block_size + 24, 7, 8); /* says that it lies elsewhere */
    gpt_seal();
    refuses(1, "the GPT's header is damaged (repair: sgdisk, gdisk)");
    gpt_make();
    put(block_size + 12, 5000, 4);
    refuses(1, "the GPT's header is damaged (repair: sgdisk, gdisk)");
    gpt_make();
    bad_block = ENTRIES_AT + 3;
    refuses(1, "the partition table cannot be read");
}

/* With checksums that are right. */
static void says(uint32_t offset, uint64_t value, unsigned bytes)
{
    gpt_make();
    put(block_size + offset, value, bytes);
    gpt_seal();
    refuses(1, "the GPT's header says what cannot be (repair: sgdisk, gdisk)");
}

static void test_gpt_impossible(void **state)
{
    (void)state;
    says(84, 64, 4);
    says(84, 129, 4);
    says(84, UINT32_C(1) << 31, 4);
    says(80, 0, 4);
    says(80, UINT32_MAX, 4);
    says(48, BLOCKS, 8);
    says(40, BLOCKS - 1, 8);
    says(40, 0, 8); /* the table within the partitions */
    says(40, 33, 8);
    says(72, 1, 8);
    says(72, 34, 8);
    says(72, BLOCKS - 34, 8);
    gpt_make();
    put(block_size + 72, UINT64_MAX, 8);
    gpt_seal();
    refuses(1, "the partition table cannot be read");
}

static void test_gpt_bad_partition(void **state)
{
    (void)state;
    gpt_make();
    gpt_put(1, 33, 33);
    refuses(2, "partition 2 does not lie within the disk");
    gpt_put(1, 3000, BLOCKS - 33);
    refuses(2, "partition 2 does not lie within the disk");
    gpt_put(1, 3000, UINT64_MAX);
    refuses(2, "partition 2 does not lie within the disk");
    gpt_put(1, 0, UINT64_MAX); /* as many blocks as 2^64: none */
    refuses(2, "the disk has no partition 2");
    gpt_put(1, 3000, 2999);
    refuses(2, "the disk has no partition 2");
    gpt_put(1, 1033, 1040);
    refuses(1, "partitions 1 and 2 of the disk overlap");
    refuses(2, "partitions 2 and 1 of the disk overlap");
    finds(5, 2000, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_table),
        TEST(test_mbr),
        TEST(test_mbr_bad),
        TEST(test_gpt),
        TEST(test_crc),
        TEST(test_gpt_damaged),
        TEST(test_gpt_impossible),
        TEST(test_gpt_bad_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
