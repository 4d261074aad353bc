#!/usr/bin/env python3
"""How fast are producer and tracker, beside others on the same machine and the same Kafka?

    bench.py [--rounds N] [--orders N] [--json FILE] [WHAT]...

WHAT: tracker, producer, latency, startup, recovery, memory, idle, monitor; all of them if none is named.
Starts a Kafka of its own and stops it at the end. Contenders take turns, round by round (A B C A B C). Prints
tables in Markdown and writes all rounds to FILE (build/bench.json).

Environment: RDKAFKA_PERFORMANCE=path of librdkafka's program; PEER_TRACKER=path of another tracker, which reads
KAFKA_BROKER, KAFKA_TOPIC and KAFKA_CONSUMER_GROUP and writes logs/tracker.events or tracker.events.

Exit status: 0 measured, 1 something of ours could not be measured, 2 wrong usage.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import goals  # noqa: E402
import machine  # noqa: E402
import probes  # noqa: E402
from broker import ROOT, Broker, run  # noqa: E402
from contenders import CONSUMERS, PRODUCERS, Missing, topic_of  # noqa: E402
from measure import Failed, count_lines, measure, size_of  # noqa: E402
from report import (  # noqa: E402
    IDLE_COLUMNS, LATENCY_COLUMNS, MEMORY_COLUMNS, RECOVERY_COLUMNS, RUN_COLUMNS, STARTUP_COLUMNS, tabulate,
)

RUN_SECONDS = 600
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MONITOR = os.path.join(HERE, "monitor.py")


class Bench:
    """What the measurements share: the broker, the folder, and the results."""

    def __init__(self, options, folder):
        self.orders = options.orders
        self.rounds = options.rounds
        self.folder = folder
        self.broker = Broker(folder)
        self.not_installed = ""
        self.results = []
        self.journal_bytes = 0  # of the first contender's journal
        self.first = None  # see first_record

    @staticmethod
    def say(text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def fill(self, topic, partitions, orders):
        if topic not in self.broker.filled:
            self.say(f"filling a topic of {partitions} partition{'s' * (partitions != 1)} with {orders:,} orders")
            self.broker.fill(topic, partitions, orders)

    def read_to(self, name, form):
        """A file of all orders, as kcat's `form` writes each."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            with open(path, "w") as f:
                subprocess.run(["kcat", "-C", "-b", self.broker.address, "-t", topic_of(1), "-o", "beginning", "-e", "-q",
                                "-f", form],
                               stdout=f, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=RUN_SECONDS, check=True)
        return path

    def values_file(self):
        """All orders, one a line."""
        return self.read_to("values", "%s\\n")

    def keyed_file(self):
        """The same, each behind its key and a tab, which JSON does not have."""
        return self.read_to("keyed", "%k\\t%s\\n")

    def first_record(self):
        """Key and headers, as name=value, of the first order."""
        if self.first is None:
            said = run(["kcat", "-C", "-b", self.broker.address, "-t", topic_of(1), "-o", "beginning", "-c", "1", "-q",
                        "-f", "%k\\t%h\\n"], RUN_SECONDS)
            key, headers = said.strip().split("\t")
            self.first = key, headers.split(",")
        return self.first

    def new_folder(self):
        """Empty, on a disk that has nothing left to write."""
        path = os.path.join(self.folder, "run")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        os.sync()
        return path

    def result(self, group, name):
        for result in self.results:
            if (result["group"], result["name"]) == (group, name):
                return result
        result = {"group": group, "name": name, "orders": self.orders, "rounds": []}
        self.results.append(result)
        return result

    def problem(self, group, name, e):
        """This one is left out from now on. What is missing here is no failure of ours."""
        result = self.result(group, name)
        result["problem"] = str(e)
        result["is_missing"] = isinstance(e, Missing)
        self.say(f"{name}: {e}")

    def take_turns(self, group, rows):
        """rows: (name, function that returns the figures of a round)."""
        for i in range(self.rounds):
            for name, run_it in rows:
                self.once(group, name, run_it, f"round {i + 1} of {self.rounds}: ")

    def once(self, group, name, run_it, which=""):
        result = self.result(group, name)
        if "problem" in result:
            return
        self.say(f"{which}{name}")
        try:
            result["rounds"].append(run_it())
        except (Missing, Failed) as e:
            self.problem(group, name, e)


def check_lines(bench, job, folder):
    """A figure of a contender that leaves something out would say nothing."""
    there = [p for p in (job.output, os.path.join(folder, "tracker.events")) if os.path.exists(p)]
    lines = count_lines(there[0]) if there else 0
    if lines != bench.orders:
        raise Failed(f"{lines} lines for {bench.orders} orders")


def run_row(bench, row):
    folder = bench.new_folder()
    job = row.job(bench, folder, row)
    figures = measure(job, folder, RUN_SECONDS)
    if job.is_lines and not bench.result("tracker", row.name)["rounds"]:
        check_lines(bench, job, folder)
    if row is CONSUMERS[0]:
        bench.journal_bytes = size_of(job.output)
    return figures


def race(bench, group, rows):
    """The first one runs once more beforehand: a broker that has just begun to serve such clients is slower."""
    bench.once("warm-up", rows[0].name, lambda: run_row(bench, rows[0]))
    bench.take_turns(group, [(row.name, lambda row=row: run_row(bench, row)) for row in rows])


def bench_tracker(bench):
    for partitions in sorted({row.partitions for row in CONSUMERS}):
        bench.fill(topic_of(partitions), partitions, bench.orders)
    bench.values_file()
    race(bench, "tracker", CONSUMERS)


def bench_producer(bench):
    bench.fill(topic_of(1), 1, bench.orders)
    bench.values_file()
    bench.keyed_file()
    race(bench, "producer", PRODUCERS)


def bench_monitor(bench):
    """The monitor has a bench of its own."""
    if not os.path.exists(MONITOR):
        bench.problem("monitor", "monitor", Missing(f"there is no {os.path.relpath(MONITOR, ROOT)}"))
        return
    status = subprocess.run([MONITOR], stdin=subprocess.DEVNULL, check=False).returncode
    if status != 0:
        bench.problem("monitor", "monitor", Failed(f"status {status}"))


# name: the measuring, its table (title, columns, the row the others are compared with), whether it needs a Kafka
BENCHES = {
    "tracker": (bench_tracker, ("reading", RUN_COLUMNS, CONSUMERS[0].name), True),
    "producer": (bench_producer, ("sending", RUN_COLUMNS, PRODUCERS[0].name), True),
    "latency": (probes.latency, ("producer's timestamp to durable line", LATENCY_COLUMNS, None), True),
    "startup": (probes.startup, ("start-up", STARTUP_COLUMNS, None), True),
    "recovery": (probes.recovery, ("restart after kill -9", RECOVERY_COLUMNS, None), True),
    "memory": (probes.memory, ("resident memory", MEMORY_COLUMNS, None), True),
    "idle": (probes.idle, ("idle", IDLE_COLUMNS, None), True),
    "monitor": (bench_monitor, None, False),
}


def print_table(bench, what):
    table = BENCHES[what][1]
    results = [r for r in bench.results if r["group"] == what]
    if table and results:
        head, columns, ours = table
        print("\n".join(["", *tabulate(columns, head, results, ours)]), flush=True)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"not above 0: {text}")
    return value


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--orders", type=positive, default=500000)
    parser.add_argument("--json", default=os.path.join(ROOT, "build", "bench.json"))
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(BENCHES))
    options = parser.parse_args(argv)
    for what in options.what:
        if what not in BENCHES:
            parser.error(f"no such bench: {what} (there are {', '.join(BENCHES)})")
    options.what = options.what or list(BENCHES)
    return options


def interrupt(number, frame):
    raise KeyboardInterrupt


def set_signals(handler):
    for number in ENDING_SIGNALS:
        signal.signal(number, handler)


def start_kafka(bench):
    """A signal meanwhile waits: a Kafka that is half started could not be stopped."""
    came = []
    set_signals(lambda number, frame: came.append(number))
    try:
        bench.say("starting Kafka")
        bench.broker.start()
    finally:
        set_signals(interrupt)
    if came:
        raise KeyboardInterrupt


def install(bench):
    """What is needed must be there; without a rival its row says why."""
    log = os.path.join(bench.folder, "packages.log")
    script = '. scripts/lib/packages.sh; need_packages "$0" "$1" "${@:2}" >&2 || { echo "$install_error" >&2; exit 1; }'
    may = "no" if os.environ.get("NO_INSTALL") else "yes"
    run(["bash", "-c", script, log, may, "build", "java", "bench"], 600, cwd=ROOT)
    try:
        run(["bash", "-c", script, log, may, "rivals"], 600, cwd=ROOT)
    except Failed as e:
        bench.not_installed = f": {str(e).splitlines()[-1]}"


def save(bench, facts, path):
    with open(path, "w") as f:
        json.dump({"version": 1, "machine": facts, "orders": bench.orders, "rounds": bench.rounds,
                   "results": bench.results}, f, indent=1)


def run_benches(bench, options):
    install(bench)
    facts = machine.facts(bench.folder)
    if any(BENCHES[what][2] for what in options.what):
        start_kafka(bench)
    print(f"{machine.in_words(facts)}.\n{bench.orders:,} orders, {bench.rounds} round{'s' * (bench.rounds != 1)}.",
          flush=True)
    for what in options.what:
        BENCHES[what][0](bench)
        print_table(bench, what)
        save(bench, facts, options.json)
    print("\n".join(["", *goals.table_of(bench.results)]), flush=True)
    bench.say(f"all rounds are in {options.json}")
    return 1 if any("problem" in r and not r["is_missing"] for r in bench.results) else 0


def main(argv):
    options = parse(argv)
    set_signals(interrupt)
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    # Beside the objects and not in /tmp, which may be no disk at all.
    folder = tempfile.mkdtemp(prefix="bench.", dir=os.path.join(ROOT, "build"))
    bench = Bench(options, folder)
    try:
        return run_benches(bench, options)
    except Failed as e:
        bench.say(str(e))
        return 1
    except KeyboardInterrupt:
        bench.say("interrupted")
        return 130
    finally:
        set_signals(lambda *_: None)
        bench.broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
