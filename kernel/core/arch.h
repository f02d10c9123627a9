/*
 * What every architecture gives the portable kernel: the contract. kernel/arch/<isa>/ implements these in files of the same
 * names; <arch_types.h> there defines struct arch_cpu, arch_thread, arch_vm, arch_vcpu,
 * struct vm_answer (uint32_t function, uint64_t value), ARCH_IRQS (physical interrupts have lower numbers), and the inline functions marked so; platform.h's `platform` is defined there, too.
 * All of it runs with interrupts masked, on the calling CPU unless it says otherwise, and none of it blocks.
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include "platform.h"
#include "types.h"
#include <arch_types.h>

struct cpu;
struct thread;
struct thread_fault;
struct space;
struct vm;
struct vcpu;

/* --- CPUs (cpu.c) ------------------------------------------------------------------------------------------------ */

/* Inline in <arch_types.h>: struct cpu *cpu_self(void); void arch_relax(void), the hint inside every spinning loop. */

/* Starts CPU `index` (1 …), which will call cpu_main(&cpus[index]). False, with a line in the log, if the firmware refuses. */
bool arch_cpu_start(unsigned index);
/* Makes CPU `index` call ipi_handle() soon; returns at once. What was stored before is visible there. */
void arch_ipi_send(unsigned index);
/* Is an interrupt waiting to be taken on this CPU? (Preemptible operations ask between steps.) */
bool arch_interrupt_pending(void);
/* Sleeps until an interrupt is pending, then handles it, if not all that are (calls ipi_handle, timer_handle, irq_handle as it may be) and returns. No guest or component side is set then. */
void arch_idle(struct cpu *cpu);
/* Goes to the lower level, where cpu->current is to run; the kernel's stack is empty afterwards. */
_Noreturn void arch_resume(struct cpu *cpu);
_Noreturn void arch_power(unsigned what /* enum system_power */);

/* --- Time (timer.c) ---------------------------------------------------------------------------------------------- */

/* Inline: uint64_t arch_counter(void), the counter that deadlines are in, and arch_counter_about(void), which may be read a little early; uint64_t arch_counter_frequency(void), Hz. */

/* Makes this CPU call timer_handle() when the counter reaches `deadline`; UINT64_MAX: never. Replaces the previous one. */
void arch_timer_set(uint64_t deadline);

/* --- The kernel's own memory (mmu.c) ------------------------------------------------------------------------------ */

/*
 * The stretch of RAM that may become kernel memory: chosen by the architecture before kernel_main(), with the translation tables for it made
 * then, so that the calls below never need memory. Only pages given to partitions are mapped.
 */
struct range arch_kernel_area(void);
/* The image, up to the last page that it needed of those that it has for stacks and tables: no more are taken once root starts. */
struct range arch_kernel_image(void);
/* Bytes of the translation tables that were made for the area, outside the image. */
uint64_t arch_kernel_area_tables(void);
/* Maps / unmaps the page for the kernel, read-write; it must lie in the area. Unmapped means: no CPU reaches it any more. */
void arch_kernel_map(paddr_t page);
void arch_kernel_unmap(paddr_t page);
/* Inline: void *phys_to_ptr(paddr_t), paddr_t ptr_to_phys(const void *): valid for mapped kernel memory and the image. */

enum { ARCH_SCRUB_STEP = 16 * PAGE_SIZE };
/* Zeroes `size` bytes of memory that the kernel does not have mapped, through this CPU's window, and cleans it to the point of coherency. At most
 * ARCH_SCRUB_STEP bytes, page multiples. */
void arch_scrub(paddr_t base, uint64_t size);

/* --- Translation (space.c): formats are data, the walker is core/table.c ------------------------------------------- */

enum { TABLE_LEVELS_MAX = 4 };

/* A format of translation tables: levels from 0 (root) down; what an entry looks like. */
struct table_format {
    unsigned levels;                        /* number of levels */
    unsigned shift[TABLE_LEVELS_MAX];       /* log2 of the bytes that one entry of the level spans */
    bool leaf[TABLE_LEVELS_MAX];            /* may an entry of the level map memory? */
    unsigned contiguous[TABLE_LEVELS_MAX];  /* number of adjacent entries that share one TLB entry when marked; 0: none */
    uint64_t (*table_entry)(paddr_t table);
    uint64_t (*leaf_entry)(unsigned level, paddr_t base, unsigned access /* RIGHT_* */, bool device, bool contiguous);
    bool (*is_table)(unsigned level, uint64_t entry);
    paddr_t (*entry_address)(uint64_t entry);
};
extern const struct table_format arch_space_format;

/* Makes the `bytes` of entries written at `entry` visible to the table walkers, before anything that relies on them. */
void arch_table_publish(const void *entry, size_t bytes);
/* Every CPU forgets translations of [address, address + size) of the space; returns when they have. */
void arch_space_flush(struct space *space, saddr_t address, uint64_t size);
/* A space's new tag is visible to every CPU before anything runs, or is flushed, under it. */
void arch_tag_publish(void);
/* Every CPU forgets everything tagged (tag rollover). */
void arch_tags_flush(void);
enum { TAGS_MAX = 4096 };
/* Largest tag plus one, at most TAGS_MAX and a multiple of 64; tag 0 is never used. */
unsigned arch_tag_count(void);

/* --- Threads (thread.c) ---------------------------------------------------------------------------------------- */

/* Prepares the registers of a thread that starts at `pc` with `sp` and `argument`. */
void arch_thread_start(struct thread *thread, uint64_t pc, uint64_t sp, uint64_t argument);
/* Inline: uint64_t *arch_call_registers(struct thread *): the eight registers of a call (number or status, arguments, results). */
/* When the thread faults, on its CPU, while it is current: where it is (pc, link, sp; link may be 0). */
void arch_thread_place(const struct thread *thread, struct thread_fault *fault);
/* The thread will execute its call instruction again (it was stopped between two steps of it). */
void arch_call_repeat(struct thread *thread);

/* From `from` (may be NULL: idle) to `to` (may be NULL): each either component side or, if it has entered a vCPU, guest side; vcpu_attend() follows then. */
void arch_thread_switch(struct cpu *cpu, struct thread *from, struct thread *to);

/* --- VMs and vCPUs (vcpu.c and the virtual interrupt controller's file) ---------------------------------------------- */

/* All virtual interrupts as after power-on, counter at zero; none of its vCPUs is loaded. */
void arch_vm_reset(struct vm *vm);
/* Can vCPUs be made in this mode (0: the architecture's usual one; others: its call.h)? STATUS_ARGUMENT: no such mode, STATUS_UNSUPPORTED: not on these CPUs. */
status_t arch_vcpu_offers(uint64_t mode);
void arch_vcpu_init(struct vcpu *vcpu, uint64_t mode);
/* It leaves its VM, in no CPU's registers any more: lines that were on their way to it are free for another vCPU. */
void arch_vcpu_detach(struct vcpu *vcpu);
/* The calling CPU's thread crosses over: to the guest side; back to the component side. */
void arch_vcpu_enter(struct cpu *cpu, struct vcpu *vcpu);
void arch_vcpu_leave(struct cpu *cpu, struct vcpu *vcpu);
/* The guest registers of cpu->loaded, which is `vcpu`, go back to memory; it becomes NULL. FP registers may stay. True: a virtual interrupt came meanwhile. */
bool arch_vcpu_unload(struct cpu *cpu, struct vcpu *vcpu);
/* So do its FP registers, if they are here. */
void arch_vcpu_release(struct cpu *cpu, struct vcpu *vcpu);
/* Would the guest take a virtual interrupt if it ran now (its own masking aside)? */
bool arch_vcpu_pending(struct vcpu *vcpu);
/* Counter value at which an unloaded vCPU's own timer will interrupt it; UINT64_MAX: never. */
uint64_t arch_vcpu_deadline(const struct vcpu *vcpu);
/* On the vCPU's CPU: virtual interrupts may have changed; bring them to the processor if the vCPU is loaded. */
void arch_vcpu_attend(struct cpu *cpu, struct vcpu *vcpu);
status_t arch_virq_raise(struct vm *vm, unsigned line, unsigned level);
/* Physical interrupt `number` comes as this line from now on: the guest's end of interrupt completes it. 0: none does; the line is not pending, and no end of interrupt completes anything any more. */
void arch_virq_link(struct vm *vm, unsigned line, unsigned number);
/* Sets or clears the wait-for-interrupt trap for the guest that this CPU runs: on while another thread is ready. */
void arch_wait_trap(struct cpu *cpu, bool on);

/* --- Physical interrupts (irq.c) --------------------------------------------------------------------------------- */

/* It comes to that CPU from now on, at once if its level is there already. The tree lock is held. */
void arch_irq_enable(unsigned number, unsigned cpu, bool edge);
/* It does not come any more, and what came and was not taken is forgotten, unless its level is there still. */
void arch_irq_disable(unsigned number);
/* Deactivates: it may come again. */
void arch_irq_complete(unsigned number);
/* How many that are not private to a CPU are enabled, or active. */
unsigned arch_irqs_awake(void);

/* --- Calls that only this architecture has (call.c) --------------------------------------------------------------- */

/* `registers` as of arch_call_registers(); returns the status. */
status_t arch_call(struct cpu *cpu, struct thread *thread, unsigned number, uint64_t *registers);

/* --- Log and panic (console.c, panic.c) --------------------------------------------------------------------------- */

/* One character to the board's UART, if it is known; waits for room. */
void arch_log_char(char c);
/* Prints registers and backtrace of the caller, stops the other CPUs, and the machine. Called by panic(). */
_Noreturn void arch_panic(void);

#endif
