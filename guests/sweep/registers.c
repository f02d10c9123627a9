/*
 * All of the system-register space: MRS and MSR with op0 2 and 3. A register that can be read is written with what was read, one that cannot with zero.
 * Printed: encoding, EL1's read, EL1's write, EL0's read, if any of them was not an undefined instruction: a value, `ok`, `-` (undefined) or `class N`.
 */
#include "sweep.h"

enum {
    FIRST = 2 << 14, ENCODINGS = 2 << 14, /* op0:op1:CRn:CRm:op2, 16 bits */
    MRS = 0xd5200000, MSR = 0xd5000000, ENCODING_SHIFT = 5, RET = 0xd65f03c0, SVC = 0xd4000001,
};

struct code {
    uint32_t read[2], write[2], user[2];
};

static struct code codes[ENCODINGS];

static void generate(void)
{
    for (uint32_t i = 0; i < ENCODINGS; i++) {
        uint32_t field = (FIRST | i) << ENCODING_SHIFT;
        codes[i] = (struct code){{MRS | field, RET}, {MSR | field, RET}, {MRS | field, SVC}};
    }
    code_publish(codes, sizeof codes);
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
    struct outcome write = run_el1(codes[index].write, read.syndrome ? 0 : read.value);
    struct outcome user = run_el0(el0_code(codes[index].user), PSTATE_EL0, 0, 0);
    if (is_undefined(&read) && is_undefined(&write) && is_undefined(&user))
        return true;
    print_encoding(FIRST | index);
    print_outcome(&read, 0, true);
    print_outcome(&write, 0, false);
    print_outcome(&user, CLASS_SVC64, true);
    print("\n");
    return false;
}

void registers_sweep(void)
{
    uint64_t undefined = 0;
    generate();
    for (uint32_t i = 0; i < ENCODINGS; i++)
        undefined += try_one(i);
    print("sweep: ");
    print_dec(undefined);
    print(" encodings undefined\n");
}
