#!/usr/bin/env python3
"""A storm of faults over the real programs and a real Kafka, and then the oracle's verdict.

    soak.py [--minutes N] [--seed S] [--brokers N] [--assignor NAME] [--folder DIR] [--keep]

Orders flow all the time, some of them in transactions. Trackers are killed, stopped, frozen and joined by up to three
others, some as static members, the disk below a journal is filled and freed, journals are rotated. Brokers are
killed, reached late or not at all, and cut off from their controller; leaders move, the topic grows. Some of its
partitions have one replica and some have two. All is drawn from the seed, each kind of fault by a clock of its own.
Two smaller topics with a tracker each are compacted, and deleted and created again (sides.py). The time is divided
into parts of alternating assignor; since a group cannot change it while it lives, all trackers are ended in between.
At the end all is drained and stopped in order, the topics are read, and oracle.py judges. The last lines are the
figures, as a table for docs/delivery.md too, and where the evidence is; it is kept when something is wrong, or with
--keep. Needs bin/producer, bin/tracker and build/kafka-transact, kcat, and Java. As root, and where one may mount, the
disk below the first tracker's journal is one of its own; else that fault is left out.

Exit status: 0 good, 1 something is wrong, 2 it could not run.
"""

import argparse
import concurrent.futures
import heapq
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE = os.path.join(HERE, "oracle.py")

sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from oracle import DUMP_FORMAT  # noqa: E402
from parts import (  # noqa: E402
    PARTITIONS, SESSION_MAX_MS, Brokers, CannotRun, Producers, Slot, Transactions, Volume, end,
)
from sides import Compacted, Recreated  # noqa: E402

TOPIC, LETTERS = "orders", "orders-dlq"
GROUP = "order-tracker-group"

# Mean seconds between two faults of a kind, the shortest and the longest.
CLOCKS = {
    "kill": (1.8, 0.1, 6),
    "stop": (20, 5, 60),
    "freeze": (18, 4, 60),
    "join": (6, 1, 20),
    "rotate": (20, 5, 60),
    "fill": (30, 8, 90),
    "burst": (20, 3, 60),
    "broker_kill": (14, 2, 30),
    "broker_freeze": (25, 2, 60),
    "broker_delay": (15, 2, 40),
    "cut_off": (30, 5, 60),
    "elect": (12, 3, 30),
    "grow": (60, 10, 120),
    "transaction_kill": (40, 5, 90),
    "side_kill": (15, 1, 40),
}
ONE_BROKER_CLOCKS = {"broker_kill": (50, 30, 70)}

# With several brokers trackers are harmed for a while and spared for a while: one has to live, and its group to be at
# rest, to meet what happens to the brokers. Seconds.
HARMED, SPARED = 30, 30

DELAYS = [0, 0.025, 0.05, 0.05]  # seconds each way
MAX_PARTITIONS = 24
ALL_AT_ONCE = 0.1  # the share of kills that mean all brokers

ASSIGNORS = ["range", "cooperative-sticky"]
PART_MINUTES = 5

LOOK_SECONDS = 0.02
STOP_SECONDS = 40  # a tracker that was told to stop is gone by then
STUCK_SECONDS = 120  # something is told within this time, whatever happens
BROKER_SECONDS = 300
DRAIN_SECONDS = 600
DRAINS = 3


# librdkafka 2.0.2, when a member of a sticky group closes before its first assignment; cured in 2.3.0.
KNOWN_ABORT = "rd_kafka_sticky_assignor_state_destroy: Assertion"


class Interrupted(Exception):
    pass


def log(text):
    print(f"soak: {text}", flush=True)


class Storm:
    def __init__(self, options, folder):
        self.minutes = options.minutes
        self.seed = options.seed
        self.assignor = options.assignor
        self.folder = folder
        self.brokers = Brokers(folder, options.brokers)
        self.clocks = {**CLOCKS, **(ONE_BROKER_CLOCKS if options.brokers == 1 else {})}
        self.worker = concurrent.futures.ThreadPoolExecutor(1)  # for what takes a broker's time
        self.partition_count = PARTITIONS
        self.volume = None
        self.slots = []
        self.sides = []
        self.transactions = None
        self.producers = None
        self.queue = []  # (when, number, what)
        self.numbers = 0
        self.rngs = {}
        self.counts = {}
        self.problems = []
        self.is_full = False
        self.began = time.monotonic()
        self.told_size = 0
        self.told_at = self.began
        self.faults = open(os.path.join(folder, "faults.log"), "w", buffering=1)

    # ---- small things

    def rng(self, kind):
        return self.rngs.setdefault(kind, random.Random(f"{self.seed}/{kind}"))

    def note(self, text):
        self.faults.write(f"{time.time():.3f} {time.monotonic() - self.began:8.2f} {text}\n")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def problem(self, text):
        self.note(f"PROBLEM {text}")
        log(f"problem: {text}")
        self.problems.append(text)

    def after(self, seconds, what):
        self.numbers += 1
        heapq.heappush(self.queue, (time.monotonic() + seconds, self.numbers, what))

    def wind_up(self, kind):
        """The clock of a fault: it comes again and again, unless it could not be done now."""
        mean, low, high = self.clocks[kind]
        rng = self.rng(kind)

        def ring():
            done = self.are_spared(kind) or getattr(self, kind)(rng)
            self.after(min(max(rng.expovariate(1 / mean), low), high) if done else LOOK_SECONDS, ring)

        self.after(rng.uniform(low, mean), ring)

    def all_slots(self):
        return self.slots + [side.slot for side in self.sides]

    def are_spared(self, kind):
        """Trackers are, from faults of this kind, for now."""
        if len(self.brokers.nodes()) == 1 or kind not in ("kill", "stop", "freeze", "join"):
            return False
        return (time.monotonic() - self.began) % (HARMED + SPARED) > HARMED

    def running_slots(self):
        return [s for s in self.slots if s.is_running() and not s.is_stopping()]

    def start_slot(self, slot, *more):
        slot.start(*more)
        self.count(f"starts with {slot.assignor}")
        if slot.is_static:
            self.count("starts as a static member")

    # ---- faults: each returns True when it was done

    def kill(self, rng):
        slots = self.running_slots()
        if not slots:
            return False
        slot = slots[0] if rng.random() < 0.7 else rng.choice(slots)
        if slot.is_spared():
            return False
        self.kill_slot(slot)
        return True

    def kill_slot(self, slot):
        told = slot.kill()
        self.count("kills of a tracker")
        self.count("kills of a tracker that told" if told else "kills of a tracker before it told")
        self.note(f"kill {slot.name} told={told}")

    def stop(self, rng):
        slots = [s for s in self.running_slots() if not s.is_frozen]
        if not slots:
            return False
        self.begin_stop(rng.choice(slots))
        return True

    def begin_stop(self, slot):
        slot.note_rss()
        slot.process.terminate()
        slot.stop_deadline = time.monotonic() + STOP_SECONDS
        self.count("stops of a tracker")
        self.note(f"stop {slot.name}")

    def freeze(self, rng):
        slots = [s for s in self.running_slots() if not s.is_frozen]
        if not slots:
            return False
        slot = rng.choice(slots)
        is_long = rng.random() < 0.5
        seconds = rng.uniform(3.5, 7) if is_long else rng.uniform(0.1, 1)
        process = slot.process
        process.send_signal(signal.SIGSTOP)
        slot.is_frozen = True
        self.count("freezes beyond the session" if is_long else "freezes within the session")
        self.note(f"freeze {slot.name} {seconds:.2f} s")

        def thaw():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            if slot.process is process:
                slot.is_frozen = False

        self.after(seconds, thaw)
        return True

    def join(self, rng):
        slots = [s for s in self.slots[1:] if not s.is_wanted and not s.is_running()]
        if not slots:
            return True
        slot = rng.choice(slots)
        slot.is_wanted = True
        self.start_slot(slot)
        self.count("joins of a further tracker")
        if sum(s.is_running() for s in self.slots) == len(self.slots):
            self.count("joins as the fourth")
        self.note(f"join {slot.name}")
        by_kill = rng.random() < 0.4

        def leave():
            slot.is_wanted = False
            if not slot.is_running() or slot.is_stopping():
                return
            if by_kill:
                self.kill_slot(slot)
            elif not slot.is_frozen:
                self.begin_stop(slot)

        self.after(rng.uniform(4, 20), leave)
        return True

    def rotate(self, rng):
        slots = [s for s in self.slots if s.size() > 0]
        if not slots:
            return False
        slot = slots[0] if rng.random() < 0.7 else rng.choice(slots)
        slot.rotate()
        self.count("rotations")
        self.note(f"rotate {slot.name} to {slot.rotations:04d}")
        return True

    def fill(self, rng):
        if not self.volume.kind or self.is_full:
            return True
        left = rng.choice([0, 0, 4096, 65536])
        self.volume.fill(left)
        self.is_full = True
        self.count("full disks")
        self.note(f"full disk, {left} bytes left")
        self.after(rng.uniform(1, 6), self.free)
        return True

    def free(self):
        self.volume.free()
        self.is_full = False
        self.note("disk freed")

    def broker_kill(self, rng):
        """One of those that are up, unless it is the last of several; at times all."""
        up = self.brokers.up()
        is_all = rng.random() < ALL_AT_ONCE and len(up) == len(self.brokers.nodes())
        if len(up) < min(2, len(self.brokers.nodes())):
            return False
        for node in up if is_all else [rng.choice(up)]:
            self.brokers.kill(node)
            self.count("kills of a broker")
            self.note(f"kill broker {node.id}")
            self.after(rng.uniform(0.2, 8), lambda node=node: self.brokers.resume(node))
        if is_all:
            self.count("kills of all brokers at once")
        return True

    def broker_freeze(self, rng):
        """Its connections stay and carry nothing; the controller finds it well."""
        nodes = [n for n in self.brokers.nodes() if n not in self.brokers.frozen]
        if not nodes:
            return False
        node, seconds = rng.choice(nodes), rng.uniform(1, 20)
        node.proxy.freeze()
        self.brokers.frozen.add(node)
        self.count("freezes of a broker's connections")
        self.note(f"freeze broker {node.id} {seconds:.2f} s")

        def thaw():
            node.proxy.thaw()
            self.brokers.frozen.discard(node)

        self.after(seconds, thaw)
        return True

    def broker_delay(self, rng):
        node = rng.choice(self.brokers.nodes())
        node.proxy.delay = rng.choice(DELAYS)
        self.count("changes of a broker's latency")
        self.note(f"broker {node.id} is late by {node.proxy.delay} s each way")
        return True

    def cut_off(self, rng):
        nodes = [n for n in self.brokers.nodes() if n.wall and not n.is_cut_off()]
        if not nodes:
            return True
        node, seconds = rng.choice(nodes), rng.uniform(5, 15)
        node.cut_off()
        self.count("brokers cut off from their controller")
        self.note(f"cut off broker {node.id} {seconds:.2f} s")
        self.after(seconds, node.join_again)
        return True

    def ask_brokers(self, what, question):
        """In the worker's thread. A controller that is down is no problem of ours."""
        def ask():
            try:
                self.note(f"{what}: {question()}")
            except OSError as e:
                self.note(f"{what}: {e}")

        self.worker.submit(ask)

    def elect(self, rng):
        del rng

        def question():
            moved = self.brokers.cluster.elect(TOPIC)
            self.counts["leaders moved by elections"] = self.counts.get("leaders moved by elections", 0) + moved
            self.count("elections")
            return f"{moved} leaders moved"

        self.ask_brokers("election", question)
        return True

    def grow(self, rng):
        """With one replica, as the first partition has."""
        if self.partition_count >= MAX_PARTITIONS:
            return True
        node = rng.choice(self.brokers.nodes())

        def question():
            self.partition_count = self.brokers.cluster.grow(TOPIC, [[node.id]])
            self.count("growths of the topic")
            return f"{self.partition_count} partitions"

        self.ask_brokers("growth", question)
        return True

    def transaction_kill(self, rng):
        if self.transactions.process.poll() is not None:
            return False
        self.transactions.kill()
        self.count("kills of the transactional producer")
        self.note("kill transactional producer")
        self.after(rng.choice([0, rng.uniform(0, 12)]), self.transactions.start)
        return True

    def side_kill(self, rng):
        slots = [side.slot for side in self.sides if side.slot.is_running()]
        if not slots:
            return False
        slot = rng.choice(slots)
        slot.is_wanted = False
        self.kill_slot(slot)

        def resume():
            slot.is_wanted = True
            self.restart(slot)

        self.after(rng.choice([0, 0.5, 12]), resume)
        return True

    def burst(self, rng):
        self.producers.start("-n", str(rng.choice([2000, 5000, 10000, 20000])), "--interval-ms", "0")
        self.count("bursts of orders")

        # With much to write at once, a kill tears a line.
        def kill_at_work():
            if self.are_spared("kill"):
                return
            slots = [s for s in self.running_slots() if not s.is_frozen]
            if slots:
                self.kill_slot(rng.choice(slots))

        for _ in range(2):
            self.after(rng.uniform(0.3, 4), kill_at_work)
        return True

    # ---- looking after all

    def look_after_slot(self, slot):
        if slot.process is None:
            return
        if slot.is_running():
            if slot.is_stopping() and time.monotonic() > slot.stop_deadline:
                self.problem(f"tracker {slot.name} did not stop within {STOP_SECONDS} s")
                slot.kill()
            return
        status, process = slot.process.returncode, slot.process
        slot.process = None
        if slot.is_young() and status in (-signal.SIGTERM, -signal.SIGHUP):
            self.count("signals before a tracker had begun")
        elif status == -signal.SIGABRT and KNOWN_ABORT in slot.last_words():
            self.count("aborts in librdkafka's assignor")
            self.note(f"tracker {slot.name} ended by itself: {slot.last_words()}")
        elif slot.is_stopping():
            if status != 0:
                self.problem(f"tracker {slot.name} stopped with status {status}: {slot.last_words()}")
        elif status != -signal.SIGKILL:
            self.ended_by_itself(slot, status, process.pid)
        if slot.is_wanted:
            self.after(self.rng("restart").choice([0, 0, 0.1, 0.5]), lambda: self.restart(slot))

    def ended_by_itself(self, slot, status, pid):
        words = slot.last_words()
        self.note(f"tracker {slot.name} ended by itself, status {status}: {words}")
        if status == 1 and "No space left" in words:
            self.count("starts refused on a full disk")
        else:
            self.problem(f"tracker {slot.name} (pid {pid}) ended by itself with status {status}: {words}")

    def restart(self, slot):
        if slot.is_wanted and slot.process is None:
            self.start_slot(slot)
            self.count("restarts of a tracker")

    def look_for_progress(self):
        size = sum(s.size() for s in self.slots) + sum(s.rotations for s in self.slots)
        now = time.monotonic()
        if size != self.told_size or not self.brokers.up() or self.is_full:
            self.told_size, self.told_at = size, now
        elif now - self.told_at > STUCK_SECONDS:
            self.problem(f"nothing was told for {STUCK_SECONDS} s")
            self.told_at = now
        if self.brokers.longest_start() > BROKER_SECONDS:
            raise CannotRun("a broker does not come back")
        status = self.transactions.process.poll()
        if status not in (None, -signal.SIGKILL):
            self.problem(f"the transactional producer ended with status {status}")
            self.transactions.start()

    def look_after_all(self):
        self.brokers.move()
        for slot in self.all_slots():
            slot.note_growth()
            self.look_after_slot(slot)

    def look_now_and_then(self):
        self.producers.collect()
        for slot in self.slots:
            if slot.is_running():
                slot.note_rss()
            if slot.has_begun_to_spin():
                self.count("endless computing in librdkafka")
                self.note(f"{slot.name} (pid {slot.process.pid}, {slot.assignor}): {slot.cpu.THREAD} computes without end")
            slot.put_away()
        self.look_for_progress()
        if self.volume.kind and self.volume.share_used() > 0.5 and not self.is_full:
            self.slots[0].rotate()
        self.after(1, self.look_now_and_then)

    # ---- the whole

    def prepare(self):
        self.volume = Volume(self.folder)
        self.brokers.start()
        cluster = self.brokers.cluster
        nodes = list(cluster.nodes)
        ring = [nodes[p % len(nodes) :] + nodes[: p % len(nodes)] for p in range(PARTITIONS)]
        cluster.create(TOPIC, [ids[: 1 + p % 2] for p, ids in enumerate(ring)])
        cluster.create(LETTERS, [ids[:2] for ids in ring[:3]])
        settings = {"kafka.broker": cluster.address, "kafka.partitions": PARTITIONS}
        for name in "abcd":
            folder = self.volume.folder if name == "a" else os.path.join(self.folder, "trackers", name)
            self.slots.append(Slot(name, folder, self.folder, settings, self.rng(f"slot {name}")))
        self.producers = Producers(self.folder, cluster.address, self.seed)
        self.transactions = Transactions(self.folder, cluster.address, TOPIC, self.seed)
        self.sides = [Compacted(self), Recreated(self)]

    def parts(self):
        """The assignor of each part of the storm, and its seconds."""
        if self.assignor:
            order = [self.assignor]
        else:
            order = self.rng("assignor").sample(ASSIGNORS, 2) * max(1, round(self.minutes / PART_MINUTES / 2))
        return [(assignor, 60 * self.minutes / len(order)) for assignor in order]

    def rage(self, assignor, seconds):
        """Faults for a part of the time. Producers run before, meanwhile and behind."""
        self.note(f"with {assignor} for {seconds:.0f} s")
        for slot in self.slots:
            slot.assignor = assignor
        self.slots[0].is_wanted = True
        self.start_slot(self.slots[0])
        for kind in self.clocks:
            self.wind_up(kind)
        for _ in self.brokers.nodes():
            self.broker_delay(self.rng("broker_delay"))
        self.told_at = time.monotonic()
        self.look_now_and_then()
        finish = time.monotonic() + seconds
        while time.monotonic() < finish:
            while self.queue and self.queue[0][0] <= time.monotonic():
                heapq.heappop(self.queue)[2]()
            self.look_after_all()
            time.sleep(LOOK_SECONDS)

    def calm_down(self):
        """No more faults: all brokers come back, and what is running is stopped in order."""
        self.queue = []
        self.volume.free()
        self.is_full = False
        self.brokers.calm()
        while self.brokers.starting:
            self.brokers.move()
            if self.brokers.longest_start() > BROKER_SECONDS:
                raise CannotRun("a broker does not come back")
            time.sleep(0.1)
        if self.transactions.process.poll() is not None:
            self.transactions.start()
        for side in self.sides:
            side.slot.is_wanted = True
            self.restart(side.slot)
        for slot in self.slots:
            slot.is_wanted = False
            if slot.is_running():
                slot.process.send_signal(signal.SIGCONT)
                if not slot.is_stopping():
                    self.begin_stop(slot)
        while any(s.process for s in self.slots):
            self.look_after_all()
            time.sleep(0.05)
        # Members that were killed, and static ones, are in the group until their sessions end: what is
        # assigned to them would stay, and their assignor would have to be the next one's.
        time.sleep(SESSION_MAX_MS / 1000 + 2)

    def storm(self):
        self.producers.start("--interval-ms", "1")
        self.transactions.start()
        for side in self.sides:
            side.start()
        for assignor, seconds in self.parts():
            self.rage(assignor, seconds)
            self.calm_down()
        self.producers.stop()
        if not end(self.transactions.process, STOP_SECONDS):
            self.problem("the transactional producer does not stop")

    def drain(self):
        """One tracker handles what is left, alone. One that fails is a problem; another one shows what is lost."""
        slot = self.slots[0]
        for _ in range(DRAINS):
            self.start_slot(slot, "--drain")
            try:
                status = slot.process.wait(DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                slot.kill()
                raise CannotRun(f"not drained within {DRAIN_SECONDS} s") from None
            slot.process = None
            if status == 0:
                return
            self.problem(f"the draining tracker ended with status {status}: {slot.last_words()}")

    def finish_sides(self):
        for side in self.sides:
            side.finish()
            if side.problem:
                self.problem(side.problem)
            side.slot.is_wanted = False
            if side.slot.is_running():
                self.begin_stop(side.slot)
            while side.slot.process:
                self.look_after_all()
                time.sleep(0.05)

    def read_topics(self):
        offsets = os.path.join(self.folder, "offsets.dump")
        for topic, path in ((TOPIC, "orders.dump"), (LETTERS, "orders-dlq.dump"), ("__consumer_offsets", offsets)):
            self.brokers.cluster.dump(topic, os.path.join(self.folder, path), DUMP_FORMAT)
        with open(os.path.join(self.folder, "orders.ends"), "w") as f:
            f.writelines(f"{p} {self.brokers.cluster.end(TOPIC, p)}\n" for p in self.brokers.cluster.partitions(TOPIC))
        for side in self.sides:
            side.dump(offsets)

    def end_all(self):
        """Nothing is left behind, whatever happened."""
        for slot in self.all_slots():
            if slot.is_running():
                slot.note_rss()
            end(slot.process, 15)
        if self.producers:
            for process, _ in self.producers.running:
                end(process, 5)
        if self.transactions:
            end(self.transactions.process, 5)
        for side in self.sides:
            side.is_finishing.set()
        self.worker.shutdown(wait=False, cancel_futures=True)
        self.brokers.stop()
        for slot in self.slots:
            slot.collect()
        if self.volume:
            self.volume.leave()
        self.faults.close()


def ask_oracle(name, options):
    """Prints what it says. Returns whether all is well, and its figures by name."""
    done = subprocess.run([sys.executable, ORACLE, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=7200, check=False, text=True)
    print(f"{name}:\n{done.stdout}", end="", flush=True)
    with open(os.path.join(options[-1], "verdict"), "w") as out:
        out.write(done.stdout)
    figures = re.findall(r"^  (\S.*?) +([\d,]+)$", done.stdout, re.MULTILINE)
    return done.returncode == 0, {figure: int(n.replace(",", "")) for figure, n in figures}


def judge(storm):
    """Asks the oracle about the storm's topic and about each side. Returns whether all is well, the figures of the
    first, and those of the sides by their names."""
    good, figures = ask_oracle(TOPIC, ["--group", GROUP, "--holes", storm.folder])
    sides = {}
    for side in storm.sides:
        is_good, sides[side.name] = ask_oracle(side.name, side.oracle_options())
        good = good and is_good
    return good, figures, sides


# What the table tells, and of which figures.
ROWS = [
    ("orders on the topic; acknowledged to producers", ["orders on the topic", "orders acknowledged to producers"]),
    ("kill -9 of a tracker; restarts", ["kills of a tracker", "restarts of a tracker"]),
    ("of these kills, after it had written lines since its start", ["kills of a tracker that told"]),
    ("kill -9 of a broker; restarts; of these kills, all brokers at once",
     ["kills of a broker", "restarts of a broker", "kills of all brokers at once"]),
    ("connections to a broker frozen; its latency changed",
     ["freezes of a broker's connections", "changes of a broker's latency"]),
    ("brokers cut off from their controller", ["brokers cut off from their controller"]),
    ("elections of preferred leaders; leaders moved by them", ["elections", "leaders moved by elections"]),
    ("partitions at the end, of 12 at the beginning", ["partitions at the end"]),
    ("transactions committed; aborted; kills of their producer",
     ["transactions committed", "transactions aborted", "kills of the transactional producer"]),
    ("offsets without a record; on the compacted topic", ["offsets without a record", "offsets removed by compaction"]),
    ("times that a topic was deleted and created again", ["topics recreated"]),
    ("SIGTERM; rotations; full disks", ["stops of a tracker", "rotations", "full disks"]),
    ("SIGSTOP within the session; beyond it", ["freezes within the session", "freezes beyond the session"]),
    ("joins of a further tracker; of these, as the fourth", ["joins of a further tracker", "joins as the fourth"]),
    ("starts with `range`; with `cooperative-sticky`", ["starts with range", "starts with cooperative-sticky"]),
    ("starts as a static member", ["starts as a static member"]),
    ("trackers whose librdkafka computed without end, until they were killed", ["endless computing in librdkafka"]),
    ("trackers that librdkafka's assignor aborted", ["aborts in librdkafka's assignor"]),
    ("lines; in files; of journals", ["lines", "journal files", "journals"]),
    ("torn last lines", ["torn tails"]),
    ("dead letters; of these sent again after a crash", ["dead letters on the topic", "dead letters delivered again"]),
    ("records in two journals, as partitions moved", ["records in two journals"]),
    ("commits of offsets", ["commits"]),
    ("**lost; doubled within a journal; out of order; malformed; altered**",
     ["lost", "doubled", "out_of_order", "malformed", "altered"]),
    ("lost or doubled of the topic that is compacted; that is recreated", ["compacted lost", "recreated lost"]),
    ("peak memory of a tracker, MiB", ["peak memory of a tracker, MiB"]),
]


def acknowledged(storm):
    return storm.producers.acknowledged + storm.transactions.figures()["committed"][1]


def tell(storm, figures, sides):
    """The figures as a Markdown table."""
    figures = {**figures, **storm.counts}
    for name, of in sides.items():
        figures[f"{name} lost"] = of.get("lost", 0) + of.get("doubled", 0)
    figures["offsets removed by compaction"] = sides["compacted"].get("offsets without a record", 0)
    figures["partitions at the end"] = storm.partition_count
    for name, (n, _) in storm.transactions.figures().items():
        figures[f"transactions {name}"] = n
    figures["torn tails"] = figures.get("torn tails moved aside", 0) + figures.get("torn tails in rotated files", 0)
    figures["restarts of a broker"] = storm.brokers.restarts
    figures["orders acknowledged to producers"] = acknowledged(storm)
    figures["peak memory of a tracker, MiB"] = max(s.peak_rss for s in storm.all_slots()) >> 10
    told = {name for _, names in ROWS for name in names}
    for what, n in sorted(storm.counts.items()):
        if what not in told:
            print(f"  {what:34} {n:>10,}")
    print("\n| | |\n|---|---|")
    for text, names in ROWS:
        print(f"| {text} | {'; '.join(f'{figures.get(name, 0):,}' for name in names)} |")
    print(flush=True)


def do_it(options, folder):
    """Returns whether all is well."""
    storm = Storm(options, folder)
    try:
        storm.prepare()
        parts = ", ".join(f"{seconds:g} s {assignor}" for assignor, seconds in storm.parts())
        log(f"{options.minutes:g} minutes, seed {options.seed}, brokers: {options.brokers}: {parts}; disk of its own: {storm.volume.kind or 'none, it is not filled up'}")
        storm.storm()
        log("the storm is over, draining")
        storm.drain()
        storm.finish_sides()
        log("reading the topics")
        storm.read_topics()
    finally:
        storm.end_all()
    log("judging")
    good, figures, sides = judge(storm)
    tell(storm, figures, sides)
    orders = figures.get("orders on the topic", 0)
    if orders < acknowledged(storm):
        storm.problem(f"{acknowledged(storm)} orders were acknowledged and {orders} are on the topic")
    for text in storm.problems + storm.producers.problems:
        print(f"problem: {text}")
    return good and not storm.problems and not storm.producers.problems


def in_own_mounts():
    """As root, starts itself again where what it mounts is seen by nobody else, and goes away with it."""
    if os.geteuid() != 0 or "SOAK_UNSHARED" in os.environ:
        return
    trial = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if trial.returncode == 0:
        os.environ["SOAK_UNSHARED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def interrupted(number, _):
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def make_parser():
    parser = argparse.ArgumentParser(description="a storm of faults, and the oracle's verdict")
    parser.add_argument("--minutes", type=float, default=2, help="how long faults happen (default 2)")
    parser.add_argument("--seed", type=int, default=None, help="the same faults again")
    parser.add_argument("--brokers", type=int, default=3, help="how many (default 3)")
    parser.add_argument("--assignor", choices=ASSIGNORS, help="this one only (default: both, in turns)")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the evidence goes (default: the temporary folder)")
    parser.add_argument("--keep", action="store_true", help="keep the evidence also when all is well")
    return parser


def main():
    options = make_parser().parse_args()
    in_own_mounts()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, interrupted)
    folder = tempfile.mkdtemp(prefix="soak.", dir=options.folder)
    status = 2
    try:
        status = 0 if do_it(options, folder) else 1
    except Interrupted as e:
        log(f"ended by {e}")
    except CannotRun as e:
        log(f"could not go on: {e}")
    if status == 0 and not options.keep:
        shutil.rmtree(folder)
        log(f"good, seed {options.seed}")
    else:
        log(f"{'good' if status == 0 else 'NOT GOOD'}, seed {options.seed}; the evidence is in {folder}")
    return status


if __name__ == "__main__":
    sys.exit(main())
