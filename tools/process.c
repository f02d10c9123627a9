/* Standard output comes through a pipe, so that it can be cut off; standard error through an anonymous file, so that neither
 * side can wait for the other. */
#include "process.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

/* As read(), but again after a signal. */
static size_t read_some(int file, char *data, size_t size)
{
    ssize_t got;

    do
        got = read(file, data, size);
    while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : (size_t)got;
}

static char *read_all(int file, size_t limit, size_t *size)
{
    char *data = array_resize(NULL, 1, 1);
    size_t chunk, got = 1;

    for (*size = 0; *size < limit && got > 0; *size += got) {
        chunk = limit - *size < 65536 ? limit - *size : 65536;
        data = array_resize(data, *size + chunk + 1, 1);
        got = read_some(file, data + *size, chunk);
    }
    data[*size] = '\0';
    return data;
}

static _Noreturn void exec_child(char *const arguments[], int output, int errors)
{
    int nothing = open("/dev/null", O_RDONLY);

    if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(errors, STDERR_FILENO) >= 0)
        execvp(arguments[0], arguments);
    _exit(NOT_STARTED);
}

static bool collect(pid_t child, int output, int errors, size_t limit, struct capture *capture)
{
    size_t size;
    int status;

    capture->output = read_all(output, limit, &capture->output_size);
    close(output);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    capture->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    lseek(errors, 0, SEEK_SET);
    capture->errors = read_all(errors, 1 << 20, &size);
    return capture->status != NOT_STARTED;
}

bool process_capture(char *const arguments[], size_t limit, struct capture *capture)
{
    int ends[2], errors = memfd_create("errors", MFD_CLOEXEC);
    bool started = false;
    pid_t child;

    *capture = (struct capture){0};
    if (errors < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        message_error("cannot make a pipe: %s", strerror(errno));
        close(errors);
        return false;
    }
    child = fork();
    if (child == 0)
        exec_child(arguments, ends[1], errors);
    close(ends[1]);
    if (child > 0)
        started = collect(child, ends[0], errors, limit, capture);
    close(errors);
    if (!started) {
        message_error("cannot run %s; is it installed and in PATH?", arguments[0]);
        capture_free(capture);
    }
    return started;
}

void capture_free(struct capture *capture)
{
    free(capture->output);
    free(capture->errors);
    *capture = (struct capture){0};
}
