/* Nodes and properties that both kinds of tree need. */
#include "fdt_writer.h"

#include "format.h"
#include "machine.h"
#include "trng.h"

#include <libfdt.h>
#include <string.h>

enum { CELLS_MAX = 32, SEED_SIZE = 32, NODE_NAME_SIZE = 40 };

static void note(struct fdt_writer *writer, int error)
{
    if (!writer->error)
        writer->error = error;
}

void fdt_write_begin(struct fdt_writer *writer, void *buffer, size_t size)
{
    writer->fdt = buffer;
    /* Looking each name up among those there are would be half of the monitor's work before its guest starts. */
    writer->error = fdt_create_with_flags(buffer, (int)size, FDT_CREATE_FLAG_NO_NAME_DEDUP);
}

void fdt_write_end(struct fdt_writer *writer)
{
    note(writer, fdt_finish(writer->fdt));
}

void fdt_node_begin(struct fdt_writer *writer, const char *name)
{
    note(writer, fdt_begin_node(writer->fdt, name));
}

void fdt_node_end(struct fdt_writer *writer)
{
    note(writer, fdt_end_node(writer->fdt));
}

void fdt_write_bytes(struct fdt_writer *writer, const char *name, const void *value, size_t size)
{
    note(writer, fdt_property(writer->fdt, name, value, (int)size));
}

void fdt_write_text(struct fdt_writer *writer, const char *name, const char *value)
{
    fdt_write_bytes(writer, name, value, strlen(value) + 1);
}

void fdt_write_empty(struct fdt_writer *writer, const char *name)
{
    fdt_write_bytes(writer, name, "", 0);
}

void fdt_write_u64(struct fdt_writer *writer, const char *name, uint64_t value)
{
    const uint32_t cells[2] = {(uint32_t)(value >> 32), (uint32_t)value};
    fdt_write_cells(writer, name, cells, 2);
}

void fdt_write_cells(struct fdt_writer *writer, const char *name, const uint32_t *cells, unsigned count)
{
    uint32_t big[CELLS_MAX];
    if (count > CELLS_MAX) {
        note(writer, -FDT_ERR_NOSPACE);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        big[i] = cpu_to_fdt32(cells[i]);
    fdt_write_bytes(writer, name, big, count * sizeof big[0]);
}

static unsigned number_put(uint32_t *cells, uint64_t value, unsigned count)
{
    if (count == 2)
        *cells++ = (uint32_t)(value >> 32);
    *cells = (uint32_t)value;
    return count;
}

void fdt_write_reg(struct fdt_writer *writer, uint64_t address, uint64_t size, unsigned address_cells, unsigned size_cells)
{
    uint32_t cells[4];
    unsigned count = number_put(cells, address, address_cells);
    count += number_put(cells + count, size, size_cells);
    fdt_write_cells(writer, "reg", cells, count);
}

void fdt_write_memory(struct fdt_writer *writer, unsigned address_cells, unsigned size_cells)
{
    char name[NODE_NAME_SIZE];
    format_text(name, sizeof name, "memory@%llx", (unsigned long long)machine.ram.base);
    fdt_node_begin(writer, name);
    fdt_write_text(writer, "device_type", "memory");
    fdt_write_reg(writer, machine.ram.base, machine.ram.size, address_cells, size_cells);
    fdt_node_end(writer);
}

/* Boot arguments come with or without a terminating zero; a property needs one. */
static void bootargs_write(struct fdt_writer *writer)
{
    const char *text = (const char *)machine.bootargs.data;
    void *value;
    if (!text)
        return;
    size_t length = strnlen(text, machine.bootargs.size);
    note(writer, fdt_property_placeholder(writer->fdt, "bootargs", (int)length + 1, &value));
    if (writer->error)
        return;
    memcpy(value, text, length);
    ((char *)value)[length] = 0;
}

static void seeds_write(struct fdt_writer *writer)
{
    uint8_t seed[SEED_SIZE];
    if (!trng_is_offered())
        return;
    trng_bytes(seed, sizeof seed);
    fdt_write_bytes(writer, "rng-seed", seed, sizeof seed);
    trng_bytes(seed, sizeof(uint64_t));
    fdt_write_bytes(writer, "kaslr-seed", seed, sizeof(uint64_t));
    memset(seed, 0, sizeof seed);
}

void fdt_write_chosen(struct fdt_writer *writer, const struct fdt_boot *boot)
{
    bootargs_write(writer);
    if (boot->initrd_size) {
        fdt_write_u64(writer, "linux,initrd-start", boot->initrd);
        fdt_write_u64(writer, "linux,initrd-end", boot->initrd + boot->initrd_size);
    }
    seeds_write(writer);
}
