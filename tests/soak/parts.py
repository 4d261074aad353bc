"""What a soak is made of: brokers and trackers that can be killed, a disk that can be filled, producers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from cluster import Cluster  # noqa: E402

PARTITIONS = 12  # at the beginning
SESSION_MAX_MS = 3000
REFRESH_MS = 3000  # until a topic that has grown is noticed
SPARE_SECONDS = 6
FLUSH_SECONDS = 600  # a producer of the storm may find its brokers down or frozen, again and again
BUSY_BYTES = 1 << 17  # within one look
YOUNG_SECONDS = 5
VOLUME_BYTES = 2 << 30
SETTINGS = {
    "tracker.drain_timeout_ms": 2000,
    "tracker.metrics_interval_seconds": 5,
    "retry.initial_delay_ms": 5,
    "retry.max_delay_ms": 50,
    "simulate.transient_rate": 0.02,
    "simulate.permanent_rate": 0.005,
}


class CannotRun(Exception):
    pass


def end(process, seconds):
    """Ends a child by its id, with SIGKILL when SIGTERM is not enough. Returns False then."""
    if process is None or process.poll() is not None:
        return True
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def run(command, seconds, **options):
    """Runs a command to its end. Returns its stdout; raises CannotRun when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, **options)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise CannotRun(str(e)) from None
    if done.returncode != 0:
        raise CannotRun(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def clean_environment():
    """Nothing that the user has set may reach the programs."""
    ours = ("KAFKA_", "PRODUCER_", "TRACKER_", "RETRY_", "DLQ_", "SIMULATE_", "PROCESSOR_", "MONITOR_", "APP_")
    keep = {k: v for k, v in os.environ.items() if not k.startswith(ours) or k == "KAFKA_HEAP_OPTS"}
    for name in ("LOG_LEVEL", "CONFIG_FILE"):
        keep.pop(name, None)
    return keep


class Brokers:
    """A cluster whose nodes come and go. Node 1 is its controller too."""

    LOOK_SECONDS = 0.3  # a question to a node that is starting

    def __init__(self, folder, count):
        # Segments that end soon, for compaction; and a cleaner that does not sleep for long.
        self.cluster = Cluster(os.path.join(folder, "kafka"), count, {"log.cleaner.backoff.ms": 1000})
        self.starting = {}  # node: since when
        self.down = set()
        self.restarts = 0
        self.frozen = set()  # behind their proxies

    def start(self):
        try:
            self.cluster.start()
        except (OSError, RuntimeError) as e:
            raise CannotRun(str(e)) from None

    def nodes(self):
        return list(self.cluster.nodes.values())

    def up(self):
        return [n for n in self.nodes() if n not in self.down and n not in self.starting]

    def kill(self, node):
        node.kill()
        self.down.add(node)

    def resume(self, node):
        node.start()
        self.down.discard(node)
        self.starting[node] = time.monotonic()

    def move(self):
        """Notices nodes that are ready; one that ended while it started is started again."""
        for node in list(self.starting):
            try:
                if node.is_ready(self.LOOK_SECONDS):
                    del self.starting[node]
                    self.restarts += 1
            except RuntimeError:
                node.start()

    def calm(self):
        """No more delays, freezes and cuts; all that are down start."""
        for node in self.nodes():
            node.proxy.delay = 0
            node.proxy.thaw()
            if node.is_cut_off():
                node.join_again()
        self.frozen.clear()
        for node in list(self.down):
            self.resume(node)

    def longest_start(self):
        return max((time.monotonic() - since for since in self.starting.values()), default=0)

    def stop(self):
        self.cluster.stop()


class Volume:
    """A disk of its own, that can be filled up. None when there may be none."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "volume")
        self.filler = os.path.join(self.folder, "filler")
        self.kind = None
        os.mkdir(self.folder)
        if os.geteuid() != 0 or "SOAK_UNSHARED" not in os.environ:
            return
        image = os.path.join(folder, "volume.image")
        for kind, commands in (
            ("ext4", [["truncate", "-s", str(VOLUME_BYTES), image], ["mkfs.ext4", "-q", "-m", "0", image],
                      ["mount", "-o", "loop", image, self.folder]]),
            ("tmpfs", [["mount", "-t", "tmpfs", "-o", f"size={VOLUME_BYTES}", "soak", self.folder]]),
        ):
            try:
                for command in commands:
                    run(command, 60)
                self.kind = kind
                return
            except CannotRun:
                continue

    def fill(self, left):
        """Leaves `left` bytes, as well as the file system lets us."""
        stat = os.statvfs(self.folder)
        fd = os.open(self.filler, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.posix_fallocate(fd, 0, max(stat.f_bavail * stat.f_frsize, 1))
        except OSError:
            pass
        # What block counts do not tell of: to the brim, then back by what is to be left.
        try:
            os.lseek(fd, 0, os.SEEK_END)
            while os.write(fd, bytes(4096)) > 0:
                pass
        except OSError:
            pass
        os.ftruncate(fd, max(os.fstat(fd).st_size - left, 0))
        os.close(fd)

    def free(self):
        try:
            os.unlink(self.filler)
        except FileNotFoundError:
            pass

    def share_used(self):
        stat = os.statvfs(self.folder)
        return 1 - stat.f_bavail / stat.f_blocks

    def leave(self):
        if self.kind:
            subprocess.run(["umount", self.folder], check=False, timeout=60)
        image = self.folder + ".image"
        if os.path.exists(image):
            os.unlink(image)


class SpinWatch:
    """Notices when librdkafka's main thread does nothing but compute, as in its assignor's endless loop:
    it sends no heartbeats then, and others of the group go on without its tracker."""

    THREAD = "rdk:main"
    SECONDS = 3

    def __init__(self):
        self.ticks = None
        self.at = 0
        self.since = None
        self.is_told = False

    def read_ticks(self, pid):
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/stat") as f:
                    name, _, rest = f.read().partition("(")[2].rpartition(")")
                if name == self.THREAD:
                    fields = rest.split()
                    return int(fields[11]) + int(fields[12])
        except (OSError, ValueError, IndexError):
            pass
        return None

    def looks_anew(self, pid):
        """True once, when it has been so for SECONDS. To be called about once a second."""
        now, ticks, before, then = time.monotonic(), self.read_ticks(pid), self.ticks, self.at
        self.ticks, self.at = ticks, now
        # Some other work has the processor at times: half of it is far more than assigning takes.
        share = 0 if None in (ticks, before) else (ticks - before) / os.sysconf("SC_CLK_TCK") / (now - then)
        if share < 0.5:
            self.since = None
            return False
        self.since = self.since or then
        if self.is_told or now - self.since < self.SECONDS:
            return False
        self.is_told = True
        return True


class Slot:
    """One tracker with its own journal, killed and started again and again."""

    def __init__(self, name, folder, evidence, settings, rng):
        self.name = name
        self.folder = folder  # of the journal
        self.kept = os.path.join(evidence, "trackers", name)  # of rotated files, and of all at the end
        self.log_file = os.path.join(evidence, f"{name}.log")
        self.out_file = os.path.join(evidence, f"{name}.out")
        self.settings = settings  # further ones: which broker and topic, say
        self.rng = rng
        self.process = None
        self.is_wanted = False
        self.is_frozen = False
        self.stop_deadline = None
        self.is_static = True
        self.assignor = None
        self.cpu = SpinWatch()
        self.events = os.path.join(folder, "tracker.events")
        self.rotations = 0
        self.size_at_start = 0
        self.started = 0
        self.mood = "at once"
        self.last_size = 0
        self.growth = 0
        self.peak_rss = 0
        os.makedirs(folder, exist_ok=True)
        os.makedirs(self.kept, exist_ok=True)

    def arguments(self):
        settings = {**SETTINGS, **self.settings}
        settings["tracker.events_file"] = self.events
        settings["tracker.log_file"] = self.log_file
        settings["tracker.fsync"] = self.rng.choice(["group"] * 8 + ["always", "never"])
        properties = {
            "session.timeout.ms": self.rng.choice([1500, 1500, SESSION_MAX_MS]),
            "heartbeat.interval.ms": 400,
            "topic.metadata.refresh.interval.ms": REFRESH_MS,
            "partition.assignment.strategy": self.assignor,
        }
        # A static member has its partitions back at once; a killed other one is missed by the group
        # until its session ends.
        if self.rng.random() < (0.08 if self.is_static else 0.3):
            self.is_static = not self.is_static
        if self.is_static:
            properties["group.instance.id"] = f"soak-{self.name}"
        words = [f"-s{k}={v}" for k, v in settings.items()]
        return words + [f"-X{k}={v}" for k, v in properties.items()]

    def start(self, *more):
        self.stop_deadline = None
        self.is_frozen = False
        self.size_at_start = self.size()
        self.started = time.monotonic()
        self.mood = self.rng.choice(["at once", "told", "busy", "busy"])
        self.cpu = SpinWatch()
        with open(self.out_file, "a") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "bin", "tracker"), "-q", *self.arguments(), *more],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, env=clean_environment(),
            )

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def is_spared(self):
        """Most may tell something before they are killed, or are killed while they write; but none waits
        for long."""
        if time.monotonic() > self.started + SPARE_SECONDS or self.mood == "at once":
            return False
        return self.growth < BUSY_BYTES if self.mood == "busy" else self.size() <= self.size_at_start

    def note_growth(self):
        size = self.size()
        self.growth, self.last_size = size - self.last_size, size

    def is_young(self):
        """It may have been signalled before it could take signals."""
        return time.monotonic() < self.started + YOUNG_SECONDS

    def is_stopping(self):
        return self.stop_deadline is not None

    def size(self):
        try:
            return os.stat(self.events).st_size
        except FileNotFoundError:
            return 0

    def note_rss(self):
        try:
            with open(f"/proc/{self.process.pid}/status") as f:
                kb = re.search(r"VmHWM:\s+(\d+)", f.read())
            with open(f"/proc/{self.process.pid}/comm") as f:
                is_tracker = f.read().strip() == "tracker"
            if kb and is_tracker:
                self.peak_rss = max(self.peak_rss, int(kb[1]))
        except (FileNotFoundError, ProcessLookupError):
            pass

    def has_begun_to_spin(self):
        return self.is_running() and not self.is_frozen and self.cpu.looks_anew(self.process.pid)

    def kill(self):
        """Returns True when it had told something."""
        self.note_rss()
        told = self.size() > self.size_at_start
        self.process.kill()
        self.process.wait()
        return told

    def last_words(self):
        with open(self.out_file, errors="replace") as f:
            lines = f.read().strip().splitlines()
        return lines[-1] if lines else ""

    def rotate(self):
        """As logrotate with `create`: rename, then SIGHUP."""
        self.rotations += 1
        os.rename(self.events, f"{self.events}.{self.rotations:04d}")
        if self.is_running():
            self.process.send_signal(signal.SIGHUP)

    def put_away(self):
        """Moves the rotated files off the disk, as logrotate would much later: all but the one
        that the sidecar still speaks of."""
        try:
            with open(self.events + ".state") as f:
                inode = int(json.load(f)["inode"])
            if os.stat(self.events).st_ino != inode:
                return
        except (OSError, ValueError, KeyError):
            return
        for n in range(1, self.rotations + 1):
            path = f"{self.events}.{n:04d}"
            if os.path.exists(path) and self.folder != self.kept:
                shutil.move(path, self.kept)

    def collect(self):
        for name in sorted(os.listdir(self.folder)):
            if name.startswith("tracker.events") and self.folder != self.kept:
                shutil.move(os.path.join(self.folder, name), self.kept)


class Producers:
    """One that sends all the time, and others that bring many orders at once."""

    def __init__(self, evidence, address, seed):
        self.evidence = evidence
        self.address = address
        self.seed = seed
        self.running = []
        self.started = 0
        self.acknowledged = 0
        self.problems = []

    def start(self, *arguments):
        self.started += 1
        path = os.path.join(self.evidence, f"producer-{self.started}.out")
        words = [f"-skafka.broker={self.address}", f"-sproducer.flush_timeout_ms={1000 * FLUSH_SECONDS}"]
        words += [f"-Xtopic.metadata.refresh.interval.ms={REFRESH_MS}"]
        words += ["--seed", str(self.seed * 10000 + self.started), "--invalid-rate", "0.02", *arguments]
        with open(path, "w") as out:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "bin", "producer"), *words],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=self.evidence,
                env=clean_environment(),
            )
        self.running.append((process, path))

    def collect(self):
        for process, path in [x for x in self.running if x[0].poll() is not None]:
            self.running.remove((process, path))
            with open(path) as f:
                text = f.read()
            counts = re.search(r"acknowledged (\d+), failed (\d+)", text)
            self.acknowledged += int(counts[1]) if counts else 0
            if process.returncode != 0 or not counts:
                self.problems.append(f"{os.path.basename(path)}: status {process.returncode}: {text[-300:]}")

    def stop(self):
        for process, _ in self.running:
            process.terminate()
        deadline = time.monotonic() + FLUSH_SECONDS + 30
        while self.running and time.monotonic() < deadline:
            self.collect()
            time.sleep(0.1)
        for process, path in self.running:
            process.kill()
            process.wait()
            self.problems.append(f"{path}: does not stop")


class Transactions:
    """A producer whose orders come in transactions; some are aborted, and when it is killed one stays open for a while."""

    ID = "soak"

    def __init__(self, evidence, address, topic, seed):
        self.path = os.path.join(evidence, "transactions.out")
        self.address = address
        self.topic = topic
        self.seed = seed
        self.starts = 0
        self.process = None

    def start(self):
        self.starts += 1
        with open(self.path, "a") as out:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", os.path.join(ROOT, "build", "kafka-transact"), self.topic,
                 str(PARTITIONS), self.ID, str(self.seed * 1000 + self.starts)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=os.path.dirname(self.path),
                env={**clean_environment(), "KAFKA_BROKER": self.address},
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def figures(self):
        """By what became of transactions: how many, and how many records they had."""
        counts = {"committed": [0, 0], "aborted": [0, 0]}
        with open(self.path) as f:
            for word in map(str.split, f):
                if len(word) == 2 and word[0] in counts:
                    counts[word[0]][0] += 1
                    counts[word[0]][1] += int(word[1])
        return counts
