/* What of a decoded instruction reaches a device model: whole, aligned and within the device, or nothing. */
#include "../../components/vmm/mmio.c"

#include "../../components/vmm/access.c"
#include "../../components/vmm/decode.c"
#include "../../components/vmm/walk.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { BASE = 0x9000108, SIZE = 0x18, CODE = 0x40000000, WRITE = SYNDROME_WRITE };

static const uint64_t tag = UINT64_C(0xa5) << 56;
static uint32_t instruction;
static unsigned accesses;
static uint64_t offsets[2];

void *ram_at(uint64_t address, uint64_t size)
{
    return address == CODE && size == sizeof instruction ? &instruction : NULL;
}

bool cpu_sync(struct cpu *cpu)
{
    (void)cpu;
    return true;
}

void cache_clean_invalidate(const void *start, size_t size)
{
    (void)start;
    (void)size;
}

static uint64_t device_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    assert_true(accesses < 2 && offset % size == 0 && offset < SIZE && size <= SIZE - offset);
    offsets[accesses++] = offset;
    return offset + 1;
}

static void device_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)value;
    device_read(vcpu, offset, size);
}

/* An access by `word` with x1 = `pointer`, at which the processor stopped at `fault_va`; what it says has no tag. */
static enum access_result carried_out(struct vcpu_state *state, uint32_t word, uint64_t pointer, uint64_t fault_va, uint64_t syndrome)
{
    static const struct mmio_range device = {BASE, SIZE, device_read, device_write, "device"};
    struct cpu cpu = {.state = state};
    if (!mmio_find(BASE))
        assert_true(mmio_register(&device));
    instruction = word;
    accesses = 0;
    *state = (struct vcpu_state){.regs = {.pc = CODE, .pstate = VCPU_PSTATE_RESET}};
    state->regs.x[1] = pointer;
    state->exit = (struct vcpu_exit){.syndrome = syndrome, .fault_va = fault_va, .mmio.address = fault_va & ~(UINT64_C(0xff) << 56)};
    return access_carry_out(&cpu);
}

enum { LDP = 0xa9400c22, STP = 0xa9000c22, LDR_POST = 0xf8408422 }; /* ldp, stp x2, x3, [x1]; ldr x2, [x1], #8 */

static void expect(enum access_result result, unsigned count, uint32_t word, uint64_t pointer, uint64_t fault_va)
{
    struct vcpu_state state;
    uint64_t syndrome = word == STP ? WRITE : 0;
    enum access_result is = carried_out(&state, word, pointer, fault_va, syndrome);
    if (is != result || accesses != count || (state.regs.pc != CODE) != !!count)
        fail_msg("0x%x at 0x%llx, stopped at 0x%llx: result %u, %u accesses", word, (unsigned long long)pointer, (unsigned long long)fault_va, is,
                 accesses);
}

/* Red when the offset does not come from the untagged address, or a pair that faulted in its second half begins there. */
static void test_offsets(void **test)
{
    static const struct { uint64_t pointer, fault_va; } ways[] = {
        {BASE + 8, BASE + 8}, {BASE + 8, BASE + 16}, {BASE + 8, BASE + 19},
    };
    struct vcpu_state state;
    (void)test;
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++)
        for (unsigned tags = 0; tags < 4; tags++) {
            uint64_t pointer = ways[i].pointer | (tags & 1 ? tag : 0), fault_va = ways[i].fault_va | (tags & 2 ? tag : 0);
            assert_int_equal(carried_out(&state, LDP, pointer, fault_va, 0), ACCESS_DONE);
            assert_int_equal(accesses, 2);
            assert_int_equal(offsets[0], 8);
            assert_int_equal(offsets[1], 16);
            assert_int_equal(state.regs.x[2], 9);
            assert_int_equal(state.regs.x[3], 17);
        }
    assert_int_equal(carried_out(&state, LDR_POST, tag | BASE, BASE, 0), ACCESS_DONE);
    assert_int_equal(state.regs.x[1], (tag | BASE) + 8); /* the tag stays */
}

/* Red when a device that begins or ends within a page is accessed beside itself by half a pair. */
static void test_device_ends(void **test)
{
    (void)test;
    expect(ACCESS_DONE, 2, LDP, BASE, BASE);
    expect(ACCESS_NOWHERE, 0, LDP, BASE + SIZE - 8, BASE + SIZE - 8);
    expect(ACCESS_NOWHERE, 0, STP, BASE + SIZE - 8, BASE + SIZE - 8);
    expect(ACCESS_NOWHERE, 0, LDP, BASE - 8, BASE);
    expect(ACCESS_NOWHERE, 0, LDP, BASE - 8, BASE - 8);
    expect(ACCESS_NOWHERE, 0, LDP, tag | (BASE + SIZE), BASE + SIZE);
    expect(ACCESS_ALIGNMENT, 0, LDP, BASE + 4, BASE + 4);
    expect(ACCESS_ALIGNMENT, 0, LDP, BASE + 4, BASE + 8);
}

/* Red when an instruction that the guest has replaced meanwhile is carried out. */
static void test_disagreement(void **test)
{
    struct vcpu_state state;
    (void)test;
    expect(ACCESS_DONE, 0, LDP, BASE, BASE + 16);
    expect(ACCESS_DONE, 0, LDP, BASE + 8, BASE);
    expect(ACCESS_DONE, 0, LDP, BASE ^ UINT64_C(1) << 55, BASE);
    assert_int_equal(carried_out(&state, LDP, BASE, BASE, WRITE), ACCESS_DONE);
    assert_int_equal(carried_out(&state, STP, BASE, BASE, 0), ACCESS_DONE);
    assert_int_equal(accesses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_device_ends),
        cmocka_unit_test(test_disagreement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
