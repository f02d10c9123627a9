/*
 * A booted kernel on the simulated machine (kernel/arch/host), and short ways to do with it what components do. Root has made one partition,
 * the base, with plenty of kernel memory, handed it all it has, and sleeps. The base's thread on CPU 0 makes things, other threads make calls
 * when the test says so. What is made goes into the base's table and is paid by the base, unless it says otherwise.
 */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include "call.h"
#include "cpu.h"
#include "host.h"
#include "partition.h"
#include "portal.h"
#include "signal.h"
#include "space.h"
#include "thread.h"
#include "vm.h"
#include <bulkhead/bootinfo.h>
#include <bulkhead/call.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The base's slots besides CAP_SELF … CAP_IRQS. */
enum { SLOT_KERNEL = 16, SLOT_RAM, SLOT_DEVICE, SLOT_NEXT = 100 };

enum {
    MACHINE_CPUS = 4,
    BASE_PRIORITY = 60,
    BASE_MEMORY = 1 << 20, /* bytes of the base's kernel memory */
    THREAD_PC = 0x400000,
};

struct machine {
    struct partition *root, *base;
    const struct bootinfo *info;
    cap_t next_slot;
    uint64_t kernel_used, ram_used;
    unsigned repeats; /* times that the last call was made again */
};
extern struct machine machine;

/* Puts root's program behind the kernel. */
void machine_root(void);
/* Boots up to root's first instruction on CPU 0: both of the two steps between which a test may change the machine. */
void machine_boot(void);
void machine_reset(void);
void machine_start(void);
/* Boots and makes the base; ends everything, and fails the test if anything is left: memory, interrupts, mappings. For cmocka_unit_test_setup_teardown(). */
int machine_setup(void **state);
int machine_teardown(void **state);
#define MACHINE_TEST(function) cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)

/*
 * The thread that runs on the CPU makes a call, again as long as the kernel says so. The status; CALL_PENDING if the thread waits, runs a
 * guest or has stopped.
 */
status_t machine_call(unsigned cpu, unsigned long number, const uint64_t arguments[7]);
#define CALL(cpu, number, ...) machine_call(cpu, number, (const uint64_t[7]){__VA_ARGS__})
#define BASE(number, ...) CALL(0, number, __VA_ARGS__)
/* One try only: CALL_REPEAT if it has to be made again. */
status_t machine_call_once(unsigned cpu, unsigned long number, const uint64_t arguments[7]);
#define assert_status(expression, status) assert_int_equal((expression), (status))
#define assert_ok(expression) assert_int_equal((expression), STATUS_OK)

/* Register of the thread that runs on the CPU, and of any thread. */
uint64_t result(unsigned cpu, unsigned index);
uint64_t result_of(const struct thread *thread, unsigned index);

/* --- the base makes; the new capability's slot ---------------------------------------------------------------------------- */

cap_t slot_new(void);
cap_t make_kernel(uint64_t bytes);                /* extent of kernel memory */
cap_t make_ram(uint64_t bytes, uint64_t align);   /* extent of memory, all rights */
cap_t make_partition(uint64_t bytes, unsigned priority);
cap_t make_space(unsigned kind);
cap_t make_signal(void);
cap_t make_portal(void);
/* In the base and that space: started, stopped. */
cap_t make_thread(cap_t space, unsigned cpu, unsigned priority);
cap_t make_stopped_thread(cap_t space, unsigned cpu, unsigned priority, cap_t signal, uint64_t bits);
/* In another partition, in a space of its own. */
cap_t make_foreign_thread(cap_t partition, unsigned cpu, unsigned priority);
cap_t make_vm(cap_t *guest_space);
cap_t make_vcpu(cap_t vm, unsigned index, cap_t monitor, uint64_t address);
/* Derives the base's `from` into `to` of `partition`. */
status_t give(cap_t partition, cap_t to, cap_t from, unsigned rights);

/* --- what is behind a slot of the base ------------------------------------------------------------------------------------- */

void *object_at(cap_t slot);
struct thread *thread_at(cap_t slot);
struct space *space_at(cap_t slot);
struct vcpu *vcpu_at(cap_t slot);
struct vm *vm_at(cap_t slot);
struct partition *partition_at(cap_t slot);
const struct cap *cap_at(cap_t slot);

/* --- what happens at the lower level -------------------------------------------------------------------------------------- */

/* The running thread faults at the address. */
void machine_fault(unsigned cpu, uint64_t address);
/* The guest that runs on the CPU … */
void guest_exit(unsigned cpu, unsigned reason);
void guest_wait(unsigned cpu);
status_t guest_call(unsigned cpu, unsigned number, uint64_t *registers);
bool guest_ring(unsigned cpu, uint64_t address);

#endif
