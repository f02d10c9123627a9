/*
 * The kernel interface: one table of calls for components (SVC #0) and guests (HVC #0, SMCCC's vendor-specific
 * hypervisor range, DEN 0028 §6). The first register bears the call's number (for a guest, CALL_HVC_BASE | number), the
 * following seven its arguments. On return the first register bears a status (status.h), the next ones the results that the call
 * documents; all other registers keep their values. AArch64: x0, x1–x7.
 *
 * A capability is named by its slot in the caller's partition's table: 1 … CAP_SLOTS - 1. A call that makes an object takes
 * a partition capability whose kernel memory pays for it, and a free slot of the caller's own table for
 * the object's original capability. Deleting the original destroys the object; capabilities derived from it go first.
 *
 * Times are absolute values of the physical counter (AArch64: CNTPCT_EL0). A call whose work is not bounded (delete, revoke) works in bounded
 * steps with interrupts let in between; the caller notices nothing of it.
 */
#ifndef BULKHEAD_CALL_H
#define BULKHEAD_CALL_H

#include <stdint.h>

typedef uint32_t cap_t;

enum {
    CAP_SLOTS = 16384,
    CAP_SELF = 1,   /* every partition: itself, RIGHT_CREATE | RIGHT_GRANT */
    CAP_SPACE = 2,  /* by convention: the component's own space */
    CAP_THREAD = 3, /* by convention: its first thread */
    CAP_SYSTEM = 4, /* root only */
    CAP_IRQS = 5,   /* root only: all shared peripheral interrupts */
    CAP_FIRST_FREE = 16,
};

enum cap_type {
    CAP_NONE,
    CAP_EXTENT,
    CAP_PARTITION,
    CAP_SPACE_OBJECT,
    CAP_THREAD_OBJECT,
    CAP_SIGNAL,
    CAP_PORTAL,
    CAP_IRQ,  /* a range of physical interrupts */
    CAP_VM,
    CAP_VCPU,
    CAP_LINE, /* a range of one VM's virtual interrupt lines; derived from CAP_VM */
    CAP_SYSTEM_OBJECT,
};

/* Rights, by type of capability. */
enum {
    RIGHT_READ = 1,       /* extent */
    RIGHT_WRITE = 2,      /* extent */
    RIGHT_EXECUTE = 4,    /* extent */
    RIGHT_KERNEL = 8,     /* extent: may become kernel memory */
    RIGHT_CREATE = 1,     /* partition: its kernel memory may be spent */
    RIGHT_GRANT = 2,      /* partition: capabilities may be put into its table */
    RIGHT_OBSERVE = 4,    /* partition, thread: statistics, fault descriptions */
    RIGHT_MAP = 1,        /* space */
    RIGHT_USE = 2,        /* space: threads and VMs may run in it */
    RIGHT_CONTROL = 1,    /* thread: start, stop; plus RIGHT_OBSERVE */
    RIGHT_RAISE = 1,      /* signal; VM, line: raise */
    RIGHT_WAIT = 2,       /* signal */
    RIGHT_CALL = 1,       /* portal */
    RIGHT_SERVE = 2,      /* portal */
    RIGHT_BIND = 1,       /* interrupt */
    RIGHT_CONFIGURE = 2,  /* VM: virtual interrupts, doorbells, constant answers, vCPUs */
    RIGHT_ENTER = 1,      /* vCPU: enter, synchronise */
    RIGHT_KICK = 2,       /* vCPU */
    RIGHT_POWER = 1,      /* system: off, reset */
    RIGHT_LOG = 2,        /* system: write to the kernel's log */
    RIGHT_ALL = 0x7f,
    RIGHT_DELEGATE = 0x80, /* any type: may be delegated (on) */
};

enum call {
    /*
     * CALL_NULL: does nothing. Anybody, guests too.
     */
    CALL_NULL = 0,

    /*
     * CALL_CAP_DELEGATE(partition, to, from, rights, first, size): derives a capability from the caller's slot `from`
     * (needs RIGHT_DELEGATE) into slot `to` of `partition` (needs RIGHT_GRANT). Rights are the intersection of the source's and
     * `rights`. For an extent, [first, first + size) is the part in bytes, page multiples; for interrupts and lines, the numbers; size 0 means
     * all of it. For a VM with first | size != 0: makes a CAP_LINE for the lines [first, first + size). For a signal, `first` is the mask of
     * bits that the new one may raise (0: those of the source); for a portal, the badge that its server sees.
     * STATUS_CAP, RIGHTS, EXISTS, RANGE, ARGUMENT, LIMIT (too deep), MEMORY.
     */
    CALL_CAP_DELEGATE,
    /*
     * CALL_CAP_DELETE(slot): revokes all that is derived from it, then empties the slot; destroys the object if this was its
     * original capability. Memory that another partition held with RIGHT_WRITE is scrubbed. Preemptible. STATUS_CAP, STATE (CAP_SELF).
     */
    CALL_CAP_DELETE,
    /*
     * CALL_CAP_REVOKE(slot): deletes all that is derived from it: capabilities in whatever table, mappings, kernel memory
     * (with the partition that lives in it), bindings of interrupts. When it returns nobody uses any of it, on no CPU. Preemptible. STATUS_CAP.
     */
    CALL_CAP_REVOKE,
    /*
     * CALL_CAP_IDENTIFY(slot) → type | rights << 8, base, size: what a slot holds. STATUS_CAP if it is empty.
     */
    CALL_CAP_IDENTIFY,

    /*
     * CALL_PARTITION_CREATE(to, extent, cpus, priority): a partition whose kernel memory is `extent` (needs
     * RIGHT_KERNEL, which no mappable extent bears; PARTITION_MIN_MEMORY to PARTITION_FEED_LIMIT; not delegated). Its threads may use the CPUs in the mask `cpus` and
     * priorities up to `priority`, both within the caller's own. The memory comes back when the partition's original
     * capability is deleted. STATUS_CAP, RIGHTS, EXISTS, BUSY, ARGUMENT, LIMIT, CPU, RANGE (priority).
     */
    CALL_PARTITION_CREATE,
    /*
     * CALL_PARTITION_FEED(partition, extent): more kernel memory for it (RIGHT_CREATE), at most PARTITION_FEEDS times. As above: STATUS_BUSY, LIMIT; STATE unless the extent, and
     * each one that it was derived from, stands in the table of somebody who made the partition (or made its maker …): else two could go with each other.
     */
    CALL_PARTITION_FEED,
    /*
     * CALL_PARTITION_STATS(partition) → bytes of kernel memory, bytes free: RIGHT_OBSERVE or CAP_SELF.
     */
    CALL_PARTITION_STATS,
    /*
     * CALL_PARTITION_CAP(partition, slot) → type | rights << 8, base, size: what a slot of its table holds. Of a capability for an object, base is the
     * physical address where the object lies: the same for all capabilities for it, in the memory of the partition that paid for it. RIGHT_OBSERVE.
     * STATUS_CAP if the slot is empty.
     */
    CALL_PARTITION_CAP,

    /*
     * CALL_SPACE_CREATE(partition, to, kind): an empty space; enum space_kind. STATUS_CAP, RIGHTS, EXISTS, RANGE, MEMORY, ARGUMENT.
     */
    CALL_SPACE_CREATE,
    /*
     * CALL_SPACE_MAP(space, extent, address, offset, size, access): maps [offset, offset + size) of the extent at `address` with
     * RIGHT_READ, RIGHT_WRITE, RIGHT_EXECUTE of `access`, all of which the extent must bear, with the largest
     * blocks that fit. Page multiples. The mapping is derived from the extent and goes with it. Needs RIGHT_MAP.
     * STATUS_EXISTS if anything is mapped there; STATUS_LIMIT if it takes more than SPACE_MAP_LIMIT blocks and pages, or the space has
     * SPACE_MAPPINGS mappings; STATUS_RANGE beyond the extent's end; STATUS_ARGUMENT.
     */
    CALL_SPACE_MAP,
    /*
     * CALL_SPACE_UNMAP(space, address): removes the mapping that begins at `address`, whole. RIGHT_MAP. STATUS_RANGE if none does.
     */
    CALL_SPACE_UNMAP,

    /*
     * CALL_THREAD_CREATE(partition, to, space, cpu, priority, signal, bits): a stopped thread in `space` (RIGHT_USE). When it faults or
     * exits, it stops and `bits` of `signal` are raised (RIGHT_RAISE; slot 0: nobody is told).
     * STATUS_CPU, RANGE (priority), CAP, RIGHTS, MEMORY, EXISTS, STATE (a guest's space), LIMIT (PARTITION_THREADS).
     */
    CALL_THREAD_CREATE,
    /*
     * CALL_THREAD_START(thread, pc, sp, argument): starts a stopped thread there, with `argument` in its first register and the others zero. RIGHT_CONTROL.
     * STATUS_STATE if it is not stopped; STATUS_DEAD if its space is gone.
     */
    CALL_THREAD_START,
    /*
     * CALL_THREAD_STOP(thread): when it returns the thread does not run any more. What it waited for is forgotten. RIGHT_CONTROL.
     */
    CALL_THREAD_STOP,
    /*
     * CALL_THREAD_FAULT(thread) → enum fault_class, pc, address, syndrome, link register, stack pointer: why it stopped. RIGHT_OBSERVE. For FAULT_EXIT, address bears the code.
     */
    CALL_THREAD_FAULT,
    /*
     * CALL_THREAD_STATS(thread) → ticks of CPU time, times switched to, state (enum thread_state_code). RIGHT_OBSERVE.
     */
    CALL_THREAD_STATS,
    /*
     * CALL_THREAD_YIELD(): lets the next one of the same priority run.
     */
    CALL_THREAD_YIELD,
    /*
     * CALL_THREAD_EXIT(code): stops the calling thread and raises its supervisor's signal.
     */
    CALL_THREAD_EXIT,

    /*
     * CALL_SIGNAL_CREATE(partition, to): a word of 64 bits, all clear. STATUS_RANGE, EXISTS.
     */
    CALL_SIGNAL_CREATE,
    /*
     * CALL_SIGNAL_RAISE(signal, bits): sets those of `bits` that the capability may raise and wakes the waiter if it waits for
     * one of them. RIGHT_RAISE. Guests too.
     */
    CALL_SIGNAL_RAISE,
    /*
     * CALL_SIGNAL_WAIT(signal, mask, deadline) → bits: waits until one of `mask` is set, takes and clears those. Deadline DEADLINE_POLL
     * does not wait, DEADLINE_NEVER has none. RIGHT_WAIT. STATUS_TIMEOUT, STATUS_BUSY (another thread waits), STATUS_DEAD.
     */
    CALL_SIGNAL_WAIT,

    /*
     * CALL_PORTAL_CREATE(partition, to): a portal that nobody serves yet. STATUS_RANGE, EXISTS.
     */
    CALL_PORTAL_CREATE,
    /*
     * CALL_PORTAL_CALL(portal, w0, w1, w2, w3, deadline) → r0, r1, r2, r3: waits for the server to be ready, hands it the words, lets it run on the
     * caller's CPU at no less than the caller's priority, and waits for its answer. RIGHT_CALL. STATUS_CPU if the server runs on another CPU,
     * STATUS_TIMEOUT, STATUS_DEAD (portal or server went away; whether the request was carried out is not known then),
     * STATUS_STATE (the caller is the server).
     */
    CALL_PORTAL_CALL,
    /*
     * CALL_PORTAL_WAIT(portal, r0, r1, r2, r3, deadline) → w0, w1, w2, w3, badge: answers the caller being served, if any, with r0…r3, and
     * waits for the next. RIGHT_SERVE. STATUS_TIMEOUT, BUSY (another thread serves), STATE (this one serves another portal), DEAD.
     */
    CALL_PORTAL_WAIT,

    /*
     * CALL_IRQ_BIND(irq, number, signal, bits, flags): from now on interrupt `number` raises `bits` of `signal` and stays masked until CALL_IRQ_ACK. The
     * calling thread's CPU takes it. flags: IRQ_EDGE or 0 (level). Needs RIGHT_BIND and the signal's RIGHT_RAISE. STATUS_RANGE, ARGUMENT (flags), BUSY (bound already), LIMIT (64 are, in all).
     * Signal slot 0 unbinds; so does the end of the capability `irq`, or of the signal.
     */
    CALL_IRQ_BIND,
    /*
     * CALL_IRQ_ACK(irq, number): handled; it may come again. RIGHT_BIND. STATUS_RANGE, STATE (it is not bound). Guests too.
     */
    CALL_IRQ_ACK,

    /*
     * CALL_VM_CREATE(partition, to, space): a VM without vCPUs in a guest space (RIGHT_USE). Its virtual counter starts at zero now. STATUS_RANGE, EXISTS,
     * STATE (not a guest space), BUSY (it has a VM: vCPUs of two would share what the TLB knows of either).
     */
    CALL_VM_CREATE,
    /*
     * CALL_VM_RESET(vm): forgets every virtual interrupt's configuration and state, as after CALL_VM_CREATE; the counter starts at zero again. RIGHT_CONFIGURE.
     * STATUS_BUSY while one of its vCPUs is entered.
     */
    CALL_VM_RESET,
    /*
     * CALL_VM_ANSWER(vm, function, value): from now on the kernel answers a guest's SMCCC call `function` with `value` in the first register, itself.
     * RIGHT_CONFIGURE. STATUS_LIMIT beyond VM_ANSWERS.
     */
    CALL_VM_ANSWER,
    /*
     * CALL_VM_DOORBELL(vm, address, signal, bits): a guest's store to the word at `address` (which must not be mapped) raises
     * `bits` of `signal`. RIGHT_CONFIGURE, the signal's RIGHT_RAISE. Signal slot 0 removes it. STATUS_ARGUMENT (no word's address), LIMIT beyond VM_DOORBELLS.
     */
    CALL_VM_DOORBELL,
    /*
     * CALL_VCPU_CREATE(partition, to, vm, index, space, address, mode): guest processor `index` (0 … VM_VCPUS - 1) of the VM (RIGHT_CONFIGURE), whose state page
     * (vcpu.h) is mapped at `address` of `space` (RIGHT_MAP). mode: 0, or another that the architecture's call.h names, for life. STATUS_EXISTS, RANGE, ARGUMENT, MEMORY, DEAD (the VM's space is gone),
     * UNSUPPORTED (mode).
     */
    CALL_VCPU_CREATE,
    /*
     * CALL_VCPU_ENTER(vcpu) → enum vcpu_exit_reason: runs the guest until something happens that the kernel does not handle; what, stands in the
     * state page. RIGHT_ENTER. STATUS_BUSY (another thread is in it), DEAD (its VM or space is gone), CPU (its registers
     * lie in another CPU: CALL_VCPU_SYNC brings them out). When it returns STATUS_OK, the architecture's call.h says which registers the caller still has.
     */
    CALL_VCPU_ENTER,
    /*
     * CALL_VCPU_KICK(vcpu): makes a running or the next CALL_VCPU_ENTER return with EXIT_KICKED. RIGHT_KICK. Guests too.
     */
    CALL_VCPU_KICK,
    /*
     * CALL_VCPU_SYNC(vcpu): brings the guest's system registers into the state page; the next enter loads them from there. RIGHT_ENTER. STATUS_BUSY while another thread is in it.
     */
    CALL_VCPU_SYNC,
    /*
     * CALL_VIRQ_RAISE(vm or line, number, level): sets (1) or clears (0) the level of virtual interrupt line `number`, for an edge-triggered one 1
     * makes it pending. Shared lines only. RIGHT_RAISE. STATUS_RANGE, STATE (it goes to no vCPU). Guests too.
     */
    CALL_VIRQ_RAISE,

    /*
     * CALL_SYSTEM_POWER(system, what): enum system_power. RIGHT_POWER. Does not return. STATUS_ARGUMENT.
     */
    CALL_SYSTEM_POWER,
    /*
     * CALL_SYSTEM_LOG(system, length, c0, c1, c2, c3): writes up to 32 characters, little-endian in the words, to the board's UART, whoever else uses
     * it. RIGHT_LOG. STATUS_ARGUMENT (more).
     */
    CALL_SYSTEM_LOG,
    /*
     * CALL_SYSTEM_STATS(system) → bytes of the kernel's image with its stacks and tables, bytes given to partitions, bytes of those in use, physical
     * interrupts bound, shared ones that are enabled or active, tags given out in this generation. Were more awake than are bound, something was left
     * over. RIGHT_LOG.
     */
    CALL_SYSTEM_STATS,

    /*
     * CALL_MULTICALL_PAGE(thread, space, address): gives a thread (RIGHT_CONTROL) a zeroed page for CALL_MULTICALL, in its partition's memory and mapped at
     * `address` of its space (RIGHT_MAP) as long as there are both. STATUS_EXISTS (it has one, or something is mapped there), STATE (not its space), ARGUMENT, MEMORY.
     */
    CALL_MULTICALL_PAGE,

    /*
     * CALL_MULTICALL(count): makes the calls in the first `count` entries of the calling thread's batch page, MULTICALL_WORDS words each, one after another, whatever
     * they answer: each one's status takes its number's place. Only calls that neither wait nor change who holds what, and answer nothing but a
     * status, can be made so: CALL_SIGNAL_RAISE, CALL_IRQ_ACK, CALL_VCPU_KICK, CALL_VIRQ_RAISE; others are answered STATUS_CALL there. It is
     * not interrupted; whoever it wakes runs afterwards. Components only: guests hold no capabilities yet. STATUS_LIMIT (more than MULTICALL_CALLS), STATE (no CALL_MULTICALL_PAGE before).
     */
    CALL_MULTICALL,

    /*
     * CALL_VCPU_WAIT(vcpu) → enum vcpu_exit_reason: CALL_VCPU_ENTER, but the guest waits for an interrupt first, as by an instruction that does so: for a monitor
     * that carries such a one out. RIGHT_ENTER. Statuses, and what is left of the caller's registers, as there: STATUS_BUSY, DEAD, CPU.
     */
    CALL_VCPU_WAIT,
    CALL_COUNT,

    CALL_ARCH = 0x80, /* calls of one architecture: <bulkhead/ARCH/call.h> */
};

enum { CALL_HVC_BASE = (int)0xc6000000 };

enum {
    PARTITION_MIN_MEMORY = 16384, /* bytes */
    PARTITION_FEED_LIMIT = 1048576, /* bytes of kernel memory handed over at once */
    PARTITION_FEEDS = 16,         /* CALL_PARTITION_FEEDs of one partition */
    PARTITION_THREADS = 64,       /* that a partition may have at a time */
    SPACE_MAPPINGS = 1024,        /* that a space may have at a time */
    SPACE_MAP_LIMIT = 512,        /* blocks and pages per call */
    SPACE_BITS = 39,              /* addresses in a space: 0 … 2^39 - 1 */
    MULTICALL_CALLS = 32,         /* of one CALL_MULTICALL */
    MULTICALL_WORDS = 4,          /* of each: its number, afterwards its status, and three arguments */
    VM_VCPUS = 8,
    VM_DOORBELLS = 16,
    VM_ANSWERS = 16,
    VM_LINES = 256,
    VM_LINE_SHARED = 32, /* those below are private to vCPUs */
    PRIORITIES = 64, /* 0 … 63; higher runs first */
};

enum space_kind { SPACE_COMPONENT, SPACE_GUEST };
enum { IRQ_EDGE = 1 };
enum system_power { POWER_OFF, POWER_RESET };

#define DEADLINE_POLL UINT64_C(0)
#define DEADLINE_NEVER UINT64_MAX

enum fault_class {
    FAULT_NONE,
    FAULT_EXIT,        /* it asked for it: CALL_THREAD_EXIT */
    FAULT_MEMORY,      /* access to an address where nothing (suitable) is mapped */
    FAULT_INSTRUCTION, /* undefined or forbidden instruction */
    FAULT_ALIGNMENT,
    FAULT_ERROR,       /* an access failed beyond its translation: external abort, SError, … */
    FAULT_OTHER,
};

enum thread_state_code { THREAD_CODE_STOPPED, THREAD_CODE_READY, THREAD_CODE_WAITING, THREAD_CODE_FAULTED };

#endif
