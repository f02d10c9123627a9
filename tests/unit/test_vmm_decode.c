/* Loads and stores without a syndrome: what the monitor's decoder makes of their words, and its walk of the guest's own tables. */
#include "../../components/vmm/decode.c"

#include "../../components/vmm/machine.h"
#include "../../components/vmm/walk.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { X1 = 0x9000000, X4 = 0x10, SP = 0x8000100, PC = 0x40000000 };

struct expected {
    uint32_t word;
    const char *text;
    struct decoded is;
};

#define ACCESS(count, size, write, sign, ...) DECODE_ACCESS, count, size, write, sign, {__VA_ARGS__}

/* Words as the assembler makes them. x1 = X1, x4 = X4 with garbage above bit 31. */
static const struct expected accesses[] = {
    {0xa9400c22, "ldp x2, x3, [x1]", {ACCESS(2, 8, 0, 0, 2, 3), DECODE_NO_BASE, X1, 0}},
    {0xa9c10c22, "ldp x2, x3, [x1, #16]!", {ACCESS(2, 8, 0, 0, 2, 3), 1, X1 + 16, X1 + 16}},
    {0xa8bf0c22, "stp x2, x3, [x1], #-16", {ACCESS(2, 8, 1, 0, 2, 3), 1, X1, X1 - 16}},
    {0x69408c22, "ldpsw x2, x3, [x1, #4]", {ACCESS(2, 4, 0, 3, 2, 3), DECODE_NO_BASE, X1 + 4, 0}},
    {0x29ff0fe2, "ldp w2, w3, [sp, #-8]!", {ACCESS(2, 4, 0, 0, 2, 3), DECODE_SP, SP - 8, SP - 8}},
    {0x28010c22, "stnp w2, w3, [x1, #8]", {ACCESS(2, 4, 1, 0, 2, 3), DECODE_NO_BASE, X1 + 8, 0}},
    {0xf8408422, "ldr x2, [x1], #8", {ACCESS(1, 8, 0, 0, 2, 31), 1, X1, X1 + 8}},
    {0xb81fcc22, "str w2, [x1, #-4]!", {ACCESS(1, 4, 1, 0, 2, 31), 1, X1 - 4, X1 - 4}},
    {0x3800143f, "strb wzr, [x1], #1", {ACCESS(1, 1, 1, 0, 31, 31), 1, X1, X1 + 1}},
    {0x38801c22, "ldrsb x2, [x1, #1]!", {ACCESS(1, 1, 0, 3, 2, 31), 1, X1 + 1, X1 + 1}},
    {0x38c01c22, "ldrsb w2, [x1, #1]!", {ACCESS(1, 1, 0, 1, 2, 31), 1, X1 + 1, X1 + 1}},
    {0x78dfe422, "ldrsh w2, [x1], #-2", {ACCESS(1, 2, 0, 1, 2, 31), 1, X1, X1 - 2}},
    {0xb8804422, "ldrsw x2, [x1], #4", {ACCESS(1, 4, 0, 3, 2, 31), 1, X1, X1 + 4}},
    {0xf9401022, "ldr x2, [x1, #32]", {ACCESS(1, 8, 0, 0, 2, 31), DECODE_NO_BASE, X1 + 32, 0}},
    {0x79400c22, "ldrh w2, [x1, #6]", {ACCESS(1, 2, 0, 0, 2, 31), DECODE_NO_BASE, X1 + 6, 0}},
    {0xb85fd022, "ldur w2, [x1, #-3]", {ACCESS(1, 4, 0, 0, 2, 31), DECODE_NO_BASE, X1 - 3, 0}},
    {0xb8404822, "ldtr w2, [x1, #4]", {ACCESS(1, 4, 0, 0, 2, 31), DECODE_NO_BASE, X1 + 4, 0}},
    {0xb8645822, "ldr w2, [x1, w4, uxtw #2]", {ACCESS(1, 4, 0, 0, 2, 31), DECODE_NO_BASE, X1 + 4 * X4, 0}},
    {0xf864c822, "ldr x2, [x1, w4, sxtw]", {ACCESS(1, 8, 0, 0, 2, 31), DECODE_NO_BASE, X1 + X4, 0}},
    {0xf8247822, "str x2, [x1, x4, lsl #3]", {ACCESS(1, 8, 1, 0, 2, 31), DECODE_NO_BASE, X1 + 8 * (UINT64_C(0x7) << 32 | X4), 0}},
    {0x3824e822, "strb w2, [x1, x4, sxtx]", {ACCESS(1, 1, 1, 0, 2, 31), DECODE_NO_BASE, X1 + (UINT64_C(0x7) << 32 | X4), 0}},
    {0xf87f6822, "ldr x2, [x1, xzr]", {ACCESS(1, 8, 0, 0, 2, 31), DECODE_NO_BASE, X1, 0}},
    {0x88dffc22, "ldar w2, [x1]", {ACCESS(1, 4, 0, 0, 2, 31), DECODE_NO_BASE, X1, 0}},
    {0x489ffc22, "stlrh w2, [x1]", {ACCESS(1, 2, 1, 0, 2, 31), DECODE_NO_BASE, X1, 0}},
    {0xf8bfc022, "ldapr x2, [x1]", {ACCESS(1, 8, 0, 0, 2, 31), DECODE_NO_BASE, X1, 0}},
    {0x995fc022, "ldapur w2, [x1, #-4]", {ACCESS(1, 4, 0, 0, 2, 31), DECODE_NO_BASE, X1 - 4, 0}},
    {0x59002022, "stlurh w2, [x1, #2]", {ACCESS(1, 2, 1, 0, 2, 31), DECODE_NO_BASE, X1 + 2, 0}},
    {0x99800022, "ldapursw x2, [x1]", {ACCESS(1, 4, 0, 3, 2, 31), DECODE_NO_BASE, X1, 0}},
    {0x58000082, "ldr x2, .+16", {ACCESS(1, 8, 0, 0, 2, 31), DECODE_NO_BASE, PC + 16, 0}},
    {0x98ffffc2, "ldrsw x2, .-8", {ACCESS(1, 4, 0, 3, 2, 31), DECODE_NO_BASE, PC - 8, 0}},
};

static const struct {
    uint32_t word;
    enum decode_kind kind;
    const char *text;
} kinds[] = {
    {0xf9800020, DECODE_NOTHING, "prfm pldl1keep, [x1]"},
    {0xf8801020, DECODE_NOTHING, "prfum pldl1keep, [x1, #1]"},
    {0xd50b7a21, DECODE_NOTHING, "dc cvac, x1"},
    {0xd50b7e21, DECODE_NOTHING, "dc civac, x1"},
    {0xd50b7521, DECODE_NOTHING, "ic ivau, x1"},
    {0xd50b7421, DECODE_ZERO, "dc zva, x1"},
    {0xd50b7461, DECODE_TAG, "dc gva, x1"},
    {0x885f7c22, DECODE_EXCLUSIVE, "ldxr w2, [x1]"},
    {0x88037c22, DECODE_EXCLUSIVE, "stxr w3, w2, [x1]"},
    {0xc87f8c22, DECODE_EXCLUSIVE, "ldaxp x2, x3, [x1]"},
    {0x0803fc22, DECODE_EXCLUSIVE, "stlxrb w3, w2, [x1]"},
    {0x88a27c23, DECODE_ATOMIC, "cas w2, w3, [x1]"},
    {0x48227c24, DECODE_ATOMIC, "casp x2, x3, x4, x5, [x1]"},
    {0xb8220023, DECODE_ATOMIC, "ldadd w2, w3, [x1]"},
    {0x38e28023, DECODE_ATOMIC, "swpalb w2, w3, [x1]"},
    {0x3dc00020, DECODE_VECTOR, "ldr q0, [x1]"},
    {0xbc404420, DECODE_VECTOR, "ldr s0, [x1], #4"},
    {0xad000420, DECODE_VECTOR, "stp q0, q1, [x1]"},
    {0x5c000000, DECODE_VECTOR, "ldr d0, ."},
    {0x4c407020, DECODE_VECTOR, "ld1 {v0.16b}, [x1]"},
    {0x0dbfb020, DECODE_VECTOR, "st4 {v0.s-v3.s}[1], [x1], #16"},
    {0xf8200422, DECODE_TAG, "ldraa x2, [x1]"},
    {0xd9200821, DECODE_TAG, "stg x1, [x1]"},
    {0x69000c22, DECODE_TAG, "stgp x2, x3, [x1]"},
    {0xd503201f, DECODE_UNKNOWN, "nop"},
    {0x8b030041, DECODE_UNKNOWN, "add x1, x2, x3"},
    {0x00000000, DECODE_UNKNOWN, "udf #0"},
    {0xe9400c22, DECODE_UNKNOWN, "pair with opc = 3"},
    {0x68400c22, DECODE_UNKNOWN, "ldnpsw"},
    {0xb8c00422, DECODE_UNKNOWN, "32-bit sign extension of 32 bits"},
    {0xf8801422, DECODE_UNKNOWN, "prefetch with write-back"},
    {0xb8640822, DECODE_UNKNOWN, "index by bytes"},
};

static struct decoded decode_here(uint32_t word)
{
    struct frame regs = {.pc = PC};
    regs.x[1] = X1;
    regs.x[4] = UINT64_C(0x7) << 32 | X4;
    return decode(word, &regs, SP);
}

/* Red when a form's size, direction, registers, extension, address or write-back comes out wrong. */
static void test_accesses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
        const struct expected *expected = &accesses[i];
        struct decoded is = decode_here(expected->word);
        if (memcmp(&is, &expected->is, sizeof is))
            fail_msg("%s: kind %u, %u x %u bytes, write %u, sign %u, registers %u %u, base %u, address 0x%llx, updated 0x%llx", expected->text,
                     is.kind, is.count, is.size, is.write, is.sign, is.reg[0], is.reg[1], is.base, (unsigned long long)is.address,
                     (unsigned long long)is.updated);
    }
}

/* Red when something that the monitor must not carry out as a plain access looks like one. */
static void test_kinds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct decoded is = decode_here(kinds[i].word);
        if (is.kind != kinds[i].kind || is.base != DECODE_NO_BASE)
            fail_msg("%s: kind %u", kinds[i].text, is.kind);
    }
}

/* --- walks -------------------------------------------------------------------------------------------------------------------- */

enum { RAM = 0x40000000, RAM_SIZE = 1 << 20, SCTLR = 1, BIG = 1 << 25 };

static _Alignas(65536) uint8_t memory[RAM_SIZE];

void *ram_at(uint64_t address, uint64_t size)
{
    uint64_t offset = address - RAM;
    return address < RAM || offset > RAM_SIZE || size > RAM_SIZE - offset ? NULL : memory + offset;
}

static void entry_put(uint64_t table, uint64_t index, uint64_t entry, bool big)
{
    entry = big ? __builtin_bswap64(entry) : entry;
    memcpy(ram_at(table + 8 * index, 8), &entry, 8);
}

/* A path of tables, each on a 64 KiB boundary, to a page or, `levels` being fewer, a block. Upper address bits of entries are attributes. */
static struct vcpu_el1 path_make(uint64_t va, uint64_t to, unsigned granule_bits, unsigned size, unsigned first, unsigned last, bool upper, bool big)
{
    static const uint64_t tg0[] = {[12] = 0, [14] = 2, [16] = 1}, tg1[] = {[12] = 2, [14] = 1, [16] = 3};
    uint64_t tsz = 64 - size, table = RAM, tcr = upper ? tsz << 16 | tg1[granule_bits] << 30 | 1 << 7 : tsz | tg0[granule_bits] << 14 | 1 << 23;
    memset(memory, 0, sizeof memory);
    for (unsigned level = first; level <= last; level++, table += 0x10000) {
        unsigned shift = granule_bits + (3 - level) * (granule_bits - 3);
        unsigned width = level == first ? size - shift : granule_bits - 3;
        uint64_t entry = level < last ? (table + 0x10000) | 3 : to | UINT64_C(0x40000000000700) | (level == 3 ? 3 : 1);
        entry_put(table, va >> shift & ((UINT64_C(1) << width) - 1), entry, big);
    }
    uint64_t root = RAM | UINT64_C(0x1234) << 48;
    return (struct vcpu_el1){.sctlr = SCTLR | (big ? BIG : 0), .tcr = tcr, .ttbr0 = upper ? 0 : root, .ttbr1 = upper ? root : 0};
}

static void check_walk(unsigned granule_bits, unsigned size, unsigned first, unsigned last, bool upper, bool big)
{
    unsigned shift = granule_bits + (3 - last) * (granule_bits - 3);
    uint64_t low = UINT64_C(0x7654321fedc) & ((UINT64_C(1) << size) - 1), to = UINT64_C(5) << shift, ipa = 0;
    uint64_t va = upper ? low | ~UINT64_C(0) << size : low;
    struct vcpu_el1 el1 = path_make(va, to, granule_bits, size, first, last, upper, big);
    if (!walk_translate(&el1, va, &ipa) || ipa != (to | (va & ((UINT64_C(1) << shift) - 1))))
        fail_msg("granule %u, size %u, levels %u to %u: 0x%llx", 1u << granule_bits, size, first, last, (unsigned long long)ipa);
    assert_false(walk_translate(&el1, va ^ UINT64_C(1) << (size - 1), &ipa)); /* invalid entry, or other half */
    assert_false(walk_translate(&el1, va ^ UINT64_C(1) << 55, &ipa));
}

/* Red when a granule, a size of the address space, a block's level, a half or a byte order is walked wrongly. */
static void test_walk(void **state)
{
    static const struct { uint8_t granule, size, first; } shapes[] = {
        {12, 48, 0}, {12, 39, 1}, {12, 40, 0}, {12, 36, 1}, {12, 30, 2}, {14, 48, 0}, {14, 47, 1}, {14, 36, 2}, {16, 48, 1}, {16, 42, 2}, {16, 33, 2},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned variant = 0; variant < 4; variant++)
            for (unsigned last = shapes[i].granule == 12 ? 1 : 2; last <= 3; last++)
                if (last >= shapes[i].first)
                    check_walk(shapes[i].granule, shapes[i].size, shapes[i].first, last, variant & 1, variant & 2);
}

/* Red when a table outside RAM, a reserved granule, a disabled half, a reserved entry or FEAT_LPA2 is believed. */
static void test_walk_refuses(void **state)
{
    uint64_t va = 0x12345678, ipa;
    struct vcpu_el1 good = path_make(va, 0x5000, 12, 39, 1, 3, false, false), el1 = good;
    (void)state;
    assert_true(walk_translate(&el1, va, &ipa));
    el1.sctlr = 0;
    assert_true(walk_translate(&el1, 0x123456789abcdef0, &ipa) && ipa == 0x123456789abcdef0);
    el1 = good, el1.ttbr0 = RAM + RAM_SIZE;
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.ttbr0 = 0;
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.tcr |= 3 << 14;
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.tcr |= 1 << 7;
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.tcr |= UINT64_C(1) << 59;
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.tcr &= ~UINT64_C(63);
    assert_false(walk_translate(&el1, va, &ipa));
    el1 = good, el1.tcr |= 63;
    assert_false(walk_translate(&el1, va, &ipa));
    entry_put(RAM + 0x20000, va >> 12 & 511, 0x5001, false); /* level 3, bit 1 clear: reserved */
    assert_false(walk_translate(&good, va, &ipa));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accesses),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_walk_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
