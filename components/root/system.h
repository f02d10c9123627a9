/* The whole system as root has built it. */
#ifndef ROOT_SYSTEM_H
#define ROOT_SYSTEM_H

#include "description.h"
#include "instance.h"

#include <bulkhead/virtio_link.h>

enum { WAKE_ORDER = 2 }; /* of a monitor's wake signal */

/* A device of a VM that a driver serves; link.h. */
struct vm_link {
    const struct description_disk *described;
    struct vm *vm;
    struct component *driver;
    struct block memory;
    struct virtio_link *head; /* in root's space, but for the records; what others write there is checked or only shown */
    unsigned client; /* number among the driver's; bit of its wake signal */
    unsigned line;   /* INTID in the VM */
    cap_t monitor_slot; /* in the monitor's table: the driver's wake signal */
    cap_t driver_slot;  /* in the driver's table: the line; then the monitor's wake signal */
    uint64_t awaited_until; /* the driver must have heard what it was asked by then; 0: nothing */
};

struct vm {
    struct instance instance;
    const struct description_vm *described;
    cap_t guest_space, object;
    struct block ram;
    struct block uart_page; /* pl011_page.h of the monitor */
    struct block flash; /* both banks of flash memory; size 0: none */
    uint64_t place, place_small; /* free addresses of the monitor's space, while it is built */
    unsigned number; /* index in the description and the registry */
    uint64_t order_until;       /* an order must be taken by then; 0: none */
    struct vm_link links[DESCRIPTION_MAX_DISKS];
    uint64_t release_until;     /* its drivers must let go of its memory by then */
};

struct component {
    struct instance instance;
    const struct description_component *described;
    cap_t line_slots[DESCRIPTION_MAX_VMS]; /* in its table; 0: that VM has no doorbell to it */
    struct block manage;                   /* manage.c; two pages, if it manages others */
    uint32_t manage_answered;              /* number of the last request that was carried out */
    /* Of a driver (driver.h): */
    struct block dma;       /* memory for what its device reads and writes besides its clients' */
    volatile void *registers; /* of its device, in root's space */
    unsigned client_count;
    uint64_t place;         /* end of its clients' RAM in its space */
};

struct system {
    struct description description;
    struct instance uart;
    struct block console_block; /* root's own console */
    unsigned console_bit;
    cap_t uart_slot; /* of root's signal in `uart`'s table */
    struct vm vms[DESCRIPTION_MAX_VMS];
    struct component components[DESCRIPTION_MAX_COMPONENTS];
};

extern struct system the_system;

/** Reserves memory, builds and starts everything that `tree` describes; fails with a message. */
void system_build(const void *tree);

/** Builds and starts one VM (again); false, with a message, if that did not succeed. */
bool vm_build(struct vm *vm);
/** Memory and slots of a VM; once. */
void vm_reserve(struct vm *vm, unsigned number, unsigned index);

/** Memory and slots of a component, and building it; once each. */
void component_reserve(struct component *component, unsigned number, unsigned index);
bool component_build(struct component *component);
/** What doorbell number a VM has to the component, or -1. */
int component_doorbell(const struct component *component, const struct vm *vm);

/** Memory and slots of `uart`; once. */
void uart_reserve(unsigned index);
/** Builds and starts `uart` (again). */
bool uart_build(void);
/** Writes what uart's menu shows. */
void registry_update(void);

/** Renews the capabilities by which an instance and `uart` wake each other. */
void link_console(struct instance *instance);
/** The same for a VM and the components to which it has doorbells. */
void link_doorbells(struct vm *vm);

#endif
