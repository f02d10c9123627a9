/*
 * A Linux program without a C library for the initrd of a test: what was written to a disk is there. `sectors run DEVICE REGION SEED` writes and reads at random, without
 * Linux's cache (O_DIRECT), in one of 8 regions of 1 MiB; each sector holds its place and a number that counts the region's writes, which must be the
 * last one written there. It ends when there is a file /stop, but not before it has done some hundred requests, after it has read everything once more, and prints one line.
 * `sectors zero DEVICE` and `sectors discard DEVICE` do that to the first 64 KiB, by the ioctls that file systems use.
 */
#include <stddef.h>
#include <stdint.h>

/* <asm-generic/unistd.h>, <asm-generic/fcntl.h>, <linux/fs.h>. */
enum { CALL_IOCTL = 29, CALL_FACCESSAT = 48, CALL_OPENAT = 56, CALL_WRITE = 64, CALL_PREAD = 67, CALL_PWRITE = 68, CALL_FSYNC = 82, CALL_EXIT_GROUP = 94 };
enum { AT_FDCWD = -100, O_RDWR = 2, O_DIRECT = 0200000, BLKDISCARD = 0x1277, BLKZEROOUT = 0x127f };
enum { SECTOR = 512, BLOCK = 4096, BLOCKS = 256, MOST = 32 /* blocks of a request */, LOOK = 32 /* requests between looks at /stop */, LOOKS = 8 /* at least */ };

static uint8_t data[MOST * BLOCK] __attribute__((aligned(4096)));
static uint64_t last[BLOCKS]; /* number written to each block; 0: none yet */
static uint64_t region, state, number, writes, reads, wrong, errors;

static long call(long nr, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

static char line[256];
static size_t line_size;

static void add(const char *text)
{
    while (*text)
        line[line_size++] = *text++;
}

static void add_number(uint64_t value)
{
    char digits[24], *at = digits + sizeof digits;
    *--at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    add(at);
}

static _Noreturn void finish(long code)
{
    add("\n");
    call(CALL_WRITE, 1, (long)line, (long)line_size, 0);
    for (;;)
        call(CALL_EXIT_GROUP, code, 0, 0, 0);
}

/* xorshift64*, by Marsaglia and Vigna. */
static uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

static uint64_t sector_of(uint64_t block, uint64_t index)
{
    return (region * BLOCKS + block) * (BLOCK / SECTOR) + index;
}

/* The words of a sector: place and number, all over it. */
static uint64_t *words_of(uint64_t at, uint64_t index)
{
    return (uint64_t *)(void *)(data + at * BLOCK + index * SECTOR);
}

static void fill(uint64_t at, uint64_t block)
{
    for (uint64_t index = 0; index < BLOCK / SECTOR; index++)
        for (uint64_t i = 0; i < SECTOR / 8; i += 2) {
            words_of(at, index)[i] = sector_of(block, index);
            words_of(at, index)[i + 1] = number;
        }
}

static void check(uint64_t at, uint64_t block)
{
    for (uint64_t index = 0; last[block] && index < BLOCK / SECTOR; index++)
        for (uint64_t i = 0; i < SECTOR / 8; i += 2)
            if (words_of(at, index)[i] != sector_of(block, index) || words_of(at, index)[i + 1] != last[block]) {
                wrong++;
                break;
            }
}

static void write_blocks(long file, uint64_t first, uint64_t count)
{
    number++;
    for (uint64_t i = 0; i < count; i++)
        fill(i, first + i);
    long size = (long)(count * BLOCK);
    errors += call(CALL_PWRITE, file, (long)data, size, (long)sector_of(first, 0) * SECTOR) != size;
    writes++;
    for (uint64_t i = 0; i < count; i++)
        last[first + i] = number;
}

static void read_blocks(long file, uint64_t first, uint64_t count)
{
    long size = (long)(count * BLOCK);
    for (uint64_t i = 0; i < count; i++)
        *words_of(i, 0) = UINT64_MAX;
    errors += call(CALL_PREAD, file, (long)data, size, (long)sector_of(first, 0) * SECTOR) != size;
    reads++;
    for (uint64_t i = 0; i < count; i++)
        check(i, first + i);
}

static void step(long file)
{
    uint64_t count = 1 + (draw(2) ? 0 : draw(MOST)), first = draw(BLOCKS - count + 1), what = draw(16);
    if (!what)
        errors += call(CALL_FSYNC, file, 0, 0, 0) != 0;
    else if (what < 9)
        write_blocks(file, first, count);
    else
        read_blocks(file, first, count);
}

static _Noreturn void run(long file)
{
    for (int looks = 0; looks < LOOKS || call(CALL_FACCESSAT, AT_FDCWD, (long)"/stop", 0, 0); looks++)
        for (int i = 0; i < LOOK; i++)
            step(file);
    for (uint64_t block = 0; block < BLOCKS; block++)
        read_blocks(file, block, 1);
    add("sectors: region ");
    add_number(region);
    add(": ");
    add_number(writes);
    add(" writes, ");
    add_number(reads);
    add(" reads, ");
    add_number(wrong);
    add(" sectors wrong, ");
    add_number(errors);
    add(" errors");
    finish(wrong || errors);
}

static _Noreturn void clear(long file, const char *how)
{
    const uint64_t range[2] = {0, 65536};
    long status = call(CALL_IOCTL, file, *how == 'z' ? BLKZEROOUT : BLKDISCARD, (long)range, 0);
    add(how);
    add(status ? ": error" : ": done");
    finish(status != 0);
}

static uint64_t value_of(const char *text)
{
    uint64_t value = 0;
    while (*text)
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

_Noreturn void program(const long *stack);
void program(const long *stack)
{
    const char *const *arguments = (const char *const *)(const void *)(stack + 1);
    long file = stack[0] >= 3 ? call(CALL_OPENAT, AT_FDCWD, (long)arguments[2], O_RDWR | O_DIRECT, 0) : -1;
    if (file < 0) {
        add("sectors: the disk cannot be opened");
        finish(1);
    }
    if (stack[0] < 5)
        clear(file, arguments[1]);
    region = value_of(arguments[3]);
    state = value_of(arguments[4]) * 2 + 1;
    run(file);
}

__asm__(".globl _start\n_start: mov x29, xzr\n\tmov x0, sp\n\tb program\n");
