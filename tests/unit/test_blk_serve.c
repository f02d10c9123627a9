/*
 * How the disk's driver serves: splitting, turns, orders of the monitor, copies for those who want them, and a successor after death at any store. What turns each test red is
 * said at the test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "blk_machine.h"

static unsigned guest_drain(unsigned index)
{
    unsigned count = 0;
    for (uint32_t written; guest_get(index, &written) >= 0; count++)
        ;
    return count;
}

static void hold(void)
{
    machine->allowed = 0;
}

static void let_go(void)
{
    machine->allowed = UINT32_MAX;
    run();
}

/* --- splitting -------------------------------------------------------------------------------------------------------------------- */

/* Red when a part has more segments or bytes than the disk takes, ends within a block (the fake disk looks), or goes to the wrong place. */
static void test_split_by_segments(void **state)
{
    (void)state;
    struct piece pieces[102] = {{HEADER_AT, 16, false}};
    guest_begin(0, USUAL);
    machine->disk.facts.segments = 7;
    header_put(0, 0, BLK_T_IN, 10);
    for (uint32_t i = 0; i < 100; i++)
        pieces[1 + i] = (struct piece){DATA_AT + (99 - i) * 0x400, i % 2 ? 600 : 424, true};
    pieces[101] = (struct piece){STATUS_AT, 1, true};
    guest_send(0, pieces, 102);
    run();
    assert_int_equal(status_of(0, 0), BLK_S_OK);
    assert_true(machine->submitted >= 100 / 7);
    assert_true(machine->most_segments <= 7);
    const uint8_t *expected = machine->image + 10 * DISK_SECTOR;
    for (uint32_t i = 0; i < 100; expected += pieces[1 + i].size, i++)
        assert_memory_equal(machine->guests[0].ram + pieces[1 + i].at, expected, pieces[1 + i].size);
}

static void test_split_by_bytes(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    machine->disk.facts.segment_bytes = 3000;
    machine->disk.facts.bytes = 8192;
    guest_request(0, 0, BLK_T_IN, 1, DATA_AT, 0x10000);
    run();
    assert_int_equal(status_of(0, 0), BLK_S_OK);
    assert_memory_equal(machine->guests[0].ram + DATA_AT, machine->image + DISK_SECTOR, 0x10000);
    assert_int_equal(machine->largest, 8192);
    machine->disk.facts.segments = 2;
    machine->largest = 0;
    memset(machine->guests[0].ram + DATA_AT, 0x3c, 0x10000);
    guest_request(0, 0, BLK_T_OUT, 2, DATA_AT, 0x10000);
    run();
    assert_memory_equal(machine->image + 2 * DISK_SECTOR, machine->guests[0].ram + DATA_AT, 0x10000);
    assert_int_equal(machine->largest, 5632); /* 6000, whole blocks */
}

/* A block in more pieces than the disk knows segments. */
static void test_split_impossible(void **state)
{
    (void)state;
    struct piece pieces[10] = {{HEADER_AT, 16, false}};
    guest_begin(0, USUAL);
    machine->disk.facts.segments = 7;
    header_put(0, 0, BLK_T_IN, 10);
    for (uint32_t i = 0; i < 8; i++)
        pieces[1 + i] = (struct piece){DATA_AT + i * 64, 64, true};
    pieces[9] = (struct piece){STATUS_AT, 1, true};
    guest_send(0, pieces, 10);
    run();
    assert_int_equal(status_of(0, 0), BLK_S_IOERR);
    assert_int_equal(guest_drain(0), 1);
}

static void test_split_discard_alignment(void **state)
{
    (void)state;
    struct blk_range range = {10, 1500, 0};
    guest_begin(0, USUAL);
    machine->disk.facts.discard_sectors = 100;
    machine->disk.facts.discard_alignment = 64;
    memcpy(machine->guests[0].ram + DATA_AT, &range, sizeof(range));
    guest_request(0, 0, BLK_T_DISCARD, 0, DATA_AT, sizeof(range));
    run();
    assert_int_equal(status_of(0, 0), BLK_S_OK);
    assert_int_equal(machine->discarded, 1500);
}

/* The first error is the request's, even if later parts go well. */
static void test_split_error(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    machine->disk.facts.bytes = 512;
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 0x2000);
    run();
    machine->fails = true;
    machine->allowed = 1;
    run();
    machine->fails = false;
    let_go();
    assert_int_equal(status_of(0, 0), BLK_S_IOERR);
    assert_int_equal(guest_drain(0), 1);
}

/* --- turns ------------------------------------------------------------------------------------------------------------------------ */

/* One floods: red when the other one's request is not among the first that the disk gets. */
static void test_turns(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    guest_begin(1, USUAL);
    hold();
    for (uint32_t i = 0; i < 32; i++)
        guest_request(0, i, BLK_T_IN, i, DATA_AT + i * 512, 512);
    guest_request(1, 0, BLK_T_IN, 7, DATA_AT, 512);
    run();
    assert_int_equal(machine->waiting_count, machine->disk.facts.depth);
    machine->allowed = SERVER_TURN + 1;
    run();
    assert_int_equal(status_of(1, 0), BLK_S_OK);
    let_go();
    assert_int_equal(guest_drain(0), 32);
}

/* The same with one large request, which is in parts. */
static void test_turns_of_parts(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    guest_begin(1, USUAL);
    machine->disk.facts.bytes = 512;
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 0x10000);
    guest_request(1, 0, BLK_T_IN, 7, DATA_AT, 512);
    run();
    machine->allowed = SERVER_TURN + 1;
    run();
    assert_int_equal(status_of(1, 0), BLK_S_OK);
    assert_int_equal(status_of(0, 0), NO_STATUS);
    let_go();
    assert_int_equal(status_of(0, 0), BLK_S_OK);
}

/* Nonsense is answered without the disk: red when there is no end of it in one turn, or when it does not count as idle. */
static void test_flood_of_nonsense(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    for (uint32_t i = 0; i < 100; i++)
        guest_request(0, 0, 99, 0, 0, 0);
    server_run(&machine->server);
    assert_int_equal(guest_drain(0), SERVER_TURN);
    uint32_t idle = machine->server.idle;
    server_run(&machine->server);
    assert_int_equal(machine->server.idle, idle + 1);
    guest_begin(1, USUAL);
    guest_request(1, 0, BLK_T_FLUSH, 0, 0, 0);
    server_run(&machine->server);
    assert_int_equal(machine->server.idle, 0);
}

/* While the disk has all that it takes nobody asks for bells; red when the driver does not sleep then, or sleeps with something to do. */
static void test_sleep(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    run();
    assert_true(server_sleep(&machine->server));
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    assert_false(server_sleep(&machine->server));
    hold();
    for (uint32_t i = 0; i < 20; i++)
        guest_request(0, i, BLK_T_IN, i, DATA_AT, 512);
    run();
    assert_true(server_sleep(&machine->server));
    let_go();
    assert_int_equal(guest_drain(0), 21);
}

/* --- orders ----------------------------------------------------------------------------------------------------------------------- */

/* Red when it is answered before the disk is done with the guest's memory, or something is put back afterwards. */
static void test_stop_waits(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest_begin(0, USUAL);
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    guest_request(0, 1, BLK_T_IN, 0, DATA_AT, 512);
    run();
    assert_int_equal(guest->link.answer, guest->link.request);
    guest->link.request++;
    run();
    assert_int_not_equal(guest->link.answer, guest->link.request);
    machine->allowed = 1;
    run();
    assert_int_not_equal(guest->link.answer, guest->link.request);
    unsigned told = guest->told;
    let_go();
    assert_int_equal(guest->link.answer, guest->link.request);
    assert_int_equal(guest->told, told + 1);
    assert_int_equal(guest_drain(0), 0);
    assert_int_equal(status_of(0, 0), NO_STATUS);
}

static void is_answered(void)
{
    assert_int_equal(machine->guests[0].link.answer, machine->guests[0].link.request);
}

/* The monitor takes back what the driver has just read. */
static void take_back(void *guest)
{
    struct virtio_link *link = &((struct guest *)guest)->link;
    link->request &= ~1u;
}

/*
 * Red when the driver's answer is still that of before while it touches the guest's memory: root would take the memory of a VM for free, whose monitor went
 * back to that number and died.
 */
static void test_answers_before_it_begins(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest->link.answer = guest->link.request = 4;
    guest_begin(0, USUAL);
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    at_store = is_answered;
    stores = 0;
    run();
    at_store = NULL;
    assert_true(stores && guest_drain(0) == 1);
    guest->link.request++;
    run();
    guest_begin(0, USUAL);
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    machine->server.clients[0].peers.tell_monitor = take_back;
    stores = 0;
    server_run(&machine->server);
    assert_int_equal(stores, 0);
    run();
    assert_true(guest->link.answer == guest->link.request && guest_drain(0) == 0);
}

/* Red when root takes a driver for dead that waits for its disk. */
static void test_asked(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest_begin(0, USUAL);
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    run();
    guest->link.request++;
    guest->link.asked = 7;
    run();
    assert_int_equal(guest->link.heard, 7);
    assert_int_not_equal(guest->link.answer, guest->link.request);
}

/* What was not yet at the disk is not sent to it; the others go on. */
static void test_stop_in_parts(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest_begin(0, USUAL);
    guest_begin(1, USUAL);
    machine->disk.facts.bytes = 512;
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 0x10000);
    run();
    guest->link.request++;
    guest_request(1, 0, BLK_T_IN, 0, DATA_AT, 512);
    let_go();
    assert_int_equal(guest->link.answer, guest->link.request);
    assert_true(machine->submitted <= machine->disk.facts.depth + 1);
    assert_int_equal(status_of(1, 0), BLK_S_OK);
}

/* Both changes of `request` before the driver looks: the first queue's requests do not end in the second. */
static void test_stop_and_go_unseen(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    run();
    guest_begin(0, USUAL);
    guest_request(0, 1, BLK_T_IN, 0, DATA_AT, 512);
    let_go();
    assert_int_equal(guest_drain(0), 1);
    assert_int_equal(status_of(0, 0), NO_STATUS);
    assert_int_equal(status_of(0, 1), BLK_S_OK);
    assert_int_equal(machine->guests[0].link.answer, machine->guests[0].link.request);
}

/* A broken queue: the device stands still, its neighbours do not; what is in flight is waited for. */
static void test_broken_in_flight(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest_begin(0, USUAL);
    guest_begin(1, USUAL);
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    run();
    ((uint16_t *)(void *)(guest->ram + AT_AVAILABLE))[1] += QUEUE + 1; /* an index that jumps */
    run();
    assert_int_equal(guest->link.broken, guest->link.request);
    assert_true(guest->link.why[0]);
    guest->link.request++;
    run();
    assert_int_not_equal(guest->link.answer, guest->link.request);
    guest_request(1, 0, BLK_T_IN, 0, DATA_AT, 512);
    let_go();
    assert_int_equal(guest->link.answer, guest->link.request);
    assert_int_equal(guest_drain(0), 0);
    assert_int_equal(guest_drain(1), 1);
}

/* Red when a successor serves again what was found malformed. */
static void test_broken_stays(void **state)
{
    (void)state;
    guest_begin(0, USUAL);
    machine->guests[0].link.broken = machine->guests[0].link.request;
    guest_request(0, 0, BLK_T_FLUSH, 0, 0, 0);
    machine_start();
    run();
    assert_int_equal(guest_drain(0), 0);
}

/* --- bounce ----------------------------------------------------------------------------------------------------------------------- */

/* Red when the disk reaches a guest's memory: its windows lead nowhere on the bus. */
static void test_bounce(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest->link.windows[0].bus = UINT64_C(0xdead00000000);
    guest->link.flags = LINK_BOUNCE;
    machine_start();
    guest_begin(0, USUAL);
    hold();
    for (uint32_t i = 0; i < 6; i++)
        guest_request(0, i, BLK_T_IN, 3 + i, DATA_AT + i * 0x5000, 0x5000);
    run();
    assert_int_equal(machine->waiting_count, BOUNCE_BUFFERS);
    assert_true(server_sleep(&machine->server));
    machine->last_first = true;
    let_go();
    for (uint32_t i = 0; i < 6; i++)
        assert_memory_equal(guest->ram + DATA_AT + i * 0x5000, machine->image + (3 + i) * DISK_SECTOR, 0x5000);
    memset(guest->ram + DATA_AT, 0x42, 0x5000);
    guest_request(0, 0, BLK_T_OUT, 100, DATA_AT, 0x5000);
    guest_request(0, 1, BLK_T_FLUSH, 0, 0, 0);
    run();
    assert_memory_equal(machine->image + 100 * DISK_SECTOR, guest->ram + DATA_AT, 0x5000);
    assert_int_equal(guest_drain(0), 8);
}

/* Red when the buffers that come free are always those of the client whose turn is first: one that is never idle would have them all. */
static void test_bounce_turns(void **state)
{
    enum { LONG = 32, PARTS = 3 * GUESTS * 2 };
    (void)state;
    for (unsigned i = 0; i < GUESTS; i++)
        machine->guests[i].link.flags |= LINK_BOUNCE;
    machine_start();
    for (unsigned i = 0; i < GUESTS; i++)
        guest_begin(i, USUAL);
    hold();
    for (uint32_t i = 0; i < LONG; i++)
        guest_request(0, i, BLK_T_IN, 0, DATA_AT, 4 * BOUNCE_BYTES);
    guest_request(1, 0, BLK_T_IN, 0, DATA_AT, BOUNCE_BYTES);
    guest_request(2, 0, BLK_T_IN, 0, DATA_AT, BOUNCE_BYTES);
    run();
    for (unsigned i = 0; i < PARTS; i++) {
        machine->allowed = 1;
        run();
    }
    assert_int_equal(guest_drain(1), 1);
    assert_int_equal(guest_drain(2), 1);
    let_go();
    assert_int_equal(guest_drain(0), LONG);
}

/* --- death ------------------------------------------------------------------------------------------------------------------------ */

enum { LIFE_REQUESTS = 12 };

/* A guest's life with twelve requests, of which some are done in reverse; the driver dies at the store `at`. Answers whether it lived so long. */
static bool life(unsigned at)
{
    bool died = true;
    guest_begin(0, USUAL);
    machine->last_first = at % 2;
    for (uint32_t i = 0; i < LIFE_REQUESTS; i++) {
        memset(machine->guests[0].ram + DATA_AT + i * 512, (int)(0x10 + i), 512);
        guest_request(0, i, BLK_T_OUT, i * 2, DATA_AT + i * 512, 512);
    }
    machine->allowed = at % 5;
    stores_left = at;
    if (!setjmp(death)) {
        run();
        machine->allowed = UINT32_MAX;
        run();
        died = false;
    }
    stores_left = 0;
    return died;
}

/* Red when a request is lost or comes back twice, when its write is not on the disk, when what the predecessor was about to say is not said. */
static void test_death_at_any_store(void **state)
{
    (void)state;
    unsigned at = 1;
    for (bool died = true; died; at++) {
        died = life(at);
        machine->allowed = UINT32_MAX;
        machine->guests[0].interrupts = 0;
        unsigned told = machine->guests[0].told;
        machine_start();
        assert_int_equal(machine->guests[0].told, told); /* its offer is the same, its answer too or still to come */
        run();
        assert_int_equal(guest_drain(0), LIFE_REQUESTS);
        assert_true(machine->guests[0].interrupts || !died);
        for (uint32_t i = 0; i < LIFE_REQUESTS; i++) {
            assert_int_equal(status_of(0, i), BLK_S_OK);
            assert_memory_equal(machine->image + i * 2 * DISK_SECTOR, machine->guests[0].ram + DATA_AT + i * 512, 512);
        }
        memset(machine->image, 0, 64 * DISK_SECTOR);
    }
    assert_true(at > 4 * LIFE_REQUESTS);
}

/* The order to stop came while there was no driver: the successor answers, and touches nothing. */
static void test_death_then_stop(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    guest_begin(0, USUAL);
    hold();
    guest_request(0, 0, BLK_T_IN, 0, DATA_AT, 512);
    run();
    guest->link.request++;
    machine_start();
    let_go();
    assert_int_equal(guest->link.answer, guest->link.request);
    assert_int_equal(guest_drain(0), 0);
    assert_int_equal(machine->submitted, 1);
}

/* Red when a predecessor's death within an offer leaves its generation odd, or when one that is the same is told again. */
static void test_offer_again(void **state)
{
    (void)state;
    struct guest *guest = &machine->guests[0];
    uint32_t generation = guest->link.offer.generation;
    machine_start();
    assert_int_equal(guest->link.offer.generation, generation);
    guest->link.offer.generation++;
    guest->link.offer.config[0] = 77;
    machine_start();
    assert_int_equal(guest->link.offer.generation, generation + 2);
    assert_int_not_equal(guest->link.offer.config[0], 77);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_split_by_segments),
        TEST(test_split_by_bytes),
        TEST(test_split_impossible),
        TEST(test_split_discard_alignment),
        TEST(test_split_error),
        TEST(test_turns),
        TEST(test_turns_of_parts),
        TEST(test_flood_of_nonsense),
        TEST(test_sleep),
        TEST(test_stop_waits),
        TEST(test_asked),
        TEST(test_answers_before_it_begins),
        TEST(test_stop_in_parts),
        TEST(test_stop_and_go_unseen),
        TEST(test_broken_in_flight),
        TEST(test_broken_stays),
        TEST(test_bounce),
        TEST(test_bounce_turns),
        TEST(test_death_at_any_store),
        TEST(test_death_then_stop),
        TEST(test_offer_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
