/*
 * The monitor of one VM. The main thread builds the machine, starts it, and then handles what is not a vCPU's own: console input, root's orders,
 * power-off and reset, alarms. Each vCPU has a thread of its own (vcpu.c).
 */
#include "alarm.h"
#include "call_stubs.h"
#include "clock.h"
#include "console_client.h"
#include "devices.h"
#include "flash_banks.h"
#include "fw_cfg.h"
#include "gic.h"
#include "machine.h"
#include "pl011.h"
#include "pl031.h"
#include "print.h"
#include "report.h"
#include "reset.h"
#include "smccc.h"
#include "startup.h"
#include "trng.h"
#include "vcpu.h"
#include "virtio_entropy.h"
#include "virtio_front.h"
#include "virtio_mmio.h"
#include "virtio_remote.h"

enum { SILENCE_US = 20000000 };

static uint64_t silence_deadline = DEADLINE_NEVER; /* when a guest that has written nothing is worth a report */

void alarm_changed(void)
{
    signal_raise(machine.wake, WAKE_ALARM);
}

static void start(void)
{
    silence_deadline = machine_restart() ? clock_deadline_us(SILENCE_US) : DEADLINE_NEVER;
}

static void stop(enum vm_state state, const char *text)
{
    machine_stop();
    machine_request_take();
    silence_deadline = DEADLINE_NEVER;
    machine_state_set(state, text);
}

static void request_handle(void)
{
    switch (machine_request_take()) {
    case REQUEST_OFF:
        stop(VM_STATE_OFF, "");
        break;
    case REQUEST_RESET:
        if (machine.restart_on_reset)
            start();
        else
            stop(VM_STATE_OFF, "its guest asked for a reset; on-reset is \"stop\"");
        break;
    case REQUEST_FAIL: /* the report has set the text */
        stop(VM_STATE_FAILED, NULL);
        break;
    default:
        break;
    }
}

/* An order is off the table before it is carried out: root waits for that, and to clear and load much memory takes as long as it takes. */
static void order_handle(void)
{
    switch (__atomic_exchange_n(&machine.status->order, VM_ORDER_NONE, __ATOMIC_ACQ_REL)) {
    case VM_ORDER_RESTART:
        start();
        break;
    case VM_ORDER_STOP:
        stop(VM_STATE_OFF, "");
        break;
    default:
        break;
    }
}

static void silence_check(void)
{
    if (clock_now() < silence_deadline)
        return;
    silence_deadline = DEADLINE_NEVER;
    if (!pl011_was_written())
        cpu_request_report(cpu_at(0));
}

static void virtio_build(void)
{
    virtio_entropy_build();
    virtio_remote_build();
    if (!virtio_mmio_build())
        console_print("[bulkhead] VM %s: it has no virtio devices, since one in `devices` lies at 0x%x, where theirs are\n", machine.name, FRONT_BASE);
}

static void build(const struct startup *startup)
{
    const struct startup_resource *console = startup_need("console");
    machine_build(startup);
    trng_build();
    smccc_build();
    devices_build();
    gic_build();
    pl011_build((const struct console *)console->address); /* NOLINT */
    pl031_build();
    flash_banks_build();
    fw_cfg_build();
    virtio_build();
    cpus_build();
}

static uint64_t next_deadline(void)
{
    uint64_t alarm = pl031_alarm();
    return alarm < silence_deadline ? alarm : silence_deadline;
}

static void handle(uint64_t bits)
{
    if (bits & WAKE_CONSOLE)
        pl011_console_event();
    if (bits & WAKE_REQUEST)
        request_handle();
    if (bits & WAKE_ORDER)
        order_handle();
    if (bits & WAKE_LINK)
        fronts_event();
    silence_check();
}

int component_main(struct startup *startup)
{
    uint64_t bits;
    build(startup);
    start();
    for (;;) {
        status_t status = signal_wait(machine.wake, UINT64_MAX, next_deadline(), &bits);
        if (status != STATUS_OK && status != STATUS_TIMEOUT)
            component_fail("VM %s: its monitor can no longer wait (status %lld)", machine.name, (long long)status);
        handle(bits);
    }
}
