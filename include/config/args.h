#ifndef CONFIG_ARGS_H
#define CONFIG_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

/* The command line of one program, as a table. The common options (-c, -s, -X, -F, --print-config,
 * -h, -V) are added by themselves. */

enum arg_kind {
    ARG_FLAG,    /* no value: sets *flag */
    ARG_TEXT,    /* sets *text, borrowed from argv */
    ARG_INT,     /* sets *integer, within min..max */
    ARG_SETTING, /* sets the key `setting` of the configuration; `help` may be NULL: the key's */

    /* Used by the common options alone. */
    ARG_ANY_SETTING, /* section.key=value */
    ARG_PROPERTY,    /* name=value for librdkafka */
};

/* Every value of an option that may be given more than once, in order, each borrowed from argv. */
struct arg_list {
    const char **items; /* free() it */
    int count;
};

struct arg {
    const char *name; /* long name without dashes */
    char letter;      /* short name, or 0 */
    enum arg_kind kind;
    const char *operand; /* "N", "FILE"; NULL for a flag */
    const char *help;    /* one line */
    const char *setting;
    int64_t min, max;
    bool *flag;
    const char **text;
    int64_t *integer;
    struct arg_list *list; /* of an ARG_SETTING: gets every value, or NULL */
};

struct arg_program {
    const char *name;     /* "producer" */
    const char *summary;  /* one line for --help */
    const char *features; /* what only some builds can do: "http"; NULL: nothing */
    const struct arg *args;
    int arg_count;
    struct arg_list *operands; /* gets what is no option; NULL: nothing may be given */
    const char *operand;       /* what that is, "JOURNAL"; NULL without `operands` */
};

enum args_result {
    ARGS_RUN,    /* go on with the settings in cfg */
    ARGS_DONE,   /* --help, --version or --print-config was answered on stdout: exit 0 */
    ARGS_FAILED, /* `e` tells why: exit err_exit_status(e) */
};

/* Forms: --name VALUE, --name=VALUE, -nVALUE, -n VALUE, -abc for flags; `--` ends the options and
 * only operands may follow it. The settings' order of precedence does not depend on the order of
 * the arguments; among arguments for the same key the last one wins. --help and --version are
 * answered at once, before any file is read.
 *
 * Fills `cfg` (which the caller releases in any case) from defaults, files, environment and argv,
 * in that order of precedence, and checks it. The file is -c FILE, else $CONFIG_FILE, else
 * ./config.yaml if there is one; the properties of -F FILE come after it. `library_version` is
 * librdkafka's, named by --version next to ours.
 */
enum args_result args_load(const struct arg_program *program, int argc, char **argv,
                           const char *library_version, struct config *cfg, struct err *e);

#endif
