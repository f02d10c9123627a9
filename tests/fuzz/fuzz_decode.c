/*
 * The monitor's way of carrying out accesses without a syndrome: any instruction word, registers, stage-1 tables and exit. A device must see
 * aligned accesses within itself only, and the guest's registers may change only as the instruction says.
 */
#include "fuzz.h"

#include "../../components/vmm/mmio.c"
#include "../../components/vmm/access.c"
#include "../../components/vmm/decode.c"
#include "../../components/vmm/walk.c"

/* The device begins and ends within a page, and has a page's boundary within. */
enum { RAM = 0x40000000, RAM_SIZE = 0x20000, PAGE = 0x9000000, DEVICE = PAGE + 8, DEVICE_BYTES = 0x1010, TABLE = RAM + 0x10000 };

static _Alignas(65536) uint8_t memory[RAM_SIZE];
static unsigned accesses;

void *ram_at(uint64_t address, uint64_t size)
{
    uint64_t offset = address - RAM;
    return address < RAM || offset > RAM_SIZE || size > RAM_SIZE - offset ? NULL : memory + offset;
}

bool cpu_sync(struct cpu *cpu)
{
    (void)cpu;
    return true;
}

void cache_clean_invalidate(const void *start, size_t size)
{
    MUST((const uint8_t *)start >= memory && (const uint8_t *)start + size <= memory + RAM_SIZE);
}

static void device_accessed(uint64_t offset, unsigned size)
{
    MUST(size == 1 || size == 2 || size == 4 || size == 8);
    MUST(offset % size == 0 && offset < DEVICE_BYTES && size <= DEVICE_BYTES - offset);
    accesses++;
}

static uint64_t device_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    device_accessed(offset, size);
    return UINT64_MAX;
}

static void device_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)vcpu;
    device_accessed(offset, size);
    MUST(size == 8 || value >> 8 * size == 0);
}

static void registers_fill(struct input *input, struct vcpu_state *state)
{
    for (unsigned i = 0; i < 31; i++)
        state->regs.x[i] = i % 4 ? PAGE + input_number(input, 2) % 0x1100 : input_number(input, 8);
    state->regs.sp_el0 = PAGE + input_byte(input);
    state->el1.sp = PAGE + 16 * (uint64_t)input_byte(input);
}

/* Half of the time something that can work: a device's address, tables in RAM. */
static void state_fill(struct input *input, struct vcpu_state *state)
{
    uint8_t how = input_byte(input);
    registers_fill(input, state);
    state->regs.pc = how & 1 ? RAM : input_number(input, 8);
    state->regs.pstate = how & 2 ? VCPU_PSTATE_RESET : input_byte(input);
    state->el1.sctlr = how & 4 ? 0 : input_number(input, 4);
    state->el1.tcr = input_number(input, 8);
    state->el1.ttbr0 = state->el1.ttbr1 = how & 8 ? TABLE : input_number(input, 8);
    state->exit.syndrome = input_number(input, 4) & ~(uint64_t)(how & 16 ? SYNDROME_WALK : 0);
    state->exit.fault_va = how & 32 ? PAGE + input_number(input, 2) % 0x1100 : input_number(input, 8);
    state->exit.mmio.address = how & 64 ? state->exit.fault_va : input_number(input, 8);
    state->exit.mmio.size = how & 128 ? 0 : (uint8_t)(1u << (input_byte(input) & 3));
}

static unsigned changed(const struct vcpu_state *before, const struct vcpu_state *after)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 31; i++)
        count += before->regs.x[i] != after->regs.x[i];
    return count;
}

static void check_decoded(const struct decoded *decoded, const struct vcpu_state *before)
{
    MUST(decoded->kind < DECODE_KINDS);
    if (decoded->kind != DECODE_ACCESS) {
        MUST(decoded->count == 0 && decoded->base == DECODE_NO_BASE);
        return;
    }
    MUST(decoded->count == 1 || decoded->count == 2);
    MUST(decoded->size == 1 || decoded->size == 2 || decoded->size == 4 || decoded->size == 8);
    MUST(decoded->write < 2 && decoded->sign < 4 && (decoded->sign != 2) && decoded->reg[0] < 32 && decoded->reg[1] < 32);
    if (decoded->base != DECODE_NO_BASE) { /* the offset of a write-back is small, and one of the two is the old base */
        uint64_t old = decoded->base == DECODE_SP ? *stack_pointer((struct vcpu_state *)(uintptr_t)before) : before->regs.x[decoded->base];
        MUST(decoded->base <= DECODE_SP && decoded->updated - old + 512 <= 1016);
        MUST(decoded->address == old || decoded->address == decoded->updated);
    }
}

static void check_result(enum access_result result, const struct cpu *cpu, const struct vcpu_state *before)
{
    const struct vcpu_state *after = cpu->state;
    const struct decoded *decoded = &cpu->decoded;
    bool stepped = after->regs.pc != before->regs.pc;
    MUST(!stepped || (result == ACCESS_DONE && after->regs.pc == before->regs.pc + INSTRUCTION));
    MUST(accesses == (stepped && decoded->kind == DECODE_ACCESS ? decoded->count : 0));
    MUST(stepped || !changed(before, after));
    MUST(changed(before, after) <= (decoded->write ? 0u : decoded->count) + (decoded->base != DECODE_NO_BASE));
    MUST(!memcmp(&before->el1.tcr, &after->el1.tcr, sizeof before->el1 - offsetof(struct vcpu_el1, tcr)) || decoded->base == DECODE_SP);
}

/* A walk keeps the offset in the page, whatever the tables. */
static void check_walk(const struct vcpu_el1 *el1, uint64_t va)
{
    uint64_t ipa = 0;
    if (walk_translate(el1, va, &ipa))
        MUST(ipa << 52 == va << 52);
}

void input_try(const uint8_t *data, size_t size)
{
    static const struct mmio_range device = {DEVICE, DEVICE_BYTES, device_read, device_write, "device"};
    static struct vcpu_state before, state;
    struct input input = {data, size};
    struct cpu cpu = {.state = &state};
    if (!mmio_find(DEVICE))
        mmio_register(&device);
    memset(&state, 0, sizeof state);
    memset(memory, 0, sizeof memory);
    uint32_t word = (uint32_t)input_number(&input, 4);
    state_fill(&input, &state);
    memcpy(memory, &word, sizeof word);
    for (uint64_t at = TABLE; input_more(&input) && at < RAM + RAM_SIZE; at += 8) { /* entries that lead back into RAM, at some stride */
        uint64_t entry = input_number(&input, 4) | (uint64_t)input_byte(&input) << 40;
        memcpy(ram_at(at, 8), &entry, 8);
    }
    before = state;
    accesses = 0;
    struct decoded decoded = decode(word, &state.regs, *stack_pointer(&state));
    check_decoded(&decoded, &state);
    check_walk(&state.el1, state.regs.pc);
    check_walk(&state.el1, state.regs.x[0]);
    enum access_result result = access_carry_out(&cpu);
    check_result(result, &cpu, &before);
}
