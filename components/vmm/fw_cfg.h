/*
 * QEMU's firmware configuration device (docs/specs/fw_cfg): through it a boot loader in flash memory gets the kernel, initrd and boot arguments
 * of the description. Of a VM with `firmware` only.
 */
#ifndef VMM_FW_CFG_H
#define VMM_FW_CFG_H

#include <stdint.h>

struct fw_cfg_state {
    uint64_t descriptor; /* guest-physical, as far as it was written */
    uint32_t key;        /* of the item selected */
    uint32_t offset;     /* of its next byte */
};

/** Puts the device into the guest's address space. Does nothing for a VM without firmware. */
void fw_cfg_build(void);

/** Power-on state. */
void fw_cfg_reset(void);

/** Its registers. */
uint64_t fw_cfg_read(unsigned vcpu, uint64_t offset, unsigned size);
void fw_cfg_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value);

#endif
