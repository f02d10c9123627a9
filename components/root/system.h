/* The whole system as root has built it. */
#ifndef ROOT_SYSTEM_H
#define ROOT_SYSTEM_H

#include "description.h"
#include "instance.h"

enum { WAKE_ORDER = 2 }; /* of a monitor's wake signal */

enum vm_condition {
    VM_RUNNING,
    VM_OFF,     /* its guest switched itself off; the monitor is there still */
    VM_ENDING,  /* its partition is being destroyed; struct vm, next */
    VM_WAITING, /* to be built at restart_at */
    VM_FAILED,
};

struct vm {
    struct instance instance;
    const struct description_vm *described;
    cap_t guest_space, object;
    struct block ram;
    unsigned number; /* index in the description and the registry */
    enum vm_condition condition, next;
    cap_t reaper;               /* reaper.c */
    uint32_t rebuilds;          /* times it was built anew after the first */
    uint32_t delay_ms;          /* before the next restart after a crash */
    uint64_t built_at;          /* ticks */
    uint64_t restart_at;        /* in ticks */
    uint64_t order_until;       /* an order must be carried out by then; 0: none */
};

struct component {
    struct instance instance;
    const struct description_component *described;
    cap_t line_slots[DESCRIPTION_MAX_VMS]; /* in its table; 0: that VM has no doorbell to it */
    bool ended;
};

struct system {
    struct description description;
    struct instance uart;
    unsigned uart_ends; /* times that it faulted */
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
