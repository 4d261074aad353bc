"""Who runs against whom: each contender is a row of a table, with a function that says what to run.

A function takes (bench, folder, row) and returns a Job, or raises Missing when this contender cannot be had here.
"""

import glob
import os
import shutil
import uuid

from broker import clean_environment, program, run
from measure import Failed, Job, size_of

PERFORMANCE_SOURCE = "/usr/share/doc/librdkafka-dev/examples/rdkafka_performance.c"


class Missing(Exception):
    """This contender cannot be had here; the text says why."""


class Row:
    def __init__(self, name, job, partitions=1, settings=()):
        self.name = name
        self.job = job
        self.partitions = partitions
        self.settings = settings


def topic_of(partitions):
    return f"bench-{partitions}"


def new_group():
    return f"bench-{uuid.uuid4().hex[:12]}"


def tool(name, package):
    path = shutil.which(name)
    if path is None:
        raise Missing(f"no {name} here ({package})")
    return path


# ---- reading


def tracker_words(bench, topic, *settings):
    return program("tracker", f"kafka.broker={bench.broker.address}", f"kafka.topic={topic}", f"dlq.topic={topic}-dlq",
                   f"kafka.consumer_group={new_group()}", *settings)


def tracker(bench, folder, row):
    words = tracker_words(bench, topic_of(row.partitions), *row.settings) + ["--drain"]
    return Job(words, os.path.join(folder, "tracker.events"), clean_environment())


def kcat_reads(bench, folder, row):
    words = [tool("kcat", "package kcat"), "-C", "-b", bench.broker.address, "-t", topic_of(row.partitions), "-q",
             "-o", "beginning", "-e"]
    return Job(["sh", "-c", '"$@" >values && sync values', "sh", *words], os.path.join(folder, "values"))


RSYSLOG = """module(load="imkafka")
template(name="value" type="string" string="%msg%\\n")
ruleset(name="orders") {{ action(type="omfile" file="{output}" template="value") }}
input(type="imkafka" topic="{topic}" broker="{broker}" consumergroup="{group}" ruleset="orders"
      confParam=["auto.offset.reset=earliest"])
"""


def rsyslog(bench, folder, row):
    rsyslogd = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
    if not os.path.exists(rsyslogd) or not glob.glob("/usr/lib/*/rsyslog/imkafka.so"):
        raise Missing(f"no rsyslog with imkafka here (package rsyslog-kafka){bench.not_installed}")
    topic = topic_of(row.partitions)
    output = os.path.join(folder, "values")
    with open(os.path.join(folder, "rsyslog.conf"), "w") as f:
        f.write(RSYSLOG.format(output=output, topic=topic, broker=bench.broker.address, group=new_group()))
    words = [rsyslogd, "-n", "-f", os.path.join(folder, "rsyslog.conf"), "-i", os.path.join(folder, "pid")]
    expected = size_of(bench.values_file())
    return Job(words, output, is_done=lambda: size_of(output) >= expected)


def dd(bench, folder, row):
    size = bench.journal_bytes
    if not size:
        raise Missing("no journal to compare with: the tracker's row has failed")
    output = os.path.join(folder, "zeros")
    words = ["dd", "if=/dev/zero", f"of={output}", "bs=1M", f"count={size}", "iflag=count_bytes", "conv=fdatasync"]
    return Job(words, output, is_lines=False)


class Lines:
    """Counts the lines of a growing file, reading only what came since the last look."""

    def __init__(self, paths):
        self.paths = paths
        self.file = None
        self.count = 0

    def __call__(self):
        if self.file is None:
            there = [p for p in self.paths if os.path.exists(p)]
            if not there:
                return 0
            self.file = open(there[0], "rb")
        while chunk := self.file.read(1 << 20):
            self.count += chunk.count(b"\n")
        return self.count


def peer(bench, folder, row):
    path = os.environ.get("PEER_TRACKER")
    if not path:
        raise Missing("PEER_TRACKER is not set")
    os.mkdir(os.path.join(folder, "logs"))
    outputs = [os.path.join(folder, "logs", "tracker.events"), os.path.join(folder, "tracker.events")]
    lines = Lines(outputs)
    environment = clean_environment(KAFKA_BROKER=bench.broker.address, KAFKA_TOPIC=topic_of(row.partitions),
                                    KAFKA_CONSUMER_GROUP=new_group())
    return Job([os.path.abspath(path)], outputs[0], environment, is_done=lambda: lines() >= bench.orders,
               written=lambda: sum(size_of(p) for p in outputs))


def performance_program(bench):
    """rdkafka_performance: $RDKAFKA_PERFORMANCE, or one in $PATH, or built from the example that Debian's
    librdkafka-dev brings. That includes private headers of librdkafka, for three functions only."""
    path = os.environ.get("RDKAFKA_PERFORMANCE") or shutil.which("rdkafka_performance")
    if path:
        return os.path.abspath(path)
    if not os.path.exists(PERFORMANCE_SOURCE):
        raise Missing(f"RDKAFKA_PERFORMANCE is not set and there is no {PERFORMANCE_SOURCE}")
    path = os.path.join(bench.folder, "rdkafka_performance")
    if not os.path.exists(path):
        headers = os.path.join(bench.folder, "headers", "src")
        os.makedirs(headers)
        for name, text in PERFORMANCE_HEADERS.items():
            with open(os.path.join(headers, name), "w") as f:
                f.write(text)
        try:
            run([os.environ.get("CC", "cc"), "-O2", "-w", "-D_GNU_SOURCE", f"-I{headers}", "-o", path, PERFORMANCE_SOURCE,
                 "-lrdkafka"], 60)
        except Failed as e:
            raise Missing(f"{PERFORMANCE_SOURCE} does not compile: {e}") from None
    return path


PERFORMANCE_HEADERS = {
    "rdkafka.h": "#include <librdkafka/rdkafka.h>\n",
    "rdtime.h": "",
    "rd.h": """#pragma once
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
typedef int64_t rd_ts_t;
#define RD_MIN(a, b) ((a) < (b) ? (a) : (b))
#define RD_MAX(a, b) ((a) > (b) ? (a) : (b))
#define rd_snprintf snprintf
static inline rd_ts_t rd_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (rd_ts_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
""",
}


def performance_reads(bench, folder, row):
    return Job([performance_program(bench), "-C", "-b", bench.broker.address, "-t", topic_of(row.partitions), "-p", "0",
                "-o", "beginning", "-c", str(bench.orders), "-q"], written=lambda: 0)


CONSUMERS = [
    Row("tracker", tracker),
    Row("tracker, fsync: never", tracker, settings=["tracker.fsync=never"]),
    Row("tracker, events_payload: raw", tracker, settings=["tracker.events_payload=raw"]),
    Row("tracker, events_payload: failures", tracker, settings=["tracker.events_payload=failures"]),
    Row("tracker, 4 partitions", tracker, 4),
    Row("tracker, fsync: never, 4 partitions", tracker, 4, ["tracker.fsync=never"]),
    Row("tracker, events_payload: raw, 4 partitions", tracker, 4, ["tracker.events_payload=raw"]),
    Row("tracker, events_payload: failures, 4 partitions", tracker, 4, ["tracker.events_payload=failures"]),
    Row("tracker, 12 partitions", tracker, 12),
    Row("kcat -C > file; sync", kcat_reads),
    Row("rsyslog imkafka to omfile", rsyslog),
    Row("rdkafka_performance -C", performance_reads),
    Row("dd conv=fdatasync, the journal's bytes", dd),
    Row("PEER_TRACKER", peer),
]


# ---- sending: as many records, each with a key and headers of the same length, sent with the same settings

# The producer's own for orders that it makes without a pause, in one partition.
SENDING = {
    "enable.idempotence": "true",
    "acks": "all",
    "linger.ms": "50",
    "compression.level": "1",
    "queue.buffering.max.kbytes": "4096",
    "queue.buffering.max.messages": "100000",
    "socket.nagle.disable": "true",
}


def sending_words(row):
    properties = SENDING | {"compression.type": row.settings[0]}
    return [word for name, value in properties.items() for word in ("-X", f"{name}={value}")]


def header_words(bench):
    """The first order's headers, for all records alike: neither tool can make them anew for each."""
    return [word for header in bench.first_record()[1] for word in ("-H", header)]


def new_topic(bench):
    topic = f"bench-sent-{uuid.uuid4().hex[:8]}"
    bench.broker.create(topic, 1)
    return topic


def producer(bench, folder, row):
    topic = new_topic(bench)
    words = program("producer", f"kafka.broker={bench.broker.address}", f"kafka.topic={topic}",
                    "producer.interval_ms=0", "producer.flush_timeout_ms=60000")
    words += ["-X", f"compression.type={row.settings[0]}"]
    return Job(words + ["-n", str(bench.orders), "--seed", "1"], env=clean_environment(),
               written=lambda: bench.broker.stored_bytes(topic))


def kcat_sends(bench, folder, row):
    topic = new_topic(bench)
    words = [tool("kcat", "package kcat"), "-P", "-b", bench.broker.address, "-t", topic, "-p", "0", *sending_words(row),
             *header_words(bench), "-K", "\t", "-l", bench.keyed_file()]
    return Job(words, written=lambda: bench.broker.stored_bytes(topic))


def performance_sends(bench, folder, row):
    """It sends one record again and again: compressed, that is next to nothing."""
    topic = new_topic(bench)
    size = size_of(bench.values_file()) // bench.orders - 1
    words = [performance_program(bench), "-P", "-b", bench.broker.address, "-t", topic, "-p", "0", "-s", str(size),
             "-c", str(bench.orders), "-q", *sending_words(row), *header_words(bench), "-k", bench.first_record()[0]]
    return Job(words, written=lambda: bench.broker.stored_bytes(topic))


PRODUCERS = [
    Row("producer", producer, settings=["zstd"]),
    Row("kcat -P, the same from a file", kcat_sends, settings=["zstd"]),
    Row("rdkafka_performance -P, one record", performance_sends, settings=["zstd"]),
    Row("producer, uncompressed", producer, settings=["none"]),
    Row("kcat -P, the same from a file, uncompressed", kcat_sends, settings=["none"]),
    Row("rdkafka_performance -P, one record, uncompressed", performance_sends, settings=["none"]),
]
