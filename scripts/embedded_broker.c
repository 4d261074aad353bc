/* A broker for a first look where neither Docker nor Java is at hand: librdkafka's mock cluster
 * behind a fixed port. It keeps everything in memory, at most 5 MiB a partition, and forgets it
 * when it ends; it is no place for data that matters.
 *
 *     embedded-broker PORT TOPIC[:PARTITIONS]...
 *
 * Listens on 127.0.0.1:PORT, says so in one line, and ends on SIGTERM or SIGINT. The mock takes no
 * request to create topics, so they are named here.
 * Exit status: 0 stopped, 1 could not start, 2 wrong usage. */

/* With _GNU_SOURCE glibc declares bind() with a union of its own that no definition can match. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { EXIT_USAGE = 2, MAX_PARTITIONS = 100, MAX_TOPIC_NAME = 249 };

static in_port_t fixed_port;

/* The mock binds its broker to port 0 and has no setting for another. librdkafka calls bind()
 * through the dynamic linker, which finds this one first. */
int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct sockaddr_in in;
    const int on = 1;

    if (fixed_port != 0 && addr->sa_family == AF_INET && len == sizeof(in)) {
        memcpy(&in, addr, sizeof(in));
        in.sin_port = htons(fixed_port);
        /* A restart must not wait until the old connections are forgotten. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        addr = (const struct sockaddr *)&in;
    }
    return (int)syscall(SYS_bind, fd, addr, len);
}

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "embedded-broker: %s '%s'; usage: embedded-broker PORT TOPIC[:PARTITIONS]...\n",
            what, value);
    return EXIT_USAGE;
}

/* The whole text as a number from 1 to max, or 0. */
static int parse_number(const char *text, long max)
{
    char *end;

    errno = 0;
    long n = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && n >= 1 && n <= max ? (int)n : 0;
}

/* Says why, when the port cannot be had: the mock would abort instead. */
static int check_port(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = 0;

    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 1) < 0) {
        fprintf(stderr, "embedded-broker: cannot listen on 127.0.0.1:%u: %s\n",
                (unsigned)fixed_port, strerror(errno));
        rc = -1;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The mock cluster lives in a client, which here talks to nobody. */
static rd_kafka_t *new_client(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    /* Warnings and worse: it would remark that it has no broker to talk to. */
    rd_kafka_conf_set(conf, "log_level", "4", why, sizeof(why));
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        fprintf(stderr, "embedded-broker: %s\n", why);
    }
    return rk;
}

/* Returns 0, or -1 when the text is no topic or the mock refuses it. */
static int create_topic(rd_kafka_mock_cluster_t *cluster, const char *spec)
{
    char name[MAX_TOPIC_NAME + 1];
    const char *colon = strchr(spec, ':');
    size_t len = colon ? (size_t)(colon - spec) : strlen(spec);
    int partitions = colon ? parse_number(colon + 1, MAX_PARTITIONS) : 1;

    if (len == 0 || len > MAX_TOPIC_NAME || partitions == 0)
        return -1;
    memcpy(name, spec, len);
    name[len] = '\0';
    return rd_kafka_mock_topic_create(cluster, name, partitions, 1) ? -1 : 0;
}

static int serve(rd_kafka_t *rk, char **topics, const sigset_t *signals)
{
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
    int sig;
    int rc = EXIT_FAILURE;

    if (!cluster) {
        fputs("embedded-broker: the mock cluster did not start\n", stderr);
        return rc;
    }
    for (; *topics; topics++) {
        if (create_topic(cluster, *topics) < 0) {
            rc = usage("cannot create topic", *topics);
            goto out;
        }
    }
    printf("embedded-broker: listening on 127.0.0.1:%u, in memory only, for a first look\n",
           (unsigned)fixed_port);
    fflush(stdout);
    sigwait(signals, &sig);
    rc = EXIT_SUCCESS;
out:
    rd_kafka_mock_cluster_destroy(cluster);
    return rc;
}

int main(int argc, char **argv)
{
    sigset_t signals;

    if (argc < 3)
        return usage("missing", argc < 2 ? "PORT" : "TOPIC");
    int port = parse_number(argv[1], 65535);
    if (port == 0)
        return usage("not a port:", argv[1]);

    /* Before librdkafka starts its threads, so that they inherit it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    fixed_port = (in_port_t)port;
    rd_kafka_t *rk = check_port() < 0 ? NULL : new_client();
    if (!rk)
        return EXIT_FAILURE;
    int rc = serve(rk, argv + 2, &signals);
    rd_kafka_destroy(rk);
    return rc;
}
