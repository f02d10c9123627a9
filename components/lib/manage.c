#include "manage.h"

#include "call_stubs.h"
#include "clock.h"
#include "startup.h"
#include "string.h"

enum { PATIENCE_US = 10000000 };

static volatile struct manage_request *request;
static const struct manage_view *shown;
static const struct startup_resource *service, *wake;

void manage_open(void)
{
    service = startup_need("manage");
    wake = startup_need("wake");
    request = (struct manage_request *)service->address;                         /* NOLINT */
    shown = (const struct manage_view *)(service->address + MANAGE_SIZE / 2); /* NOLINT */
}

void manage_wait(uint64_t deadline)
{
    uint64_t bits;
    signal_wait(wake->slot, UINT64_C(1) << MANAGE_WAKE_BIT, deadline, &bits);
}

status_t manage_do(enum manage_verb verb, uint32_t target)
{
    uint64_t deadline = clock_deadline_us(PATIENCE_US);
    uint32_t number = request->number + 1;
    request->verb = verb;
    request->target = target;
    __atomic_store_n(&request->number, number, __ATOMIC_RELEASE);
    signal_raise(service->slot, service->value);
    while (__atomic_load_n(&shown->answered, __ATOMIC_ACQUIRE) != number) {
        if (clock_now() >= deadline)
            return STATUS_TIMEOUT;
        manage_wait(deadline);
    }
    return shown->status;
}

void manage_look(struct manage_view *view)
{
    for (;;) {
        uint32_t before = __atomic_load_n(&shown->sequence, __ATOMIC_ACQUIRE);
        memcpy(view, shown, sizeof *view);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && __atomic_load_n(&shown->sequence, __ATOMIC_RELAXED) == before)
            return;
        thread_yield();
    }
}
