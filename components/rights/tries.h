/* Tries all that checks.h says, wherever it runs: on the simulated machine (tests/unit/test_rights.c) or on a real one (rights.c). */
#ifndef RIGHTS_TRIES_H
#define RIGHTS_TRIES_H

#include <bulkhead/call.h>
#include <bulkhead/status.h>
#include <stdbool.h>
#include <stdint.h>

/** A row of checks.h. */
struct check {
    uint16_t call;
    uint8_t argument; /* 1 … 7 */
    bool capability;  /* CAPABILITY, else REFUSED */
    uint16_t types;   /* set of enum cap_type */
    uint8_t rights;
    int8_t status;
    uint64_t arguments[7];
};

/** What the caller holds that nobody can make: slots of capabilities that may be delegated; slots and memory that the tries may use. */
struct tries {
    cap_t kernel, ram, irqs, system;
    cap_t first_slot; /* this one and all that follow are empty */
    uint64_t kernel_offset, ram_offset;
};

/** Makes a call: words[0] is its number, then its arguments; results take their place. To be provided. */
status_t tries_call(uint64_t words[8]);
/** A try went wrong: prints it, and does not return. To be provided. */
_Noreturn void tries_fail(const char *what, const struct check *check, uint64_t value, status_t status, status_t expected);

/** All rows; how many calls were refused as they should. */
unsigned tries_run(const struct tries *tries, const struct check *checks, unsigned count);

/** The portable rows and their number. */
extern const struct check checks_portable[];
extern const unsigned checks_portable_count;

#endif
