/* See partition.h. A table that is damaged is refused, whichever partition is asked for: what else it says cannot be trusted either. */
#include "partition.h"

#include "crc32.h"
#include "format.h"

#include <string.h>

/* MBR: byte offsets. */
enum { MBR_ENTRIES = 446, MBR_ENTRY = 16, MBR_COUNT = 4, MBR_SIGNATURE = 510, MBR_TYPE = 4, MBR_FIRST = 8, MBR_SECTORS = 12 };
enum { TYPE_NONE = 0, TYPE_EXTENDED = 0x05, TYPE_EXTENDED_LBA = 0x0f, TYPE_EXTENDED_LINUX = 0x85, TYPE_GPT = 0xee };

/* UEFI 2.10 table 5-5 (header) and 5-6 (entry): byte offsets. */
enum {
    GPT_HEADER_SIZE = 12,
    GPT_CRC = 16,
    GPT_OWN_BLOCK = 24,
    GPT_FIRST_USABLE = 40,
    GPT_LAST_USABLE = 48,
    GPT_ENTRIES = 72,
    GPT_COUNT = 80,
    GPT_ENTRY_SIZE = 84,
    GPT_ENTRIES_CRC = 88,
    GPT_HEADER_LEAST = 92,
};
enum { ENTRY_FIRST = 32, ENTRY_LAST = 40, ENTRY_LEAST = 128 };
/* More entries than this are nobody's partitions. */
enum { GPT_COUNT_MOST = 1024, GPT_ENTRY_MOST = 512 };

struct gpt {
    const struct partition_source *source;
    uint64_t first_usable, last_usable, entries;
    uint32_t count, entry_size, crc;
};

static uint8_t block[PARTITION_BLOCK_MOST] __attribute__((aligned(16)));

static bool refuse(char *text, const char *what)
{
    format_text(text, PARTITION_TEXT, "%s", what);
    return false;
}

static uint32_t word(uint32_t offset)
{
    uint32_t value;
    memcpy(&value, block + offset, sizeof(value));
    return value;
}

static uint64_t long_word(uint32_t offset)
{
    return word(offset) | (uint64_t)word(offset + 4) << 32;
}

static bool block_read(const struct partition_source *source, uint64_t number, char *text)
{
    if (number < source->blocks && source->read(source->context, number, block))
        return true;
    return refuse(text, "the partition table cannot be read");
}

static bool mbr_is_extended(uint8_t type)
{
    return type == TYPE_EXTENDED || type == TYPE_EXTENDED_LBA || type == TYPE_EXTENDED_LINUX;
}

static const uint8_t *mbr_entry(uint32_t index)
{
    return block + MBR_ENTRIES + index * MBR_ENTRY;
}

static struct partition mbr_partition(uint32_t index)
{
    uint32_t at = MBR_ENTRIES + index * MBR_ENTRY;
    return (struct partition){word(at + MBR_FIRST), word(at + MBR_SECTORS)};
}

static bool overlap(const struct partition *a, const struct partition *b)
{
    return a->first < b->first + b->count && b->first < a->first + a->count;
}

static bool mbr_overlaps(uint32_t index, const struct partition *partition, char *text)
{
    for (uint32_t i = 0; i < MBR_COUNT; i++) {
        struct partition other = mbr_partition(i);
        if (i == index || mbr_entry(i)[MBR_TYPE] == TYPE_NONE || !other.count || !overlap(&other, partition))
            continue;
        format_text(text, PARTITION_TEXT, "partitions %u and %u of the disk overlap", index + 1, i + 1);
        return true;
    }
    return false;
}

static bool mbr_find(const struct partition_source *source, uint32_t number, struct partition *partition, char *text)
{
    if (number > MBR_COUNT)
        return refuse(text, "of an MBR, partitions 1 to 4 can be used (more: make a GPT)");
    uint8_t type = mbr_entry(number - 1)[MBR_TYPE];
    *partition = mbr_partition(number - 1);
    if (type == TYPE_NONE || !partition->count) {
        format_text(text, PARTITION_TEXT, "the disk has no partition %u", number);
        return false;
    }
    if (mbr_is_extended(type))
        return refuse(text, "an extended partition cannot be used (make a primary one, or a GPT)");
    if (!partition->first || partition->first >= source->blocks || partition->count > source->blocks - partition->first) {
        format_text(text, PARTITION_TEXT, "partition %u does not lie within the disk", number);
        return false;
    }
    return !mbr_overlaps(number - 1, partition, text);
}

static bool mbr_is_protective(void)
{
    for (uint32_t i = 0; i < MBR_COUNT; i++)
        if (mbr_entry(i)[MBR_TYPE] == TYPE_GPT)
            return true;
    return false;
}

/* The checksum is over the header with the checksum's own bytes zero (UEFI 2.10 §5.3.2). */
static bool header_is_sound(uint32_t block_size)
{
    uint32_t size = word(GPT_HEADER_SIZE), crc = word(GPT_CRC);
    if (memcmp(block, "EFI PART", 8) != 0 || size < GPT_HEADER_LEAST || size > block_size || long_word(GPT_OWN_BLOCK) != 1)
        return false;
    memset(block + GPT_CRC, 0, 4);
    return crc32(0, block, size) == crc;
}

/* Before the first partition come this header and, unless they lie behind the last one, the entries: a VM that could write them would choose its sectors. */
static bool table_is_apart(const struct gpt *gpt)
{
    uint64_t blocks = (gpt->count * gpt->entry_size + gpt->source->block_size - 1) / gpt->source->block_size;
    bool before = gpt->entries < gpt->first_usable && blocks <= gpt->first_usable - gpt->entries;
    return gpt->first_usable > 1 && gpt->entries > 1 && (before || gpt->entries > gpt->last_usable);
}

static bool gpt_read(const struct partition_source *source, struct gpt *gpt, char *text)
{
    if (!block_read(source, 1, text))
        return false;
    if (!header_is_sound(source->block_size))
        return refuse(text, "the GPT's header is damaged (repair: sgdisk, gdisk)");
    *gpt = (struct gpt){
        .source = source,
        .first_usable = long_word(GPT_FIRST_USABLE),
        .last_usable = long_word(GPT_LAST_USABLE),
        .entries = long_word(GPT_ENTRIES),
        .count = word(GPT_COUNT),
        .entry_size = word(GPT_ENTRY_SIZE),
        .crc = word(GPT_ENTRIES_CRC),
    };
    bool sized = gpt->entry_size >= ENTRY_LEAST && gpt->entry_size <= GPT_ENTRY_MOST && !(gpt->entry_size & (gpt->entry_size - 1));
    if (!sized || !gpt->count || gpt->count > GPT_COUNT_MOST || gpt->last_usable >= source->blocks || gpt->first_usable > gpt->last_usable ||
        !table_is_apart(gpt))
        return refuse(text, "the GPT's header says what cannot be (repair: sgdisk, gdisk)");
    return true;
}

/* What is done with the entries, one after another. */
struct walk {
    uint32_t number;             /* wanted */
    struct partition *partition; /* its entry's, count 0 if it is empty */
    uint32_t overlapping;        /* number of another one that overlaps with it */
    uint32_t crc;
};

static bool entry_is_empty(uint32_t at)
{
    static const uint8_t none[16];
    return !memcmp(block + at, none, sizeof(none));
}

static struct partition entry_partition(uint32_t at)
{
    uint64_t first = long_word(at + ENTRY_FIRST), last = long_word(at + ENTRY_LAST);
    if (entry_is_empty(at) || last < first)
        return (struct partition){0, 0};
    return (struct partition){first, last - first + 1};
}

static void entry_find(struct walk *walk, uint32_t number, uint32_t at)
{
    if (number == walk->number)
        *walk->partition = entry_partition(at);
}

/* An entry that reaches to the end of 2^64 blocks, or beyond, has a count of 0 or wraps: no overlap is found then, nor does it matter. */
static void entry_compare(struct walk *walk, uint32_t number, uint32_t at)
{
    struct partition other = entry_partition(at);
    if (number != walk->number && other.count && overlap(&other, walk->partition))
        walk->overlapping = number;
}

static bool entries_walk(const struct gpt *gpt, struct walk *walk, void (*step)(struct walk *, uint32_t, uint32_t), char *text)
{
    uint32_t size = gpt->source->block_size, bytes = gpt->count * gpt->entry_size;
    walk->crc = 0;
    for (uint32_t done = 0; done < bytes; done += size) {
        if (!block_read(gpt->source, gpt->entries + done / size, text))
            return false;
        uint32_t here = bytes - done < size ? bytes - done : size;
        walk->crc = crc32(walk->crc, block, here);
        for (uint32_t at = 0; at < here; at += gpt->entry_size)
            step(walk, (done + at) / gpt->entry_size + 1, at);
    }
    return true;
}

static bool gpt_find(const struct partition_source *source, uint32_t number, struct partition *partition, char *text)
{
    struct gpt gpt;
    struct walk walk = {.number = number, .partition = partition};
    *partition = (struct partition){0, 0};
    if (!gpt_read(source, &gpt, text) || !entries_walk(&gpt, &walk, entry_find, text))
        return false;
    if (walk.crc != gpt.crc)
        return refuse(text, "the GPT's entries are damaged (repair: sgdisk, gdisk)");
    if (!partition->count) {
        format_text(text, PARTITION_TEXT, "the disk has no partition %u", number);
        return false;
    }
    if (partition->first < gpt.first_usable || partition->first > gpt.last_usable || partition->count > gpt.last_usable - partition->first + 1) {
        format_text(text, PARTITION_TEXT, "partition %u does not lie within the disk", number);
        return false;
    }
    if (!entries_walk(&gpt, &walk, entry_compare, text))
        return false;
    if (walk.overlapping)
        format_text(text, PARTITION_TEXT, "partitions %u and %u of the disk overlap", number, walk.overlapping);
    return !walk.overlapping;
}

bool partition_find(const struct partition_source *source, uint32_t number, struct partition *partition, char *text)
{
    if (!block_read(source, 0, text))
        return false;
    if (block[MBR_SIGNATURE] != 0x55 || block[MBR_SIGNATURE + 1] != 0xaa)
        return refuse(text, "the disk has no partition table (or give the VM all of it: no `partition`)");
    return mbr_is_protective() ? gpt_find(source, number, partition, text) : mbr_find(source, number, partition, text);
}
