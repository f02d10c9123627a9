/*
 * Each unmapping makes every processor forget translations, so a guest that gives commands all day must not decide how often that happens: a bank that has
 * been unmapped comes back with the first access to its contents that is MAP_INTERVAL_US behind the last mapping. Until then exits carry out loads, and fetches are
 * tried again. Lock: `lock`, for the banks' state and whether they are mapped.
 */
#include "flash_banks.h"

#include "cache.h"
#include "call_stubs.h"
#include "clock.h"
#include "flash.h"
#include "lock.h"
#include "machine.h"
#include "mmio.h"
#include "print.h"
#include "startup.h"

#include <string.h>

enum { BANKS = 2, MAP_INTERVAL_US = 1000 };

struct bank {
    struct flash flash;
    cap_t extent;
    uint64_t extent_offset; /* of the contents */
    bool mapped;
    uint64_t map_again; /* not before then, in ticks */
};

static struct bank banks[BANKS];
static struct lock lock;

static uint64_t bank_address(const struct bank *bank)
{
    return FLASH_BASE + (uint64_t)(bank - banks) * FLASH_BANK_SIZE;
}

/* A failure leaves the bank to exits, which do the same. */
static void bank_map(struct bank *bank)
{
    if (bank->mapped || !bank->flash.backed)
        return;
    bank->map_again = clock_deadline_us(MAP_INTERVAL_US);
    bank->mapped = space_map(machine.guest_space, bank->extent, bank_address(bank), bank->extent_offset, bank->flash.backed,
                             RIGHT_READ | RIGHT_EXECUTE) == STATUS_OK;
}

static void bank_unmap(struct bank *bank)
{
    if (!bank->mapped)
        return;
    status_t status = space_unmap(machine.guest_space, bank_address(bank));
    if (status != STATUS_OK)
        component_fail("VM %s: a bank of its flash memory cannot be unmapped (status %lld)", machine.name, (long long)status);
    bank->mapped = false;
}

static bool shows_contents(const struct bank *bank)
{
    return bank->flash.state.mode == FLASH_ARRAY;
}

static void bank_map_if_due(struct bank *bank)
{
    if (shows_contents(bank) && clock_now() >= bank->map_again)
        bank_map(bank);
}

static uint64_t banks_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    struct bank *bank = &banks[offset / FLASH_BANK_SIZE];
    lock_take(&lock);
    uint64_t value = flash_read(&bank->flash, offset % FLASH_BANK_SIZE, size);
    bank_map_if_due(bank);
    lock_release(&lock);
    return value;
}

static void banks_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)vcpu;
    struct bank *bank = &banks[offset / FLASH_BANK_SIZE];
    lock_take(&lock);
    flash_write(&bank->flash, offset % FLASH_BANK_SIZE, size, value);
    if (!shows_contents(bank))
        bank_unmap(bank);
    lock_release(&lock);
}

bool flash_banks_fetch(uint64_t address)
{
    struct bank *bank = &banks[address / FLASH_BANK_SIZE % BANKS];
    bool again = false;
    if (address >= BANKS * (uint64_t)FLASH_BANK_SIZE)
        return false;
    lock_take(&lock);
    if (address % FLASH_BANK_SIZE < bank->flash.backed && shows_contents(bank)) {
        bool early = clock_now() < bank->map_again;
        bank_map_if_due(bank);
        again = early || bank->mapped;
    }
    lock_release(&lock);
    return again;
}

static void bank_fill(struct bank *bank, const struct blob *file)
{
    uint64_t size = file->size < bank->flash.backed ? file->size : bank->flash.backed;
    if (size)
        memcpy(bank->flash.contents, file->data, size);
    memset(bank->flash.contents + size, 0xff, bank->flash.backed - size);
    cache_clean(bank->flash.contents, bank->flash.backed);
}

void flash_banks_build(void)
{
    static const struct mmio_range range = {FLASH_BASE, (uint64_t)BANKS * FLASH_BANK_SIZE, banks_read, banks_write, "flash memory"};
    if (!machine.firmware.data)
        return;
    const struct startup_resource *memory = startup_need("banks");
    uint8_t *at = (uint8_t *)memory->address; /* NOLINT: mapped there by root */
    banks[0] = (struct bank){.flash = {.contents = at, .backed = memory->value, .read_only = true}, .extent = memory->slot};
    banks[1] = (struct bank){.flash = {.contents = at + memory->value, .backed = memory->size - memory->value},
                             .extent = memory->slot,
                             .extent_offset = memory->value};
    bank_fill(&banks[0], &machine.firmware);
    bank_fill(&banks[1], &machine.flash);
    if (!mmio_register(&range))
        component_fail("VM %s: a device in `devices` lies where the VM's flash memory is; leave it out", machine.name);
}

void flash_banks_reset(void)
{
    for (unsigned i = 0; machine.firmware.data && i < BANKS; i++) {
        lock_take(&lock);
        flash_reset(&banks[i].flash);
        bank_map(&banks[i]);
        lock_release(&lock);
    }
}
