/* Disks. A driver's file is opened for writing if one of its clients may write; QEMU locks it against a second user. */
#include "disk.h"

#include "file.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

static bool is_written(const struct description *description, uint32_t driver)
{
    for (uint32_t i = 0; i < description->vm_count; i++)
        for (uint32_t d = 0; d < description->vms[i].disk_count; d++)
            if (description->vms[i].disks[d].driver == driver && !description->vms[i].disks[d].read_only)
                return true;
    return false;
}

/* Completes "image: PATH"; NULL: nothing is wrong. */
static const char *find_problem(const char *path, bool written)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return errno == ENOENT ? "no such file; make one, such as: truncate -s 1G disk.img" : strerror(errno);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        return "is neither a file nor a block device";
    if (access(path, R_OK) != 0)
        return errno == EACCES ? "may not be read; make it readable (chmod)" : strerror(errno);
    if (written && access(path, W_OK) != 0)
        return errno == EACCES || errno == EROFS ? "may not be written, but a disk of it is; make it writable (chmod), or the disk read-only"
                                                 : strerror(errno);
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return "is empty; a disk has a size, such as: truncate -s 1G disk.img";
    if (S_ISREG(status.st_mode) && status.st_size % SECTOR != 0)
        return "has a size that is no multiple of 512 bytes, a sector; a raw image is meant, and this one may be cut off or of another format";
    return NULL;
}

static bool is_qcow(const char *path)
{
    struct file file;
    bool found = file_open(&file, path) == NULL && file.size >= 4 && memcmp(file.data, "QFI\xfb", 4) == 0;

    file_close(&file);
    return found;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static char *image_path(const struct system *system, uint32_t driver)
{
    const struct description_component *component = &system->description.components[driver];

    return component->disk_image == NULL ? NULL : system_file(system, component->node, "image", component->disk_image);
}

static void check_other_users(struct system *system, uint32_t driver, const char *path)
{
    const struct description *description = &system->description;

    for (uint32_t other = 0; other < driver; other++) {
        char *theirs = image_path(system, other);

        if (theirs != NULL && same_file(theirs, path) && (is_written(description, driver) || is_written(description, other)))
            system_message(system, description->components[driver].node, "image", SEVERITY_ERROR,
                           "image: %s is that of \"%s\" already, and is written to; give each a file of its own, or make all disks of it read-only",
                           path, description->components[other].name);
        free(theirs);
    }
}

static void check_driver(struct system *system, uint32_t driver)
{
    const struct description_component *component = &system->description.components[driver];
    char *path = image_path(system, driver);
    const char *problem;
    uint32_t transport;

    if (path == NULL)
        return;
    if (component->device != NULL && !description_transport(component->device, &transport))
        system_message(system, component->node, "image", SEVERITY_ERROR,
                       "image: only a transport of QEMU's virt board can have one: device = \"/virtio_mmio@a000000\", or a multiple of 0x200 above, up to a003e00");
    problem = find_problem(path, is_written(&system->description, driver));
    if (problem != NULL)
        system_message(system, component->node, "image", SEVERITY_ERROR, "image: %s: %s", path, problem);
    else if (is_qcow(path))
        system_message(system, component->node, "image", SEVERITY_ERROR, "image: %s: is of the format qcow2; convert it: qemu-img convert -O raw", path);
    check_other_users(system, driver, path);
    free(path);
}

void disks_check(struct system *system)
{
    for (uint32_t i = 0; i < system->description.component_count; i++)
        check_driver(system, i);
}

void disks_warn(struct system *system)
{
    const struct description *description = &system->description;

    for (uint32_t i = 0; i < description->component_count; i++)
        if (description->components[i].dma_trusted)
            system_message(system, description->components[i].node, "dma-trusted", SEVERITY_WARNING,
                           "dma-trusted: no SMMU covers \"%s\": if \"%s\" is subverted, its device reaches all memory, the kernel's included",
                           description->components[i].device, description->components[i].name);
}

bool disks_attach(struct board *board, const struct system *system)
{
    const struct description *description = &system->description;

    for (uint32_t i = 0; i < description->component_count; i++) {
        struct board_disk disk = {.path = image_path(system, i), .read_only = !is_written(description, i)};

        if (disk.path == NULL)
            continue;
        if (board->machine->cpu != NULL) {
            message_at((struct place){.file = "--machine"}, SEVERITY_ERROR, "%s has no virtio transports, so no disks of files; use virt",
                       board->machine->name);
            free(disk.path);
            return false;
        }
        description_transport(description->components[i].device, &disk.transport);
        board->disks = array_resize(board->disks, board->disk_count + 1, sizeof *board->disks);
        board->disks[board->disk_count++] = disk;
    }
    return true;
}

void disks_detach(struct board *board)
{
    for (unsigned i = 0; i < board->disk_count; i++)
        free(board->disks[i].path);
    free(board->disks);
    board->disks = NULL;
    board->disk_count = 0;
}

/* Cuts the word off the end of the text, if it stands there. */
static bool take_suffix(char *text, const char *word)
{
    size_t length = strlen(text), ending = strlen(word);
    bool there = length > ending && strcmp(text + length - ending, word) == 0;

    if (there)
        text[length - ending] = '\0';
    return there;
}

struct guest_disk disk_parse(char *text)
{
    struct guest_disk disk = {.file = text};
    bool more = true;

    while (more) {
        bool read_only = take_suffix(text, ",ro"), bounce = take_suffix(text, ",bounce");

        disk.read_only |= read_only;
        disk.bounce |= bounce;
        more = read_only || bounce;
    }
    return disk;
}
