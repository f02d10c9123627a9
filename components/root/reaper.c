/* One thread of root's per VM that is being ended. */
#include "reaper.h"

#include "call_stubs.h"

enum { STACK_SIZE = 1024 };

static struct reaper {
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
    uint32_t finished;
} reapers[DESCRIPTION_MAX_VMS];

static _Noreturn void reap(struct vm *vm)
{
    cap_delete(vm->instance.partition);
    __atomic_store_n(&reapers[vm->number].finished, 1, __ATOMIC_RELEASE);
    signal_raise(ROOT_SIGNAL, UINT64_C(1) << ROOT_REAPED_BIT);
    thread_exit(0);
}

void reaper_start(struct vm *vm)
{
    struct reaper *reaper = &reapers[vm->number];
    struct instance *in = &vm->instance;
    in->alive = false;
    reaper->finished = 0;
    status_t status = thread_create(CAP_SELF, vm->reaper, CAP_SPACE, in->cpu, in->priority, 0, 0);
    if (status == STATUS_OK)
        status = thread_start(vm->reaper, (uintptr_t)reap, (uintptr_t)reaper->stack + STACK_SIZE, (uintptr_t)vm);
    if (status == STATUS_OK)
        return;
    cap_delete(in->partition); /* no kernel memory for a thread: then here and now */
    reaper->finished = 1;
    signal_raise(ROOT_SIGNAL, UINT64_C(1) << ROOT_REAPED_BIT);
}

bool reaper_finished(struct vm *vm)
{
    if (!__atomic_load_n(&reapers[vm->number].finished, __ATOMIC_ACQUIRE))
        return false;
    cap_delete(vm->reaper);
    return true;
}
