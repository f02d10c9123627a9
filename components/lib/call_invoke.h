/*
 * AArch64's way into the kernel: SVC #0 with the call's number in x0 and its arguments in x1–x7 (bulkhead/call.h). The kernel
 * keeps all registers but x0–x7; CALL_VCPU_ENTER is the exception.
 */
#ifndef LIB_CALL_INVOKE_H
#define LIB_CALL_INVOKE_H

#include <bulkhead/status.h>
#include <stdint.h>

/** Words of a call: [0] is the number, [1] … [7] are the arguments; afterwards [0] is the status and the others results. */
struct call_words {
    uint64_t w[8];
};

/** A call with up to three arguments and no results but the status. */
static inline status_t call_short(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = number;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    __asm__ volatile("svc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "x4", "x5", "x6", "x7", "memory");
    return (status_t)x0;
}

/** A call with up to two arguments and one result. */
static inline status_t call_one(uint64_t number, uint64_t a, uint64_t b, uint64_t *result)
{
    register uint64_t x0 __asm__("x0") = number;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    __asm__ volatile("svc #0" : "+r"(x0), "+r"(x1), "+r"(x2) : : "x3", "x4", "x5", "x6", "x7", "memory");
    *result = x1;
    return (status_t)x0;
}

/** CALL_VCPU_ENTER: of the caller's registers, only sp, x29, x30 come back as they were. */
static inline status_t call_enter(uint64_t number, uint64_t a, uint64_t *result)
{
    register uint64_t x0 __asm__("x0") = number;
    register uint64_t x1 __asm__("x1") = a;
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
                       "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "cc", "memory");
    *result = x1;
    return (status_t)x0;
}

/** CALL_PORTAL_CALL, CALL_PORTAL_WAIT: four words there and back, and another one. */
static inline status_t call_portal(uint64_t number, uint64_t portal, uint64_t message[4], uint64_t deadline, uint64_t *badge)
{
    register uint64_t x0 __asm__("x0") = number;
    register uint64_t x1 __asm__("x1") = portal;
    register uint64_t x2 __asm__("x2") = message[0];
    register uint64_t x3 __asm__("x3") = message[1];
    register uint64_t x4 __asm__("x4") = message[2];
    register uint64_t x5 __asm__("x5") = message[3];
    register uint64_t x6 __asm__("x6") = deadline;
    __asm__ volatile("svc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6) : : "x7", "memory");
    message[0] = x1;
    message[1] = x2;
    message[2] = x3;
    message[3] = x4;
    *badge = x5;
    return (status_t)x0;
}

/** Any call. */
static inline status_t call_long(struct call_words *words)
{
    register uint64_t x0 __asm__("x0") = words->w[0];
    register uint64_t x1 __asm__("x1") = words->w[1];
    register uint64_t x2 __asm__("x2") = words->w[2];
    register uint64_t x3 __asm__("x3") = words->w[3];
    register uint64_t x4 __asm__("x4") = words->w[4];
    register uint64_t x5 __asm__("x5") = words->w[5];
    register uint64_t x6 __asm__("x6") = words->w[6];
    register uint64_t x7 __asm__("x7") = words->w[7];
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7)
                     :
                     : "memory");
    *words = (struct call_words){{x0, x1, x2, x3, x4, x5, x6, x7}};
    return (status_t)x0;
}

#endif
