/* The device tree of this VM: QEMU's `virt` board, as far as the VM was given it. */
#include "fdt_writer.h"

#include "devices.h"
#include "flash.h"
#include "format.h"
#include "machine.h"
#include "mmio.h"
#include "virtio_front.h"

#include <libfdt.h>
#include <string.h>

enum { PHANDLE_GIC = 1, PHANDLE_CLOCK = 2 };
enum { SPI = 0, PPI = 1, SPI_FIRST = 32, PPI_FIRST = 16, FLAG_EDGE = 1, FLAG_LEVEL = 4, PPI_CPUS_SHIFT = 8 };
enum { CLOCK_HZ = 24000000, NAME_SIZE = 40 };

/* PPIs of the generic timer: secure physical, physical, virtual, hypervisor's (numbers of PPIs, INTID - 16). */
enum { PPI_TIMER_SECURE = 13, PPI_TIMER = 14, PPI_TIMER_VIRTUAL = 11, PPI_TIMER_HYP = 10 };

#define WRITE_CELLS(writer, name, ...)                                                                                                    \
    fdt_write_cells(writer, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* A list of strings, written as one literal with zeros between. */
#define WRITE_LIST(writer, name, list) fdt_write_bytes(writer, name, list, sizeof(list))

static void named_node_begin(struct fdt_writer *writer, const char *kind, uint64_t address)
{
    char name[NAME_SIZE];
    format_text(name, sizeof name, "%s@%llx", kind, (unsigned long long)address);
    fdt_node_begin(writer, name);
}

static void cpus_write(struct fdt_writer *writer)
{
    fdt_node_begin(writer, "cpus");
    WRITE_CELLS(writer, "#address-cells", 1);
    WRITE_CELLS(writer, "#size-cells", 0);
    for (unsigned i = 0; i < machine.cpus; i++) {
        named_node_begin(writer, "cpu", i);
        fdt_write_text(writer, "device_type", "cpu");
        fdt_write_text(writer, "compatible", "arm,armv8");
        fdt_write_text(writer, "enable-method", "psci");
        WRITE_CELLS(writer, "reg", i);
        fdt_node_end(writer);
    }
    fdt_node_end(writer);
}

static void psci_write(struct fdt_writer *writer)
{
    fdt_node_begin(writer, "psci");
    WRITE_LIST(writer, "compatible", "arm,psci-1.0\0arm,psci-0.2");
    fdt_write_text(writer, "method", "hvc");
    fdt_node_end(writer);
}

/* A GICv2's PPI cells also bear the CPUs that have it. */
static uint32_t ppi_flags(void)
{
    return machine.gic_version == 2 ? ((1u << machine.cpus) - 1) << PPI_CPUS_SHIFT | FLAG_LEVEL : FLAG_LEVEL;
}

static void timer_write(struct fdt_writer *writer)
{
    uint32_t flags = ppi_flags();
    fdt_node_begin(writer, "timer");
    WRITE_LIST(writer, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    fdt_write_empty(writer, "always-on");
    WRITE_CELLS(writer, "interrupts", PPI, PPI_TIMER_SECURE, flags, PPI, PPI_TIMER, flags, PPI, PPI_TIMER_VIRTUAL, flags, PPI, PPI_TIMER_HYP,
                flags);
    fdt_node_end(writer);
}

static void gic_write(struct fdt_writer *writer)
{
    bool v2 = machine.gic_version == 2;
    uint32_t second = v2 ? GICC_BASE : GICR_BASE, second_size = v2 ? GICC_SIZE : GICR_STRIDE * machine.cpus;
    named_node_begin(writer, "intc", GICD_BASE);
    fdt_write_text(writer, "compatible", v2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
    fdt_write_empty(writer, "interrupt-controller");
    WRITE_CELLS(writer, "#interrupt-cells", 3);
    WRITE_CELLS(writer, "#address-cells", 2);
    WRITE_CELLS(writer, "#size-cells", 2);
    fdt_write_empty(writer, "ranges");
    WRITE_CELLS(writer, "reg", 0, GICD_BASE, 0, GICD_SIZE, 0, second, 0, second_size);
    WRITE_CELLS(writer, "phandle", PHANDLE_GIC);
    fdt_node_end(writer);
}

static void clock_write(struct fdt_writer *writer)
{
    fdt_node_begin(writer, "apb-pclk");
    fdt_write_text(writer, "compatible", "fixed-clock");
    WRITE_CELLS(writer, "#clock-cells", 0);
    WRITE_CELLS(writer, "clock-frequency", CLOCK_HZ);
    fdt_write_text(writer, "clock-output-names", "clk24mhz");
    WRITE_CELLS(writer, "phandle", PHANDLE_CLOCK);
    fdt_node_end(writer);
}

static void uart_write(struct fdt_writer *writer)
{
    named_node_begin(writer, "pl011", UART_BASE);
    WRITE_LIST(writer, "compatible", "arm,pl011\0arm,primecell");
    fdt_write_reg(writer, UART_BASE, DEVICE_SIZE, 2, 2);
    WRITE_CELLS(writer, "interrupts", SPI, UART_INTID - SPI_FIRST, FLAG_LEVEL);
    WRITE_CELLS(writer, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
    WRITE_LIST(writer, "clock-names", "uartclk\0apb_pclk");
    fdt_node_end(writer);
}

static void rtc_write(struct fdt_writer *writer)
{
    named_node_begin(writer, "pl031", RTC_BASE);
    WRITE_LIST(writer, "compatible", "arm,pl031\0arm,primecell");
    fdt_write_reg(writer, RTC_BASE, DEVICE_SIZE, 2, 2);
    WRITE_CELLS(writer, "interrupts", SPI, RTC_INTID - SPI_FIRST, FLAG_LEVEL);
    WRITE_CELLS(writer, "clocks", PHANDLE_CLOCK);
    fdt_write_text(writer, "clock-names", "apb_pclk");
    fdt_node_end(writer);
}

static void flash_node_write(struct fdt_writer *writer)
{
    named_node_begin(writer, "flash", FLASH_BASE);
    fdt_write_text(writer, "compatible", "cfi-flash");
    WRITE_CELLS(writer, "reg", 0, FLASH_BASE, 0, FLASH_BANK_SIZE, 0, FLASH_BASE + FLASH_BANK_SIZE, 0, FLASH_BANK_SIZE);
    WRITE_CELLS(writer, "bank-width", 4);
    fdt_node_end(writer);
}

static void fw_cfg_node_write(struct fdt_writer *writer)
{
    named_node_begin(writer, "fw-cfg", FW_CFG_BASE);
    fdt_write_text(writer, "compatible", "qemu,fw-cfg-mmio");
    fdt_write_reg(writer, FW_CFG_BASE, FW_CFG_SIZE, 2, 2);
    fdt_write_empty(writer, "dma-coherent");
    fdt_node_end(writer);
}

static void firmware_write(struct fdt_writer *writer)
{
    if (!machine.firmware.data)
        return;
    flash_node_write(writer);
    fw_cfg_node_write(writer);
}

static void virtio_write(struct fdt_writer *writer)
{
    for (unsigned i = 0; i < FRONT_MAX; i++) {
        uint64_t address = FRONT_BASE + i * FRONT_SIZE;
        const struct front *front = front_at(i);
        if (!front || !mmio_find(address))
            continue;
        named_node_begin(writer, "virtio_mmio", address);
        fdt_write_text(writer, "compatible", "virtio,mmio");
        fdt_write_reg(writer, address, FRONT_SIZE, 2, 2);
        WRITE_CELLS(writer, "interrupts", SPI, front->intid - SPI_FIRST, FLAG_EDGE);
        fdt_write_empty(writer, "dma-coherent");
        fdt_node_end(writer);
    }
}

static void doorbells_write(struct fdt_writer *writer)
{
    unsigned count;
    const struct doorbell *doorbells = doorbells_all(&count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t address = DOORBELL_BASE + i * DOORBELL_SIZE;
        named_node_begin(writer, "doorbell", address);
        fdt_write_text(writer, "compatible", "bulkhead,doorbell");
        fdt_write_text(writer, "label", doorbells[i].component);
        fdt_write_reg(writer, address, DOORBELL_SIZE, 2, 2);
        WRITE_CELLS(writer, "interrupts", SPI, doorbells[i].intid - SPI_FIRST, FLAG_EDGE);
        fdt_node_end(writer);
    }
}

/* --- passed-through devices ------------------------------------------------------------------------------------------- */

/* The firmware's tree is root's; what a driver needs to find these devices follows from the node's name. */
static void compatible_write(struct fdt_writer *writer, const struct device *device)
{
    static const char *const primecells[] = {"pl011", "pl031", "pl061"};
    char text[NAME_SIZE];
    for (unsigned i = 0; i < sizeof primecells / sizeof primecells[0]; i++) {
        if (strncmp(device->name, primecells[i], strlen(primecells[i])))
            continue;
        size_t length = format_text(text, sizeof text, "arm,%s", primecells[i]) + 1;
        length += format_text(text + length, sizeof text - length, "arm,primecell") + 1;
        fdt_write_bytes(writer, "compatible", text, length);
        WRITE_CELLS(writer, "clocks", PHANDLE_CLOCK);
        fdt_write_text(writer, "clock-names", "apb_pclk");
        return;
    }
    fdt_write_text(writer, "compatible", "bulkhead,device");
}

static void device_write(struct fdt_writer *writer, const struct device *device)
{
    uint32_t cells[4 * DEVICE_RANGES];
    fdt_node_begin(writer, device->name);
    compatible_write(writer, device);
    for (unsigned i = 0; i < device->ranges; i++) {
        cells[4 * i] = (uint32_t)(device->base[i] >> 32);
        cells[4 * i + 1] = (uint32_t)device->base[i];
        cells[4 * i + 2] = (uint32_t)(device->size[i] >> 32);
        cells[4 * i + 3] = (uint32_t)device->size[i];
    }
    fdt_write_cells(writer, "reg", cells, 4 * device->ranges);
    for (unsigned i = 0; i < device->irqs; i++) {
        cells[3 * i] = SPI;
        cells[3 * i + 1] = device->intid[i] - SPI_FIRST;
        cells[3 * i + 2] = device->edge[i] ? FLAG_EDGE : FLAG_LEVEL;
    }
    fdt_write_cells(writer, "interrupts", cells, 3 * device->irqs);
    fdt_node_end(writer);
}

static void devices_write(struct fdt_writer *writer)
{
    unsigned count;
    const struct device *devices = devices_all(&count);
    for (unsigned i = 0; i < count; i++)
        device_write(writer, &devices[i]);
}

/* --- the tree --------------------------------------------------------------------------------------------------------- */

static void root_write(struct fdt_writer *writer)
{
    WRITE_CELLS(writer, "interrupt-parent", PHANDLE_GIC);
    fdt_write_text(writer, "model", "Bulkhead virtual machine");
    fdt_write_text(writer, "compatible", "linux,dummy-virt");
    WRITE_CELLS(writer, "#address-cells", 2);
    WRITE_CELLS(writer, "#size-cells", 2);
}

static void aliases_write(struct fdt_writer *writer)
{
    char path[NAME_SIZE];
    format_text(path, sizeof path, "/pl011@%x", UART_BASE);
    fdt_node_begin(writer, "aliases");
    fdt_write_text(writer, "serial0", path);
    fdt_node_end(writer);
}

static void chosen_write(struct fdt_writer *writer, const struct fdt_boot *boot)
{
    char path[NAME_SIZE];
    format_text(path, sizeof path, "/pl011@%x", UART_BASE);
    fdt_node_begin(writer, "chosen");
    fdt_write_text(writer, "stdout-path", path);
    fdt_write_chosen(writer, boot);
    fdt_node_end(writer);
}

int fdt_generate(void *buffer, size_t size, const struct fdt_boot *boot)
{
    struct fdt_writer writer;
    fdt_write_begin(&writer, buffer, size);
    if (!writer.error)
        writer.error = fdt_finish_reservemap(buffer);
    fdt_node_begin(&writer, "");
    root_write(&writer);
    chosen_write(&writer, boot);
    aliases_write(&writer);
    fdt_write_memory(&writer, 2, 2);
    cpus_write(&writer);
    psci_write(&writer);
    timer_write(&writer);
    gic_write(&writer);
    clock_write(&writer);
    uart_write(&writer);
    if (mmio_find(RTC_BASE))
        rtc_write(&writer);
    firmware_write(&writer);
    virtio_write(&writer);
    doorbells_write(&writer);
    devices_write(&writer);
    fdt_node_end(&writer);
    fdt_write_end(&writer);
    return writer.error;
}
