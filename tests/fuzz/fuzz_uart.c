/*
 * Consoles with a hostile other side. First byte odd: a monitor, its PL011 and PL031 accessed by a guest at every offset and size, while uart
 * writes nonsense into the queues' indices. Even: uart's multiplexer, just started or restarted, while components do so and
 * somebody types.
 */
#include "fuzz.h"

#include <bulkhead/call.h>
#include <bulkhead/console.h>
#include <bulkhead/status.h>

/* What the component's library would call the kernel for. */
#define LIB_CALL_STUBS_H
#define LIB_CLOCK_H
static uint64_t now;
static unsigned raised;

static inline status_t signal_raise(cap_t signal, uint64_t bits)
{
    (void)signal;
    (void)bits;
    raised++;
    return STATUS_OK;
}

static inline uint64_t clock_now(void)
{
    return now;
}

static inline uint64_t clock_frequency(void)
{
    return 1000;
}

static struct console page;

/* The other side takes it all: what waited for room goes on. */
static inline void clock_sleep_us(uint64_t us)
{
    now += us / 1000;
    page.out_tail = page.out_head;
}

#include "../../components/lib/console_client.c"
#include "../../components/vmm/pl011.c"
/* Both call their lock `lock`, which is one object here: neither is called while the other holds it. */
#define interrupt_update pl031_interrupt_update
#define identification pl031_identification
#define register_read pl031_register_read
#define register_write pl031_register_write
#define REGISTERS_END PL031_REGISTERS_END
#include "../../components/vmm/pl031.c"

#include "../../components/uart/menu.h"
#include "../../components/uart/mux.h"

enum { CONSOLES = 3, TURNS = 1000, RESET = 0xfe };

static bool level[64];

bool mmio_register(const struct mmio_range *range)
{
    MUST(range->base % MMIO_ALIGN == 0 && range->size % MMIO_ALIGN == 0);
    return true;
}

/* The page that a guest reads in place of its UART's registers. */
static bool page_is_offered;
static uint32_t shown[DEVICE_SIZE / 4];

void pl011_page_build(bool possible)
{
    (void)possible;
    page_is_offered = false;
}

void pl011_page_set(uint32_t offset, uint32_t value)
{
    shown[offset / 4] = value;
}

bool pl011_page_offer(void)
{
    MUST(!page_is_offered);
    page_is_offered = true;
    return true;
}

void pl011_page_withdraw(void)
{
    MUST(page_is_offered);
    page_is_offered = false;
}

void line_level(unsigned intid, bool to)
{
    MUST(intid < 64 && level[intid] != to); /* told when it changes, and only then */
    level[intid] = to;
}

void alarm_changed(void)
{
}

static void page_scramble(struct input *input, struct console *to)
{
    uint32_t *const words[] = {&to->out_head, &to->in_tail, &to->room_waits, &to->in_waits, &to->out_tail, &to->in_head, &to->out_waits};
    *words[input_byte(input) % 7] = (uint32_t)input_number(input, 4);
}

/* --- a monitor ------------------------------------------------------------------------------------------------------------------ */

static void check_devices(void)
{
    MUST(uart.fifo_count <= FIFO_SIZE && uart.fifo_head < FIFO_SIZE);
    MUST(page_is_offered == uart.offered && (!uart.offered || (!uart.fifo_count && shown[UARTMIS / 4] == (uart.raw & uart.mask))));
    MUST(level[UART_INTID] == ((uart.raw & uart.mask) != 0) && level[RTC_INTID] == ((rtc.raw & rtc.mask) != 0));
}

static void access_device(struct input *input, uint8_t what)
{
    unsigned size = 1u << (what >> 4 & 3);
    uint64_t offset = (input_number(input, what & 0x80 ? 2 : 1) % DEVICE_SIZE) & ~(uint64_t)(size - 1);
    switch (what >> 2 & 3) {
    case 0:
        pl011_read(0, offset, size);
        break;
    case 1:
        pl011_write(0, offset, size, input_number(input, size));
        break;
    case 2:
        pl031_read(0, offset, size);
        break;
    default:
        pl031_write(0, offset, size, input_number(input, size));
    }
}

static void monitor_run(struct input *input)
{
    memset(&page, 0, sizeof page);
    memset(level, 0, sizeof level);
    now = 0;
    console_open(&page, 1, 1);
    memset(&uart, 0, sizeof uart);
    pl011_build(&page);
    pl031_build();
    rtc = (struct pl031_state){.offset = PL031_EPOCH};
    pl011_reset();
    while (input_more(input)) {
        uint8_t what = input_byte(input);
        switch (what & 3) {
        case 0:
            page_scramble(input, &page);
            break;
        case 1:
            pl011_console_event();
            now += input_number(input, 3);
            pl031_alarm();
            break;
        default:
            access_device(input, what);
        }
        if (what == RESET) { /* of the distributor as well */
            memset(level, 0, sizeof level);
            pl011_reset();
            pl031_reset();
        }
        check_devices();
    }
}

/* --- uart ------------------------------------------------------------------------------------------------------------------------- */

static void drain(struct mux *mux)
{
    const uint8_t *bytes;
    for (uint32_t count; (count = terminal_peek(&mux->terminal, &bytes)) != 0;) {
        MUST(bytes >= mux->terminal.bytes && bytes + count <= mux->terminal.bytes + TERMINAL_SIZE);
        mux->terminal.tail += count;
    }
}

static void check_mux(const struct mux *mux)
{
    MUST(mux->terminal.head - mux->terminal.tail <= TERMINAL_SIZE && mux->focus < mux->count && mux->turn < mux->count);
    for (uint32_t i = 0; i < mux->count; i++)
        MUST(mux->channels[i].line.length <= LINE_CELLS && mux->channels[i].line.shown <= mux->channels[i].line.length);
}

static void write_output(struct input *input, struct console *to)
{
    for (unsigned count = input_byte(input) % 64u; count; count--)
        to->out[to->out_head++ % CONSOLE_OUT] = input_byte(input);
}

/* Finite work: whatever the indices say, after some turns there is nothing more to move. */
static void mux_settle(struct mux *mux)
{
    bool more = true;
    for (unsigned i = 0; more; i++) {
        MUST(i < TURNS);
        drain(mux);
        more = mux_run(mux, now);
        drain(mux);
        mux_sent(mux);
    }
    mux_set_waits(mux, true);
    MUST(!mux_has_output(mux)); /* else uart would turn and turn */
    mux_set_waits(mux, false);
    mux_run(mux, now);
    MUST(mux_deadline(mux) > now);
}

static void uart_run(struct input *input, bool again)
{
    static struct console pages[CONSOLES];
    static struct mux mux;
    static const char *const names[CONSOLES] = {"linux", "rt", "root"};
    static const struct registry registry = {.count = 2, .entries = {{"linux", "running", 0, 2, 1 << 28}, {"rt", "off", 1, 1, 1 << 21}}};
    memset(pages, 0, sizeof pages);
    memset(&mux, 0, sizeof mux);
    mux_init(&mux, &registry, 1000);
    for (unsigned i = 0; i < CONSOLES; i++)
        mux_add(&mux, names[i], &pages[i], !i);
    mux_notify_all(&mux);
    mux_start(&mux, again);
    for (now = 0; input_more(input); now += 10) {
        uint8_t what = input_byte(input);
        struct console *one = &pages[(what >> 4) % CONSOLES];
        switch (what & 3) {
        case 0:
            page_scramble(input, one);
            break;
        case 1:
            mux_input(&mux, input_byte(input), now);
            break;
        default:
            write_output(input, one);
        }
        if (what & 8)
            mux_settle(&mux);
        check_mux(&mux);
    }
    mux_settle(&mux);
}

void input_try(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t what = input_byte(&input);
    if (what & 1)
        monitor_run(&input);
    else
        uart_run(&input, what & 2);
}
