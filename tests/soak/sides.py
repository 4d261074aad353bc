"""Two small flows beside the storm's own, each with a topic and a tracker of its own: a topic that compaction thins out
and one that is deleted and created again. Each works in its own thread, and its tracker is killed now and then."""

import os
import shutil
import subprocess
import threading
import time

from oracle import DUMP_FORMAT
from parts import ROOT, CannotRun, Slot, clean_environment

from cluster import NotInTime, wait_for  # parts.py tells where

QUIET = {"simulate.transient_rate": 0.02, "simulate.permanent_rate": 0}
WAIT_SECONDS = 300
END_SECONDS = 120


class Side:
    """A thread that produces and waits, until it is asked to finish. What it raises is a problem of the soak."""

    name = None
    judged_with = ()  # options of the oracle

    def __init__(self, storm, replicas, **settings):
        self.storm = storm
        self.cluster = storm.brokers.cluster
        self.topic = self.name
        self.letters = f"{self.name}-dlq"
        self.group = f"{self.name}-group"
        self.folder = os.path.join(storm.folder, self.name)  # what the oracle is given
        self.rng = storm.rng(self.name)
        self.settings = settings
        os.makedirs(self.folder)
        self.cluster.create(self.letters, [list(self.cluster.nodes)])
        self.create(replicas)
        own = {"kafka.broker": self.cluster.address, "kafka.topic": self.topic, "kafka.consumer_group": self.group,
               "dlq.topic": self.letters, **QUIET}
        self.slot = Slot(self.name, os.path.join(self.folder, "trackers", self.name), self.folder, own, self.rng)
        self.slot.assignor = "range"
        self.acknowledged = 0
        self.batches = 0
        self.problem = None
        self.is_finishing = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def create(self, replicas):
        self.cluster.create(self.topic, replicas, **self.settings)

    def start(self):
        self.slot.is_wanted = True
        self.slot.start()
        self.thread.start()

    def work(self):
        try:
            while not self.is_finishing.is_set():
                self.turn()
        except (CannotRun, OSError, subprocess.SubprocessError) as e:
            self.problem = f"{self.name}: {e}"

    def turn(self):
        raise NotImplementedError

    def send(self, count, *options, text=""):
        """By the producer under test; returns when all are acknowledged."""
        self.batches += 1
        words = [f"-skafka.broker={self.cluster.address}", f"-skafka.topic={self.topic}", "-sproducer.flush_timeout_ms=240000",
                 "--interval-ms", "0", "-q", *options]
        done = subprocess.run([os.path.join(ROOT, "bin", "producer"), *words], input=text, capture_output=True, text=True,
                              timeout=WAIT_SECONDS, env=clean_environment(), cwd=self.folder, check=False)
        if done.returncode != 0:
            raise CannotRun(f"orders not acknowledged: {done.stderr[-300:]}")
        self.acknowledged += count

    def line_count(self):
        try:
            with open(self.slot.events, "rb") as f:
                return sum(b'"kafka_offset":' in line and b'"event_type":"journal.' not in line for line in f)
        except FileNotFoundError:
            return 0

    def is_told(self):
        return self.line_count() >= self.acknowledged

    def wait_in_storm(self):
        """Until all is told, however long trackers and brokers are harmed. Returns False when the storm is over."""
        while not self.is_finishing.is_set() and not self.is_told():
            self.is_finishing.wait(0.5)
        return not self.is_finishing.is_set()

    def finish(self):
        """When all brokers are up again. The tracker tells what is left and is stopped in order."""
        self.is_finishing.set()
        self.thread.join(2 * WAIT_SECONDS)
        if not self.problem:
            try:
                wait_for(WAIT_SECONDS, "all is told", self.is_told, 0.5)
            except NotInTime as e:
                self.problem = f"{self.name}: {e}"

    def dump(self, offsets):
        self.cluster.dump(self.topic, os.path.join(self.folder, "orders.dump"), DUMP_FORMAT)
        self.cluster.dump(self.letters, os.path.join(self.folder, "orders-dlq.dump"), DUMP_FORMAT)
        shutil.copy(offsets, os.path.join(self.folder, "offsets.dump"))

    def oracle_options(self):
        return ["--group", self.group, "--topic", self.topic, "--dlq-topic", self.letters, *self.judged_with, self.folder]


class Compacted(Side):
    """A few keys again and again, in segments that end soon: what is not the last of its key is removed. The tracker
    is absent at times, so that it finds offsets without records."""

    name = "compacted"
    judged_with = ("--compacted",)
    KEYS = 40
    BATCH = 200
    PAUSE_SECONDS = 2

    def __init__(self, storm):
        nodes = list(storm.brokers.cluster.nodes)
        replicas = [nodes[p % len(nodes) :][:1] for p in range(3)]
        super().__init__(storm, replicas, cleanup_policy="compact", segment_ms=2000, min_cleanable_dirty_ratio=0.01,
                         max_compaction_lag_ms=3000)

    def turn(self):
        self.send(self.BATCH, "--input", "-", text="".join(self.order(n) for n in range(self.BATCH)))
        self.is_finishing.wait(self.PAUSE_SECONDS)

    def order(self, number):
        """Its id becomes the key."""
        return (f'{{"order_id":"key-{self.rng.randrange(self.KEYS)}","sequence":{self.batches * self.BATCH + number + 1},'
                '"status":"pending","customer_info":{"customer_id":"C-1","name":"N"},"items":[{"item_id":"I-1",'
                '"item_name":"Pen","quantity":1,"unit_price":1.0,"total_price":1.0}],"subtotal":1.0,"total":1.0}\n')

    def is_told(self):
        """To the ends: how many of the records are still there nobody knows."""
        return all(self.last_told().get(p, 0) >= self.cluster.end(self.topic, p) for p in self.cluster.partitions(self.topic))

    def last_told(self):
        """{partition: the offset after the last line}"""
        found = {}
        with open(self.slot.events, "rb") as f:
            for line in f:
                at = line.find(b'"kafka_partition":'), line.find(b'"kafka_offset":')
                if line.endswith(b"\n") and min(at) > 0:
                    p, o = (int(line[a:].split(b":", 1)[1].split(b",", 1)[0]) for a in at)
                    found[p] = o + 1
        return found


class Recreated(Side):
    """Some orders, told to the last; then the topic is deleted and created again with another number of partitions. The
    first orders are few: a partition that ends before what was told of it is how a tracker notices."""

    name = "recreated"
    judged_with = ("--recreated",)
    COUNTS = (4, 2, 6)  # partitions, in turn
    ORDERS = (400, 100, 240)
    FIRST = 12
    BREATH_SECONDS = 2

    def __init__(self, storm):
        self.times = 0
        self.cluster = storm.brokers.cluster
        super().__init__(storm, self.replicas())

    def replicas(self):
        nodes = list(self.cluster.nodes)
        return [[nodes[p % len(nodes)]] for p in range(self.COUNTS[self.times % len(self.COUNTS)])]

    def turn(self):
        for count in (self.FIRST, self.ORDERS[self.times % len(self.ORDERS)] - self.FIRST):
            seed = self.storm.seed * 10000 + self.batches
            self.send(count, "-n", str(count), "--invalid-rate", "0", "--seed", str(seed))
            if not self.wait_in_storm():
                return
        if self.is_finishing.wait(self.BREATH_SECONDS):
            return
        wait_for(WAIT_SECONDS, "the topic can be read", self.is_kept, 1)
        wait_for(WAIT_SECONDS, "the topic is deleted", self.is_deleted, 1)
        self.times += 1
        wait_for(WAIT_SECONDS, "the topic is created again", self.is_created, 1)
        self.storm.count("topics recreated")
        self.storm.note(f"recreated {self.topic} with {len(self.replicas())} partitions")

    def is_kept(self):
        """What was on it is read for the oracle."""
        path = os.path.join(self.folder, f"orders.dump.{self.times + 1}")
        try:
            self.cluster.dump(self.topic, path, DUMP_FORMAT, WAIT_SECONDS)
        except subprocess.SubprocessError:
            return False
        with open(path, "rb") as f:
            return f.read().count(b'"order_id"') == self.ORDERS[self.times % len(self.ORDERS)]

    def is_deleted(self):
        if self.cluster.partitions(self.topic) is not None:
            self.cluster.delete(self.topic)
        return True

    def is_created(self):
        if self.cluster.partitions(self.topic) is None:
            self.create(self.replicas())
        return self.cluster.is_led(self.topic, len(self.replicas()))
