/*
 * The disk's driver between guests and a disk, for tests: guests with memory and queues of their own (virtio 1.2 §2.7, §5.2, written from there alone), a disk of some
 * blocks that does what it was told when the test lets it, and reaches the memory that it was given and no other.
 */
#ifndef BLK_MACHINE_H
#define BLK_MACHINE_H

#include "../../components/blk/server.h"

#include <bulkhead/virtio.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GUESTS = 3,
    GUEST_RAM = 1 << 20,
    QUEUE = 128,
    AT_DESCRIPTORS = 0x0, /* of queue 0; each queue has 64 KiB */
    AT_AVAILABLE = 0x2000,
    AT_USED = 0x3000,
    AT_TABLES = 0x40000, /* an indirect table of 4 KiB for each of the first 32 heads */
    AT_FREE = 0x80000,   /* the rest is the test's */
    SECTORS = 2048,
    DMA_BYTES = 65536,
};
#define GUEST_BASE UINT64_C(0x40000000)
#define GUEST_BUS(guest) (UINT64_C(0x1000000000) * ((guest) + 1))
#define DMA_BUS UINT64_C(0x7000000000)

struct fake_order {
    struct disk_request request;
    bool is_taken;
};

struct guest {
    uint8_t *ram;
    struct virtio_link link;
    uint16_t available, seen, free; /* of queue 0; heads are given out once */
    unsigned interrupts, told;
};

struct machine {
    struct disk disk;
    uint8_t image[SECTORS * DISK_SECTOR];
    struct fake_order orders[DISK_DEPTH];
    uint32_t waiting[DISK_DEPTH * 4], waiting_count; /* tokens, in the order of submission */
    unsigned allowed;                                /* orders that it may still carry out; UINT32_MAX: any number */
    bool last_first;                                 /* in which order */
    bool fails;                                      /* whatever it is told */
    unsigned submitted, most_segments, flushes;
    uint64_t zeroed, discarded;                      /* sectors */
    bool unmaps;                                     /* the last write of zeroes might deallocate */
    uint64_t largest;                                /* bytes of one request */
    uint8_t dma_memory[DMA_BYTES];
    struct guest guests[GUESTS];
    struct server server;
};

static struct machine *machine;

/* The driver dies after so many stores of its queues; 0: it does not. The test's longjmp. */
static unsigned stores_left, stores;
static void (*at_store)(void); /* the test's; NULL: none */
static jmp_buf death;

void vq_stored(void);
void vq_stored(void)
{
    stores++;
    if (at_store)
        at_store();
    if (stores_left && !--stores_left)
        longjmp(death, 1);
}

/* --- the disk --------------------------------------------------------------------------------------------------------------------- */

static uint8_t *bus_memory(uint64_t bus, uint32_t size)
{
    for (unsigned i = 0; i < GUESTS; i++)
        if (bus - GUEST_BUS(i) < GUEST_RAM && size <= GUEST_RAM - (bus - GUEST_BUS(i)))
            return machine->guests[i].ram + (bus - GUEST_BUS(i));
    if (bus - DMA_BUS < DMA_BYTES && size <= DMA_BYTES - (bus - DMA_BUS))
        return machine->dma_memory + (bus - DMA_BUS);
    fail_msg("the disk was sent to %llx + %x", (unsigned long long)bus, size);
    return NULL;
}

static void fake_submit(struct disk *disk, const struct disk_request *request)
{
    struct fake_order *order = &machine->orders[request->token];
    if (request->token >= disk->facts.depth || order->is_taken)
        fail_msg("token %u is not free", request->token);
    if (request->count > disk->facts.segments)
        fail_msg("%u segments", request->count);
    order->request = *request;
    order->is_taken = true;
    machine->waiting[machine->waiting_count++] = request->token;
    machine->submitted++;
    if (request->count > machine->most_segments)
        machine->most_segments = request->count;
}

static void fake_go(struct disk *disk)
{
    (void)disk;
}

static void fake_transfer(const struct disk_request *request)
{
    uint64_t at = request->sector * DISK_SECTOR, start = at;
    for (uint32_t i = 0; i < request->count; i++) {
        const struct disk_segment *segment = &request->segments[i];
        uint8_t *memory = bus_memory(segment->bus, segment->size);
        if (segment->size > machine->disk.facts.segment_bytes || at + segment->size > sizeof(machine->image))
            fail_msg("a segment of %u bytes at sector %llu", segment->size, (unsigned long long)request->sector);
        if (request->operation == DISK_WRITE)
            memcpy(machine->image + at, memory, segment->size);
        else
            memcpy(memory, machine->image + at, segment->size);
        at += segment->size;
    }
    if ((at - start) % machine->disk.facts.block_size || start % machine->disk.facts.block_size || at - start > machine->disk.facts.bytes)
        fail_msg("%llu bytes at %llu", (unsigned long long)(at - start), (unsigned long long)start);
    if (at - start > machine->largest)
        machine->largest = at - start;
}

static void fake_carry_out(const struct disk_request *request)
{
    switch (request->operation) {
    case DISK_READ:
    case DISK_WRITE:
        fake_transfer(request);
        break;
    case DISK_FLUSH:
        machine->flushes++;
        break;
    case DISK_DISCARD:
        if (request->sectors > machine->disk.facts.discard_sectors)
            fail_msg("discards %u sectors", request->sectors);
        machine->discarded += request->sectors;
        break;
    case DISK_WRITE_ZEROES:
        if (request->sectors > machine->disk.facts.zeroes_sectors || request->sector + request->sectors > SECTORS)
            fail_msg("zeroes %u sectors", request->sectors);
        memset(machine->image + request->sector * DISK_SECTOR, 0, (size_t)request->sectors * DISK_SECTOR);
        machine->zeroed += request->sectors;
        machine->unmaps = request->unmap;
        break;
    }
}

static bool fake_collect(struct disk *disk, uint32_t *token, enum disk_result *result)
{
    (void)disk;
    if (!machine->waiting_count || !machine->allowed)
        return false;
    if (machine->allowed != UINT32_MAX)
        machine->allowed--;
    uint32_t at = machine->last_first ? machine->waiting_count - 1 : 0;
    *token = machine->waiting[at];
    memmove(machine->waiting + at, machine->waiting + at + 1, (--machine->waiting_count - at) * sizeof(uint32_t));
    machine->orders[*token].is_taken = false;
    *result = machine->fails ? DISK_ERROR : DISK_OK;
    if (!machine->fails)
        fake_carry_out(&machine->orders[*token].request);
    return true;
}

/* What a reset does: whatever it was told, nothing of it is done any more. */
static void fake_reset(void)
{
    machine->waiting_count = 0;
    memset(machine->orders, 0, sizeof(machine->orders));
}

static const struct disk_driver fake_driver = {.submit = fake_submit, .go = fake_go, .collect = fake_collect};

/* --- guests ----------------------------------------------------------------------------------------------------------------------- */

static void guest_hear(void *context)
{
    ((struct guest *)context)->interrupts++;
}

static void monitor_hear(void *context)
{
    ((struct guest *)context)->told++;
}

#define BIT(n) (UINT64_C(1) << (n))
#define USUAL (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_INDIRECT_DESC) | BIT(BLK_F_FLUSH))

/* As a monitor does when its guest is ready. */
static void guest_begin(unsigned index, uint64_t features)
{
    struct guest *guest = &machine->guests[index];
    guest->available = guest->seen = guest->free = 0;
    memset(guest->ram, 0, AT_TABLES);
    guest->link.negotiated = features;
    guest->link.queue[0] = (struct link_queue){GUEST_BASE + AT_DESCRIPTORS, GUEST_BASE + AT_AVAILABLE, GUEST_BASE + AT_USED, QUEUE, 0};
    guest->link.request = (guest->link.request + 1) | 1;
}

/* A driver begins, the first or a successor. */
static void machine_start(void)
{
    fake_reset();
    server_init(&machine->server, &machine->disk);
    struct dma dma = {machine->dma_memory, DMA_BUS, DMA_BYTES};
    bounce_init(&machine->server.bounce, &dma);
    for (unsigned i = 0; i < GUESTS; i++) {
        struct client_peers peers = {guest_hear, monitor_hear, &machine->guests[i]};
        struct client *client = &machine->server.clients[i];
        if (!client_init(client, &machine->guests[i].link, &peers))
            fail_msg("no link");
        client->model.facts = &machine->disk.facts;
        client->model.sectors = SECTORS;
        client->model.read_only = machine->guests[i].link.flags & LINK_READ_ONLY;
        client_offer(client, NULL);
        machine->server.client_count++;
    }
}

static void guest_init(unsigned index)
{
    struct guest *guest = &machine->guests[index];
    guest->ram = aligned_alloc(4096, GUEST_RAM);
    memset(guest->ram, 0, GUEST_RAM);
    guest->link.magic = LINK_MAGIC;
    guest->link.device = VIRTIO_BLOCK;
    guest->link.queues = 1;
    guest->link.window_count = 1;
    snprintf(guest->link.name, sizeof(guest->link.name), "vm%u/disk0", index);
    guest->link.windows[0] = (struct link_window){GUEST_BASE, GUEST_RAM, (uintptr_t)guest->ram, GUEST_BUS(index)};
}

static int machine_setup(void **state)
{
    (void)state;
    stores_left = stores = 0;
    at_store = NULL;
    machine = aligned_alloc(4096, (sizeof(*machine) + 4095) / 4096 * 4096);
    memset(machine, 0, sizeof(*machine));
    machine->allowed = UINT32_MAX;
    machine->disk.driver = &fake_driver;
    machine->disk.facts = (struct disk_facts){
        .sectors = SECTORS,
        .block_size = 512,
        .depth = 16,
        .segments = 64,
        .segment_bytes = 1 << 20,
        .bytes = 1 << 20,
        .discard_sectors = 1024,
        .discard_alignment = 1,
        .zeroes_sectors = 1024,
        .flush = true,
        .discard = true,
        .write_zeroes = true,
        .zeroes_unmap = true,
    };
    for (uint32_t i = 0; i < sizeof(machine->image); i++)
        machine->image[i] = (uint8_t)(i / DISK_SECTOR * 7 + i % 251);
    for (unsigned i = 0; i < GUESTS; i++)
        guest_init(i);
    machine_start();
    return 0;
}

static int machine_teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GUESTS; i++)
        free(machine->guests[i].ram);
    free(machine);
    return 0;
}

/* A piece of a request's memory. */
struct piece {
    uint32_t at, size; /* in the guest's RAM */
    bool writable;
};

/* Makes a chain available, as an indirect table; answers its head. */
static uint16_t guest_send(unsigned index, const struct piece *pieces, unsigned count)
{
    struct guest *guest = &machine->guests[index];
    uint16_t head = guest->free++ % QUEUE;
    uint32_t table_at = AT_TABLES + head % 32 * 0x1000u;
    struct link_descriptor *table = (struct link_descriptor *)(void *)(guest->ram + table_at);
    for (unsigned i = 0; i < count; i++)
        table[i] = (struct link_descriptor){GUEST_BASE + pieces[i].at, pieces[i].size,
            (uint16_t)((pieces[i].writable ? VIRTIO_D_WRITE : 0) | (i + 1 < count ? VIRTIO_D_NEXT : 0)), (uint16_t)(i + 1)};
    ((struct link_descriptor *)(void *)(guest->ram + AT_DESCRIPTORS))[head] =
        (struct link_descriptor){GUEST_BASE + table_at, count * 16, VIRTIO_D_INDIRECT, 0};
    uint16_t *available = (uint16_t *)(void *)(guest->ram + AT_AVAILABLE);
    available[2 + guest->available++ % QUEUE] = head;
    __atomic_store_n(&available[1], guest->available, __ATOMIC_RELEASE);
    return head;
}

enum { HEADER_AT = AT_FREE, STATUS_AT = AT_FREE + 0x1000, DATA_AT = AT_FREE + 0x10000, NO_STATUS = 0xee };

static void header_put(unsigned index, uint32_t slot, uint32_t type, uint64_t sector)
{
    struct blk_header header = {type, 0, sector};
    memcpy(machine->guests[index].ram + HEADER_AT + slot * 16, &header, sizeof(header));
    machine->guests[index].ram[STATUS_AT + slot] = NO_STATUS;
}

/* A request with one piece of data, or none. `slot` picks the place of header and status. */
static uint16_t guest_request(unsigned index, uint32_t slot, uint32_t type, uint64_t sector, uint32_t data_at, uint32_t size)
{
    header_put(index, slot, type, sector);
    struct piece pieces[3] = {{HEADER_AT + slot * 16, 16, false}}, status = {STATUS_AT + slot, 1, true};
    unsigned count = 1;
    if (size)
        pieces[count++] = (struct piece){data_at, size, type == BLK_T_IN || type == BLK_T_GET_ID};
    pieces[count++] = status;
    return guest_send(index, pieces, count);
}

static uint8_t status_of(unsigned index, uint32_t slot)
{
    return machine->guests[index].ram[STATUS_AT + slot];
}

/* A chain that came back: its head, or -1; what was written. */
static int guest_get(unsigned index, uint32_t *written)
{
    struct guest *guest = &machine->guests[index];
    uint8_t *used = guest->ram + AT_USED;
    if (((uint16_t *)(void *)used)[1] == guest->seen)
        return -1;
    uint32_t *element = (uint32_t *)(void *)(used + 4 + guest->seen++ % QUEUE * 8u);
    *written = element[1];
    return (int)element[0];
}

static void run(void)
{
    for (int rounds = 0; server_run(&machine->server); rounds++)
        if (rounds > 10000)
            fail_msg("the driver finds no end");
}

#endif
