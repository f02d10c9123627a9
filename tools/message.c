/* Messages, progress, and the two allocations that may not fail. */
#include "message.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *word;
    const char *colour;
} severities[] = {
    [SEVERITY_ERROR] = {"error", "\033[1;31m"},
    [SEVERITY_WARNING] = {"warning", "\033[1;35m"},
    [SEVERITY_NOTE] = {"note", "\033[1;36m"},
};

static bool colours_are_wanted(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDERR_FILENO) == 1 && getenv("NO_COLOR") == NULL && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void message_at_list(struct place place, enum severity severity, const char *format, va_list arguments)
{
    bool colours = colours_are_wanted();

    if (place.line != 0)
        fprintf(stderr, "%s:%u: ", place.file, place.line);
    else
        fprintf(stderr, "%s: ", place.file == NULL ? "bulkhead" : place.file);
    fprintf(stderr, "%s%s:%s ", colours ? severities[severity].colour : "", severities[severity].word, colours ? "\033[0m" : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void message_at(struct place place, enum severity severity, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    message_at_list(place, severity, format, arguments);
    va_end(arguments);
}

void message_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    message_at_list((struct place){0}, SEVERITY_ERROR, format, arguments);
    va_end(arguments);
}

int message_usage(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    message_at_list((struct place){0}, SEVERITY_ERROR, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try 'bulkhead %s%s--help'.\n", command, *command == '\0' ? "" : " ");
    return STATUS_USAGE;
}

static uint64_t milliseconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_start(struct progress *progress, const char *what, uint64_t total)
{
    *progress = (struct progress){.what = what, .total = total, .started = milliseconds_now()};
}

void progress_add(struct progress *progress, uint64_t bytes)
{
    unsigned percent;

    progress->done += bytes;
    percent = progress->total == 0 ? 100 : (unsigned)(progress->done * 100 / progress->total);
    if (percent + 1 == progress->shown || isatty(STDERR_FILENO) != 1 || milliseconds_now() - progress->started < 500)
        return;
    progress->shown = percent + 1;
    fprintf(stderr, "\r%s: %u %%", progress->what, percent);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown != 0)
        fputs("\r\033[K", stderr);
    progress->shown = 0;
}

static void out_of_memory(void)
{
    message_error("out of memory");
    exit(STATUS_ERROR);
}

char *text_format(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        out_of_memory();
    va_end(arguments);
    return text;
}

void *array_resize(void *array, size_t count, size_t size)
{
    void *resized = reallocarray(array, count, size);

    if (resized == NULL && count != 0)
        out_of_memory();
    return resized;
}
