/* One keyed hash per seed: who knows one of them learns nothing about the others or the firmware's. */
#include "seed.h"

#include "firmware.h"
#include "hash.h"
#include "string.h"

#include <bulkhead/startup.h>

_Static_assert((int)SEED_SIZE == (int)HASH_SIZE, "one hash");

bool seed_derive(const char *name, uint8_t seed[SEED_SIZE])
{
    static uint64_t count;
    struct {
        char name[STARTUP_NAME_SIZE];
        uint64_t count;
    } message = {{0}, count++};
    uint8_t key[HASH_SIZE];
    uint32_t size;
    const void *source = firmware_seed(&size);
    if (!source)
        return false;
    string_copy(message.name, sizeof message.name, name);
    hash_blake2s(key, NULL, 0, source, size);
    hash_blake2s(seed, key, sizeof key, &message, sizeof message);
    return true;
}
