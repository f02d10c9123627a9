/* AArch64's parts of the portable objects, and the inline half of the contract in core/arch.h. */
#ifndef AARCH64_ARCH_TYPES_H
#define AARCH64_ARCH_TYPES_H

#include "tag.h"
#include "types.h"
#include <bulkhead/aarch64/call.h>
#include <bulkhead/vcpu.h>

#include "gic.h"
#include "sysreg.h"

struct cpu;
struct vcpu;

enum place {
    PLACE_RUNNING, /* the space of the thread that runs: its component's */
    PLACE_LOADED,  /* the guest space of the loaded vCPU */
    PLACES,
    PLACE_WAYS = TAG_HOLDERS / PLACES,
};

/*
 * For whom the registers are set that EL0 obeys. While the monitor of the loaded vCPU runs, SCTLR_EL1, CPACR_EL1, CNTKCTL_EL1, CNTHCTL_EL2 and CPTR_EL2 are
 * still its guest's, since few monitors' exits need another value: whose instruction traps by them gets a component's (side_settle).
 */
enum side { SIDE_COMPONENT, SIDE_MONITOR, SIDE_GUEST };

struct arch_cpu {
    struct frame *resume;  /* where the next exception saves its registers, and the return takes them from; entry.S knows where this is */
    uint8_t side;          /* enum side; entry.S knows where this and the next one are, and looks at both in one go */
    bool debugging;        /* breakpoints or steps are on in `mdscr` */
    bool settled;          /* what EL0 obeys is a component's; after a guest, not before a component runs again */
    /* VTTBR_EL2 by place, and the tags behind it; for each place those of some spaces that it had before, by the tag's lowest bits. */
    struct tag_holder {
        uint64_t tag, vttbr;
    } place[PLACES], held[TAG_HOLDERS];
    uint64_t hcr;          /* HCR_EL2 of the loaded vCPU's side */
    bool wait_trap;        /* more than one thread is ready here: WFI of a guest must trap */
    uint32_t acknowledged; /* interrupt that fast.c took and left to irq_dispatch() */
    struct vcpu *fp_owner; /* whose FP/SIMD registers are */
    struct vcpu *last[PLACE_WAYS]; /* of PLACE_LOADED, by way: the last one that ran in the space whose tag is held there; NULL: whoever */
    uint64_t mdscr;        /* MDSCR_EL1: the last guest's, as far as it harms no component */
};

struct arch_thread {
    struct frame frame;
    uint64_t tpidr_el0;
};

enum { ARCH_IRQS = 1020 }; /* INTIDs of one CPU or shared: SGIs, PPIs, SPIs (IHI 0069, 2.2) */

enum { VIRQ_PRIVATE = VM_LINE_SHARED, VIRQ_NO_LR = 0xff, VIRQ_NONE = 0xffff, VIRQ_QUEUES = 32, VIRQ_SGIS = 16 };

/* A virtual interrupt line; meaning of `flags` and invariants in vgic.c. Guarded by the lock of the vCPU it targets. */
struct virq {
    uint16_t next, prev; /* in its vCPU's queue, by number */
    uint16_t physical;   /* linked physical interrupt; 0: none */
    uint8_t priority;
    uint8_t flags;
    uint8_t lr;      /* list register that holds it; VIRQ_NO_LR */
    uint8_t target;  /* vCPU; VM_VCPUS: none */
    uint8_t sources; /* GICv2 SGIs: set of vCPUs that sent it */
};

struct vm_answer {
    uint32_t function; /* SMCCC function identifier */
    uint64_t value;
};

struct arch_vm {
    uint64_t counter_offset; /* CNTVOFF_EL2 */
    uint64_t sgi_address;    /* GICv2: where GICD_SGIR is; 0: nowhere */
    uint8_t forwarding;      /* GICD_CTLR: groups that reach the vCPUs */
    uint8_t last[CPUS_MAX];  /* per CPU, index + 1 of the vCPU that was loaded there last */
    struct virq shared[VM_LINES - VIRQ_PRIVATE];
};

struct fp_state {
    __uint128_t v[32];
    uint64_t fpcr, fpsr;
};

enum { SPECIAL_AARCH32 = 1, SPECIAL_AUXILIARY = 2 /* registers of some processors */, SPECIAL_GIC = 4 /* another virtual CPU interface than most GICv3 have */ };

/* What the world switch looks at stands first, by who writes it: the rest of a line of 64 bytes behind what core/vm.h has of that kind, then a line of the vCPU's own CPU's. */
struct arch_vcpu {
    uint32_t posted;                /* SGIs that other vCPUs have sent, and nobody has looked at yet; set by any CPU, without the lock */
    uint8_t posted_from[VIRQ_SGIS]; /* GICv2: which ones; set before `posted`, taken after it */
    uint8_t unused[28];
    /* Virtual interrupts; see vgic.c. All zero in the first eight bytes: nothing but list registers to look at (vcpu_is_quiet). */
    uint32_t queued;               /* bit q: queue[q] is not empty */
    uint16_t lr_recheck;           /* bit n: lr_line[n] has changed since it came to list register n */
    uint8_t active_in_memory;      /* lines that are active and in no list register */
    uint8_t special;               /* SPECIAL_…: more is to be switched than what every vCPU has */
    uint16_t lr_used;              /* bit n: list register n holds lr_line[n] */
    uint16_t lr_again;             /* … and if it is empty and not to be rechecked, the line may be pending there again, without a further look */
    uint16_t lr_live;              /* while not loaded: … and lr[n] is not empty */
    bool timer_owned;              /* the physical timer interrupt is active on behalf of this vCPU */
    uint8_t fp_turns;              /* how often its FP registers are still loaded before it uses them (vcpu_fp_load) */
    uint64_t hcr;                  /* HCR_EL2 on the guest side, TWI apart */
    uint64_t vmpidr;
    uint64_t counter_offset;       /* its VM's */
    struct gic_interface interface; /* while not loaded */
    uint8_t way;                   /* of the CPU's PLACE_LOADED, where its space was last */
    uint8_t unseen;                /* 1: something was queued since it was last tried to put what waits into list registers */
    /* Seldom. */
    struct gic_interface_rest interface_rest;
    uint64_t lr[GIC_LRS_MAX];      /* what it holds while the vCPU is not loaded; while it is, what was written there last */
    uint16_t lr_line[GIC_LRS_MAX];
    uint16_t queue[VIRQ_QUEUES];   /* first line of each priority */
    uint16_t queue_last[VIRQ_QUEUES];
    struct virq private[VIRQ_PRIVATE];
    struct fp_state fp __attribute__((aligned(16))); /* while not the CPU's fp_owner */
};

static inline struct cpu *cpu_self(void)
{
    return (struct cpu *)read_sysreg(tpidr_el2);
}

/* Of a thread: struct thread is not complete here. */
#define arch_call_registers(thread) ((thread)->arch.frame.x)

static inline void arch_relax(void)
{
    __asm__ volatile("yield" : : : "memory");
}

static inline uint64_t arch_counter(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

static inline uint64_t arch_counter_about(void)
{
    return read_sysreg(cntpct_el0);
}

static inline uint64_t arch_counter_frequency(void)
{
    return read_sysreg(cntfrq_el0);
}

static inline void *phys_to_ptr(paddr_t address)
{
    return (void *)address.raw; /* the kernel's map is the identity */
}

static inline paddr_t ptr_to_phys(const void *pointer)
{
    return paddr((uint64_t)pointer);
}

#endif
