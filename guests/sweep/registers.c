/*
 * All of the system-register space: MRS and MSR with op0 2 and 3; SYSL and SYS, the same with op0 1: maintenance of caches and TLBs, translations.
 * A register that can be read is written with what was read, one that cannot with zero; SYS gets the address of a page that nobody needs.
 * Printed: encoding, EL1's read, EL1's write, EL0's read (op0 1: EL0's SYS), if any of them was not an undefined instruction: a value, `ok`,
 * `-` (undefined) or `class N`.
 */
#include "sweep.h"

enum {
    FIRST = 1 << 14, ENCODINGS = 3 << 14, /* op0:op1:CRn:CRm:op2, 16 bits */
    INSTRUCTIONS = 1 << 14,               /* of them, the first ones: op0 1 */
    MRS = 0xd5200000, MSR = 0xd5000000, ENCODING_SHIFT = 5, RET = 0xd65f03c0, SVC = 0xd4000001,
    SCTLR_ENRCTX = 1 << 10, SCTLR_DZE = 1 << 14, SCTLR_UCI = 1 << 26,
};

struct code {
    uint32_t read[2], write[2], user[2];
};

static struct code codes[ENCODINGS];
/* For DC ZVA and DC IVAC; no cache line and no block (DCZID_EL0) is larger. EL0 may only read it. */
static char scratch[4096] __attribute__((aligned(4096)));

static void generate(void)
{
    for (uint32_t i = 0; i < ENCODINGS; i++) {
        uint32_t field = (FIRST + i) << ENCODING_SHIFT;
        codes[i] = (struct code){{MRS | field, RET}, {MSR | field, RET}, {(i < INSTRUCTIONS ? MSR : MRS) | field, SVC}};
    }
    code_publish(codes, sizeof codes);
}

static uint64_t argument(uint32_t index, const struct outcome *read)
{
    if (index < INSTRUCTIONS)
        return (uintptr_t)scratch;
    return read->syndrome ? 0 : read->value;
}

static bool is_undefined(const struct outcome *outcome)
{
    return outcome->syndrome && outcome->syndrome >> CLASS_SHIFT == CLASS_UNKNOWN;
}

static void print_outcome(const struct outcome *outcome, uint64_t expected, bool value)
{
    if (is_undefined(outcome)) {
        print(" -");
    } else if (outcome->syndrome >> CLASS_SHIFT != expected) {
        print(" class ");
        print_hex(outcome->syndrome >> CLASS_SHIFT);
    } else if (value) {
        print(" ");
        print_hex(outcome->value);
    } else {
        print(" ok");
    }
}

static void print_encoding(uint32_t encoding)
{
    print("sweep: S");
    print_dec(encoding >> 14);
    print("_");
    print_dec(encoding >> 11 & 7);
    print("_C");
    print_dec(encoding >> 7 & 15);
    print("_C");
    print_dec(encoding >> 3 & 15);
    print("_");
    print_dec(encoding & 7);
}

/* True if it was undefined in every way. */
static bool try_one(uint32_t index)
{
    struct outcome read = run_el1(codes[index].read, 0);
    struct outcome write = run_el1(codes[index].write, argument(index, &read));
    struct outcome user = run_el0(el0_code(codes[index].user), PSTATE_EL0, el0_code(scratch), 0);
    if (is_undefined(&read) && is_undefined(&write) && is_undefined(&user))
        return true;
    print_encoding(FIRST + index);
    print_outcome(&read, 0, true);
    print_outcome(&write, 0, false);
    print_outcome(&user, CLASS_SVC64, index >= INSTRUCTIONS);
    print("\n");
    return false;
}

void registers_sweep(void)
{
    uint64_t undefined = 0, sctlr = read_sysreg(sctlr_el1);
    generate();
    write_sysreg(sctlr_el1, sctlr | SCTLR_ENRCTX | SCTLR_DZE | SCTLR_UCI); /* EL0 may use the instructions that are for it */
    for (uint32_t i = 0; i < ENCODINGS; i++)
        undefined += try_one(i);
    write_sysreg(sctlr_el1, sctlr);
    isb();
    print("sweep: ");
    print_dec(undefined);
    print(" encodings undefined\n");
}
