/*
 * Keeps a disk (front 1) busy from its first instruction on, for tests that kill this VM or the disk's driver: eight writes in flight, eight reads of the same, which must be
 * what was written; now and then a reset of the device with all of them in flight, after which nothing may be written to their memory any more.
 * Prints each count of rounds that is a power of two, and what is wrong, and ends then.
 */
#include "guest.h"

enum {
    DEVICE = 0x0a001000,
    DEVICE_ID = 0x008,
    DEVICE_FEATURES = 0x010, /* the low half: 0 is what a reset selects */
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    STATUS = 0x070,
    QUEUE_DESC = 0x080,
    QUEUE_DRIVER = 0x090,
    QUEUE_DEVICE = 0x0a0,
    HIGH = 4, /* of an address: the register behind */
};
enum { BLOCK = 2, FEATURES_OK = 1 | 2 | 8, DRIVER_OK = FEATURES_OK | 4, F_FLUSH = 1 << 9 };
enum { NEXT = 1, WRITE = 2, NO_INTERRUPT = 1, OUT = 1 };
enum { SIZE = 32, REQUESTS = 8, BYTES = 8192, SECTOR = 512, STATUS_NONE = 0xff, PATIENCE_S = 60, QUIET_US = 2000, RESET_EACH = 8 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct {
    struct descriptor descriptors[SIZE];
    _Alignas(4096) struct {
        uint16_t flags, index, heads[SIZE];
    } available;
    _Alignas(4096) struct {
        uint16_t flags, index;
        struct {
            uint32_t head, length;
        } elements[SIZE];
    } used;
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } headers[REQUESTS];
    uint8_t status[REQUESTS];
    _Alignas(4096) uint64_t data[REQUESTS][BYTES / 8];
} ring __attribute__((aligned(4096)));

static uint64_t first_sector;

static void put(unsigned offset, uint32_t value)
{
    mmio_write(DEVICE + offset, value);
}

static void put_address(unsigned offset, const void *at)
{
    put(offset, (uint32_t)(uintptr_t)at);
    put(offset + HIGH, (uint32_t)((uint64_t)(uintptr_t)at >> 32));
}

static _Noreturn void wrong(const char *what, uint64_t number)
{
    print("disk: wrong: ");
    print(what);
    print(" ");
    print_dec(number);
    print("\n");
    power_off();
}

static void begin(void)
{
    for (uint64_t *word = (uint64_t *)&ring; word < ring.data[0]; word++)
        *word = 0;
    ring.available.flags = NO_INTERRUPT;
    put(STATUS, 0);
    put(STATUS, 1);
    put(STATUS, 1 | 2);
    put(DRIVER_FEATURES_SEL, 0);
    put(DRIVER_FEATURES, mmio_read(DEVICE + DEVICE_FEATURES) & F_FLUSH);
    put(DRIVER_FEATURES_SEL, 1);
    put(DRIVER_FEATURES, 1);
    put(STATUS, FEATURES_OK);
    put(QUEUE_SEL, 0);
    put(QUEUE_NUM, SIZE);
    put_address(QUEUE_DESC, ring.descriptors);
    put_address(QUEUE_DRIVER, &ring.available);
    put_address(QUEUE_DEVICE, &ring.used);
    put(QUEUE_READY, 1);
    put(STATUS, DRIVER_OK);
}

static void describe(unsigned i, const volatile void *at, uint32_t length, unsigned flags)
{
    ring.descriptors[i] = (struct descriptor){(uintptr_t)at, length, (uint16_t)flags, (uint16_t)(flags & NEXT ? i + 1 : 0)};
}

/* All of them, as reads or writes. */
static void send(uint32_t type)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        ring.headers[i].type = type;
        ring.headers[i].sector = first_sector + i * (BYTES / SECTOR);
        ring.status[i] = STATUS_NONE;
        describe(i * 3, &ring.headers[i], sizeof ring.headers[i], NEXT);
        describe(i * 3 + 1, ring.data[i], BYTES, type == OUT ? NEXT : NEXT | WRITE);
        describe(i * 3 + 2, &ring.status[i], 1, WRITE);
        ring.available.heads[(ring.available.index + i) % SIZE] = (uint16_t)(i * 3);
    }
    __atomic_store_n(&ring.available.index, (uint16_t)(ring.available.index + REQUESTS), __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    put(QUEUE_NOTIFY, 0);
}

static void wait_all(void)
{
    uint64_t end = read_sysreg(cntvct_el0) + PATIENCE_S * read_sysreg(cntfrq_el0);
    while (__atomic_load_n(&ring.used.index, __ATOMIC_ACQUIRE) != ring.available.index)
        if (read_sysreg(cntvct_el0) > end)
            wrong("what comes back in a minute is", (uint16_t)(ring.used.index - ring.available.index + REQUESTS));
    for (unsigned i = 0; i < REQUESTS; i++)
        if (__atomic_load_n(&ring.status[i], __ATOMIC_RELAXED))
            wrong("status", ring.status[i]);
}

static void fill(uint64_t number)
{
    for (unsigned i = 0; i < REQUESTS; i++)
        for (unsigned word = 0; word < BYTES / 8; word++)
            __atomic_store_n(&ring.data[i][word], number + i, __ATOMIC_RELAXED);
}

static void check(uint64_t number, const char *what)
{
    for (unsigned i = 0; i < REQUESTS; i++)
        for (unsigned word = 0; word < BYTES / 8; word++)
            if (__atomic_load_n(&ring.data[i][word], __ATOMIC_RELAXED) != number + i)
                wrong(what, ring.data[i][word]);
}

/* The device is through with this memory once the reset is over. */
static void reset_in_flight(void)
{
    send(0);
    put(STATUS, 0);
    fill(UINT64_MAX / 2);
    uint64_t end = read_sysreg(cntvct_el0) + QUIET_US * read_sysreg(cntfrq_el0) / 1000000;
    while (read_sysreg(cntvct_el0) < end)
        yield();
    check(UINT64_MAX / 2, "after a reset the device wrote");
    begin();
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    machine_from_fdt(fdt);
    first_sector = option_number("first=", 0);
    if (mmio_read(DEVICE + DEVICE_ID) != BLOCK)
        wrong("the device's kind is", mmio_read(DEVICE + DEVICE_ID));
    begin();
    for (uint64_t round = 1;; round++) {
        fill(first_tick + round);
        send(OUT);
        wait_all();
        fill(0);
        send(0);
        wait_all();
        check(first_tick + round, "what was read is");
        if (round % RESET_EACH == 0)
            reset_in_flight();
        if (!(round & (round - 1))) {
            print("disk: round ");
            print_dec(round);
            print("\n");
        }
    }
}

void irq_handler(uint64_t entry)
{
    (void)entry;
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("disk", esr, far, elr);
}
