#ifndef CONFIG_COMMAND_LINE_H
#define CONFIG_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/args.h"

/* What argv says: options are taken, settings are kept for later. */

enum { COMMAND_LINE_COMMON = 7 }; /* options that all programs have */

/* A setting or property from the command line, kept until file and environment have been read. */
struct override {
    bool is_property;
    char *name;
    const char *value; /* borrowed from argv */
    char *option;      /* as it was written: "--set", "-n" */
};

/* It points into itself: not to be copied. */
struct command_line {
    const struct arg_program *program;
    struct arg common[COMMAND_LINE_COMMON];

    const char *config_file;
    const char *properties_file;
    bool wants_print, wants_help, wants_version;
    struct override *overrides;
    size_t override_count;
};

void command_line_init(struct command_line *cl, const struct arg_program *program);
void command_line_release(struct command_line *cl);

/* Takes argv up to --help or --version. Returns 0, or -1 with ERR_USAGE, naming the nearest
 * option. */
int command_line_scan(struct command_line *cl, int argc, char **argv, struct err *e);

#endif
