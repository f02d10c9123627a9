/* Text goes to the kernel in registers, four words at a time. */
#include "kernel_log.h"

#include "call_stubs.h"
#include "string.h"

void kernel_log_write(const char *text, size_t size)
{
    while (size) {
        uint64_t words[4] = {0};
        size_t part = size < sizeof words ? size : sizeof words;
        memcpy(words, text, part);
        system_log(CAP_SYSTEM, part, words);
        text += part;
        size -= part;
    }
}
