#!/usr/bin/env python3
"""How fast are producer and tracker, beside others on the same machine and the same Kafka?

    bench.py [--rounds N] [--orders N] [--json FILE] [WHAT]...

WHAT: tracker, producer; all of them if none is named.
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
import machine  # noqa: E402
from broker import ROOT, Broker, run  # noqa: E402
from contenders import CONSUMERS, PRODUCERS, Missing, topic_of  # noqa: E402
from measure import Failed, count_lines, measure, size_of  # noqa: E402
from report import RUN_COLUMNS, tabulate  # noqa: E402

RUN_SECONDS = 600
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    """What the measurements share."""

    def __init__(self, options, folder):
        self.orders = options.orders
        self.rounds = options.rounds
        self.folder = folder
        self.broker = Broker(folder)
        self.not_installed = ""
        self.results = []
        self.sizes = {}
        self.journal_size = 0

    def value_bytes(self, topic):
        """Of all orders of a topic, each with a newline."""
        if topic not in self.sizes:
            words = ["kcat", "-C", "-b", self.broker.address, "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%S\n"]
            self.sizes[topic] = sum(int(size) + 1 for size in run(words, RUN_SECONDS).split())
        return self.sizes[topic]

    def values_file(self):
        """The orders, one a line."""
        path = os.path.join(self.folder, "values")
        if not os.path.exists(path):
            with open(path, "w") as f:
                subprocess.run(["kcat", "-C", "-b", self.broker.address, "-t", topic_of(1), "-o", "beginning", "-e", "-q"],
                               stdout=f, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=RUN_SECONDS, check=True)
        return path

    def journal_bytes(self):
        return self.journal_size

    def new_folder(self):
        """Empty, on a disk that has nothing left to write."""
        path = os.path.join(self.folder, "run")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        os.sync()
        return path


def result_of(bench, group, name):
    for result in bench.results:
        if (result["group"], result["name"]) == (group, name):
            return result
    result = {"group": group, "name": name, "orders": bench.orders, "rounds": []}
    bench.results.append(result)
    return result


def run_row(bench, row, result, is_first_round):
    folder = bench.new_folder()
    job = row.job(bench, folder, row)
    result["rounds"].append(measure(job, folder, RUN_SECONDS))
    if row is CONSUMERS[0]:
        bench.journal_size = size_of(job.output)
    if is_first_round and job.output and job.output.endswith(("events", "values")):
        path = job.output if os.path.exists(job.output) else os.path.join(folder, "tracker.events")
        lines = count_lines(path)
        if lines != bench.orders:
            result["rounds"].pop()
            raise Failed(f"{lines} lines for {bench.orders} orders")


def take_turns(bench, group, rows):
    for i in range(bench.rounds):
        for row in rows:
            result = result_of(bench, group, row.name)
            if "problem" in result:
                continue
            say(f"round {i + 1} of {bench.rounds}: {row.name}")
            try:
                run_row(bench, row, result, i == 0)
            except (Missing, Failed) as e:
                result["problem"] = str(e)
                result["is_missing"] = isinstance(e, Missing)
                say(f"{row.name}: {e}")


def bench_tracker(bench):
    for partitions in sorted({row.partitions for row in CONSUMERS}):
        say(f"filling a topic of {partitions} partitions with {bench.orders} orders")
        bench.broker.fill(topic_of(partitions), partitions, bench.orders)
    take_turns(bench, "tracker", CONSUMERS)


def bench_producer(bench):
    bench.broker.fill(topic_of(1), 1, bench.orders)
    bench.values_file()
    take_turns(bench, "producer", PRODUCERS)


def print_runs(bench, group, head, ours):
    results = [r for r in bench.results if r["group"] == group]
    if results:
        print("\n".join(["", *tabulate(RUN_COLUMNS, head, results, ours)]), flush=True)


BENCHES = {
    "tracker": (bench_tracker, lambda bench: print_runs(bench, "tracker", "reading", CONSUMERS[0].name)),
    "producer": (bench_producer, lambda bench: print_runs(bench, "producer", "sending", PRODUCERS[0].name)),
}


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


def main(argv):
    options = parse(argv)
    for number in ENDING_SIGNALS:
        signal.signal(number, interrupt)
    os.makedirs(os.path.join(ROOT, "build"), exist_ok=True)
    # Beside the objects and not in /tmp, which may be no disk at all.
    folder = tempfile.mkdtemp(prefix="bench.", dir=os.path.join(ROOT, "build"))
    bench = Bench(options, folder)
    facts = machine.facts(folder)
    try:
        say("starting Kafka")
        bench.broker.start()
        print(f"{machine.in_words(facts)}.\n{options.orders:,} orders, {options.rounds} round{'s' * (options.rounds != 1)}.", flush=True)
        for what in options.what:
            measure_it, print_it = BENCHES[what]
            measure_it(bench)
            print_it(bench)
    except Failed as e:
        say(str(e))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        for number in ENDING_SIGNALS:
            signal.signal(number, lambda *_: None)
        bench.broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
    with open(options.json, "w") as f:
        json.dump({"version": 1, "machine": facts, "orders": options.orders, "rounds": options.rounds,
                   "results": bench.results}, f, indent=1)
    say(f"all rounds are in {options.json}")
    return 1 if any("problem" in r and not r["is_missing"] for r in bench.results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
