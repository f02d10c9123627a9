/* The kernel's own words: at boot and in a panic. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

extern const char build_commit[]; /* which build this is: what `git describe` said */

/* Formats: %s, %d, %u, %x, %lu, %lx, %p, and the four in the middle with 0 and the least number of digits, up to 20; nothing else. */
void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A bug in the kernel: prints CPU, reason, registers, backtrace and the build's commit, and stops the machine. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What cannot happen, whatever a guest, component or device does. */
#define ASSERT(condition)                                                             \
    do {                                                                              \
        if (__builtin_expect(!(condition), 0))                                        \
            panic("%s:%d: assertion failed: %s", __FILE_NAME__, __LINE__, #condition); \
    } while (0)

#endif
