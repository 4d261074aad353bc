#!/usr/bin/env python3
"""A storm of faults over the real programs and a real Kafka, and then the oracle's verdict.

    soak.py [--minutes N] [--seed S] [--assignor NAME] [--folder DIR] [--keep]

Orders flow all the time. Trackers are killed, stopped, frozen and joined by up to three others, some as static
members, the broker is killed, the disk below a journal is filled and freed, journals are rotated: all
drawn from the seed, each kind of fault by a clock of its own. The time is divided into parts of
alternating assignor; since a group cannot change it while it lives, all trackers are ended in between. At the
end all is drained and stopped in order, the topics are read, and oracle.py judges. The last
lines are the figures, as a table for docs/delivery.md too, and where the evidence is; it is kept when something
is wrong, or with --keep. Needs bin/producer and bin/tracker, kcat, and Java. As root, and where one
may mount, the disk below the first tracker's journal is one of its own; else that fault is left out.

Exit status: 0 good, 1 something is wrong, 2 it could not run.
"""

import argparse
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
    PARTITIONS, ROOT, SESSION_MAX_MS, Broker, CannotRun, Producers, Slot, Volume, clean_environment, end, run,
)

GROUP = "order-tracker-group"

# Mean seconds between two faults of a kind, the shortest and the longest.
CLOCKS = {
    "kill": (1.8, 0.1, 6),
    "stop": (20, 5, 60),
    "freeze": (18, 4, 60),
    "join": (6, 1, 20),
    "rotate": (20, 5, 60),
    "fill": (30, 8, 90),
    "broker_kill": (50, 30, 70),
    "burst": (20, 3, 60),
}

ASSIGNORS = ["range", "cooperative-sticky"]
PART_MINUTES = 5

LOOK_SECONDS = 0.02
STOP_SECONDS = 40  # a tracker that was told to stop is gone by then
STUCK_SECONDS = 120  # something is told within this time, whatever happens
BROKER_SECONDS = 120
DRAIN_SECONDS = 600


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
        self.broker = Broker(folder)
        self.volume = None
        self.slots = []
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
        mean, low, high = CLOCKS[kind]
        rng = self.rng(kind)

        def ring():
            done = getattr(self, kind)(rng)
            self.after(min(max(rng.expovariate(1 / mean), low), high) if done else LOOK_SECONDS, ring)

        self.after(rng.uniform(low, mean), ring)

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
        if self.broker.state != "up":
            return False
        self.broker.kill()
        self.count("kills of the broker")
        self.note("kill broker")
        pause = rng.uniform(0.2, 4)

        def resume():
            if self.broker.state == "killing":
                self.after(0.2, resume)
            else:
                self.broker.resume()

        self.after(pause, resume)
        return True

    def burst(self, rng):
        self.producers.start("-n", str(rng.choice([2000, 5000, 10000, 20000])), "--interval-ms", "0")
        self.count("bursts of orders")

        # With much to write at once, a kill tears a line.
        def kill_at_work():
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
        if size != self.told_size or self.broker.state != "up" or self.is_full:
            self.told_size, self.told_at = size, now
        elif now - self.told_at > STUCK_SECONDS:
            self.problem(f"nothing was told for {STUCK_SECONDS} s")
            self.told_at = now
        if self.broker.state != "up" and now - self.broker.changed > BROKER_SECONDS:
            raise CannotRun(f"the broker does not come back: {self.broker.state}")

    def look_after_all(self):
        self.broker.move()
        for slot in self.slots:
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
        self.broker.start()
        address = self.broker.address
        run([os.path.join(ROOT, "bin", "producer"), "--init", "--timeout-ms", "30000",
             f"-skafka.broker={address}", f"-skafka.partitions={PARTITIONS}"],
            60, cwd=self.folder, env=clean_environment())
        for name in "abcd":
            folder = self.volume.folder if name == "a" else os.path.join(self.folder, "trackers", name)
            self.slots.append(Slot(name, folder, self.folder, address, self.rng(f"slot {name}")))
        self.producers = Producers(self.folder, address, self.seed)

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
        for kind in CLOCKS:
            self.wind_up(kind)
        self.told_at = time.monotonic()
        self.look_now_and_then()
        finish = time.monotonic() + seconds
        while time.monotonic() < finish:
            while self.queue and self.queue[0][0] <= time.monotonic():
                heapq.heappop(self.queue)[2]()
            self.look_after_all()
            time.sleep(LOOK_SECONDS)

    def calm_down(self):
        """No more faults: the broker comes back, and what is running is stopped in order."""
        self.queue = []
        self.volume.free()
        self.is_full = False
        deadline = time.monotonic() + BROKER_SECONDS
        while self.broker.state != "up":
            if self.broker.state == "down":
                self.broker.resume()
            self.broker.move()
            if time.monotonic() > deadline:
                raise CannotRun("the broker does not come back")
            time.sleep(0.1)
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
        for assignor, seconds in self.parts():
            self.rage(assignor, seconds)
            self.calm_down()
        self.producers.stop()

    def drain(self):
        """One tracker handles what is left, alone."""
        slot = self.slots[0]
        self.start_slot(slot, "--drain")
        try:
            status = slot.process.wait(DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            slot.kill()
            raise CannotRun(f"not drained within {DRAIN_SECONDS} s") from None
        if status != 0:
            self.problem(f"the draining tracker ended with status {status}: {slot.last_words()}")

    def dump(self, topic, name):
        """Reads a topic to its ends, byte by byte."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as out:
            done = subprocess.run(
                ["kcat", "-b", self.broker.address, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", DUMP_FORMAT,
                 "-X", "fetch.message.max.bytes=8388608"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=1200, check=False,
            )
        if done.returncode != 0:
            raise CannotRun(f"kcat cannot read {topic}: {done.stderr[-500:]!r}")

    def read_topics(self):
        self.dump("orders", "orders.dump")
        self.dump("orders-dlq", "orders-dlq.dump")
        self.dump("__consumer_offsets", "offsets.dump")

    def end_all(self):
        """Nothing is left behind, whatever happened."""
        for slot in self.slots:
            if slot.is_running():
                slot.note_rss()
            end(slot.process, 15)
        if self.producers:
            for process, _ in self.producers.running:
                end(process, 5)
        self.broker.stop()
        for slot in self.slots:
            slot.collect()
        if self.volume:
            self.volume.leave()
        self.faults.close()


def judge(storm):
    """Asks the oracle. Returns whether all is well, and its figures by name."""
    path = os.path.join(storm.folder, "verdict")
    with open(path, "w") as out:
        status = subprocess.run([sys.executable, ORACLE, "--group", GROUP, storm.folder], stdout=out,
                                stderr=subprocess.STDOUT, timeout=7200, check=False).returncode
    with open(path) as f:
        text = f.read()
    print(text, end="", flush=True)
    figures = re.findall(r"^  (\S.*?) +([\d,]+)$", text, re.MULTILINE)
    return status == 0, {name: int(n.replace(",", "")) for name, n in figures}


# What the table tells, and of which figures.
ROWS = [
    ("orders on the topic; acknowledged to producers", ["orders on the topic", "orders acknowledged to producers"]),
    ("kill -9 of a tracker; restarts", ["kills of a tracker", "restarts of a tracker"]),
    ("of these kills, after it had told lines since its start", ["kills of a tracker that told"]),
    ("kill -9 of the broker; restarts", ["kills of the broker", "restarts of the broker"]),
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
    ("records told by two journals, as partitions moved", ["records told by two journals"]),
    ("commits of offsets", ["commits"]),
    ("**lost; doubled within a journal; out of order; malformed; altered**",
     ["lost", "doubled", "out_of_order", "malformed", "altered"]),
    ("peak memory of a tracker, MiB", ["peak memory of a tracker, MiB"]),
]


def tell(storm, figures):
    """The figures as a Markdown table."""
    figures = {**figures, **storm.counts}
    figures["torn tails"] = figures.get("torn tails moved aside", 0) + figures.get("torn tails in rotated files", 0)
    figures["restarts of the broker"] = storm.broker.restarts
    figures["orders acknowledged to producers"] = storm.producers.acknowledged
    figures["peak memory of a tracker, MiB"] = max(s.peak_rss for s in storm.slots) >> 10
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
        log(f"{options.minutes:g} minutes, seed {options.seed}: {parts}; disk of its own: {storm.volume.kind or 'none, it is not filled up'}")
        storm.storm()
        log("the storm is over, draining")
        storm.drain()
        log("reading the topics")
        storm.read_topics()
    finally:
        storm.end_all()
    log("judging")
    good, figures = judge(storm)
    tell(storm, figures)
    orders = figures.get("orders on the topic", 0)
    if orders < storm.producers.acknowledged:
        storm.problem(f"{storm.producers.acknowledged} orders were acknowledged and {orders} are on the topic")
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
