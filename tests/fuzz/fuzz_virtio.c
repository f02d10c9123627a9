/*
 * A virtio device's registers under a guest's accesses, interrupts, malformed queues and resets, on a backend of the fuzzer's: it may be asked to serve only
 * what was negotiated, from FEATURES_OK on, with settings that do not change while it does, and is told to stop before anything of that changes.
 */
#include "fuzz.h"

#include "../../components/lib/string.h"

#include "../../components/vmm/mmio.c"
#include "../../components/vmm/virtio_front.c"
#include "../../components/vmm/virtio_mmio.c"

enum { PLACE = 1, QUEUES = 3, WAITS = 3 };

static const uint64_t features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_F_RING_PACKED | 0x5;

static struct front *front;
static struct input input;
static bool serving;
static unsigned waits, reports;
static struct link_queue given[QUEUES];
static uint32_t given_ready;

void line_level(unsigned intid, bool level)
{
    MUST(intid == front->intid && level);
}

void string_copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

void report_device(const char *device, const char *wrong)
{
    MUST(device == front->name && wrong[0] && !front->lock.word);
    MUST(++reports == 1);
}

static const char *wrong_or_not(void)
{
    bool wrong = input_byte(&input) == 1;
    serving &= !wrong;
    return wrong ? "as the fuzzer wants" : NULL;
}

static const char *notify(struct front *of)
{
    MUST(serving && of->lock.word);
    return wrong_or_not();
}

/* Whether there is anything to go on with, a backend looks for itself. */
static const char *event(struct front *of)
{
    return of->state->running ? notify(of) : NULL;
}

static void offer(struct front *of)
{
    of->state->offered = features;
    of->state->config_size = input_byte(&input);
}

static const char *start(struct front *of)
{
    const struct virtio_front_state *state = of->state;
    MUST(!serving && of->lock.word && !(state->accepted & ~features) && state->accepted >> VIRTIO_F_VERSION_1 & 1 && state->ready);
    MUST((state->status & (VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK | VIRTIO_S_NEEDS_RESET)) == (VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK));
    serving = true;
    given_ready = state->ready;
    memcpy(given, state->queues, sizeof given);
    return wrong_or_not();
}

static void stop(struct front *of)
{
    (void)of;
    serving = false;
    waits = input_byte(&input) % WAITS;
}

static bool stopped(struct front *of)
{
    (void)of;
    return !waits;
}

static void served_check(void)
{
    MUST(front->state->running && given_ready == front->state->ready);
    for (unsigned i = 0; i < QUEUES; i++)
        MUST(!(given_ready >> i & 1) || !memcmp(&given[i], &front->state->queues[i], sizeof given[i]));
}

static void access_try(void)
{
    static const uint8_t values[] = {0, 1, 2, 3, 11, 15, 128, 255};
    uint8_t how = input_byte(&input);
    unsigned size = 1u << (how & 3);
    uint64_t offset = PLACE * FRONT_SIZE + (input_number(&input, 2) % 0x240 & ~(uint64_t)(size - 1));
    uint64_t value = how & 64 ? values[input_byte(&input) % sizeof values] : input_number(&input, 4);
    if (how & 128)
        virtio_mmio_write(0, offset, size, value);
    else if (size < 8)
        virtio_mmio_read(0, offset, size);
    if (serving)
        served_check();
}

/* Another vCPU, while one waits. */
void clock_sleep_us(uint64_t us)
{
    MUST(us && !front->lock.word);
    waits--;
    if (front->state->stopping && input_byte(&input) & 1) {
        uint8_t offset = input_byte(&input) & 0xfc;
        virtio_mmio_write(1, PLACE * FRONT_SIZE + offset, 4, offset == STATUS ? 15 : input_number(&input, 4));
        MUST(!serving);
    }
}

static void step_try(void)
{
    switch (input_byte(&input) & 31) {
    case 0:
        fronts_reset();
        virtio_mmio_reset();
        reports = 0;
        MUST(!serving && !front->state->status);
        break;
    case 1:
        fronts_event();
        break;
    default:
        access_try();
    }
}

void input_try(const uint8_t *data, size_t size)
{
    static const struct front_backend backend = {false, offer, start, notify, stop, stopped, event};
    memset(fronts, 0, sizeof fronts);
    serving = false;
    waits = reports = 0;
    input = (struct input){data, size};
    front = front_build(PLACE, "fuzzed", VIRTIO_BLOCK, QUEUES, &backend);
    fronts_reset();
    virtio_mmio_reset();
    while (input_more(&input))
        step_try();
    MUST(!front->lock.word);
}
