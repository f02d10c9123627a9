/*
 * The component that owns the UART. One thread, one loop: keys to the consoles, the consoles' output to the terminal, the terminal's bytes to
 * the UART; then sleep until somebody raises a bit of "wake" or a deadline passes.
 */
#include "call_stubs.h"
#include "clock.h"
#include "driver.h"
#include "mux.h"
#include "startup.h"

#include <string.h>

enum {
    /* After output the consoles are looked at again so much later instead of being raised at each byte that they write. */
    LINGER_US = 2000,
    DRAIN_US = 1000, /* how often to ask whether the UART has sent the last byte, before a request to root */
};

#define IRQ_BIT (UINT64_C(1) << 63)

/* Exit codes: what is missing. */
enum { EXIT_TOO_MANY_CONSOLES = 2, EXIT_UNKNOWN_UART = 3 };

/* What a driver leaves for the next one, in memory of root's. */
struct keep {
    uint32_t magic;
    uint32_t focus; /* index of the console that has the keyboard */
};

enum { KEEP_MAGIC = 0x4b455054 };

struct peer {
    cap_t signal;
    uint64_t mask;
};

static struct mux mux;
static struct peer peers[MUX_CONSOLES];
static const struct uart_driver *const drivers[] = {[UART_PL011] = &pl011_driver, [UART_CADENCE] = &cadence_driver};
static const struct uart_driver *driver;
static uintptr_t uart;
static cap_t wake, irq, root;
static struct keep *keep;
static uint32_t irq_number;

/* Bytes from the UART to the multiplexer until there are no more, so that a level interrupt is not there any longer. */
static void receive(void)
{
    for (int byte; (byte = driver->read(uart)) != DRIVER_EMPTY;) {
        if (byte == DRIVER_BREAK)
            continue;
        if (byte & DRIVER_LOST)
            mux_lose(&mux);
        mux_input(&mux, (uint8_t)byte, clock_now());
    }
}

/* False: the UART is full; it interrupts when it has room again. */
static bool transmit(void)
{
    const uint8_t *bytes;
    for (uint32_t count; (count = terminal_peek(&mux.terminal, &bytes)) != 0;) {
        uint32_t sent = driver->write(uart, bytes, count);
        mux.terminal.tail += sent;
        if (sent < count)
            return false;
    }
    return true;
}

static void raise_peers(void)
{
    for (uint64_t left = mux.notify; left; left &= left - 1) {
        const struct peer *peer = &peers[__builtin_ctzll(left)];
        signal_raise(peer->signal, peer->mask);
    }
    mux.notify = 0;
}

/* Requests wait until the terminal has shown what was announced. False: not yet. */
static bool raise_root(void)
{
    if (!mux.requests)
        return true;
    if (terminal_room(&mux.terminal) < TERMINAL_SIZE || driver->is_busy(uart))
        return false;
    signal_raise(root, mux.requests);
    mux.requests = 0;
    return true;
}

static void sleep_until(uint64_t deadline)
{
    uint64_t bits;
    signal_wait(wake, UINT64_MAX, deadline, &bits);
    if (!(bits & IRQ_BIT))
        return;
    driver->clear(uart);
    receive();
    driver->want_room(uart, false);
    irq_ack(irq, irq_number);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Nothing is left to do. Once nothing has moved for LINGER_US the consoles are asked to raise their bits. */
static void sleep_idle(bool moved)
{
    uint64_t deadline = mux_deadline(&mux);
    if (!raise_root())
        deadline = earlier(deadline, clock_deadline_us(DRAIN_US));
    if (moved) {
        sleep_until(earlier(deadline, clock_deadline_us(LINGER_US)));
        return;
    }
    mux_set_waits(&mux, true);
    if (!mux_has_output(&mux))
        sleep_until(deadline);
    mux_set_waits(&mux, false);
}

/* The UART is full. What the consoles write meanwhile stays in their queues. */
static void sleep_full(void)
{
    driver->want_room(uart, true);
    sleep_until(DEADLINE_NEVER);
}

static _Noreturn void serve(void)
{
    for (bool moved = false;;) {
        bool now = mux_run(&mux, clock_now());
        bool sent = transmit();
        mux_sent(&mux);
        raise_peers();
        keep->focus = mux.focus;
        moved |= now;
        if (!sent) {
            sleep_full();
        } else if (!now) {
            sleep_idle(moved);
            moved = false;
        }
    }
}

static bool add_consoles(void)
{
    static const char prefix[] = "console/";
    const struct startup_resource *at = NULL;
    while ((at = startup_each(prefix, at))) {
        if (!mux_add(&mux, at->name + sizeof(prefix) - 1, (struct console *)at->address, at->size == 1)) /* NOLINT */
            return false;
        peers[mux.count - 1] = (struct peer){at->slot, at->value};
    }
    return true;
}

/* True: a driver was here before. */
static bool take_over(void)
{
    bool again = keep->magic == KEEP_MAGIC;
    if (again && keep->focus < mux.count)
        mux.focus = keep->focus;
    keep->magic = KEEP_MAGIC;
    keep->focus = mux.focus;
    mux_notify_all(&mux);
    return again;
}

/* Without the interrupt there is output all the same. */
static void bind_interrupt(void)
{
    status_t status = irq_bind(irq, irq_number, wake, IRQ_BIT, 0);
    if (status == STATUS_OK)
        return;
    terminal_text(&mux.terminal, "-- no keyboard: the kernel does not bind the UART's interrupt ");
    terminal_number(&mux.terminal, irq_number, 0);
    terminal_text(&mux.terminal, " (status -");
    terminal_number(&mux.terminal, (uint64_t)-status, 0);
    terminal_text(&mux.terminal, "); see \"uart-irq\" among root's grants --\r\n");
}

int component_main(struct startup *startup)
{
    const struct startup_resource *interrupt = startup_need("uart-irq");
    const struct startup_resource *supervisor = startup_need("root");
    const struct startup_resource *registers = startup_need("uart");
    if (registers->number >= sizeof(drivers) / sizeof(drivers[0]))
        return EXIT_UNKNOWN_UART;
    driver = drivers[registers->number];
    uart = registers->address;
    wake = startup_need("wake")->slot;
    irq = interrupt->slot;
    irq_number = interrupt->number;
    root = supervisor->slot;
    keep = (struct keep *)startup_need("keep")->address; /* NOLINT */
    mux_init(&mux, (const struct registry *)supervisor->address, startup->timer_frequency); /* NOLINT */
    if (!add_consoles())
        return EXIT_TOO_MANY_CONSOLES;
    mux_start(&mux, take_over());
    receive(); /* what was typed before: starting the UART may empty its FIFO */
    driver->start(uart);
    bind_interrupt();
    receive();
    serve();
}
