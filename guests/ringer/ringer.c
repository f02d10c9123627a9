/*
 * Rings the first doorbell of its device tree ("bulkhead,doorbell") and counts the interrupts that come back: rings=N one by one, each
 * answered before the next, then N at once, which may merge. retry=MS: one that was not answered for so long is rung again.
 */
#include "guest.h"

enum { PATIENCE_MS = 10000 /* of an answer; on a busy emulator it takes a while */ };

static uint64_t answers, others, retry, repeats;

void irq_handler(uint64_t entry)
{
    (void)entry;
    uint32_t intid = gic_ack();
    if (intid >= GIC_SPURIOUS)
        return;
    if (intid == machine.doorbell_intid)
        answers++;
    else
        others++;
    gic_eoi(intid);
}

static uint64_t answers_so_far(void)
{
    return __atomic_load_n(&answers, __ATOMIC_ACQUIRE);
}

/* False: it did not come. */
static bool wait_for(uint64_t count)
{
    uint64_t patience = retry ? retry : PATIENCE_MS;
    uint64_t end = read_sysreg(cntvct_el0) + patience * read_sysreg(cntfrq_el0) / 1000;
    while (answers_so_far() < count) {
        if (read_sysreg(cntvct_el0) > end)
            return false;
        yield();
    }
    return true;
}

static void ring(void)
{
    mmio_write(machine.doorbell, 1);
}

static uint64_t ring_one_by_one(uint64_t rings)
{
    for (uint64_t i = 1; i <= rings; i++) {
        uint64_t seen = answers_so_far();
        for (ring(); !wait_for(seen + 1); ring(), repeats++)
            if (!retry)
                return seen;
    }
    return answers_so_far();
}

/* At least one answer; as many as were not merged. */
static uint64_t ring_at_once(uint64_t rings)
{
    uint64_t before = answers_so_far();
    for (uint64_t i = 0; i < rings; i++)
        ring();
    wait_for(before + 1);
    return answers_so_far() - before;
}

static void print_count(const char *before, uint64_t n)
{
    print(before);
    print_dec(n);
}

void fault_handler(uint64_t esr, uint64_t far, uint64_t elr)
{
    power_off_at_fault("ringer", esr, far, elr);
}

void primary_main(const void *fdt, uint64_t first_tick)
{
    (void)first_tick;
    machine_from_fdt(fdt);
    if (!machine.doorbell) {
        print("ringer: no doorbell in the device tree; add `doorbells` to this VM's description\n");
        power_off();
    }
    uint64_t rings = option_number("rings=", 100);
    retry = option_number("retry=", 0);
    gic_init();
    gic_cpu_init();
    gic_enable_shared(machine.doorbell_intid, true);
    irq_unmask();
    uint64_t one_by_one = ring_one_by_one(rings), at_once = ring_at_once(rings);
    irq_mask();
    print_count("ringer: rang ", rings);
    print_count(" times: ", one_by_one);
    print_count(" answers one by one, ", at_once);
    print_count(" at once, ", others);
    if (retry)
        print_count(" other interrupts, rung again ", repeats);
    else
        print(" other interrupts");
    print("\n");
    power_off();
}
