/*
 * Links between VMs' monitors and the drivers that serve their devices (bulkhead/virtio_link.h): memory of root's that outlives both. Root joins the two
 * sides whenever one of them is new, and takes the place of one that is gone.
 */
#ifndef ROOT_LINK_H
#define ROOT_LINK_H

#include "system.h"

/** Memory of all links, and where VMs' RAM will be in their drivers' spaces. Once, when VMs have their RAM. */
void links_reserve(void);

/** Bytes of kernel memory that the links take in the VM's partition, and in the driver's beside what any component takes. */
uint64_t links_kernel_bytes(const struct description_vm *described);
uint64_t links_driver_kernel_bytes(const struct component *driver);

/** What the monitor gets of its VM's links, and the driver of its clients', while they are being built. */
void links_give_monitor(struct vm *vm);
void links_give_driver(struct component *driver);

/** Renews the capabilities by which a VM, or a driver, and its peers reach each other: it is new. */
void links_join_vm(struct vm *vm);
void links_join_driver(struct component *driver);

/** Whether the driver is there: otherwise nobody waits for it, and its device does nothing. */
void links_driver_present(struct component *driver, bool present);

/** The monitor has something to say: if it waits for its devices to stop, their drivers have two seconds to show that they are alive. */
void links_look(struct vm *vm);

/** Ends drivers that have not. */
void links_check(struct vm *vm);

/** When one will be; DEADLINE_NEVER: none. */
uint64_t links_deadline(const struct vm *vm);

/** Stops the VM, which has links, and makes its drivers let go of its memory. */
void links_release(struct instance *in);

/** Whether they have; one that does not within two seconds dies. */
bool links_released(struct instance *in);

#endif
