/* The whole system as root has built it. */
#ifndef ROOT_SYSTEM_H
#define ROOT_SYSTEM_H

#include "description.h"
#include "instance.h"

enum { WAKE_ORDER = 2 }; /* of a monitor's wake signal */

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
};

struct component {
    struct instance instance;
    const struct description_component *described;
    cap_t line_slots[DESCRIPTION_MAX_VMS]; /* in its table; 0: that VM has no doorbell to it */
    struct block manage;                   /* manage.c; two pages, if it manages others */
    uint32_t manage_answered;              /* number of the last request that was carried out */
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
