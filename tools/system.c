/* Loading: dtc compiles and annotates the source, the shared reader judges the tree, messages get their places. */
#include "system.h"

#include "compile.h"
#include "file.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

static void count(struct system *system, enum severity severity)
{
    system->errors += severity == SEVERITY_ERROR;
    system->warnings += severity == SEVERITY_WARNING;
}

static void report_to_user(struct description_reporter *reporter, const struct description_error *error)
{
    struct system *system = (struct system *)reporter;
    struct place place = source_map_find(&system->map, error->path, error->property);

    count(system, SEVERITY_ERROR);
    message_at(place, SEVERITY_ERROR, "%s%s%s: %s", error->path, error->property == NULL ? "" : ": ",
               error->property == NULL ? "" : error->property, error->message);
}

static void system_init(struct system *system)
{
    *system = (struct system){.reporter = {.report = report_to_user}};
}

bool system_load(struct system *system, const char *path)
{
    system_init(system);
    return compile_description(path, &system->tree, &system->map) &&
           description_read(system->tree, &system->description, &system->reporter);
}

void system_free(struct system *system)
{
    free(system->tree);
    source_map_free(&system->map);
    system->tree = NULL;
}

void system_message(struct system *system, int node, const char *property, enum severity severity, const char *format, ...)
{
    char path[DESCRIPTION_PATH_SIZE];
    va_list arguments;

    if (fdt_get_path(system->tree, node, path, sizeof path) != 0)
        path[0] = '\0';
    count(system, severity);
    va_start(arguments, format);
    message_at_list(source_map_find(&system->map, path, property), severity, format, arguments);
    va_end(arguments);
}

char *system_file(const struct system *system, int node, const char *property, const char *name)
{
    char path[DESCRIPTION_PATH_SIZE];
    struct place place;

    if (fdt_get_path(system->tree, node, path, sizeof path) != 0)
        path[0] = '\0';
    place = source_map_find(&system->map, path, property);
    return place.line == 0 ? text_format("%s", name) : file_beside(place.file, name);
}

/* A description that stands on the command line. */

static int add_text(void *tree, const char *name, const char *text)
{
    return text == NULL ? 0 : fdt_property(tree, name, text, (int)strlen(text) + 1);
}

static int add_cpus(void *tree, const struct guest *guest)
{
    fdt32_t cpus[DESCRIPTION_MAX_VCPUS];

    for (unsigned i = 0; i < guest->cpus; i++)
        cpus[i] = cpu_to_fdt32(i % guest->host_cpus);
    return fdt_property(tree, "cpus", cpus, (int)(guest->cpus * sizeof cpus[0]));
}

/* The VM's node of disk `number`. */
static bool add_disk(void *tree, const struct guest_disk *disk, unsigned number)
{
    char *name = text_format("disk%u", number), *driver = text_format("blk%u", number);
    bool good = fdt_begin_node(tree, name) == 0 && add_text(tree, "compatible", "bulkhead,disk") == 0 && add_text(tree, "driver", driver) == 0 &&
                (!disk->read_only || fdt_property(tree, "read-only", NULL, 0) == 0) &&
                (!disk->bounce || fdt_property(tree, "bounce", NULL, 0) == 0) && fdt_end_node(tree) == 0;

    free(name);
    free(driver);
    return good;
}

/* Its driver's. A page of the board's transports belongs to one driver. */
static bool add_driver(void *tree, const struct guest_disk *disk, unsigned number)
{
    char *name = text_format("blk%u", number), *device = text_format("/virtio_mmio@a00%u000", number);
    bool good = fdt_begin_node(tree, name) == 0 && add_text(tree, "compatible", "bulkhead,blk") == 0 && add_text(tree, "device", device) == 0 &&
                add_text(tree, "image", disk->file) == 0 && fdt_property(tree, "dma-trusted", NULL, 0) == 0 && fdt_end_node(tree) == 0;

    free(name);
    free(device);
    return good;
}

static bool add_disks(void *tree, const struct guest *guest, bool (*add)(void *tree, const struct guest_disk *disk, unsigned number))
{
    for (unsigned i = 0; i < guest->disk_count; i++)
        if (!add(tree, &guest->disks[i], i))
            return false;
    return true;
}

static bool build_tree(void *tree, int size, const struct guest *guest)
{
    return fdt_create(tree, size) == 0 && fdt_finish_reservemap(tree) == 0 && fdt_begin_node(tree, "") == 0 &&
           add_text(tree, "compatible", "bulkhead,system") == 0 && fdt_begin_node(tree, "guest") == 0 &&
           add_text(tree, "compatible", "bulkhead,vm") == 0 && add_text(tree, "kernel", guest->kernel) == 0 &&
           add_text(tree, "initrd", guest->initrd) == 0 && add_text(tree, "firmware", guest->firmware) == 0 &&
           add_text(tree, "flash", guest->flash) == 0 && add_text(tree, "dtb", guest->dtb) == 0 &&
           add_text(tree, "bootargs", guest->append) == 0 && add_text(tree, "memory", guest->memory) == 0 &&
           add_cpus(tree, guest) == 0 && fdt_property(tree, "focus", NULL, 0) == 0 && add_disks(tree, guest, add_disk) &&
           fdt_end_node(tree) == 0 && add_disks(tree, guest, add_driver) && fdt_end_node(tree) == 0 && fdt_finish(tree) == 0;
}

static void map_disks(struct source_map *map)
{
    for (unsigned i = 0; i < GUEST_DISKS; i++) {
        char *driver = text_format("/blk%u", i), *disk = text_format("/guest/disk%u", i);

        source_map_add(map, driver, NULL, (struct place){.file = "--disk"});
        source_map_add(map, disk, NULL, (struct place){.file = "--disk"});
        free(driver);
        free(disk);
    }
}

static void map_options(struct source_map *map, bool firmware_only)
{
    static const char *const options[][2] = {{"kernel", "--kernel"}, {"initrd", "--initrd"}, {"firmware", "--firmware"}, {"flash", "--flash"},
                                             {"dtb", "--dtb"},
                                             {"bootargs", "--append"}, {"memory", "--memory"}, {"cpus", "--cpus"}};

    source_map_add(map, "/guest", NULL, (struct place){.file = firmware_only ? "--firmware" : "--kernel"});
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        source_map_add(map, "/guest", options[i][0], (struct place){.file = options[i][1]});
    map_disks(map);
}

bool system_generate(struct system *system, const struct guest *guest)
{
    int size = 1 << 20; /* paths and bootargs are the only parts without a limit; execve's on arguments is 128 KiB each */

    system_init(system);
    map_options(&system->map, guest->kernel == NULL);
    system->tree = array_resize(NULL, (size_t)size, 1);
    if (!build_tree(system->tree, size, guest)) {
        message_error("the options do not fit into a device tree; shorten --append");
        return false;
    }
    return description_read(system->tree, &system->description, &system->reporter);
}
