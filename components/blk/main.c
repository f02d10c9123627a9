/*
 * The disk's driver: one thread, one loop. It serves the VMs' queues from their own memory and has the disk do the work there; docs/devices.md tells the path.
 * Whatever its predecessor had begun is taken up from the links' records, once the device is reset and reads and writes nothing more by itself.
 */
#include "call_stubs.h"
#include "clock.h"
#include "dma.h"
#include "format.h"
#include "partition.h"
#include "print.h"
#include "server.h"
#include "startup.h"
#include "virtio_disk.h"

#include <string.h>

enum {
    SCRATCH_BYTES = 4096,
    READ_US = 10000000, /* that the disk may take for a block of the partition table */
    IDLE_ROUNDS = 64,   /* that guests may have this driver do without the disk doing anything */
    IDLE_US = 1000,     /* pause after those */
};
#define IRQ_BIT (UINT64_C(1) << DRIVER_WAKE_DEVICE_BIT)

/* Who is told, by which capabilities. */
struct peer {
    cap_t line, monitor;
    uint32_t number;
};

static struct virtio_disk virtio_disk;
static struct dma dma;
static struct server server;
static struct peer peers[SERVER_CLIENTS];
static uint8_t *scratch;
static uint64_t scratch_bus;
static cap_t wake, irq;
static uint32_t irq_number;

/* --- peers ------------------------------------------------------------------------------------------------------------------------ */

static void guest_interrupt(void *context)
{
    const struct peer *peer = context;
    virq_raise(peer->line, peer->number, 1);
}

static void monitor_tell(void *context)
{
    const struct peer *peer = context;
    signal_raise(peer->monitor, WAKE_LINK);
}

/* --- the disk --------------------------------------------------------------------------------------------------------------------- */

static void irq_handle(struct disk *disk)
{
    if (!disk->driver->interrupt(disk))
        component_fail("blk: the disk has failed and needs a reset");
    irq_ack(irq, irq_number);
}

/* Before anybody is served. */
static bool block_read(void *context, uint64_t block, void *to)
{
    struct disk *disk = context;
    uint32_t size = disk->facts.block_size, token;
    enum disk_result result;
    struct disk_request request = {.operation = DISK_READ, .sector = block * (size / DISK_SECTOR), .count = 1};
    uint64_t bits, deadline = clock_deadline_us(READ_US);
    request.segments[0] = (struct disk_segment){scratch_bus, size};
    disk->driver->submit(disk, &request);
    disk->driver->go(disk);
    while (!disk->driver->collect(disk, &token, &result)) {
        if (signal_wait(wake, IRQ_BIT, deadline, &bits) != STATUS_OK)
            component_fail("blk: the disk does not answer");
        irq_handle(disk);
    }
    memcpy(to, scratch, size);
    return result == DISK_OK;
}

static const char *disk_begin(struct disk *disk)
{
    const struct startup_resource *interrupt = startup_need("device-irq");
    const char *problem = disk->driver->start(disk);
    if (!disk->is_quiet)
        component_fail("blk: the disk does not come out of reset; what it was told to read and write before may go on");
    if (problem)
        return problem;
    irq = interrupt->slot;
    irq_number = interrupt->number;
    if (irq_bind(irq, irq_number, wake, IRQ_BIT, interrupt->size ? IRQ_EDGE : 0) != STATUS_OK)
        return "the kernel does not bind the disk's interrupt";
    return NULL;
}

/* --- clients ---------------------------------------------------------------------------------------------------------------------- */

/* The stretch of the disk that a link is for. */
static bool stretch_find(struct disk *disk, struct client *client, char *text)
{
    struct model *model = &client->model;
    uint32_t part = client->link->part, unit = disk->facts.block_size / DISK_SECTOR;
    struct partition partition = {0, disk->facts.sectors / unit};
    struct partition_source source = {block_read, disk, partition.count, disk->facts.block_size};
    if (part && !partition_find(&source, part, &partition, text))
        return false;
    model->first = partition.first * unit;
    model->sectors = partition.count * unit;
    model->read_only = disk->facts.read_only || client->link->flags & LINK_READ_ONLY;
    return true;
}

/* Two that share sectors may only read them. */
static const struct client *sharer_of(const struct client *client)
{
    const struct model *a = &client->model;
    for (const struct client *other = server.clients; other < client; other++) {
        const struct model *b = &other->model;
        bool overlap = b->facts && a->first < b->first + b->sectors && b->first < a->first + a->sectors;
        if (overlap && !(a->read_only && b->read_only))
            return other;
    }
    return NULL;
}

static void client_prepare(struct disk *disk, struct client *client, const char *problem)
{
    char text[PARTITION_TEXT];
    text[0] = '\0';
    if (problem) {
        format_text(text, sizeof(text), "%s", problem);
    } else if (stretch_find(disk, client, text)) {
        const struct client *sharer = sharer_of(client);
        if (sharer)
            format_text(text, sizeof(text), "its sectors are %.*s's, too (make both read-only)", LINK_NAME_SIZE, sharer->link->name);
        else
            client->model.facts = &disk->facts;
    }
    if (text[0])
        console_print("%.*s: no disk: %s\n", LINK_NAME_SIZE, client->link->name, text);
    client_offer(client, text);
}

static void clients_add(void)
{
    const struct startup_resource *at = NULL;
    while ((at = startup_each("client/", at)) && server.client_count < SERVER_CLIENTS) {
        struct peer *peer = &peers[server.client_count];
        *peer = (struct peer){at->slot, at->slot + 1, at->number};
        struct client_peers tell = {guest_interrupt, monitor_tell, peer};
        if (client_init(&server.clients[server.client_count], (struct virtio_link *)at->address, &tell)) /* NOLINT */
            server.client_count++;
        else
            console_print("blk: %s is no link of a disk\n", at->name);
    }
}

static bool anybody_bounces(void)
{
    bool bounces = false;
    const struct startup_resource *at = NULL;
    while ((at = startup_each("client/", at)))
        bounces |= (((const struct virtio_link *)at->address)->flags & LINK_BOUNCE) != 0; /* NOLINT */
    return bounces;
}

/* --- the loop --------------------------------------------------------------------------------------------------------------------- */

/* Guests that keep it busy without the disk's doing (nonsense, bells without requests) get so much of its time and no more. */
static void sleep(struct disk *disk)
{
    uint64_t bits = 0;
    bool is_flooded = server.idle >= IDLE_ROUNDS;
    if (is_flooded)
        server.idle = 0;
    signal_wait(wake, is_flooded ? IRQ_BIT : UINT64_MAX, is_flooded ? clock_deadline_us(IDLE_US) : DEADLINE_NEVER, &bits);
    if (bits & IRQ_BIT && disk)
        irq_handle(disk);
}

static _Noreturn void serve(void)
{
    for (;;) {
        bool moved = server_run(&server);
        if (server.idle >= IDLE_ROUNDS || (!moved && server_sleep(&server)))
            sleep(server.disk);
    }
}

int component_main(struct startup *startup)
{
    const struct startup_resource *device = startup_need("device"), *memory = startup_need("dma");
    struct disk *disk = &virtio_disk.disk;
    (void)startup;
    wake = startup_need("wake")->slot;
    dma = (struct dma){(uint8_t *)memory->address, memory->value, memory->size}; /* NOLINT */
    scratch = dma_take(&dma, SCRATCH_BYTES, 16, &scratch_bus);
    struct bounce bounce = {.free = 0};
    if (!scratch || (anybody_bounces() && !bounce_init(&bounce, &dma)))
        component_fail("blk: its memory for DMA is too small: %lu bytes", memory->size);
    virtio_disk_init(&virtio_disk, &virtio_mmio, device->address, &dma);
    const char *problem = disk_begin(disk);
    server_init(&server, problem ? NULL : disk);
    server.bounce = bounce;
    clients_add();
    for (uint32_t i = 0; i < server.client_count; i++)
        client_prepare(disk, &server.clients[i], problem);
    serve();
}
