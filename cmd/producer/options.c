#include "options.h"

#include <stdio.h>
#include <string.h>

#include "config/key.h"
#include "io/kafka_version.h"

/* True when the command line set this key by the option of its own. */
static bool is_set_by(const struct config *cfg, const char *key, const char *option)
{
    char origin[64];

    snprintf(origin, sizeof(origin), "flag %s", option);
    return strcmp(cfg->origins[key_index(key_find(key))], origin) == 0;
}

/* What the producer is there for this time. */
enum { GENERATE = 1, INPUT = 2, INIT = 4, REDRIVE = 8 };

struct use {
    const char *option;
    bool is_given;
    unsigned in;      /* where it has an effect */
    const char *only; /* the same in words, NULL where the refusal names the other option */
};

static int check_use(const struct use *uses, size_t count, unsigned mode, const char *name,
                     struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct use *u = &uses[i];

        if (!u->is_given || u->in & mode)
            continue;
        if (u->only)
            return err_set(e, ERR_USAGE, "%s goes with %s only", u->option, u->only);
        return err_set(e, ERR_USAGE, "%s does not go with %s", u->option, name);
    }
    return 0;
}

/* Options that would have no effect beside others are refused. */
static int check_options(const struct options *o, const struct config *cfg, struct err *e)
{
    bool has_interval = is_set_by(cfg, "producer.interval_ms", "--interval-ms");
    bool has_rate = is_set_by(cfg, "producer.invalid_rate", "--invalid-rate");
    const struct use uses[] = {
        {"--count", o->count >= 0, GENERATE | INPUT, NULL},
        {"--interval-ms", has_interval, GENERATE | INPUT, NULL},
        {"--input", o->input != NULL, INPUT, NULL},
        {"--seed", o->seed >= 0, GENERATE, NULL},
        {"--invalid-rate", has_rate, GENERATE, NULL},
        {"--init", o->init, INIT, NULL},
        {"--timeout-ms", o->timeout_ms >= 0, INIT | REDRIVE, "--init or --redrive"},
        {"--dry-run", o->back.is_dry, REDRIVE, "--redrive"},
        {"--reason", o->back.reason != NULL, REDRIVE, "--redrive"},
        {"--max", o->back.max >= 0, REDRIVE, "--redrive"},
        {"--rate", o->back.rate >= 0, REDRIVE, "--redrive"},
        {"--max-replays", o->back.max_replays >= 0, REDRIVE, "--redrive"},
    };
    unsigned mode = GENERATE;
    const char *name = "";

    if (o->redrive) {
        mode = REDRIVE;
        name = "--redrive";
    } else if (o->init) {
        mode = INIT;
        name = "--init";
    } else if (o->input) {
        mode = INPUT;
        name = "--input";
    }
    if (check_use(uses, sizeof(uses) / sizeof(uses[0]), mode, name, e) < 0)
        return -1;
    return redrive_check(&o->back, e);
}

#define OWN_ARGS     8
#define REDRIVE_ARGS 6

static void fill_redrive_args(struct options *o, struct arg *args)
{
    const struct arg rows[REDRIVE_ARGS] = {
        {.name = "redrive",
         .kind = ARG_FLAG,
         .help = "move dead letters back to their original topics, then exit",
         .flag = &o->redrive},
        {.name = "dry-run",
         .kind = ARG_FLAG,
         .help = "with --redrive: only count, change nothing",
         .flag = &o->back.is_dry},
        {.name = "reason",
         .kind = ARG_TEXT,
         .operand = "CODE",
         .help = "with --redrive: only those with this dlq.reason",
         .text = &o->back.reason},
        {.name = "max",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: send at most so many",
         .min = 1,
         .max = INT64_MAX,
         .integer = &o->back.max},
        {.name = "rate",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: send at most so many per second",
         .min = 1,
         .max = 1000000,
         .integer = &o->back.rate},
        {.name = "max-replays",
         .kind = ARG_INT,
         .operand = "N",
         .help = "with --redrive: what was moved back so often stays (default 3)",
         .min = 1,
         .max = 1000000,
         .integer = &o->back.max_replays},
    };

    memcpy(args, rows, sizeof(rows));
}

/* What was not given. */
static void settle(struct options *o, const struct config *cfg)
{
    if (o->count < 0)
        o->count = 0;
    if (o->timeout_ms < 0)
        o->timeout_ms = cfg->kafka.connect_timeout_ms;
    o->back.timeout_ms = o->timeout_ms;
    o->back.is_quiet = o->quiet;
}

enum args_result options_read(int argc, char **argv, struct options *o, struct config *cfg,
                              struct err *e)
{
    struct arg args[OWN_ARGS + REDRIVE_ARGS] = {
        {.name = "count",
         .letter = 'n',
         .kind = ARG_INT,
         .operand = "N",
         .help = "how many orders; 0 = until stopped (default)",
         .min = 0,
         .max = INT64_MAX,
         .integer = &o->count},
        {.name = "interval-ms",
         .kind = ARG_SETTING,
         .operand = "N",
         .setting = "producer.interval_ms"},
        {.name = "input",
         .kind = ARG_TEXT,
         .operand = "FILE|-",
         .help = "send each line of a JSON Lines file as one order, bytes unchanged",
         .text = &o->input},
        {.name = "seed",
         .kind = ARG_INT,
         .operand = "N",
         .help = "the same orders every time",
         .min = 0,
         .max = INT64_MAX,
         .integer = &o->seed},
        {.name = "invalid-rate",
         .kind = ARG_SETTING,
         .operand = "R",
         .setting = "producer.invalid_rate"},
        {.name = "init",
         .kind = ARG_FLAG,
         .help = "wait for the broker, create missing topics, say what was done, exit",
         .flag = &o->init},
        {.name = "timeout-ms",
         .kind = ARG_INT,
         .operand = "N",
         .help =
             "how long --init and --redrive wait for the broker (default kafka.connect_timeout_ms)",
         .min = 0,
         .max = 86400000,
         .integer = &o->timeout_ms},
        {.name = "quiet",
         .letter = 'q',
         .kind = ARG_FLAG,
         .help = "no progress and no summary",
         .flag = &o->quiet},
    };
    const struct arg_program program = {
        .name = "producer",
        .summary = "emits orders to a Kafka topic, or moves dead letters back to theirs",
        .args = args,
        .arg_count = sizeof(args) / sizeof(args[0]),
    };
    enum args_result result;

    *o = (struct options){.count = -1,
                          .seed = -1,
                          .timeout_ms = -1,
                          .back = {.max = -1, .rate = -1, .max_replays = -1}};
    fill_redrive_args(o, args + OWN_ARGS);
    result = args_load(&program, argc, argv, kafka_library_version(), cfg, e);
    if (result != ARGS_RUN)
        return result;
    if (check_options(o, cfg, e) < 0)
        return ARGS_FAILED;
    settle(o, cfg);
    return ARGS_RUN;
}
