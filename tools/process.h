/* Running another program and keeping what it prints. */
#ifndef TOOLS_PROCESS_H
#define TOOLS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* `output` and `errors` are terminated by a zero that their size does not count. */
struct capture {
    char *output;
    size_t output_size;
    char *errors;
    int status; /* exit status; -1 if a signal ended it */
};

/*
 * Run `arguments[0]` and wait for it. At most `limit` bytes of its output are taken; then it is cut off. False, after a
 * message, if it could not be started.
 */
bool process_capture(char *const arguments[], size_t limit, struct capture *capture);
void capture_free(struct capture *capture);

#endif
