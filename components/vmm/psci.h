/* Power State Coordination Interface 1.1 (DEN 0022). Each function answers the call in `words`. */
#ifndef VMM_PSCI_H
#define VMM_PSCI_H

#include "smccc.h"

enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INVALID_ADDRESS = -9,
};
enum { PSCI_MIGRATE_NOT_NEEDED = 2 };

#define PSCI_VERSION_1_1 UINT64_C(0x10001)

/** What each function does (DEN 0022 §5): arguments and answer in `words`. */
void psci_version(struct cpu *cpu, struct smccc_words *words);
void psci_cpu_suspend(struct cpu *cpu, struct smccc_words *words);
void psci_cpu_off(struct cpu *cpu, struct smccc_words *words);
void psci_cpu_on(struct cpu *cpu, struct smccc_words *words);
void psci_affinity_info(struct cpu *cpu, struct smccc_words *words);
void psci_migrate_info_type(struct cpu *cpu, struct smccc_words *words);
void psci_system_off(struct cpu *cpu, struct smccc_words *words);
void psci_system_reset(struct cpu *cpu, struct smccc_words *words);
void psci_system_reset2(struct cpu *cpu, struct smccc_words *words);
void psci_features(struct cpu *cpu, struct smccc_words *words);

#endif
