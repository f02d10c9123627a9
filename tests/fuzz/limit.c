/*
 * What libFuzzer calls, and a limit of processor time for each input. libFuzzer's own -timeout is one of wall time, which a busy machine lets an
 * innocent input exceed: beside emulators that want both processors, a process of the lowest priority gets a fiftieth of one.
 */
#include "fuzz.h"

#include <signal.h>
#include <sys/time.h>

enum { TICK = 5, TICKS_MAX = 4 }; /* seconds of processor time between ticks; ticks within one input */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t begun, ended; /* inputs */

static void tick(int number)
{
    static uint64_t seen;
    static unsigned ticks;
    (void)number;
    ticks = begun != ended && begun == seen ? ticks + 1 : 0;
    seen = begun;
    MUST(ticks < TICKS_MAX); /* an input takes too long: the stack below says where */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct itimerval every = {{TICK, 0}, {TICK, 0}};
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    (void)argc, (void)argv;
    MUST(!sigaction(SIGPROF, &action, NULL) && !setitimer(ITIMER_PROF, &every, NULL));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begun++;
    input_try(data, size);
    ended++;
    return 0;
}
