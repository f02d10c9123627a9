/* Applications of this guest, in AArch64 and AArch32: whatever they try is theirs or the guest's kernel's affair, as without a hypervisor. */
#include "sweep.h"

enum {
    SCTLR_A = 1 << 1, SCTLR_NTWI = 1 << 16, SCTLR_NTWE = 1 << 18,
    CPACR_FPEN = 3 << 20,
    FSC_ALIGNMENT = 0x21,
    SLEEP = 100000, /* ticks */
    WORDS = 4,
};
enum { WFX = 0x01, CP15 = 0x03, FP = 0x07, SVC32 = 0x11, SVC64 = 0x15, PC_ALIGN = 0x22, DATA = 0x24, STEP = 0x32 };

struct attempt {
    char what[52]; /* not a pointer: the image is free of absolute addresses */
    uint32_t code[WORDS]; /* A32, A64; for T32, halfwords from the lower one up */
    uint64_t pstate;
    uint64_t sctlr, cpacr; /* bits set in SCTLR_EL1 and CPACR_EL1 meanwhile */
    uint8_t class;
    uint8_t at; /* offset of ELR_EL1 from the code */
};

/* x0: the code; x1: the UART's flag register as EL0 sees it, or a doorbell. */
#define A64(word) {word, 0xd4000001, 0xd4000001}
static const struct attempt attempts64[] = {
    {"wfi, trapped by the guest's kernel", A64(0xd503207f), PSTATE_EL0, 0, 0, WFX, 0},
    {"svc", A64(0xd503201f), PSTATE_EL0, 0, 0, SVC64, 8},
    {"undefined", A64(0x00000000), PSTATE_EL0, 0, 0, CLASS_UNKNOWN, 0},
    {"hvc", A64(0xd4000002), PSTATE_EL0, 0, 0, CLASS_UNKNOWN, 0},
    {"smc", A64(0xd4000003), PSTATE_EL0, 0, 0, CLASS_UNKNOWN, 0},
    {"wfi", A64(0xd503207f), PSTATE_EL0, SCTLR_NTWI, 0, SVC64, 8},
    {"wfe", A64(0xd503205f), PSTATE_EL0, SCTLR_NTWE, 0, SVC64, 8},
    {"set/way", A64(0xd508765f), PSTATE_EL0, 0, 0, CLASS_UNKNOWN, 0},
    {"tlbi", A64(0xd508871f), PSTATE_EL0, 0, 0, CLASS_UNKNOWN, 0},
    {"floating point", A64(0x1e604000), PSTATE_EL0, 0, CPACR_FPEN, SVC64, 8},
    {"floating point, trapped by the guest's kernel", A64(0x1e604000), PSTATE_EL0, 0, 0, FP, 0},
    {"vector", A64(0x4e208400), PSTATE_EL0, 0, CPACR_FPEN, SVC64, 8},
    {"unaligned load, checked", A64(0xf8401002), PSTATE_EL0, SCTLR_A, 0, DATA, 0},
    {"unaligned load", A64(0xf8401002), PSTATE_EL0, 0, 0, SVC64, 8},
    {"unaligned exclusive load", {0x91000400, 0xc85f7c02, 0xd4000001}, PSTATE_EL0, 0, 0, DATA, 4},
    {"jump to an odd address", {0x91000400, 0xd61f0000, 0xd4000001}, PSTATE_EL0, 0, 0, PC_ALIGN, 1},
    {"load from the UART", A64(0xb9400022), PSTATE_EL0, 0, 0, SVC64, 8},
};

/* MDCCSR_EL0 and the UART are carried out by the hypervisor: the step must end behind the instruction, not behind the next one. */
static const struct attempt attempts_step[] = {
    {"step", A64(0xd503201f), PSTATE_EL0 | PSTATE_SS, 0, 0, STEP, 4},
    {"step over an absorbed register", A64(0xd5330102), PSTATE_EL0 | PSTATE_SS, 0, 0, STEP, 4},
    {"step over a load from the UART", A64(0xb9400022), PSTATE_EL0 | PSTATE_SS, 0, 0, STEP, 4},
    {"step over wfi", A64(0xd503207f), PSTATE_EL0 | PSTATE_SS, SCTLR_NTWI, 0, STEP, 4},
};

#define A32(word) {word, 0xef000007, 0xef000007}
#define T32_WIDE(first, second) {(uint32_t)(first) | (uint32_t)(second) << 16, 0xdf07df07}
#define T32(halfword) {(uint32_t)(halfword) | 0xdf070000u, 0xdf07df07}
/* ITE EQ, with the flag set: the instruction, an SVC that is passed over, one that is not. */
#define T32_IT(halfword) {0xbf0cu | (uint32_t)(halfword) << 16, 0xdf07df07}
#define PSTATE_T32_EQUAL (PSTATE_EL0_AARCH32 | PSTATE_T32 | 1 << 30)
static const struct attempt attempts32[] = {
    {"A32 svc", A32(0xe1a00000), PSTATE_EL0_AARCH32, 0, 0, SVC32, 8},
    {"A32 undefined", A32(0xe7f000f0), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 hvc", A32(0xe1400070), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 smc", A32(0xe1600070), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 MIDR", A32(0xee102f10), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 SCTLR", A32(0xee112f10), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 TPIDRURO", A32(0xee1d2f70), PSTATE_EL0_AARCH32, 0, 0, SVC32, 8},
    {"A32 DBGDIDR", A32(0xee102e10), PSTATE_EL0_AARCH32, 0, 0, SVC32, 8}, /* its trap comes by the vector of EL1, which is AArch64 */
    {"A32 implementation defined", A32(0xee1f2f10), PSTATE_EL0_AARCH32, 0, 0, CLASS_UNKNOWN, 0},
    {"A32 cntvct, trapped by the guest's kernel", {0xec532f1e, 0xef000007, 0xef000007}, PSTATE_EL0_AARCH32, 0, 0, 0x04, 0},
    {"A32 wfi", A32(0xe320f003), PSTATE_EL0_AARCH32, SCTLR_NTWI, 0, SVC32, 8},
    {"A32 wfi, condition false", A32(0x0320f003), PSTATE_EL0_AARCH32, SCTLR_NTWI, 0, SVC32, 8},
    {"A32 floating point", A32(0xeeb72b00), PSTATE_EL0_AARCH32, 0, CPACR_FPEN, SVC32, 8},
    {"A32 floating point, trapped by the guest's kernel", A32(0xeeb72b00), PSTATE_EL0_AARCH32, 0, 0, FP, 0},
    {"A32 load from the UART", A32(0xe5912000), PSTATE_EL0_AARCH32, 0, 0, SVC32, 8},
    {"T32 svc", T32(0xbf00), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, SVC32, 4},
    {"T32 undefined", T32(0xde00), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, CLASS_UNKNOWN, 0},
    {"T32 wfi", T32(0xbf30), PSTATE_EL0_AARCH32 | PSTATE_T32, SCTLR_NTWI, 0, SVC32, 4},
    {"T32 MIDR", T32_WIDE(0xee10, 0x2f10), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, CLASS_UNKNOWN, 0},
    {"T32 load from the UART", T32(0x680a), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, SVC32, 4},
    {"T32 wide load from the UART", T32_WIDE(0xf8d1, 0x2000), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, SVC32, 6},
    {"T32 load from the UART in an IT block", T32_IT(0x680a), PSTATE_T32_EQUAL, 0, 0, SVC32, 8},
};

static const struct attempt doorbells32[] = {
    {"A32 store to a doorbell", A32(0xe5812000), PSTATE_EL0_AARCH32, 0, 0, SVC32, 8},
    {"T32 store to a doorbell", T32(0x600a), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, SVC32, 4},
    {"T32 wide store to a doorbell", T32_WIDE(0xf8c1, 0x2000), PSTATE_EL0_AARCH32 | PSTATE_T32, 0, 0, SVC32, 6},
    {"T32 store to a doorbell in an IT block", T32_IT(0x600a), PSTATE_T32_EQUAL, 0, 0, SVC32, 8},
};

/* --- carrying out ----------------------------------------------------------------------------------------------------- */

static uint32_t place[WORDS] __attribute__((aligned(64)));
static uint64_t device; /* what x1 points to */

static void print_unexpected(const struct attempt *attempt, const struct outcome *outcome)
{
    print("sweep: ");
    print(attempt->what);
    print(": class ");
    print_hex(outcome->syndrome >> CLASS_SHIFT);
    print(" at ");
    print_hex(where - el0_code(place));
    print("\n");
}

/* So that none of this attempt wakes the next one's sleep. */
static void interrupts_take(void)
{
    for (uint32_t intid = gic_ack(); intid < GIC_SPURIOUS; intid = gic_ack())
        gic_eoi(intid);
}

static bool attempt_make(const struct attempt *attempt)
{
    uint64_t sctlr = read_sysreg(sctlr_el1), cpacr = read_sysreg(cpacr_el1);
    for (unsigned i = 0; i < WORDS; i++)
        place[i] = attempt->code[i];
    code_publish(place, sizeof place);
    write_sysreg(sctlr_el1, (sctlr & ~(uint64_t)SCTLR_A) | attempt->sctlr);
    write_sysreg(cpacr_el1, attempt->cpacr);
    write_sysreg(cntv_tval_el0, SLEEP); /* what ends a sleep */
    write_sysreg(cntv_ctl_el0, attempt->class != WFX); /* with an interrupt pending, WFI does not trap */
    struct outcome outcome =
        run_el0(el0_code(place), attempt->pstate, el0_code(place), ((uint64_t)EL0_DEVICES << GIB_SHIFT) + device);
    write_sysreg(cntv_ctl_el0, 0);
    write_sysreg(sctlr_el1, sctlr);
    write_sysreg(cpacr_el1, cpacr);
    isb();
    interrupts_take();
    if (outcome.syndrome >> CLASS_SHIFT == attempt->class && where == el0_code(place) + attempt->at)
        return true;
    print_unexpected(attempt, &outcome);
    return false;
}

static void attempts_make(const char *kind, const struct attempt *attempts, size_t count)
{
    uint64_t expected = 0;
    device = attempts == doorbells32 ? machine.doorbell : machine.uart + PL011_FR;
    for (size_t i = 0; i < count; i++)
        expected += attempt_make(&attempts[i]);
    print("sweep: ");
    print(kind);
    print(": ");
    print_dec(expected);
    print(" of ");
    print_dec(count);
    print(" as expected\n");
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void el0_try(void)
{
    attempts_make("applications", attempts64, COUNT(attempts64));
}

void aarch32_try(void)
{
    attempts_make("applications in AArch32", attempts32, COUNT(attempts32));
    if (machine.doorbell)
        attempts_make("doorbells in AArch32", doorbells32, COUNT(doorbells32));
}

void steps_try(void)
{
    write_sysreg(mdscr_el1, 1);
    attempts_make("steps", attempts_step, COUNT(attempts_step));
    write_sysreg(mdscr_el1, 0);
}
