/* Deaths and returns. */
#include "life.h"

#include "call_stubs.h"
#include "clock.h"
#include "print.h"
#include "reaper.h"

enum { US_PER_MS = 1000, RELEASE_LOOK_US = 1000 };

static void end(struct instance *in)
{
    if (in->reaper) {
        in->condition = INSTANCE_ENDING;
        reaper_start(in);
        return;
    }
    instance_destroy(in);
    if (in->gone)
        in->gone(in);
}

void life_end(struct instance *in, enum condition next)
{
    in->next = next;
    if (in->condition == INSTANCE_ENDING)
        return;
    in->condition = next;
    if (!in->alive)
        return;
    in->deaths++;
    if (in->release) {
        in->condition = INSTANCE_ENDING;
        in->alive = false;
        in->releasing = true;
        in->release(in);
    } else {
        end(in);
    }
}

void life_renew(struct instance *in)
{
    restart_forget(&in->restart);
    in->restart_at = clock_now();
    life_end(in, INSTANCE_WAITING);
}

static void stay(struct instance *in, const char *why)
{
    if (!in->restarts)
        console_print("%s: stays stopped; %s: %s\n", in->name, in->stays, why);
    else
        console_print("%s: stays stopped after %u restarts in a row (restart-limit): %s\n", in->name, in->restart.in_row, why);
    life_end(in, INSTANCE_FAILED);
}

void life_died(struct instance *in, const char *why)
{
    uint64_t lived_ms = clock_to_us(clock_now() - in->built_at) / US_PER_MS;
    if (!in->restarts || !restart_plan(&in->restart, lived_ms)) {
        stay(in, why);
        return;
    }
    in->restart_at = clock_deadline_us((uint64_t)in->restart.delay_ms * US_PER_MS);
    console_print("%s: restarts in %u ms (%u in a row): %s\n", in->name, in->restart.delay_ms, in->restart.in_row, why);
    life_end(in, INSTANCE_WAITING);
}

static void rebuild(struct instance *in)
{
    if (in->build(in))
        console_print("%s: started again\n", in->name);
    else
        life_died(in, "it could not be built");
}

void life_step(struct instance *in)
{
    if (in->releasing && in->released(in)) {
        in->releasing = false;
        end(in);
    }
    if (in->condition == INSTANCE_ENDING && !in->releasing && reaper_finished(in))
        in->condition = in->next;
    if (in->condition == INSTANCE_WAITING && clock_now() >= in->restart_at)
        rebuild(in);
}

uint64_t life_deadline(const struct instance *in)
{
    if (in->releasing)
        return clock_deadline_us(RELEASE_LOOK_US);
    return in->condition == INSTANCE_WAITING ? in->restart_at : DEADLINE_NEVER;
}
