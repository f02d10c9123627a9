/* What reaches the processor's debug registers, and when (kernel/arch/aarch64/debug.c), by way of the monitor (components/vmm/sysreg.c). */
#include "../../kernel/arch/aarch64/board.h"
#include "types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* System registers: a variable each; controls and values as arrays, so that a test can look at all of them. */
#define AARCH64_SYSREG_H
#define AARCH64_BARRIER_H
#define HOST_ARCH_TYPES_H /* AArch64's are meant */
#define read_sysreg(name) fake_##name
#define write_sysreg(value, name) (void)(fake_##name = (value), writes++)
#define clear_sysreg(name) write_sysreg(0, name)
#define isb() (void)0

enum { NUMBERS = 16, GARBAGE = 0x1e7 };
static uint64_t breakpoints[NUMBERS], watchpoints[NUMBERS], values[2][NUMBERS];
static uint64_t fake_tpidr_el2, fake_cntfrq_el0, fake_cntpct_el0, fake_id_aa64dfr0_el1, fake_mdscr_el1, fake_oslar_el1, fake_osdlr_el1;
static unsigned writes;
static uint64_t fake_icc_iar1_el1, fake_icc_eoir1_el1, fake_icc_dir_el1, fake_ich_hcr_el2, fake_ich_eisr_el2, fake_ich_elrsr_el2;

#define fake_dbgbcr0_el1 breakpoints[0]
#define fake_dbgbcr1_el1 breakpoints[1]
#define fake_dbgbcr2_el1 breakpoints[2]
#define fake_dbgbcr3_el1 breakpoints[3]
#define fake_dbgbcr4_el1 breakpoints[4]
#define fake_dbgbcr5_el1 breakpoints[5]
#define fake_dbgbcr6_el1 breakpoints[6]
#define fake_dbgbcr7_el1 breakpoints[7]
#define fake_dbgbcr8_el1 breakpoints[8]
#define fake_dbgbcr9_el1 breakpoints[9]
#define fake_dbgbcr10_el1 breakpoints[10]
#define fake_dbgbcr11_el1 breakpoints[11]
#define fake_dbgbcr12_el1 breakpoints[12]
#define fake_dbgbcr13_el1 breakpoints[13]
#define fake_dbgbcr14_el1 breakpoints[14]
#define fake_dbgbcr15_el1 breakpoints[15]
#define fake_dbgwcr0_el1 watchpoints[0]
#define fake_dbgwcr1_el1 watchpoints[1]
#define fake_dbgwcr2_el1 watchpoints[2]
#define fake_dbgwcr3_el1 watchpoints[3]
#define fake_dbgwcr4_el1 watchpoints[4]
#define fake_dbgwcr5_el1 watchpoints[5]
#define fake_dbgwcr6_el1 watchpoints[6]
#define fake_dbgwcr7_el1 watchpoints[7]
#define fake_dbgwcr8_el1 watchpoints[8]
#define fake_dbgwcr9_el1 watchpoints[9]
#define fake_dbgwcr10_el1 watchpoints[10]
#define fake_dbgwcr11_el1 watchpoints[11]
#define fake_dbgwcr12_el1 watchpoints[12]
#define fake_dbgwcr13_el1 watchpoints[13]
#define fake_dbgwcr14_el1 watchpoints[14]
#define fake_dbgwcr15_el1 watchpoints[15]
#define fake_dbgbvr0_el1 values[0][0]
#define fake_dbgbvr1_el1 values[0][1]
#define fake_dbgbvr2_el1 values[0][2]
#define fake_dbgbvr3_el1 values[0][3]
#define fake_dbgbvr4_el1 values[0][4]
#define fake_dbgbvr5_el1 values[0][5]
#define fake_dbgwvr0_el1 values[1][0]
#define fake_dbgwvr1_el1 values[1][1]
#define fake_dbgwvr2_el1 values[1][2]
#define fake_dbgwvr3_el1 values[1][3]

#include "../../kernel/arch/aarch64/arch_types.h"
#include "../../kernel/arch/aarch64/debug.c"
#include "../../components/vmm/sysreg.h"

unsigned sysreg_breakpoints(void)
{
    return 6;
}

unsigned sysreg_watchpoints(void)
{
    return 4;
}

enum { TDCC = 1 << 12, KDE = 1 << 13 }; /* in MDSCR_EL1 */

static struct cpu processor;
static struct vcpu_state page;
static struct vcpu_el1 *const el1 = &page.el1;

static int setup(void **state)
{
    (void)state;
    memset(&processor, 0, sizeof processor);
    memset(&page, 0, sizeof page);
    for (unsigned i = 0; i < NUMBERS; i++)
        breakpoints[i] = watchpoints[i] = GARBAGE;
    fake_mdscr_el1 = writes = 0;
    return 0;
}

static void start(unsigned breakpoint_count, unsigned watchpoint_count)
{
    setup(NULL);
    fake_id_aa64dfr0_el1 = (uint64_t)(breakpoint_count - 1) << 12 | (uint64_t)(watchpoint_count - 1) << 20;
    fake_mdscr_el1 = GARBAGE;
    debug_cpu_init();
    assert_int_equal(fake_mdscr_el1, 0);
    for (unsigned i = 0; i < NUMBERS; i++) { /* what is not there is undefined */
        assert_int_equal(breakpoints[i], i >= 6 && i < breakpoint_count ? 0 : GARBAGE);
        assert_int_equal(watchpoints[i], i >= 4 && i < watchpoint_count ? 0 : GARBAGE);
    }
}

/* Red when one that no guest has keeps what it had at reset. */
static void test_start(void **state)
{
    (void)state;
    for (unsigned count = 2; count <= NUMBERS; count++) {
        start(count, NUMBERS);
        start(6, count);
    }
}

/* Red when a control that the monitor wrote into the state page could match at EL2, in other security states or by VMID. */
static void test_controls(void **state)
{
    (void)state;
    memset(el1->debug, 0xff, sizeof el1->debug);
    el1->mdscr = MDSCR_MDE;
    debug_follow(&processor, el1);
    for (unsigned i = 0; i < NUMBERS; i++) {
        assert_int_equal(breakpoints[i], i < 6 ? 0x7f01e7 : GARBAGE);
        assert_int_equal(watchpoints[i], i < 4 ? 0x1f1f1fff : GARBAGE);
    }
    assert_int_equal(values[0][5] & values[1][3], UINT64_MAX);
}

static uint64_t emulate(uint32_t reg, bool read, uint64_t value)
{
    page.exit.syndrome = (uint64_t)EC_SYSREG << 26 | reg | 3 << 5 | read;
    page.regs.x[3] = value;
    assert_true(sysreg_access(&page));
    debug_follow(&processor, el1);
    return page.regs.x[3];
}

/* … or one that the guest writes; which reads what it is. */
static void test_emulate(void **state)
{
    (void)state;
    emulate(SYSREG(2u, 0, 0, 1, 5), false, UINT64_MAX); /* DBGBCR1 */
    emulate(SYSREG(2u, 0, 0, 3, 7), false, UINT64_MAX); /* DBGWCR3 */
    emulate(SYSREG(2u, 0, 0, 2, 2), false, UINT64_MAX);
    assert_int_equal(emulate(SYSREG(2u, 0, 0, 1, 5), true, 0), 0x7f01e7);
    assert_int_equal(emulate(SYSREG(2u, 0, 0, 3, 7), true, 0), 0x1f1f1fff);
    assert_int_equal(emulate(SYSREG(2u, 0, 0, 2, 2), true, 0), VCPU_MDSCR);
    assert_int_equal(fake_mdscr_el1, VCPU_MDSCR);
    assert_int_equal(breakpoints[1], 0x7f01e7);
    assert_int_equal(watchpoints[3], 0x1f1f1fff);
}

/* Red when Linux' MDSCR_EL1, which has TDCC for good, costs more than a comparison per change of sides. */
static void test_lazy(void **state)
{
    (void)state;
    el1->mdscr = TDCC | KDE;
    debug_follow(&processor, el1);
    assert_int_equal(fake_mdscr_el1, TDCC | KDE);
    writes = 0;
    for (unsigned i = 0; i < 3; i++) {
        debug_stop(&processor);
        debug_follow(&processor, el1);
    }
    assert_int_equal(writes, 0);
    el1->mdscr = 0; /* another guest, which has none */
    debug_follow(&processor, el1);
    assert_int_equal(fake_mdscr_el1, 0);
}

/* Red when a step or breakpoint of a guest's is on while a component runs, or off when the guest is back. */
static void test_sides(void **state)
{
    static const uint64_t live[] = {MDSCR_SS, MDSCR_MDE | KDE, MDSCR_SS | MDSCR_MDE | TDCC};
    (void)state;
    for (unsigned i = 0; i < sizeof live / sizeof live[0]; i++) {
        el1->mdscr = live[i];
        debug_follow(&processor, el1);
        assert_int_equal(fake_mdscr_el1, live[i]);
        debug_stop(&processor);
        assert_int_equal(fake_mdscr_el1 & (MDSCR_SS | MDSCR_MDE), 0);
        debug_follow(&processor, el1);
        assert_int_equal(fake_mdscr_el1, live[i]);
    }
    el1->mdscr = UINT64_MAX;
    debug_follow(&processor, el1);
    assert_int_equal(fake_mdscr_el1, VCPU_MDSCR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),          cmocka_unit_test_setup(test_controls, setup), cmocka_unit_test_setup(test_emulate, setup),
        cmocka_unit_test_setup(test_lazy, setup), cmocka_unit_test_setup(test_sides, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
