/* Decoding for reports. */
#include "syndrome.h"

#include "format.h"

enum { CLASSES = 64, CLASS_CP15 = 0x03, CLASS_CP14 = 0x05, CLASS_SYSREG = 0x18, CLASS_SHIFT = 26, ISS_WALK = 1 << 7 };

static const char *const classes[CLASSES] = {
    [0x00] = "undefined instruction",
    [0x01] = "WFI or WFE",
    [0x03] = "AArch32 coprocessor 15 register",
    [0x04] = "AArch32 coprocessor 15 register pair",
    [0x05] = "AArch32 coprocessor 14 register",
    [0x06] = "AArch32 LDC or STC",
    [0x07] = "FP or SIMD",
    [0x08] = "AArch32 VMRS",
    [0x09] = "pointer authentication",
    [0x0c] = "AArch32 coprocessor 14 register pair",
    [0x0d] = "branch target",
    [0x0e] = "illegal execution state",
    [0x11] = "AArch32 SVC",
    [0x12] = "AArch32 HVC",
    [0x13] = "AArch32 SMC",
    [0x15] = "SVC",
    [0x16] = "HVC",
    [0x17] = "SMC",
    [0x18] = "system register",
    [0x19] = "SVE",
    [0x1a] = "ERET",
    [0x20] = "instruction abort from a lower exception level",
    [0x21] = "instruction abort",
    [0x22] = "PC alignment",
    [0x24] = "data abort from a lower exception level",
    [0x25] = "data abort",
    [0x26] = "SP alignment",
    [0x2f] = "SError",
    [0x30] = "breakpoint at a lower exception level",
    [0x31] = "breakpoint",
    [0x34] = "watchpoint at a lower exception level",
    [0x35] = "watchpoint",
    [0x3c] = "BRK",
};

const char *syndrome_class(uint64_t syndrome)
{
    const char *name = classes[syndrome >> CLASS_SHIFT & (CLASSES - 1)];
    return name ? name : "reserved exception class";
}

enum { CLASS_FETCH = 0x20, CLASS_DATA = 0x24, CLASS_SERROR = 0x2f, FAULT_STATUS = 0x3f };

bool syndrome_is_abort(uint64_t syndrome)
{
    unsigned class = syndrome >> CLASS_SHIFT & (CLASSES - 1);
    return class == CLASS_FETCH || class == CLASS_DATA;
}

const char *syndrome_error(uint64_t syndrome)
{
    if ((syndrome >> CLASS_SHIFT & (CLASSES - 1)) == CLASS_SERROR)
        return "a device or memory answered one of its accesses with an error, later (SError)";
    switch (syndrome & FAULT_STATUS) {
    case 0x10:
        return "a device or memory answered its access with an error (synchronous external abort)";
    case 0x13: case 0x14: case 0x15: case 0x16: case 0x17:
        return "memory answered the walk of its translation tables with an error";
    case 0x18: case 0x1b: case 0x1c: case 0x1d: case 0x1e: case 0x1f:
        return "memory holds uncorrectable data (parity or ECC)";
    case 0x21:
        return "its access to a device is not aligned";
    default:
        return "it made an access of a kind that the memory there does not take";
    }
}

static char register_letter(const struct vcpu_mmio *mmio)
{
    return mmio->size == 8 || mmio->sign & 2 ? 'x' : 'w';
}

static void undescribed_text(char *to, size_t size, const struct vcpu_exit *exit, uint32_t instruction, const struct decoded *decoded)
{
    static const char *const kinds[DECODE_KINDS] = {
        [DECODE_UNKNOWN] = "access by an instruction that is no load or store",
        [DECODE_NOTHING] = "cache maintenance",
        [DECODE_ZERO] = "zeroing of a cache line (DC ZVA)",
        [DECODE_EXCLUSIVE] = "exclusive access",
        [DECODE_ATOMIC] = "atomic access",
        [DECODE_VECTOR] = "access of SIMD and floating-point registers",
        [DECODE_TAG] = "access with tags, pointer authentication or 64 bytes",
    };
    if (exit->syndrome & ISS_WALK)
        format_text(to, size, "walk of its translation tables");
    else if (!instruction)
        format_text(to, size, "access that the processor does not describe, by an instruction that cannot be read");
    else if (decoded->kind == DECODE_ACCESS)
        format_text(to, size, "%s of %u x %u bytes (instruction 0x%x)", decoded->write ? "store" : "load", decoded->count, decoded->size,
                    instruction);
    else
        format_text(to, size, "%s (instruction 0x%x)", kinds[decoded->kind], instruction);
}

void syndrome_access(char *to, size_t size, const struct vcpu_state *state, uint32_t instruction, const struct decoded *decoded)
{
    const struct vcpu_exit *exit = &state->exit;
    const struct vcpu_mmio *mmio = &exit->mmio;
    if (exit->reason == EXIT_FETCH)
        format_text(to, size, "instruction fetch");
    else if (!mmio->size)
        undescribed_text(to, size, exit, instruction, decoded);
    else if (mmio->write)
        format_text(to, size, "store of 0x%llx (%u bytes)", (unsigned long long)vcpu_mmio_stored(state), mmio->size);
    else if (mmio->reg < 31)
        format_text(to, size, "load of %u bytes into %c%u", mmio->size, register_letter(mmio), mmio->reg);
    else
        format_text(to, size, "load of %u bytes", mmio->size);
}

/* ISS of EC 0x18: Op0 [21:20], Op2 [19:17], Op1 [16:14], CRn [13:10], Rt [9:5], CRm [4:1], direction [0]. */
static void sysreg_text(char *to, size_t size, unsigned iss)
{
    format_text(to, size, "%s of system register S%u_%u_C%u_C%u_%u, x%u", iss & 1 ? "read" : "write", iss >> 20 & 3, iss >> 14 & 7,
                iss >> 10 & 15, iss >> 1 & 15, iss >> 17 & 7, iss >> 5 & 31);
}

/* ISS of EC 0x03 and 0x05, the same without Op0; Rt by its place in AArch64. */
static void coprocessor_text(char *to, size_t size, unsigned coprocessor, unsigned iss)
{
    format_text(to, size, "%s of coprocessor register p%u, %u, c%u, c%u, %u", iss & 1 ? "read" : "write", coprocessor, iss >> 14 & 7,
                iss >> 10 & 15, iss >> 1 & 15, iss >> 17 & 7);
}

void syndrome_instruction(char *to, size_t size, uint64_t syndrome)
{
    unsigned class = syndrome >> CLASS_SHIFT & (CLASSES - 1);
    if (class == CLASS_CP15 || class == CLASS_CP14)
        coprocessor_text(to, size, class == CLASS_CP15 ? 15 : 14, (unsigned)syndrome & 0xfffff);
    else if ((syndrome >> CLASS_SHIFT & (CLASSES - 1)) == CLASS_SYSREG)
        sysreg_text(to, size, (unsigned)syndrome & 0x3fffff);
    else
        format_text(to, size, "%s (class 0x%x)", syndrome_class(syndrome), (unsigned)(syndrome >> CLASS_SHIFT & (CLASSES - 1)));
}
