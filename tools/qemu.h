/* The board that an image is run on: QEMU's `virt`. */
#ifndef TOOLS_QEMU_H
#define TOOLS_QEMU_H

#include <stdbool.h>
#include <stdint.h>

struct board {
    unsigned cpus;
    uint64_t memory; /* bytes; a multiple of 1 MiB */
    const char *cpu; /* QEMU's name for the model */
    unsigned gic;    /* version: 2 or 3 */
    bool measuring;  /* virtual time counts instructions: 2^shift ns each */
    unsigned shift;
    unsigned gdb_port; /* 0: no debugger */
    char *const *extra; /* further arguments; ends with NULL */
};

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
