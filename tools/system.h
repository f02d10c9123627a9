/* A system description in the tool's hands: the compiled tree, what the reader made of it, and where each thing stands in the source. */
#ifndef TOOLS_SYSTEM_H
#define TOOLS_SYSTEM_H

#include "description.h"
#include "source_map.h"

struct system {
    struct description_reporter reporter; /* first, so that a reporter leads back to its system */
    void *tree;
    struct description description;
    struct source_map map;
    unsigned errors, warnings;
};

enum { GUEST_DISKS = 4 }; /* one for each page of transports that QEMU's virt board has */

/* FILE[,ro][,bounce] */
struct guest_disk {
    const char *file;
    bool read_only, bounce;
};

/* What `bulkhead run --kernel` or `--firmware` describes: one VM, named "guest". NULL: not given. */
struct guest {
    const char *kernel;
    const char *initrd;
    const char *firmware;
    const char *flash;
    const char *append;
    const char *dtb;
    const char *memory;
    unsigned disk_count;
    struct guest_disk disks[GUEST_DISKS];
    unsigned cpus;
    unsigned host_cpus; /* vCPU i runs on host CPU i modulo this */
};

/* Compile and read a description's source. False, after messages, if it has errors; free the system in any case. */
bool system_load(struct system *system, const char *path);

/* The same for a guest that stands on the command line: places are names of options. */
bool system_generate(struct system *system, const struct guest *guest);

/* Gives back what loading has taken. */
void system_free(struct system *system);

/* A message about a node (`property` is NULL) or one of its properties; counted. */
void system_message(struct system *system, int node, const char *property, enum severity severity, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The file that a property of the node names, seen from where the property stands; fresh memory. */
char *system_file(const struct system *system, int node, const char *property, const char *name);

#endif
