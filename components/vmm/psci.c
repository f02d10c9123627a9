/* MPIDR of vCPU i: Aff0 = i, the other affinity fields zero. */
#include "psci.h"

#include "call_stubs.h"
#include "machine.h"
#include "report.h"

enum { AFFINITY_ON = 0, AFFINITY_OFF = 1, AFFINITY_ON_PENDING = 2 };

/* MPIDR_EL1's affinity fields; the others must be zero in an argument (DEN 0022 §5.1.4). */
static struct cpu *cpu_by_mpidr(uint64_t mpidr)
{
    return mpidr < machine.cpus ? cpu_at((unsigned)mpidr) : NULL;
}

static void answer(struct smccc_words *words, int64_t value)
{
    words->w[0] = (uint64_t)value;
}

void psci_version(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = PSCI_VERSION_1_1;
}

/* Any power state is one that keeps its context and whose wake-up event has already come: software has to cope with that (§5.4). */
void psci_cpu_suspend(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    thread_yield();
    answer(words, PSCI_SUCCESS);
}

static bool all_off(void)
{
    for (unsigned i = 0; i < machine.cpus; i++) {
        if (cpu_power_of(cpu_at(i)) != CPU_OFF)
            return false;
    }
    return true;
}

void psci_cpu_off(struct cpu *cpu, struct smccc_words *words)
{
    __atomic_store_n(&cpu->psci->power, CPU_OFF, __ATOMIC_SEQ_CST);
    if (all_off())
        report_line("VM %s: its last vCPU has switched itself off (CPU_OFF); only a restart brings it back: Ctrl-] r", machine.name);
    words->stops = true;
}

static int64_t not_off(const struct cpu *target)
{
    return cpu_power_of(target) == CPU_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
}

void psci_cpu_on(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    struct cpu *target = cpu_by_mpidr(words->w[1]);
    uint64_t entry = words->w[2];
    if (!target)
        answer(words, PSCI_INVALID_PARAMETERS);
    else if (!ram_at(entry & ~UINT64_C(3), 4))
        answer(words, PSCI_INVALID_ADDRESS);
    else
        answer(words, cpu_start(target, entry, words->w[3]) ? PSCI_SUCCESS : not_off(target));
}

static int64_t affinity_of(const struct cpu *cpu)
{
    switch (cpu_power_of(cpu)) {
    case CPU_ON:
        return AFFINITY_ON;
    case CPU_OFF:
        /* Not before its thread has left the guest for good: the caller may take the memory away. */
        return __atomic_load_n(&cpu->parked, __ATOMIC_SEQ_CST) ? AFFINITY_OFF : AFFINITY_ON;
    default:
        return AFFINITY_ON_PENDING;
    }
}

/* Levels above 0: one cluster, on as long as somebody can ask. */
void psci_affinity_info(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    uint64_t level = words->w[2];
    struct cpu *target = cpu_by_mpidr(words->w[1]);
    if (level > 3 || (!level && !target))
        answer(words, PSCI_INVALID_PARAMETERS);
    else
        answer(words, level ? AFFINITY_ON : affinity_of(target));
}

void psci_migrate_info_type(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    words->w[0] = PSCI_MIGRATE_NOT_NEEDED;
}

void psci_system_off(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    machine_request(REQUEST_OFF);
    words->stops = true;
}

void psci_system_reset(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    machine_request(REQUEST_RESET);
    words->stops = true;
}

/* Type 0: architectural warm reset, here the same as a cold one (§5.13). */
void psci_system_reset2(struct cpu *cpu, struct smccc_words *words)
{
    if (words->w[1])
        answer(words, PSCI_INVALID_PARAMETERS);
    else
        psci_system_reset(cpu, words);
}

void psci_features(struct cpu *cpu, struct smccc_words *words)
{
    (void)cpu;
    answer(words, smccc_offers((uint32_t)words->w[1]) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
}
