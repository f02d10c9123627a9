/* Intel's StrataFlash commands (JEDEC JEP137, JESD68): programming only clears bits, erasing sets those of a sector. All is done at once. */
#include "flash.h"

#include "cache.h"

#include <string.h>

enum {
    COMMAND_PROGRAM_OTHER = 0x10,
    COMMAND_ERASE = 0x20,
    COMMAND_PROGRAM = 0x40,
    COMMAND_CLEAR_STATUS = 0x50,
    COMMAND_LOCK = 0x60, /* then: which of set, clear */
    COMMAND_READ_STATUS = 0x70,
    COMMAND_READ_ID = 0x90,
    COMMAND_QUERY = 0x98,
    COMMAND_CONFIRM = 0xd0,
    COMMAND_BUFFERED = 0xe8,
    CYCLE_DATA = 0x100,    /* of a buffered program: stores of data, */
    CYCLE_CONFIRM = 0x101, /* then COMMAND_CONFIRM */
};

enum {
    STATUS_READY = 0x80,
    STATUS_ERASE_ERROR = 0x20,
    STATUS_PROGRAM_ERROR = 0x10, /* with the one before: wrong sequence of commands */
    STATUS_LOCKED = 0x02,
};

enum { ID_MANUFACTURER = 0x89, ID_DEVICE = 0x18, QUERY_SIZE = 0x40, WORD = 4, ERASED = 0xff };

/* What command QUERY shows of each chip, by word from 0x10 on (JESD68 §2.1). */
static const uint8_t query[QUERY_SIZE] = {
    [0x10] = 'Q',  [0x11] = 'R', [0x12] = 'Y',
    [0x13] = 0x01, [0x15] = 0x31,                               /* command set; where its own table is */
    [0x1b] = 0x45, [0x1c] = 0x55,                               /* supply, volts in BCD */
    [0x1f] = 0x07, [0x20] = 0x07, [0x21] = 0x0a,                /* typical times: log2 of us, us, ms */
    [0x23] = 0x04, [0x24] = 0x04, [0x25] = 0x04,                /* at most 2^n times as long */
    [0x27] = 25,   [0x28] = 0x02,                               /* log2 of bytes of a chip; x8 and x16 */
    [0x2a] = 0x08, [0x2c] = 1,                                  /* log2 of bytes of a chip's buffer; regions of equal sectors: */
    [0x2d] = FLASH_BANK_SIZE / FLASH_SECTOR - 1, [0x30] = 0x02, /* sectors less one; bytes of a chip's / 256, 16 bits */
    [0x31] = 'P',  [0x32] = 'R', [0x33] = 'I', [0x34] = '1', [0x35] = '0', [0x3f] = 1,
};

_Static_assert(FLASH_BUFFER == 2 << 8 && FLASH_SECTOR / 2 / 256 == 0x200, "as the table says");

void flash_reset(struct flash *flash)
{
    flash->state = (struct flash_state){.status = STATUS_READY};
}

static uint64_t array_read(const struct flash *flash, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)(offset + i < flash->backed ? flash->contents[offset + i] : ERASED) << 8 * i;
    return value;
}

/* What each chip shows at a word of the bank. */
static uint32_t chip_read(const struct flash *flash, uint64_t word)
{
    switch (flash->state.mode) {
    case FLASH_ID: /* word 2 of a sector: its lock, 0: open */
        return word % 256 == 0 ? ID_MANUFACTURER : word % 256 == 1 ? ID_DEVICE : 0;
    case FLASH_QUERY:
        return word % 256 < QUERY_SIZE ? query[word % 256] : 0;
    default:
        return flash->state.status;
    }
}

uint64_t flash_read(const struct flash *flash, uint64_t offset, unsigned size)
{
    if (flash->state.mode == FLASH_ARRAY)
        return array_read(flash, offset, size);
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint32_t chip = chip_read(flash, (offset + i) / WORD);
        value |= (uint64_t)(chip >> 8 * ((offset + i) & 1) & 0xff) << 8 * i;
    }
    return value;
}

/* --- what changes the contents ---------------------------------------------------------------------------------------- */

/* 0: the byte can be programmed. */
static uint32_t program_refused(const struct flash *flash, uint64_t offset)
{
    if (flash->read_only)
        return STATUS_PROGRAM_ERROR | STATUS_LOCKED;
    return offset < flash->backed ? 0 : STATUS_PROGRAM_ERROR;
}

static void program(struct flash *flash, uint64_t offset, const uint8_t *data, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if (data[i] == ERASED)
            continue; /* changes nothing */
        uint32_t refused = program_refused(flash, offset + i);
        flash->state.status |= refused;
        if (!refused)
            flash->contents[offset + i] &= data[i];
    }
    if (!flash->read_only && offset < flash->backed)
        cache_clean(flash->contents + offset, size < flash->backed - offset ? size : flash->backed - offset);
}

static void program_value(struct flash *flash, uint64_t offset, unsigned size, uint64_t value)
{
    uint8_t data[8];
    for (unsigned i = 0; i < size; i++)
        data[i] = (uint8_t)(value >> 8 * i);
    program(flash, offset, data, size);
}

static void erase(struct flash *flash, uint64_t offset)
{
    uint8_t *sector = flash->contents + (offset & ~(uint64_t)(FLASH_SECTOR - 1));
    if (flash->read_only) {
        flash->state.status |= STATUS_ERASE_ERROR | STATUS_LOCKED;
    } else if (offset < flash->backed) {
        memset(sector, ERASED, FLASH_SECTOR);
        cache_clean(sector, FLASH_SECTOR);
    }
}

/* --- buffered program: how many words less one, the words, confirmation ------------------------------------------------------- */

static void sequence_error(struct flash_state *state)
{
    state->status |= STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR;
    state->cycle = 0;
}

static void buffer_begin(struct flash_state *state, uint64_t value)
{
    uint32_t words = (uint32_t)(value & 0xffff) + 1;
    if (words > FLASH_BUFFER / WORD) {
        sequence_error(state);
        return;
    }
    state->left = words;
    state->window = UINT32_MAX;
    state->bad = 0;
    state->cycle = CYCLE_DATA;
    memset(state->buffer, ERASED, sizeof state->buffer);
}

static void buffer_fill(struct flash_state *state, uint64_t offset, unsigned size, uint64_t value)
{
    if (state->window == UINT32_MAX)
        state->window = (uint32_t)offset;
    uint64_t at = offset - state->window;
    if (offset < state->window || at + size > FLASH_BUFFER)
        state->bad = 1;
    for (unsigned i = 0; !state->bad && i < size; i++)
        state->buffer[at + i] = (uint8_t)(value >> 8 * i);
    if (--state->left == 0)
        state->cycle = CYCLE_CONFIRM;
}

static void buffer_confirm(struct flash *flash, uint8_t command)
{
    struct flash_state *state = &flash->state;
    if (command != COMMAND_CONFIRM || state->bad) {
        sequence_error(state);
        return;
    }
    state->cycle = 0;
    program(flash, state->window, state->buffer, FLASH_BUFFER);
}

/* --- bus cycles --------------------------------------------------------------------------------------------------------------------- */

static void command_begin(struct flash_state *state, uint8_t command)
{
    switch (command) {
    case COMMAND_PROGRAM:
    case COMMAND_PROGRAM_OTHER:
    case COMMAND_ERASE:
    case COMMAND_LOCK:
    case COMMAND_BUFFERED:
        state->cycle = command;
        state->mode = FLASH_STATUS;
        break;
    case COMMAND_READ_STATUS:
        state->mode = FLASH_STATUS;
        break;
    case COMMAND_READ_ID:
        state->mode = FLASH_ID;
        break;
    case COMMAND_QUERY:
        state->mode = FLASH_QUERY;
        break;
    case COMMAND_CLEAR_STATUS:
        state->status = STATUS_READY;
        break;
    default: /* 0xff, 0xf0, and what these chips do not know */
        state->mode = FLASH_ARRAY;
        break;
    }
}

static void erase_confirm(struct flash *flash, uint64_t offset, uint8_t command)
{
    if (command == COMMAND_CONFIRM) {
        flash->state.cycle = 0;
        erase(flash, offset);
    } else {
        sequence_error(&flash->state);
    }
}

void flash_write(struct flash *flash, uint64_t offset, unsigned size, uint64_t value)
{
    struct flash_state *state = &flash->state;
    switch (state->cycle) {
    case 0:
        command_begin(state, (uint8_t)value);
        break;
    case COMMAND_PROGRAM:
    case COMMAND_PROGRAM_OTHER:
        state->cycle = 0;
        program_value(flash, offset, size, value);
        break;
    case COMMAND_ERASE:
        erase_confirm(flash, offset, (uint8_t)value);
        break;
    case COMMAND_BUFFERED:
        buffer_begin(state, value);
        break;
    case CYCLE_DATA:
        buffer_fill(state, offset, size, value);
        break;
    case CYCLE_CONFIRM:
        buffer_confirm(flash, (uint8_t)value);
        break;
    default: /* locks: every sector is open and stays so */
        state->cycle = 0;
        break;
    }
}
