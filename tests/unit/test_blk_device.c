/*
 * The driver of a real virtio disk (components/blk/virtio_mmio.c, ring.c, virtio_disk.c) against a model of the device, written from virtio 1.2 §4.2, §2.7 and §5.2 alone: it
 * refuses what is out of order, as a device may.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* In place of components/blk/registers.h. */
#define BLK_REGISTERS_H
static uint32_t register_read(uintptr_t base, uint32_t offset);
static uint8_t register_read_byte(uintptr_t base, uint32_t offset);
static void register_write(uintptr_t base, uint32_t offset, uint32_t value);
static void device_publish(void);
static void device_observe(void);
static void device_exchange(void);

#include "../../components/blk/ring.c"
#include "../../components/blk/virtio_disk.c"
#include "../../components/blk/virtio_mmio.c"

enum { BASE = 0x0a000e00, DMA_SIZE = 65536, DATA_SIZE = 65536, SECTORS = 64 };
#define DMA_BUS UINT64_C(0x140000000)
#define DATA_BUS UINT64_C(0x250000000)

static struct {
    uint32_t magic, version, id, status, select_device, select_driver, select_queue, queue_size, ready, interrupts, most;
    uint64_t offered, accepted, descriptors, available, used;
    bool stays;          /* in reset */
    bool refuses;        /* features */
    bool silent;         /* wants no notifications */
    bool backwards;      /* uses the last request first */
    uint16_t seen, done;
    unsigned notified, published, resets;
    struct blk_config config;
    uint8_t image[SECTORS * DISK_SECTOR];
    uint8_t answer;      /* status of requests */
} device;

static uint8_t *dma_memory, *data;
static struct dma dma;
static struct virtio_disk disk;

/* --- the device ------------------------------------------------------------------------------------------------------------------- */

static uint32_t register_read(uintptr_t base, uint32_t offset)
{
    assert_int_equal(base, BASE);
    switch (offset) {
    case MAGIC:
        return device.magic;
    case VERSION:
        return device.version;
    case DEVICE_ID:
        return device.id;
    case DEVICE_FEATURES:
        return (uint32_t)(device.offered >> 32 * device.select_device);
    case QUEUE_MOST:
        return device.most;
    case INTERRUPT_STATUS:
        return device.interrupts;
    case STATUS:
        return device.status;
    case CONFIG_GENERATION:
        return 7;
    default:
        fail_msg("read of 0x%x", offset);
        return 0;
    }
}

static uint8_t register_read_byte(uintptr_t base, uint32_t offset)
{
    assert_int_equal(base, BASE);
    assert_in_range(offset, CONFIG, CONFIG + sizeof(device.config) - 1);
    return ((uint8_t *)&device.config)[offset - CONFIG];
}

static void half_put(uint64_t *to, bool high, uint32_t value)
{
    *to = high ? (*to & UINT32_MAX) | (uint64_t)value << 32 : (*to & ~(uint64_t)UINT32_MAX) | value;
}

/* §3.1.1: one bit after the other, and none goes. */
static void status_write(uint32_t value)
{
    if (!value) {
        device.resets++;
        device.status = device.stays ? device.status : 0;
        device.ready = 0;
        return;
    }
    assert_int_equal(device.status & ~value, 0);
    assert_true(!(value & VIRTIO_S_DRIVER_OK) || device.ready);
    assert_true(!(value & VIRTIO_S_FEATURES_OK) || value & VIRTIO_S_DRIVER);
    device.status = device.refuses ? value & ~(uint32_t)VIRTIO_S_FEATURES_OK : value;
}

static void register_write(uintptr_t base, uint32_t offset, uint32_t value)
{
    assert_int_equal(base, BASE);
    switch (offset) {
    case STATUS:
        status_write(value);
        break;
    case DEVICE_FEATURES_SELECT:
        device.select_device = value;
        break;
    case DRIVER_FEATURES_SELECT:
        device.select_driver = value;
        break;
    case DRIVER_FEATURES:
        half_put(&device.accepted, device.select_driver, value);
        break;
    case QUEUE_SELECT:
        assert_int_equal(value, 0);
        break;
    case QUEUE_SIZE:
        device.queue_size = value;
        break;
    case QUEUE_DESCRIPTORS:
    case QUEUE_DESCRIPTORS + 4:
        half_put(&device.descriptors, offset & 4, value);
        break;
    case QUEUE_AVAILABLE:
    case QUEUE_AVAILABLE + 4:
        half_put(&device.available, offset & 4, value);
        break;
    case QUEUE_USED:
    case QUEUE_USED + 4:
        half_put(&device.used, offset & 4, value);
        break;
    case QUEUE_READY:
        assert_true(device.status & VIRTIO_S_FEATURES_OK);
        device.ready = value;
        break;
    case QUEUE_NOTIFY:
        assert_true(device.status & VIRTIO_S_DRIVER_OK);
        device.notified++;
        break;
    case INTERRUPT_ACK:
        device.interrupts &= ~value;
        break;
    default:
        fail_msg("write of 0x%x", offset);
    }
}

static void device_publish(void)
{
    device.published++;
}

static void device_observe(void)
{
}

static void device_exchange(void)
{
}

static void *bus(uint64_t address, uint64_t size)
{
    if (address - DMA_BUS < DMA_SIZE && size <= DMA_SIZE - (address - DMA_BUS))
        return dma_memory + (address - DMA_BUS);
    if (address - DATA_BUS < DATA_SIZE && size <= DATA_SIZE - (address - DATA_BUS))
        return data + (address - DATA_BUS);
    fail_msg("the device was sent to %llx + %llx", (unsigned long long)address, (unsigned long long)size);
    return NULL;
}

static struct ring_descriptor *table_of(uint16_t head, uint32_t *count)
{
    struct ring_descriptor *descriptor = (struct ring_descriptor *)bus(device.descriptors, 16 * device.queue_size) + head;
    assert_int_equal(descriptor->flags, VIRTIO_D_INDIRECT);
    *count = descriptor->length / 16;
    return bus(descriptor->address, descriptor->length);
}

/* Moves the data of a read or write, from the second descriptor on. */
static void device_move(const struct ring_descriptor *table, uint32_t count, const struct blk_header *header)
{
    uint64_t at = header->sector * DISK_SECTOR;
    for (uint32_t i = 1; i + 1 < count; i++) {
        void *memory = bus(table[i].address, table[i].length);
        assert_true(at + table[i].length <= sizeof(device.image));
        assert_int_equal(table[i].flags, VIRTIO_D_NEXT | (header->type == BLK_T_IN ? VIRTIO_D_WRITE : 0));
        assert_int_equal(table[i].next, i + 1);
        if (header->type == BLK_T_IN)
            memcpy(memory, device.image + at, table[i].length);
        else
            memcpy(device.image + at, memory, table[i].length);
        at += table[i].length;
    }
}

static void device_do(uint16_t head)
{
    uint32_t count;
    struct ring_descriptor *table = table_of(head, &count);
    struct ring_used *used = bus(device.used, sizeof(*used));
    struct blk_header *header = bus(table[0].address, 16);
    uint8_t *status = bus(table[count - 1].address, 1);
    assert_int_equal(table[0].length, 16);
    assert_int_equal(table[count - 1].flags, VIRTIO_D_WRITE);
    assert_int_equal(table[count - 1].length, 1);
    if (header->type == BLK_T_IN || header->type == BLK_T_OUT)
        device_move(table, count, header);
    *status = device.answer;
    used->ring[device.done++ % device.queue_size].id = head;
    used->index = device.done;
    device.interrupts |= 1;
}

static void device_run(void)
{
    struct ring_available *available = bus(device.available, sizeof(*available));
    struct ring_used *used = bus(device.used, sizeof(*used));
    uint16_t heads[64], count = 0;
    while (device.seen != available->index)
        heads[count++] = available->ring[device.seen++ % device.queue_size];
    for (uint16_t i = 0; i < count; i++)
        device_do(heads[device.backwards ? count - 1 - i : i]);
    used->flags = device.silent ? VIRTIO_U_NO_NOTIFY : 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    device.magic = MAGIC_VALUE;
    device.version = 2;
    device.id = VIRTIO_BLOCK;
    device.most = 1024;
    device.status = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER_OK; /* a predecessor's */
    device.offered = UINT64_MAX;
    device.config = (struct blk_config){.capacity = SECTORS, .size_max = 8192, .seg_max = 126, .blk_size = 512, .max_discard_sectors = 100,
        .max_discard_seg = 1, .max_write_zeroes_sectors = 50, .max_write_zeroes_seg = 1, .write_zeroes_may_unmap = 1};
    for (unsigned i = 0; i < sizeof(device.image); i++)
        device.image[i] = (uint8_t)(i / 512 + i % 253);
    dma_memory = aligned_alloc(4096, DMA_SIZE);
    data = calloc(1, DATA_SIZE);
    dma = (struct dma){dma_memory, DMA_BUS, DMA_SIZE};
    virtio_disk_init(&disk, &virtio_mmio, BASE, &dma);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(dma_memory);
    free(data);
    return 0;
}

static void start(void)
{
    const char *problem = disk.disk.driver->start(&disk.disk);
    if (problem)
        fail_msg("%s", problem);
}

static void refuses(const char *why)
{
    const char *problem = disk.disk.driver->start(&disk.disk);
    assert_non_null(problem);
    assert_string_equal(problem, why);
    assert_false(device.status & VIRTIO_S_DRIVER_OK);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------------ */

static void test_start(void **state)
{
    (void)state;
    start();
    const struct disk_facts *facts = &disk.disk.facts;
    assert_int_equal(device.resets, 1); /* before anything else */
    assert_true(disk.disk.is_quiet);
    assert_int_equal(device.status, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK);
    assert_int_equal(device.accepted & ~WANTED, 0);
    assert_int_equal(device.queue_size, 64);
    assert_int_equal(facts->sectors, SECTORS);
    assert_int_equal(facts->segments, DISK_SEGMENTS);
    assert_int_equal(facts->segment_bytes, 8192);
    assert_in_range(facts->depth, 32, 64);
    assert_true(facts->read_only && facts->flush && facts->discard && facts->write_zeroes && facts->zeroes_unmap);
    assert_int_equal(facts->zeroes_sectors, 50);
}

static void test_poor_device(void **state)
{
    (void)state;
    device.offered = NEEDED;
    device.most = 5;
    start();
    const struct disk_facts *facts = &disk.disk.facts;
    assert_int_equal(device.queue_size, 4);
    assert_int_equal(facts->depth, 4);
    assert_int_equal(facts->segments, 1); /* what was not negotiated counts for nothing */
    assert_int_equal(facts->block_size, 512);
    assert_false(facts->read_only || facts->flush || facts->discard || facts->write_zeroes);
}

static void test_no_device(void **state)
{
    (void)state;
    device.status = 0;
    device.magic = 0;
    refuses("there is no virtio-mmio device at the address of its `device`");
    device.magic = MAGIC_VALUE;
    device.id = 0;
    refuses("nothing is attached to its virtio-mmio `device`; is the disk's image missing?");
    device.id = VIRTIO_NET;
    refuses("the virtio-mmio device that `device` names is no disk");
    device.id = VIRTIO_BLOCK;
    device.version = 1;
    refuses("its virtio-mmio device is a legacy one (QEMU: -global virtio-mmio.force-legacy=false)");
}

static void test_bad_device(void **state)
{
    (void)state;
    device.offered = FEATURE(VIRTIO_F_VERSION_1);
    refuses("it lacks a feature that the driver needs: VIRTIO_F_VERSION_1 and VIRTIO_F_INDIRECT_DESC");
    device.offered = UINT64_MAX;
    device.refuses = true;
    refuses("it refuses the features that it offered itself");
    device.refuses = false;
    device.config.blk_size = 513;
    refuses("its blocks are neither of 512 bytes nor of a power of two up to 4096");
    device.config.blk_size = 4096;
    device.most = 0;
    refuses("it has no queue");
    device.most = 64;
    dma.size = 512;
    refuses("its memory for DMA is too small");
}

/* Whoever goes on then would have the device write into memory that is another's. */
static void test_no_end_of_reset(void **state)
{
    (void)state;
    device.stays = true;
    assert_non_null(disk.disk.driver->start(&disk.disk));
    assert_false(disk.disk.is_quiet);
}

static void submit(uint32_t token, enum disk_operation operation, uint64_t sector, uint32_t at, uint32_t size)
{
    struct disk_request request = {.operation = operation, .token = token, .sector = sector, .count = size ? 2 : 0};
    request.segments[0] = (struct disk_segment){DATA_BUS + at, size / 2};
    request.segments[1] = (struct disk_segment){DATA_BUS + at + size / 2, size / 2};
    disk.disk.driver->submit(&disk.disk, &request);
}

static void test_requests(void **state)
{
    (void)state;
    uint32_t token;
    enum disk_result result;
    start();
    submit(0, DISK_READ, 3, 0, 1024);
    assert_int_equal(device.notified, 0);
    disk.disk.driver->go(&disk.disk);
    assert_int_equal(device.notified, 1);
    assert_false(disk.disk.driver->collect(&disk.disk, &token, &result));
    device_run();
    assert_true(disk.disk.driver->collect(&disk.disk, &token, &result));
    assert_int_equal(token, 0);
    assert_int_equal(result, DISK_OK);
    assert_memory_equal(data, device.image + 3 * DISK_SECTOR, 1024);
    memset(data, 0x99, 1024);
    submit(5, DISK_WRITE, 9, 0, 1024);
    submit(6, DISK_FLUSH, 0, 0, 0);
    device.backwards = true;
    disk.disk.driver->go(&disk.disk);
    disk.disk.driver->go(&disk.disk);
    assert_int_equal(device.notified, 2); /* once for both, and not without anything */
    device_run();
    assert_true(disk.disk.driver->collect(&disk.disk, &token, &result));
    assert_int_equal(token, 6);
    assert_true(disk.disk.driver->collect(&disk.disk, &token, &result));
    assert_int_equal(token, 5);
    assert_false(disk.disk.driver->collect(&disk.disk, &token, &result));
    assert_memory_equal(device.image + 9 * DISK_SECTOR, data, 1024);
}

/* Around the ring several times, with the device's wish not to be notified, and its errors. */
static void test_many(void **state)
{
    (void)state;
    uint32_t token;
    enum disk_result result;
    start();
    device.silent = true;
    device_run();
    for (uint32_t i = 0; i < 500; i++) {
        device.answer = (uint8_t)(i % 3);
        submit(i % disk.disk.facts.depth, DISK_READ, i % 60, 0, 1024);
        disk.disk.driver->go(&disk.disk);
        device_run();
        assert_true(disk.disk.driver->collect(&disk.disk, &token, &result));
        assert_int_equal(token, i % disk.disk.facts.depth);
        assert_int_equal(result, i % 3 == 0 ? DISK_OK : i % 3 == 1 ? DISK_ERROR : DISK_UNSUPPORTED);
    }
    assert_int_equal(device.notified, 0);
    assert_true(device.published >= 500);
}

static void test_ranges(void **state)
{
    (void)state;
    uint32_t count;
    start();
    struct disk_request request = {.operation = DISK_WRITE_ZEROES, .token = 1, .sector = 77, .sectors = 8, .unmap = true};
    disk.disk.driver->submit(&disk.disk, &request);
    struct ring_descriptor *table = table_of(1, &count);
    struct blk_range *range = bus(table[1].address, 16);
    assert_int_equal(count, 3);
    assert_true(range->sector == 77 && range->sectors == 8 && range->flags == BLK_RANGE_UNMAP);
    request.operation = DISK_DISCARD; /* for which it is reserved */
    disk.disk.driver->submit(&disk.disk, &request);
    assert_int_equal(range->flags, 0);
}

/* A device that says that it has used what it never had. */
static void test_device_lies(void **state)
{
    (void)state;
    uint32_t token;
    enum disk_result result;
    start();
    submit(2, DISK_FLUSH, 0, 0, 0);
    disk.disk.driver->go(&disk.disk);
    struct ring_used *used = bus(device.used, sizeof(*used));
    used->ring[0].id = 3;
    used->ring[1].id = UINT32_MAX;
    used->ring[2].id = 64;
    device.done = 3;
    used->index = 3;
    device_run();
    device_do(2); /* twice */
    assert_true(disk.disk.driver->collect(&disk.disk, &token, &result));
    assert_int_equal(token, 2);
    assert_false(disk.disk.driver->collect(&disk.disk, &token, &result));
}

static void test_interrupt(void **state)
{
    (void)state;
    start();
    device.interrupts = 1;
    assert_true(disk.disk.driver->interrupt(&disk.disk));
    assert_int_equal(device.interrupts, 0);
    device.interrupts = 2;
    assert_true(disk.disk.driver->interrupt(&disk.disk));
    device.interrupts = 3;
    device.status |= VIRTIO_S_NEEDS_RESET;
    assert_false(disk.disk.driver->interrupt(&disk.disk));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_start),
        TEST(test_poor_device),
        TEST(test_no_device),
        TEST(test_bad_device),
        TEST(test_no_end_of_reset),
        TEST(test_requests),
        TEST(test_many),
        TEST(test_ranges),
        TEST(test_device_lies),
        TEST(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
