"""One tracker, one topic and the oracle, for tests with several brokers (see cluster.py).

    class AScene(Scene):
        def test_something(self):
            self.create([[1], [2], [3]])
            self.send(100)
            self.start_tracker()
            self.kafka.nodes[2].kill()
            ...
            self.judge()

judge() waits until all records are journaled, stops the tracker, and asks tests/soak/oracle.py. A test that fails says
where its files are; else they are removed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from cluster import ROOT, Cluster, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests", "soak"))
import oracle  # noqa: E402

TOPIC, LETTERS, GROUP = "orders", "orders-dlq", "order-tracker-group"
OURS = ("KAFKA_", "PRODUCER_", "TRACKER_", "RETRY_", "DLQ_", "SIMULATE_", "PROCESSOR_", "MONITOR_", "APP_", "LOG_LEVEL", "CONFIG_FILE")
SETTINGS = {"retry.initial_delay_ms": 5, "retry.max_delay_ms": 50, "tracker.drain_timeout_ms": 5000}
STOP_SECONDS = 60
TOLD_SECONDS = 180


def environment():
    """Nothing that the user has set may reach the programs."""
    return {k: v for k, v in os.environ.items() if not k.startswith(OURS)}


def order(number, padding=0):
    """As a line of JSON; valid."""
    return json.dumps({
        "order_id": f"o-{number}", "sequence": number + 1, "status": "pending",
        "customer_info": {"customer_id": "C-1", "name": "N" + "x" * padding},
        "items": [{"item_id": "I-1", "item_name": "Pen", "quantity": 1, "unit_price": 1.0, "total_price": 1.0}],
        "subtotal": 1.0, "total": 1.0,
    })  # fmt: skip


class Scene(unittest.TestCase):
    nodes = 3
    properties = {}  # of every node

    def run(self, result=None):
        result = super().run(result)
        if result.wasSuccessful():
            shutil.rmtree(self.folder)
        else:
            print(f"# evidence: {self.folder}", file=sys.stderr)
        return result

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="scene.")
        self.files = os.path.join(self.folder, "trackers", "tracker")
        self.journal = os.path.join(self.files, "tracker.events")
        self.log = os.path.join(self.folder, "tracker.log")
        self.process = None
        self.numbers = 0
        os.makedirs(self.files)
        self.kafka = Cluster(os.path.join(self.folder, "kafka"), self.nodes, self.properties)
        self.addCleanup(self.kafka.stop)
        self.addCleanup(self.kill_tracker)
        self.kafka.start()

    # ---- the topic

    def create(self, replicas, **settings):
        """With a topic for dead letters that has a replica on each node."""
        self.kafka.create(LETTERS, [list(self.kafka.nodes)])
        self.kafka.create(TOPIC, replicas, **settings)

    def send(self, count, partitions=None, padding=0, address=None):
        """`count` valid orders to each of the partitions; returns when all are acknowledged."""
        for p in sorted(self.kafka.partitions(TOPIC)) if partitions is None else partitions:
            lines = "".join(f"{n}:{order(n, padding)}\n" for n in range(self.numbers, self.numbers + count))
            self.numbers += count
            subprocess.run(
                ["kcat", "-b", address or self.kafka.address, "-P", "-t", TOPIC, "-p", str(p), "-K:", "-X", "enable.idempotence=true"],
                input=lines.encode(), env=environment(), timeout=TOLD_SECONDS, check=True, stderr=subprocess.DEVNULL,
            )

    def ends(self):
        return {p: self.kafka.end(TOPIC, p) for p in self.kafka.partitions(TOPIC)}

    def start_producer(self, *options):
        """The one under test, in the background; it sends broken orders too. stop_producer ends it."""
        settings = {"kafka.broker": self.kafka.address, "producer.flush_timeout_ms": 1000 * TOLD_SECONDS}
        words = [f"-s{k}={v}" for k, v in settings.items()]
        with open(os.path.join(self.folder, "producer.out"), "ab") as out:
            self.producer = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "bin", "producer"), "-q", *words, *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, env=environment(),
            )

    def stop_producer(self):
        """When all that it sent is acknowledged."""
        self.producer.send_signal(signal.SIGTERM)
        self.assertEqual(self.producer.wait(TOLD_SECONDS), 0)

    # ---- the tracker

    def start_tracker(self, *options, address=None, settings=None):
        everything = {
            **SETTINGS,
            "kafka.broker": address or self.kafka.address,
            "tracker.events_file": self.journal,
            "tracker.log_file": self.log,
            **(settings or {}),
        }
        words = [f"-s{k}={v}" for k, v in everything.items()]
        with open(os.path.join(self.folder, "tracker.out"), "ab") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "bin", "tracker"), "-q", *words, *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, env=environment(),
            )

    def kill_tracker(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop_tracker(self, seconds=STOP_SECONDS):
        """In order; the test fails when it ended before, not in time or badly."""
        self.assertIsNone(self.process.poll(), f"the tracker ended by itself: {self.last_words()}")
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(seconds), 0, self.last_words())

    def drain(self, *options, **more):
        """A further tracker handles what is left, to the ends as they are now."""
        self.start_tracker("--drain", *options, **more)
        self.assertEqual(self.process.wait(TOLD_SECONDS), 0, self.last_words())

    def last_words(self):
        with open(os.path.join(self.folder, "tracker.out"), errors="replace", encoding="utf-8") as f:
            return f.read()[-500:]

    # ---- what it wrote

    def lines(self):
        """Whole lines of the journal, as objects."""
        if not os.path.exists(self.journal):
            return []
        with open(self.journal, "rb") as f:
            return [json.loads(line) for line in f if line.endswith(b"\n")]

    def line_count(self, partition=None):
        """Of records."""
        wanted = b'"kafka_partition":' + (rb"\d+" if partition is None else b"%d" % partition) + rb',"kafka_offset":'
        if not os.path.exists(self.journal):
            return 0
        with open(self.journal, "rb") as f:
            return len(re.findall(wanted, f.read()))

    def logged(self, event):
        """The lines of the log with this event."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, "rb") as f:
            lines = [json.loads(line) for line in f if line.endswith(b"\n")]
        return [line for line in lines if line["event"] == event]

    def wait_for_lines(self, count, partition=None, seconds=TOLD_SECONDS):
        wait_for(seconds, f"{count} lines are journaled", lambda: self.line_count(partition) >= count)

    # ---- the verdict

    def judge(self, *options):
        """Each record has one line, in order, with its bytes; dead letters and commits are right too. Options are the
        oracle's."""
        self.wait_for_lines(sum(self.ends().values()))
        self.stop_tracker()
        for topic, name in ((TOPIC, "orders.dump"), (LETTERS, "orders-dlq.dump"), ("__consumer_offsets", "offsets.dump")):
            self.kafka.dump(topic, os.path.join(self.folder, name), oracle.DUMP_FORMAT)
        report = oracle.judge(self.folder, oracle.make_parser().parse_args([*options, self.folder]))
        self.assertEqual(report.counts, {}, json.dumps(report.shown, indent=1))
        return report.figures
