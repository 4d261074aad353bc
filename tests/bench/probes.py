"""What is not a race: latency, start-up, recovery, memory over many orders, idle cost."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

from broker import ROOT, clean_environment, program
from contenders import CONSUMERS, Lines, Missing, Row, peer, rsyslog, topic_of, tracker, tracker_words
from measure import Failed, end, measure, send, size_of, start

PACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pace.py")
DURABLE = os.path.join(ROOT, "build", "durable.so")

WAIT_SECONDS = 120
SLOW_RATE = 1000
SLOW_SECONDS = 10
FAST_SECONDS = 5
SETTLE_SECONDS = 1  # of each latency run, left out: connections are made
LONG = 10  # times as many orders, for memory and recovery
LINE_BYTES = 2700  # of a journal line, roughly: for the question whether the disk has room
RECOVERY_BYTES = 10000  # of journal for each of --orders: 5 GB for 500,000
BUSY_BYTES = 400  # likewise, between the first line after a start and the next kill: the sidecar is then behind
SAMPLE_SECONDS = 0.2
IDLE_SETTLE_SECONDS = 5
IDLE_SECONDS = 10


def wait_until(is_so, what, seconds=WAIT_SECONDS, every=0.02):
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(every)


def holds(path, text):
    try:
        with open(path, errors="replace") as f:
            return text in f.read()
    except FileNotFoundError:
        return False


def start_tracker(bench, folder, topic, *settings, **environment):
    words = tracker_words(bench, topic, *settings)
    return start(words, folder, clean_environment(**environment))


# ---- latency


def durable_times(path):
    """[(bytes, wall clock in ms)], both ascending."""
    with open(path) as f:
        return [(int(size), int(us) / 1000) for size, us in map(str.split, f)]


def latencies(journal, notes, from_ms):
    """Milliseconds from the producer's timestamp of each order to the end of the first fsync that covers its line."""
    times = iter(durable_times(notes))
    size, at = next(times, (0, 0))
    position, found = 0, []
    with open(journal, "rb") as f:
        for line in f:
            position += len(line)
            while size < position:
                step = next(times, None)
                if step is None:
                    raise Failed("lines that no fsync covers")
                size, at = step
            stamp = int(re.search(rb'"kafka_timestamp_ms":(\d+)', line)[1])
            if stamp >= from_ms:
                found.append(at - stamp)
    return sorted(found)


def percentiles(values):
    def at(share):
        return values[min(int(share * len(values)), len(values) - 1)]

    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "max_ms": values[-1]}


def one_latency(bench, rate, seconds):
    folder = bench.new_folder()
    topic = f"bench-latency-{uuid.uuid4().hex[:8]}"
    bench.broker.create(topic, 1)
    journal, notes = os.path.join(folder, "tracker.events"), os.path.join(folder, "durable")
    count = int(rate * seconds)
    lines = Lines([journal])
    os.symlink(DURABLE, os.path.join(folder, "durable.so"))
    # Its path from where the tracker runs: in LD_PRELOAD a blank ends a path.
    running = [start_tracker(bench, folder, topic, LD_PRELOAD="./durable.so", DURABLE_FILE="tracker.events", DURABLE_LOG=notes)]
    try:
        wait_until(lambda: holds(os.path.join(folder, "tracker.log"), '"partition.assigned"'), "the tracker's partition")
        pace = subprocess.Popen([sys.executable, PACE, bench.values_file(), str(rate), str(count)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        running.append(pace)
        sender_folder = os.path.join(folder, "sender")
        os.mkdir(sender_folder)
        began = time.time()
        sender = start(program("producer", f"kafka.broker={bench.broker.address}", f"kafka.topic={topic}",
                               "producer.interval_ms=0", "producer.flush_timeout_ms=60000") + ["--input", "-"],
                       sender_folder, clean_environment(), stdin=pace.stdout)
        running.append(sender)
        pace.stdout.close()
        wait_until(lambda: sender.poll() is not None, "the producer's end")
        took = time.time() - began
        if sender.returncode != 0:
            raise Failed(f"the producer ended with status {sender.returncode}")
        wait_until(lambda: lines() >= count, "all lines")
    finally:
        for process in running:
            end(process)
    figures = percentiles(latencies(journal, notes, (began + SETTLE_SECONDS) * 1000))
    return figures | {"rate": count / took}


def half_of_maximum(bench):
    rounds = bench.result("tracker", CONSUMERS[0].name)["rounds"]
    if not rounds:
        bench.fill(topic_of(1), 1, bench.orders)
        folder = bench.new_folder()
        rounds = [measure(tracker(bench, folder, CONSUMERS[0]), folder, 600)]
    seconds = sorted(r["seconds"] for r in rounds)[len(rounds) // 2]
    return bench.orders / seconds / 2


def latency(bench):
    bench.fill(topic_of(1), 1, bench.orders)
    half = half_of_maximum(bench)
    bench.take_turns("latency", [
        (f"{SLOW_RATE:,} a second", lambda: one_latency(bench, SLOW_RATE, SLOW_SECONDS)),
        ("half of the tracker's maximum", lambda: one_latency(bench, half, FAST_SECONDS)),
    ])


# ---- start-up


STARTERS = [Row("tracker", tracker), Row("rsyslog imkafka to omfile", rsyslog), Row("PEER_TRACKER", peer)]


def one_startup(bench, row):
    folder = bench.new_folder()
    job = row.job(bench, folder, row)
    job.is_done = lambda: size_of(job.output) > 0
    return measure(job, folder, WAIT_SECONDS)


def startup(bench):
    bench.fill(topic_of(1), 1, bench.orders)
    bench.take_turns("startup", [(row.name, lambda row=row: one_startup(bench, row)) for row in STARTERS])


# ---- many orders


def fill_long(bench):
    orders = LONG * bench.orders
    needed = orders * LINE_BYTES * 1.3
    free = shutil.disk_usage(bench.folder).free
    if free < needed:
        raise Missing(f"{needed / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} GB are free")
    bench.fill("bench-long", 1, orders)


def resident_bytes(process):
    try:
        with open(f"/proc/{process.pid}/status") as f:
            found = re.search(r"VmRSS:\s+(\d+)", f.read())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 if found else 0


def one_memory(bench):
    """Peak of the resident memory in each quarter of the orders, by the journal's growth."""
    folder = bench.new_folder()
    journal = os.path.join(folder, "tracker.events")
    samples = []
    process = start(tracker_words(bench, "bench-long") + ["--drain"], folder, clean_environment())
    began = time.monotonic()
    try:
        while process.poll() is None:
            if time.monotonic() - began > 60 + LONG * bench.orders / 2000:
                raise Failed("did not come to its end")
            samples.append((size_of(journal), resident_bytes(process)))
            time.sleep(SAMPLE_SECONDS)
        took = time.monotonic() - began
        if process.returncode != 0:
            raise Failed(f"status {process.returncode}")
    finally:
        end(process)
    whole = size_of(journal)
    quarters = {f"quarter{q + 1}_bytes": max((rss for size, rss in samples if q * whole / 4 <= size <= (q + 1) * whole / 4),
                                             default=None) for q in range(4)}
    return quarters | {"orders": LONG * bench.orders, "seconds": took, "written_bytes": whole}


def memory(bench):
    bench.once("memory", f"tracker, {LONG * bench.orders:,} orders", lambda: (fill_long(bench), one_memory(bench))[1])


# ---- recovery


def whole_lines_end(path):
    """Where the last whole line ends."""
    size = size_of(path)
    with open(path, "rb") as f:
        f.seek(max(size - (1 << 22), 0))
        tail = f.read()
    return size - len(tail) + tail.rfind(b"\n") + 1


def state_length(folder):
    try:
        with open(os.path.join(folder, "tracker.events.state")) as f:
            return json.load(f)["length"]
    except (OSError, ValueError, KeyError):
        return 0


class Restarts:
    """One journal that grows, and the tracker that is killed over it."""

    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.new_folder()
        self.journal = os.path.join(self.folder, "tracker.events")
        self.words = tracker_words(bench, "bench-long")
        self.dynamic = ["-X", "group.instance.id="]
        self.named = ["-X", "group.instance.id=bench"]

    def begin(self, words):
        """Returns the tracker once it has told its first new line, and the seconds until then."""
        before = size_of(self.journal)
        whole = whole_lines_end(self.journal) if before else 0

        def is_told():
            size = size_of(self.journal)  # a torn end is cut off first
            return size > whole and size != before or process.poll() is not None

        began = time.monotonic()
        process = start(self.words + words, self.folder, clean_environment())
        try:
            wait_until(is_told, "the first new line", every=0.001)
        except Failed:
            end(process)
            raise
        took = time.monotonic() - began
        if process.poll() is not None:
            raise Failed(f"the tracker ended with status {process.returncode}")
        return process, took

    def kill_at(self, process, size):
        try:
            wait_until(lambda: size_of(self.journal) >= size or process.poll() is not None, "the journal's growth", 600)
        finally:
            send(process, signal.SIGKILL)
            process.wait()

    def grow(self, words, size):
        process, _ = self.begin(words)
        self.kill_at(process, size)

    def one(self, words, has_sidecar=True):
        if not has_sidecar:
            os.unlink(self.journal + ".state")
        whole = whole_lines_end(self.journal)
        beyond = whole - state_length(self.folder)
        process, took = self.begin(words)
        self.kill_at(process, whole + BUSY_BYTES * self.bench.orders)
        return {"seconds": took, "journal_bytes": whole, "beyond_bytes": beyond}


def recovery(bench):
    """By default the tracker is a static member and has its partitions back at once, so that what is left is the
    journal's part; a dynamic one waits until its old session ends. The name is lost with the sidecar, so the last
    row has one of the user's."""
    try:
        fill_long(bench)
        restarts = Restarts(bench)
        bench.say("growing the journal")
        restarts.grow([], RECOVERY_BYTES * bench.orders)
        bench.take_turns("recovery", [("default settings", lambda: restarts.one([]))])
        restarts.grow(restarts.dynamic, size_of(restarts.journal) + BUSY_BYTES * bench.orders)
        bench.take_turns("recovery", [("a dynamic member", lambda: restarts.one(restarts.dynamic))])
        restarts.grow(restarts.named, size_of(restarts.journal) + BUSY_BYTES * bench.orders)
        bench.once("recovery", "a static member, its sidecar lost", lambda: restarts.one(restarts.named, False))
    except (Failed, Missing) as e:
        bench.problem("recovery", "default settings", e)


# ---- idle


def cost(process):
    """CPU nanoseconds and wake-ups of all threads so far."""
    cpu = wakes = 0
    folder = f"/proc/{process.pid}/task"
    for task in os.listdir(folder):
        with open(os.path.join(folder, task, "schedstat")) as f:
            cpu += int(f.read().split()[0])
        with open(os.path.join(folder, task, "status")) as f:
            wakes += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.MULTILINE)[1])
    return cpu, wakes


def idle(bench):
    """All three run side by side; each round is a look at them."""
    running = {}
    try:
        for name in ("tracker, nothing comes", "tracker, an order every 2 s", "producer, an order every 2 s"):
            folder = os.path.join(bench.folder, f"idle-{len(running)}")
            os.mkdir(folder)
            topic = "bench-silent" if "nothing" in name else "bench-slow"
            if name.startswith("tracker"):
                bench.broker.create(topic, 1)
                running[name] = start_tracker(bench, folder, topic)
            else:
                running[name] = start(program("producer", f"kafka.broker={bench.broker.address}", f"kafka.topic={topic}"),
                                      folder, clean_environment())
        time.sleep(IDLE_SETTLE_SECONDS)
        for i in range(bench.rounds):
            bench.say(f"round {i + 1} of {bench.rounds}: idle")
            began = time.monotonic()
            before = {name: cost(process) for name, process in running.items()}
            time.sleep(IDLE_SECONDS)
            for name, process in running.items():
                if process.poll() is not None:
                    raise Failed(f"{name}: ended with status {process.returncode}")
                cpu, wakes = cost(process)
                seconds = time.monotonic() - began
                bench.result("idle", name)["rounds"].append({
                    "cpu_percent": (cpu - before[name][0]) / 1e7 / seconds,
                    "wakes_per_second": (wakes - before[name][1]) / seconds,
                })
    except (Failed, OSError) as e:
        bench.problem("idle", "tracker, nothing comes", Failed(str(e)))
    finally:
        for process in running.values():
            end(process)
