/* `bulkhead pack`: from a description to one bootable file. */
#include "pack.h"

#include "check.h"
#include "image.h"
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "Usage: bulkhead pack [OPTION]... SYSTEM.dts -o FILE\n"
    "Check a system description and write the image that boots it: one file with the\n"
    "header of a Linux arm64 Image, for any boot loader that knows those.\n"
    "\n"
    "  -o, --output FILE  the image\n"
    "  --elf FILE         the same as an ELF file, loaded at physical 0x40200000\n"
    "  --host-cpus N      processors of the host, 1 to 8 (default 4)\n"
    "  --build-dir DIR    where kernel/ and components/ are (default: beside this program)\n"
    "  --help             print this\n"
    "\n"
    "Exit status: 0 done, 1 errors, 2 wrong command line.\n";

struct pack_options {
    const char *source;
    const char *output;
    const char *elf;
    const char *build_dir;
    unsigned host_cpus;
};

static int pack(const struct pack_options *wanted)
{
    char *build_dir = build_dir_find(wanted->build_dir);
    struct image image = {0};
    struct system system;
    bool good = system_load(&system, wanted->source);

    good = system_check(&system, build_dir, wanted->host_cpus) && good;
    good = good && image_gather(&image, &system, build_dir);
    if (good && wanted->output != NULL)
        good = image_save(&image, wanted->output, false);
    if (good && wanted->elf != NULL)
        good = image_save(&image, wanted->elf, true);
    image_free(&image);
    system_free(&system);
    free(build_dir);
    return good ? STATUS_OK : STATUS_ERROR;
}

int command_pack(int count, char *arguments[])
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP},
                                            {"output", required_argument, NULL, 'o'},
                                            {"elf", required_argument, NULL, 'e'},
                                            {"host-cpus", required_argument, NULL, 'c'},
                                            {"build-dir", required_argument, NULL, 'b'},
                                            {0}};
    struct pack_options wanted = {.host_cpus = DEFAULT_HOST_CPUS};
    int option;

    while ((option = getopt_long(count, arguments, ":ho:", options, NULL)) != -1) {
        if (option == OPTION_HELP)
            return fputs(help, stdout) < 0 ? STATUS_ERROR : STATUS_OK;
        if (option == 'o')
            wanted.output = optarg;
        else if (option == 'e')
            wanted.elf = optarg;
        else if (option == 'b')
            wanted.build_dir = optarg;
        else if (option != 'c')
            return option_refuse("pack", option, arguments);
        else if (!option_number(optarg, 1, DESCRIPTION_MAX_CPUS, &wanted.host_cpus))
            return message_usage("pack", "--host-cpus is a number from 1 to 8, not %s", optarg);
    }
    if (count - optind != 1)
        return message_usage("pack", "give one system description");
    if (wanted.output == NULL && wanted.elf == NULL)
        return message_usage("pack", "say where the image goes: -o FILE");
    wanted.source = arguments[optind];
    return pack(&wanted);
}
