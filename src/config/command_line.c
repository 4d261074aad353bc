#include "config/command_line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "config/suggest.h"
#include "config/value.h"

/* One option of argv being read. */
struct option {
    const struct arg *arg;
    char name[3];      /* "-c" for a short one, else "" */
    const char *value; /* NULL for a flag */
};

void command_line_init(struct command_line *cl, const struct arg_program *program)
{
    const struct arg common[COMMAND_LINE_COMMON] = {
        {.name = "config",
         .letter = 'c',
         .kind = ARG_TEXT,
         .operand = "FILE",
         .help = "YAML file; else $CONFIG_FILE, else ./config.yaml if it exists",
         .text = &cl->config_file},
        {.name = "set",
         .letter = 's',
         .kind = ARG_ANY_SETTING,
         .operand = "section.key=value",
         .help = "set one key, see below (repeatable)"},
        {.name = "property",
         .letter = 'X',
         .kind = ARG_PROPERTY,
         .operand = "name=value",
         .help = "set one librdkafka property (repeatable)"},
        {.name = "properties",
         .letter = 'F',
         .kind = ARG_TEXT,
         .operand = "FILE",
         .help = "read librdkafka properties, a name=value in each line, as for kcat",
         .text = &cl->properties_file},
        {.name = "print-config",
         .kind = ARG_FLAG,
         .help = "print the effective settings and where each comes from, then exit",
         .flag = &cl->wants_print},
        {.name = "help",
         .letter = 'h',
         .kind = ARG_FLAG,
         .help = "print this, then exit",
         .flag = &cl->wants_help},
        {.name = "version",
         .letter = 'V',
         .kind = ARG_FLAG,
         .help = "print versions, then exit",
         .flag = &cl->wants_version},
    };

    *cl = (struct command_line){.program = program};
    memcpy(cl->common, common, sizeof(common));
}

void command_line_release(struct command_line *cl)
{
    for (size_t i = 0; i < cl->override_count; i++) {
        free(cl->overrides[i].name);
        free(cl->overrides[i].option);
    }
    free(cl->overrides);
}

/* The program's options, then the common ones; NULL behind them. */
static const struct arg *arg_at(const struct command_line *cl, int i)
{
    if (i < cl->program->arg_count)
        return &cl->program->args[i];
    i -= cl->program->arg_count;
    return i < COMMAND_LINE_COMMON ? &cl->common[i] : NULL;
}

static const struct arg *find_long(const struct command_line *cl, const char *name, size_t len)
{
    const struct arg *arg;

    for (int i = 0; (arg = arg_at(cl, i)) != NULL; i++) {
        if (strlen(arg->name) == len && memcmp(arg->name, name, len) == 0)
            return arg;
    }
    return NULL;
}

static const struct arg *find_letter(const struct command_line *cl, char letter)
{
    const struct arg *arg;

    for (int i = 0; (arg = arg_at(cl, i)) != NULL; i++) {
        if (arg->letter == letter)
            return arg;
    }
    return NULL;
}

/* ---- Refusals ---- */

/* The first `len` bytes of `word` are the unknown option with its dashes and without its value. */
static int refuse_long(const struct command_line *cl, const char *word, size_t len, struct err *e)
{
    char *text = mem_strndup(word, len);
    struct suggestion s = {.asked = text + strspn(text, "-")};
    const struct arg *arg;

    for (int i = 0; (arg = arg_at(cl, i)) != NULL; i++)
        suggest_consider(&s, arg->name, strlen(arg->name));
    suggest_refuse(&s, "unknown option", "--", e);
    err_wrap(e, "%s", value_name(text).text);
    free(text);
    return -1;
}

static int refuse_letter(char letter, struct err *e)
{
    const char text[] = {'-', letter, '\0'};

    return err_set(e, ERR_USAGE, "%s: unknown option (--help tells which there are)",
                   value_name(text).text);
}

/* ---- One option ---- */

static const char *written(const struct option *o, struct strbuf *out)
{
    if (*o->name)
        strbuf_adds(out, o->name);
    else
        strbuf_addf(out, "--%s", o->arg->name);
    return strbuf_text(out);
}

static void keep_override(struct command_line *cl, const struct option *o, bool is_property,
                          const char *name, size_t name_len, const char *value)
{
    struct strbuf option = {0};

    written(o, &option);
    cl->overrides =
        mem_realloc_array(cl->overrides, cl->override_count + 1, sizeof(cl->overrides[0]));
    cl->overrides[cl->override_count++] = (struct override){
        .is_property = is_property,
        .name = mem_strndup(name, name_len),
        .value = value,
        .option = strbuf_take(&option),
    };
}

/* The value of -X may be a secret, so a message never repeats it. */
static int keep_pair(struct command_line *cl, const struct option *o, struct err *e)
{
    const char *equals = strchr(o->value, '=');

    if (!equals || equals == o->value)
        return err_set(e, ERR_USAGE, "%s is expected, with a name before the =", o->arg->operand);
    if (!utf8_valid(o->value, strlen(o->value), NULL))
        return err_set(e, ERR_USAGE, "%s is not valid UTF-8", o->arg->operand);
    keep_override(cl, o, o->arg->kind == ARG_PROPERTY, o->value, (size_t)(equals - o->value),
                  equals + 1);
    return 0;
}

static void keep_in_list(struct arg_list *list, const char *value)
{
    list->items = mem_realloc_array(list->items, (size_t)list->count + 1, sizeof(list->items[0]));
    list->items[list->count++] = value;
}

static int take_option(struct command_line *cl, const struct option *o, struct err *e)
{
    const struct arg *arg = o->arg;

    switch (arg->kind) {
    case ARG_FLAG:
        *arg->flag = true;
        return 0;
    case ARG_TEXT:
        if (*o->value == '\0')
            return err_set(e, ERR_USAGE, "%s must not be empty", arg->operand);
        *arg->text = o->value;
        return 0;
    case ARG_INT:
        return value_read_int(o->value, arg->min, arg->max, arg->integer, e);
    case ARG_SETTING:
        keep_override(cl, o, false, arg->setting, strlen(arg->setting), o->value);
        if (arg->list)
            keep_in_list(arg->list, o->value);
        return 0;
    case ARG_ANY_SETTING:
    case ARG_PROPERTY:
        return keep_pair(cl, o, e);
    }
    assert(!"unknown kind of option");
    return -1;
}

static int take_or_name(struct command_line *cl, const struct option *o, struct err *e)
{
    struct strbuf text = {0};

    if (take_option(cl, o, e) == 0)
        return 0;
    err_wrap(e, "%s", written(o, &text));
    strbuf_release(&text);
    return -1;
}

static int refuse_value(const struct option *o, bool is_missing, struct err *e)
{
    struct strbuf text = {0};

    if (is_missing)
        err_set(e, ERR_USAGE, "%s: needs a value (%s)", written(o, &text), o->arg->operand);
    else
        err_set(e, ERR_USAGE, "%s: takes no value", written(o, &text));
    strbuf_release(&text);
    return -1;
}

/* ---- Scanning argv ---- */

/* Reads "--name", "--name=value"; the value may be the next argument. `*i` is moved on to the last
 * one used. */
static int scan_long(struct command_line *cl, int argc, char **argv, int *i, struct err *e)
{
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    struct option o = {.arg = find_long(cl, name, len)};

    if (!o.arg)
        return refuse_long(cl, argv[*i], len + 2, e);
    if (name[len] == '=')
        o.value = name + len + 1;
    if (o.arg->kind == ARG_FLAG)
        return o.value ? refuse_value(&o, false, e) : take_or_name(cl, &o, e);
    if (!o.value && *i + 1 >= argc)
        return refuse_value(&o, true, e);
    if (!o.value)
        o.value = argv[++*i];
    return take_or_name(cl, &o, e);
}

/* Reads "-a", "-abc" (flags), "-nVALUE", "-n VALUE". A long name behind one dash is a slip, not a
 * bundle. */
static int scan_short(struct command_line *cl, int argc, char **argv, int *i, struct err *e)
{
    size_t len = strcspn(argv[*i], "=");

    if (find_long(cl, argv[*i] + 1, len - 1))
        return refuse_long(cl, argv[*i], len, e);
    for (const char *s = argv[*i] + 1; *s; s++) {
        struct option o = {.arg = find_letter(cl, *s), .name = {'-', *s, '\0'}};

        if (!o.arg)
            return refuse_letter(*s, e);
        if (o.arg->kind == ARG_FLAG) {
            if (take_or_name(cl, &o, e) < 0)
                return -1;
            continue;
        }
        if (!s[1] && *i + 1 >= argc)
            return refuse_value(&o, true, e);
        o.value = s[1] ? s + 1 : argv[++*i];
        return take_or_name(cl, &o, e);
    }
    return 0;
}

static int take_operand(const struct command_line *cl, const char *text, struct err *e)
{
    if (cl->program->operands) {
        keep_in_list(cl->program->operands, text);
        return 0;
    }
    return err_set(e, ERR_USAGE, "%s: unexpected argument (all are options, see --help)",
                   value_quote(text).text);
}

int command_line_scan(struct command_line *cl, int argc, char **argv, struct err *e)
{
    bool has_ended = false; /* by -- */

    for (int i = 1; i < argc && !cl->wants_help && !cl->wants_version; i++) {
        const char *text = argv[i];
        int rc = 0;

        if (has_ended || text[0] != '-' || text[1] == '\0')
            rc = take_operand(cl, text, e);
        else if (strcmp(text, "--") == 0)
            has_ended = true;
        else
            rc = (text[1] == '-' ? scan_long : scan_short)(cl, argc, argv, &i, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}
