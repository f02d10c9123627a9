/*
 * What root tells a component it starts: a page at STARTUP_ADDRESS, read-only, also in the first register. A list of what it was given, by
 * name. Capability slots CAP_SELF, CAP_SPACE (RIGHT_MAP | RIGHT_USE) and CAP_THREAD (observe) are always there.
 */
#ifndef BULKHEAD_STARTUP_H
#define BULKHEAD_STARTUP_H

#include <stdint.h>

enum {
    STARTUP_MAGIC = 0x55534842, /* "BHSU" */
    STARTUP_ADDRESS = 0xff000,
    STARTUP_RESOURCES = 56,
    STARTUP_NAME_SIZE = 24,
};

/* One thing given. Fields that a kind does not use are zero. */
struct startup_resource {
    char name[STARTUP_NAME_SIZE];
    uint32_t slot;    /* capability: extent, signal, interrupt, line, VM … */
    uint32_t number;  /* interrupt or line number; bit number of a signal; a small parameter */
    uint64_t address; /* where it is mapped in the component's space; 0: not mapped */
    uint64_t size;    /* bytes */
    uint64_t value;   /* guest-physical address; mask of bits; another parameter */
};

struct startup {
    uint32_t magic;
    uint32_t count;
    char name[STARTUP_NAME_SIZE]; /* of the component's instance: the VM's name for a monitor */
    uint32_t cpu;                 /* that the first thread runs on */
    uint32_t priority;
    uint64_t timer_frequency;     /* Hz */
    uint32_t gic_version;
    uint32_t host_cpus;
    struct startup_resource resources[STARTUP_RESOURCES];
};

_Static_assert(sizeof(struct startup) <= 4096, "fits its page");

/*
 * Resources by receiver (root gives them, see components/root/):
 *
 * uart      "uart" registers (address, size, slot; number = enum uart_kind); "uart-irq" (slot = interrupts, number = INTID);
 *           "wake" (slot = signal to wait on; bit 63 is the UART's interrupt, bits 0 … n-1 the consoles' output);
 *           "console/NAME" once per console (address = struct console; number = bit of "wake"; slot = the peer's signal,
 *           to raise with the mask `value` when input or room for output is there; size = 1 if it has the focus at start);
 *           "keep" (address, size: memory that its successor gets as it was left);
 *           "root" (slot = signal to raise: bit masks ROOT_QUIT, ROOT_RESTART_0 …; address = struct registry, read-only).
 * vmm       "wake" (slot = signal; bit 0: console input or room; bit 1: orders from root, in struct vm_status);
 *           "console" (address = struct console; slot = signal to raise with mask `value` on output);
 *           "vm" (slot, RIGHT_CONFIGURE | RIGHT_RAISE); "guest-space" (slot, RIGHT_MAP);
 *           "ram" (slot; address in the monitor; value = guest-physical; size);
 *           "kernel", "initrd", "dtb" (address, size in bytes; read-only); "bootargs" (address, size);
 *           "firmware", "flash" (address, size: files of the banks of flash memory; absent: none);
 *           "banks" (with firmware; slot, address, size: memory of both; value = bytes of the first);
 *           "threads" (size = number of vCPUs; slot = thread of vCPU 0, RIGHT_CONTROL, the others' follow: root makes them, so that it learns of
 *           their faults);
 *           "gicv" (slot, size; GICv2); "seed" (address, size: 32 bytes for the DRBG; absent if the firmware gave none);
 *           "status" (address = struct vm_status; slot = root's signal, to raise with mask `value`);
 *           "on-reset" (number = 1: restart, 0: stop);
 *           "uart-page" (address; slot, RIGHT_READ: a page that the guest may read in place of its UART's registers);
 *           "doorbell" once per doorbell (slot = signal; value = mask; number = line; name "doorbell/COMPONENT");
 *           "device/…" once per passed-through range (slot; value = guest-physical; size) and "irq/…" (slot; number = INTID);
 *           "link/NAME" once per device that a driver serves (virtio_link.h; address, size = LINK_SIZE_MONITOR; slot = the driver's signal, to raise with
 *           the mask `value` when `request` has changed or a queue has something; number = INTID of the front's line, FRONT_LINE + the front's
 *           number). WAKE_LINK of "wake": the driver has answered, offers another thing, or is another one.
 * component "arguments" (address, size: text); "manage" (manage.h: address, size, slot = signal to raise with mask `value`);
 *           "wake" (slot = signal: bit i = doorbell i, bit 61 = manage.h's, bit 62 = console); "console" as for vmm; "line/VM" (slot = line, number; value = mask of the doorbell's bit in "wake").
 * driver    (compatible = "bulkhead,blk") "wake" (slot = signal: bit K = client K, bit 60 = the device's interrupt, bit 62 = console); "console";
 *           "client/K", K = 0, 1, … (address, size: struct virtio_link; slot = line of that VM, number = its INTID; slot + 1 = its monitor's signal, to be
 *           raised with WAKE_LINK; value = mask of bit K. Both slots are empty while that VM is not there); the windows in the link;
 *           "device" (address, size: registers; value = their physical address); "device-irq" (slot = interrupts, number = INTID, size = IRQ_EDGE or 0);
 *           "dma" (address, size, value = address for the device: memory for rings and requests; it outlives the driver, whose first act is to reset the device).
 */

/* Codes with which a component's thread ends itself: with a message on its console; because it has no signal to wait by (waiter.h). */
enum component_exit { COMPONENT_EXIT_FAILED = 1, COMPONENT_EXIT_NO_SIGNAL = 2 };

enum uart_kind { UART_PL011, UART_CADENCE };

/* Guest-physical addresses of a VM's doorbells, in the order of its resources "doorbell/…". Root connects them, too, when their component comes back. */
enum { DOORBELL_BASE = 0x0b000000, DOORBELL_SIZE = 4 /* of each one */ };


/*
 * Fronts of virtio devices in a VM: front i has its registers at FRONT_BASE + i * FRONT_SIZE and the line FRONT_LINE + i. Front 0 is the monitor's own
 * source of entropy. Root connects a link's doorbell, too (a store to QueueNotify), when its driver comes back.
 */
enum { FRONT_BASE = 0x0a000000, FRONT_SIZE = 0x1000, FRONT_NOTIFY = 0x50, FRONT_LINE = 64, FRONT_FIRST_LINK = 1, FRONT_MAX = 16 };

/* Bits of "wake": of a monitor's, and of a driver's. */
enum { WAKE_LINK = 64, DRIVER_WAKE_DEVICE_BIT = 60, DRIVER_WAKE_CONSOLE_BIT = 62 };

/* A VM's monitor and root: one page, mapped in both. `state`, `exit_code` and `text` are the monitor's, `order` root's. */
enum vm_state { VM_STATE_STARTING, VM_STATE_RUNNING, VM_STATE_OFF, VM_STATE_FAILED };
enum vm_order { VM_ORDER_NONE, VM_ORDER_RESTART, VM_ORDER_STOP };

struct vm_status {
    uint32_t state;    /* enum vm_state */
    uint32_t restarts; /* times the guest was (re)started by its monitor, the first time included */
    uint32_t order;    /* enum vm_order; the monitor sets it to VM_ORDER_NONE when it takes it */
    uint32_t reserved;
    char text[240];    /* VM_STATE_FAILED: one line, what happened and the remedy */
};

/* What the uart component's menu shows: root writes, uart reads. */
struct registry_entry {
    char name[STARTUP_NAME_SIZE];
    char state[16];       /* "running", "off", "failed", … */
    uint32_t restarts;
    uint32_t vcpus;
    uint64_t memory;      /* bytes */
};

struct registry {
    uint32_t count;
    uint32_t generation; /* counts changes */
    struct registry_entry entries[16];
};

enum root_signal { /* raised by uart towards root */
    ROOT_QUIT = 1,        /* switch the machine off */
    ROOT_RESTART_0 = 256, /* << index of the registry's entry: restart that VM; bits 8 … 23 */
};
/* Bits of root's signal: 0 quit; 8–23 restart VM i; 24–39 VM i's status changed; 40–55 a thread of partition i faulted or exited (i: order of creation); 56 uart's. */
enum { ROOT_STATUS_BIT = 24, ROOT_FAULT_BIT = 40, ROOT_UART_BIT = 56 };

#endif
