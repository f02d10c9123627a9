/* AArch32 guests: condition and IT state, the registers' places, what the monitor carries out (components/vmm/aarch32.c) and absorbs (sysreg.c), exception entry (inject_aarch32.c); the world switch (kernel/arch/aarch64/aarch32.c). */
#include "../../kernel/arch/aarch64/board.h"
#include "types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* System registers: a variable each. */
#define AARCH64_SYSREG_H
#define AARCH64_BARRIER_H
#define HOST_ARCH_TYPES_H /* AArch64's are meant */
#define read_sysreg(name) fake_##name
#define write_sysreg(value, name) (void)(fake_##name = (value))
#define isb() (void)0

static uint64_t fake_tpidr_el2, fake_cntfrq_el0, fake_cntpct_el0, fake_id_aa64pfr0_el1;
static uint64_t fake_icc_iar1_el1, fake_icc_eoir1_el1, fake_icc_dir_el1, fake_ich_hcr_el2, fake_ich_eisr_el2, fake_ich_elrsr_el2;
static uint64_t fake_dacr32_el2, fake_ifsr32_el2, fake_spsr_abt, fake_spsr_und, fake_spsr_irq, fake_spsr_fiq;

#include "../../kernel/arch/aarch64/arch_types.h"
#include "../../kernel/arch/aarch64/aarch32.c"
#undef LOAD
#include "../../components/vmm/aarch32.c"
#include "../../components/vmm/inject_aarch32.c"

struct gic gic;
static struct vcpu vcpu;
static struct vcpu_state page;

static struct {
    unsigned vcpu, sgis, version;
    uint64_t sgi;
} seen;

bool gic_sgi1r_write(unsigned index, uint64_t value)
{
    seen.vcpu = index;
    seen.sgi = value;
    seen.sgis++;
    return seen.version == 3;
}

static int setup(void **state)
{
    (void)state;
    memset(&page, 0, sizeof page);
    memset(&seen, 0, sizeof seen);
    vcpu.state = &page;
    seen.version = 3;
    page.regs.pc = 0x1000;
    page.regs.pstate = AARCH32_SUPERVISOR;
    for (unsigned i = 0; i < 31; i++)
        page.regs.x[i] = UINT64_C(0xffffffff00000000) | (100 + i); /* upper halves are not AArch32's */
    return 0;
}

enum { LONG = 1 << 25, VALID = 1 << 24, ALWAYS = 14 << 20, VCPU = 2, EC_SYSREG = 0x18, EC_CP14_MEMORY = 0x06 };

static enum aarch32_outcome trap(unsigned class, uint64_t iss)
{
    page.exit.syndrome = (uint64_t)class << CLASS_SHIFT | iss;
    return aarch32_carry_out(&page, VCPU);
}

#define DONE(class, iss) assert_int_equal(trap(class, iss), OUTCOME_DONE)

static void assert_stepped(unsigned bytes)
{
    assert_int_equal(page.regs.pc, 0x1000 + bytes);
}

/* --- pure ----------------------------------------------------------------------------------------------------------------------- */

/* Against the table of Arm ARM F1.3.1, by flags N Z C V. */
static void test_conditions(void **state)
{
    static const uint16_t holds[16] = {0xf0f0, 0x0f0f, 0xcccc, 0x3333, 0xff00, 0x00ff, 0xaaaa, 0x5555,
                                       0x0c0c, 0xf3f3, 0xaa55, 0x55aa, 0x0a05, 0xf5fa, 0xffff, 0xffff};
    (void)state;
    for (unsigned condition = 0; condition < 16; condition++)
        for (uint64_t flags = 0; flags < 16; flags++)
            assert_int_equal(aarch32_condition_holds(condition, flags << 28), holds[condition] >> flags & 1);
}

static uint64_t with_it(unsigned it)
{
    return AARCH32_SUPERVISOR | AARCH32_T | (uint64_t)(it & 3) << 25 | (uint64_t)(it & 0xfc) << 8;
}

/* ITTEE EQ: conditions EQ EQ NE NE, then none. */
static void test_it_block(void **state)
{
    static const unsigned conditions[] = {0, 0, 1, 1};
    uint64_t pstate = with_it(0x07);
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(aarch32_it(pstate) >> 4, conditions[i]);
        assert_true(aarch32_it(pstate) & 15);
        pstate = aarch32_it_advance(pstate);
    }
    assert_int_equal(pstate, AARCH32_SUPERVISOR | AARCH32_T);
    for (unsigned it = 0; it < 256; it++)
        assert_int_equal(aarch32_it(with_it(it)), it);
}

/* Arm ARM D1.20.1. */
static void test_register_places(void **state)
{
    static const struct {
        unsigned mode, sp, lr;
    } modes[] = {{AARCH32_USER, 13, 14},  {AARCH32_FIQ, 29, 30},   {AARCH32_IRQ, 17, 16},   {AARCH32_SUPERVISOR, 19, 18},
                 {AARCH32_ABORT, 21, 20}, {AARCH32_UNDEFINED, 23, 22}, {AARCH32_SYSTEM, 13, 14}};
    (void)state;
    for (unsigned m = 0; m < sizeof modes / sizeof modes[0]; m++) {
        for (unsigned n = 0; n < 13; n++)
            assert_int_equal(aarch32_register(modes[m].mode, n), modes[m].mode == AARCH32_FIQ && n >= 8 ? n + 16 : n);
        assert_int_equal(aarch32_register(modes[m].mode, 13), modes[m].sp);
        assert_int_equal(aarch32_register(modes[m].mode, 14), modes[m].lr);
        for (unsigned n = 16; n < 32; n++) /* a place already, or none */
            assert_int_equal(aarch32_register(modes[m].mode, n), n);
    }
}

/* --- traps ------------------------------------------------------------------------------------------------------------------------ */

static void test_failed_condition_is_skipped(void **state)
{
    (void)state;
    DONE(CLASS_CP15, LONG | VALID | 0 << 20 | 9 << 10 | 1); /* MRCEQ with Z clear, of a register that is not offered */
    assert_stepped(4);
    page.regs.pstate = with_it(0x08) & ~(UINT64_C(1) << 30); /* IT EQ, told by IT only */
    DONE(CLASS_WFX, 0);
    assert_stepped(6);
    assert_int_equal(aarch32_it(page.regs.pstate), 0);
    DONE(EC_CP14_MEMORY, LONG | VALID | 0 << 20);
    assert_stepped(10);
}

/* Red when a guest's WFI burns its CPU, or its WFE sleeps. */
static void test_wait(void **state)
{
    (void)state;
    assert_int_equal(trap(CLASS_WFX, LONG | VALID | ALWAYS), OUTCOME_WAIT);
    assert_stepped(4);
    DONE(CLASS_WFX, VALID | ALWAYS | ISS_WFE);
    assert_stepped(6);
}

static uint64_t mrc(unsigned opc1, unsigned crn, unsigned crm, unsigned opc2, unsigned rt, bool read)
{
    return LONG | VALID | ALWAYS | opc2 << 17 | opc1 << 14 | crn << 10 | rt << 5 | crm << 1 | read;
}

/* By the values that the kernel has left in the state page. */
static void test_identification(void **state)
{
    (void)state;
    page.id[1][0] = 7;
    page.id[3][0] = 8;
    page.id[3][2] = 9;
    DONE(CLASS_CP15, mrc(0, 0, 1, 0, 14, true)); /* ID_PFR0 into LR_svc */
    assert_int_equal(page.regs.x[18], 7);
    DONE(CLASS_VMRS, mrc(7, 7, 0, 0, 0, true)); /* MVFR0 */
    assert_int_equal(page.regs.x[0], 8);
    DONE(CLASS_VMRS, mrc(7, 5, 0, 0, 1, true)); /* MVFR2 */
    assert_int_equal(page.regs.x[1], 9);
    assert_stepped(12);
    assert_int_equal(trap(CLASS_CP15, mrc(0, 0, 1, 0, 14, false)), OUTCOME_UNDEFINED); /* they are not written */
    assert_int_equal(trap(CLASS_VMRS, mrc(7, 7, 0, 0, 0, false)), OUTCOME_UNDEFINED);
    assert_stepped(12);
}

/* DBGOSLSR, DBGDRAR read as zero; writes are ignored. LDC and STC are undefined. */
static void test_debug_registers(void **state)
{
    (void)state;
    DONE(CLASS_CP14, mrc(0, 1, 1, 4, 1, true));
    DONE(CLASS_CP14, mrc(0, 0, 2, 2, 2, false));
    assert_int_equal(page.regs.x[1], 0);
    assert_int_equal((uint32_t)page.regs.x[2], 102);
    DONE(CLASS_CP14_PAIR, LONG | VALID | ALWAYS | 3 << 10 | 4 << 5 | 1 << 1 | 1);
    assert_int_equal(page.regs.x[3] + page.regs.x[4], 0);
    assert_stepped(12);
    assert_int_equal(trap(EC_CP14_MEMORY, LONG | VALID | ALWAYS), OUTCOME_UNDEFINED);
    assert_stepped(12);
}

/* ID_DFR0 (no debug), and where AArch64 has its own registers. */
static void test_identification_reads_zero(void **state)
{
    (void)state;
    memset(page.id, 0xff, sizeof page.id);
    DONE(CLASS_CP15, mrc(0, 0, 1, 2, 3, true));
    assert_int_equal(page.regs.x[3], 0);
    for (unsigned crm = 3; crm < 16; crm++) {
        page.regs.x[4] = 1;
        DONE(CLASS_CP15, mrc(0, 0, crm, 0, 4, true));
        assert_int_equal(page.regs.x[4], 0);
    }
    DONE(CLASS_CP15, mrc(0, 0, 3, 0, 31, true)); /* to the flags: nowhere */
    assert_stepped(60);
}

/* By another register number in AArch32, or as a write. */
static void test_absorbed_registers(void **state)
{
    (void)state;
    DONE(CLASS_CP15, mrc(0, 1, 0, 3, 1, true)); /* ACTLR2 */
    assert_int_equal(page.regs.x[1], 0);
    DONE(CLASS_CP15, mrc(0, 7, 14, 2, 2, false)); /* DCCISW */
    DONE(CLASS_CP15, mrc(0, 12, 12, 5, 14, true)); /* ICC_SRE into LR_svc */
    assert_int_equal(page.regs.x[18], 7);
    assert_stepped(12);
    page.regs.pstate = 5 | 1 << 21; /* AArch64, stepping */
    page.exit.syndrome = LONG | (uint64_t)EC_SYSREG << 26 | SYSREG_ISS(2, 0, 1, 1, 4) | 3 << 5 | 1; /* OSLSR_EL1 */
    assert_true(sysreg_access(&page));
    assert_int_equal(page.regs.x[3], 8);
    assert_int_equal(page.regs.pstate, 5);
    assert_stepped(16);
    page.exit.syndrome = LONG | (uint64_t)EC_SYSREG << 26 | SYSREG_ISS(3, 3, 9, 12, 0); /* PMCR_EL0: none of them */
    assert_false(sysreg_access(&page));
    assert_stepped(16);
}

/* And classes of which this monitor knows nothing. */
static void test_unknown_is_undefined(void **state)
{
    (void)state;
    assert_int_equal(trap(CLASS_CP15, mrc(0, 9, 12, 0, 0, true)), OUTCOME_UNDEFINED); /* PMCR */
    assert_int_equal(trap(CLASS_CP15_PAIR, LONG | VALID | ALWAYS | 2 << 16 | 14 << 1), OUTCOME_UNDEFINED); /* CNTP_CVAL */
    for (unsigned class = CLASS_DATA + 1; class < 64; class++)
        assert_int_equal(trap(class, LONG), OUTCOME_UNDEFINED);
    assert_int_equal(seen.sgis, 0);
    assert_stepped(0);
}

static void test_sgi_by_register_pair(void **state)
{
    (void)state;
    DONE(CLASS_CP15_PAIR, LONG | VALID | ALWAYS | 2 << 10 | 14 << 5 | 12 << 1); /* MCRR p15, 0, lr, r2, c12 */
    assert_int_equal(seen.sgi, 118 | UINT64_C(102) << 32);
    assert_int_equal(seen.vcpu, VCPU);
    assert_stepped(4);
    seen.version = 2; /* it has no such register */
    assert_int_equal(trap(CLASS_CP15_PAIR, LONG | VALID | ALWAYS | 2 << 10 | 14 << 5 | 12 << 1), OUTCOME_UNDEFINED);
    assert_stepped(4);
}

static void test_calls(void **state)
{
    (void)state;
    page.regs.x[0] = UINT64_C(0xffffffff84000003);
    assert_int_equal(trap(CLASS_HVC, LONG), OUTCOME_CALL);
    assert_int_equal(page.regs.x[0], 0x84000003);
    assert_int_equal(page.regs.x[3], 103);
    assert_stepped(0); /* it is behind the instruction already */
    assert_int_equal(trap(CLASS_SMC, LONG), OUTCOME_CALL);
    assert_stepped(4);
    page.regs.x[0] = 0xc4000003; /* 64 bits wide: not from here */
    DONE(CLASS_HVC, LONG);
    assert_int_equal(page.regs.x[0], 0xffffffff);
    page.regs.x[0] = 0x84000003;
    DONE(CLASS_SMC, LONG | 1 << 19 | VALID | 0 << 20); /* SMCEQ with Z clear */
    assert_int_equal(page.regs.x[0], 0x84000003);
    assert_stepped(8);
    assert_int_equal(trap(CLASS_SMC, LONG | VALID | 0 << 20), OUTCOME_CALL); /* CCKNOWNPASS is clear: nothing is said about a condition */
}

/* The kernel has rung: all that is left is the step. */
static void test_rung_doorbell_is_stepped_over(void **state)
{
    (void)state;
    page.regs.pstate = with_it(0x08);
    DONE(CLASS_DATA, VALID);
    assert_stepped(2);
    assert_int_equal(aarch32_it(page.regs.pstate), 0);
}

/* What is stepped over: two or four bytes, and one place of an IT block. */
static void test_skip(void **state)
{
    (void)state;
    page.regs.pstate = with_it(0x04) | AARCH32_SS; /* ITT EQ */
    aarch32_skip(&page.regs, VALID);
    assert_stepped(2);
    assert_int_equal(page.regs.pstate, with_it(0x08));
    aarch32_skip(&page.regs, LONG);
    assert_stepped(6);
    assert_int_equal(aarch32_it(page.regs.pstate), 0);
}

static void test_modes_on_offer(void **state)
{
    (void)state;
    fake_id_aa64pfr0_el1 = 0x12; /* EL1: AArch64 only */
    assert_int_equal(arch_vcpu_offers(VCPU_MODE_AARCH64), STATUS_OK);
    assert_int_equal(arch_vcpu_offers(VCPU_MODE_AARCH32), STATUS_UNSUPPORTED);
    fake_id_aa64pfr0_el1 = 0x22;
    assert_int_equal(arch_vcpu_offers(VCPU_MODE_AARCH32), STATUS_OK);
    assert_int_equal(arch_vcpu_offers(2), STATUS_ARGUMENT);
    assert_int_equal(arch_vcpu_offers(UINT64_C(1) << 32), STATUS_ARGUMENT);
}

/* What goes out is what comes in. */
static void test_world_switch(void **state)
{
    (void)state;
    page.aarch32 = (struct vcpu_aarch32){.dacr = 1, .ifsr = 2, .spsr_abt = 3, .spsr_und = 4, .spsr_irq = 5, .spsr_fiq = 6};
    struct vcpu_aarch32 before = page.aarch32;
    aarch32_load(&vcpu);
    memset(&page.aarch32, 0, sizeof page.aarch32);
    aarch32_unload(&vcpu);
    assert_memory_equal(&page.aarch32, &before, sizeof before);
}

/* --- exception entry -------------------------------------------------------------------------------------------------------------- */

static void test_undefined(void **state)
{
    (void)state;
    page.el1.vbar = 0x8000;
    page.regs.pstate = AARCH32_SUPERVISOR | AARCH32_F | UINT64_C(0xa) << 28;
    inject_undefined_aarch32(&page);
    assert_int_equal(page.regs.pc, 0x8004);
    assert_int_equal(page.regs.x[22], 0x1004);
    assert_int_equal(page.aarch32.spsr_und, AARCH32_SUPERVISOR | AARCH32_F | UINT64_C(0xa) << 28);
    assert_int_equal(page.regs.pstate, AARCH32_UNDEFINED | AARCH32_F | AARCH32_I | UINT64_C(0xa) << 28);

    page.regs.pc = 0x1000;
    page.regs.pstate = with_it(0x08);
    page.el1.sctlr = SCTLR_V | SCTLR_EE | SCTLR_TE;
    inject_undefined_aarch32(&page);
    assert_int_equal(page.regs.pc, 0xffff0004);
    assert_int_equal(page.regs.x[22], 0x1002);
    assert_int_equal(page.regs.pstate, AARCH32_UNDEFINED | AARCH32_I | AARCH32_T | AARCH32_E);
}

static void test_aborts(void **state)
{
    (void)state;
    page.el1.vbar = 0x8000;
    page.exit.fault_va = 0x9030000;
    page.exit.syndrome = 1 << 6; /* a store */
    inject_abort_aarch32(&page, false, 0x10);
    assert_int_equal(page.regs.pc, 0x8010);
    assert_int_equal(page.regs.x[20], 0x1008);
    assert_int_equal(page.el1.esr, FSR_WNR | 0x08);
    assert_int_equal(page.el1.far, 0x9030000);
    assert_int_equal(page.aarch32.spsr_abt, AARCH32_SUPERVISOR);
    assert_int_equal(page.regs.pstate, AARCH32_ABORT | AARCH32_A | AARCH32_I);

    page.regs.pc = 0x2000;
    page.exit.fault_va = 0x2000;
    page.el1.tcr = UINT64_C(1) << 31; /* long descriptors */
    inject_abort_aarch32(&page, true, 0x10);
    assert_int_equal(page.regs.pc, 0x800c);
    assert_int_equal(page.regs.x[20], 0x2004);
    assert_int_equal(page.aarch32.ifsr, 0x210);
    assert_int_equal(page.el1.far, UINT64_C(0x200009030000));
    page.el1.tcr = 0;
    inject_abort_aarch32(&page, true, 0x16);
    assert_int_equal(page.aarch32.ifsr, 0x0e);
    inject_abort_aarch32(&page, false, 0x21);
    assert_int_equal(page.el1.esr & ~(uint64_t)FSR_WNR, 0x01);
    inject_abort_aarch32(&page, false, 0x35);
    assert_int_equal(page.el1.esr & ~(uint64_t)FSR_WNR, 0x405);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_conditions), TEST(test_it_block), TEST(test_register_places), TEST(test_failed_condition_is_skipped),
        TEST(test_wait), TEST(test_identification), TEST(test_debug_registers), TEST(test_identification_reads_zero), TEST(test_absorbed_registers), TEST(test_unknown_is_undefined),
        TEST(test_sgi_by_register_pair), TEST(test_calls), TEST(test_rung_doorbell_is_stepped_over), TEST(test_skip), TEST(test_modes_on_offer), TEST(test_world_switch),
        TEST(test_undefined), TEST(test_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
