/* GICv3's list registers by number (IHI 0069, ICH_LR<n>_EL2). */
#ifndef AARCH64_GICV3_LR_H
#define AARCH64_GICV3_LR_H

#include "sysreg.h"

#define EACH_LR(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define LR_READ(n) \
    case n:        \
        return read_sysreg(ich_lr##n##_el2);
#define LR_WRITE(n)                        \
    case n:                                \
        write_sysreg(raw, ich_lr##n##_el2); \
        break;

static inline uint64_t gicv3_lr_read(unsigned n)
{
    switch (n) {
        EACH_LR(LR_READ)
    default:
        return 0;
    }
}

static inline void gicv3_lr_write(unsigned n, uint64_t raw)
{
    switch (n) {
        EACH_LR(LR_WRITE)
    default:
        break;
    }
}

#endif
