/*
 * The monitor's loader: any kernel (Image, gzip'd, ELF, flat), initrd and device tree of the user's, into RAM of some size. Nothing outside RAM is
 * written; kernel, tree and initrd do not overlap; what is entered lies in RAM.
 */
#include "fuzz.h"

#include "../../components/vmm/loader.c"

#include "../../components/vmm/devices.h"
#include "../../components/vmm/mmio.h"
#include "../../components/vmm/trng.h"

enum { RAM = 0x40000000, RAM_MAX = 1 << 20, RAM_UNIT = 8 << 10, INITRD_MAX = 1 << 18 };

struct machine machine;
static uint8_t *ram;
static unsigned reports;

static bool with_seed;

bool trng_is_offered(void)
{
    return with_seed;
}

void trng_bytes(void *to, size_t size)
{
    memset(to, 0, size);
}

const struct mmio_range *mmio_find(uint64_t address)
{
    (void)address;
    return NULL;
}

const struct device *devices_all(unsigned *count)
{
    *count = 0;
    return NULL;
}

const struct doorbell *doorbells_all(unsigned *count)
{
    *count = 0;
    return NULL;
}

struct front *front_at(unsigned index)
{
    (void)index;
    return NULL;
}

void report_line(const char *format, ...)
{
    MUST(format[0]);
    reports++;
}

static void check_in_ram(const void *start, size_t size)
{
    const uint8_t *byte = start;
    MUST(byte >= ram && size <= machine.ram.size && byte + size <= ram + machine.ram.size);
}

void cache_clean(const void *start, size_t size)
{
    check_in_ram(start, size);
}

void cache_clean_invalidate(const void *start, size_t size)
{
    check_in_ram(start, size);
}

void *ram_at(uint64_t address, uint64_t size)
{
    uint64_t offset = address - machine.ram.base;
    if (address < machine.ram.base || offset > machine.ram.size || size > machine.ram.size - offset)
        return NULL;
    return machine.ram.host + offset;
}

static bool apart(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a_end <= b || b_end <= a;
}

static const void *check_tree(const struct loader_result *result)
{
    const void *tree = ram_at(result->dtb, sizeof(struct fdt_header));
    MUST(tree && !(result->dtb % ALIGN_TREE) && !fdt_check_header(tree));
    MUST(ram_at(result->dtb, fdt_totalsize(tree)) && !fdt_check_full(tree, fdt_totalsize(tree)));
    return tree;
}

static void check_loaded(const struct placed *kernel, const struct loader_result *result)
{
    const void *tree = check_tree(result);
    uint64_t end = RAM + machine.ram.size, tree_end = result->dtb + fdt_totalsize(tree);
    MUST(kernel->low >= RAM && kernel->high <= end && result->entry >= RAM && result->entry < end);
    MUST(apart(result->dtb, tree_end, kernel->low, kernel->high));
    if (!machine.initrd.size)
        return;
    int size;
    const void *value = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "linux,initrd-start", &size);
    MUST(value && size == 8);
    uint64_t initrd = fdt64_ld(value), initrd_end = initrd + machine.initrd.size;
    MUST(initrd >= RAM && initrd_end <= end && apart(initrd, initrd_end, kernel->low, kernel->high) && apart(initrd, initrd_end, result->dtb, tree_end));
}

/* `length` bytes of the input as a block of their own; a byte behind it is an error of the reader's. */
static struct blob blob_take(struct input *input, size_t length)
{
    length = length < input->size ? length : input->size;
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, input->data, length);
    input->data += length;
    input->size -= length;
    return (struct blob){copy, length};
}

static void blob_free(struct blob blob)
{
    free((void *)(uintptr_t)blob.data);
}

void input_try(const uint8_t *data, size_t size)
{
    static uint8_t initrd[INITRD_MAX];
    struct input input = {data, size};
    struct placed kernel;
    struct loader_result result;
    uint8_t flags = input_byte(&input);
    uint64_t ram_size = (input_number(&input, 1) + 1) * RAM_UNIT % RAM_MAX, initrd_size = input_number(&input, 3) % INITRD_MAX;
    struct blob tree = blob_take(&input, flags & 1 ? input_number(&input, 2) : 0);
    machine = (struct machine){.name = "fuzz", .cpus = 1, .gic_version = 3};
    machine.kernel = blob_take(&input, input.size);
    ram = malloc(ram_size ? ram_size : 1);
    machine.ram = (struct ram){ram, RAM, ram_size};
    if (flags & 1)
        machine.dtb = tree;
    if (flags & 2)
        machine.initrd = (struct blob){initrd, (size_t)initrd_size};
    if (flags & 4)
        machine.bootargs = (struct blob){(const uint8_t *)"console=ttyAMA0", 15};
    reports = 0;
    with_seed = flags & 16;
    bool firmware = flags & 8, loaded = firmware ? firmware_load(&result) : kernel_load(&kernel) && rest_load(&kernel, &result);
    MUST(reports == !loaded); /* whatever is refused is said, once */
    if (loaded && firmware)
        check_tree(&result);
    else if (loaded)
        check_loaded(&kernel, &result);
    blob_free(machine.kernel);
    blob_free(tree);
    free(ram);
}
