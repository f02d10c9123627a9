/* What the parts of the component `scale` share. */
#ifndef SCALE_H
#define SCALE_H

#include "stand_in.h"

enum {
    /* Slots of the subject's table: ranges. */
    SLOT_LATE = 30,
    SLOT_FARM = 40,
    SLOT_VMS = 100,
    SLOT_CAPS = 1000,
    FARM_MIB = 8, /* of kernel memory of a farm, from the beginning of SUBJECT_KERNEL */
};

/* late.c: how late a thread of the highest priority on this CPU is while something long goes on. */

/** Makes that thread; it sleeps. */
void late_make(void);
/** From now on it wants to run again and again. */
void late_begin(void);
/** It sleeps again. The longest that it was late, in ticks. */
uint64_t late_end(void);

/* farm.c: a partition with any number of VMs, one vCPU each. */

/** Makes it, with so many; each has been entered once. */
void farm_make(unsigned vms);
/** Ends all of it; the ticks that this took. */
uint64_t farm_delete(void);
/** Lets that VM's guest run until its next exit to the monitor, which is its next instruction. */
void farm_enter(unsigned vm);
/** Slots. */
cap_t farm_vm(unsigned vm);
cap_t farm_space(unsigned vm);

/* series.c: the measurements; each prints its lines. */
void series_vms(void);
void series_capabilities(void);
void series_lines(void);
void series_memory(void);

#endif
