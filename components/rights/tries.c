/* Each row: what it needs is made, what must be refused is tried and must leave everything as it was, what must work is tried last. */
#include "tries.h"
#include "checks.h"

#include <bulkhead/aarch64/call.h>

enum {
    SMALL = 0x10000,
    LARGE = (SPACE_MAP_LIMIT + 1) * 0x1000,
    PAGE = 0x1000,
    EMPTY_SLOT = 15000,
    RIGHTS_EACH = 8,
};

static struct tries env;
static cap_t next_slot;
static uint64_t kernel_used, ram_used;
static const struct check *now; /* for messages */
static unsigned refused;

/* --- calls ------------------------------------------------------------------------------------------------------------------- */

static status_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    uint64_t words[8] = {number, a, b, c, d, e, f};
    return tries_call(words);
}

static void must(status_t status)
{
    if (status != STATUS_OK)
        tries_fail("what the row needs cannot be made", now, 0, status, STATUS_OK);
}

/* --- things ------------------------------------------------------------------------------------------------------------------ */

static cap_t slot_take(void)
{
    return next_slot++;
}

static cap_t derive(cap_t from, uint64_t rights, uint64_t first, uint64_t size)
{
    cap_t slot = slot_take();
    must(call(CALL_CAP_DELEGATE, CAP_SELF, slot, from, rights, first, size));
    return slot;
}

static cap_t piece(cap_t from, uint64_t *used, uint64_t size)
{
    cap_t slot = derive(from, 0xff, *used, size);
    *used += size;
    return slot;
}

static cap_t make_kernel(uint64_t size)
{
    return piece(env.kernel, &kernel_used, size);
}

static cap_t make_simple(unsigned number, uint64_t kind)
{
    cap_t slot = slot_take();
    must(call(number, CAP_SELF, slot, kind, 0, 0, 0));
    return slot;
}

static cap_t make_partition(cap_t memory)
{
    cap_t slot = slot_take();
    must(call(CALL_PARTITION_CREATE, slot, memory, 1, PARTITION_PRIORITY, 0, 0));
    return slot;
}

static cap_t make_kernel_used(void)
{
    cap_t memory = make_kernel(SMALL);
    make_partition(memory);
    return memory;
}

static cap_t make_mapped(void)
{
    cap_t space = make_simple(CALL_SPACE_CREATE, SPACE_COMPONENT), memory = piece(env.ram, &ram_used, PAGE);
    must(call(CALL_SPACE_MAP, space, memory, PAGE_AT, 0, PAGE, RIGHT_READ));
    return space;
}

static cap_t make_thread(void)
{
    cap_t space = make_simple(CALL_SPACE_CREATE, SPACE_COMPONENT), slot = slot_take();
    must(call(CALL_THREAD_CREATE, CAP_SELF, slot, space, 0, 1, 0));
    return slot;
}

static cap_t make_vm(void)
{
    return make_simple(CALL_VM_CREATE, make_simple(CALL_SPACE_CREATE, SPACE_GUEST));
}

static cap_t make_vcpu(cap_t vm)
{
    cap_t space = make_simple(CALL_SPACE_CREATE, SPACE_COMPONENT), slot = slot_take();
    must(call(CALL_VCPU_CREATE, CAP_SELF, slot, vm, 0, space, PAGE_AT));
    return slot;
}

static cap_t make_pair(bool vm_stays, bool the_vm)
{
    cap_t vm = make_vm(), vcpu = make_vcpu(vm);
    if (!vm_stays)
        must(call(CALL_CAP_DELETE, vm, 0, 0, 0, 0, 0));
    return the_vm ? vm : vcpu;
}

/* Where something was, with all rights. */
static cap_t make_emptied(void)
{
    cap_t slot = make_simple(CALL_SIGNAL_CREATE, 0);
    must(call(CALL_CAP_DELETE, slot, 0, 0, 0, 0, 0));
    return slot;
}

static cap_t make_object(enum thing thing)
{
    switch (thing) {
    case PARTITION:
        return make_partition(make_kernel(SMALL));
    case SPACE:
        return make_simple(CALL_SPACE_CREATE, SPACE_COMPONENT);
    case GUEST_SPACE:
        return make_simple(CALL_SPACE_CREATE, SPACE_GUEST);
    case MAPPED_SPACE:
        return make_mapped();
    case PORTAL:
        return make_simple(CALL_PORTAL_CREATE, 0);
    case THREAD:
        return make_thread();
    case VM:
        return make_vm();
    case LINES:
        return derive(make_vm(), 0xff, 40, 4);
    case VCPU:
        return make_pair(true, false);
    case DEAD_VCPU:
        return make_pair(false, false);
    case PAIR_VM:
        return make_pair(true, true);
    default:
        return make_simple(CALL_SIGNAL_CREATE, 0); /* SIGNAL, TAKEN */
    }
}

static uint64_t make(uint64_t thing)
{
    if (thing < THING_FIRST || thing >= THING_END)
        return thing;
    switch ((enum thing)thing) {
    case FREE:
        return slot_take();
    case KERNEL:
        return make_kernel(SMALL);
    case KERNEL_SMALL:
        return make_kernel(PARTITION_MIN_MEMORY - PAGE);
    case KERNEL_LARGE:
        return make_kernel(LARGE);
    case KERNEL_USED:
        return make_kernel_used();
    case RAM:
        return piece(env.ram, &ram_used, SMALL);
    case RAM_LARGE:
        return piece(env.ram, &ram_used, LARGE);
    case IRQS:
        return env.irqs;
    case FEW_IRQS:
        return derive(env.irqs, 0xff, FIRST_IRQ, 2);
    case SYSTEM:
        return env.system;
    default:
        return make_object((enum thing)thing);
    }
}

/* One thing of each type; extents and what only root has among them. */
static cap_t make_of_type(unsigned type)
{
    static const uint64_t things[] = {[CAP_EXTENT] = RAM,       [CAP_PARTITION] = PARTITION, [CAP_SPACE_OBJECT] = SPACE,
                                      [CAP_THREAD_OBJECT] = THREAD, [CAP_SIGNAL] = SIGNAL,   [CAP_PORTAL] = PORTAL,
                                      [CAP_IRQ] = IRQS,         [CAP_VM] = VM,               [CAP_VCPU] = VCPU,
                                      [CAP_LINE] = LINES,       [CAP_SYSTEM_OBJECT] = SYSTEM};
    return (cap_t)make(things[type]);
}

/* --- a try --------------------------------------------------------------------------------------------------------------------- */

struct stock {
    uint64_t words[8];
};

static struct stock stock_take(void)
{
    struct stock stock = {{CALL_PARTITION_STATS, CAP_SELF}};
    tries_call(stock.words);
    return stock;
}

/* The call with `value` in the row's argument is refused with `expected`; registers, memory and the free slot are as before. */
static void refuse(const struct check *check, const uint64_t *arguments, const char *what, uint64_t value, status_t expected)
{
    uint64_t words[8] = {check->call};
    for (unsigned i = 0; i < 7; i++)
        words[i + 1] = arguments[i];
    words[check->argument] = value;
    struct stock before = stock_take();
    status_t status = tries_call(words);
    struct stock after = stock_take();
    if (status != expected)
        tries_fail(what, check, value, status, expected);
    for (unsigned i = 1; i < 8; i++)
        if (words[i] != (i == check->argument ? value : arguments[i - 1]))
            tries_fail("a refused call changed a register", check, value, status, expected);
    if (before.words[1] != after.words[1] || before.words[2] != after.words[2])
        tries_fail("a refused call took memory", check, value, status, expected);
    for (unsigned i = 0; i < 7; i++)
        if (check->arguments[i] == FREE && words[i + 1] == arguments[i] &&
            call(CALL_CAP_IDENTIFY, arguments[i], 0, 0, 0, 0, 0) != STATUS_CAP)
            tries_fail("a refused call filled a slot", check, value, status, expected);
    refused++;
}

static void refuse_slots(const struct check *check, const uint64_t *arguments)
{
    uint64_t good = arguments[check->argument - 1];
    bool optional = check->types == ONE(CAP_SIGNAL) && check->argument > 1;
    refuse(check, arguments, "a slot that was never used", EMPTY_SLOT, STATUS_CAP);
    refuse(check, arguments, "a slot that was emptied", make_emptied(), STATUS_CAP);
    if (!optional && !(check->call == CALL_VIRQ_FORWARD && check->argument == 3))
        refuse(check, arguments, "slot 0", 0, STATUS_CAP);
    refuse(check, arguments, "a slot out of range", CAP_SLOTS, STATUS_CAP);
    refuse(check, arguments, "a slot out of range", HIGH | good, STATUS_CAP);
    refuse(check, arguments, "a slot out of range", UINT64_MAX, STATUS_CAP);
    for (unsigned type = CAP_EXTENT; type <= CAP_SYSTEM_OBJECT; type++)
        if (!(check->types & ONE(type)))
            refuse(check, arguments, "another type", make_of_type(type), STATUS_CAP);
}

/* Copies of the right capability, each without one of the rights; the last has just those. */
static cap_t refuse_rights(const struct check *check, const uint64_t *arguments)
{
    cap_t good = (cap_t)arguments[check->argument - 1];
    if (!check->rights)
        return good;
    for (unsigned bit = 0; bit < RIGHTS_EACH; bit++)
        if (check->rights >> bit & 1)
            refuse(check, arguments, "a right less", derive(good, 0xffu & ~(1u << bit), 0, 0), STATUS_RIGHTS);
    return derive(good, check->rights, 0, 0);
}

static void things_delete(void)
{
    while (next_slot > env.first_slot)
        call(CALL_CAP_DELETE, --next_slot, 0, 0, 0, 0, 0);
    kernel_used = env.kernel_offset;
    ram_used = env.ram_offset;
}

static void row_try(const struct check *check)
{
    uint64_t arguments[7], words[8] = {check->call};
    now = check;
    for (unsigned i = 0; i < 7; i++)
        arguments[i] = make(check->arguments[i]);
    if (!check->capability) {
        refuse(check, arguments, "this value", arguments[check->argument - 1], check->status);
        return;
    }
    refuse_slots(check, arguments);
    cap_t enough = refuse_rights(check, arguments);
    for (unsigned i = 0; i < 7; i++)
        words[i + 1] = i + 1 == check->argument ? enough : arguments[i];
    status_t status = tries_call(words);
    if (status != check->status)
        tries_fail("with all that it needs", check, enough, status, check->status);
}

unsigned tries_run(const struct tries *tries, const struct check *checks, unsigned count)
{
    env = *tries;
    next_slot = env.first_slot;
    refused = 0;
    things_delete();
    for (unsigned i = 0; i < count; i++) {
        row_try(&checks[i]);
        things_delete();
    }
    return refused;
}

/* --- the rows ----------------------------------------------------------------------------------------------------------------- */

#define CAPABILITY(call_, argument_, types_, rights_, status_, ...) {call_, argument_, true, types_, rights_, status_, {__VA_ARGS__}},
#define REFUSED(call_, argument_, status_, ...) {call_, argument_, false, 0, 0, status_, {__VA_ARGS__}},

const struct check checks_portable[] = {CHECKS(CAPABILITY, REFUSED)};
const unsigned checks_portable_count = sizeof checks_portable / sizeof checks_portable[0];
