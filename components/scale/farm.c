/* VMs whose guests have one instruction: a load from where nothing is. It stays there at each exit. */
#include "scale.h"

#include "call_stubs.h"
#include "clock.h"

#include <bulkhead/vcpu.h>

enum {
    CODE = SLOT_FARM, /* the page with the instruction */
    FARM,
    MEMORY,                   /* FARM_MIB of them */
    SLOTS = 3,                /* per VM: space, VM, vCPU */
    LOAD = 0xb9400001,        /* ldr w1, [x0] */
    DEVICE = 0x08000000,      /* where nothing is */
    RUN_AT = 0x30000000,
    CODE_HERE = 0x20000000,   /* in the subject's space */
    STATES_HERE = 0x21000000, /* state pages */
};

static unsigned count;

cap_t farm_space(unsigned vm)
{
    return SLOT_VMS + vm * SLOTS;
}

cap_t farm_vm(unsigned vm)
{
    return farm_space(vm) + 1;
}

static cap_t vcpu_of(unsigned vm)
{
    return farm_space(vm) + 2;
}

static void code_make(void)
{
    take(CODE, SUBJECT_RAM, 0, PAGE);
    must(space_map(CAP_SPACE, CODE, CODE_HERE, 0, PAGE, RIGHT_READ | RIGHT_WRITE), "the code here");
    *(volatile uint32_t *)CODE_HERE = LOAD; /* NOLINT */
    __asm__ volatile("dc cvac, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish" : : "r"((uint64_t)CODE_HERE) : "memory");
}

static void vm_make(unsigned vm)
{
    uint64_t page = STATES_HERE + vm * (uint64_t)PAGE;
    must(space_create(FARM, farm_space(vm), SPACE_GUEST), "a guest's space");
    must(space_map(farm_space(vm), CODE, RUN_AT, 0, PAGE, RIGHT_READ | RIGHT_EXECUTE), "its code");
    must(vm_create(FARM, farm_vm(vm), farm_space(vm)), "a VM");
    must(vcpu_create(FARM, vcpu_of(vm), farm_vm(vm), 0, CAP_SPACE, page, 0), "a vCPU");
    struct vcpu_state *state = (struct vcpu_state *)page; /* NOLINT */
    state->regs.pc = RUN_AT;
    state->regs.x[0] = DEVICE;
    state->regs.pstate = VCPU_PSTATE_RESET;
    state->el1.sctlr = VCPU_SCTLR_RESET;
    farm_enter(vm);
}

void farm_enter(unsigned vm)
{
    uint64_t reason;
    must(vcpu_enter(vcpu_of(vm), &reason), "a guest");
    if (reason != EXIT_MMIO)
        must(STATUS_STATE, "its exit");
}

void farm_make(unsigned vms)
{
    if (!count)
        code_make();
    for (unsigned i = 0; i < FARM_MIB; i++)
        take(MEMORY + i, SUBJECT_KERNEL, i * (uint64_t)MEBIBYTE, MEBIBYTE);
    must(partition_create(FARM, MEMORY, 1, PRIORITIES - 1), "the farm");
    for (unsigned i = 1; i < FARM_MIB; i++)
        must(partition_feed(FARM, MEMORY + i), "more memory of the farm");
    for (count = 0; count < vms; count++)
        vm_make(count);
}

uint64_t farm_delete(void)
{
    uint64_t before = clock_now();
    must(cap_delete(FARM), "the farm's end");
    uint64_t ticks = clock_now() - before;
    for (unsigned i = 0; i < FARM_MIB; i++)
        cap_delete(MEMORY + i);
    for (unsigned i = 0; i < count * SLOTS; i++)
        cap_delete(SLOT_VMS + i);
    return ticks;
}
