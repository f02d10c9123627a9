/* Fault reports. Syndromes as in the Arm ARM, ESR_ELx (D17.2.37). */
#include "fault.h"

#include "call_stubs.h"
#include "format.h"
#include "print.h"

#include <stddef.h>

enum { EC_FP = 0x07, EC_INSTRUCTION_ABORT = 0x20, EC_DATA_ABORT = 0x24, ISS_WRITE = 1 << 6 };

static unsigned exception_class(uint64_t syndrome)
{
    return (unsigned)(syndrome >> 26 & 0x3f);
}

static const char *class_text(uint64_t class)
{
    static const char *const texts[] = {
        [FAULT_NONE] = "stopped",
        [FAULT_EXIT] = "ended itself",
        [FAULT_MEMORY] = "accessed memory that it does not have",
        [FAULT_INSTRUCTION] = "executed an undefined or forbidden instruction",
        [FAULT_ALIGNMENT] = "made a misaligned access",
        [FAULT_ERROR] = "got an error from memory or a device (external abort or SError)",
        [FAULT_OTHER] = "raised an unexpected exception",
    };
    return class < sizeof texts / sizeof *texts ? texts[class] : "stopped for an unknown reason";
}

static const char *access_text(uint64_t syndrome)
{
    switch (exception_class(syndrome)) {
    case EC_INSTRUCTION_ABORT:
        return "instruction fetch";
    case EC_DATA_ABORT:
        return syndrome & ISS_WRITE ? "write" : "read";
    case EC_FP:
        return "floating point or SIMD";
    default:
        return "other";
    }
}

static const char *status_code_text(uint64_t syndrome)
{
    switch (syndrome >> 2 & 15) {
    case 0:
        return "address size fault";
    case 1:
        return "nothing is mapped there";
    case 2:
        return "access flag fault";
    case 3:
        return "mapped without that permission";
    case 4:
        return "external abort";
    case 8:
        return "alignment fault";
    default:
        return "other fault";
    }
}

static const char *remedy_text(const struct thread_fault_report *fault)
{
    if (fault->class == FAULT_EXIT)
        return fault->address == COMPONENT_EXIT_NO_SIGNAL ? "it has no signal to wait by: too little kernel memory, or a defect in it" : "its console says why";
    if (exception_class(fault->syndrome) == EC_FP)
        return "build it with -mgeneral-regs-only: components have no floating point";
    if (fault->class == FAULT_ERROR)
        return "the hardware reported an error; if the VM has `devices`, one of them may have been accessed wrongly";
    if (fault->class == FAULT_MEMORY)
        return "no property of the description gives a component more memory: a defect in it; its pc is in the .elf next to its image";
    return "a defect in the component; its pc is in the .elf next to its image";
}

static void print_memory(const struct thread_fault_report *fault)
{
    console_print("  %s at 0x%lx: %s\n", access_text(fault->syndrome), fault->address, status_code_text(fault->syndrome));
}

static void print_fault(const struct thread_fault_report *fault)
{
    if (fault->class == FAULT_EXIT) {
        console_print("  code %ld; %s\n", (long)fault->address, remedy_text(fault));
        return;
    }
    if (fault->class == FAULT_MEMORY || fault->class == FAULT_ALIGNMENT)
        print_memory(fault);
    console_print("  pc 0x%lx lr 0x%lx sp 0x%lx syndrome 0x%lx (class 0x%x)\n", fault->pc, fault->link, fault->sp, fault->syndrome,
                  exception_class(fault->syndrome));
    console_print("  %s\n", remedy_text(fault));
}

/* Number of the first of its threads that stands still because of a fault; `thread_count` if none does. */
static unsigned faulted_thread(const struct instance *instance, struct thread_fault_report *fault)
{
    unsigned i = 0;
    while (i < instance->thread_count && (thread_fault(instance->threads[i], fault) != STATUS_OK || fault->class == FAULT_NONE))
        i++;
    return i;
}

bool fault_report(const struct instance *instance, char *why, size_t size)
{
    struct thread_fault_report fault;
    unsigned number = faulted_thread(instance, &fault);
    if (number == instance->thread_count)
        return false;
    if (number)
        format_text(why, size, "vCPU %u's thread of %s %s", number - 1, instance->image, class_text(fault.class));
    else
        format_text(why, size, "the first thread of %s %s", instance->image, class_text(fault.class));
    console_print("%s: %s\n", instance->name, why);
    print_fault(&fault);
    return true;
}
