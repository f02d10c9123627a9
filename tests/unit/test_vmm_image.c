/* Kernel images: gzip, Linux's header, ELF; well-formed, damaged and hostile. */
/* Sources first: cmocka.h makes a macro of `fail`. */
#include "../../components/vmm/drbg.c"
#include "../../components/vmm/image.c"
#include "../../components/vmm/inflate.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLAIN_SIZE = 300000 };

/* Text-like, random and repeated parts, so that all kinds of blocks and distances occur. */
static void plain_make(uint8_t *plain)
{
    uint32_t random = 1;
    for (unsigned i = 0; i < PLAIN_SIZE; i++) {
        random = random * 1664525 + 1013904223;
        if (i % 100000 < 30000)
            plain[i] = (uint8_t)(random >> 24);
        else if (i % 100000 < 60000)
            plain[i] = (uint8_t)("bulkhead\n"[random >> 16 & 7]);
        else
            plain[i] = plain[i - 30000 - i % 7];
    }
}

/* What gzip(1) makes of it with this option. */
static uint8_t *gzip_make(const uint8_t *plain, size_t size, const char *option, size_t *compressed)
{
    char in[] = "/tmp/bulkhead-unit-XXXXXX", command[128];
    uint8_t *data = malloc(2 * size + 4096);
    int handle = mkstemp(in);
    assert_true(handle >= 0);
    FILE *file = fdopen(handle, "wb");
    assert_int_equal(fwrite(plain, 1, size, file), size);
    fclose(file);
    snprintf(command, sizeof command, "gzip -c %s %s", option, in);
    FILE *pipe = popen(command, "r");
    *compressed = fread(data, 1, 2 * size + 4096, pipe);
    pclose(pipe);
    remove(in);
    return data;
}

static void check_gzip(const char *option, size_t size)
{
    static uint8_t plain[PLAIN_SIZE], out[PLAIN_SIZE];
    size_t compressed, length;
    plain_make(plain);
    uint8_t *data = gzip_make(plain, size, option, &compressed);
    assert_true(gzip_detect(data, compressed));
    assert_int_equal(gzip_claimed_size(data, compressed), size);
    assert_int_equal(gzip_inflate(data, compressed, out, PLAIN_SIZE, &length), INFLATE_OK);
    assert_int_equal(length, size);
    assert_memory_equal(out, plain, size);
    if (size > 1)
        assert_int_equal(gzip_inflate(data, compressed, out, size - 1, &length), INFLATE_OUTPUT);
    free(data);
}

static void test_gzip(void **state)
{
    (void)state;
    check_gzip("-1", PLAIN_SIZE);
    check_gzip("-9", PLAIN_SIZE);
    check_gzip("-n", 1000); /* no name in the header */
    check_gzip("-6", 3);    /* fixed codes */
}

/* No damage may crash, and none may go unnoticed. */
static void test_gzip_damaged(void **state)
{
    static uint8_t plain[PLAIN_SIZE], out[20000];
    size_t compressed, length;
    (void)state;
    plain_make(plain);
    uint8_t *data = gzip_make(plain + 20000, sizeof out, "-n", &compressed);
    uint8_t *copy = malloc(compressed);
    for (size_t i = 10; i < compressed; i += 37) {
        memcpy(copy, data, compressed);
        copy[i] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(gzip_inflate(copy, compressed, out, sizeof out, &length), INFLATE_OK);
    }
    for (size_t i = 0; i < compressed; i += 61) {
        uint8_t *cut = malloc(i + 1); /* so that the sanitizer sees a read behind it */
        memcpy(cut, data, i);
        assert_int_not_equal(gzip_inflate(cut, i, out, sizeof out, &length), INFLATE_OK);
        free(cut);
    }
    free(copy);
    free(data);
}

static void test_gzip_noise(void **state)
{
    uint8_t data[300], out[1000];
    size_t length;
    uint32_t random = 7;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        memcpy(data, "\x1f\x8b\x08\x00", 4);
        assert_int_not_equal(gzip_inflate(data, sizeof data, out, sizeof out, &length), INFLATE_OK);
    }
}

static void put(uint8_t *data, size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        data[at + i] = (uint8_t)(value >> 8 * i);
}

static void test_linux(void **state)
{
    uint8_t data[4096] = {0};
    (void)state;
    assert_int_equal(image_detect(data, sizeof data), IMAGE_FLAT);
    memcpy(data + 56, "ARM\x64", 4);
    assert_int_equal(image_detect(data, sizeof data), IMAGE_LINUX);
    assert_int_equal(image_detect(data, 63), IMAGE_FLAT);
    struct image_linux old = image_linux_parse(data, sizeof data);
    assert_int_equal(old.text_offset, 0x80000);
    assert_int_equal(old.size, sizeof data);
    put(data, 8, 0x200000, 8);
    put(data, 16, 0x10000, 8);
    struct image_linux image = image_linux_parse(data, sizeof data);
    assert_int_equal(image.text_offset, 0x200000);
    assert_int_equal(image.size, 0x10000);
    put(data, 16, 16, 8); /* less than the file: cannot be */
    assert_int_equal(image_linux_parse(data, sizeof data).size, sizeof data);
}

static void elf_make(uint8_t *data)
{
    memcpy(data, "\x7f"
                 "ELF\x02\x01\x01",
           7);
    put(data, 18, 183, 2);
    put(data, 24, 0xffff000000001010, 8); /* entry */
    put(data, 32, 64, 8);
    put(data, 54, 56, 2);
    put(data, 56, 2, 2);
    put(data, 64, 1, 4);                   /* PT_LOAD */
    put(data, 64 + 8, 512, 8);             /* offset */
    put(data, 64 + 16, 0xffff000000001000, 8);
    put(data, 64 + 24, 0x40200000, 8);
    put(data, 64 + 32, 256, 8);
    put(data, 64 + 40, 4096, 8);
    put(data, 120, 4, 4); /* PT_NOTE */
}

static void test_elf(void **state)
{
    uint8_t data[1024] = {0};
    struct image_segment segment;
    bool bad = false;
    (void)state;
    elf_make(data);
    assert_int_equal(image_detect(data, sizeof data), IMAGE_ELF);
    assert_int_equal(image_elf_headers(data, sizeof data), 2);
    assert_true(image_elf_segment(data, sizeof data, 0, &segment, &bad));
    assert_int_equal(segment.address, 0x40200000);
    assert_int_equal(segment.memory_size, 4096);
    assert_false(image_elf_segment(data, sizeof data, 1, &segment, &bad));
    assert_false(bad);
    assert_int_equal(image_elf_entry(data, sizeof data), 0x40200010);
}

static void test_elf_bad(void **state)
{
    uint8_t data[1024] = {0};
    struct image_segment segment;
    bool bad = false;
    (void)state;
    elf_make(data);
    put(data, 64 + 8, 1000, 8); /* reaches behind the file */
    assert_false(image_elf_segment(data, sizeof data, 0, &segment, &bad));
    assert_true(bad);
    put(data, 64 + 8, UINT64_MAX, 8);
    bad = false;
    assert_false(image_elf_segment(data, sizeof data, 0, &segment, &bad));
    assert_true(bad);
    put(data, 32, UINT64_MAX - 8, 8);
    assert_int_equal(image_elf_headers(data, sizeof data), 0);
    put(data, 18, 62, 2); /* x86-64 */
    assert_int_equal(image_detect(data, sizeof data), IMAGE_ELF_FOREIGN);
}

/* The header, its table at 80, the decompressed size at 120. */
static void zimage_make(uint8_t *data)
{
    put(data, 36, 0x016f2818, 4);
    put(data, 48, 0x04030201, 4);
    put(data, 52, 0x45454545, 4);
    put(data, 56, 80, 4);
    put(data, 80, 6, 4);
    put(data, 84, 0x5a534c4b, 4);
    put(data, 88, 120, 4);
    put(data, 92, 0x5e4d4, 4);
    put(data, 96, 0x208000, 4);
    put(data, 120, 20582580, 4);
}

static void test_zimage(void **state)
{
    uint8_t data[128] = {0};
    (void)state;
    zimage_make(data);
    assert_int_equal(image_detect(data, sizeof data), IMAGE_ZIMAGE);
    assert_int_equal(image_detect(data, 63), IMAGE_FLAT);
    assert_int_equal(image_zimage_parse(data, sizeof data).kernel_end, 0x208000 + 20582580 + 0x5e4d4);
    put(data, 48, 0x01020304, 4); /* big-endian */
    assert_int_equal(image_detect(data, sizeof data), IMAGE_FLAT);
}

/* A table outside the file, or that points there, counts as none; nothing is read outside (the sanitizer looks). */
static void test_zimage_bad(void **state)
{
    static const struct {
        unsigned at;
        uint32_t value;
    } lies[] = {{52, 0}, {56, 109}, {56, 128}, {56, UINT32_MAX}, {80, 4}, {84, 0}, {88, 125}, {88, UINT32_MAX}};
    (void)state;
    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        uint8_t *data = calloc(1, 128);
        zimage_make(data);
        put(data, lies[i].at, lies[i].value, 4);
        assert_int_equal(image_zimage_parse(data, 128).kernel_end, 0x8000 + 5 * 128);
        free(data);
    }
}

/* RFC 8439 §2.3.2. */
static void test_chacha20(void **state)
{
    static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
    static const uint32_t expected[4] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3};
    uint32_t out[16], key[8];
    uint8_t bytes[32];
    (void)state;
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    memcpy(key, bytes, sizeof key);
    chacha20_block(out, key, 1, nonce);
    assert_memory_equal(out, expected, sizeof expected);
}

static void test_drbg(void **state)
{
    struct drbg drbg;
    uint8_t seed[32] = {1}, a[32], b[32];
    (void)state;
    drbg_seed(&drbg, seed);
    drbg_generate(&drbg, a, sizeof a);
    drbg_generate(&drbg, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    drbg_seed(&drbg, seed);
    drbg_generate(&drbg, b, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip), cmocka_unit_test(test_gzip_damaged), cmocka_unit_test(test_gzip_noise), cmocka_unit_test(test_linux),
        cmocka_unit_test(test_elf),  cmocka_unit_test(test_elf_bad),      cmocka_unit_test(test_zimage), cmocka_unit_test(test_zimage_bad), cmocka_unit_test(test_chacha20),   cmocka_unit_test(test_drbg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
