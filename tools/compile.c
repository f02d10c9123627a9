/* dtc runs twice, since no output of its own holds both the values and their places. Its messages get this tool's form. */
#include "compile.h"

#include "file.h"
#include "process.h"

#include <libfdt.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT_LIMIT = 64 << 20 }; /* bytes */

/* "Error: FILE:L.C-C text" or "FILE:L.C-L.C: ERROR (check): text", as dtc 1.6 and 1.7 print them. */
static const char located[] = "^(Error: )?(.*):([0-9]+)\\.[0-9]+(-[0-9.]+)?:? (ERROR \\([a-z_]+\\): )?(.*)$";

static bool print_located(char *line)
{
    regex_t pattern;
    regmatch_t match[7];
    bool matches;

    if (regcomp(&pattern, located, REG_EXTENDED) != 0)
        return false;
    matches = regexec(&pattern, line, 7, match, 0) == 0;
    regfree(&pattern);
    if (!matches)
        return false;
    line[match[2].rm_eo] = '\0';
    message_at((struct place){.file = line + match[2].rm_so, .line = (unsigned)strtoul(line + match[3].rm_so, NULL, 10)},
               SEVERITY_ERROR, "%s%s", line + match[6].rm_so,
               strcmp(line + match[6].rm_so, "syntax error") == 0
                   ? "; look here and on the line before for a missing ';', quote or brace"
                   : "");
    return true;
}

/* Lines without a place matter only if none has one: they say that there were errors. */
static void print_errors(const char *path, char *errors)
{
    bool printed = false;
    char *copy = text_format("%s", errors);

    for (char *line, *rest = copy; (line = strsep(&rest, "\n")) != NULL;)
        printed |= print_located(line);
    for (char *line, *rest = errors; !printed && (line = strsep(&rest, "\n")) != NULL;)
        if (line[0] != '\0')
            message_at((struct place){.file = path}, SEVERITY_ERROR, "dtc: %s", line);
    free(copy);
}

/* dtc searches included files beside the one that includes them. "-q" is for warnings, which are about hardware trees. */
static bool run_dtc(const char *path, bool annotated, struct capture *capture)
{
    char *source = path[0] == '-' ? text_format("./%s", path) : text_format("%s", path);
    char *plain[] = {(char[]){"dtc"}, (char[]){"-q"}, (char[]){"-Idts"}, (char[]){"-Odtb"}, source, NULL};
    char *places[] = {(char[]){"dtc"}, (char[]){"-q"}, (char[]){"-Idts"}, (char[]){"-Odts"},
                      (char[]){"-T"},  (char[]){"-T"}, source,            NULL};
    bool ran = process_capture(annotated ? places : plain, OUTPUT_LIMIT, capture);

    if (!ran)
        message_at((struct place){0}, SEVERITY_NOTE, "on Debian, dtc is in the package device-tree-compiler");
    free(source);
    return ran;
}

static bool source_is_readable(const char *path)
{
    struct file file;
    const char *problem = file_open(&file, path);

    if (problem == NULL && file.size >= 4 && fdt_magic(file.data) == FDT_MAGIC)
        problem = "is compiled already; give the .dts source, so that errors can name its lines";
    if (problem != NULL)
        message_at((struct place){.file = path}, SEVERITY_ERROR, "%s", problem);
    file_close(&file);
    return problem == NULL;
}

bool compile_description(const char *path, void **tree, struct source_map *map)
{
    struct capture capture;
    bool compiled;

    if (!source_is_readable(path) || !run_dtc(path, false, &capture))
        return false;
    compiled = capture.status == 0 && fdt_check_full(capture.output, capture.output_size) == 0;
    if (!compiled)
        print_errors(path, capture.errors);
    else
        *tree = memcpy(array_resize(NULL, capture.output_size, 1), capture.output, capture.output_size);
    capture_free(&capture);
    if (!compiled || !run_dtc(path, true, &capture))
        return false;
    source_map_read(map, capture.output);
    capture_free(&capture);
    return true;
}
