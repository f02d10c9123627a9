/* One function per plot. The median of ROUNDS, but of what can be done only once. */
#include "scale.h"

#include "call_stubs.h"
#include "clock.h"
#include "map.h"
#include "print.h"

enum { ROUNDS = 15 };

/* Sorted by insertion: the median is in the middle. */
static uint64_t median(uint64_t *samples)
{
    for (unsigned i = 1; i < ROUNDS; i++)
        for (unsigned k = i; k && samples[k - 1] > samples[k]; k--) {
            uint64_t larger = samples[k - 1];
            samples[k - 1] = samples[k];
            samples[k] = larger;
        }
    return samples[ROUNDS / 2];
}

#define MEDIAN(operation)                                                                                             \
    __extension__({                                                                                                   \
        uint64_t samples_[ROUNDS];                                                                                    \
        for (unsigned i_ = 0; i_ < ROUNDS; i_++) {                                                                    \
            uint64_t before_ = clock_now();                                                                           \
            operation;                                                                                                \
            samples_[i_] = clock_now() - before_;                                                                     \
        }                                                                                                             \
        median(samples_);                                                                                             \
    })

static unsigned vms = 1;

/* VMs in turn, so many times. */
static void enter_many(unsigned times, unsigned turn)
{
    for (unsigned i = 0, vm = 0; i < times; i++, vm = vm + 1 < turn ? vm + 1 : 0)
        farm_enter(vm);
}

/*
 * From the monitor to the guest and, by the guest's next access, back: what each of MORE more takes. A single one would be measured with what the kernel does when a
 * monitor reads the clock before it enters its guest again.
 */
static uint64_t enter_cost(unsigned turn)
{
    enum { FEW = 64, MORE = 128 };
    uint64_t few = MEDIAN(enter_many(FEW, turn)), many = MEDIAN(enter_many(FEW + MORE, turn));
    return (many - few) / MORE;
}

static uint64_t exit_cost(void)
{
    return enter_cost(1);
}

/* --- VMs ------------------------------------------------------------------------------------------------------------------------ */

/* `switch`: the same when another VM's vCPU was on the processor before. */
static void vms_measure(unsigned n)
{
    vms = n;
    farm_make(n);
    farm_enter(0);
    uint64_t exits = exit_cost(), switches = enter_cost(vms);
    late_begin();
    uint64_t destroy = farm_delete(), late = late_end();
    console_print("scale vms n=%u exit=%lu switch=%lu destroy=%lu late=%lu\n", n, exits, switches, destroy, late);
}

void series_vms(void)
{
    for (unsigned n = 1; n <= 64; n *= 2)
        vms_measure(n);
}

/* --- virtual interrupts ------------------------------------------------------------------------------------------------------- */

enum { FIRST_LINE = 32, LAST_LINE = VM_LINES - 1 };

static void lines_enable(void)
{
    must(virq_set(farm_vm(0), 0, VIRQ_FORWARDING, 0, 3), "forwarding");
    for (unsigned line = FIRST_LINE; line < VM_LINES; line += 32)
        must(virq_set(farm_vm(0), 0, VIRQ_ENABLE, line, UINT32_MAX), "enabling");
}

/* The guest takes none, so that they stay pending. The last one is raised and lowered beside them. */
static void lines_measure(unsigned n)
{
    uint64_t exits = exit_cost();
    uint64_t raise = MEDIAN(virq_raise(farm_vm(0), LAST_LINE, i_ % 2 == 0));
    virq_raise(farm_vm(0), LAST_LINE, 0);
    console_print("scale lines n=%u exit=%lu raise=%lu\n", n, exits, raise);
}

void series_lines(void)
{
    unsigned pending = 0, lines = LAST_LINE - FIRST_LINE;
    farm_make(1);
    lines_enable();
    for (unsigned n = 1; n <= lines; n = n < lines && 2 * n > lines ? lines : 2 * n) {
        for (; pending < n; pending++)
            must(virq_raise(farm_vm(0), FIRST_LINE + pending, 1), "a line");
        lines_measure(n);
    }
    farm_delete();
}

/* --- capabilities ------------------------------------------------------------------------------------------------------------------ */

enum { ORIGINAL = SLOT_CAPS - 1 };

static void capabilities_measure(unsigned n)
{
    uint64_t type, base, size, before = clock_now();
    take(ORIGINAL, SUBJECT_RAM, MEBIBYTE, PAGE);
    for (unsigned i = 0; i < n; i++)
        must(cap_delegate(CAP_SELF, SLOT_CAPS + i, ORIGINAL, RIGHT_READ, 0, 0), "a capability");
    uint64_t make = clock_now() - before;
    uint64_t exits = exit_cost(), look_up = MEDIAN(cap_identify(SLOT_CAPS + n - 1, &type, &base, &size));
    late_begin();
    before = clock_now();
    must(cap_revoke(ORIGINAL), "revoking");
    uint64_t revoke = clock_now() - before, late = late_end();
    cap_delete(ORIGINAL);
    console_print("scale capabilities n=%u exit=%lu lookup=%lu make=%lu revoke=%lu late=%lu\n", n, exits, look_up, make, revoke, late);
}

void series_capabilities(void)
{
    farm_make(1);
    for (unsigned n = 1; n <= 10000; n *= 10)
        capabilities_measure(n);
    farm_delete();
}

/* --- memory -------------------------------------------------------------------------------------------------------------------------- */

enum { GUEST_RAM = 0x40000000, BLOCK = 1 << 30 };

/* From where in the extent blocks of the largest size fit. */
static uint64_t memory_from(uint64_t *size)
{
    uint64_t type, base = 0;
    must(cap_identify(SUBJECT_RAM, &type, &base, size), "memory");
    return -base & (BLOCK - 1);
}

static void memory_measure(uint64_t mebibytes, uint64_t from)
{
    uint64_t bytes = mebibytes * MEBIBYTE, before = clock_now();
    farm_make(1);
    before = clock_now();
    must(map_extent(farm_space(0), SUBJECT_RAM, GUEST_RAM, from, bytes, RIGHT_READ | RIGHT_WRITE), "the guest's memory");
    uint64_t map = clock_now() - before, exits = exit_cost();
    late_begin();
    uint64_t destroy = farm_delete(), late = late_end();
    console_print("scale memory n=%lu exit=%lu map=%lu destroy=%lu late=%lu\n", mebibytes, exits, map, destroy, late);
}

/* As much as the machine has. */
void series_memory(void)
{
    uint64_t size, from = memory_from(&size);
    for (uint64_t n = 16; n <= 65536 && from + n * MEBIBYTE <= size; n *= 4)
        memory_measure(n, from);
}
