/*
 * The kernel against its model: episodes of random steps, each on a machine booted anew. The last line is `N passed, N failed`.
 *
 *   model [--seed N] [--steps N]          random steps; the seed is printed
 *   model --seed N --episode N            that episode alone
 *   model --replay FILE                   the steps in a file, as a difference left it
 *
 * A difference is shown with the steps that led to it, after as many as possible of the others were left out (--shrink SECONDS: how long to try).
 */
#include "check.h"

#include <bulkhead/call.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EPISODE_STEPS = 1500, SHOWN = 40, EPISODE_SECONDS = 20 /* of CPU time */ };

static struct step steps[EPISODE_STEPS];
static unsigned count;
static uint64_t seed, episode;
static bool replaying, quiet;
static unsigned shrink_seconds = 20;
static const char *program;
static char failing[256];

/* --- showing steps ------------------------------------------------------------------------------------------------------- */

static const char *const names[CALL_COUNT] = {
    [CALL_NULL] = "null",
    [CALL_CAP_DELEGATE] = "cap_delegate",
    [CALL_CAP_DELETE] = "cap_delete",
    [CALL_CAP_REVOKE] = "cap_revoke",
    [CALL_CAP_IDENTIFY] = "cap_identify",
    [CALL_PARTITION_CREATE] = "partition_create",
    [CALL_PARTITION_FEED] = "partition_feed",
    [CALL_PARTITION_STATS] = "partition_stats",
    [CALL_PARTITION_CAP] = "partition_cap",
    [CALL_SPACE_CREATE] = "space_create",
    [CALL_SPACE_MAP] = "space_map",
    [CALL_SPACE_UNMAP] = "space_unmap",
    [CALL_THREAD_CREATE] = "thread_create",
    [CALL_THREAD_START] = "thread_start",
    [CALL_THREAD_STOP] = "thread_stop",
    [CALL_THREAD_FAULT] = "thread_fault",
    [CALL_THREAD_STATS] = "thread_stats",
    [CALL_THREAD_YIELD] = "thread_yield",
    [CALL_THREAD_EXIT] = "thread_exit",
    [CALL_SIGNAL_CREATE] = "signal_create",
    [CALL_SIGNAL_RAISE] = "signal_raise",
    [CALL_SIGNAL_WAIT] = "signal_wait",
    [CALL_PORTAL_CREATE] = "portal_create",
    [CALL_PORTAL_CALL] = "portal_call",
    [CALL_PORTAL_WAIT] = "portal_wait",
    [CALL_IRQ_BIND] = "irq_bind",
    [CALL_IRQ_ACK] = "irq_ack",
    [CALL_VM_CREATE] = "vm_create",
    [CALL_VIRQ_RAISE] = "virq_raise",
    [CALL_SYSTEM_POWER] = "system_power",
    [CALL_SYSTEM_LOG] = "system_log",
    [CALL_SYSTEM_STATS] = "system_stats",
    [CALL_MULTICALL_PAGE] = "multicall_page",
    [CALL_MULTICALL] = "multicall",
};

static void step_show(const struct step *step)
{
    static const char *const kinds[] = {"call", "fault", "time", "irq", "write", "batch"};
    const char *name = step->kind == STEP_CALL && step->word[0] < CALL_COUNT ? names[step->word[0]] : NULL;
    fprintf(stderr, "  CPU %u: %s %s", step->cpu, kinds[step->kind], name ? name : "");
    for (unsigned i = name ? 1 : 0; i < M_REGISTERS; i++)
        fprintf(stderr, " %" PRIx64, step->word[i]);
    fputc('\n', stderr);
}

static void steps_show(void)
{
    unsigned first = count > SHOWN ? count - SHOWN : 0;
    fprintf(stderr, "the last %u of %u steps:\n", count - first, count);
    for (unsigned i = first; i < count; i++)
        step_show(&steps[i]);
}

/* --- files of steps -------------------------------------------------------------------------------------------------------- */

static void steps_write(const char *path, const struct step *list, unsigned length)
{
    FILE *file = fopen(path, "w");
    for (unsigned i = 0; file && i < length; i++) {
        fprintf(file, "%u %u", list[i].kind, list[i].cpu);
        for (unsigned k = 0; k < M_REGISTERS; k++)
            fprintf(file, " %" PRIx64, list[i].word[k]);
        fputc('\n', file);
    }
    if (!file || fclose(file) != 0)
        perror(path);
}

static unsigned steps_read(const char *path, struct step *list)
{
    FILE *file = fopen(path, "r");
    unsigned length = 0;
    if (!file) {
        perror(path);
        exit(2);
    }
    for (struct step s; length < EPISODE_STEPS && fscanf(file, "%u %u", &s.kind, &s.cpu) == 2; list[length++] = s) {
        for (unsigned k = 0; k < M_REGISTERS; k++) {
            if (fscanf(file, "%" SCNx64, &s.word[k]) != 1)
                s.word[k] = 0;
        }
    }
    fclose(file);
    return length;
}

/* --- shrinking: which steps can be left out, and it fails all the same? ------------------------------------------------------ */

static bool still_fails(const struct step *list, unsigned length)
{
    int status;
    steps_write(failing, list, length);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--replay", failing, "--quiet", (char *)NULL);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static unsigned shrink(struct step *list, unsigned length)
{
    static struct step rest[EPISODE_STEPS];
    time_t end = time(NULL) + (time_t)shrink_seconds;
    for (unsigned chunk = length / 2; chunk; chunk /= 2) {
        for (unsigned at = 0; at < length && time(NULL) < end;) {
            unsigned gone = at + chunk < length ? chunk : length - at;
            memcpy(rest, list, at * sizeof *list);
            memcpy(rest + at, list + at + gone, (length - at - gone) * sizeof *list);
            if (length > gone && still_fails(rest, length - gone)) {
                length -= gone;
                memcpy(list, rest, length * sizeof *list);
            } else {
                at += chunk;
            }
        }
    }
    return length;
}

/* Shows the shortest way to the difference that was found; the steps stay in the file. */
static void shrink_and_show(void)
{
    static struct step list[EPISODE_STEPS];
    memcpy(list, steps, sizeof list);
    unsigned length = count;
    if (!still_fails(list, length)) {
        fprintf(stderr, "replaying these steps shows no difference: use --seed and --episode\n");
        return;
    }
    length = shrink(list, length);
    steps_write(failing, list, length);
    fprintf(stderr, "%u steps suffice (%s --replay %s):\n", length, program, failing);
    memcpy(steps, list, sizeof list);
    count = length;
    steps_show();
}

/* Kernel and model differ, or the simulated machine gave up. */
static _Noreturn void fail(void)
{
    if (!quiet) {
        steps_show();
        if (!replaying && shrink_seconds)
            shrink_and_show();
        fprintf(stderr, "reproduce: %s --seed %" PRIu64 " --episode %" PRIu64 "\n", program, seed, episode);
        printf("0 passed, 1 failed\n");
    }
    fflush(stdout);
    _exit(1);
}

_Noreturn void differs(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    if (!quiet) {
        fprintf(stderr, "difference: ");
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
    }
    va_end(arguments);
    fail();
}

static void aborted(int number)
{
    (void)number;
    fail();
}

/* --- episodes ------------------------------------------------------------------------------------------------------------------ */

/* The tables of the model are nearly full. */
static bool full(void)
{
    unsigned nodes = 0, things = 0, partitions = 0;
    for (int i = 0; i < model.nodes_end; i++)
        nodes += model.nodes[i].kind != M_FREE;
    for (int i = 0; i < model.things_end; i++)
        things += model.things[i].used;
    for (int i = 0; i < M_PARTITIONS; i++)
        partitions += model.partitions[i].used;
    return nodes > M_NODES - 8 || things > M_THINGS - 4 || partitions > M_PARTITIONS - 2;
}

static uint64_t run_episode(uint64_t limit)
{
    generate_seed(seed + episode * UINT64_C(0xd1342543de82ef95));
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value = {EPISODE_SECONDS, 0}}, NULL); /* the kernel never comes back */
    check_boot();
    for (count = 0; count < EPISODE_STEPS && count < limit && !full() && !check_over;) {
        if (!generate_step(&steps[count]))
            break;
        if (check_step(&steps[count++])) /* it counts before it is done: a difference shows it, too */
            continue;
        count--;
        if (model.cpus[0].running == NONE && model.cpus[1].running == NONE && model.cpus[2].running == NONE && model.cpus[3].running == NONE)
            break;
    }
    check_end();
    return count;
}

static void replay(const char *path)
{
    static struct step list[EPISODE_STEPS];
    unsigned length = steps_read(path, list);
    replaying = true;
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value = {EPISODE_SECONDS, 0}}, NULL);
    check_boot();
    for (unsigned i = 0; i < length && !check_over; i++) {
        steps[count++] = list[i];
        check_step(&list[i]);
    }
    check_end();
    if (!quiet)
        printf("no difference\n");
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 0);
}

int main(int argc, char **argv)
{
    uint64_t total = 1000000, done = 0;
    bool one = false;
    const char *file = NULL;
    program = argv[0];
    snprintf(failing, sizeof failing, "%s.failing", program);
    signal(SIGABRT, aborted);
    signal(SIGVTALRM, aborted);
    seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--quiet"))
            quiet = true;
        else if (!strcmp(argv[i], "--shrink") && more)
            shrink_seconds = (unsigned)number(argv[++i]);
        else if (!strcmp(argv[i], "--replay") && more)
            file = argv[++i];
        else if (!strcmp(argv[i], "--seed") && more)
            seed = number(argv[++i]);
        else if (!strcmp(argv[i], "--steps") && more)
            total = number(argv[++i]);
        else if (!strcmp(argv[i], "--episode") && more)
            one = true, episode = number(argv[++i]);
        else
            return fprintf(stderr, "usage: %s [--seed N] [--steps N] [--episode N] [--replay FILE] [--shrink SECONDS]\n", program), 2;
    }
    if (file)
        return replay(file), 0;
    printf("model: seed %" PRIu64 "\n", seed);
    fflush(stdout);
    do
        done += run_episode(total - done);
    while (!one && ++episode && done < total);
    printf("model: %" PRIu64 " steps in %" PRIu64 " episodes: no difference\n1 passed, 0 failed\n", done, one ? 1 : episode);
    return 0;
}
