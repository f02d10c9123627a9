/*
 * An instance: a partition with one component running in it. Root builds it in three steps (begin, what its kind adds, start), can destroy it, and
 * builds it again in the same memory and with the same slot numbers, so that capabilities to and from its peers can be renewed in place.
 */
#ifndef ROOT_INSTANCE_H
#define ROOT_INSTANCE_H

#include "memory.h"
#include "restart.h"

#include <bulkhead/console.h>
#include <bulkhead/startup.h>
#include <bulkhead/status.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Where things are in a component's space; its image is at COMPONENT_BASE and may be of any size. All of them lie within one table of the last
 * level with a small image: tables are the largest part of what a component costs in kernel memory.
 */
enum {
    PLACE_SHARED = 0x80000,  /* its struct shared */
    PLACE_MANAGE = 0x90000,  /* manage.h */
    PLACE_SETTINGS = 0xfe000, /* read-only: boot arguments, seed; then the startup page */
};

enum { SETTINGS_SEED = 0, SETTINGS_BOOTARGS = 64 };

/* Memory that the component shares with root and `uart`; each part is whole pages. */
struct shared {
    struct console console;
    union {
        struct vm_status status;
        struct registry registry; /* of `uart`: read-only there */
        uint8_t page[PAGE];
    };
};

enum condition {
    INSTANCE_RUNNING,
    INSTANCE_OFF,     /* stopped by order, or a VM whose guest switched itself off; then the monitor is there still */
    INSTANCE_ENDING,  /* its partition is being destroyed; `next` follows */
    INSTANCE_WAITING, /* to be built at restart_at */
    INSTANCE_FAILED,  /* died and stays so */
};

/* The first thread, which root starts, and a monitor's, one for each vCPU. */
enum { INSTANCE_THREADS = 1 + VM_VCPUS };

struct instance {
    const char *name;
    const char *image; /* package member */
    unsigned index;    /* order of creation */
    unsigned cpu, priority;
    uint64_t cpus;     /* that the partition may use */
    uint64_t kernel_bytes;

    cap_t partition, space, wake; /* root's slots of the originals */
    cap_t threads[INSTANCE_THREADS]; /* likewise: all that it will ever have, so that root learns of every fault */
    unsigned thread_count;
    struct block kernel, own, shared_block;
    struct shared *shared;
    uint64_t shared_size; /* of it, what the component has: without the union, or all */

    struct startup *startup; /* while it is being built */
    uint8_t *settings;
    uint64_t rw_size;
    uint64_t entry, stack;
    cap_t next_slot; /* of its table */
    bool broken;     /* a step of building failed, with a message */
    bool alive;
    bool refused;    /* the package does not have what it takes: it is never built */

    unsigned console_bit;      /* of `uart`'s wake signal */
    uint64_t console_mask;     /* of its own wake signal: what `uart` raises */
    cap_t console_slot;        /* in its table: `uart`'s wake signal */
    cap_t uart_slot;           /* in `uart`'s table: its wake signal */

    /* Its life (life.h). */
    enum condition condition, next;
    bool (*build)(struct instance *instance);
    void (*gone)(struct instance *instance);     /* after its partition has; NULL: nothing is to be done */
    void (*release)(struct instance *instance);  /* before its partition goes: stops it, and tells those that use its memory; NULL: nobody does */
    bool (*released)(struct instance *instance); /* they do not any more */
    bool releasing;
    bool restarts;          /* after a death */
    const char *stays;      /* what else to say when it stays stopped because of that */
    struct restart restart;
    cap_t reaper;           /* slot for the thread that ends it; 0: root itself does */
    uint32_t builds, deaths;
    uint64_t built_at;      /* ticks */
    uint64_t restart_at;    /* ticks */
};

/** Reserves memory and slots, for `thread_count` threads, or refuses the instance. Once, before the first instance_begin. */
void instance_reserve(struct instance *instance);

/** The package lacks something, or lies: says so. The instance will not be built; the others are. */
void instance_refuse(struct instance *instance, const char *member, const char *wrong);

/** Makes the partition with space, signal, stopped thread and a fresh image; opens the startup page. */
void instance_begin(struct instance *instance);

/** Closes the startup page and starts the thread. False if any step since instance_begin failed; then it is destroyed again. */
bool instance_start(struct instance *instance);

/** Gives it thread `number`, to start, in the next free slot of its table. */
void instance_give_thread(struct instance *instance, unsigned number, unsigned cpu, unsigned priority);

/** Takes its writable memory away, stack included: every thread of it faults at what it does next. */
void instance_make_fault(struct instance *instance);

/** Stops its threads, which would only see their objects go, and complain. */
void instance_stop(const struct instance *instance);

/** Destroys the partition with all that lives in it. */
void instance_destroy(struct instance *instance);

/** Notes a failed step, with a message that says what could not be done; true if `status` is STATUS_OK. */
bool instance_check(struct instance *instance, status_t status, const char *what);

/** Adds a resource to the startup page; never NULL. */
struct startup_resource *instance_resource(struct instance *instance, const char *name);

/** The next free slot of its table. */
cap_t instance_slot(struct instance *instance);

/** Delegates root's `from` into a new slot of its table; answers that. */
cap_t instance_give(struct instance *instance, cap_t from, unsigned rights, uint64_t first, uint64_t size, const char *what);

/** Maps a part of one of root's extents in its space. */
void instance_map(struct instance *instance, cap_t extent, uint64_t address, uint64_t offset, uint64_t size, unsigned access,
                  const char *what);

/** Adds "wake" and "console" to the startup page. */
void instance_add_console(struct instance *instance);

/** Raises a bit of its wake signal. */
void instance_wake(const struct instance *instance, uint64_t bits);

/** Root's signal: what reports faults, orders and status. */
enum { ROOT_SIGNAL = CAP_FIRST_FREE - 1 };

#endif
