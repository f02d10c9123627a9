/* CPUs: entering and leaving the kernel, interprocessor interrupts, sleep, the end. */
#include "cpu.h"
#include "host.h"
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPINS_MAX = 1000 };

struct platform platform;
struct host host;
struct cpu *host_self;
void (*host_check)(struct cpu *cpu);
static jmp_buf *lower_level[CPUS_MAX]; /* of each CPU: where its way out of the kernel ends */
static jmp_buf *machine_end;
static unsigned spins;

_Noreturn void host_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("simulated machine: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static void ipi_deliver(unsigned index);

static void serve(struct cpu *cpu, void *argument)
{
    (void)argument;
    ipi_handle(cpu);
}

static void ipis_here(unsigned index)
{
    while (host.ipi_pending[index] && !host.in_kernel[index])
        ipi_deliver(index);
}

/* One stay; returns when the CPU has nothing more to do in the kernel. */
static void kernel_stay(struct cpu *cpu, void (*function)(struct cpu *, void *), void *argument)
{
    jmp_buf out, *outer = lower_level[cpu->index];
    lower_level[cpu->index] = &out;
    if (!setjmp(out)) {
        function(cpu, argument);
        if (cpu->resched || !cpu->current)
            cpu_reschedule(cpu);
    }
    lower_level[cpu->index] = outer;
}

void host_enter(unsigned index, void (*function)(struct cpu *cpu, void *argument), void *argument)
{
    struct cpu *before = host_self;
    const char *stack = host.stack;
    if (host.in_kernel[index])
        host_fail("CPU %u enters the kernel while it is in it", index);
    host_self = &cpus[index];
    host.in_kernel[index] = true;
    host.stack = __builtin_frame_address(0);
    spins = 0;
    kernel_stay(&cpus[index], function, argument);
    host.in_kernel[index] = false;
    host.stack = stack;
    host_self = before;
    if (host_check)
        host_check(&cpus[index]);
    if (!host.ipis_held)
        ipis_here(index);
}

static void ipi_deliver(unsigned index)
{
    host.ipi_pending[index] = false;
    host_enter(index, serve, NULL);
}

void host_ipis_deliver(void)
{
    for (unsigned i = 0; i < CPUS_MAX; i++)
        ipis_here(i);
}

/* Somebody spins: the other CPUs go on meanwhile. With one thread for all of them, what does not end soon never will. */
void host_relax(void)
{
    if (++spins > SPINS_MAX)
        host_fail("CPU %u waits for ever", host_self ? host_self->index : 0);
    host_ipis_deliver();
}

void arch_ipi_send(unsigned index)
{
    if (!cpus[index].online)
        host_fail("IPI to CPU %u, which is off", index);
    host.ipis++;
    host.ipi_pending[index] = true;
    if (!host.ipis_held)
        ipis_here(index);
}

bool arch_interrupt_pending(void)
{
    host.looks++;
    return host.interrupt || host.ipi_pending[host_self->index] || host.deadline[host_self->index] <= host_counter;
}

void arch_idle(struct cpu *cpu)
{
    if (cpu->current || cpu->arch.side != SIDE_NONE)
        host_fail("CPU %u sleeps with a thread", cpu->index);
    longjmp(*lower_level[cpu->index], 1);
}

_Noreturn void arch_resume(struct cpu *cpu)
{
    longjmp(*lower_level[cpu->index], 1);
}

static void secondary(struct cpu *cpu, void *argument)
{
    (void)argument;
    cpu_main(cpu);
}

bool arch_cpu_start(unsigned index)
{
    if (host.refuse_cpu == index)
        return false;
    host_enter(index, secondary, NULL);
    return true;
}

/* --- the end ----------------------------------------------------------------------------------------------------------- */

bool host_stops(void (*function)(void *argument), void *argument)
{
    jmp_buf end;
    bool stopped = true;
    machine_end = &end;
    if (!setjmp(end)) {
        function(argument);
        stopped = false;
    }
    machine_end = NULL;
    return stopped;
}

static _Noreturn void machine_stop(void)
{
    if (!machine_end)
        host_fail("the machine stops unexpectedly; its log:\n%.*s", (int)host.log_length, host.log);
    longjmp(*machine_end, 1);
}

_Noreturn void arch_power(unsigned what)
{
    host.power = (int)what;
    machine_stop();
}

_Noreturn void arch_panic(void)
{
    host.panicked = true;
    machine_stop();
}

void arch_log_char(char c)
{
    if (host.log_length + 1 < sizeof host.log)
        host.log[host.log_length++] = c;
}

/* --- reset --------------------------------------------------------------------------------------------------------------- */


static void platform_reset(unsigned count)
{
    platform = (struct platform){
        .cpus = count,
        .ram_count = 2,
        .reserved_count = 2,
        .ram = {{paddr(HOST_RAM), HOST_HOLE - HOST_RAM},
                {paddr(HOST_HOLE + HOST_HOLE_SIZE), HOST_RAM + HOST_RAM_SIZE - HOST_HOLE - HOST_HOLE_SIZE}},
        .reserved = {{paddr(HOST_RAM), 0x80000}, {paddr(0x8000000), 0x1800} /* widened to two pages */},
        .image = {paddr(HOST_IMAGE), HOST_IMAGE_SIZE},
        .package = {paddr(HOST_PACKAGE), HOST_PACKAGE_SIZE},
        .root = paddr(HOST_ROOT),
        .fdt = {paddr(HOST_RAM + 0x300010), 0x1ff0},
        .guest_device = {paddr(0x8040000), 0x2000},
        .physical_limit = UINT64_C(1) << 40,
        .boot_ticks = 17,
        .irq_first = 32,
        .irq_count = 256,
        .variant = 2,
    };
}

void host_reset(unsigned count)
{
    memset(&host, 0, sizeof host);
    memset(cpus, 0, sizeof cpus);
    memset(lower_level, 0, sizeof lower_level);
    host_check = NULL;
    host.tag_count = 256;
    host.power = HOST_NO_POWER;
    for (unsigned i = 0; i < CPUS_MAX; i++)
        host.deadline[i] = UINT64_MAX;
    host_counter = 1000;
    host_self = &cpus[0];
    memory_reset();
    tlb_reset();
    platform_reset(count);
}
