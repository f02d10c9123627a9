/*
 * QEMU puts the terminal into raw mode and takes it back when it ends by itself. Killed, it cannot: hence a parent that stays,
 * hands signals on and tidies up.
 */
#include "qemu.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { NOT_STARTED = 127 };

/* What QEMU changes about standard input. Its flags belong to the terminal, not to the process: others see O_NONBLOCK, too. */
struct terminal {
    bool is_terminal;
    struct termios mode;
    int flags;
};

static void terminal_save(struct terminal *terminal)
{
    terminal->is_terminal = tcgetattr(STDIN_FILENO, &terminal->mode) == 0;
    terminal->flags = fcntl(STDIN_FILENO, F_GETFL);
}

static void terminal_restore(const struct terminal *terminal)
{
    if (terminal->flags >= 0)
        fcntl(STDIN_FILENO, F_SETFL, terminal->flags);
    if (!terminal->is_terminal)
        return;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->mode);
    if (isatty(STDOUT_FILENO) == 1)
        (void)!write(STDOUT_FILENO, "\033[0m\033[?25h", 10); /* no colour, cursor visible: guests leave them as they like */
}

static void fill_signals(sigset_t *signals)
{
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGTTOU};

    sigemptyset(signals);
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        sigaddset(signals, handled[i]);
}

static _Noreturn void exec_qemu(char *const *arguments, int file, pid_t parent, const sigset_t *mask)
{
    fcntl(file, F_SETFD, 0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execvp(arguments[0], arguments);
    message_error("cannot run %s: %s; on Debian it is in the package qemu-system-arm", arguments[0], strerror(errno));
    _exit(NOT_STARTED);
}

/* Waits for the child's end and hands on what asks the tool itself to end. Returns the last such signal, or 0. */
static int wait_for_end(pid_t child, const sigset_t *signals, int *status)
{
    int asked = 0, received;

    while (waitpid(child, status, WNOHANG) == 0) {
        if (sigwait(signals, &received) != 0 || received == SIGCHLD || received == SIGTTOU)
            continue;
        asked = received;
        kill(child, SIGTERM); /* the one signal on which QEMU always tidies up */
    }
    return asked;
}

static int judge_end(int status, int asked)
{
    if (asked != 0)
        return 128 + asked;
    if (WIFSIGNALED(status)) {
        message_error("QEMU was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return 128 + WTERMSIG(status);
    }
    return WEXITSTATUS(status) == 0 ? STATUS_OK : STATUS_ERROR;
}

int qemu_run(char *const *arguments, int file)
{
    struct terminal terminal;
    sigset_t signals, before;
    pid_t parent = getpid(), child;
    int status = 0, asked;

    terminal_save(&terminal);
    fill_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, &before);
    child = fork();
    if (child == 0)
        exec_qemu(arguments, file, parent, &before);
    if (child < 0) {
        message_error("cannot start another process: %s", strerror(errno));
        return STATUS_ERROR;
    }
    asked = wait_for_end(child, &signals, &status);
    terminal_restore(&terminal);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return judge_end(status, asked);
}
