/* The command `bulkhead`: a table of subcommands. */
#include "check.h"
#include "message.h"
#include "pack.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: bulkhead COMMAND [OPTION]...\n"
    "The host side of the Bulkhead hypervisor.\n"
    "\n"
    "  check  say what is wrong with a system description\n"
    "  pack   write the image that boots a system\n"
    "  run    boot a system, or a kernel of your own, in QEMU\n"
    "\n"
    "'bulkhead COMMAND --help' explains a command.\n";

static const struct {
    const char *name;
    int (*run)(int count, char *arguments[]);
} commands[] = {{"check", command_check}, {"pack", command_pack}, {"run", command_run}};

int main(int count, char *arguments[])
{
    if (count < 2)
        return message_usage("", "give a command: check, pack or run");
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0 || strcmp(arguments[1], "help") == 0)
        return fputs(help, stdout) < 0 ? STATUS_ERROR : STATUS_OK;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(arguments[1], commands[i].name) == 0)
            return commands[i].run(count - 1, arguments + 1);
    return message_usage("", "there is no command %s; the commands are check, pack and run", arguments[1]);
}
