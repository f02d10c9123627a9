/*
 * Preloaded into QEMU by scripts/execlog.py: lets its log be buffered. QEMU 7.2 flushes it after each line, which for a log of
 * every instruction is most of the time that it takes. The log is complete once QEMU has ended.
 */
#include <dlfcn.h>
#include <stdio.h>

enum { BUFFER = 1 << 16 };

int setvbuf(FILE *file, char *buffer, int mode, size_t size)
{
    int (*real)(FILE *, char *, int, size_t) = (int (*)(FILE *, char *, int, size_t))dlsym(RTLD_NEXT, "setvbuf");
    (void)buffer;
    return mode == _IOLBF ? real(file, NULL, _IOFBF, BUFFER) : real(file, buffer, mode, size);
}

int fflush(FILE *file)
{
    int (*real)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fflush");
    return file && file != stdout && file != stderr ? 0 : real(file);
}
