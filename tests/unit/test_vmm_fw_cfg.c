/* The firmware configuration device against a guest's memory of the test's, with well-meaning and hostile descriptors. */
#include "vmm_lines.h"

#include "../../components/vmm/fw_cfg.c"
#include "../../components/vmm/mmio.c"

#include <stdlib.h>

enum { RAM_BASE = 0x40000000, RAM_SIZE = 0x10000, AT = RAM_BASE + 0x100, TO = RAM_BASE + 0x1000 };

struct machine machine;

static uint8_t ram[RAM_SIZE];
static const uint8_t kernel[300] = {1, 2, 3, 4, 5, 6, 7, 8, [299] = 9};

void *ram_at(uint64_t address, uint64_t size)
{
    uint64_t offset = address - RAM_BASE;
    if (address < RAM_BASE || offset > RAM_SIZE || size > RAM_SIZE - offset)
        return NULL;
    return ram + offset;
}

void cache_clean_invalidate(const void *start, size_t size)
{
    const uint8_t *at = start;
    assert_true(at >= ram && at + size <= ram + RAM_SIZE);
}

void component_fail(const char *format, ...)
{
    (void)format;
    abort();
}

static int setup(void **state)
{
    (void)state;
    memset(ram, 0xee, sizeof ram);
    machine = (struct machine){.kernel = {kernel, sizeof kernel}, .bootargs = {(const uint8_t *)"quiet", 5}, .firmware = {kernel, 1}};
    fw_cfg_reset();
    return 0;
}

static void choose(uint16_t key)
{
    fw_cfg_write(0, 8, 2, __builtin_bswap16(key));
}

static uint32_t word_of(uint16_t key)
{
    choose(key);
    return (uint32_t)fw_cfg_read(0, 0, 4);
}

/* Leaves a descriptor at AT and starts it; its control word afterwards. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    struct descriptor descriptor = {__builtin_bswap32(control), __builtin_bswap32(length), __builtin_bswap64(address)};
    memcpy(ram + (AT - RAM_BASE), &descriptor, sizeof descriptor);
    fw_cfg_write(0, 16, 8, __builtin_bswap64(AT));
    memcpy(&descriptor, ram + (AT - RAM_BASE), sizeof descriptor);
    return __builtin_bswap32(descriptor.control);
}

static void test_items(void **state)
{
    (void)state;
    assert_int_equal(word_of(0), 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24);
    assert_int_equal(word_of(1), 3);
    assert_int_equal(word_of(8), sizeof kernel);
    assert_int_equal(word_of(0x0b), 0); /* no initrd */
    assert_int_equal(word_of(0x14), 6);
    choose(0x15);
    assert_int_equal(fw_cfg_read(0, 0, 8), UINT64_C(0x7465697571)); /* "quiet", zeros behind */
    assert_int_equal(word_of(0x19), 0);                             /* no files */
    assert_int_equal(word_of(0x7fff), 0);
    machine.bootargs = machine.kernel = (struct blob){0};
    assert_int_equal(word_of(8), 0);
    assert_int_equal(word_of(0x14), 1);
    choose(0x15);
    assert_int_equal(fw_cfg_read(0, 0, 1), 0);
}

static void test_bytes(void **state)
{
    (void)state;
    choose(0x11);
    assert_int_equal(fw_cfg_read(0, 0, 1), 1);
    assert_int_equal(fw_cfg_read(0, 0, 2), 0x0302);
    assert_int_equal(fw_cfg_read(0, 0, 1), 4);
    for (unsigned i = 4; i < sizeof kernel - 1; i++)
        fw_cfg_read(0, 0, 1);
    assert_int_equal(fw_cfg_read(0, 0, 4), 9); /* and zeros behind the end */
    assert_int_equal(fw_cfg_read(0, 0, 8), 0);
    choose(0x11);
    assert_int_equal(fw_cfg_read(0, 0, 1), 1);
    fw_cfg_reset();
    assert_int_equal(fw_cfg_read(0, 0, 1), 'Q');
}

static void test_registers(void **state)
{
    (void)state;
    assert_int_equal(__builtin_bswap64(fw_cfg_read(0, 16, 8)), dma_signature);
    assert_int_equal(__builtin_bswap32((uint32_t)fw_cfg_read(0, 20, 4)), (uint32_t)dma_signature);
    fw_cfg_write(0, 0, 4, 0x12345678); /* data is read-only, and the odd rest of the page nothing */
    fw_cfg_write(0, 9, 2, 0xffff);
    fw_cfg_write(0, 17, 8, UINT64_MAX);
    assert_int_equal(fw_cfg_read(0, 12, 4), 0);
    assert_int_equal(fw_cfg_read(0, 0, 1), 'Q');
}

static void test_dma(void **state)
{
    (void)state;
    assert_int_equal(dma(0x11 << 16 | DMA_SELECT | DMA_READ, sizeof kernel, TO), 0);
    assert_memory_equal(ram + (TO - RAM_BASE), kernel, sizeof kernel);
    assert_int_equal(ram[TO - RAM_BASE + sizeof kernel], 0xee);
    assert_int_equal(dma(0x11 << 16 | DMA_SELECT | DMA_SKIP, 4, 0), 0);
    assert_int_equal(dma(DMA_READ, 2, TO), 0);
    assert_int_equal(ram[TO - RAM_BASE], 5);
    assert_int_equal(dma(DMA_READ, 400, TO), 0); /* beyond the end: zeros */
    assert_int_equal(ram[TO - RAM_BASE + 399], 0);
    assert_int_equal(ram[TO - RAM_BASE + 400], 0xee);
    /* The address by halves. */
    dma(0, 0, 0);
    struct descriptor descriptor = {__builtin_bswap32(DMA_READ | DMA_SELECT), __builtin_bswap32(4), __builtin_bswap64(TO)};
    memcpy(ram + (AT - RAM_BASE), &descriptor, sizeof descriptor);
    fw_cfg_write(0, 16, 4, 0);
    fw_cfg_write(0, 20, 4, __builtin_bswap32(AT));
    assert_memory_equal(ram + (TO - RAM_BASE), "QEMU", 4);
}

/* Where the data goes, and how much: outside, across either end, wrapping, all of the address space. Nothing is written then. */
static void test_dma_outside(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } wrong[] = {
        {0, 4},
        {RAM_BASE - 1, 2},
        {RAM_BASE + RAM_SIZE - 3, 4},
        {RAM_BASE + RAM_SIZE, 1},
        {RAM_BASE + RAM_SIZE + 1, 0},
        {RAM_BASE, RAM_SIZE + 1},
        {RAM_BASE, UINT32_MAX},
        {UINT64_MAX, 1},
        {UINT64_MAX, UINT32_MAX},
        {UINT64_MAX - RAM_BASE + 2, 0x80000000},
        {UINT64_C(1) << 63, 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(dma(0x11 << 16 | DMA_SELECT | DMA_READ, wrong[i].length, wrong[i].address), DMA_ERROR);
        for (unsigned at = 0; at < RAM_SIZE; at++)
            assert_true(ram[at] == 0xee || at - (AT - RAM_BASE) < sizeof(struct descriptor));
    }
    assert_int_equal(dma(DMA_READ, 1, TO), 0); /* and goes on working */
}

static void test_dma_write(void **state)
{
    (void)state;
    assert_int_equal(dma(0x11 << 16 | DMA_SELECT | DMA_WRITE, 4, TO), DMA_ERROR);
    assert_int_equal(kernel[0], 1);
}

/* A descriptor that is not in memory, or reaches out of it; one that its own data overwrites. */
static void test_descriptor(void **state)
{
    static const uint64_t wrong[] = {0, RAM_BASE - 1, RAM_BASE + RAM_SIZE - 15, RAM_BASE + RAM_SIZE, UINT64_MAX, UINT64_MAX - 7};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fw_cfg_write(0, 16, 8, __builtin_bswap64(wrong[i]));
    for (unsigned at = 0; at < RAM_SIZE; at++)
        assert_int_equal(ram[at], 0xee);
    assert_int_equal(dma(0x11 << 16 | DMA_SELECT | DMA_READ, 32, AT - 8), 0);
    assert_int_equal(ram[AT - RAM_BASE - 8], 1);
}

static void test_skip(void **state)
{
    (void)state;
    choose(0x11);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(dma(DMA_SKIP, UINT32_MAX, 0), 0);
    assert_int_equal(fw_cfg_read(0, 0, 8), 0); /* did not come round to the start */
}

/* Any words as descriptors, any stores to the registers: the sanitizer looks. */
static void test_wild(void **state)
{
    (void)state;
    srandom(4);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t address = (uint64_t)random() << 33 ^ (uint64_t)random();
        unsigned size = 1u << (random() & 3);
        uint64_t offset = (uint64_t)random() % (FW_CFG_SIZE - size + 1);
        if (random() & 7)
            address = RAM_BASE + (uint64_t)random() % (RAM_SIZE + 64);
        dma((uint32_t)random() & 0x001f001f, (uint32_t)random() >> (random() & 31), address);
        fw_cfg_write(0, offset, size, address);
        fw_cfg_read(0, offset, size);
    }
}

/* Red when a reset leaves anything of what was before: it is one function at start and at restart. */
static void test_reset_forgets(void **state)
{
    static const struct fw_cfg_state fresh;
    (void)state;
    memset(&fw, 0xa5, sizeof fw);
    fw_cfg_reset();
    assert_memory_equal(&fw, &fresh, sizeof fresh);
}

/* A VM without firmware has no such device. */
static void test_build(void **state)
{
    (void)state;
    machine.firmware.data = NULL;
    fw_cfg_build();
    assert_null(mmio_find(FW_CFG_BASE));
    machine.firmware.data = kernel;
    fw_cfg_build();
    assert_non_null(mmio_find(FW_CFG_BASE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_items, setup),      cmocka_unit_test_setup(test_bytes, setup),
        cmocka_unit_test_setup(test_registers, setup),  cmocka_unit_test_setup(test_dma, setup),
        cmocka_unit_test_setup(test_dma_outside, setup), cmocka_unit_test_setup(test_dma_write, setup),
        cmocka_unit_test_setup(test_descriptor, setup), cmocka_unit_test_setup(test_skip, setup),
        cmocka_unit_test_setup(test_wild, setup),       cmocka_unit_test_setup(test_build, setup),
        cmocka_unit_test_setup(test_reset_forgets, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
