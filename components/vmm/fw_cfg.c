/*
 * Registers (all big-endian, but data is a string of bytes): 0 data, 8 selector (16 bits), 16 address of a DMA descriptor (64 bits; storing its lower half
 * starts the transfer). Lock: `lock`, for the state.
 */
#include "fw_cfg.h"

#include "cache.h"
#include "lock.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"

#include <string.h>

enum { REGISTER_DATA = 0, REGISTER_DATA_END = 8, REGISTER_SELECTOR = 8, REGISTER_DMA = 16 };

/* Items. Sizes are 32 bits, little-endian. What is not here reads as zeros. */
enum {
    KEY_SIGNATURE = 0x00,
    KEY_ID = 0x01,
    KEY_KERNEL_SIZE = 0x08,
    KEY_INITRD_SIZE = 0x0b,
    KEY_KERNEL = 0x11,
    KEY_INITRD = 0x12,
    KEY_CMDLINE_SIZE = 0x14,
    KEY_CMDLINE = 0x15,
};

/* Of a descriptor's control word; the upper half is a key. */
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

static const uint64_t dma_signature = UINT64_C(0x51454d5520434647); /* "QEMU CFG" */

struct descriptor { /* in the guest's memory, big-endian */
    uint32_t control, length;
    uint64_t address;
};

static struct fw_cfg_state fw;
static struct lock lock;

/* --- items ---------------------------------------------------------------------------------------------------------------- */

static struct blob blob_of(const char *text)
{
    return (struct blob){(const uint8_t *)text, strlen(text)};
}

/* With its terminating zero. */
static struct blob cmdline(void)
{
    struct blob text = machine.bootargs.data ? machine.bootargs : blob_of("");
    text.size++;
    return text;
}

/* A number's blob lives as long as the caller's `*room`. */
static struct blob number(uint32_t *room, uint64_t value)
{
    *room = (uint32_t)value;
    return (struct blob){(const uint8_t *)room, sizeof *room};
}

static struct blob item(uint32_t key, uint32_t *room)
{
    switch (key) {
    case KEY_SIGNATURE:
        return blob_of("QEMU");
    case KEY_ID: /* the registers, and DMA */
        return number(room, 1 | 2);
    case KEY_KERNEL_SIZE:
        return number(room, machine.kernel.size);
    case KEY_INITRD_SIZE:
        return number(room, machine.initrd.size);
    case KEY_CMDLINE_SIZE:
        return number(room, cmdline().size);
    case KEY_KERNEL:
        return machine.kernel;
    case KEY_INITRD:
        return machine.initrd;
    case KEY_CMDLINE:
        return cmdline();
    default: /* the directory of files (0x19) is empty: it begins with a count of zero */
        return (struct blob){0};
    }
}

static void item_select(uint32_t key)
{
    fw.key = key;
    fw.offset = 0;
}

static void item_skip(uint32_t size)
{
    fw.offset = size > UINT32_MAX - fw.offset ? UINT32_MAX : fw.offset + size;
}

/* The item's next bytes, zeros behind its end. */
static void item_take(uint8_t *to, uint32_t size)
{
    uint32_t room;
    struct blob blob = item(fw.key, &room);
    uint64_t left = fw.offset < blob.size ? blob.size - fw.offset : 0;
    size_t there = left < size ? left : size;
    if (there)
        memcpy(to, blob.data + fw.offset, there);
    memset(to + there, 0, size - there);
    item_skip(size);
}

/* --- DMA: the guest's words are read once and believed only as far as they name its own memory -------------------------- */

/* The guest may have its caches off, or lines of it stand stale in ours (Arm ARM D4.4.11). */
static void *guest_memory(uint64_t address, uint64_t size)
{
    void *at = ram_at(address, size);
    if (at)
        cache_clean_invalidate(at, size);
    return at;
}

static bool transfer(uint32_t control, uint32_t length, uint64_t address)
{
    if (control & DMA_SELECT)
        item_select(control >> 16);
    if (control & DMA_READ) {
        uint8_t *to = guest_memory(address, length);
        if (!to)
            return false;
        item_take(to, length);
        cache_clean_invalidate(to, length);
    } else if (control & DMA_WRITE) {
        return false;
    } else if (control & DMA_SKIP) {
        item_skip(length);
    }
    return true;
}

/* A descriptor outside of memory cannot even be told so. */
static void dma_start(void)
{
    struct descriptor descriptor;
    uint8_t *at = guest_memory(fw.descriptor, sizeof descriptor);
    fw.descriptor = 0;
    if (!at)
        return;
    memcpy(&descriptor, at, sizeof descriptor);
    bool good = transfer(__builtin_bswap32(descriptor.control), __builtin_bswap32(descriptor.length), __builtin_bswap64(descriptor.address));
    uint32_t result = __builtin_bswap32(good ? 0 : DMA_ERROR);
    memcpy(at, &result, sizeof result);
    cache_clean_invalidate(at, sizeof result);
}

/* --- registers -------------------------------------------------------------------------------------------------------------- */

static uint64_t data_read(unsigned size)
{
    uint64_t value = 0;
    lock_take(&lock);
    item_take((uint8_t *)&value, size);
    lock_release(&lock);
    return value;
}

uint64_t fw_cfg_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    if (offset + size <= REGISTER_DATA_END)
        return data_read(size);
    if (offset >= REGISTER_DMA)
        return __builtin_bswap64(dma_signature) >> 8 * (offset - REGISTER_DMA);
    return 0;
}

static void register_write(uint64_t offset, unsigned size, uint64_t value)
{
    if (offset == REGISTER_SELECTOR && size == 2) {
        item_select(__builtin_bswap16((uint16_t)value));
    } else if (offset == REGISTER_DMA && size == 4) {
        fw.descriptor = (uint64_t)__builtin_bswap32((uint32_t)value) << 32;
    } else if (offset == REGISTER_DMA + 4 && size == 4) {
        fw.descriptor |= __builtin_bswap32((uint32_t)value);
        dma_start();
    } else if (offset == REGISTER_DMA && size == 8) {
        fw.descriptor = __builtin_bswap64(value);
        dma_start();
    }
}

void fw_cfg_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)vcpu;
    lock_take(&lock);
    register_write(offset, size, value);
    lock_release(&lock);
}

void fw_cfg_reset(void)
{
    lock_take(&lock);
    fw = (struct fw_cfg_state){0};
    lock_release(&lock);
}

void fw_cfg_build(void)
{
    static const struct mmio_range range = {FW_CFG_BASE, FW_CFG_SIZE, fw_cfg_read, fw_cfg_write, "firmware configuration"};
    if (machine.firmware.data && !mmio_register(&range))
        component_fail("VM %s: a device in `devices` lies where the VM's firmware configuration is; leave it out", machine.name);
}
