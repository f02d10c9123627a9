/* SMCCC (DEN 0028): what ARCH_FEATURES says of each architecture call, and what the call itself does, by HVC and by SMC. */
#include "sweep.h"

#define ARCH_FEATURES 0x80000001UL
#define ARCH_SOC_ID 0x80000002UL
#define ARCH_WORKAROUND_1 0x80008000UL
#define ARCH_WORKAROUND_2 0x80007fffUL
#define ARCH_WORKAROUND_3 0x80003fffUL
#define TRNG_VERSION 0x84000050UL

static void call_describe(uint64_t function)
{
    int64_t features = (int32_t)SMCCC_CALL("hvc", ARCH_FEATURES, function, 0, 0);
    int64_t hvc = (int32_t)SMCCC_CALL("hvc", function, 0, 0, 0), smc = (int32_t)SMCCC_CALL("smc", function, 0, 0, 0);
    print("sweep: call ");
    print_hex(function);
    print(": features ");
    print_hex((uint32_t)features);
    print(", hvc ");
    print_hex((uint32_t)hvc);
    print(", smc ");
    print_hex((uint32_t)smc);
    print("\n");
}

void calls_make(void)
{
    call_describe(SMCCC_VERSION);
    call_describe(ARCH_SOC_ID);
    call_describe(ARCH_WORKAROUND_1);
    call_describe(ARCH_WORKAROUND_2);
    call_describe(ARCH_WORKAROUND_3);
    call_describe(TRNG_VERSION);
}
