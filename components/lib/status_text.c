/* Status codes in words. */
#include "status_text.h"

static const char *const texts[] = {
    [-STATUS_OK] = "done",
    [-STATUS_CALL] = "no such call",
    [-STATUS_CAP] = "no such capability",
    [-STATUS_RIGHTS] = "the capability lacks a right",
    [-STATUS_ARGUMENT] = "malformed argument",
    [-STATUS_MEMORY] = "the partition's kernel memory is used up",
    [-STATUS_EXISTS] = "slot or address is occupied",
    [-STATUS_RANGE] = "outside of what the capability covers",
    [-STATUS_BUSY] = "in use",
    [-STATUS_STATE] = "not in this state",
    [-STATUS_TIMEOUT] = "timed out",
    [-STATUS_CPU] = "not on this CPU",
    [-STATUS_DEAD] = "an object it needs is gone",
    [-STATUS_LIMIT] = "more than one call may do",
    [-STATUS_UNSUPPORTED] = "this machine's processors lack it",
};

const char *status_text(status_t status)
{
    uint64_t index = 0 - (uint64_t)status;
    return index < sizeof texts / sizeof *texts ? texts[index] : "unknown status";
}
