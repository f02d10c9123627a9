/* A guest's block device (virtio 1.2 §5.2): what is answered to which request. Each test is red when its check is left out of components/blk/model.c. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "blk_machine.h"

static void once(uint32_t type, uint64_t sector, uint32_t size, uint8_t expected)
{
    uint32_t written = 0;
    guest_request(0, 0, type, sector, DATA_AT, size);
    run();
    if (guest_get(0, &written) < 0)
        fail_msg("type %u at %llu did not come back", type, (unsigned long long)sector);
    if (status_of(0, 0) != expected)
        fail_msg("type %u at %llu, %u bytes: status %u, not %u", type, (unsigned long long)sector, size, status_of(0, 0), expected);
}

static void test_reads_and_writes(void **state)
{
    (void)state;
    uint8_t *data = machine->guests[0].ram + DATA_AT;
    guest_begin(0, USUAL);
    once(BLK_T_IN, 5, 4096, BLK_S_OK);
    assert_memory_equal(data, machine->image + 5 * DISK_SECTOR, 4096);
    memset(data, 0xa5, 1024);
    once(BLK_T_OUT, 2046, 1024, BLK_S_OK);
    assert_memory_equal(data, machine->image + 2046 * DISK_SECTOR, 1024);
    assert_int_equal(machine->guests[0].interrupts, 2);
}

static void test_written_bytes(void **state)
{
    (void)state;
    uint32_t written;
    guest_begin(0, USUAL);
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 1024);
    run();
    assert_true(guest_get(0, &written) >= 0);
    assert_int_equal(written, 1025);
    guest_request(0, 0, BLK_T_OUT, 0, DATA_AT, 1024);
    run();
    assert_true(guest_get(0, &written) >= 0);
    assert_int_equal(written, 1);
    machine->fails = true;
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 1024);
    run();
    assert_true(guest_get(0, &written) >= 0);
    assert_int_equal(written, 0); /* nothing that it could rely on */
    assert_int_equal(status_of(0, 0), BLK_S_IOERR);
}

static void test_beyond_the_end(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    once(BLK_T_IN, SECTORS, 512, BLK_S_IOERR);
    once(BLK_T_IN, SECTORS - 1, 1024, BLK_S_IOERR);
    once(BLK_T_OUT, UINT64_MAX, 512, BLK_S_IOERR);
    once(BLK_T_OUT, UINT64_MAX - 1, 1024, BLK_S_IOERR);
    once(BLK_T_IN, SECTORS - 1, 512, BLK_S_OK);
    assert_int_equal(machine->submitted, 1);
}

static void test_partition_is_the_disk(void **state)
{
    (void)state;
    struct model *model = &machine->server.clients[0].model;
    model->first = 100;
    model->sectors = 50;
    guest_begin(0, USUAL);
    once(BLK_T_IN, 49, 512, BLK_S_OK);
    assert_memory_equal(machine->guests[0].ram + DATA_AT, machine->image + 149 * DISK_SECTOR, 512);
    once(BLK_T_IN, 50, 512, BLK_S_IOERR);
    struct blk_range range = {49, 1, 0};
    memcpy(machine->guests[0].ram + DATA_AT, &range, sizeof(range));
    once(BLK_T_WRITE_ZEROES, 0, sizeof(range), BLK_S_OK);
    assert_int_equal(machine->image[149 * DISK_SECTOR + 7], 0);
    assert_int_not_equal(machine->image[150 * DISK_SECTOR + 7], 0);
}

static void test_unaligned(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    once(BLK_T_IN, 0, 511, BLK_S_IOERR);
    once(BLK_T_OUT, 0, 513, BLK_S_IOERR);
    machine->disk.facts.block_size = 4096;
    once(BLK_T_IN, 4, 4096, BLK_S_IOERR);
    once(BLK_T_IN, 8, 512, BLK_S_IOERR);
    once(BLK_T_IN, 8, 4096, BLK_S_OK);
}

static void test_read_only(void **state)
{
    (void)state;
    struct blk_range range = {0, 1, 0};
    machine->server.clients[0].model.read_only = true;
    memcpy(machine->guests[0].ram + DATA_AT, &range, sizeof(range));
    guest_begin(0, USUAL);
    once(BLK_T_OUT, 0, 512, BLK_S_IOERR);
    once(BLK_T_DISCARD, 0, sizeof(range), BLK_S_IOERR);
    once(BLK_T_WRITE_ZEROES, 0, sizeof(range), BLK_S_IOERR);
    once(BLK_T_IN, 0, 512, BLK_S_OK);
    once(BLK_T_FLUSH, 0, 0, BLK_S_OK);
    uint64_t features = model_features(&machine->server.clients[0].model);
    assert_true(features & BIT(BLK_F_RO));
    assert_false(features & (BIT(BLK_F_DISCARD) | BIT(BLK_F_WRITE_ZEROES)));
}

static void test_unknown_type(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    once(2, 0, 512, BLK_S_UNSUPP);
    once(UINT32_MAX, 0, 0, BLK_S_UNSUPP);
    machine->disk.facts.flush = machine->disk.facts.discard = machine->disk.facts.write_zeroes = false;
    once(BLK_T_FLUSH, 0, 0, BLK_S_UNSUPP);
    once(BLK_T_DISCARD, 0, 16, BLK_S_UNSUPP);
    once(BLK_T_WRITE_ZEROES, 0, 16, BLK_S_UNSUPP);
    assert_int_equal(machine->submitted, 0);
}

static void test_short_header(void **state)
{
    (void)state;
    uint32_t written;
    struct piece pieces[] = {{HEADER_AT, 15, false}, {STATUS_AT, 1, true}};
    guest_begin(0, USUAL);
    header_put(0, 0, BLK_T_FLUSH, 0);
    guest_send(0, pieces, 2);
    run();
    assert_true(guest_get(0, &written) >= 0);
    assert_int_equal(status_of(0, 0), BLK_S_IOERR);
}

static void test_no_status_byte(void **state)
{
    (void)state;
    uint32_t written;
    struct piece pieces[] = {{HEADER_AT, 16, false}};
    guest_begin(0, USUAL);
    header_put(0, 0, BLK_T_FLUSH, 0);
    guest_send(0, pieces, 1);
    run();
    assert_int_equal(guest_get(0, &written), -1);
    assert_int_equal(machine->guests[0].link.broken, machine->guests[0].link.request);
    assert_string_equal(machine->guests[0].link.why, "a request has no byte for its status");
    guest_request(0, 1, BLK_T_FLUSH, 0, 0, 0); /* broken until it is reset */
    run();
    assert_int_equal(status_of(0, 1), NO_STATUS);
    guest_begin(0, USUAL);
    once(BLK_T_FLUSH, 0, 0, BLK_S_OK);
}

/* Header, data and status cut anywhere, and together (virtio 1.2 §2.7.4). */
static void test_framing(void **state)
{
    (void)state;
    uint8_t *ram = machine->guests[0].ram;
    guest_begin(0, USUAL);
    header_put(0, 0, BLK_T_OUT, 3);
    memcpy(ram + DATA_AT, ram + HEADER_AT, 16);
    memset(ram + DATA_AT + 16, 0x77, 512);
    struct piece out[] = {{DATA_AT, 7, false}, {DATA_AT + 7, 109, false}, {DATA_AT + 116, 412, false}, {STATUS_AT, 1, true}};
    guest_send(0, out, 4);
    run();
    assert_int_equal(status_of(0, 0), BLK_S_OK);
    assert_memory_equal(machine->image + 3 * DISK_SECTOR, ram + DATA_AT + 16, 512);
    header_put(0, 1, BLK_T_IN, 4);
    memset(ram + DATA_AT, NO_STATUS, 600);
    struct piece in[] = {{HEADER_AT + 16, 16, false}, {DATA_AT, 200, true}, {DATA_AT + 200, 313, true}};
    guest_send(0, in, 3);
    run();
    assert_memory_equal(ram + DATA_AT, machine->image + 4 * DISK_SECTOR, 512);
    assert_int_equal(ram[DATA_AT + 512], BLK_S_OK);
    assert_int_equal(ram[DATA_AT + 513], NO_STATUS);
}

static void test_get_id(void **state)
{
    (void)state;
    uint8_t *data = machine->guests[0].ram + DATA_AT;
    memset(data, NO_STATUS, 64);
    guest_begin(0, USUAL);
    once(BLK_T_GET_ID, 0, 20, BLK_S_OK);
    assert_string_equal((char *)data, "disk0");
    assert_int_equal(data[20], NO_STATUS);
    memset(data, NO_STATUS, 64);
    once(BLK_T_GET_ID, 0, 3, BLK_S_OK);
    assert_memory_equal(data, "dis\xee", 4);
    once(BLK_T_GET_ID, 0, 0, BLK_S_OK);
}

static void ranges(uint32_t type, const struct blk_range *list, uint32_t count, uint8_t expected)
{
    memcpy(machine->guests[0].ram + DATA_AT, list, count * sizeof(*list));
    once(type, 0, count * (uint32_t)sizeof(*list), expected);
}

static void test_ranges(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    ranges(BLK_T_WRITE_ZEROES, (struct blk_range[]){{0, 1500, BLK_RANGE_UNMAP}, {1600, 0, 0}, {1700, 10, BLK_RANGE_UNMAP}}, 3, BLK_S_OK);
    assert_int_equal(machine->zeroed, 1510);
    assert_int_equal(machine->submitted, 3);
    assert_true(machine->unmaps);
    ranges(BLK_T_WRITE_ZEROES, (struct blk_range[]){{0, 1, 0}}, 1, BLK_S_OK);
    assert_false(machine->unmaps);
    ranges(BLK_T_DISCARD, (struct blk_range[]){{0, SECTORS, 0}}, 1, BLK_S_OK);
    assert_int_equal(machine->discarded, SECTORS);
    ranges(BLK_T_DISCARD, (struct blk_range[]){{0, 0, 0}}, 1, BLK_S_OK);
}

/* The first is right: nothing of it is done. */
static void test_bad_ranges(void **state)
{
    (void)state;
    struct blk_range many[REQUEST_RANGES + 1] = {{0, 1, 0}};
    guest_begin(0, USUAL);
    ranges(BLK_T_DISCARD, (struct blk_range[]){{0, 1, 0}, {SECTORS, 1, 0}}, 2, BLK_S_IOERR);
    ranges(BLK_T_DISCARD, (struct blk_range[]){{0, 1, 0}, {UINT64_MAX, UINT32_MAX, 0}}, 2, BLK_S_IOERR);
    ranges(BLK_T_DISCARD, (struct blk_range[]){{0, 1, BLK_RANGE_UNMAP}}, 1, BLK_S_UNSUPP);
    ranges(BLK_T_WRITE_ZEROES, (struct blk_range[]){{0, 1, 2}}, 1, BLK_S_UNSUPP);
    ranges(BLK_T_WRITE_ZEROES, many, REQUEST_RANGES + 1, BLK_S_IOERR);
    once(BLK_T_DISCARD, 0, 15, BLK_S_IOERR);
    once(BLK_T_DISCARD, 0, 0, BLK_S_IOERR);
    assert_int_equal(machine->submitted, 0);
}

/* Who has not negotiated flushes relies on writes being stable (virtio 1.2 §5.2.6.2). */
static void test_write_through(void **state)
{
    (void)state;
    guest_begin(0, USUAL & ~BIT(BLK_F_FLUSH));
    once(BLK_T_OUT, 0, 512, BLK_S_OK);
    assert_int_equal(machine->flushes, 1);
    once(BLK_T_IN, 0, 512, BLK_S_OK);
    assert_int_equal(machine->flushes, 1);
    guest_begin(0, USUAL);
    once(BLK_T_OUT, 0, 512, BLK_S_OK);
    assert_int_equal(machine->flushes, 1);
}

static void test_configuration(void **state)
{
    (void)state;
    struct blk_config config;
    memcpy(&config, machine->guests[0].link.offer.config, sizeof(config));
    assert_int_equal(config.capacity, SECTORS);
    assert_int_equal(config.blk_size, 512);
    assert_int_equal(config.seg_max, MODEL_SEGMENTS);
    assert_int_equal(config.num_queues, 1);
    assert_int_equal(config.max_discard_sectors, SECTORS);
    assert_int_equal(machine->guests[0].link.offer.config_size, sizeof(config));
    assert_int_equal(machine->guests[0].link.offer.generation, 2);
    assert_true(machine->guests[0].link.offer.features & BIT(BLK_F_FLUSH));
    assert_false(machine->guests[0].link.offer.features & (BIT(BLK_F_MQ) | BIT(11)));
    struct model two = {.facts = &machine->disk.facts, .queues = 2};
    assert_true(model_features(&two) & BIT(BLK_F_MQ));
}

static void test_no_disk(void **state)
{
    (void)state;
    struct client *client = &machine->server.clients[0];
    client->model.facts = NULL;
    client_offer(client, "why");
    assert_int_equal(machine->guests[0].link.offer.config_size, 0);
    assert_string_equal(machine->guests[0].link.offer.text, "why");
    guest_begin(0, USUAL);
    once(BLK_T_IN, 0, 512, BLK_S_IOERR);
    once(BLK_T_FLUSH, 0, 0, BLK_S_IOERR);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_and_writes),
        TEST(test_written_bytes),
        TEST(test_beyond_the_end),
        TEST(test_partition_is_the_disk),
        TEST(test_unaligned),
        TEST(test_read_only),
        TEST(test_unknown_type),
        TEST(test_short_header),
        TEST(test_no_status_byte),
        TEST(test_framing),
        TEST(test_get_id),
        TEST(test_ranges),
        TEST(test_bad_ranges),
        TEST(test_write_through),
        TEST(test_configuration),
        TEST(test_no_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
