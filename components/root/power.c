/* The end: what consoles hold is written out first. */
#include "power.h"

#include "call_stubs.h"
#include "clock.h"
#include "log.h"
#include "system.h"

enum { DRAIN_STEP_US = 1000, DRAIN_STEPS = 2000, SETTLE_US = 20000 };

static bool ring_empty(const struct console *console)
{
    return !console || __atomic_load_n(&console->out_head, __ATOMIC_ACQUIRE) == __atomic_load_n(&console->out_tail, __ATOMIC_ACQUIRE);
}

static bool instance_empty(const struct instance *instance)
{
    return !instance->shared || ring_empty(&instance->shared->console);
}

static bool all_empty(void)
{
    bool empty = ring_empty(the_system.console_block.at);
    for (unsigned i = 0; i < the_system.description.vm_count; i++)
        empty &= instance_empty(&the_system.vms[i].instance);
    for (unsigned i = 0; i < the_system.description.component_count; i++)
        empty &= instance_empty(&the_system.components[i].instance);
    return empty;
}

_Noreturn void power_down(void)
{
    for (int i = 0; the_system.uart.alive && i < DRAIN_STEPS && !all_empty(); i++) {
        log_flush();
        instance_wake(&the_system.uart, UINT64_MAX >> 1);
        clock_sleep_us(DRAIN_STEP_US);
    }
    if (the_system.uart.alive)
        clock_sleep_us(SETTLE_US); /* what the driver and the UART's FIFO still hold */
    for (;;)
        system_power(CAP_SYSTEM, POWER_OFF);
}
