/* The guest's machine: what root gave this monitor, the addresses that QEMU's `virt` board has them at, and what the machine is asked to do. */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <bulkhead/call.h>
#include <bulkhead/startup.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-physical addresses and interrupt numbers (INTID). */
enum {
    FLASH_BASE = 0,
    GICD_BASE = 0x08000000,
    GICD_SIZE = 0x10000,
    GICC_BASE = 0x08010000,
    GICC_SIZE = 0x2000,
    GICR_BASE = 0x080a0000,
    GICR_STRIDE = 0x20000, /* two frames of 64 KiB per vCPU */
    UART_BASE = 0x09000000,
    UART_INTID = 33,
    RTC_BASE = 0x09010000,
    RTC_INTID = 34,
    FW_CFG_BASE = 0x09020000,
    FW_CFG_SIZE = 0x18,
    DEVICE_SIZE = 0x1000,
};

/* Memory of the guest as the monitor sees it. */
struct ram {
    uint8_t *host;
    uint64_t base; /* guest-physical */
    uint64_t size; /* bytes */
};

/* A piece of read-only memory: an image, the boot arguments. */
struct blob {
    const uint8_t *data; /* NULL: not given */
    size_t size;
};

struct machine {
    const char *name;
    cap_t vm, guest_space, wake;
    cap_t threads; /* of vCPU 0; the others' follow */
    uint32_t cpus;
    uint32_t gic_version;
    struct ram ram;
    struct blob kernel, initrd, dtb, bootargs, seed;
    struct blob firmware, flash; /* of the two banks of flash memory; data NULL: none */
    bool restart_on_reset;
    bool aarch32; /* the kernel is a 32-bit one: vCPUs run EL1 in AArch32 state */
    struct vm_status *status;
    cap_t status_signal;
    uint64_t status_mask;
};

extern struct machine machine;

/* Bits of the signal "wake", for which the main thread waits. The first two are root's and uart's convention (startup.h). */
enum {
    WAKE_CONSOLE = 1,
    WAKE_ORDER = 2,
    WAKE_REQUEST = 4,
    WAKE_PARKED = 8,
    WAKE_ALARM = 16,
    WAKE_SLEEPER = 32, /* waiter.h */
    /* WAKE_LINK: startup.h */
};

/* What vCPU threads ask of the main thread. The first one counts until it is carried out. */
enum machine_request { REQUEST_NONE, REQUEST_OFF, REQUEST_RESET, REQUEST_FAIL };

/** Fills `machine` from the startup page, maps the guest's memory; ends the component with a message if something is missing. */
void machine_build(const struct startup *startup);

/** Asks the main thread; the calling vCPU's thread has to park then. */
void machine_request(enum machine_request request);

/** Takes the request made since the last time. */
enum machine_request machine_request_take(void);

/** `text` becomes the status line, which root reads when the VM fails. Root is not woken: its CPU may be another VM's, and a guest makes reports. */
void machine_text_set(const char *text);

/** Tells root a new state; `text` (may be NULL) becomes the status line. */
void machine_state_set(enum vm_state state, const char *text);

/** Whether guests may run at all; false while the main thread resets or holds the machine. */
bool machine_is_running(void);

/** Lets vCPUs run again. */
void machine_release(void);

/** Keeps vCPUs from running from their next exit on. */
void machine_hold(void);

/** [address, address + size) of guest memory as the monitor sees it, or NULL if it is not all within. */
void *ram_at(uint64_t address, uint64_t size);

#endif
