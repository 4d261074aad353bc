#include "config/usage.h"

#include "config/key.h"
#include "config/print.h"

enum { HELP_COLUMN = 30 };

static void add_option(const struct arg *arg, struct strbuf *out)
{
    const char *help = arg->help ? arg->help : key_find(arg->setting)->help;
    size_t start = out->len;

    if (arg->letter)
        strbuf_addf(out, "  -%c, ", arg->letter);
    else
        strbuf_adds(out, "      ");
    strbuf_addf(out, "--%s", arg->name);
    if (arg->operand)
        strbuf_addf(out, " %s", arg->operand);
    if (out->len - start > HELP_COLUMN - 2) {
        strbuf_addc(out, '\n');
        start = out->len;
    }
    strbuf_addf(out, "%*s%s\n", (int)(HELP_COLUMN - (out->len - start)), "", help);
}

static void add_options(const char *title, const struct arg *args, int count, struct strbuf *out)
{
    if (count > 0)
        strbuf_addf(out, "\n%s:\n", title);
    for (int i = 0; i < count; i++)
        add_option(&args[i], out);
}

void usage_add(const struct arg_program *program, const struct arg *common, int common_count,
               struct strbuf *out)
{
    strbuf_addf(out, "Usage: %s [options]", program->name);
    if (program->operand)
        strbuf_addf(out, " [%s]...", program->operand);
    strbuf_addf(out, "\n\n%s\n", program->summary);
    add_options("Options", program->args, program->arg_count, out);
    add_options("Common options", common, common_count, out);
    strbuf_adds(
        out,
        "\nSettings, with their defaults. A flag beats the environment variable, which\n"
        "beats the properties file (-F), which beats the YAML file, which beats the default:\n");
    config_help(out);
    strbuf_adds(out, "\nExit status:\n"
                     "  0  good\n"
                     "  1  failed at run time\n"
                     "  2  wrong usage or configuration\n");
}
