/*
 * The processor describes loads and stores of one general-purpose register without write-back (ESR_EL2.ISV). For others the instruction is
 * read from the guest's memory: `pc` through the guest's own translation. It may have changed since it was executed, so what comes out has to agree
 * with what the processor does tell, address and direction; if not, the guest executes it again. So an EL0 program that rewrites its
 * instructions gets at nothing that the processor did not let it get at.
 */
#include "access.h"

#include "cache.h"
#include "decode.h"
#include "machine.h"
#include "mmio.h"
#include "walk.h"

#include <stddef.h>

enum {
    SYNDROME_WRITE = 1 << 6,
    SYNDROME_WALK = 1 << 7,
    SCTLR_C = 1 << 2,
    MODE_SP = 1 << 0,
    MODE_AARCH32 = 1 << 4,
    INSTRUCTION = 4, /* bytes */
    PAGE_BITS = 12,
    TAG_BITS = 8, /* of an address, which a guest may have ignored */
};

/* Walking takes the guest's EL1 registers. With its caches off, what it wrote is in memory and may not be in ours. */
static bool instruction_read(struct cpu *cpu)
{
    const struct vcpu_state *state = cpu->state;
    uint64_t ipa;
    if (!cpu_sync(cpu) || !walk_translate(&state->el1, state->regs.pc, &ipa) || ipa % INSTRUCTION)
        return false;
    uint32_t *at = ram_at(ipa, INSTRUCTION);
    if (!at)
        return false;
    if (!(state->el1.sctlr & SCTLR_C))
        cache_clean_invalidate(at, INSTRUCTION);
    cpu->instruction = __atomic_load_n(at, __ATOMIC_RELAXED);
    return true;
}

/* SPSel is the lowest bit of the mode; EL0 has it clear. */
static uint64_t *stack_pointer(struct vcpu_state *state)
{
    return state->regs.pstate & MODE_SP ? &state->el1.sp : &state->regs.sp_el0;
}

/* How far into the instruction's bytes the processor stopped. The tags may differ: the guest chose both. */
static uint64_t bytes_before(const struct decoded *decoded, const struct vcpu_exit *exit)
{
    return (exit->fault_va - decoded->address) << TAG_BITS >> TAG_BITS;
}

static bool agrees(const struct decoded *decoded, const struct vcpu_exit *exit)
{
    return bytes_before(decoded, exit) < (uint64_t)decoded->count * decoded->size && !decoded->write == !(exit->syndrome & SYNDROME_WRITE);
}

static bool same_page(uint64_t a, uint64_t b)
{
    return a >> PAGE_BITS == b >> PAGE_BITS;
}

/* A device may begin and end within a page. */
static bool within(const struct mmio_range *range, uint64_t address, uint64_t bytes)
{
    return address >= range->base && bytes <= range->size && address - range->base <= range->size - bytes;
}

/* The base is updated first, so that a load into it wins: the architecture leaves it open (CONSTRAINED UNPREDICTABLE). */
static void base_update(struct vcpu_state *state, const struct decoded *decoded)
{
    if (decoded->base == DECODE_SP)
        *stack_pointer(state) = decoded->updated;
    else if (decoded->base != DECODE_NO_BASE)
        state->regs.x[decoded->base] = decoded->updated;
}

static uint64_t stored_value(const struct vcpu_state *state, unsigned reg, unsigned size)
{
    uint64_t value = reg < 31 ? state->regs.x[reg] : 0;
    return size < 8 ? value & ((UINT64_C(1) << 8 * size) - 1) : value;
}

static void carry_out(struct cpu *cpu, const struct decoded *decoded, const struct mmio_range *range, uint64_t offset)
{
    struct vcpu_state *state = cpu->state;
    uint64_t values[2] = {0};
    for (unsigned i = 0; i < decoded->count; i++, offset += decoded->size) {
        if (decoded->write)
            range->write(cpu->index, offset, decoded->size, stored_value(state, decoded->reg[i], decoded->size));
        else
            values[i] = mmio_extend(range->read(cpu->index, offset, decoded->size), decoded->size, decoded->sign);
    }
    base_update(state, decoded);
    for (unsigned i = 0; i < decoded->count; i++)
        if (!decoded->write && decoded->reg[i] < 31)
            state->regs.x[decoded->reg[i]] = values[i];
    state->regs.pc += INSTRUCTION;
}

/* All of it lies in one device and in the page whose guest-physical address the kernel has told, or none of it is done. */
static enum access_result decoded_carry_out(struct cpu *cpu)
{
    const struct decoded *decoded = &cpu->decoded;
    const struct vcpu_exit *exit = &cpu->state->exit;
    uint64_t bytes = (uint64_t)decoded->count * decoded->size;
    if (!agrees(decoded, exit))
        return ACCESS_DONE;
    uint64_t address = exit->mmio.address - bytes_before(decoded, exit);
    const struct mmio_range *range = mmio_find(exit->mmio.address);
    if (!range)
        return ACCESS_NOWHERE;
    if (address % decoded->size || !same_page(address, address + bytes - 1))
        return ACCESS_ALIGNMENT;
    if (!within(range, address, bytes))
        return ACCESS_NOWHERE;
    carry_out(cpu, decoded, range, address - range->base);
    return ACCESS_DONE;
}

static enum access_result undescribed(struct cpu *cpu)
{
    if (cpu->state->exit.syndrome & SYNDROME_WALK || cpu->state->regs.pstate & MODE_AARCH32 || !instruction_read(cpu))
        return ACCESS_REFUSED;
    cpu->decoded = decode(cpu->instruction, &cpu->state->regs, *stack_pointer(cpu->state));
    switch (cpu->decoded.kind) {
    case DECODE_ACCESS:
        return decoded_carry_out(cpu);
    case DECODE_NOTHING:
        cpu->state->regs.pc += INSTRUCTION;
        return ACCESS_DONE;
    case DECODE_ZERO:
        return ACCESS_ALIGNMENT;
    case DECODE_EXCLUSIVE:
    case DECODE_ATOMIC:
        return ACCESS_EXCLUSIVE;
    default:
        return ACCESS_REFUSED;
    }
}

enum access_result access_carry_out(struct cpu *cpu)
{
    const struct vcpu_mmio *access = &cpu->state->exit.mmio;
    cpu->instruction = 0;
    cpu->decoded = (struct decoded){.kind = DECODE_UNKNOWN};
    if (!access->size)
        return undescribed(cpu);
    return mmio_find(access->address) && access->address % access->size ? ACCESS_ALIGNMENT : ACCESS_NOWHERE;
}
