/*
 * The machine's two banks of flash memory, of a VM with `firmware`: the first holds it and is read-only, the second is the guest's. A bank that shows
 * its contents is mapped into the guest, so that loads and fetches cost nothing; stores, and all accesses while it shows something else, come here.
 */
#ifndef VMM_FLASH_BANKS_H
#define VMM_FLASH_BANKS_H

#include <stdbool.h>
#include <stdint.h>

/** Fills the banks and puts them into the guest's address space. Does nothing for a VM without firmware. */
void flash_banks_build(void);

/** Power-on state; contents stay. */
void flash_banks_reset(void);

/** The guest could not fetch an instruction from `address`. True if that lies in a bank and may be tried again. */
bool flash_banks_fetch(uint64_t address);

#endif
