/*
 * One row per function. The conduit does not matter: HVC and SMC reach the same rows. Calls of no row get NOT_SUPPORTED, which is an answer and
 * no fault (DEN 0028 §5.2), so they are not reported.
 */
#include "smccc.h"

#include "call_stubs.h"
#include "machine.h"
#include "psci.h"
#include "trng.h"

struct row {
    uint32_t function; /* 32-bit form */
    uint8_t forms;     /* which exist */
    void (*call)(struct cpu *cpu, struct smccc_words *words);
};

enum { FORM_32 = 1, FORM_64 = 2, FORM_BOTH = 3 };

#define FUNCTION_64 UINT32_C(0x40000000)
#define SMCCC_VERSION_1_2 UINT64_C(0x10002)

/* Function identifiers (DEN 0028 §7, DEN 0022 §5.1, DEN 0098 §2). */
#define SMCCC_VERSION UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)
#define VENDOR_HYP_UID UINT32_C(0x8600ff01)
#define PSCI_VERSION UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND UINT32_C(0x84000001)
#define PSCI_CPU_OFF UINT32_C(0x84000002)
#define PSCI_CPU_ON UINT32_C(0x84000003)
#define PSCI_AFFINITY_INFO UINT32_C(0x84000004)
#define PSCI_MIGRATE_INFO_TYPE UINT32_C(0x84000006)
#define PSCI_SYSTEM_OFF UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET UINT32_C(0x84000009)
#define PSCI_FEATURES UINT32_C(0x8400000a)
#define PSCI_SYSTEM_RESET2 UINT32_C(0x84000012)
#define TRNG_VERSION UINT32_C(0x84000050)
#define TRNG_FEATURES UINT32_C(0x84000051)
#define TRNG_GET_UUID UINT32_C(0x84000052)
#define TRNG_RND UINT32_C(0x84000053)

static void smccc_version(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = SMCCC_VERSION_1_2;
}

/*
 * The workaround calls (ARCH_WORKAROUND_1, _2, _3) are among those that nobody offers: a monitor at EL0 can neither carry them out nor find out
 * whether the processor needs them, so the guest must assume that there is no mitigation.
 */
static void smccc_arch_features(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    uint32_t function = (uint32_t)words->w[1];
    bool architecture = function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES;
    words->w[0] = architecture ? 0 : (uint64_t)SMCCC_NOT_SUPPORTED;
}

/* UUID of this hypervisor: 8f0c5d9a-6d0e-4f8c-9b1a-62756c6b6864, by DEN 0028 §6.2 least significant bytes first. */
static void vendor_uid(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = 0x9a5d0c8f;
    words->w[1] = 0x8c4f0e6d;
    words->w[2] = 0x75621a9b;
    words->w[3] = 0x64686b6c;
    words->results = true;
}

static const struct row rows[] = {
    {PSCI_CPU_SUSPEND, FORM_BOTH, psci_cpu_suspend},
    {PSCI_CPU_ON, FORM_BOTH, psci_cpu_on},
    {PSCI_CPU_OFF, FORM_32, psci_cpu_off},
    {PSCI_AFFINITY_INFO, FORM_BOTH, psci_affinity_info},
    {PSCI_VERSION, FORM_32, psci_version},
    {PSCI_FEATURES, FORM_32, psci_features},
    {PSCI_MIGRATE_INFO_TYPE, FORM_32, psci_migrate_info_type},
    {PSCI_SYSTEM_OFF, FORM_32, psci_system_off},
    {PSCI_SYSTEM_RESET, FORM_32, psci_system_reset},
    {PSCI_SYSTEM_RESET2, FORM_BOTH, psci_system_reset2},
    {SMCCC_VERSION, FORM_32, smccc_version},
    {SMCCC_ARCH_FEATURES, FORM_32, smccc_arch_features},
    {VENDOR_HYP_UID, FORM_32, vendor_uid},
    {TRNG_VERSION, FORM_32, trng_version},
    {TRNG_FEATURES, FORM_32, trng_features},
    {TRNG_GET_UUID, FORM_32, trng_get_uuid},
    {TRNG_RND, FORM_BOTH, trng_random},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static bool is_trng(uint32_t function)
{
    return (function & ~UINT32_C(3)) == TRNG_VERSION;
}

static const struct row *row_find(uint32_t function)
{
    uint8_t form = function & FUNCTION_64 ? FORM_64 : FORM_32;
    uint32_t plain = function & ~FUNCTION_64;
    if (machine.aarch32 && form == FORM_64)
        return NULL; /* not callable from AArch32 (DEN 0028 §2.9) */
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].function == plain)
            return rows[i].forms & form && (!is_trng(plain) || trng_is_offered()) ? &rows[i] : NULL;
    return NULL;
}

bool smccc_offers(uint32_t function)
{
    return row_find(function) != NULL;
}

static void words_load(struct smccc_words *words, const uint64_t *x)
{
    words->function = (uint32_t)x[0] & ~FUNCTION_64;
    words->wide = x[0] & FUNCTION_64;
    words->w[0] = (uint64_t)SMCCC_NOT_SUPPORTED;
    for (unsigned i = 1; i < 4; i++)
        words->w[i] = words->wide ? x[i] : (uint32_t)x[i];
    words->results = words->stops = false;
}

static void words_store(const struct smccc_words *words, uint64_t *x)
{
    x[0] = words->w[0];
    for (unsigned i = 1; words->results && i < 4; i++)
        x[i] = words->w[i];
}

bool smccc_call(struct cpu *cpu)
{
    struct smccc_words words;
    uint64_t *x = cpu->state->regs.x;
    words_load(&words, x);
    const struct row *row = row_find((uint32_t)x[0]);
    if (row)
        row->call(cpu, &words);
    words_store(&words, x);
    return !words.stops;
}

void smccc_build(void)
{
    vm_answer(machine.vm, SMCCC_VERSION, SMCCC_VERSION_1_2);
    vm_answer(machine.vm, PSCI_VERSION, PSCI_VERSION_1_1);
    vm_answer(machine.vm, PSCI_MIGRATE_INFO_TYPE, PSCI_MIGRATE_NOT_NEEDED);
}
