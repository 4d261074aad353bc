#include "config/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "config/command_line.h"
#include "config/load.h"
#include "config/print.h"
#include "config/properties.h"
#include "config/secret.h"
#include "config/usage.h"

#define DEFAULT_FILE "config.yaml"

/* ---- Settings ---- */

/* The file to read, NULL for none. */
static const char *config_file(const struct command_line *cl)
{
    const char *variable = getenv("CONFIG_FILE");
    struct stat st;

    if (cl->config_file)
        return cl->config_file;
    if (variable && *variable)
        return variable;
    /* A file that exists but cannot be read is an error, not an absence. */
    if (lstat(DEFAULT_FILE, &st) < 0 && errno == ENOENT)
        return NULL;
    return DEFAULT_FILE;
}

static int apply(const struct override *o, struct config *cfg, struct err *e)
{
    struct strbuf origin = {0};
    int rc = 0;

    strbuf_addf(&origin, "flag %s", o->option);
    if (o->is_property)
        config_set_property(cfg, o->name, o->value, strbuf_text(&origin));
    else
        rc = config_set(cfg, o->name, o->value, strbuf_text(&origin), e);
    strbuf_release(&origin);
    return rc < 0 ? err_wrap(e, "%s", o->option) : 0;
}

/* Keeps the name of a file that is read by others and has a secret in it. */
static void note_readers(struct config *cfg, const char *file)
{
    size_t len = strlen(file);

    if (cfg->exposed_file || !secret_file_is_shared(file))
        return;
    for (size_t i = 0; i < cfg->kafka.property_count; i++) {
        const struct config_property *p = &cfg->kafka.properties[i];

        if (strncmp(p->origin, file, len) == 0 && p->origin[len] == ':' && secret_is_in(p)) {
            cfg->exposed_file = mem_strdup(file);
            return;
        }
    }
}

static int load_files(const struct command_line *cl, struct config *cfg, struct err *e)
{
    const char *file = config_file(cl);

    if (file) {
        if (load_file(cfg, file, e) < 0)
            return -1;
        note_readers(cfg, file);
    }
    if (cl->properties_file) {
        if (properties_load(cfg, cl->properties_file, e) < 0)
            return -1;
        note_readers(cfg, cl->properties_file);
    }
    return 0;
}

static int load_all(const struct command_line *cl, struct config *cfg, struct err *e)
{
    if (load_files(cl, cfg, e) < 0 || load_environment(cfg, e) < 0)
        return -1;
    for (size_t i = 0; i < cl->override_count; i++) {
        if (apply(&cl->overrides[i], cfg, e) < 0)
            return -1;
    }
    return config_check(cfg, e);
}

/* ---- Answers on stdout ---- */

static void add_version(const struct command_line *cl, const char *library_version,
                        struct strbuf *out)
{
    strbuf_addf(out, "%s %s", cl->program->name, SUITE_VERSION);
    if (library_version) {
        strbuf_addf(out, " (librdkafka %s", library_version);
        if (cl->program->features)
            strbuf_addf(out, "; features: %s", cl->program->features);
        strbuf_addc(out, ')');
    }
    strbuf_addc(out, '\n');
}

static int print_out(const struct strbuf *text, struct err *e)
{
    if (fwrite(strbuf_text(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return 0;
    return err_set(e, ERR_RUNTIME, "standard output: %s", strerror(errno));
}

/* Fills `answer` when the command line asks for one. Returns 0, or -1 with `e`. */
static int prepare(const struct command_line *cl, const char *library_version, struct config *cfg,
                   struct strbuf *answer, struct err *e)
{
    if (cl->wants_help) {
        usage_add(cl->program, cl->common, COMMAND_LINE_COMMON, answer);
        return 0;
    }
    if (cl->wants_version) {
        add_version(cl, library_version, answer);
        return 0;
    }
    if (load_all(cl, cfg, e) < 0)
        return -1;
    if (cl->wants_print)
        config_print(cfg, answer);
    return 0;
}

enum args_result args_load(const struct arg_program *program, int argc, char **argv,
                           const char *library_version, struct config *cfg, struct err *e)
{
    enum args_result result = ARGS_FAILED;
    struct command_line cl;
    struct strbuf answer = {0};

    config_init(cfg);
    command_line_init(&cl, program);
    if (command_line_scan(&cl, argc, argv, e) < 0 ||
        prepare(&cl, library_version, cfg, &answer, e) < 0)
        goto out;
    if (!answer.len)
        result = ARGS_RUN;
    else if (print_out(&answer, e) == 0)
        result = ARGS_DONE;
out:
    strbuf_release(&answer);
    command_line_release(&cl);
    return result;
}
