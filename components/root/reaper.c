/* One thread of root's per VM that is being ended. */
#include "reaper.h"

#include "call_stubs.h"
#include "system.h"

enum { STACK_SIZE = 1024 };

static struct reaper {
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
    uint32_t finished;
} reapers[1 + DESCRIPTION_MAX_VMS]; /* by index: VMs follow `uart` */

static _Noreturn void reap(struct instance *in)
{
    instance_stop(in);
    cap_delete(in->partition);
    __atomic_store_n(&reapers[in->index].finished, 1, __ATOMIC_RELEASE);
    signal_raise(ROOT_SIGNAL, UINT64_C(1) << ROOT_REAPED_BIT);
    thread_exit(0);
}

void reaper_start(struct instance *in)
{
    struct reaper *reaper = &reapers[in->index];
    in->alive = false;
    reaper->finished = 0;
    status_t status = thread_create(CAP_SELF, in->reaper, CAP_SPACE, in->cpu, in->priority, 0, 0);
    if (status == STATUS_OK)
        status = thread_start(in->reaper, (uintptr_t)reap, (uintptr_t)reaper->stack + STACK_SIZE, (uintptr_t)in);
    if (status == STATUS_OK)
        return;
    cap_delete(in->partition); /* no kernel memory for a thread: then here and now */
    reaper->finished = 1;
    signal_raise(ROOT_SIGNAL, UINT64_C(1) << ROOT_REAPED_BIT);
}

bool reaper_finished(struct instance *in)
{
    if (!__atomic_load_n(&reapers[in->index].finished, __ATOMIC_ACQUIRE))
        return false;
    cap_delete(in->reaper);
    return true;
}
