/*
 * The capability tables of all partitions, as the kernel tells them:
 *
 *   audit holds HOLDER SLOT TYPE RIGHTS BASE SIZE     a capability (CALL_PARTITION_CAP)
 *   audit is WHAT OF BASE SIZE                        what is known to lie at a physical address
 *   audit end
 */
#include "audit.h"

#include "call_stubs.h"
#include "print.h"
#include "system.h"

static void tell_place(const char *what, const char *of, uint64_t base, uint64_t size)
{
    if (base || size)
        console_print("audit is %s %s 0x%lx 0x%lx\n", what, of, base, size);
}

static void tell_block(const char *what, const char *of, const struct block *block)
{
    tell_place(what, of, block->base, block->size);
}

/* Where the object behind a slot of root's lies. */
static void tell_object(const char *what, const char *of, cap_t slot)
{
    uint64_t type_rights, base, size;
    if (slot && partition_cap(CAP_SELF, slot, &type_rights, &base, &size) == STATUS_OK)
        tell_place(what, of, base, 0);
}

static void tell_table(const char *holder, cap_t partition)
{
    uint64_t type_rights, base, size;
    for (cap_t slot = 1; slot < CAP_SLOTS; slot++)
        if (partition_cap(partition, slot, &type_rights, &base, &size) == STATUS_OK)
            console_print("audit holds %s %u %lu 0x%lx 0x%lx 0x%lx\n", holder, slot, type_rights & 0xff, type_rights >> 8, base, size);
}

static void tell_instance(const struct instance *in)
{
    tell_block("kernel-memory", in->name, &in->kernel);
    tell_block("memory", in->name, &in->own);
    tell_block("console", in->name, &in->shared_block);
    tell_object("partition", in->name, in->partition);
    tell_object("space", in->name, in->space);
    for (unsigned i = 0; i < in->thread_count; i++)
        tell_object(i ? "vcpu-thread" : "thread", in->name, in->threads[i]);
    tell_object("wake", in->name, in->wake);
    tell_table(in->name, in->partition);
}

static void tell_vm(const struct vm *vm)
{
    tell_block("ram", vm->instance.name, &vm->ram);
    tell_block("flash", vm->instance.name, &vm->flash);
    tell_block("uart-page", vm->instance.name, &vm->uart_page);
    tell_object("guest-space", vm->instance.name, vm->guest_space);
    tell_object("vm", vm->instance.name, vm->object);
    for (unsigned d = 0; d < vm->described->disk_count; d++)
        tell_block("link", vm->instance.name, &vm->links[d].memory);
    tell_instance(&vm->instance);
}

static void tell_root(void)
{
    static const char *const uses[] = {[EXTENT_RAM] = "free-ram",         [EXTENT_KERNEL] = "free-kernel-memory", [EXTENT_DEVICE] = "devices",
                                       [EXTENT_FDT] = "firmware-tree",   [EXTENT_PACKAGE] = "package",
                                       [EXTENT_GUEST_DEVICE] = "virtual-interface"};
    const struct bootinfo *info = (const struct bootinfo *)BOOTINFO_ADDRESS;
    for (uint32_t i = 0; i < info->extent_count; i++)
        tell_place(uses[info->extents[i].use], "board", info->extents[i].base, info->extents[i].size);
    tell_block("console", "root", &the_system.console_block);
    tell_object("partition", "root", CAP_SELF);
    tell_object("space", "root", CAP_SPACE);
    tell_object("thread", "root", CAP_THREAD);
    tell_object("wake", "root", ROOT_SIGNAL);
    tell_table("root", CAP_SELF);
}

static bool all_run(void)
{
    for (uint32_t i = 0; i < the_system.description.vm_count; i++)
        if (__atomic_load_n(&the_system.vms[i].instance.shared->status.state, __ATOMIC_ACQUIRE) != VM_STATE_RUNNING)
            return false;
    return true;
}

void audit_look(void)
{
    static bool done;
    if (done || !the_system.description.audit || !all_run())
        return;
    done = true;
    tell_root();
    tell_instance(&the_system.uart);
    for (uint32_t i = 0; i < the_system.description.vm_count; i++)
        tell_vm(&the_system.vms[i]);
    for (uint32_t i = 0; i < the_system.description.component_count; i++) {
        tell_block("dma", the_system.components[i].instance.name, &the_system.components[i].dma);
        tell_instance(&the_system.components[i].instance);
    }
    console_print("audit end\n");
}
