/* `bulkhead check`, and the part of it that `pack` and `run` do, too. */
#include "check.h"

#include "disk.h"
#include "file.h"
#include "kernel_image.h"
#include "options.h"
#include "tree_check.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GENERATED_TREE_ROOM = 64 << 10, /* bytes of RAM that the monitor's device tree may take */
    FLASH_BANK = 64 << 20,
    TREE_DEPTH_MAX = 32,
};

#define ARM32_MEMORY_MAX (UINT64_C(3) << 30) /* RAM begins at 1 GiB */

static const char help[] =
    "Usage: bulkhead check [OPTION]... SYSTEM.dts\n"
    "Say what is wrong with a system description, with file and line.\n"
    "\n"
    "  --host-cpus N     processors of the host, 1 to 8 (default 4)\n"
    "  --build-dir DIR   where kernel/ and components/ are (default: beside this program)\n"
    "  --quiet           print errors and warnings only\n"
    "  --help            print this\n"
    "\n"
    "Exit status: 0 no errors, 1 errors, 2 wrong command line.\n";

static const char *remedy_for(const char *problem)
{
    return strcmp(problem, strerror(ENOENT)) == 0   ? "; correct the path or make the file"
           : strcmp(problem, strerror(EACCES)) == 0 ? "; make it readable (chmod)"
                                                    : "";
}

/* Problems are either the end of a sentence about the file, or the C library's text, which begins with a capital. */
static void complain(struct system *system, int node, const char *property, enum severity severity, const char *path,
                     const char *problem)
{
    system_message(system, node, property, severity, "%s: %s%s %s%s", property, path, isupper((unsigned char)*problem) ? ":" : "",
                   problem, remedy_for(problem));
}

static uint64_t check_kernel(struct system *system, const struct description_vm *vm)
{
    struct kernel_image image;
    char *path;

    if (vm->kernel == NULL)
        return 0;
    path = system_file(system, vm->node, "kernel", vm->kernel);
    kernel_image_inspect(path, &image);
    if (image.problem != NULL)
        complain(system, vm->node, "kernel", SEVERITY_ERROR, path, image.problem);
    else if (image.doubt != NULL)
        complain(system, vm->node, "kernel", SEVERITY_WARNING, path, image.doubt);
    free(path);
    if (image.arm32 && vm->memory > ARM32_MEMORY_MAX)
        system_message(system, vm->node, "memory", SEVERITY_ERROR, "memory: at most 3G for a 32-bit kernel, which reaches no more");
    return image.problem == NULL ? image.memory : 0;
}

/* A file whose contents are the guest's affair. Its size; 0 if there is none. */
static uint64_t check_plain(struct system *system, const struct description_vm *vm, const char *property, const char *name,
                            const char *(*find_problem)(const struct file *file))
{
    struct file file;
    const char *problem;
    uint64_t size;
    char *path;

    if (name == NULL)
        return 0;
    path = system_file(system, vm->node, property, name);
    problem = file_open(&file, path);
    if (problem == NULL)
        problem = find_problem(&file);
    if (problem != NULL)
        complain(system, vm->node, property, SEVERITY_ERROR, path, problem);
    size = file.size;
    file_close(&file);
    free(path);
    return size;
}

static const char *find_empty(const struct file *file)
{
    return file->size == 0 ? "is empty" : NULL;
}

static const char *find_flash_problem(const struct file *file)
{
    return file->size > FLASH_BANK ? "is larger than 64M, a bank of flash memory: give the image for QEMU's virt board" : find_empty(file);
}

static const char *find_firmware_problem(const struct file *file)
{
    if (file->size >= 4 && memcmp(file->data, "\177ELF", 4) == 0)
        return "is an ELF file; firmware is what stands in flash memory, entered at its first byte: give the flat binary (u-boot.bin)";
    return find_flash_problem(file);
}

/* What the monitor's copying does not take (components/vmm/fdt_user.c). */
static const char *find_tree_lie(const void *tree)
{
    static const char *const names[] = {"#address-cells", "#size-cells"};
    int depth = 0;

    for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(tree, node, &depth))
        if (depth >= TREE_DEPTH_MAX)
            return "nests more than 32 nodes deep; leave some out";
    for (unsigned i = 0; i < 2; i++) {
        int size;
        const void *cells = fdt_getprop(tree, 0, names[i], &size);
        if (cells != NULL && (size != 4 || fdt32_ld(cells) < 1 || fdt32_ld(cells) > 2))
            return "has a root node whose #address-cells or #size-cells is neither 1 nor 2; RAM cannot be told in these";
    }
    return NULL;
}

static const char *find_tree_problem(const struct file *file)
{
    if (file->size >= 9 && memcmp(file->data, "/dts-v1/;", 9) == 0)
        return "is device-tree source; compile it: dtc -O dtb";
    if (blob_check(file->data, (size_t)file->size) != 0)
        return "is no flattened device tree, or a damaged one; make it with dtc -O dtb";
    return find_tree_lie(file->data);
}

static uint64_t check_dtb(struct system *system, const struct description_vm *vm)
{
    return vm->dtb == NULL ? GENERATED_TREE_ROOM : check_plain(system, vm, "dtb", vm->dtb, find_tree_problem);
}

static void check_vm(struct system *system, const struct description_vm *vm)
{
    uint64_t kernel = vm->firmware == NULL ? check_kernel(system, vm) : check_plain(system, vm, "kernel", vm->kernel, find_empty);
    uint64_t initrd = check_plain(system, vm, "initrd", vm->initrd, find_empty);
    uint64_t tree = check_dtb(system, vm);
    uint64_t mega = UINT64_C(1) << 20;

    check_plain(system, vm, "firmware", vm->firmware, find_firmware_problem);
    check_plain(system, vm, "flash", vm->flash, find_flash_problem);
    if (vm->memory != 0 && (kernel > vm->memory || initrd > vm->memory - kernel || tree > vm->memory - kernel - initrd))
        system_message(system, vm->node, "memory", SEVERITY_ERROR,
                       "memory: too small for what is loaded; kernel, initrd and device tree need %lluM, more to work with",
                       (unsigned long long)((kernel + initrd + tree) / mega + 1));
}

static void check_component(struct system *system, const struct description_component *component, const char *build_dir)
{
    struct file file;
    char *path;

    if (component->image == NULL)
        return;
    path = text_format("%s/components/%s.bin", build_dir, component->image);
    if (file_open(&file, path) != NULL && component->role == DESCRIPTION_BLK)
        system_message(system, component->node, NULL, SEVERITY_ERROR, "the driver \"%s\" is missing: cannot read %s; build it (make)",
                       component->image, path);
    else if (file.data == NULL)
        system_message(system, component->node, "image", SEVERITY_ERROR,
                       "image: there is no component \"%s\": cannot read %s; build it (make) or correct the name",
                       component->image, path);
    file_close(&file);
    free(path);
}

bool system_check(struct system *system, const char *build_dir, unsigned host_cpus)
{
    const struct description *description = &system->description;

    if (system->tree == NULL)
        return false;
    description_check_cpus(description, host_cpus, &system->reporter);
    for (uint32_t i = 0; i < description->vm_count; i++)
        check_vm(system, &description->vms[i]);
    for (uint32_t i = 0; i < description->component_count; i++)
        check_component(system, &description->components[i], build_dir);
    disks_check(system);
    return system->errors == 0;
}

static void print_disk(const struct description *description, const struct description_disk *disk)
{
    printf("    %-13s disk of %s, ", disk->name, description->components[disk->driver].name);
    if (disk->partition == 0)
        printf("the whole%s\n", disk->read_only ? ", read-only" : "");
    else
        printf("partition %u%s\n", disk->partition, disk->read_only ? ", read-only" : "");
}

static void print_vm(const struct description *description, const struct description_vm *vm)
{
    printf("  %-15s %6lluM  CPUs", vm->name, (unsigned long long)(vm->memory >> 20));
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        printf(" %u", vm->cpus[i]);
    printf("  priority %u\n", vm->priority);
    for (uint32_t i = 0; i < vm->disk_count; i++)
        print_disk(description, &vm->disks[i]);
}

static void print_summary(const struct system *system, const char *path)
{
    printf("%s: no errors, %u warning%s\n", path, system->warnings, system->warnings == 1 ? "" : "s");
    for (uint32_t i = 0; i < system->description.vm_count; i++)
        print_vm(&system->description, &system->description.vms[i]);
    for (uint32_t i = 0; i < system->description.component_count; i++)
        printf("  %-15s component %s  CPU %u  priority %u\n", system->description.components[i].name,
               system->description.components[i].image, system->description.components[i].cpu,
               system->description.components[i].priority);
}

static int check_file(const char *path, const char *build_dir, unsigned host_cpus, bool quiet)
{
    struct system system;
    bool good = system_load(&system, path);
    char *directory = build_dir_find(build_dir);

    good = system_check(&system, directory, host_cpus) && good;
    if (good)
        disks_warn(&system);
    if (good && !quiet)
        print_summary(&system, path);
    free(directory);
    system_free(&system);
    return good ? STATUS_OK : STATUS_ERROR;
}

int command_check(int count, char *arguments[])
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP},
                                            {"host-cpus", required_argument, NULL, 'c'},
                                            {"build-dir", required_argument, NULL, 'b'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {0}};
    unsigned host_cpus = DEFAULT_HOST_CPUS;
    const char *build_dir = NULL;
    bool quiet = false;
    int option;

    while ((option = getopt_long(count, arguments, ":hq", options, NULL)) != -1) {
        if (option == OPTION_HELP)
            return fputs(help, stdout) < 0 ? STATUS_ERROR : STATUS_OK;
        if (option == 'b')
            build_dir = optarg;
        else if (option == 'q')
            quiet = true;
        else if (option != 'c')
            return option_refuse("check", option, arguments);
        else if (!option_number(optarg, 1, DESCRIPTION_MAX_CPUS, &host_cpus))
            return message_usage("check", "--host-cpus is a number from 1 to 8, not %s", optarg);
    }
    if (count - optind != 1)
        return message_usage("check", "give one system description");
    return check_file(arguments[optind], build_dir, host_cpus, quiet);
}
