/* Gathering the parts of a boot image and laying them out. image_write.c puts them into a file. */
#include "image.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Root's kernel memory: for itself, for what it has of each instance (slots, a mapping, a thread that ends it), for slots of further vCPUs' threads. */
    ROOT_MEMORY = 27 << 10,
    ROOT_MEMORY_EACH = 1664,
    ROOT_MEMORY_VCPU = 64,
    ROOT_MEMORY_DISK = 512, /* a link's slot and mapping, and a share of the table behind the first that many links take */
    ROOT_MEMORY_DRIVER = 256,
    TREE_ROOM = 16 << 10, /* by how much members' names may lengthen the tree: 16 VMs, 5 names of at most 48 bytes each */
    FLASH_UNIT = 2 << 20, /* banks of flash memory exist by so much */
    KERNEL_HEADER_SIZE = 64,
    KERNEL_IMAGE_SIZE = 16, /* offset of the field */
    KERNEL_MAGIC = 56,
};

static uint64_t align_to(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

static uint64_t align_up(uint64_t size)
{
    return align_to(size, PACKAGE_ALIGN);
}

static struct member *find_member(const struct image *image, const char *name)
{
    for (size_t i = 0; i < image->count; i++)
        if (strcmp(image->members[i].entry.name, name) == 0)
            return &image->members[i];
    return NULL;
}

static void add_member(struct image *image, const char *name, struct file file, bool owned)
{
    struct member *member;

    image->members = array_resize(image->members, image->count + 1, sizeof *image->members);
    member = &image->members[image->count++];
    *member = (struct member){.file = file, .owned = owned, .entry = {.size = file.size}};
    memcpy(member->entry.name, name, strnlen(name, PACKAGE_NAME_SIZE - 1));
}

static bool add_file(struct image *image, const char *name, const char *path)
{
    struct file file;
    const char *problem = file_open(&file, path);

    if (problem == NULL)
        add_member(image, name, file, true);
    else
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s", problem);
    return problem == NULL;
}

static const char *find_component_problem(const struct file *file)
{
    if (file->size < sizeof(struct component_header) || file_u32(file, 0) != COMPONENT_MAGIC)
        return "is no component's image; run make";
    if (file_u32(file, 4) != COMPONENT_VERSION)
        return "is of another version of Bulkhead; run make";
    return NULL;
}

static bool add_component(struct image *image, const char *name, const char *build_dir)
{
    char *path = text_format("%s/components/%s.bin", build_dir, name);
    struct file file;
    const char *problem;

    if (find_member(image, name) != NULL) {
        free(path);
        return true;
    }
    problem = file_open(&file, path);
    if (problem != NULL)
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s; run make, or say where it is: --build-dir", problem);
    else if ((problem = find_component_problem(&file)) != NULL)
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s", problem);
    if (problem == NULL)
        add_member(image, name, file, true);
    else
        file_close(&file);
    free(path);
    return problem == NULL;
}

static bool add_components(struct image *image, const struct description *description, const char *build_dir)
{
    bool good = add_component(image, "root", build_dir);

    good &= add_component(image, "vmm", build_dir);
    good &= add_component(image, "uart", build_dir);
    for (uint32_t i = 0; i < description->component_count; i++)
        good &= add_component(image, description->components[i].image, build_dir);
    return good;
}

static const char *find_kernel_problem(const struct file *file)
{
    if (file->size < KERNEL_HEADER_SIZE || memcmp(file->data + KERNEL_MAGIC, "ARM\x64", 4) != 0)
        return "has no Image header; run make";
    if (file_u64(file, KERNEL_IMAGE_SIZE) != align_up(file->size))
        return "has another size than its header says; it is damaged: remove it and run make";
    return NULL;
}

static bool add_kernel(struct image *image, const char *build_dir)
{
    char *path = text_format("%s/kernel/kernel.bin", build_dir);
    const char *problem = file_open(&image->kernel, path);

    if (problem != NULL)
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s; run make, or say where it is: --build-dir", problem);
    else if ((problem = find_kernel_problem(&image->kernel)) != NULL)
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s", problem);
    image->kernel_size = align_up(image->kernel.size);
    free(path);
    return problem == NULL;
}

/* Pack one file of a VM, and let the packed description say so. Offsets in the packed tree move: it is found by name. */
static bool add_vm_file(struct image *image, const struct system *system, const struct description_vm *vm, const char *property,
                        const char *file)
{
    char *name = text_format("%s/%s", vm->name, property);
    char *node = text_format("/%s", vm->name);
    char *path;
    bool good;

    path = file == NULL ? NULL : system_file(system, vm->node, property, file);
    good = file == NULL ||
           (fdt_setprop(image->tree, fdt_path_offset(image->tree, node), property, name, (int)strlen(name) + 1) == 0 &&
            add_file(image, name, path));
    free(name);
    free(node);
    free(path);
    return good;
}

static bool add_vms(struct image *image, const struct system *system)
{
    bool good = true;

    for (uint32_t i = 0; i < system->description.vm_count; i++) {
        const struct description_vm *vm = &system->description.vms[i];

        good &= add_vm_file(image, system, vm, "kernel", vm->kernel);
        good &= add_vm_file(image, system, vm, "initrd", vm->initrd);
        good &= add_vm_file(image, system, vm, "firmware", vm->firmware);
        good &= add_vm_file(image, system, vm, "flash", vm->flash);
        good &= add_vm_file(image, system, vm, "dtb", vm->dtb);
    }
    return good;
}

static bool copy_tree(struct image *image, const struct system *system)
{
    int size = (int)fdt_totalsize(system->tree) + TREE_ROOM;

    image->tree = array_resize(NULL, (size_t)size, 1);
    return fdt_open_into(system->tree, image->tree, size) == 0;
}

/* What stands behind a driver's device is the emulator's affair: a board has its own. */
static bool forget_disk_images(struct image *image, const struct description *description)
{
    for (uint32_t i = 0; i < description->component_count; i++) {
        char *node = text_format("/%s", description->components[i].name);
        bool good = description->components[i].disk_image == NULL || fdt_delprop(image->tree, fdt_path_offset(image->tree, node), "image") == 0;

        free(node);
        if (!good)
            return false;
    }
    return true;
}

static bool add_tree(struct image *image)
{
    if (fdt_pack(image->tree) != 0)
        return false;
    add_member(image, "system.dtb", (struct file){.data = image->tree, .size = fdt_totalsize(image->tree)}, false);
    return true;
}

/* The image is loaded at a multiple of PACKAGE_BLOCK (Linux boot protocol), the kernel first. */
static uint64_t align_block(const struct image *image, uint64_t offset)
{
    return align_to(image->kernel_size + offset, PACKAGE_BLOCK) - image->kernel_size;
}

/* Small members before large ones, which stay in order. */
static void sort_members(struct image *image)
{
    struct member *sorted = array_resize(NULL, image->count, sizeof *sorted);
    size_t count = 0;

    for (unsigned large = 0; large < 2; large++)
        for (size_t i = 0; i < image->count; i++)
            if ((image->members[i].file.size > PACKAGE_LARGE) == large)
                sorted[count++] = image->members[i];
    free(image->members);
    image->members = sorted;
}

/* The small ones together, the large ones each in blocks of its own. */
static void lay_out(struct image *image)
{
    uint64_t offset = align_up(sizeof(struct package_header) + image->count * sizeof(struct package_entry));

    sort_members(image);
    for (size_t i = 0; i < image->count; i++) {
        bool large = image->members[i].file.size > PACKAGE_LARGE;
        image->members[i].entry.offset = large ? align_block(image, offset) : offset;
        offset = image->members[i].entry.offset + align_up(image->members[i].file.size);
        offset = large ? align_block(image, offset) : offset;
    }
    image->package_size = offset;
}

static uint32_t root_memory(const struct description *description)
{
    uint32_t bytes = ROOT_MEMORY + ROOT_MEMORY_EACH * (1 + description->vm_count + description->component_count);
    for (uint32_t i = 0; i < description->vm_count; i++)
        bytes += ROOT_MEMORY_VCPU * (description->vms[i].vcpu_count - 1) + ROOT_MEMORY_DISK * description->vms[i].disk_count;
    for (uint32_t i = 0; i < description->component_count; i++)
        bytes += description->components[i].role == DESCRIPTION_BLK ? ROOT_MEMORY_DRIVER : 0;
    return bytes;
}

bool image_gather(struct image *image, const struct system *system, const char *build_dir)
{
    bool good;

    *image = (struct image){0};
    good = add_kernel(image, build_dir);
    good &= add_components(image, &system->description, build_dir);
    good = good && copy_tree(image, system) && add_vms(image, system) && forget_disk_images(image, &system->description) && add_tree(image);
    if (good)
        lay_out(image);
    image->root_memory = root_memory(&system->description);
    return good;
}

void image_free(struct image *image)
{
    for (size_t i = 0; i < image->count; i++)
        if (image->members[i].owned)
            file_close(&image->members[i].file);
    file_close(&image->kernel);
    free(image->members);
    free(image->tree);
    *image = (struct image){0};
}

static uint64_t bank_size(const struct image *image, const struct description_vm *vm, const char *property)
{
    char *name = text_format("%s/%s", vm->name, property);
    const struct member *member = find_member(image, name);
    uint64_t size = member == NULL ? 1 : member->file.size;

    free(name);
    return (size + FLASH_UNIT - 1) & ~(uint64_t)(FLASH_UNIT - 1);
}

uint64_t image_flash_size(const struct image *image, const struct description_vm *vm)
{
    return vm->firmware == NULL ? 0 : bank_size(image, vm, "firmware") + bank_size(image, vm, "flash");
}

uint64_t image_size(const struct image *image)
{
    return image->kernel_size + image->package_size;
}
