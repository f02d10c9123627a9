/* What a reset is: every device's own, then the images, then vCPU 0. Main thread only. */
#include "reset.h"
#include "cache.h"

#include "call_stubs.h"
#include "devices.h"
#include "flash_banks.h"
#include "fw_cfg.h"
#include "gic.h"
#include "loader.h"
#include "machine.h"
#include "pl011.h"
#include "pl031.h"
#include "report.h"
#include "vcpu.h"
#include "virtio_entropy.h"
#include "virtio_front.h"
#include "virtio_mmio.h"
#include "virtio_remote.h"

static void (*const resets[])(void) = {cpus_reset, gic_reset, pl011_reset, pl031_reset, devices_reset, flash_banks_reset, fw_cfg_reset, report_reset,
                                       virtio_remote_await, fronts_reset, virtio_entropy_reset, virtio_mmio_reset};

void machine_stop(void)
{
    cpus_stop();
    pl011_stop();
}

static bool fail(void)
{
    machine_state_set(VM_STATE_FAILED, NULL);
    return false;
}

bool machine_restart(void)
{
    struct loader_result boot;
    cpus_stop();
    machine_request_take(); /* one made while stopping is about the machine that is gone */
    machine.status->restarts++;
    machine_state_set(VM_STATE_STARTING, "");
    status_t status = vm_reset(machine.vm);
    if (status != STATUS_OK) {
        report_line("VM %s: the kernel does not reset its interrupts (status %lld)", machine.name, (long long)status);
        return fail();
    }
    for (unsigned i = 0; i < sizeof resets / sizeof resets[0]; i++)
        resets[i]();
    /*
     * What the guest's last life left dirty in the caches must not come out over what the next one writes with its caches off: an
     * invalidation by address in a guest also cleans (HCR_EL2.VM, Arm ARM D4.4.8).
     */
    if (machine.status->restarts > 1)
        cache_clean_invalidate(machine.ram.host, machine.ram.size);
    if (!loader_load(&boot))
        return fail();
    machine_release();
    machine_state_set(VM_STATE_RUNNING, NULL);
    cpu_boot(cpu_at(0), boot.entry, boot.argument);
    return true;
}
