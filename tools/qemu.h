/* The board that an image is run on: one of QEMU's machines. */
#ifndef TOOLS_QEMU_H
#define TOOLS_QEMU_H

#include <stdbool.h>
#include <stdint.h>

/* What of a board is fixed; 0 or NULL: the user's choice. */
struct machine {
    const char *name;
    const char *type; /* QEMU's name for it, with properties */
    const char *tree; /* file with its device tree, below the build directory; NULL: QEMU makes one */
    const char *cpu;
    unsigned gic, cpus;
    uint64_t memory;
    const char *text; /* what it has, for messages */
    const char *const *quiet; /* arguments that keep QEMU from complaining about devices that nobody uses; ends with NULL */
};

/* A file behind one of the board's virtio-mmio transports. */
struct board_disk {
    char *path;
    uint32_t transport;
    bool read_only;
};

struct board {
    const struct machine *machine;
    const char *tree; /* the machine's, as a path; NULL if it has none */
    unsigned cpus;
    uint64_t memory; /* bytes; a multiple of 1 MiB */
    const char *cpu; /* QEMU's name for the model */
    unsigned gic;    /* version: 2 or 3 */
    bool measuring;  /* virtual time counts instructions: 2^shift ns each */
    unsigned shift;
    unsigned gdb_port; /* 0: no debugger */
    struct board_disk *disks;
    unsigned disk_count;
    char *const *extra; /* further arguments; ends with NULL */
};

/* The machine of that name, or NULL. */
const struct machine *machine_find(const char *name);

/* QEMU's command line, booting the image at `path`; ends with NULL. Fresh memory. */
char **qemu_arguments(const struct board *board, const char *path);
void qemu_arguments_free(char **arguments);

/* Print it so that a shell reads it back. */
void qemu_arguments_print(char *const *arguments);

/*
 * Run QEMU with the terminal as the guest's console until it ends; `file` is a descriptor that it inherits. The terminal is
 * left as it was found, however QEMU ended. Returns an exit status: 0, 1, or 128 and the number of the signal that ended it.
 */
int qemu_run(char *const *arguments, int file);

#endif
