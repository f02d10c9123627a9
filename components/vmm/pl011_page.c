/*
 * The guest's mapping is Device memory or, with its MMU off, not cacheable, ours is cacheable: each word that changes is cleaned to the point
 * of coherency. Only ours writes.
 */
#include "pl011_page.h"

#include "cache.h"
#include "call_stubs.h"
#include "machine.h"
#include "startup.h"
#include "string.h"

#include <stddef.h>

static uint32_t *page; /* NULL: none */
static cap_t extent;

void pl011_page_build(bool possible)
{
    const struct startup_resource *resource = startup_find("uart-page");
    if (!possible || !resource)
        return;
    page = (uint32_t *)resource->address; /* NOLINT */
    extent = resource->slot;
    memset(page, 0, DEVICE_SIZE);
    cache_clean(page, DEVICE_SIZE);
}

void pl011_page_set(uint32_t offset, uint32_t value)
{
    uint32_t *word = page ? &page[offset / 4] : NULL;
    if (!word || *word == value)
        return;
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
    cache_clean(word, sizeof *word);
}

bool pl011_page_offer(void)
{
    return page && space_map(machine.guest_space, extent, UART_BASE, 0, DEVICE_SIZE, RIGHT_READ) == STATUS_OK;
}

void pl011_page_withdraw(void)
{
    space_unmap(machine.guest_space, UART_BASE);
}
