/*
 * A component for tests: kills what it manages, at instants and in ways that a seed decides, sees that each comes back, and that nothing of the
 * dead is left over. Arguments: seed=, rounds=, longest= (milliseconds that a victim may live, 30), least= (milliseconds that it lives in any
 * case, 0), every= (rounds between two looks at all kernel memory with the VMs stopped, 100).
 */
#include "arguments.h"
#include "call_stubs.h"
#include "clock.h"
#include "manage.h"
#include "print.h"
#include "startup.h"

#include <stdbool.h>
#include <stddef.h>

enum { PATIENCE_US = 60000000, POLL_US = 1000, US_PER_MS = 1000, ENOUGH = 5 /* leftovers */ };

static uint64_t state; /* of the random numbers */
static struct manage_view view;
static struct manage_resources awake, asleep; /* as it should be: all running; VMs stopped */
static uint64_t kills, faults, leftovers, refused, asleep_looks, generations;

/* xorshift64*, by Marsaglia and Vigna. */
static uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

static bool is_running(const struct manage_target *target)
{
    return target->state == MANAGE_RUNNING;
}

/* Built again after that many deaths, whether it runs already or starts. */
static bool is_back(const struct manage_target *target, uint32_t deaths)
{
    return target->deaths > deaths && target->builds > deaths && (target->state == MANAGE_STARTING || target->state == MANAGE_RUNNING);
}

static void need_time(uint64_t deadline, const char *what, const char *name)
{
    if (clock_now() < deadline)
        return;
    manage_look(&view);
    for (uint32_t i = 0; i < view.count; i++)
        console_print("reaper: %s: state %u, built %u times, died %u times\n", view.targets[i].name, view.targets[i].state,
                      view.targets[i].builds, view.targets[i].deaths);
    component_fail("reaper: %s does not %s within 60 s", name, what);
}

static void wait_all_running(void)
{
    uint64_t deadline = clock_deadline_us(PATIENCE_US);
    for (uint32_t i = 0;;) {
        manage_look(&view);
        while (i < view.count && is_running(&view.targets[i]))
            i++;
        if (i == view.count)
            return;
        manage_wait(clock_deadline_us(POLL_US));
        need_time(deadline, "run", view.targets[i].name);
    }
}

static void wait_state(uint32_t index, enum manage_state wanted)
{
    uint64_t deadline = clock_deadline_us(PATIENCE_US);
    for (manage_look(&view); view.targets[index].state != wanted; manage_look(&view)) {
        manage_wait(clock_deadline_us(POLL_US));
        need_time(deadline, "stop", view.targets[index].name);
    }
}

static void wait_back(uint32_t index, uint32_t deaths)
{
    uint64_t deadline = clock_deadline_us(PATIENCE_US);
    for (manage_look(&view); !is_back(&view.targets[index], deaths); manage_look(&view)) {
        manage_wait(clock_deadline_us(POLL_US));
        need_time(deadline, "come back", view.targets[index].name);
    }
}

/* --- what is left over ---------------------------------------------------------------------------------------------- */

static void need_status(status_t status, const char *what)
{
    if (status != STATUS_OK)
        component_fail("reaper: root refuses to %s (status %lld)", what, (long long)status);
}

static const struct manage_resources *measure(void)
{
    need_status(manage_do(MANAGE_LOOK, 0), "tell resources");
    manage_look(&view);
    return &view.resources;
}

/* Without the kernel memory that a monitor uses of its own, which depends on how far it is. */
static bool is_clean(const struct manage_resources *now, const struct manage_resources *wanted)
{
    return now->kernel_given == wanted->kernel_given && now->root_used == wanted->root_used && now->ram_free == wanted->ram_free &&
           now->root_slots == wanted->root_slots && now->irqs_bound == wanted->irqs_bound && now->irqs_awake == now->irqs_bound;
}

static void complain(const struct manage_resources *now, const struct manage_resources *wanted, const char *after)
{
    leftovers++;
    console_print("reaper: left over after %s: kernel memory given %ld, used %ld, root's %ld bytes; RAM %ld bytes; slots %d; "
                  "interrupts bound %d, awake %d\n",
                  after, (long)(now->kernel_given - wanted->kernel_given), (long)(now->kernel_used - wanted->kernel_used),
                  (long)(now->root_used - wanted->root_used), (long)(wanted->ram_free - now->ram_free),
                  (int)(now->root_slots - wanted->root_slots), (int)(now->irqs_bound - wanted->irqs_bound),
                  (int)(now->irqs_awake - now->irqs_bound));
}

/* A driver needs a moment until it has its interrupt back. */
static void check_clean(const char *after)
{
    uint64_t deadline = clock_deadline_us(PATIENCE_US / 6);
    while (!is_clean(measure(), &awake)) {
        if (clock_now() > deadline) {
            complain(&view.resources, &awake, after);
            awake = view.resources;
            return;
        }
        clock_sleep_us(POLL_US); /* whatever has changed: the others need time to come up */
    }
}

static void all_vms(enum manage_verb verb)
{
    for (uint32_t i = 0; i < view.count; i++)
        if (view.targets[i].kind == MANAGE_VM)
            need_status(manage_do(verb, i), verb == MANAGE_STOP ? "stop a VM" : "start a VM");
}

/* With the VMs' partitions gone, all kernel memory in use is known to the byte. */
static struct manage_resources measure_asleep(void)
{
    wait_all_running();
    all_vms(MANAGE_STOP);
    for (uint32_t i = 0; i < view.count; i++)
        if (view.targets[i].kind == MANAGE_VM)
            wait_state(i, MANAGE_OFF);
    struct manage_resources now = *measure();
    all_vms(MANAGE_START);
    asleep_looks++;
    return now;
}

static void check_asleep(void)
{
    struct manage_resources now = measure_asleep();
    if (!is_clean(&now, &asleep) || now.kernel_used != asleep.kernel_used)
        complain(&now, &asleep, "all that, VMs stopped,");
}

/* --- killing -------------------------------------------------------------------------------------------------------- */

/* At once, within its start, in its normal life: each as often. */
static uint64_t draw_life_us(uint64_t longest_ms)
{
    static const uint64_t parts[] = {1000, 100, 10, 1};
    return draw(longest_ms * US_PER_MS / parts[draw(4)] + 1);
}

/* Each new space takes a tag; when none is left the kernel begins a new generation with those that CPUs use. */
static void look_at_tags(void)
{
    static uint32_t last;
    uint32_t now = measure()->tags;
    generations += now < last;
    last = now;
}

static void round_do(uint64_t least_ms, uint64_t longest_ms)
{
    uint32_t index = (uint32_t)draw(view.count), deaths = view.targets[index].deaths;
    enum manage_verb verb = draw(2) ? MANAGE_KILL : MANAGE_FAULT;
    clock_sleep_us(least_ms * US_PER_MS + draw_life_us(longest_ms));
    status_t status = manage_do(verb, index);
    if (status != STATUS_OK) {
        refused++;
        console_print("reaper: %s cannot be killed (status %lld)\n", view.targets[index].name, (long long)status);
        return;
    }
    kills += verb == MANAGE_KILL;
    faults += verb == MANAGE_FAULT;
    wait_back(index, deaths);
    check_clean(view.targets[index].name);
    look_at_tags();
}

static void prepare(uint64_t seed, uint64_t rounds)
{
    state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
    manage_open();
    measure(); /* root shows what there is at the latest now */
    clock_sleep_us(POLL_US); /* makes what sleeping takes */
    wait_all_running();
    console_print("reaper: seed %lu, %lu rounds, %u victims\n", seed, rounds, view.count);
    asleep = measure_asleep();
    asleep = measure_asleep(); /* what is made once has been made */
    wait_all_running();
    awake = *measure();
}

int component_main(struct startup *startup)
{
    uint64_t rounds = argument_number("rounds=", 100), every = argument_number("every=", 100);
    uint64_t least = argument_number("least=", 0), longest = argument_number("longest=", 30);
    (void)startup;
    prepare(argument_number("seed=", 1), rounds);
    for (uint64_t round = 1; round <= rounds && leftovers < ENOUGH; round++) {
        round_do(least, longest);
        if (round % every == 0)
            check_asleep();
    }
    check_asleep();
    wait_all_running();
    console_print("reaper: %lu killed, %lu made to fault, %lu refused, %lu leftovers, %lu looks at all memory, %u tags, %lu generations; done\n",
                  kills, faults, refused, leftovers, asleep_looks, measure()->tags, generations);
    for (;;)
        manage_wait(DEADLINE_NEVER);
}
