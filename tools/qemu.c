/* QEMU's command line. qemu_run.c runs it. */
#include "qemu.h"

#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
    char **list;
    size_t count;
};

static const char *const zcu102_quiet[] = {"-audiodev", "none,id=none", "-nic", "user,restrict=on", "-nic", "user,restrict=on",
                                           "-nic", "user,restrict=on", "-nic", "user,restrict=on", NULL};

static const struct machine machines[] = {
    {.name = "virt", .type = "virt,virtualization=on"},
    {.name = "zcu102", .type = "xlnx-zcu102,virtualization=on", .tree = "debian/boards/zynqmp-zcu102-rev1.0.dtb",
     .cpu = "cortex-a53", .gic = 2, .cpus = 4, .memory = UINT64_C(2) << 30, .text = "four Cortex-A53, a GICv2 and 2G of RAM",
     .quiet = zcu102_quiet},
};

const struct machine *machine_find(const char *name)
{
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
        if (strcmp(name, machines[i].name) == 0)
            return &machines[i];
    return NULL;
}

/* Takes the string over. */
static void add(struct arguments *arguments, char *text)
{
    arguments->list = array_resize(arguments->list, arguments->count + 1, sizeof *arguments->list);
    arguments->list[arguments->count++] = text;
}

static void add_option(struct arguments *arguments, const char *option, char *value)
{
    add(arguments, text_format("%s", option));
    add(arguments, value);
}

/* More than the host may have: it is taken as it is touched. */
static const uint64_t reserve_most = UINT64_C(4) << 30;

/* Under icount the counter runs at 1 GHz, so that one tick is one instruction with a shift of 0. */
static char *cpu_model(const struct board *board)
{
    /* The architected pointer-authentication algorithm is slow to emulate and "max" has it on. */
    const char *quick = strcmp(board->cpu, "max") == 0 ? ",pauth-impdef=on" : "";

    return text_format("%s%s%s", board->cpu, quick, board->measuring ? ",cntfrq=1000000000" : "");
}

static void add_list(struct arguments *arguments, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        add(arguments, text_format("%s", *list));
}

/* QEMU's type of the machine, and what that lets one choose. */
static void add_machine(struct arguments *arguments, const struct board *board)
{
    const char *type = board->machine->type;

    if (board->machine->cpu != NULL) {
        add_option(arguments, "-M", text_format("%s", type));
        add_list(arguments, board->machine->quiet);
    } else {
        add_option(arguments, "-M", text_format("%s,gic-version=%u%s%s", type, board->gic,
                                                board->measuring ? ",dtb-randomness=off" : "",
                                                board->memory > reserve_most ? ",memory-backend=ram" : ""));
        add_option(arguments, "-cpu", cpu_model(board));
    }
    if (board->tree != NULL)
        add_option(arguments, "-dtb", text_format("%s", board->tree));
}

static void add_board(struct arguments *arguments, const struct board *board)
{
    add(arguments, text_format("qemu-system-aarch64"));
    add_machine(arguments, board);
    add_option(arguments, "-smp", text_format("%u", board->cpus));
    add_option(arguments, "-m", text_format("%lluM", (unsigned long long)(board->memory >> 20)));
    if (board->memory > reserve_most)
        add_option(arguments, "-object", text_format("memory-backend-ram,id=ram,size=%lluM,reserve=off",
                                                     (unsigned long long)(board->memory >> 20)));
    if (board->measuring) {
        add_option(arguments, "-icount", text_format("shift=%u,sleep=off", board->shift));
        add_option(arguments, "-rtc", text_format("base=2024-01-01T00:00:00,clock=vm"));
    }
}

/* signal=off: Ctrl-C is a character for the guest. */
static void add_console(struct arguments *arguments)
{
    add(arguments, text_format("-nodefaults"));
    add_option(arguments, "-display", text_format("none"));
    add_option(arguments, "-monitor", text_format("none"));
    add_option(arguments, "-chardev", text_format("stdio,id=console,signal=off"));
    add_option(arguments, "-serial", text_format("chardev:console"));
}

/* In an option's value a comma is written twice. */
static char *double_commas(const char *text)
{
    char *doubled = array_resize(NULL, 2 * strlen(text) + 1, 1), *to = doubled;

    do {
        if (*text == ',')
            *to++ = ',';
        *to++ = *text;
    } while (*text++ != '\0');
    return doubled;
}

/* Drivers expect the registers of virtio 1.0 and later. Where the file's own disk is full, the guest has an error; else QEMU would stop the whole machine. */
static void add_disks(struct arguments *arguments, const struct board *board)
{
    if (board->disk_count != 0)
        add_option(arguments, "-global", text_format("virtio-mmio.force-legacy=false"));
    for (unsigned i = 0; i < board->disk_count; i++) {
        const struct board_disk *disk = &board->disks[i];
        char *path = double_commas(disk->path);

        add_option(arguments, "-drive", text_format("if=none,id=disk%u,format=raw,discard=unmap,werror=report,%sfile=%s", i, disk->read_only ? "readonly=on," : "", path));
        add_option(arguments, "-device", text_format("virtio-blk-device,bus=virtio-mmio-bus.%u,drive=disk%u", disk->transport, i));
        free(path);
    }
}

char **qemu_arguments(const struct board *board, const char *path)
{
    struct arguments arguments = {0};

    add_board(&arguments, board);
    add_console(&arguments);
    add_disks(&arguments, board);
    if (board->gdb_port != 0) {
        add_option(&arguments, "-gdb", text_format("tcp:127.0.0.1:%u", board->gdb_port));
        add(&arguments, text_format("-S"));
    }
    add_option(&arguments, "-kernel", text_format("%s", path));
    add_list(&arguments, (const char *const *)board->extra);
    add(&arguments, NULL);
    return arguments.list;
}

void qemu_arguments_free(char **arguments)
{
    for (char **argument = arguments; *argument != NULL; argument++)
        free(*argument);
    free(arguments);
}

static void print_quoted(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:@%";

    if (*text != '\0' && text[strspn(text, plain)] == '\0') {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text != '\0'; text++)
        fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
    putchar('\'');
}

void qemu_arguments_print(char *const *arguments)
{
    for (char *const *argument = arguments; *argument != NULL; argument++) {
        print_quoted(*argument);
        putchar(argument[1] == NULL ? '\n' : ' ');
    }
}
