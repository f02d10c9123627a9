/*
 *  RAM of the guest, from its base:
 *    kernel     Image: base + text_offset, image_size bytes; flat: base; ELF: where its program headers say; zImage: behind the place that it decompresses to
 *    tree       behind the kernel (flat: at the end of RAM, since its .bss is unknown); 2 MiB apart if RAM is not small,
 *    initrd     then the initrd
 *  With firmware: the tree only, at the base.
 *  A compressed kernel is decompressed to the end of RAM first and then loaded from there like a plain one.
 */
#include "loader.h"

#include "cache.h"
#include "fdt_writer.h"
#include "image.h"
#include "inflate.h"
#include "machine.h"
#include "report.h"

#include <libfdt.h>
#include <string.h>

enum {
    PAGE = 4096,
    BLOCK = 1 << 21,
    TREE_SIZE = 1 << 16,  /* of a generated one: never more */
    TREE_EXTRA = 1 << 14, /* what a user's one may grow by */
    TREE_MAX = 1 << 21,   /* the boot protocol's limit */
    SMALL_RAM = 64 << 20, /* below it, nothing is aligned to BLOCK */
    ALIGN_TREE = 8,
    INSTRUCTION = 4, /* bytes */
    ZIMAGE_ALIGN = 1 << 20,
    ZIMAGE_WORK = 1 << 20, /* behind a zImage: its stack and heap, 64 KiB and a little */
};

#define ARM32_RAM_MAX (UINT64_C(3) << 30) /* from 1 GiB: below 4 GiB */

/* Where the kernel lies, and where it starts. */
struct placed {
    uint64_t low, high; /* guest-physical, high exclusive */
    uint64_t entry;
    bool open_ended; /* it may need memory behind `high` */
};

static unsigned long long wide(uint64_t value)
{
    return value;
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) & ~(to - 1);
}

static uint64_t mebibytes(uint64_t bytes)
{
    return (bytes >> 20) + ((bytes & ((1 << 20) - 1)) != 0);
}

static bool refuse_size(const char *what, uint64_t address, uint64_t size)
{
    report_line("VM %s: %s needs %llu MiB at 0x%llx, but RAM is 0x%llx to 0x%llx: raise `memory` in the system description", machine.name, what,
                wide(mebibytes(size)), wide(address), wide(machine.ram.base), wide(machine.ram.base + machine.ram.size));
    return false;
}

/* Copies into guest memory, zeroes up to `memory_size`, cleans. */
static bool guest_put(const char *what, uint64_t address, const uint8_t *data, uint64_t size, uint64_t memory_size)
{
    uint8_t *to = ram_at(address, memory_size);
    if (!to)
        return refuse_size(what, address, memory_size);
    memmove(to, data, size);
    memset(to + size, 0, memory_size - size);
    cache_clean(to, memory_size);
    return true;
}

/* --- kernel ----------------------------------------------------------------------------------------------------------- */

static bool linux_load(const struct blob *kernel, struct placed *placed)
{
    struct image_linux image = image_linux_parse(kernel->data, kernel->size);
    uint64_t address = machine.ram.base + image.text_offset;
    if (image.text_offset > machine.ram.size || !ram_at(address, image.size))
        return refuse_size("the kernel (`kernel`)", address, image.size);
    if (image.big_endian || address % INSTRUCTION) {
        report_line("VM %s: `kernel` is an Image %s; give a little-endian one, as its build made it", machine.name,
                    image.big_endian ? "for big-endian processors" : "that would begin at an odd address (text_offset)");
        return false;
    }
    *placed = (struct placed){address, address + image.size, address, false};
    return guest_put("the kernel (`kernel`)", address, kernel->data, kernel->size, kernel->size);
}

static bool flat_load(const struct blob *kernel, struct placed *placed)
{
    uint64_t address = machine.ram.base;
    *placed = (struct placed){address, address + kernel->size, address, true};
    return guest_put("the kernel (`kernel`, a flat binary)", address, kernel->data, kernel->size, kernel->size);
}

/* It decompresses itself to RAM's start. Behind that, so that it need not move itself out of the way first. */
static bool zimage_load(const struct blob *kernel, struct placed *placed)
{
    uint64_t below = round_up(image_zimage_parse(kernel->data, kernel->size).kernel_end, ZIMAGE_ALIGN);
    uint64_t address = machine.ram.base + below, size = kernel->size + ZIMAGE_WORK;
    if (machine.ram.size > ARM32_RAM_MAX) {
        report_line("VM %s: `memory` is more than 3 GiB, which a 32-bit kernel does not reach: lower it in the system description", machine.name);
        return false;
    }
    if (!ram_at(machine.ram.base, below + size))
        return refuse_size("the kernel (`kernel`, decompressed and compressed)", machine.ram.base, below + size);
    *placed = (struct placed){machine.ram.base, address + size, address, false};
    return guest_put("the kernel (`kernel`)", address, kernel->data, kernel->size, kernel->size);
}

static bool refuse_elf(const char *why)
{
    report_line("VM %s: `kernel` is an ELF file that %s; give a 64-bit little-endian AArch64 executable linked for RAM at 0x%llx", machine.name,
                why, wide(machine.ram.base));
    return false;
}

/* A segment may not reach into the decompressed file that it is read from. */
static bool segment_load(const struct blob *kernel, const struct image_segment *segment, struct placed *placed)
{
    const uint8_t *to = ram_at(segment->address, segment->memory_size);
    if (!to)
        return refuse_size("a segment of the kernel (`kernel`, ELF)", segment->address, segment->memory_size);
    if (to < kernel->data + kernel->size && kernel->data < to + segment->memory_size)
        return refuse_size("a segment of the kernel, together with its compressed file,", segment->address, segment->memory_size + kernel->size);
    if (segment->address < placed->low)
        placed->low = segment->address;
    if (segment->address + segment->memory_size > placed->high)
        placed->high = segment->address + segment->memory_size;
    return guest_put("a segment of the kernel (`kernel`, ELF)", segment->address, kernel->data + segment->offset, segment->file_size,
                     segment->memory_size);
}

static bool elf_load(const struct blob *kernel, struct placed *placed)
{
    bool bad = false;
    *placed = (struct placed){UINT64_MAX, 0, image_elf_entry(kernel->data, kernel->size), false};
    for (unsigned i = 0; i < image_elf_headers(kernel->data, kernel->size); i++) {
        struct image_segment segment;
        if (image_elf_segment(kernel->data, kernel->size, i, &segment, &bad) && !segment_load(kernel, &segment, placed))
            return false;
    }
    if (bad)
        return refuse_elf("is damaged: a segment lies outside the file");
    if (!placed->high || !placed->entry || placed->entry % INSTRUCTION)
        return refuse_elf("has nothing to load, or no entry point in what is loaded");
    return true;
}

static bool plain_load(const struct blob *kernel, struct placed *placed)
{
    switch (image_detect(kernel->data, kernel->size)) {
    case IMAGE_LINUX:
        return linux_load(kernel, placed);
    case IMAGE_ELF:
        return elf_load(kernel, placed);
    case IMAGE_FLAT:
        return flat_load(kernel, placed);
    case IMAGE_ZIMAGE:
        return zimage_load(kernel, placed);
    default:
        return refuse_elf("is of another class, byte order or machine");
    }
}

static bool refuse_gzip(const char *why)
{
    report_line("VM %s: `kernel` is gzip'd, but %s: compress it anew", machine.name, why);
    return false;
}

static bool gzip_load(const struct blob *kernel, struct placed *placed)
{
    uint64_t size = gzip_claimed_size(kernel->data, kernel->size), room = round_up(size, PAGE);
    struct blob plain;
    if (!size)
        return refuse_gzip("holds nothing, by what stands at its end");
    if (room > machine.ram.size)
        return refuse_size("the decompressed kernel (`kernel`)", machine.ram.base, size);
    uint8_t *to = machine.ram.host + machine.ram.size - room;
    enum inflate_result result = gzip_inflate(kernel->data, kernel->size, to, room, &plain.size);
    if (result != INFLATE_OK)
        return refuse_gzip(inflate_text(result));
    plain.data = to;
    bool loaded = plain_load(&plain, placed);
    cache_clean_invalidate(to, room); /* no dirty line may come out over what the guest writes with its caches off */
    return loaded;
}

static bool kernel_load(struct placed *placed)
{
    if (!machine.kernel.data || !machine.kernel.size) {
        report_line("VM %s: its `kernel` is empty or was not packed", machine.name);
        return false;
    }
    if (gzip_detect(machine.kernel.data, machine.kernel.size))
        return gzip_load(&machine.kernel, placed);
    return plain_load(&machine.kernel, placed);
}

/* --- tree and initrd -------------------------------------------------------------------------------------------------- */

/* A start for `size` bytes that avoids the kernel: 0 if there is none. */
static uint64_t room_find(const struct placed *kernel, uint64_t size, uint64_t align)
{
    uint64_t base = machine.ram.base, end = base + machine.ram.size;
    uint64_t behind = round_up(kernel->high, align), top = size <= machine.ram.size ? (end - size) & ~(align - 1) : 0;
    if (kernel->open_ended && top >= kernel->high)
        return top;
    if (behind <= end && size <= end - behind)
        return behind;
    return size <= kernel->low - base ? base : 0;
}

static uint64_t tree_room(void)
{
    uint64_t user = machine.dtb.data ? round_up(machine.dtb.size + machine.bootargs.size + TREE_EXTRA, PAGE) : 0;
    return user > TREE_SIZE ? user : TREE_SIZE;
}

static bool tree_write(uint64_t address, uint64_t room, const struct fdt_boot *boot)
{
    void *to = ram_at(address, room);
    int error = machine.dtb.data ? fdt_copy_user(to, room, machine.dtb.data, machine.dtb.size, boot) : fdt_generate(to, room, boot);
    if (error) {
        report_line("VM %s: its device tree cannot be written (%s)%s", machine.name, fdt_strerror(error),
                    machine.dtb.data ? ": is `dtb` a device tree blob (made by dtc -O dtb)?" : ": shorten `bootargs`");
        return false;
    }
    cache_clean(to, room);
    return true;
}

static bool refuse_rest(uint64_t size)
{
    report_line("VM %s: its device tree and initrd need %llu MiB beside the kernel, RAM has %llu MiB: raise `memory` in the system description",
                machine.name, wide(mebibytes(size)), wide(mebibytes(machine.ram.size)));
    return false;
}

static bool rest_load(const struct placed *kernel, struct loader_result *result)
{
    uint64_t align = machine.ram.size >= SMALL_RAM ? BLOCK : PAGE, room = tree_room(), initrd_size = machine.initrd.data ? machine.initrd.size : 0;
    uint64_t size = round_up(room, align) + initrd_size;
    uint64_t tree = room_find(kernel, size, align);
    struct fdt_boot boot = {tree + round_up(room, align), initrd_size};
    if (!tree)
        return refuse_rest(size);
    if (room > TREE_MAX) {
        report_line("VM %s: `dtb` is larger than 2 MiB, the boot protocol's limit", machine.name);
        return false;
    }
    if (initrd_size && !guest_put("the initrd (`initrd`)", boot.initrd, machine.initrd.data, initrd_size, initrd_size))
        return false;
    *result = (struct loader_result){kernel->entry, tree, tree};
    return tree_write(tree, room, &boot);
}

/* Firmware starts in flash memory, finds its tree at the start of RAM and fetches the rest by fw_cfg, as on QEMU's board. */
static bool firmware_load(struct loader_result *result)
{
    struct fdt_boot boot = {0};
    uint64_t room = tree_room();
    *result = (struct loader_result){FLASH_BASE, machine.ram.base, 0};
    if (!ram_at(machine.ram.base, room))
        return refuse_size("the device tree", machine.ram.base, room);
    return tree_write(machine.ram.base, room, &boot);
}

bool loader_load(struct loader_result *result)
{
    if (machine.firmware.data)
        return firmware_load(result);
    struct placed kernel;
    return kernel_load(&kernel) && rest_load(&kernel, result);
}
