/* What happens next: random, but with an eye on what the model knows, so that most calls get somewhere and the rest go wrong in every way. */
#include "check.h"

enum { ADDRESSES = 48, SLOTS = 60 /* that calls mostly use, from CAP_FIRST_FREE on */, IRQ_FIRST = 32, IRQS = 80 };

static uint64_t random_state;
static uint64_t addresses[ADDRESSES]; /* where something was mapped lately */
static unsigned addresses_next, setup;

static uint64_t random_word(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void generate_seed(uint64_t seed)
{
    random_state = seed;
    addresses_next = setup = 0;
    for (unsigned i = 0; i < ADDRESSES; i++)
        addresses[i] = 0x400000 + i * UINT64_C(0x1000);
}

static uint64_t generate_number(uint64_t below)
{
    return random_word() % below;
}

static bool chance(unsigned percent)
{
    return generate_number(100) < percent;
}

static uint64_t generate_address(void)
{
    return addresses[generate_number(ADDRESSES)] + (chance(30) ? generate_number(512) * 4096 : 0);
}

/* --- arguments -------------------------------------------------------------------------------------------------------------- */

/* One of the partition's slots with a capability of that type (0: any) that has those rights; 0: none. */
static uint64_t slot_with(int self, unsigned type, unsigned rights)
{
    uint64_t found = 0, seen = 0;
    for (int i = 0; i < model.nodes_end; i++) {
        const struct m_node *node = &model.nodes[i];
        if (node->kind != M_CAP || node->holder != self || (type && node->type != type) || (node->rights & rights) != rights)
            continue;
        if (generate_number(++seen) == 0)
            found = node->slot;
    }
    return found;
}

static uint64_t odd_slot(void)
{
    static const uint64_t odd[] = {0, CAP_SLOTS - 1, CAP_SLOTS, UINT64_MAX, UINT64_C(1) << 32, 1, 64, 6};
    return chance(50) ? generate_number(90) : odd[generate_number(sizeof odd / sizeof *odd)];
}

static uint64_t pick_slot(int self, unsigned type, unsigned rights)
{
    unsigned how = (unsigned)generate_number(100);
    uint64_t slot = how < 80 ? slot_with(self, type, rights) : how < 90 ? slot_with(self, type, 0) : how < 95 ? slot_with(self, 0, 0) : 0;
    return slot || how >= 99 ? slot : odd_slot();
}

static uint64_t free_slot(int partition)
{
    if (chance(6))
        return odd_slot();
    if (chance(4))
        return generate_number(CAP_SLOTS);
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t slot = CAP_FIRST_FREE + generate_number(SLOTS);
        if (!m_slot(partition, slot))
            return slot;
    }
    return CAP_FIRST_FREE + generate_number(2 * SLOTS);
}

static uint64_t pages(uint64_t most)
{
    uint64_t size = (1 + generate_number(most)) * M_PAGE;
    return chance(4) ? size + generate_number(M_PAGE) : size;
}

static uint64_t odd_number(void)
{
    static const uint64_t odd[] = {0, 1, 63, 64, 4096, 0xff, UINT64_MAX, UINT64_MAX - 4095, UINT64_C(1) << 63, UINT64_C(1) << 39, UINT32_MAX};
    return chance(30) ? random_word() : odd[generate_number(sizeof odd / sizeof *odd)];
}

static uint64_t pick_deadline(void)
{
    unsigned how = (unsigned)generate_number(100);
    return how < 15 ? DEADLINE_POLL : how < 20 ? DEADLINE_NEVER : model.now + generate_number(6000);
}

static uint64_t pick_bits(void)
{
    return chance(70) ? UINT64_C(1) << generate_number(6) : chance(50) ? generate_number(64) : odd_number();
}

static uint64_t pick_address(void)
{
    static const uint64_t bases[] = {0x400000, 0x40000000, 0x80000000, 0x7fffe00000, 0};
    uint64_t address = bases[generate_number(chance(90) ? 3 : 5)] + generate_number(chance(50) ? 32 : 2048) * M_PAGE;
    if (chance(25))
        address &= ~UINT64_C(0x1fffff);
    return chance(30) ? addresses[generate_number(ADDRESSES)] : chance(2) ? odd_number() : address;
}

/* --- calls ---------------------------------------------------------------------------------------------------------------------- */

typedef void arguments(int self, uint64_t *r);

static int partition_in(int self, uint64_t slot)
{
    const struct m_node *node = m_slot(self, slot);
    return node && node->type == CAP_PARTITION ? m_thing(node->thing)->partition : self;
}

/* Which part of what the source covers. */
static void pick_part(const struct m_node *from, uint64_t *r)
{
    unsigned type = from ? from->type : 0;
    if (type == CAP_EXTENT && chance(80)) {
        uint64_t count = from->size / M_PAGE;
        r[5] = generate_number(count < 2048 ? count : 2048) * M_PAGE;
        r[6] = chance(70) ? pages(24) : pages(2048);
    } else if (type == CAP_IRQ && chance(80)) {
        r[5] = from->base + generate_number(from->size);
        r[6] = 1 + generate_number(16);
    } else if ((type == CAP_VM || type == CAP_LINE) && chance(60)) {
        r[5] = 28 + generate_number(60);
        r[6] = generate_number(40);
    } else if ((type == CAP_SIGNAL || type == CAP_PORTAL) && chance(70)) {
        r[5] = pick_bits();
    } else if (chance(10)) {
        r[5] = odd_number();
        r[6] = odd_number();
    }
}

static void delegate(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_PARTITION, RIGHT_GRANT);
    r[2] = free_slot(partition_in(self, r[1]));
    r[3] = pick_slot(self, 0, RIGHT_DELEGATE);
    r[4] = chance(75) ? 0xff : random_word();
    pick_part(m_slot(self, r[3]), r);
}

static void any_slot(int self, uint64_t *r)
{
    r[1] = pick_slot(self, 0, 0);
}

static void partition_create(int self, uint64_t *r)
{
    r[1] = free_slot(self);
    r[2] = pick_slot(self, CAP_EXTENT, RIGHT_KERNEL);
    r[3] = chance(90) ? 1 + generate_number(15) : odd_number();
    r[4] = chance(95) ? generate_number(64) : odd_number();
}

static void partition_feed(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_PARTITION, RIGHT_CREATE);
    r[2] = pick_slot(self, CAP_EXTENT, RIGHT_KERNEL);
}

static void partition_stats(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_PARTITION, RIGHT_OBSERVE);
}

static void partition_cap(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_PARTITION, RIGHT_OBSERVE);
    r[2] = pick_slot(partition_in(self, r[1]), 0, 0);
}

static void make(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_PARTITION, RIGHT_CREATE);
    r[2] = free_slot(self);
}

static void space_create(int self, uint64_t *r)
{
    make(self, r);
    r[3] = generate_number(chance(95) ? 2 : 5);
}

static void space_map(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_SPACE_OBJECT, RIGHT_MAP);
    r[2] = pick_slot(self, CAP_EXTENT, chance(80) ? RIGHT_READ : 0);
    const struct m_node *extent = m_slot(self, r[2]);
    uint64_t whole = extent && extent->type == CAP_EXTENT ? extent->size : 0;
    r[3] = pick_address();
    r[4] = chance(50) || !whole ? 0 : generate_number(whole / M_PAGE < 64 ? whole / M_PAGE + 1 : 64) * M_PAGE;
    r[5] = chance(40) && whole ? whole - r[4] : chance(80) ? pages(40) : chance(70) ? pages(1200) : UINT64_C(1) << (20 + generate_number(14));
    r[6] = chance(85) && whole ? 1 + generate_number(3) : generate_number(9);
    if (chance(3))
        r[3 + generate_number(4)] = odd_number();
    addresses[addresses_next++ % ADDRESSES] = r[3];
}

static void space_unmap(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_SPACE_OBJECT, RIGHT_MAP);
    r[2] = addresses[generate_number(ADDRESSES)];
}

static void thread_create(int self, uint64_t *r)
{
    make(self, r);
    r[3] = pick_slot(self, CAP_SPACE_OBJECT, RIGHT_USE);
    r[4] = chance(80) ? 1 + generate_number(2) : chance(80) ? generate_number(M_CPUS) : odd_number(); /* most on few CPUs: so that they meet in portals */
    r[5] = chance(95) ? 10 + generate_number(8) : odd_number(); /* few priorities: so that there are equals */
    r[6] = chance(50) ? 0 : pick_slot(self, CAP_SIGNAL, RIGHT_RAISE);
    r[7] = pick_bits();
}

static void thread_start(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_THREAD_OBJECT, RIGHT_CONTROL);
    r[2] = random_word();
    r[3] = random_word();
    r[4] = random_word();
}

static void thread_observe(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_THREAD_OBJECT, RIGHT_OBSERVE);
}

static void number_only(int self, uint64_t *r)
{
    (void)self;
    r[1] = random_word();
}

static void signal_raise(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_SIGNAL, RIGHT_RAISE);
    r[2] = pick_bits();
}

static void signal_wait(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_SIGNAL, RIGHT_WAIT);
    r[2] = pick_bits();
    r[3] = pick_deadline();
}

static void multicall_page(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_THREAD_OBJECT, RIGHT_CONTROL);
    r[2] = pick_slot(self, CAP_SPACE_OBJECT, RIGHT_MAP);
    r[3] = pick_address();
    const struct m_node *thread = m_slot(self, r[1]);
    for (unsigned slot = 1; thread && thread->type == CAP_THREAD_OBJECT && slot < 200 && chance(99); slot++) {
        const struct m_node *node = m_slot(self, slot);
        if (node && node->type == CAP_SPACE_OBJECT && node->thing == m_thing(thread->thing)->thread.space)
            r[2] = slot;
    }
    addresses[addresses_next++ % ADDRESSES] = r[3];
}

static void multicall(int self, uint64_t *r)
{
    (void)self;
    r[1] = chance(95) ? generate_number(MULTICALL_CALLS + 2) : odd_number();
}

static void portal(int self, uint64_t *r, unsigned right)
{
    r[1] = pick_slot(self, CAP_PORTAL, right);
    for (unsigned i = 2; i < 6; i++)
        r[i] = random_word();
    r[6] = pick_deadline();
}

static void portal_call(int self, uint64_t *r)
{
    portal(self, r, RIGHT_CALL);
}

static void portal_wait(int self, uint64_t *r)
{
    portal(self, r, RIGHT_SERVE);
}

static void irq_ack(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_IRQ, RIGHT_BIND);
    r[2] = chance(95) ? IRQ_FIRST + generate_number(IRQS) : odd_number();
}

static void irq_bind(int self, uint64_t *r)
{
    irq_ack(self, r);
    r[3] = chance(15) ? 0 : pick_slot(self, CAP_SIGNAL, RIGHT_RAISE);
    r[4] = pick_bits();
    r[5] = generate_number(chance(95) ? 2 : 5);
}

static void vm_create(int self, uint64_t *r)
{
    make(self, r);
    r[3] = pick_slot(self, CAP_SPACE_OBJECT, RIGHT_USE);
}

static void virq_raise(int self, uint64_t *r)
{
    r[1] = pick_slot(self, chance(50) ? CAP_VM : CAP_LINE, RIGHT_RAISE);
    r[2] = chance(90) ? generate_number(VM_LINES + 8) : odd_number();
    r[3] = generate_number(2);
}

static void system_call(int self, uint64_t *r)
{
    r[1] = pick_slot(self, CAP_SYSTEM_OBJECT, 0);
    r[2] = 2 + generate_number(60); /* not the argument that ends the machine */
    r[3] = r[4] = r[5] = r[6] = UINT64_C(0x2e2e2e2e2e2e2e2e);
}

static void anything(int self, uint64_t *r)
{
    static const uint64_t odd[] = {CALL_COUNT, CALL_COUNT + 1, CALL_ARCH - 1, CALL_ARCH, CALL_ARCH + 1, UINT64_MAX, UINT64_C(1) << 32};
    (void)self;
    r[0] = odd[generate_number(sizeof odd / sizeof *odd)];
    r[1] = random_word();
}

static const struct {
    unsigned call, weight;
    arguments *fill;
} calls[] = {
    {CALL_NULL, 1, number_only},
    {CALL_CAP_DELEGATE, 150, delegate},
    {CALL_CAP_DELETE, 60, any_slot},
    {CALL_CAP_REVOKE, 15, any_slot},
    {CALL_CAP_IDENTIFY, 10, any_slot},
    {CALL_PARTITION_CREATE, 30, partition_create},
    {CALL_PARTITION_FEED, 12, partition_feed},
    {CALL_PARTITION_STATS, 6, partition_stats},
    {CALL_PARTITION_CAP, 8, partition_cap},
    {CALL_SPACE_CREATE, 20, space_create},
    {CALL_SPACE_MAP, 60, space_map},
    {CALL_SPACE_UNMAP, 25, space_unmap},
    {CALL_THREAD_CREATE, 40, thread_create},
    {CALL_THREAD_START, 60, thread_start},
    {CALL_THREAD_STOP, 12, thread_observe},
    {CALL_THREAD_FAULT, 6, thread_observe},
    {CALL_THREAD_STATS, 6, thread_observe},
    {CALL_THREAD_YIELD, 15, number_only},
    {CALL_THREAD_EXIT, 2, number_only},
    {CALL_SIGNAL_CREATE, 20, make},
    {CALL_SIGNAL_RAISE, 60, signal_raise},
    {CALL_SIGNAL_WAIT, 50, signal_wait},
    {CALL_PORTAL_CREATE, 15, make},
    {CALL_PORTAL_CALL, 70, portal_call},
    {CALL_PORTAL_WAIT, 70, portal_wait},
    {CALL_IRQ_BIND, 20, irq_bind},
    {CALL_IRQ_ACK, 12, irq_ack},
    {CALL_VM_CREATE, 5, vm_create},
    {CALL_VIRQ_RAISE, 5, virq_raise},
    {CALL_SYSTEM_POWER, 2, system_call},
    {CALL_SYSTEM_LOG, 2, system_call},
    {CALL_SYSTEM_STATS, 6, system_call},
    {CALL_MULTICALL_PAGE, 12, multicall_page},
    {CALL_MULTICALL, 40, multicall},
    {CALL_COUNT, 4, anything},
};

/* Removals that would leave next to nothing, or end who makes them, are rare. */
static bool is_welcome(unsigned cpu, const uint64_t *registers)
{
    bool itself;
    unsigned all = 0;
    struct m_node *node = m_removal_of(cpu, registers, &itself);
    if (!node)
        return true;
    for (int i = 0; i < model.nodes_end; i++)
        all += model.nodes[i].kind != M_FREE;
    unsigned doomed = m_doom(node, itself);
    bool ends_itself = m_doomed_thread(model.cpus[cpu].running);
    m_spare();
    return ends_itself ? generate_number(1000) == 0 : doomed < 8 || doomed * 4 < all || chance(10);
}

static void fill_call(struct step *step)
{
    unsigned total = 0, i = 0;
    int self = m_thing(model.cpus[step->cpu].running)->thread.partition;
    for (unsigned k = 0; k < sizeof calls / sizeof *calls; k++)
        total += calls[k].weight;
    uint64_t at = generate_number(total);
    while (at >= calls[i].weight)
        at -= calls[i++].weight;
    *step = (struct step){.kind = STEP_CALL, .cpu = step->cpu, .word = {calls[i].call}};
    calls[i].fill(self, step->word);
}

/* A call in the running thread's page, mostly one that may be there. */
static void fill_batch(struct step *step)
{
    struct step call = *step;
    do
        fill_call(&call);
    while (call.word[0] != CALL_SIGNAL_RAISE && call.word[0] != CALL_IRQ_ACK && call.word[0] != CALL_VIRQ_RAISE && chance(97));
    *step = (struct step){.kind = STEP_BATCH, .cpu = step->cpu, .word = {generate_number(chance(80) ? 4 : MULTICALL_CALLS + 2)}};
    for (unsigned i = 0; i < MULTICALL_WORDS; i++)
        step->word[1 + i] = call.word[i];
    if (chance(5))
        step->word[1] = CALL_VCPU_KICK;
}

/* --- the beginning: three partitions with something to do, a thread of each on a CPU of its own ----------------------------------- */

enum { SETUP_SLOT = 100, SETUP_PARTITIONS = 3, SETUP_STEPS = 22 };

static uint64_t root_extent(unsigned right)
{
    uint64_t best = 0;
    for (uint64_t slot = CAP_FIRST_FREE; slot < SETUP_SLOT; slot++) {
        const struct m_node *node = m_slot(0, slot);
        if (node && node->type == CAP_EXTENT && node->rights & right && !node->device && (!best || node->size > m_slot(0, best)->size))
            best = slot;
    }
    return best;
}

/* Step `n` of making partition `i`. */
static void setup_call(uint64_t i, unsigned n, uint64_t *r)
{
    const uint64_t kib = 1024, memory = SETUP_SLOT + i, self = memory + 4, space = memory + 8, thread = memory + 12;
    const uint64_t kernel = root_extent(RIGHT_KERNEL), ram = root_extent(RIGHT_EXECUTE);
    const uint64_t table[SETUP_STEPS][M_REGISTERS] = {
        {CALL_CAP_DELEGATE, CAP_SELF, memory, kernel, 0xff, i * 128 * kib, (64 + 32 * i) * kib},
        {CALL_PARTITION_CREATE, self, memory, 15, 50},
        {CALL_SPACE_CREATE, self, space, SPACE_COMPONENT},
        {CALL_THREAD_CREATE, self, thread, space, i + 1, 12 + i},
        {CALL_CAP_DELEGATE, self, CAP_SPACE, space, 0xff},
        {CALL_CAP_DELEGATE, self, CAP_THREAD, thread, 0xff},
        {CALL_CAP_DELEGATE, self, CAP_IRQS, CAP_IRQS, 0xff},
        {CALL_CAP_DELEGATE, self, 16, kernel, 0xff, 1024 * kib + i * 512 * kib, 512 * kib},
        {CALL_CAP_DELEGATE, self, 17, ram, 0xff, i * 4096 * kib, 4096 * kib},
        {CALL_THREAD_CREATE, self, thread + 12, space, i + 1, 14},
        {CALL_THREAD_CREATE, self, thread + 16, space, i + 1, 17},
        {CALL_CAP_DELEGATE, self, 18, SETUP_SLOT + 4, 0xff}, /* the first partition */
        {CALL_SIGNAL_CREATE, self, thread + 4},
        {CALL_CAP_DELEGATE, self, 19, thread + 4, 0xff},
        {CALL_PORTAL_CREATE, self, thread + 8},
        {CALL_CAP_DELEGATE, self, 20, thread + 8, 0xff},
        {CALL_CAP_DELEGATE, self, 21, thread + 12, 0xff},
        {CALL_CAP_DELEGATE, self, 22, thread + 16, 0xff},
        {CALL_MULTICALL_PAGE, thread, space, 0x20000000},
        {CALL_THREAD_START, thread, 0x400000},
        {CALL_THREAD_START, thread + 12, 0x400000},
        {CALL_THREAD_START, thread + 16, 0x400000},
    };
    for (unsigned k = 0; k < M_REGISTERS; k++)
        r[k] = table[n][k];
}

/* --- steps ---------------------------------------------------------------------------------------------------------------------------- */

static bool pick_cpu(unsigned *cpu)
{
    unsigned first = (unsigned)generate_number(M_CPUS);
    for (unsigned i = 0; i < M_CPUS; i++) {
        *cpu = (first + i) % M_CPUS;
        if (model.cpus[*cpu].running != NONE)
            return true;
    }
    return false;
}

/* Everybody waits: to the next deadline, if there is one. */
static bool sleep(struct step *step)
{
    uint64_t next = M_NEVER;
    for (int i = 0; i < model.things_end; i++) {
        const struct m_thing *thing = &model.things[i];
        if (thing->used && thing->type == CAP_THREAD_OBJECT && thing->thread.state == M_WAITING && thing->thread.deadline < next)
            next = thing->thread.deadline;
    }
    *step = (struct step){.kind = STEP_TIME, .word = {next - model.now}};
    return next != M_NEVER && next < model.now + (UINT64_C(1) << 40);
}

bool generate_step(struct step *step)
{
    *step = (struct step){.kind = STEP_CALL};
    if (setup < SETUP_PARTITIONS * SETUP_STEPS) {
        setup_call(setup / SETUP_STEPS, setup % SETUP_STEPS, step->word);
        setup++;
        return true;
    }
    if (!pick_cpu(&step->cpu))
        return sleep(step);
    unsigned kind = (unsigned)generate_number(100);
    if (kind < 6)
        *step = (struct step){.kind = STEP_TIME, .word = {generate_number(chance(50) ? 300 : 5000)}};
    else if (kind < 8)
        *step = (struct step){.kind = STEP_IRQ, .word = {IRQ_FIRST + generate_number(IRQS)}};
    else if (kind < 9 && chance(40))
        *step = (struct step){.kind = STEP_FAULT, .cpu = step->cpu, .word = {random_word()}};
    else if (kind < 13)
        *step = (struct step){.kind = STEP_WRITE, .cpu = step->cpu, .word = {generate_address(), random_word() | 1}};
    else if (kind < 19)
        fill_batch(step);
    else
        do
            fill_call(step);
        while (!is_welcome(step->cpu, step->word));
    return true;
}
