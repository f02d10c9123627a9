/* The guest's own translation, stage 1 of the EL1&0 regime in AArch64 (Arm ARM D8.2), walked in software. */
#ifndef VMM_WALK_H
#define VMM_WALK_H

#include <bulkhead/vcpu.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * Guest-physical address of the virtual address `va` by the registers in `el1` (after CALL_VCPU_SYNC). Permissions and the access flag are not
 * looked at: it is for what the processor has just fetched. False if there is no translation, or the tables lie outside RAM.
 */
bool walk_translate(const struct vcpu_el1 *el1, uint64_t va, uint64_t *ipa);

#endif
