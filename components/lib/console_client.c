/*
 * The component's end of its console. The other side's indices are read once per use and masked; what it may have written there cannot
 * lead outside the queues. Lock order: `write_lock` and `read_lock` are never held together.
 */
#include "console_client.h"

#include "call_stubs.h"
#include "clock.h"
#include "lock.h"
#include "string.h"

static struct console *ring;
static cap_t peer;
static uint64_t peer_mask;
static struct lock write_lock, read_lock;

enum { PATIENCE_MS = 2000 };

void console_open(struct console *console, cap_t signal, uint64_t mask)
{
    peer = signal;
    peer_mask = mask;
    /* Who had this console before may have left nonsense. What it wrote and nobody has read yet stays. */
    if (console->out_head - console->out_tail > CONSOLE_OUT)
        console->out_head = console->out_tail;
    if (console->in_head - console->in_tail > CONSOLE_IN)
        console->in_tail = console->in_head;
    __atomic_store_n(&ring, console, __ATOMIC_RELEASE);
    console_want_input();
}

bool console_is_open(void)
{
    return __atomic_load_n(&ring, __ATOMIC_ACQUIRE) != NULL;
}

/* Bytes between two indices that run freely; more than the queue holds means that the peer writes nonsense. */
static uint32_t ring_used(uint32_t head, uint32_t tail, uint32_t limit)
{
    uint32_t used = head - tail;
    return used <= limit ? used : limit;
}

static uint32_t out_room(void)
{
    return CONSOLE_OUT - ring_used(ring->out_head, __atomic_load_n(&ring->out_tail, __ATOMIC_ACQUIRE), CONSOLE_OUT);
}

static uint32_t in_present(void)
{
    return ring_used(__atomic_load_n(&ring->in_head, __ATOMIC_ACQUIRE), ring->in_tail, CONSOLE_IN);
}

/*
 * Index, fence, then the peer's flag: the peer sets its flag, fences, then looks at the index, so one of the two sees the other.
 * Clearing the flag here saves calls while the peer is on its way.
 */
static void peer_tell(uint32_t *waits)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(waits, __ATOMIC_RELAXED))
        signal_raise(peer, peer_mask);
}

static size_t write_locked(const char *text, size_t size)
{
    uint32_t head = ring->out_head, room = out_room();
    size = size < room ? size : room;
    for (size_t i = 0; i < size; i++)
        ring->out[(head + i) % CONSOLE_OUT] = (uint8_t)text[i];
    __atomic_store_n(&ring->out_head, head + (uint32_t)size, __ATOMIC_RELEASE);
    return size;
}

size_t console_write(const char *text, size_t size)
{
    if (!console_is_open() || !size)
        return 0;
    lock_take(&write_lock);
    size_t written = write_locked(text, size);
    lock_release(&write_lock);
    if (written)
        peer_tell(&ring->out_waits);
    return written;
}

/* What console_write does, for who writes byte by byte. */
uint32_t console_write_byte(uint8_t byte)
{
    if (!console_is_open())
        return 0;
    lock_take(&write_lock);
    uint32_t head = ring->out_head, room = out_room();
    if (room) {
        ring->out[head % CONSOLE_OUT] = byte;
        __atomic_store_n(&ring->out_head, head + 1, __ATOMIC_RELEASE);
    }
    lock_release(&write_lock);
    if (room)
        peer_tell(&ring->out_waits);
    return room;
}

void console_write_all(const char *text, size_t size)
{
    int patience = PATIENCE_MS;
    while (size && patience > 0 && console_is_open()) {
        size_t written = console_write(text, size);
        text += written;
        size -= written;
        if (written) {
            patience = PATIENCE_MS;
            continue;
        }
        signal_raise(peer, peer_mask);
        clock_sleep_us(1000);
        patience--;
    }
}

static size_t read_locked(char *to, size_t size)
{
    uint32_t tail = ring->in_tail, present = in_present();
    size = size < present ? size : present;
    for (size_t i = 0; i < size; i++)
        to[i] = (char)ring->in[(tail + i) % CONSOLE_IN];
    __atomic_store_n(&ring->in_tail, tail + (uint32_t)size, __ATOMIC_RELEASE);
    return size;
}

size_t console_read(char *to, size_t size)
{
    if (!console_is_open())
        return 0;
    lock_take(&read_lock);
    size_t taken = read_locked(to, size);
    lock_release(&read_lock);
    return taken;
}

/* Sets our own flag, unless the condition holds already after the fence (see peer_tell). */
static bool flag_set(uint32_t *flag, uint32_t (*available)(void))
{
    __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!available())
        return true;
    __atomic_store_n(flag, 0, __ATOMIC_RELAXED);
    return false;
}

bool console_want_room(void)
{
    return console_is_open() && flag_set(&ring->room_waits, out_room);
}

bool console_want_input(void)
{
    return console_is_open() && flag_set(&ring->in_waits, in_present);
}
