/* What the user reads: errors and warnings with their place, notes, progress. All of it on standard error. */
#ifndef TOOLS_MESSAGE_H
#define TOOLS_MESSAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of every subcommand. */
enum { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_USAGE = 2 };

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

/* A place in a source file. A line of 0 means the file as a whole; a NULL file, the command itself. */
struct place {
    const char *file;
    unsigned line;
};

/* file:line: severity: text. */
void message_at(struct place place, enum severity severity, const char *format, ...) __attribute__((format(printf, 3, 4)));
void message_at_list(struct place place, enum severity severity, const char *format, va_list arguments);

/* An error of the command as a whole. */
void message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what is wrong with the command line and how to learn more; returns STATUS_USAGE. */
int message_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How far a long operation is. Shows only on a terminal, and only once the operation has lasted half a second. */
struct progress {
    const char *what;
    uint64_t total; /* bytes */
    uint64_t done;
    uint64_t started; /* milliseconds */
    unsigned shown;   /* percent + 1; 0: nothing is on the line */
};

/* Begins with nothing done; so many bytes more are; the line goes. */
void progress_start(struct progress *progress, const char *what, uint64_t total);
void progress_add(struct progress *progress, uint64_t bytes);
void progress_end(struct progress *progress);

/* printf into fresh memory; ends the program if there is none. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* realloc for an array, that ends the program if there is no memory. */
void *array_resize(void *array, size_t count, size_t size);

#endif
