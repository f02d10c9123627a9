/* The Cadence UART's driver against a model of its registers (UG1087 "UART"): FIFOs of 64 bytes, latched interrupts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

/* In place of components/uart/registers.h. */
#define UART_REGISTERS_H
static uint32_t register_read(uintptr_t base, uint32_t offset);
static void register_write(uintptr_t base, uint32_t offset, uint32_t value);

#include "../../components/uart/cadence_driver.c"

enum { BASE = 0xff000000 };

static struct {
    uint32_t control, mask, latched, level;
    uint8_t out[FIFO_DEPTH], in[FIFO_DEPTH], wrong[FIFO_DEPTH];
    unsigned out_count, in_count;
    uint8_t sent[1024];
    unsigned sent_count;
    bool shifting;              /* a byte has left the FIFO and not the UART */
    unsigned drain_after_reads; /* of SR: then the FIFO runs empty behind the driver's back; 0: never */
} uart;

static void check(bool good, const char *what)
{
    if (!good)
        fail_msg("%s", what);
}

/* Latches are set by events, not by how it is: what was cleared stays clear until it happens again. */
static void drain(void)
{
    check(sizeof(uart.sent) - uart.sent_count >= uart.out_count, "test: too much was sent");
    memcpy(uart.sent + uart.sent_count, uart.out, uart.out_count);
    uart.sent_count += uart.out_count;
    if (uart.out_count)
        uart.latched |= TEMPTY;
    uart.out_count = 0;
}

static void receive(uint8_t byte, uint8_t wrong)
{
    if (!(uart.control & CR_RXEN) || uart.control & CR_RXDIS)
        return;
    if (uart.in_count == FIFO_DEPTH) {
        uart.latched |= ROVR;
        return;
    }
    uart.wrong[uart.in_count] = wrong;
    uart.in[uart.in_count++] = byte;
    if (uart.in_count >= uart.level)
        uart.latched |= RTRIG;
}

static bool interrupts(void)
{
    return (uart.latched & uart.mask) != 0;
}

static uint32_t status(void)
{
    if (uart.drain_after_reads && !--uart.drain_after_reads)
        drain();
    return (uart.in_count ? 0u : (uint32_t)REMPTY) | (uart.out_count ? 0u : (uint32_t)TEMPTY) |
           (uart.out_count == FIFO_DEPTH ? (uint32_t)TFUL : 0u) | (uart.shifting ? (uint32_t)SR_TACTIVE : 0u);
}

static uint8_t take(uint8_t *queue)
{
    uint8_t first = queue[0];
    memmove(queue, queue + 1, FIFO_DEPTH - 1);
    return first;
}

static uint32_t register_read(uintptr_t base, uint32_t offset)
{
    assert_int_equal(base, BASE);
    switch (offset) {
    case CR: return uart.control;
    case ISR: return uart.latched;
    case SR: return status();
    case RXBS: return uart.wrong[0];
    case FIFO:
        check(uart.in_count, "read from an empty FIFO");
        uart.in_count--;
        take(uart.wrong);
        return take(uart.in);
    default: fail_msg("read of register 0x%x", offset); return 0;
    }
}

static void register_write(uintptr_t base, uint32_t offset, uint32_t value)
{
    assert_int_equal(base, BASE);
    switch (offset) {
    case CR: uart.control = value; break;
    case IER: uart.mask |= value; break;
    case IDR: uart.mask &= ~value; break;
    case ISR: uart.latched &= ~value; break;
    case RXWM: uart.level = value; break;
    case FIFO:
        check(uart.out_count < FIFO_DEPTH, "write to a full FIFO");
        check(uart.control & CR_TXEN && !(uart.control & CR_TXDIS), "write while the transmitter is off");
        uart.out[uart.out_count++] = (uint8_t)value;
        break;
    default: fail_msg("write of register 0x%x", offset);
    }
}

/* As a firmware that used it may leave it: all interrupts enabled and latched, receiver off. */
static int set_up(void **state)
{
    (void)state;
    memset(&uart, 0, sizeof uart);
    uart.control = CR_RXDIS | CR_TXDIS;
    uart.mask = uart.latched = INT_ALL;
    uart.level = 32;
    cadence_driver.start(BASE);
    return 0;
}

/* Red if an interrupt of the firmware's stays enabled, or the receiver stays off. */
static void start_leaves_input_only(void **state)
{
    (void)state;
    assert_int_equal(uart.mask, RTRIG);
    assert_false(interrupts());
    assert_int_equal(uart.control, CR_RXEN | CR_TXEN);
    receive('a', 0);
    assert_true(interrupts());
}

static void read_gives_bytes_in_order(void **state)
{
    (void)state;
    receive('a', 0);
    receive(0xff, 0);
    assert_int_equal(cadence_driver.read(BASE), 'a');
    assert_int_equal(cadence_driver.read(BASE), 0xff);
    assert_int_equal(cadence_driver.read(BASE), DRIVER_EMPTY);
}

static void read_tells_breaks(void **state)
{
    (void)state;
    receive(0, RXBS_BREAK);
    receive(0, RXBS_FRAMING);
    receive('b', 0);
    assert_int_equal(cadence_driver.read(BASE), DRIVER_BREAK);
    assert_int_equal(cadence_driver.read(BASE), DRIVER_BREAK);
    assert_int_equal(cadence_driver.read(BASE), 'b');
}

/* Red if clearing the interrupt forgets it, or if it is told more than once. */
static void read_tells_of_lost_bytes_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIFO_DEPTH + 1; i++)
        receive('x', 0);
    cadence_driver.clear(BASE);
    assert_int_equal(cadence_driver.read(BASE), 'x' | DRIVER_LOST);
    for (unsigned i = 1; i < FIFO_DEPTH; i++)
        assert_int_equal(cadence_driver.read(BASE), 'x');
    assert_int_equal(cadence_driver.read(BASE), DRIVER_EMPTY);
    assert_false(interrupts());
}

/* As main.c does at an interrupt: cleared first, so a byte that comes meanwhile interrupts again. */
static void input_after_clear_interrupts_again(void **state)
{
    (void)state;
    receive('a', 0);
    cadence_driver.clear(BASE);
    assert_false(interrupts());
    assert_int_equal(cadence_driver.read(BASE), 'a');
    receive('b', 0);
    assert_true(interrupts());
}

static void write_stops_when_full(void **state)
{
    uint8_t bytes[2 * FIFO_DEPTH];
    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(cadence_driver.write(BASE, bytes, 3), 3);
    assert_int_equal(cadence_driver.write(BASE, bytes + 3, sizeof bytes - 3), FIFO_DEPTH - 3);
    assert_int_equal(cadence_driver.write(BASE, bytes, 1), 0);
    drain();
    assert_int_equal(cadence_driver.write(BASE, bytes + FIFO_DEPTH, FIFO_DEPTH), FIFO_DEPTH);
    drain();
    assert_memory_equal(uart.sent, bytes, sizeof bytes);
}

/* Red if an old latch interrupts at once, for ever. */
static void room_interrupts_when_it_is_there(void **state)
{
    static const uint8_t bytes[FIFO_DEPTH + 1];
    (void)state;
    cadence_driver.write(BASE, bytes, 1);
    drain();
    assert_int_equal(cadence_driver.write(BASE, bytes, sizeof bytes), FIFO_DEPTH);
    cadence_driver.want_room(BASE, true);
    assert_false(interrupts());
    drain();
    assert_true(interrupts());
    cadence_driver.clear(BASE);
    cadence_driver.want_room(BASE, false);
    assert_false(interrupts());
    receive('a', 0);
    assert_true(interrupts());
}

/* The FIFO runs empty at any moment around the last bytes: nobody may wait for an interrupt that came already and was cleared. */
static void no_wake_up_is_lost(void **state)
{
    static const uint8_t bytes[3 * FIFO_DEPTH];
    for (unsigned when = 1; when < 8; when++) {
        set_up(state);
        uart.drain_after_reads = when;
        uint32_t sent = cadence_driver.write(BASE, bytes, sizeof bytes);
        cadence_driver.want_room(BASE, true);
        drain();
        assert_true(sent == sizeof bytes || interrupts());
    }
}

/* Between the driver's look at SR and its clearing of the latch. */
static void emptied_between_look_and_clear(void **state)
{
    static const uint8_t bytes[FIFO_DEPTH];
    (void)state;
    cadence_driver.write(BASE, bytes, FIFO_DEPTH);
    uint32_t seen = register_read(BASE, SR);
    drain();
    assert_true(has_room(BASE, seen));
}

static void busy_until_the_last_bit_is_out(void **state)
{
    (void)state;
    assert_false(cadence_driver.is_busy(BASE));
    cadence_driver.write(BASE, (const uint8_t *)"z", 1);
    assert_true(cadence_driver.is_busy(BASE));
    drain();
    uart.shifting = true;
    assert_true(cadence_driver.is_busy(BASE));
    uart.shifting = false;
    assert_false(cadence_driver.is_busy(BASE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(start_leaves_input_only, set_up),
        cmocka_unit_test_setup(read_gives_bytes_in_order, set_up),
        cmocka_unit_test_setup(read_tells_breaks, set_up),
        cmocka_unit_test_setup(read_tells_of_lost_bytes_once, set_up),
        cmocka_unit_test_setup(input_after_clear_interrupts_again, set_up),
        cmocka_unit_test_setup(write_stops_when_full, set_up),
        cmocka_unit_test_setup(room_interrupts_when_it_is_there, set_up),
        cmocka_unit_test_setup(no_wake_up_is_lost, set_up),
        cmocka_unit_test_setup(emptied_between_look_and_clear, set_up),
        cmocka_unit_test_setup(busy_until_the_last_bit_is_out, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
