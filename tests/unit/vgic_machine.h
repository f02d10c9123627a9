/* Two processors of a VM on the fake GIC, and what a guest, a VMM and the hardware do. To be included once, by a test program. */
#ifndef TESTS_VGIC_MACHINE_H
#define TESTS_VGIC_MACHINE_H

#include "fake_gic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { VCPUS = 2, STORM = 50, SPI = 40 };

static struct vm *vm;
static struct vcpu *vcpus[VCPUS];
static struct thread threads[VCPUS]; /* each runs its vCPU */
static unsigned notified;
static bool notices_held;

/* --- what vgic.c needs of the kernel ------------------------------------------------------------------------------------- */

/* What another CPU does while the next request is on its way. */
static void (*meanwhile)(void);

void cpu_run_on(unsigned index, void (*function)(void *argument), void *argument)
{
    unsigned before = this_cpu;
    void (*happens)(void) = meanwhile;
    meanwhile = NULL;
    if (happens)
        happens();
    this_cpu = index;
    function(argument);
    this_cpu = before;
}

static inline void attend_here(void *argument)
{
    arch_vcpu_attend(&cpus[this_cpu], argument);
}

void vcpu_attend(struct cpu *cpu, struct vcpu *vcpu)
{
    arch_vcpu_attend(cpu, vcpu);
}

void vcpu_notify(struct vcpu *vcpu)
{
    notified++;
    if (!notices_held)
        cpu_run_on(vcpu->cpu, attend_here, vcpu);
}

/* --- what fast.c needs ------------------------------------------------------------------------------------------------------ */

static jmp_buf resumed;
static unsigned settled;

_Noreturn void arch_resume(struct cpu *cpu)
{
    (void)cpu;
    longjmp(resumed, 1);
}

/* The calls of a batch: how many there were, of whom, and the answer; they make somebody ready if that is wanted. */
static const struct thread *several_of;
static uint64_t several_count;
static status_t several_status;
static bool several_wake;

status_t quick_batch(const struct thread *thread, uint64_t count)
{
    several_of = thread;
    several_count = count;
    cpus[this_cpu].resched = several_wake;
    return several_status;
}

uint64_t trap_abort_address(uint64_t esr)
{
    (void)esr;
    return fake_hpfar_el2 << 8 | (fake_far_el2 & (PAGE_SIZE - 1));
}

bool side_settle(struct cpu *cpu)
{
    settled++;
    cpu->arch.side = SIDE_COMPONENT;
    return true;
}

/* --- what switch.c needs ---------------------------------------------------------------------------------------------------- */

unsigned strays;
uint64_t no_translations[1];
static struct vcpu *fp_followed;

void strays_clear(void)
{
}

void vcpu_fp_follow(struct cpu *cpu, struct vcpu *vcpu)
{
    (void)cpu;
    fp_followed = vcpu;
}

uint64_t turn_slice_end(struct thread *thread)
{
    return thread->slice_end = 777;
}

/* Behind the first one. */
void thread_timer_add(struct cpu *cpu, struct thread *thread, uint64_t deadline)
{
    thread->deadline = deadline;
    thread->timer_next = NULL;
    cpu->timers->timer_next = thread;
    thread->timer_queued = true;
}

static struct frame *const long_way = NULL, *const left_guest = (struct frame *)1, *const passed = (struct frame *)2, *const rescheduled = (struct frame *)3;

/* --- entry.S: where the short ways end ------------------------------------------------------------------------------------------- */

static struct frame *went_from, *went_to;
static uint64_t given[5];

struct frame *frame_leave(struct frame *to, struct frame *from)
{
    went_from = from;
    went_to = to;
    return left_guest;
}

struct frame *frame_switch(struct frame *to, struct frame *from)
{
    went_from = from;
    went_to = to;
    return passed;
}

struct frame *frame_pass(struct frame *from, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, struct frame *to, struct cpu *cpu)
{
    went_from = from;
    went_to = to;
    memcpy(given, (const uint64_t[]){a, b, c, d, e}, sizeof given);
    cpu->arch.resume = to;
    return passed;
}

struct frame *svc_long(uint64_t number, uint64_t slot, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t deadline, struct cpu *cpu)
{
    memcpy(cpu->arch.resume->x, (const uint64_t[]){number, slot, a, b, c, d, deadline}, 7 * sizeof number);
    return long_way;
}

struct frame *frame_reschedule(struct cpu *cpu)
{
    (void)cpu;
    return rescheduled;
}

struct frame *svc_short(uint64_t number, uint64_t slot, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t deadline, struct cpu *cpu)
{
    svc_long(number, slot, a, b, c, d, deadline, cpu);
    return fast_call(cpu, cpu->arch.resume);
}

bool vm_ring(struct vm *owner, saddr_t address)
{
    return owner == vm && owner->doorbell_count && owner->doorbells[0].address.raw == address.raw;
}

static unsigned takes;
void space_take(struct cpu *cpu, unsigned holder, struct space *taken)
{
    takes++;
    cpu->arch.held[holder] = (struct tag_holder){taken->tag.value, 0x4444};
}
/* --- the machine ------------------------------------------------------------------------------------------------------------- */

static inline void on(unsigned cpu)
{
    this_cpu = cpu;
}

static inline void load_on(unsigned cpu, unsigned index)
{
    on(cpu);
    vcpus[index]->cpu = cpu;
    vgic_load(vcpus[index]);
    cpus[cpu].loaded = vcpus[index];
    cpus[cpu].arch.side = SIDE_GUEST;
    arch_vcpu_attend(&cpus[cpu], vcpus[index]);
}

static inline void load(unsigned index)
{
    load_on(index, index);
}

static inline void unload(unsigned index)
{
    on(vcpus[index]->cpu);
    vgic_unload(vcpus[index]);
    cpus[this_cpu].loaded = NULL;
    cpus[this_cpu].arch.side = SIDE_COMPONENT;
}

/* Maintenance interrupts, as long as there is a reason. */
static inline void maintain(void)
{
    for (unsigned i = 0; fake_read_ich_misr_el2(); i++) {
        assert_true(i < STORM);
        vgic_maintenance(&cpus[this_cpu]);
    }
}

static inline void set(unsigned vcpu, unsigned field, unsigned first, uint64_t value)
{
    assert_int_equal(vgic_set(vm, vcpu, field, first, value), STATUS_OK);
}

static inline uint64_t get(unsigned vcpu, unsigned field, unsigned first)
{
    uint64_t value;
    assert_int_equal(vgic_get(vm, vcpu, field, first, &value), STATUS_OK);
    return value;
}

static inline void raise(unsigned line, unsigned level)
{
    assert_int_equal(arch_virq_raise(vm, line, level), STATUS_OK);
}

static inline void set_line(unsigned vcpu, unsigned field, unsigned line)
{
    set(vcpu, field, line & ~31u, UINT64_C(1) << line % 32);
}

static inline void start(unsigned version, unsigned lr_count)
{
    memset(fakes, 0, sizeof fakes);
    memset(active_shared, 0, sizeof active_shared);
    memset(cpus, 0, sizeof cpus);
    memset(guests, 0, sizeof guests);
    gic = (struct gic){.ops = version == 2 ? &fake_v2 : &fake_v3, .version = version, .lr_count = lr_count, .links = true};
    notices_held = false;
    short_ways = true;
    vm = calloc(1, sizeof *vm);
    vgic_vm_reset(vm);
    for (unsigned i = 0; i < VCPUS; i++) {
        cpus[i].index = i;
        vcpus[i] = calloc(1, sizeof *vcpus[i]);
        vcpus[i]->vm = vm;
        vcpus[i]->index = vcpus[i]->cpu = i;
        vcpus[i]->thread = cpus[i].current = &threads[i];
        threads[i].vcpu = vcpus[i];
        vgic_vcpu_reset(vcpus[i]);
        vm->vcpus[i] = vcpus[i];
    }
    set(0, VIRQ_FORWARDING, 0, 3);
    for (unsigned first = 32; first < VM_LINES; first += 32)
        set(0, VIRQ_ENABLE, first, UINT32_MAX);
    for (unsigned i = 0; i < VCPUS; i++)
        load(i);
    on(0);
    notified = 0;
}

static inline int setup(void **state)
{
    (void)state;
    start(3, 4);
    return 0;
}

static inline int setup_v2(void **state)
{
    (void)state;
    start(2, 4);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VCPUS; i++)
        free(vcpus[i]);
    free(vm);
    vm = NULL;
    return 0;
}

static inline void edge(unsigned line)
{
    set(0, VIRQ_EDGE, line & ~31u, get(0, VIRQ_EDGE, line & ~31u) | UINT64_C(1) << line % 32);
}

static inline void priority(unsigned line, unsigned value)
{
    set(0, VIRQ_PRIORITY, line, value);
}

static inline unsigned ack_on(unsigned cpu)
{
    on(cpu);
    maintain();
    unsigned line = guest_ack();
    if (line != NONE)
        guest_eoi(line);
    maintain();
    return line;
}

/* The physical timer interrupt is taken: active, and the timer still asserts it. */
static inline void timer_fire(unsigned cpu)
{
    on(cpu);
    assert_false(fakes[cpu].active_private[27]);
    fakes[cpu].active_private[27] = true;
    fakes[cpu].timer_control = 5;
    if (!interrupt_taken(27))
        vtimer_fired(&cpus[cpu]);
}

static inline void timer_setup(void)
{
    for (unsigned i = 0; i < VCPUS; i++)
        set(i, VIRQ_ENABLE, 0, 1u << 27);
}

/* The same the long way. */
static inline int setup_long(void **state)
{
    setup(state);
    short_ways = false;
    return 0;
}

#define V3_LONG(function) cmocka_unit_test_setup_teardown(function, setup_long, teardown)
#define V3(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define V2(function) cmocka_unit_test_setup_teardown(function, setup_v2, teardown)

#endif
