/*
 * Partition tables of a disk that somebody else wrote. Input: block size, partition wanted, bits, then blocks in the order in which they are read; with a bit of the
 * first byte, checksums are made right on the way, so that what lies behind them is reached.
 */
#include "../../components/blk/crc32.h"
#include "../../components/blk/partition.h"
#include "fuzz.h"

#include <string.h>

static struct table {
    struct input input;
    bool seals;
    uint32_t block_size;
    uint64_t blocks, reads;
} table;

static void take(void *to, size_t size)
{
    struct input *input = &table.input;
    size_t here = size < input->size ? size : input->size;
    memset(to, 0, size);
    memcpy(to, input->data, here);
    input->data += here;
    input->size -= here;
}

/* The entries are what follows in the input, in whole blocks but for the last; zeroes behind its end. */
static uint32_t entries_crc(uint64_t bytes)
{
    static const uint8_t zeroes[PARTITION_BLOCK_MOST];
    size_t given = bytes < table.input.size ? bytes : table.input.size;
    uint32_t crc = crc32(0, table.input.data, given);
    for (uint64_t left = bytes - given, here; left; left -= here) {
        here = left < sizeof(zeroes) ? left : sizeof(zeroes);
        crc = crc32(crc, zeroes, here);
    }
    return crc;
}

static void seal(uint8_t *block)
{
    uint32_t count, size, header = 92, none = 0;
    uint64_t own = 1;
    memcpy(&count, block + 80, 4);
    memcpy(&size, block + 84, 4);
    uint64_t bytes = (uint64_t)count * size;
    uint32_t crc = bytes <= 1024 * 512 ? entries_crc(bytes) : 0;
    memcpy(block, "EFI PART", 8);
    memcpy(block + 12, &header, 4);
    memcpy(block + 16, &none, 4);
    memcpy(block + 24, &own, 8);
    memcpy(block + 88, &crc, 4);
    crc = crc32(0, block, header);
    memcpy(block + 16, &crc, 4);
}

static bool block_read(void *context, uint64_t block, void *to)
{
    MUST(context == &table);
    MUST(block < table.blocks);
    table.reads++;
    take(to, table.block_size);
    if (block == 0) {
        ((uint8_t *)to)[510] = 0x55;
        ((uint8_t *)to)[511] = 0xaa;
    }
    if (block == 1 && table.seals)
        seal(to);
    return true;
}

void input_try(const uint8_t *data, size_t size)
{
    uint8_t first, number, log;
    char text[PARTITION_TEXT];
    struct partition partition;
    table = (struct table){.input = {data, size}};
    take(&first, 1);
    take(&number, 1);
    take(&log, 1);
    table.seals = first & 1;
    table.block_size = UINT32_C(512) << (first >> 1 & 3);
    table.blocks = (UINT64_C(1) << log % 63) + number;
    struct partition_source source = {block_read, &table, table.blocks, table.block_size};
    memset(text, 0xee, sizeof(text));
    if (partition_find(&source, number + 1u, &partition, text)) {
        MUST(partition.count && partition.first && partition.first < table.blocks && partition.count <= table.blocks - partition.first);
    } else {
        MUST(memchr(text, 0, sizeof(text)));
        MUST(text[0]);
    }
    MUST(table.reads <= 2 + 2 * (1024 * 512 / 512)); /* however large a table says that it is */
}
