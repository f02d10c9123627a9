/* Root: started by the kernel with every capability; builds the system that the description describes and supervises it. */
#include "call_stubs.h"
#include "clock.h"
#include "firmware.h"
#include "log.h"
#include "package.h"
#include "slots.h"
#include "status_text.h"
#include "supervise.h"
#include "system.h"
#include "tree_check.h"

#include <libfdt.h>

static void slots_set_up(const struct bootinfo *info)
{
    cap_t first = CAP_FIRST_FREE;
    for (uint32_t i = 0; i < info->extent_count; i++)
        if (info->extents[i].slot >= first)
            first = info->extents[i].slot + 1;
    slots_begin(first);
}

static void open_firmware(const struct bootinfo *info)
{
    const struct bootinfo_extent *extent = memory_extent(EXTENT_FDT);
    if (!extent)
        log_fail("the kernel did not hand over the firmware's device tree\n");
    firmware_open((const char *)memory_map_extent(extent, extent->size) + info->fdt_offset, info->console);
}

static void root_main(const struct bootinfo *info)
{
    log_to_kernel();
    clock_frequency_set(info->timer_frequency);
    slots_set_up(info);
    memory_begin(info);
    status_t status = signal_create(CAP_SELF, ROOT_SIGNAL);
    if (status != STATUS_OK)
        log_fail("root's signal cannot be made: %s\n", status_text(status));
    package_open();
    open_firmware(info);
    struct member description = package_find("system.dtb");
    if (description.wrong)
        log_fail("package member \"system.dtb\" %s: make the boot image with `bulkhead pack`\n", description.wrong);
    if (!description.data || blob_check(description.data, description.size))
        log_fail("package member \"system.dtb\" is damaged: make the boot image with `bulkhead pack`\n");
    system_build(description.data);
    supervise();
}

_Noreturn void component_start(void *argument);

/* Instead of the library's, which expects a startup page. */
_Noreturn void component_start(void *argument)
{
    const struct bootinfo *info = argument;
    if (info->magic == BOOTINFO_MAGIC)
        root_main(info);
    thread_exit(1);
}
