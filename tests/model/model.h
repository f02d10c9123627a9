/*
 * A reference model of what the kernel's calls mean: capabilities and their derivation, memory and its mappings, partitions and their kernel
 * memory, threads, signals, portals, interrupts. It knows <bulkhead/call.h> and none of the kernel's own headers. Everything is a row of an array;
 * what follows from something else is worked out anew each time by going through the rows. Rows name each other by index; NONE is nobody.
 */
#ifndef MODEL_H
#define MODEL_H

#include <bulkhead/call.h>
#include <bulkhead/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NONE = -1,
    M_CPUS = 4,
    M_PARTITIONS = 24,
    M_THINGS = 320,
    M_NODES = 1400,
    M_ORDERS = 13,      /* a block of kernel memory has 1 << order bytes, 64 … 4096 */
    M_ORDER_MIN = 6,
    M_ORDER_PAGE = 12,
    M_PAGE = 4096,
    M_SLOTS_PER_PAGE = 64, /* capabilities in a page of a table */
    M_DEPTH_MAX = 255,
    M_SLICE = 2000,     /* ticks of round robin: 2 ms */
    M_IRQS = 512,
    M_IRQS_BOUND = 64,
    M_REGISTERS = 8,
    M_RAM_PAGES = 16384,
    M_BATCH = (MULTICALL_CALLS + 2) * MULTICALL_WORDS,
    M_PENDING = 1,      /* instead of a status: the caller waits, or does not run any more */
};

#define M_NEVER UINT64_MAX

/* A node of the derivation tree. */
enum m_kind {
    M_FREE,
    M_CAP,      /* in slot `slot` of partition `holder` */
    M_MAPPING,  /* of the parent extent, at `address` of `space` */
    M_DONATION, /* the parent extent is kernel memory of `partition` */
    M_FIXED,    /* a page of kernel memory mapped at `address` of `space` */
};

struct m_node {
    enum m_kind kind;
    int parent;
    uint64_t base, size; /* of an extent, interrupts; of others, size is what CALL_CAP_IDENTIFY says */
    int holder, thing;   /* M_CAP */
    unsigned slot, type, rights;
    bool original, device, guest_only;
    int space; /* M_MAPPING, M_FIXED */
    uint64_t address;
    unsigned access;
    int partition; /* M_DONATION */
    bool doomed;
};

struct m_partition {
    bool used;
    int thing;
    uint64_t cpus;
    unsigned priority;
    uint64_t bytes;
    unsigned feeds;
    uint64_t blocks[M_ORDERS];                        /* free ones, by order */
    bool pages[CAP_SLOTS / M_SLOTS_PER_PAGE];         /* of its table that exist */
    int16_t table[CAP_SLOTS];                         /* node, or NONE */
};

enum m_state { M_STOPPED, M_READY, M_WAITING, M_FAULTED };
enum m_wait { M_WAIT_NOTHING, M_WAIT_SIGNAL, M_WAIT_CALL, M_WAIT_SERVE };

struct m_thread {
    int partition, space;
    unsigned cpu, base, priority;
    enum m_state state;
    bool moved;            /* in the ready queues, since model.removal was cleared */
    uint64_t slice_end;    /* M_NEVER: it has a whole one before it */
    int64_t place;         /* among the ready ones of its priority the one with the lowest runs first */
    enum m_wait wait;
    int wait_thing;
    uint64_t mask, deadline, deadline_order, badge, queued /* order of calling */;
    int serving;           /* portal */
    int supervisor;        /* signal */
    uint64_t supervisor_bits;
    uint64_t registers[M_REGISTERS];
    uint64_t pc, sp, fault[6] /* as CALL_THREAD_FAULT answers */;
    uint64_t ticks;
    bool has_page;           /* for CALL_MULTICALL */
    int page;                /* its node, or NONE: its space is gone */
    uint64_t batch[M_BATCH]; /* its first words */
};

/* An object. */
struct m_thing {
    bool used, doomed;
    unsigned type; /* enum cap_type */
    int payer, original, order;
    void *kernel;  /* the kernel's own, for comparing */
    uint64_t address; /* where that lies */
    int partition; /* CAP_PARTITION */
    unsigned space_kind, tables; /* CAP_SPACE_OBJECT; pages of translation tables */
    unsigned tables_kept; /* those of root's boot information, which has no mapping: they stay with root */
    struct m_thread thread;
    uint64_t bits; /* CAP_SIGNAL */
    int waiter;
    int server, caller; /* CAP_PORTAL */
    bool idle;
    int vm_space; /* CAP_VM */
};

struct m_cpu {
    int running;
    uint64_t slice_end, switched_at;
};

struct m_irq {
    bool enabled, active;
    int signal, by; /* node of the capability that it was bound by */
    uint64_t bits;
};

/* Sizes of the kernel's objects as powers of two, which the model cannot know. */
struct m_costs {
    int thing[CAP_SYSTEM_OBJECT + 1];
    int mapping;
    size_t donation, partition; /* bytes */
};

struct model {
    struct m_costs costs;
    uint64_t now, system_bytes /* CALL_SYSTEM_STATS' first result */;
    int64_t back, front;   /* next places in the ready queues */
    uint64_t order;        /* counts what comes one after another */
    struct m_partition partitions[M_PARTITIONS];
    struct m_thing things[M_THINGS];
    struct m_node nodes[M_NODES];
    int nodes_end, things_end; /* behind the last row that was ever used */
    struct m_cpu cpus[M_CPUS];
    struct m_irq irqs[M_IRQS];
    int made;              /* thing that the last call made, or NONE */
    bool map_limit, map_exists, map_memory; /* what spoke against the last mapping */
    bool removal;          /* the last call worked in several steps: order of what woke, and slices begun in between, are the kernel's choice */
    uint64_t ram;          /* where memory begins */
    uint64_t content[M_RAM_PAGES]; /* what was written last to the first word of each page */
};
extern struct model model;

/* --- capability.c: who holds what ----------------------------------------------------------------------------------- */

struct m_node *m_node(int index);
int m_node_index(const struct m_node *node);
struct m_node *m_node_new(enum m_kind kind, int parent);
/* The capability in a slot; NULL: none. */
struct m_node *m_slot(int partition, uint64_t slot);
/* It, if it is of that type and bears the rights. */
struct m_node *m_find(int partition, uint64_t slot, unsigned type, unsigned rights, status_t *status);
/* May a capability be put there? Makes the table's page. */
bool m_slot_free(int partition, uint64_t slot, status_t *status);
struct m_node *m_cap_new(int partition, uint64_t slot, unsigned type, int parent);
unsigned m_depth(const struct m_node *node);
bool m_has_children(const struct m_node *node);
status_t m_delegate(int self, const uint64_t *r);
struct m_thing *m_thing(int index);
int m_thing_index(const struct m_thing *thing);
/* A thing, paid by `payer`; NULL and STATUS_MEMORY. */
struct m_thing *m_thing_new(int payer, unsigned type, status_t *status);
void m_thing_original(struct m_thing *thing, int holder, uint64_t slot);

/* --- removal.c: what goes with what ---------------------------------------------------------------------------------- */

/* Marks all that goes when the node's descendants go, and the node itself if `itself`. How many nodes these are. */
unsigned m_doom(struct m_node *node, bool itself);
void m_spare(void);
/* Does the doom stop the thread? */
bool m_doomed_thread(int thread);
/* Removes what is marked. */
void m_remove_doomed(void);

/* --- memory.c: kernel memory and mappings ------------------------------------------------------------------------------- */

bool m_take(int partition, int order);
void m_give(int partition, int order);
uint64_t m_free_bytes(int partition);
void m_donate(int partition, struct m_node *extent);
status_t m_partition_create(int self, const uint64_t *r);
status_t m_partition_feed(int self, const uint64_t *r);
status_t m_space_create(int self, const uint64_t *r);
status_t m_space_map(int self, const uint64_t *r);
status_t m_space_unmap(int self, const uint64_t *r);
/* A page of the payer's at `address`, of which nobody has a capability: its node, or NONE and why. */
int m_map_page(int space, int payer, uint64_t address, status_t *status);
/* Pages of translation tables that the space's mappings need, the root included. */
unsigned m_tables(int space);
/* One mapped block: how large is it at that address? 0: nothing is mapped there. */
uint64_t m_leaf(int space, uint64_t address, uint64_t *physical, unsigned *access, bool *device);

/* --- schedule.c: threads, signals, portals --------------------------------------------------------------------------------- */

/* Each CPU runs whom it should. */
void m_reschedule(void);
/* Who is next on the CPU? */
int m_pick(unsigned cpu);
void m_ready(int thread);
/* Time has come to model.now: deadlines and slices. */
void m_time(void);
void m_stop(int thread);
void m_fault(int thread, unsigned reason, uint64_t address, uint64_t syndrome);
void m_signal_raise(int signal, uint64_t bits);
status_t m_signal_wait(int thread, int signal, uint64_t mask, uint64_t deadline);
status_t m_portal_call(int thread, int portal, uint64_t badge, uint64_t deadline);
status_t m_portal_wait(int thread, int portal, uint64_t deadline);
/* Threads that wait for it are told that it is gone. */
void m_signal_end(int signal);
void m_portal_end(int portal);
void m_yield(int thread);
/* From here on moves in the ready queues are noted. */
void m_moves_forget(void);

/* --- calls.c ------------------------------------------------------------------------------------------------------------------- */

/* The thread that runs on the CPU calls; its registers hold number and arguments. M_PENDING or what it is answered. */
status_t m_call(unsigned cpu);
/* Is the call one that the model describes? */
bool m_knows(uint64_t number);
/* The physical interrupt comes; false if it is masked. */
bool m_irq(unsigned number);
/* Would a call remove something, and what: the node, or NULL. */
struct m_node *m_removal_of(unsigned cpu, const uint64_t *registers, bool *itself);

#endif
