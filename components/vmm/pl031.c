/* The clock counts seconds of the board's physical counter. Lock: `lock`, for the state. */
#include "pl031.h"

#include "alarm.h"
#include "clock.h"
#include "lines.h"
#include "lock.h"
#include "machine.h"
#include "mmio.h"

enum {
    RTCDR = 0x00,
    RTCMR = 0x04,
    RTCLR = 0x08,
    RTCCR = 0x0c,
    RTCIMSC = 0x10,
    RTCRIS = 0x14,
    RTCMIS = 0x18,
    RTCICR = 0x1c,
    RTCPERIPHID0 = 0xfe0,
    REGISTERS_END = 0x1000,
};

static struct pl031_state rtc = {.offset = PL031_EPOCH};
static struct lock lock;

static uint32_t seconds_now(void)
{
    return rtc.offset + (uint32_t)(clock_now() / clock_frequency());
}

static void interrupt_update(void)
{
    uint32_t level = rtc.raw & rtc.mask;
    if (level != rtc.level) {
        rtc.level = level;
        line_level(RTC_INTID, level);
    }
}

static uint32_t identification(uint64_t offset)
{
    static const uint8_t bytes[8] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    return offset >= RTCPERIPHID0 && offset < REGISTERS_END ? bytes[(offset - RTCPERIPHID0) / 4 % sizeof bytes] : 0;
}

static uint32_t register_read(uint64_t offset)
{
    switch (offset) {
    case RTCDR:
        return seconds_now();
    case RTCMR:
        return rtc.match;
    case RTCLR:
        return rtc.load;
    case RTCCR:
        return 1; /* the clock always runs */
    case RTCIMSC:
        return rtc.mask;
    case RTCRIS:
        return rtc.raw;
    case RTCMIS:
        return rtc.raw & rtc.mask;
    default:
        return identification(offset);
    }
}

uint64_t pl031_read(unsigned vcpu, uint64_t offset, unsigned size)
{
    (void)vcpu;
    (void)size;
    return register_read(offset & ~UINT64_C(3)) >> 8 * (offset & 3);
}

static void register_write(uint64_t offset, uint32_t value)
{
    switch (offset) {
    case RTCMR:
        rtc.match = value;
        rtc.armed = 1;
        break;
    case RTCLR:
        rtc.offset += value - seconds_now();
        rtc.load = value;
        break;
    case RTCIMSC:
        rtc.mask = value & 1;
        break;
    case RTCICR:
        rtc.raw &= ~value;
        break;
    default:
        break;
    }
}

void pl031_write(unsigned vcpu, uint64_t offset, unsigned size, uint64_t value)
{
    (void)vcpu;
    (void)size;
    lock_take(&lock);
    register_write(offset, (uint32_t)value);
    interrupt_update();
    lock_release(&lock);
    alarm_changed(); /* the main thread's deadline may be another one now */
}

uint64_t pl031_alarm(void)
{
    uint64_t due = UINT64_MAX;
    lock_take(&lock);
    uint32_t left = rtc.match - seconds_now();
    if (rtc.armed && (int32_t)left <= 0) { /* the main thread may be late */
        rtc.armed = 0;
        rtc.raw = 1;
        interrupt_update();
    } else if (rtc.armed) {
        due = (clock_now() / clock_frequency() + left) * clock_frequency();
    }
    lock_release(&lock);
    return due;
}

void pl031_reset(void)
{
    lock_take(&lock);
    rtc = (struct pl031_state){.offset = rtc.offset};
    lock_release(&lock);
}

bool pl031_build(void)
{
    static const struct mmio_range range = {RTC_BASE, DEVICE_SIZE, pl031_read, pl031_write, "PL031 (clock)"};
    return mmio_register(&range);
}
