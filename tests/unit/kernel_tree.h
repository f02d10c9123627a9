/* The kernel's reader of the firmware's device tree, compiled for the host: included by one test's source. */
#ifndef KERNEL_TREE_H
#define KERNEL_TREE_H

#define HOST_ARCH_TYPES_H /* AArch64's are meant */
#define AARCH64_SYSREG_H /* the host's compiler knows no x0 */
#define read_sysreg(name) UINT64_C(0)
#define write_sysreg(value, name) ((void)(value))
#include "../../kernel/arch/aarch64/barrier.h"
#define arch_relax arch_relax_by_yield
#include "../../kernel/arch/aarch64/arch_types.h"
#undef arch_relax
void arch_relax(void);
void arch_relax(void)
{
}

#include "../../kernel/arch/aarch64/tree.c"

#endif
