/*
 * Lies at the VM's entropy device (front 0): in its rings, in its registers, from two CPUs at once. After each lie the device is reset and has to serve an honest
 * request. Boot arguments: seed=N, tries=N (of what is done at random).
 */
#include "guest.h"

enum {
    DEVICE = 0x0a000000,
    DEVICE_ID = 0x008,
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
    REGISTERS = 0x110,
};
enum { ENTROPY = 4, FEATURES_OK = 1 | 2 | 8, DRIVER_OK = FEATURES_OK | 4, NEEDS_RESET = 64 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { F_INDIRECT = 1 << 28, F_EVENT_IDX = 1 << 29 };
enum { SIZE = 256, BUFFER = 64, PATIENCE_S = 20 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct {
    struct descriptor descriptors[SIZE];
    _Alignas(4096) struct {
        uint16_t flags, index, heads[SIZE], used_event;
    } available;
    _Alignas(4096) struct {
        uint16_t flags, index;
        struct {
            uint32_t head, length;
        } elements[SIZE];
        uint16_t available_event;
    } used;
    _Alignas(4096) uint8_t buffer[3 * 4096]; /* a descriptor at random begins in the first page and ends in the second one */
} ring __attribute__((aligned(4096)));

static uint64_t random_state;
static uint32_t helper; /* 1: CPU 1 is to meddle, 2: it stops, 0: it has stopped */

/* --- device ------------------------------------------------------------------------------------------------------- */

static void put(unsigned offset, uint32_t value)
{
    mmio_write(DEVICE + offset, value);
}

static uint32_t get(unsigned offset)
{
    return mmio_read(DEVICE + offset);
}

static void put_address(unsigned offset, uint64_t address)
{
    put(offset, (uint32_t)address);
    put(offset + HIGH, (uint32_t)(address >> 32));
}

static void ring_clear(void)
{
    for (uint64_t *word = (uint64_t *)&ring; word < (uint64_t *)(&ring + 1); word++)
        __atomic_store_n(word, 0, __ATOMIC_RELAXED);
}

static void features_accept(uint32_t low, uint32_t high)
{
    put(STATUS, 0);
    put(STATUS, 1);
    put(STATUS, 1 | 2);
    put(DRIVER_FEATURES_SEL, 0);
    put(DRIVER_FEATURES, low);
    put(DRIVER_FEATURES_SEL, 1);
    put(DRIVER_FEATURES, high);
    put(STATUS, FEATURES_OK);
}

static void queue_give(uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used)
{
    put(QUEUE_SEL, 0);
    put(QUEUE_NUM, size);
    put_address(QUEUE_DESC, descriptors);
    put_address(QUEUE_DRIVER, available);
    put_address(QUEUE_DEVICE, used);
    put(QUEUE_READY, 1);
    put(STATUS, DRIVER_OK);
}

static void begin(uint32_t features)
{
    ring_clear();
    features_accept(features, 1);
    queue_give(SIZE, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available, (uintptr_t)&ring.used);
}

/* The chain that begins with descriptor `head` is available. */
static void give(uint16_t head)
{
    uint16_t index = ring.available.index;
    ring.available.heads[index % SIZE] = head;
    __atomic_store_n(&ring.available.index, (uint16_t)(index + 1), __ATOMIC_RELEASE);
    put(QUEUE_NOTIFY, 0);
}

static void describe(unsigned i, uint64_t address, uint32_t length, unsigned flags, unsigned next)
{
    ring.descriptors[i] = (struct descriptor){address, length, (uint16_t)flags, (uint16_t)next};
}

static uint16_t used_index(void)
{
    return __atomic_load_n(&ring.used.index, __ATOMIC_ACQUIRE);
}

/* One buffer comes back, full, and not as it was. */
static bool honest(void)
{
    uint64_t end = read_sysreg(cntvct_el0) + PATIENCE_S * read_sysreg(cntfrq_el0);
    uint32_t sum = 0;
    begin(F_INDIRECT | F_EVENT_IDX);
    describe(7, (uintptr_t)ring.buffer, BUFFER, WRITE, 0);
    give(7);
    while (!used_index() && read_sysreg(cntvct_el0) < end)
        yield();
    for (unsigned i = 0; i < BUFFER; i++)
        sum += ring.buffer[i];
    return used_index() == 1 && ring.used.elements[0].head == 7 && ring.used.elements[0].length == BUFFER && sum && !ring.buffer[BUFFER] &&
           get(STATUS) == DRIVER_OK;
}

/* --- lies in rings --------------------------------------------------------------------------------------------------- */

static void one(uint64_t address, uint32_t length, unsigned flags)
{
    describe(0, address, length, flags, 0);
    give(0);
}

static void lie_loop(void)
{
    describe(0, (uintptr_t)ring.buffer, 1, WRITE | NEXT, 1);
    describe(1, (uintptr_t)ring.buffer, 1, WRITE | NEXT, 0);
    give(0);
}

static void lie_long(void)
{
    for (unsigned i = 0; i < SIZE; i++)
        describe(i, (uintptr_t)ring.buffer, 1, WRITE | (i + 1 < SIZE ? NEXT : 0), i + 1);
    give(0);
}

static void lie_next(void)
{
    describe(0, (uintptr_t)ring.buffer, 1, WRITE | NEXT, SIZE);
    give(0);
}

static void lie_head(void)
{
    give(0xffff);
}

static void lie_length(void)
{
    one((uintptr_t)ring.buffer, UINT32_MAX, WRITE);
}

static void lie_end(void)
{
    one(machine.ram + machine.ram_size - 1, 2, WRITE);
}

static void lie_nothing(void)
{
    one((uintptr_t)ring.buffer, 0, WRITE);
}

static void lie_below(void)
{
    one(machine.ram - 4096, 4096, WRITE);
}

static void lie_zero(void)
{
    one(0, BUFFER, WRITE);
}

static void lie_wrap(void)
{
    one(UINT64_MAX - 7, BUFFER, WRITE);
}

static void lie_device(void)
{
    one(DEVICE, BUFFER, WRITE);
}

static void lie_order(void)
{
    describe(0, (uintptr_t)ring.buffer, 1, WRITE | NEXT, 1);
    describe(1, (uintptr_t)ring.buffer, 1, 0, 0);
    give(0);
}

static void lie_index(void)
{
    __atomic_store_n(&ring.available.index, SIZE + 1, __ATOMIC_RELEASE);
    put(QUEUE_NOTIFY, 0);
}

static void lie_indirect_length(void)
{
    one((uintptr_t)ring.buffer, 24, INDIRECT);
}

static void lie_indirect_outside(void)
{
    one(machine.ram + machine.ram_size, 16, INDIRECT);
}

/* A table that names itself. */
static void lie_indirect_itself(void)
{
    struct descriptor *table = (struct descriptor *)ring.buffer;
    *table = (struct descriptor){(uintptr_t)table, 16, INDIRECT, 0};
    one((uintptr_t)table, 16, INDIRECT);
}

static void lie_indirect_loop(void)
{
    struct descriptor *table = (struct descriptor *)ring.buffer;
    *table = (struct descriptor){(uintptr_t)table + 16, 1, WRITE | NEXT, 0};
    one((uintptr_t)table, 16, INDIRECT);
}

/* --- lies in registers: the ring as it is told is not the ring ---------------------------------------------------------- */

static void rings_at(uint32_t size, uint64_t descriptors, uint64_t available, uint64_t used)
{
    features_accept(F_INDIRECT, 1);
    queue_give(size, descriptors, available, used);
    put(QUEUE_NOTIFY, 0);
}

static void lie_size(void)
{
    rings_at(3, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available, (uintptr_t)&ring.used);
}

static void lie_size_large(void)
{
    rings_at(1u << 31, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available, (uintptr_t)&ring.used);
}

static void lie_rings_outside(void)
{
    rings_at(SIZE, machine.ram + machine.ram_size - 16, (uintptr_t)&ring.available, (uintptr_t)&ring.used);
}

static void lie_rings_odd(void)
{
    rings_at(SIZE, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available + 1, (uintptr_t)&ring.used);
}

static void lie_used_nowhere(void)
{
    rings_at(SIZE, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available, UINT64_MAX & ~UINT64_C(4095));
}

/* Found: the device says that it needs a reset, has given nothing back, and does so no more. */
static bool is_found(void (*lie)(void))
{
    begin(F_INDIRECT);
    lie();
    bool seen = get(STATUS) == (DRIVER_OK | NEEDS_RESET) && !used_index();
    put(QUEUE_NOTIFY, 0);
    return seen && !used_index();
}

static void complain(const char *name, const char *what)
{
    print("lies: ");
    print(name);
    print(what);
}

static unsigned told, found;

static void tell(const char *name, void (*lie)(void))
{
    bool seen = is_found(lie), serves = honest();
    if (!seen)
        complain(name, ": not found\n");
    if (!serves)
        complain(name, ": does not serve afterwards\n");
    told++;
    found += seen && serves;
}

/* No table: its addresses would be absolute. */
static void tell_all(void)
{
    tell("loop", lie_loop);
    tell("long", lie_long);
    tell("next", lie_next);
    tell("head", lie_head);
    tell("length", lie_length);
    tell("end", lie_end);
    tell("nothing", lie_nothing);
    tell("below", lie_below);
    tell("zero", lie_zero);
    tell("wrap", lie_wrap);
    tell("device", lie_device);
    tell("order", lie_order);
    tell("index", lie_index);
    tell("indirect-length", lie_indirect_length);
    tell("indirect-outside", lie_indirect_outside);
    tell("indirect-itself", lie_indirect_itself);
    tell("indirect-loop", lie_indirect_loop);
    tell("size", lie_size);
    tell("size-large", lie_size_large);
    tell("rings-outside", lie_rings_outside);
    tell("rings-odd", lie_rings_odd);
    tell("used-nowhere", lie_used_nowhere);
}

/* Features that were not offered, or none of version 1: the device refuses, and goes no farther. */
static bool features_refused(void)
{
    static const uint32_t words[][2] = {{1, 1}, {F_INDIRECT, 0}, {0, 1 | 1u << 31}, {UINT32_MAX, UINT32_MAX}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        features_accept(words[i][0], words[i][1]);
        queue_give(SIZE, (uintptr_t)ring.descriptors, (uintptr_t)&ring.available, (uintptr_t)&ring.used);
        if (get(STATUS) != (1 | 2))
            return false;
    }
    return honest();
}

/* --- from two CPUs --------------------------------------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Nowhere of the guest's own but its buffer. */
static uint64_t random_address(uint64_t random)
{
    const uint64_t addresses[] = {(uintptr_t)ring.buffer + (random >> 8 & 0xfff), (uintptr_t)ring.buffer, machine.ram + machine.ram_size + (random >> 8 & 0xffff),
                                  random | UINT64_C(1) << 63};
    return addresses[random & 3];
}

static void meddle_in_ring(uint64_t random)
{
    unsigned i = random >> 40 & 15;
    volatile struct descriptor *descriptor = &ring.descriptors[i];
    switch (random >> 60) {
    case 0 ... 3:
        descriptor->address = random_address(random);
        break;
    case 4 ... 6:
        descriptor->length = random & 1 ? BUFFER : (uint32_t)random >> 8 & 0xfff;
        break;
    case 7 ... 9:
        descriptor->flags = random & 7;
        break;
    case 10:
        descriptor->next = random >> 8 & 15;
        break;
    case 11:
        ring.available.heads[random >> 8 & (SIZE - 1)] = random >> 20 & 15;
        break;
    case 12:
        __atomic_fetch_add(&ring.available.index, (uint16_t)(random >> 8 & 3), __ATOMIC_RELAXED);
        break;
    case 13:
        __atomic_store_n(&ring.used.index, (uint16_t)random, __ATOMIC_RELAXED);
        break;
    default:
        put(QUEUE_NOTIFY, 0);
    }
}

/* Addresses that a queue could then be at are the ring's own or nowhere. */
static void meddle_in_registers(uint64_t random)
{
    unsigned offset = (unsigned)(random >> 8) % REGISTERS & ~3u;
    bool address = offset >= QUEUE_DESC && offset <= QUEUE_DEVICE + HIGH;
    put(offset, address ? (offset & HIGH ? 0 : (uint32_t)(uintptr_t)ring.buffer & ~4095u) : (uint32_t)(random >> 32) >> (random & 31));
}

static void meddle(uint64_t *state)
{
    uint64_t random = random_next(state);
    if (random >> 20 & 7)
        meddle_in_ring(random);
    else
        meddle_in_registers(random);
}

void secondary_main(void)
{
    uint64_t state = random_state * 3 + 1;
    for (;;) {
        while (!__atomic_load_n(&helper, __ATOMIC_ACQUIRE))
            yield();
        while (__atomic_load_n(&helper, __ATOMIC_ACQUIRE) == 1)
            meddle(&state);
        __atomic_store_n(&helper, 0, __ATOMIC_RELEASE);
    }
}

static void helper_stop(void)
{
    __atomic_store_n(&helper, 2, __ATOMIC_RELEASE);
    while (__atomic_load_n(&helper, __ATOMIC_ACQUIRE))
        yield();
}

/* Descriptors change between the device's looks at them; the device is reset in mid-flight. Answers how often it found out. */
static uint64_t storm(uint64_t tries)
{
    uint64_t seen = 0;
    __atomic_store_n(&helper, 1, __ATOMIC_RELEASE);
    for (uint64_t i = 0; i < tries; i++) {
        if (!(random_next(&random_state) & 31) || get(STATUS) & NEEDS_RESET) {
            seen += (get(STATUS) & NEEDS_RESET) != 0;
            begin(F_INDIRECT | (i & 1 ? F_EVENT_IDX : 0));
        }
        meddle(&random_state);
        __atomic_fetch_add(&ring.available.index, 1, __ATOMIC_RELEASE);
        put(QUEUE_NOTIFY, 0);
    }
    helper_stop();
    return seen;
}

/* Notifies without end, from both. */
static void flood(uint64_t tries)
{
    begin(F_INDIRECT);
    describe(0, (uintptr_t)ring.buffer, BUFFER, WRITE, 0);
    for (uint64_t i = 0; i < tries; i++) {
        ring.available.index = (uint16_t)(ring.available.index + (i & 1 ? SIZE : 0));
        put(QUEUE_NOTIFY, (uint32_t)i);
    }
}

static void print_count(const char *before, uint64_t n)
{
    print(before);
    print_dec(n);
}

void irq_handler(uint64_t entry)
{
    (void)entry;
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("lies", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    uint64_t tries = option_number("tries=", 20000);
    random_state = option_number("seed=", 1) * 2654435761u + 1;
    print_count("lies: seed ", option_number("seed=", 1));
    print("\n");
    if (get(DEVICE_ID) != ENTROPY || !honest()) {
        print("lies: there is no entropy device that serves\n");
        power_off();
    }
    tell_all();
    print_count("lies: ", told);
    print_count(" told, ", found);
    print(features_refused() ? " found, features refused\n" : " found, features NOT refused\n");
    bool second = machine.cpus > 1 && !psci(PSCI_CPU_ON, machine.second_mpidr, (uintptr_t)&secondary_start, 0);
    uint64_t seen = second ? storm(tries) : 0;
    flood(tries / 40);
    print_count("lies: ", tries);
    print(second ? " at random from two CPUs, " : " NOT told, no second CPU, ");
    print(seen ? "found out" : "never found out");
    print(honest() ? ", serves afterwards\n" : ", does NOT serve afterwards\n");
    power_off();
}
