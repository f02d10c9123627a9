/* What libFuzzer's targets share: taking an input apart, and stating what must hold. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The target: one input. */
void input_try(const uint8_t *data, size_t size);

/* An input that is read from its front; behind its end it is all zeros. */
struct input {
    const uint8_t *data;
    size_t size;
};

static inline bool input_more(const struct input *input)
{
    return input->size != 0;
}

static inline uint64_t input_number(struct input *input, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && input->size; i++, input->data++, input->size--)
        value |= (uint64_t)*input->data << 8 * i;
    return value;
}

static inline uint8_t input_byte(struct input *input)
{
    return (uint8_t)input_number(input, 1);
}

#define MUST(condition)                                                                                               \
    do {                                                                                                              \
        if (!(condition)) {                                                                                           \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                                  \
        }                                                                                                             \
    } while (0)

#endif
