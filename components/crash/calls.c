/*
 * Calls with arguments at random, which may make objects, use them and delete them, as far as the partition's memory goes. Each answer must
 * be a documented status. What would end or silence this component, all of it its right, is left out.
 */
#include "crash.h"

#include "arguments.h"
#include "call_stubs.h"
#include "print.h"
#include "slots.h"
#include "startup.h"

#include <stdbool.h>

enum {
    SLOTS = 40,  /* from 0 on, that objects are made in; some of them are root's gifts */
    ROUNDS = 200, /* of each number */
    NUMBERS = 256,
    ARCH_BIT = 48,
    VCPU_PAGE = 0x20000000, /* address of a state page */
    PASSES = 4,   /* unless the description's `arguments` say passes=N */
    STATUSES = 1 - STATUS_UNSUPPORTED,
};

/* Objects that calls need to get anywhere. Their slots follow root's gifts. */
enum role { ROLE_SPACE, ROLE_VM, ROLE_VCPU, ROLE_THREAD };

static unsigned own_cpu;
static cap_t first_free;           /* slot behind root's gifts */
static uint64_t answers[STATUSES]; /* by -status */
static uint64_t done;              /* calls that succeeded at least once: one bit for each, of the architecture's from bit 48 on */

/* xorshift64: the same sequence each time. */
static uint64_t random_bits(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t random_slot(void)
{
    static const uint64_t odd[] = {0, CAP_SYSTEM, CAP_IRQS, CAP_SLOTS - 1, CAP_SLOTS, UINT64_MAX};
    uint64_t pick = random_bits() % 16;
    if (pick < sizeof odd / sizeof odd[0])
        return odd[pick];
    return random_bits() % SLOTS;
}

/* Mostly what may mean something: slots, small numbers, addresses; sometimes anything. */
static uint64_t random_argument(void)
{
    static const uint64_t addresses[] = {0x1000, 0x10000000, 0x10001000, 0x40000000, UINT64_C(1) << 38, UINT64_C(1) << 39, UINT64_MAX - 4095};
    switch (random_bits() % 8) {
    case 0:
    case 1:
    case 2:
        return random_slot();
    case 3:
    case 4:
        return random_bits() % 8;
    case 5:
        return addresses[random_bits() % (sizeof addresses / sizeof addresses[0])];
    case 6:
        return 0;
    default:
        return random_bits();
    }
}

/* What is or will be there was made here. */
static bool is_own(uint64_t slot)
{
    return slot > CAP_THREAD && (slot < CAP_FIRST_FREE || slot >= first_free);
}

/* Where an argument would end or silence this component, another one. A deadline has passed, or is none at all. */
static void spare_oneself(struct call_words *words)
{
    switch (words->w[0]) {
    case CALL_CAP_DELETE:
    case CALL_CAP_REVOKE:
        if (!is_own(words->w[1]))
            words->w[1] = first_free;
        break;
    case CALL_SIGNAL_WAIT:
        words->w[3] &= 1;
        break;
    case CALL_PORTAL_CALL:
    case CALL_PORTAL_WAIT:
        words->w[6] &= 1;
        break;
    case CALL_VCPU_WAIT: /* nobody interrupts that guest */
        if (vcpu_kick((cap_t)words->w[1]) != STATUS_OK)
            words->w[0] = CALL_VCPU_ENTER;
        break;
    case CALL_THREAD_EXIT:
        words->w[0] = CALL_NULL;
        break;
    default:
        break;
    }
}

static uint64_t role_slot(enum role role)
{
    return first_free + role;
}

/* The slot that the call's first argument should name; 0: any. */
static uint64_t likely_slot(uint64_t number)
{
    switch (number) {
    case CALL_VCPU_ENTER:
    case CALL_VCPU_KICK:
    case CALL_VCPU_SYNC:
    case CALL_VCPU_WAIT:
        return role_slot(ROLE_VCPU);
    case CALL_VIRQ_RAISE:
        return role_slot(ROLE_VM);
    case CALL_THREAD_START:
    case CALL_THREAD_STOP:
    case CALL_THREAD_FAULT:
        return role_slot(ROLE_THREAD);
    default:
        return (number >= CALL_VM_RESET && number < CALL_VCPU_CREATE) || number >= CALL_ARCH ? role_slot(ROLE_VM) : 0;
    }
}

/* Anew, for what one of them depended on may have been deleted; another time as they were left. */
static void fill_roles(void)
{
    for (unsigned role = ROLE_SPACE; role <= ROLE_THREAD && random_bits() % 8; role++)
        cap_delete((cap_t)role_slot(role));
    space_create(CAP_SELF, (cap_t)role_slot(ROLE_SPACE), SPACE_GUEST);
    vm_create(CAP_SELF, (cap_t)role_slot(ROLE_VM), (cap_t)role_slot(ROLE_SPACE));
    vcpu_create(CAP_SELF, (cap_t)role_slot(ROLE_VCPU), (cap_t)role_slot(ROLE_VM), random_bits() % VM_VCPUS, CAP_SPACE, VCPU_PAGE, 0);
    thread_create(CAP_SELF, (cap_t)role_slot(ROLE_THREAD), CAP_SPACE, own_cpu, random_bits() % PRIORITIES, 0, 0);
}

static bool is_a_call(uint64_t number)
{
    return number < CALL_COUNT || (number >= CALL_ARCH && number < CALL_ARCH_END);
}

static void make_call(uint64_t number)
{
    struct call_words words = {.w = {number}};
    for (unsigned i = 1; i < 8; i++)
        words.w[i] = random_argument();
    if (random_bits() & 1 && likely_slot(number))
        words.w[1] = likely_slot(number);
    else if (random_bits() & 1)
        words.w[1] = CAP_SELF; /* who pays for what is made */
    spare_oneself(&words);
    status_t status = call_long(&words);
    bool documented = is_a_call(number) ? status <= STATUS_OK && status >= STATUS_UNSUPPORTED : status == STATUS_CALL;
    if (!documented)
        component_fail("crash: call %lu answered %ld", number, (long)status);
    answers[-status]++;
    if (status == STATUS_OK)
        done |= UINT64_C(1) << (number < CALL_COUNT ? number : number - CALL_ARCH + ARCH_BIT);
}

static void delete_own(void)
{
    for (cap_t slot = 0; slot < SLOTS; slot++)
        if (is_own(slot))
            cap_delete(slot);
    cap_delete(CAP_SLOTS - 1); /* the other slots that random_argument() names */
    cap_delete(0x1000);
}

/* Bytes of kernel memory that are free when all that was made is deleted. */
static uint64_t make_calls(void)
{
    uint64_t bytes, free_bytes;
    for (unsigned round = 0; round < ROUNDS; round++) {
        fill_roles();
        for (uint64_t number = 0; number < NUMBERS; number++)
            make_call(number);
        make_call(random_bits());
    }
    delete_own();
    partition_stats(CAP_SELF, &bytes, &free_bytes);
    return free_bytes;
}

static unsigned count_bits(uint64_t bits)
{
    unsigned count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

void calls_make(void)
{
    own_cpu = startup_page()->cpu;
    first_free = slot_allocate();
    uint64_t first = make_calls(), left = first; /* the first pass makes the table of capabilities as large as it gets */
    for (uint64_t pass = 1; pass < argument_number("passes=", PASSES); pass++)
        left = make_calls();
    console_print("crash: answers:");
    for (unsigned i = 0; i < STATUSES; i++)
        console_print(" %lu", answers[i]);
    console_print("\ncrash: %u different calls succeeded\n", count_bits(done));
    console_print("crash: kernel memory free after the first pass %lu, after the last %lu\n", first, left);
    thread_exit(0);
}
