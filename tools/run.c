/*
 * `bulkhead run`: check, pack, and boot the image in QEMU. The image lives in an anonymous file that QEMU inherits, so nothing
 * is left behind, whichever way this ends.
 */
#include "run.h"

#include "check.h"
#include "disk.h"
#include "image.h"
#include "options.h"
#include "qemu.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEGA (UINT64_C(1) << 20)

enum {
    HOST_MEMORY_SPARE = 128, /* MiB for kernel, components and alignment */
    HOST_MEMORY_LEAST = 512,
    HOST_MEMORY_STEP = 64,
    DEFAULT_GIC = 3,
};

static const char help[] =
    "Usage: bulkhead run [OPTION]... SYSTEM.dts [-- QEMU-ARGUMENT...]\n"
    "       bulkhead run [OPTION]... --kernel FILE [-- QEMU-ARGUMENT...]\n"
    "       bulkhead run [OPTION]... --firmware FILE [-- QEMU-ARGUMENT...]\n"
    "Boot a whole system, or a kernel of your own in one VM, in QEMU on this terminal.\n"
    "Ctrl-] opens the console menu; Ctrl-C goes to the guest.\n"
    "\n"
    "One VM, called \"guest\":\n"
    "  --kernel FILE       Image, gzip'd Image, AArch64 ELF or flat binary\n"
    "  --initrd FILE       initial RAM disk\n"
    "  --firmware FILE     boot loader for QEMU's virt board, in flash memory at 0; it may\n"
    "                      fetch --kernel, --initrd and --append by fw_cfg\n"
    "  --flash FILE        what the second bank of flash memory holds\n"
    "  --append TEXT       kernel command line\n"
    "  --dtb FILE          device tree instead of the generated one\n"
    "  --memory SIZE       RAM, a multiple of 2M (default 512M)\n"
    "  --cpus N            virtual processors, 1 to 8 (default 1); the i-th runs on host\n"
    "                      CPU i modulo --host-cpus\n"
    "  --disk FILE[,ro][,bounce]\n"
    "                      a disk, from a raw image; up to four times. ro: read-only;\n"
    "                      bounce: its driver copies, and the device reaches no other memory\n"
    "The board:\n"
    "  --machine NAME      virt (default), or zcu102: four Cortex-A53, a GICv2 and 2G of RAM,\n"
    "                      without the following options except --gdb\n"
    "  --host-cpus N       processors, 1 to 8 (default: as many as --cpus, or 4)\n"
    "  --host-memory SIZE  RAM (default: what the system needs)\n"
    "  --cpu MODEL         QEMU's processor model (default cortex-a57)\n"
    "  --gic 2|3           interrupt controller's version, also the guests' (default 3)\n"
    "  --icount SHIFT      measure: virtual time counts instructions, 2^SHIFT ns each;\n"
    "                      the counter runs at 1 GHz. 0 to 10\n"
    "  --gdb PORT          wait for a debugger on this TCP port before starting\n"
    "Others:\n"
    "  --build-dir DIR     where kernel/ and components/ are (default: beside this program)\n"
    "  --image FILE        keep the boot image in FILE\n"
    "  --dry-run           print QEMU's command line and do not run it\n"
    "  --help              print this\n"
    "\n"
    "Exit status: 0 QEMU ended by itself, 1 errors, 2 wrong command line, 128+N signal N.\n";

struct run_options {
    struct guest guest;
    struct board board;
    const char *source; /* NULL: the guest */
    const char *host_memory;
    const char *build_dir;
    const char *image;
    bool dry_run;
};

static uint64_t memory_needed(const struct system *system, const struct image *image)
{
    uint64_t needed = image_size(image);

    for (uint32_t i = 0; i < system->description.vm_count; i++)
        needed += system->description.vms[i].memory + image_flash_size(image, &system->description.vms[i]);
    return needed;
}

static bool check_machine_memory(struct run_options *wanted, uint64_t needed)
{
    wanted->board.memory = wanted->board.machine->memory;
    if (needed < wanted->board.memory)
        return true;
    message_at((struct place){.file = "--machine"}, SEVERITY_ERROR,
               "%s has less than the %lluM that the VMs and their images take; give them less", wanted->board.machine->name,
               (unsigned long long)(needed / MEGA + 1));
    return false;
}

static bool choose_memory(struct run_options *wanted, const struct system *system, const struct image *image)
{
    uint64_t needed = memory_needed(system, image);
    uint64_t step = HOST_MEMORY_STEP * MEGA;
    uint64_t memory = (needed + HOST_MEMORY_SPARE * MEGA + step - 1) / step * step;

    if (wanted->board.machine->memory != 0)
        return check_machine_memory(wanted, needed);
    wanted->board.memory = memory > HOST_MEMORY_LEAST * MEGA ? memory : HOST_MEMORY_LEAST * MEGA;
    if (wanted->host_memory == NULL)
        return true;
    description_parse_size(wanted->host_memory, &wanted->board.memory);
    if (wanted->board.memory >= needed)
        return true;
    message_at((struct place){.file = "--host-memory"}, SEVERITY_ERROR,
               "%s is less than the %lluM that the VMs and their images take; give %lluM, or leave it out", wanted->host_memory,
               (unsigned long long)(needed / MEGA + 1), (unsigned long long)(memory / MEGA));
    return false;
}

static int print_command(const struct run_options *wanted)
{
    char **arguments = qemu_arguments(&wanted->board, wanted->image == NULL ? "IMAGE" : wanted->image);

    qemu_arguments_print(arguments);
    qemu_arguments_free(arguments);
    return STATUS_OK;
}

static int boot(const struct run_options *wanted, const struct image *image)
{
    int file = memfd_create("bulkhead", MFD_CLOEXEC);
    int status = STATUS_ERROR;
    char **arguments;
    char *path;

    if (file < 0 || !image_write(image, file, false)) {
        message_error("cannot write the boot image into memory: %s", strerror(errno));
    } else {
        path = text_format("/proc/self/fd/%d", file);
        arguments = qemu_arguments(&wanted->board, path);
        if (wanted->board.gdb_port != 0)
            message_at((struct place){0}, SEVERITY_NOTE, "waiting for: gdb-multiarch -ex 'target remote :%u'",
                       wanted->board.gdb_port);
        status = qemu_run(arguments, file);
        qemu_arguments_free(arguments);
        free(path);
    }
    if (file >= 0)
        close(file);
    return status;
}

static int run_system(struct run_options *wanted, const struct system *system, const char *build_dir)
{
    struct image image;
    int status = STATUS_ERROR;
    bool good = image_gather(&image, system, build_dir) && choose_memory(wanted, system, &image) && disks_attach(&wanted->board, system);

    if (good && wanted->image != NULL)
        good = image_save(&image, wanted->image, false);
    if (good)
        status = wanted->dry_run ? print_command(wanted) : boot(wanted, &image);
    image_free(&image);
    disks_detach(&wanted->board);
    return status;
}

static bool check_tree(const char *tree)
{
    if (tree == NULL || access(tree, R_OK) == 0)
        return true;
    message_at((struct place){.file = tree}, SEVERITY_ERROR, "%s; run scripts/fetch-debian", strerror(errno));
    return false;
}

static int run(struct run_options *wanted)
{
    char *build_dir = build_dir_find(wanted->build_dir);
    char *tree = wanted->board.machine->tree ? text_format("%s/%s", build_dir, wanted->board.machine->tree) : NULL;
    struct system system;
    int status = STATUS_ERROR;
    bool good = wanted->source != NULL ? system_load(&system, wanted->source) : system_generate(&system, &wanted->guest);

    wanted->board.tree = tree;
    good = check_tree(tree) && good;
    good = system_check(&system, build_dir, wanted->board.cpus) && good;
    if (good)
        status = run_system(wanted, &system, build_dir);
    system_free(&system);
    free(tree);
    free(build_dir);
    return status;
}

/* The command line. */

enum {
    OPTION_KERNEL = 256,
    OPTION_INITRD,
    OPTION_FIRMWARE,
    OPTION_FLASH,
    OPTION_APPEND,
    OPTION_DTB,
    OPTION_MEMORY,
    OPTION_CPUS,
    OPTION_DISK,
    OPTION_MACHINE,
    OPTION_HOST_CPUS,
    OPTION_HOST_MEMORY,
    OPTION_CPU,
    OPTION_GIC,
    OPTION_ICOUNT,
    OPTION_GDB,
    OPTION_BUILD_DIR,
    OPTION_IMAGE,
    OPTION_DRY_RUN,
};

static const struct option options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"kernel", required_argument, NULL, OPTION_KERNEL},
    {"initrd", required_argument, NULL, OPTION_INITRD},
    {"firmware", required_argument, NULL, OPTION_FIRMWARE},
    {"flash", required_argument, NULL, OPTION_FLASH},
    {"append", required_argument, NULL, OPTION_APPEND},
    {"dtb", required_argument, NULL, OPTION_DTB},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"disk", required_argument, NULL, OPTION_DISK},
    {"machine", required_argument, NULL, OPTION_MACHINE},
    {"host-cpus", required_argument, NULL, OPTION_HOST_CPUS},
    {"host-memory", required_argument, NULL, OPTION_HOST_MEMORY},
    {"cpu", required_argument, NULL, OPTION_CPU},
    {"gic", required_argument, NULL, OPTION_GIC},
    {"icount", required_argument, NULL, OPTION_ICOUNT},
    {"gdb", required_argument, NULL, OPTION_GDB},
    {"build-dir", required_argument, NULL, OPTION_BUILD_DIR},
    {"image", required_argument, NULL, OPTION_IMAGE},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {0},
};

static int take_number(const char *option, unsigned min, unsigned max, unsigned *number)
{
    if (option_number(optarg, min, max, number))
        return STATUS_OK;
    return message_usage("run", "%s is a number from %u to %u, not %s", option, min, max, optarg);
}

static int take_disk(struct run_options *wanted)
{
    if (wanted->guest.disk_count == GUEST_DISKS)
        return message_usage("run", "four disks at most; %s is one too many", optarg);
    wanted->guest.disks[wanted->guest.disk_count++] = disk_parse(optarg);
    return STATUS_OK;
}

static int take_host_memory(struct run_options *wanted)
{
    uint64_t bytes;

    if (!description_parse_size(optarg, &bytes) || bytes == 0 || bytes % MEGA != 0)
        return message_usage("run", "--host-memory is a number with M or G, such as 1G, not %s", optarg);
    wanted->host_memory = optarg;
    return STATUS_OK;
}

static int take_machine(struct run_options *wanted)
{
    wanted->board.machine = machine_find(optarg);
    if (wanted->board.machine == NULL)
        return message_usage("run", "--machine is virt or zcu102, not %s", optarg);
    return STATUS_OK;
}

/* Where the value of an option that is any text goes; NULL if `option` is not one of these. */
static const char **text_option(struct run_options *wanted, int option)
{
    switch (option) {
    case OPTION_KERNEL: return &wanted->guest.kernel;
    case OPTION_INITRD: return &wanted->guest.initrd;
    case OPTION_FIRMWARE: return &wanted->guest.firmware;
    case OPTION_FLASH: return &wanted->guest.flash;
    case OPTION_APPEND: return &wanted->guest.append;
    case OPTION_DTB: return &wanted->guest.dtb;
    case OPTION_MEMORY: return &wanted->guest.memory;
    case OPTION_CPU: return &wanted->board.cpu;
    case OPTION_BUILD_DIR: return &wanted->build_dir;
    case OPTION_IMAGE: return &wanted->image;
    default: return NULL;
    }
}

static int take_option(struct run_options *wanted, int option, char *const arguments[])
{
    const char **text = text_option(wanted, option);

    if (text != NULL) {
        *text = optarg;
        return STATUS_OK;
    }
    switch (option) {
    case OPTION_CPUS: return take_number("--cpus", 1, DESCRIPTION_MAX_VCPUS, &wanted->guest.cpus);
    case OPTION_DISK: return take_disk(wanted);
    case OPTION_MACHINE: return take_machine(wanted);
    case OPTION_HOST_CPUS: return take_number("--host-cpus", 1, DESCRIPTION_MAX_CPUS, &wanted->board.cpus);
    case OPTION_HOST_MEMORY: return take_host_memory(wanted);
    case OPTION_GIC: return take_number("--gic", 2, 3, &wanted->board.gic);
    case OPTION_ICOUNT: wanted->board.measuring = true; return take_number("--icount", 0, 10, &wanted->board.shift);
    case OPTION_GDB: return take_number("--gdb", 1, 65535, &wanted->board.gdb_port);
    case OPTION_DRY_RUN: wanted->dry_run = true; return STATUS_OK;
    default: return option_refuse("run", option, arguments);
    }
}

/* A machine that leaves no choice, or the defaults of what was not chosen. */
static int complete_board(struct run_options *wanted)
{
    struct board *board = &wanted->board;
    const struct machine *machine = board->machine;

    if (machine->cpu != NULL) {
        if (board->cpu || board->gic || board->cpus || board->measuring || wanted->host_memory)
            return message_usage("run", "--machine %s has %s; leave out --cpu, --gic, --host-cpus, --host-memory and --icount",
                                 machine->name, machine->text);
        board->cpus = machine->cpus;
    }
    board->cpu = board->cpu != NULL ? board->cpu : "cortex-a57";
    board->gic = board->gic != 0 ? board->gic : DEFAULT_GIC;
    if (board->cpus == 0)
        board->cpus = wanted->source != NULL ? DEFAULT_HOST_CPUS : wanted->guest.cpus;
    return STATUS_OK;
}

/* Options that belong to one of the two forms, and their defaults. */
static int complete(struct run_options *wanted, int count, char *const arguments[])
{
    struct guest *guest = &wanted->guest;

    if (count > 1)
        return message_usage("run", "give one system description, not also %s", arguments[1]);
    if ((count == 1) == (guest->kernel != NULL || guest->firmware != NULL))
        return message_usage("run", count == 1 ? "give a system description, or --kernel or --firmware, not both"
                                               : "give a system description, --kernel or --firmware");
    if (count == 1 && (guest->initrd || guest->flash || guest->append || guest->dtb || guest->memory || guest->cpus || guest->disk_count))
        return message_usage("run", "--initrd, --flash, --append, --dtb, --memory, --cpus and --disk go with --kernel or --firmware; "
                                    "a system description says these itself");
    wanted->source = count == 1 ? arguments[0] : NULL;
    guest->cpus = guest->cpus == 0 ? 1 : guest->cpus;
    guest->memory = guest->memory == NULL ? "512M" : guest->memory;
    if (complete_board(wanted) != STATUS_OK)
        return STATUS_USAGE;
    guest->host_cpus = wanted->board.cpus;
    return STATUS_OK;
}

/* Cuts the command line off at "--" and returns what stands behind it. */
static char *const *split_extra(int *count, char *arguments[])
{
    for (int i = 1; i < *count; i++)
        if (strcmp(arguments[i], "--") == 0) {
            *count = i;
            arguments[i] = NULL;
            return &arguments[i + 1];
        }
    return NULL;
}

int command_run(int count, char *arguments[])
{
    struct run_options wanted = {.board = {.machine = machine_find("virt")}};
    int option, status = STATUS_OK;

    wanted.board.extra = split_extra(&count, arguments);
    while (status == STATUS_OK && (option = getopt_long(count, arguments, ":h", options, NULL)) != -1) {
        if (option == OPTION_HELP)
            return fputs(help, stdout) < 0 ? STATUS_ERROR : STATUS_OK;
        status = take_option(&wanted, option, arguments);
    }
    if (status == STATUS_OK)
        status = complete(&wanted, count - optind, arguments + optind);
    return status == STATUS_OK ? run(&wanted) : status;
}
