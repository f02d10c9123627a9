/*
 * A system for `make bench-full`: it is packed in root's place and measures on the real kernel how costs depend on how much there is of something. A
 * partition of its own making, the subject, does it, in root's space. Each line of output: "scale SERIES NAME=NUMBER …", times in ticks of
 * the counter, which are instructions under -icount.
 */
#include "scale.h"

#include "call_stubs.h"
#include "print.h"

enum { SUBJECT_MEBIBYTES = 3 }; /* kernel memory for a table of 10,000 capabilities */

static _Noreturn void subject_main(void)
{
    late_make();
    series_vms();
    series_lines();
    series_capabilities();
    series_memory();
    console_print("scale done\n");
    thread_exit(0);
}

_Noreturn void component_start(void *argument)
{
    stand_in_begin(argument, "scale");
    subject_make(SUBJECT_MEBIBYTES, 1);
    subject_run(subject_main);
}
