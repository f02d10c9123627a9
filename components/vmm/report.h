/*
 * "Nothing says nothing": what a guest did that it was not given leaves a report on its console and, as one line, in its status page: where,
 * what, with which registers, and what in the system description would allow it.
 */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include "vcpu.h"

#include <stdbool.h>

/** The access or fetch in the state page; once per 4 KiB of addresses. */
void report_access(struct cpu *cpu);

/** An instruction or system register that the VM is not offered; once per syndrome. */
void report_instruction(struct cpu *cpu);

/** Nothing written to the console since the start: where the guest is. */
void report_silence(struct cpu *cpu);

/** The guest cannot go on: `why` completes "VM NAME failed: ". Always false, for an exit handler's result. */
bool report_fatal(struct cpu *cpu, const char *why);

/** A line about the VM as a whole, on the console and in the status page. */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** What is wrong with how the guest drives a device of its machine. */
void report_device(const char *device, const char *wrong);

/** The guest was restarted: reports are made anew. */
void report_reset(void);

#endif
