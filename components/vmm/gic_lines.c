/*
 * One row per register bank. Lock: `lock`, for read-modify-write of ICFGR, whose words describe half of what one call sets; nothing else is taken under it.
 */
#include "gic.h"
#include "lines.h"
#include "lock.h"

#include <stddef.h>

struct bank;

/* One word of a bank. */
struct word {
    unsigned vcpu;
    unsigned line; /* first one that it describes */
    uint32_t value, lanes;
};

struct bank {
    uint16_t start, end; /* offsets */
    uint8_t lines_log2;  /* lines per word */
    uint8_t get, set;    /* enum virq_field */
    uint32_t (*read)(const struct bank *bank, const struct word *word);
    void (*write)(const struct bank *bank, const struct word *word);
};

static struct lock lock;

static uint32_t mask_read(const struct bank *bank, const struct word *word)
{
    return lines_get(word->vcpu, bank->get, word->line);
}

/* "Write 1 to …": zeros change nothing, so bytes that were not written may be zero. */
static void mask_write(const struct bank *bank, const struct word *word)
{
    lines_set(word->vcpu, bank->set, word->line, word->value & word->lanes);
}

static void group_write(const struct bank *bank, const struct word *word)
{
    uint32_t kept = ~word->lanes ? lines_get(word->vcpu, bank->get, word->line) & ~word->lanes : 0;
    lines_set(word->vcpu, bank->set, word->line, kept | (word->value & word->lanes));
}

static uint32_t priority_read(const struct bank *bank, const struct word *word)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++)
        value |= (lines_get(word->vcpu, bank->get, word->line + i) & 0xff) << 8 * i;
    return value;
}

static void priority_write(const struct bank *bank, const struct word *word)
{
    for (unsigned i = 0; i < 4; i++)
        if (word->lanes >> 8 * i & 1)
            lines_set(word->vcpu, bank->set, word->line + i, word->value >> 8 * i & 0xff);
}

/* ICFGR: two bits per line, of which the upper one says edge-triggered. */
static uint32_t config_read(const struct bank *bank, const struct word *word)
{
    uint32_t edges = lines_get(word->vcpu, bank->get, word->line & ~31u) >> (word->line & 16), value = 0;
    for (unsigned i = 0; i < 16; i++)
        value |= (edges >> i & 1) << (2 * i + 1);
    return value;
}

static uint32_t config_compress(uint32_t value)
{
    uint32_t edges = 0;
    for (unsigned i = 0; i < 16; i++)
        edges |= (value >> (2 * i + 1) & 1) << i;
    return edges;
}

/* SGIs are edge-triggered for good. */
static void config_write(const struct bank *bank, const struct word *word)
{
    unsigned shift = word->line & 16;
    uint32_t changed = config_compress(word->lanes) << shift, wanted = config_compress(word->value) << shift;
    if (!word->line)
        return;
    lock_take(&lock);
    uint32_t edges = lines_get(word->vcpu, bank->get, word->line & ~31u);
    lines_set(word->vcpu, bank->set, word->line & ~31u, (edges & ~changed) | (wanted & changed));
    lock_release(&lock);
}

static const struct bank banks[] = {
    {0x080, 0x0a0, 5, VIRQ_GROUP1, VIRQ_GROUP1, mask_read, group_write},         /* IGROUPR */
    {0x100, 0x120, 5, VIRQ_ENABLE, VIRQ_ENABLE, mask_read, mask_write},          /* ISENABLER */
    {0x180, 0x1a0, 5, VIRQ_ENABLE, VIRQ_DISABLE, mask_read, mask_write},         /* ICENABLER */
    {0x200, 0x220, 5, VIRQ_PEND, VIRQ_PEND, mask_read, mask_write},              /* ISPENDR */
    {0x280, 0x2a0, 5, VIRQ_PEND, VIRQ_UNPEND, mask_read, mask_write},            /* ICPENDR */
    {0x300, 0x320, 5, VIRQ_ACTIVATE, VIRQ_ACTIVATE, mask_read, mask_write},      /* ISACTIVER */
    {0x380, 0x3a0, 5, VIRQ_ACTIVATE, VIRQ_DEACTIVATE, mask_read, mask_write},    /* ICACTIVER */
    {0x400, 0x500, 2, VIRQ_PRIORITY, VIRQ_PRIORITY, priority_read, priority_write}, /* IPRIORITYR */
    {0xc00, 0xc40, 4, VIRQ_EDGE, VIRQ_EDGE, config_read, config_write},          /* ICFGR */
};

static const struct bank *bank_find(uint32_t offset)
{
    for (unsigned i = 0; i < sizeof banks / sizeof banks[0] && offset >= banks[i].start; i++)
        if (offset < banks[i].end)
            return &banks[i];
    return NULL;
}

static unsigned bank_line(const struct bank *bank, uint32_t offset)
{
    return (offset - bank->start) / 4 << bank->lines_log2;
}

int gic_lines_first(uint32_t offset)
{
    const struct bank *bank = bank_find(offset);
    return bank ? (int)bank_line(bank, offset) : -1;
}

uint32_t gic_lines_read(unsigned vcpu, uint32_t offset)
{
    const struct bank *bank = bank_find(offset);
    if (!bank)
        return 0;
    return bank->read(bank, &(struct word){vcpu, bank_line(bank, offset), 0, 0});
}

void gic_lines_write(unsigned vcpu, uint32_t offset, uint32_t value, uint32_t lanes)
{
    const struct bank *bank = bank_find(offset);
    if (bank)
        bank->write(bank, &(struct word){vcpu, bank_line(bank, offset), value, lanes});
}

uint64_t gic_read_words(unsigned vcpu, uint64_t offset, unsigned size, uint32_t (*read)(unsigned, uint32_t))
{
    uint32_t word = (uint32_t)offset & ~3u;
    uint64_t value = read(vcpu, word);
    if (size == 8)
        value |= (uint64_t)read(vcpu, word + 4) << 32;
    return value >> 8 * (offset & 3);
}

void gic_write_words(void (*write)(unsigned, uint32_t, uint32_t, uint32_t), unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    uint32_t word = (uint32_t)offset & ~3u;
    unsigned shift = 8 * (offset & 3);
    uint32_t lanes = size >= 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;
    write(vcpu, word, (uint32_t)value << shift, lanes << shift);
    if (size == 8)
        write(vcpu, word + 4, (uint32_t)(value >> 32), UINT32_MAX);
}
