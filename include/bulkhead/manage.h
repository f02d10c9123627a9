/*
 * Managing: a component whose node in the system description has `manages = "linux", "uart";` may stop, start, restart and kill those,
 * and see what became of them and of the machine's resources. It shares two pages with root: one to ask, one to look. components/lib/manage.h
 * is the client's side.
 *
 * A request: fill in `verb` and `target`, then store `number`, one more than the last time, then raise the signal of the resource "manage" with the
 * mask that stands there. Root carries it out, writes `status` and then the request's number to `answered`, and raises bit MANAGE_WAKE_BIT of the
 * component's "wake". It raises that bit, too, when the state of something that the component manages has changed.
 */
#ifndef BULKHEAD_MANAGE_H
#define BULKHEAD_MANAGE_H

#include <bulkhead/startup.h>

enum {
    MANAGE_WAKE_BIT = 61, /* of "wake" */
    MANAGE_TARGETS = 33,  /* 16 VMs, 16 components, the UART's driver */
    MANAGE_SIZE = 8192,   /* struct manage_request in the first page, struct manage_view in the second */
};

enum manage_verb {
    MANAGE_LOOK,    /* nothing but a new `resources` */
    MANAGE_START,   /* what does not run, or waits for its restart: now. STATUS_STATE if it runs */
    MANAGE_STOP,    /* its partition ends; only MANAGE_START or MANAGE_RESTART brings it back */
    MANAGE_RESTART, /* its partition ends and is built anew at once. What died before does not count any more */
    MANAGE_KILL,    /* its partition is destroyed wherever it is; then as after any death. STATUS_STATE if it does not run */
    MANAGE_FAULT,   /* its memory is taken away, so that it faults in the middle of what it does (a VM: its monitor). STATUS_STATE as above */
};

enum manage_kind { MANAGE_VM, MANAGE_COMPONENT, MANAGE_UART };

enum manage_state {
    MANAGE_RUNNING,
    MANAGE_STARTING, /* a VM whose monitor has not entered the guest yet */
    MANAGE_OFF,      /* by order, or the VM's guest switched itself off */
    MANAGE_ENDING,   /* its partition is being destroyed */
    MANAGE_WAITING,  /* it died and will be started again */
    MANAGE_FAILED,   /* it died and stays so */
};

/* Written by the component. */
struct manage_request {
    uint32_t number;
    uint32_t verb;   /* enum manage_verb */
    uint32_t target; /* index in struct manage_view */
};

struct manage_target {
    char name[STARTUP_NAME_SIZE];
    uint32_t kind;     /* enum manage_kind */
    uint32_t state;    /* enum manage_state */
    uint32_t builds;   /* times that its partition was built */
    uint32_t deaths;   /* times that it was destroyed */
    uint32_t in_row;   /* restarts since it last ran well */
    uint32_t delay_ms; /* before the last of them */
};

/* As of the last request. */
struct manage_resources {
    uint64_t kernel_given; /* bytes of kernel memory that partitions were given */
    uint64_t kernel_used;  /* of these, in use, but by VMs that are up: how much that is depends on how far their monitors are */
    uint64_t root_used;    /* of these, in use by root's own partition */
    uint64_t ram_free;     /* bytes of RAM that root has given to nobody */
    uint32_t root_slots;   /* of root's capability table, in use */
    uint32_t irqs_bound;   /* physical interrupts with a receiver */
    uint32_t irqs_awake;   /* shared physical interrupts that are enabled, or active: no more than are bound */
    uint32_t tags;         /* given out in this generation of them (VMIDs) */
};

/* Written by root; read-only for the component. */
struct manage_view {
    uint32_t sequence; /* odd while root writes; whoever reads looks at it before and afterwards */
    uint32_t answered; /* number of the last request that was carried out */
    int32_t status;    /* of that one (status.h): STATUS_ARGUMENT for an unknown verb, STATUS_RANGE for an unknown target */
    uint32_t count;
    struct manage_resources resources;
    struct manage_target targets[MANAGE_TARGETS];
};

_Static_assert(sizeof(struct manage_view) <= MANAGE_SIZE / 2, "a page");

#endif
