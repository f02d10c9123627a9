/* The controller as a whole: which ranges of which version. */
#include "gic.h"

#include "call_stubs.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"

enum { GICD_SGIR = 0xf00 };

static void need_free(bool registered, const char *what)
{
    if (!registered)
        component_fail("VM %s: a device in `devices` lies where the VM's %s is; leave it out", machine.name, what);
}

/* GICv2's SGIs are a store to GICD_SGIR, which the kernel carries out itself; GICv3's are a system register. */
void gic_build(void)
{
    static const struct mmio_range gicd = {GICD_BASE, GICD_SIZE, gicd_read, gicd_write, "GIC distributor"};
    struct mmio_range gicr = {GICR_BASE, (uint64_t)GICR_STRIDE * machine.cpus, gicr_read, gicr_write, "GICv3 redistributors"};
    need_free(mmio_register(&gicd), gicd.name);
    if (machine.gic_version == 3)
        need_free(mmio_register(&gicr), gicr.name);
    else if (vm_sgi_address(machine.vm, GICD_BASE + GICD_SGIR) != STATUS_OK)
        component_fail("VM %s: the kernel does not take GICv2 SGIs", machine.name);
}

void gic_reset(void)
{
    gicd_reset(machine.gic_version, machine.cpus);
    gicr_reset(machine.cpus);
}
