/* The guest's UART against a console with queues of the test's. */
#include "vmm_lines.h"

#include "../../components/vmm/mmio.c"
#include "../../components/vmm/pl011.c"

enum { RX = 1 << 4, TX = 1 << 5, RT = 1 << 6 };

static struct console console;
static uint32_t input_at; /* bytes of `input` taken so far */
static char input[128];
static unsigned waited; /* stores that had to wait for room */

size_t console_write(const char *text, size_t size)
{
    size_t room = CONSOLE_OUT - (console.out_head - console.out_tail);
    size = size < room ? size : room;
    for (size_t i = 0; i < size; i++)
        console.out[console.out_head++ % CONSOLE_OUT] = (uint8_t)text[i];
    return size;
}

uint32_t console_write_byte(uint8_t byte)
{
    uint32_t room = (uint32_t)(CONSOLE_OUT - (console.out_head - console.out_tail));
    if (room > CONSOLE_OUT)
        return 0;
    console_write((const char *)&byte, 1);
    return room;
}

/* The page that the guest reads, and whether it does. */
static struct {
    uint32_t words[DEVICE_SIZE / 4];
    bool offered, refused;
} page;

void pl011_page_build(bool possible)
{
    (void)possible;
}

void pl011_page_set(uint32_t offset, uint32_t value)
{
    page.words[offset / 4] = value;
}

bool pl011_page_offer(void)
{
    assert_false(page.offered);
    page.offered = !page.refused;
    return page.offered;
}

void pl011_page_withdraw(void)
{
    assert_true(page.offered);
    page.offered = false;
}

void console_write_all(const char *text, size_t size)
{
    waited++;
    console.out_tail = console.out_head;
    console_write(text, size);
}

size_t console_read(char *to, size_t size)
{
    if (!size || !input[input_at])
        return 0;
    *to = input[input_at++];
    return 1;
}

bool console_want_room(void)
{
    console.room_waits = console.out_head - console.out_tail == CONSOLE_OUT;
    return console.room_waits;
}

bool console_want_input(void)
{
    return !input[input_at];
}

static uint32_t get(uint64_t offset)
{
    return (uint32_t)pl011_read(0, offset, 4);
}

static void put(uint64_t offset, uint32_t value)
{
    pl011_write(0, offset, 4, value);
}

static void type(const char *text)
{
    strncpy(input, text, sizeof input - 1);
    input_at = 0;
    pl011_console_event();
}

static int setup(void **state)
{
    (void)state;
    memset(&recorded, 0, sizeof recorded);
    memset(&console, 0, sizeof console);
    memset(input, 0, sizeof input);
    memset(&uart, 0, sizeof uart);
    memset(&page, 0, sizeof page);
    input_at = waited = 0;
    queue = &console;
    pl011_reset();
    return 0;
}

static void test_identification(void **state)
{
    static const uint8_t ids[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(get(0xfe0 + 4 * i), ids[i]);
    assert_int_equal(get(0x18), 0x90);
    assert_int_equal(get(0x30), 0x300);
    assert_int_equal(get(0x34), 0x12);
}

static void test_output(void **state)
{
    (void)state;
    assert_false(pl011_was_written());
    put(0, 'h');
    put(0, 'i');
    assert_memory_equal(console.out, "hi", 2);
    assert_true(pl011_was_written());
    assert_int_equal(get(0x3c), TX);
    assert_false(recorded.level[33]);
    put(0x38, TX);
    assert_true(recorded.level[33]);
    put(0x44, TX);
    assert_false(recorded.level[33]);
}

static void test_output_full(void **state)
{
    (void)state;
    put(0x38, TX);
    for (unsigned i = 0; i < CONSOLE_OUT; i++)
        put(0, 'x');
    assert_int_equal(get(0x18) & (FR_TXFF | FR_TXFE), FR_TXFF);
    assert_false(recorded.level[33]);
    assert_int_equal(waited, 0);
    console.out_tail += 100; /* uart has made room and says so */
    pl011_console_event();
    assert_true(recorded.level[33]);
    assert_int_equal(get(0x18) & (FR_TXFF | FR_TXFE), FR_TXFE);
}

/* A guest that does not look at the flags waits, and nothing is lost. */
static void test_output_careless(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CONSOLE_OUT + 1; i++)
        put(0, 'a' + i % 26);
    assert_int_equal(waited, 1);
    assert_int_equal(console.out_head, CONSOLE_OUT + 1);
}

/* uart's index is not to be trusted. */
static void test_output_nonsense(void **state)
{
    (void)state;
    console.out_tail = 1000;
    assert_int_equal(get(0x18) & FR_TXFF, FR_TXFF);
}

static void test_input(void **state)
{
    (void)state;
    put(0x2c, 0x70);
    put(0x38, RX | RT);
    type("ab");
    assert_true(recorded.level[33]);
    assert_int_equal(get(0x18) & FR_RXFE, 0);
    assert_int_equal(get(0), 'a');
    assert_true(recorded.level[33]);
    assert_int_equal(get(0), 'b');
    assert_false(recorded.level[33]);
    assert_int_equal(get(0x18) & FR_RXFE, FR_RXFE);
    assert_int_equal(get(0), 0);
}

/* More than the FIFO holds stays in the console's queue. */
static void test_input_overflow(void **state)
{
    char text[61];
    (void)state;
    put(0x2c, 0x70);
    for (unsigned i = 0; i < 60; i++)
        text[i] = (char)('A' + i);
    text[60] = 0;
    type(text);
    assert_int_equal(input_at, 32);
    assert_int_equal(get(0x18) & FR_RXFF, FR_RXFF);
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(get(0), 'A' + i);
    assert_int_equal(get(0x18) & FR_RXFE, FR_RXFE);
}

/* Without FIFO the depth is one; the interrupt comes anew for each byte. */
static void test_input_unbuffered(void **state)
{
    (void)state;
    put(0x38, RX);
    type("xy");
    assert_int_equal(input_at, 1);
    put(0x44, RX);
    assert_false(recorded.level[33]);
    assert_int_equal(get(0), 'x');
    assert_true(recorded.level[33]);
    assert_int_equal(get(0), 'y');
    assert_false(recorded.level[33]);
}

/* What came before the guest unmasks its interrupts is told when it does. */
static void test_input_early(void **state)
{
    (void)state;
    type("z");
    put(0x44, 0x7ff);
    put(0x38, RX | RT);
    assert_true(recorded.level[33]);
}

static void test_stored(void **state)
{
    static const struct {
        uint32_t offset, mask;
    } stored[] = {{0x24, 0xffff}, {0x28, 0x3f}, {0x2c, 0xff}, {0x30, 0xffff}, {0x34, 0x3f}, {0x38, 0x7ff}, {0x48, 7}};
    (void)state;
    for (unsigned i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        put(stored[i].offset, UINT32_MAX);
        assert_int_equal(get(stored[i].offset), stored[i].mask);
    }
}

static void test_loop_back(void **state)
{
    (void)state;
    put(0x30, 0x380);
    put(0, 'q');
    assert_int_equal(console.out_head, 0);
    assert_int_equal(get(0), 'q');
}

static void poll(void)
{
    for (unsigned i = 0; i < POLLS; i++)
        get(UARTFR);
}

/* What the guest reads without an exit is what it would be told. */
static void check_page(void)
{
    assert_true(page.offered);
    assert_int_equal(page.words[0], 0);
    for (uint32_t offset = 4; offset < DEVICE_SIZE; offset += 4)
        assert_int_equal(page.words[offset / 4], offset == UARTFR ? flags() : register_read(offset));
}

/* Red when a register changes and the page does not, or the guest polls a full queue in the page and is not told of room. */
static void test_page(void **state)
{
    (void)state;
    assert_false(page.offered);
    poll();
    check_page();
    put(0, 'x');
    check_page();
    put(0x2c, 0x70);
    put(0x38, TX | RX);
    put(0x24, 0x1234);
    check_page();
    put(0x44, TX);
    check_page();
    for (unsigned i = 1; i < CONSOLE_OUT; i++)
        put(0, 'x');
    check_page();
    assert_int_equal(page.words[UARTFR / 4] & (FR_TXFF | FR_TXFE), FR_TXFF);
    assert_true(console.room_waits);
    console.out_tail += 100;
    pl011_console_event();
    check_page();
    assert_int_equal(page.words[UARTFR / 4] & (FR_TXFF | FR_TXFE), FR_TXFE);
}

/* Others may fill the queue (reports): a page that said so would say so for ever, for nobody tells of the room. */
static void test_page_full_unasked(void **state)
{
    (void)state;
    poll();
    console.out_head += CONSOLE_OUT;
    put(0x38, RX);
    assert_int_equal(page.words[UARTFR / 4] & FR_TXFF, 0);
    put(0, 'x');
    assert_int_equal(waited, 1);
}

/* Red when a byte lies in the FIFO while loads of UARTDR do not come here. */
static void test_page_input(void **state)
{
    (void)state;
    poll();
    assert_true(page.offered);
    type("k");
    assert_false(page.offered);
    poll();
    assert_false(page.offered);
    assert_int_equal(get(0), 'k');
    poll();
    check_page();
    put(0x30, 0x380);
    put(0, 'q');
    assert_false(page.offered);
    assert_int_equal(get(0), 'q');
}

/* Without a page all stays as it is. */
static void test_page_refused(void **state)
{
    (void)state;
    page.refused = true;
    poll();
    poll();
    assert_int_equal(get(UARTFR), 0x90);
    type("k");
    assert_int_equal(get(0), 'k');
}

static void test_everywhere(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    for (uint64_t offset = 0; offset < 0x1000; offset++)
        for (unsigned i = 0; i < 4; i++) {
            pl011_write(0, offset, sizes[i], UINT64_MAX);
            pl011_read(0, offset, sizes[i]);
        }
}

/* Red when a reset leaves anything of what was before: it is one function at start and at restart. */
static void test_reset_forgets(void **state)
{
    struct pl011_state fresh;
    (void)state;
    pl011_reset();
    fresh = uart;
    for (int pattern = 1; pattern < 256; pattern++) {
        memset(&uart, pattern, sizeof uart);
        page.offered = true;
        pl011_reset();
        assert_false(page.offered);
        assert_memory_equal(&uart, &fresh, sizeof fresh);
    }
}

/* Red when a narrow or wide access does something else than docs/guest-machine.md says. */
static void test_widths(void **state)
{
    (void)state;
    put(UARTIBRD, 0x1234);
    assert_int_equal(pl011_read(0, UARTIBRD, 1) & 0xff, 0x34);
    assert_int_equal(pl011_read(0, UARTIBRD + 1, 1) & 0xff, 0x12);
    assert_int_equal(pl011_read(0, UARTIBRD + 2, 2), 0);
    pl011_write(0, UARTIBRD + 1, 1, 0xff);
    pl011_write(0, UARTIBRD + 2, 2, 0xffff);
    assert_int_equal(get(UARTIBRD), 0x1234);
    pl011_write(0, UARTIBRD, 1, 0x56);
    assert_int_equal(get(UARTIBRD), 0x56);
    put(UARTFBRD, 0x21);
    put(UARTLCR_H, 0x60);
    assert_int_equal(pl011_read(0, UARTFBRD, 8), 0x21);
    pl011_write(0, UARTFBRD, 8, UINT64_MAX << 32 | 0x11);
    assert_int_equal(get(UARTFBRD), 0x11);
    assert_int_equal(get(UARTLCR_H), 0x60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identification, setup), cmocka_unit_test_setup(test_output, setup),
        cmocka_unit_test_setup(test_output_full, setup),    cmocka_unit_test_setup(test_output_careless, setup),
        cmocka_unit_test_setup(test_output_nonsense, setup), cmocka_unit_test_setup(test_input, setup),
        cmocka_unit_test_setup(test_input_overflow, setup), cmocka_unit_test_setup(test_input_unbuffered, setup),
        cmocka_unit_test_setup(test_input_early, setup),    cmocka_unit_test_setup(test_stored, setup),
        cmocka_unit_test_setup(test_loop_back, setup),      cmocka_unit_test_setup(test_everywhere, setup),
        cmocka_unit_test_setup(test_page, setup),           cmocka_unit_test_setup(test_page_full_unasked, setup),
        cmocka_unit_test_setup(test_page_input, setup),     cmocka_unit_test_setup(test_page_refused, setup),
        cmocka_unit_test_setup(test_reset_forgets, setup),  cmocka_unit_test_setup(test_widths, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
