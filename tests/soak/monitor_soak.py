#!/usr/bin/env python3
"""The monitor for a long time: two journals that are rotated all the while, its window resized, keys pressed.

    monitor_soak.py [--minutes N] [--seed S] [--monitor PROGRAM] [--keep]

Two writers, 2,500 lines/s each, some broken in two by a pause. The journal of one is rotated by `logrotate` with
`create`, and the writer goes on with the old file until it is told; that of the other with `copytruncate`, between two lines, since what is written between copy and cut is lost to everybody. One monitor in tmux gets the
resizes and keys, one reports as JSON every second; with a build of sanitizers (--monitor
build/san-address-undefined/bin/monitor) any fault of memory ends them. At the end both must have counted exactly
what was written: no line lost, counted twice, torn, or out of order.

Exit status: 0 good, 1 something is wrong, 2 it could not run.
"""

import argparse
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RATE = 2500
DEADLINE_SECONDS = 60
KEYS = ["Tab", "BTab", "Up", "Down", "PPage", "NPage", "Home", "End", "Enter", "Escape", "Space", "BSpace",
        *"elxp1234jkgGzfsonN+-?rbmt", "/", "/p1\n", "/é\n", "M-x", "F5", "C-l"]
SIZES = [(80, 24), (120, 40), (200, 60), (40, 8), (24, 3), (1, 1), (250, 70)]


class Writer:
    """A tracker's journal and log, as far as the monitor sees them."""

    def __init__(self, folder, name, partitions, draw):
        self.path = os.path.join(folder, name + ".events")
        self.log = os.path.join(folder, name + ".log")
        self.partitions = partitions
        self.draw = draw
        self.written = 0
        self.failed = 0
        self.rest = b""  # of a line that was begun
        self.file = None
        self.next_metrics = 0
        self.open()

    def open(self):
        if self.file:
            self.file.close()
        self.file = open(self.path, "ab", buffering=0)

    def line(self):
        first, count = self.partitions
        partition, offset = first + self.written % count, self.written // count
        failed = self.draw.random() < 0.02
        self.written += 1
        self.failed += failed
        now = time.time()
        fate = '"error":"quantity %d","outcome":"dropped","reason":"VALIDATE"' % offset if failed else '"outcome":"processed"'
        return ('{"timestamp":"%s.%03dZ","event_type":"message.received","kafka_topic":"orders","kafka_partition":%d,'
                '"kafka_offset":%d,"message_size":%d,"deserialized":true,%s,"attempts":1,"latency_ms":5,"pad":"%s"}\n'
                % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)), now % 1 * 1000, partition, offset, 200, fate,
                   "é" * self.draw.randrange(0, 120))).encode()

    def write(self, count):
        """So many lines, the last of them perhaps only begun."""
        block = self.rest + b"".join(self.line() for _ in range(count))
        cut = self.draw.randrange(1, 80) if count and self.draw.random() < 0.2 else 0
        self.rest = block[len(block) - cut:] if cut else b""
        self.file.write(block[:len(block) - cut] if cut else block)
        if time.monotonic() >= self.next_metrics:
            self.next_metrics = time.monotonic() + 1
            self.tell()

    def tell(self):
        with open(self.log, "a") as f:
            f.write('{"timestamp":"%s","level":"INFO","event":"tracker.metrics","message":"periodic metrics","metadata":{"messages_received":%d,"lag":0}}\n'
                    % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), self.written))

    def finish(self):
        self.file.write(self.rest)
        self.rest = b""


class Rotation:
    """logrotate on one journal, every few seconds."""

    def __init__(self, folder, writer, mode, draw):
        self.writer = writer
        self.draw = draw
        self.config = os.path.join(folder, mode + ".conf")
        self.state = os.path.join(folder, mode + ".state")
        self.is_copying = mode == "copytruncate"
        self.count = 0
        self.next = time.monotonic() + 2
        self.reopen_at = None  # when the writer learns of it
        with open(self.config, "w") as f:
            f.write(f"\"{writer.path}\" {{\n  rotate 5\n  {mode if self.is_copying else 'create 0644'}\n}}\n")
        os.chmod(self.config, 0o644)

    def move(self):
        now = time.monotonic()
        if self.reopen_at is not None and now >= self.reopen_at:
            self.writer.finish()
            self.writer.open()
            self.reopen_at = None
        if now < self.next or self.reopen_at is not None:
            return
        if self.is_copying:
            self.writer.finish()
        subprocess.run(["logrotate", "-f", "-s", self.state, self.config], check=True, timeout=60)
        self.count += 1
        self.next = now + self.draw.uniform(1.5, 6)
        if not self.is_copying:
            self.reopen_at = now + self.draw.uniform(0, 1.5)


class Terminal:
    """The monitor in tmux."""

    def __init__(self, folder, command):
        self.name = f"monitor-soak-{os.getpid()}"
        self.error = os.path.join(folder, "monitor.err")
        self.status = os.path.join(folder, "monitor.status")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40",
                  f"{shlex.join(command)} 2>{shlex.quote(self.error)}; echo $? >{shlex.quote(self.status)}; sleep 1000")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.name, *arguments], capture_output=True, text=True, timeout=60, check=False).stdout

    def press(self, key):
        if key.endswith("\n"):
            self.tmux("send-keys", key[0], key[1:-1], "Enter")
        else:
            self.tmux("send-keys", key)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def has_ended(self):
        return os.path.exists(self.status)

    def end(self):
        self.tmux("kill-server")


def last_report(path):
    """The last whole object of the reporting monitor; None before the first."""
    with open(path) as f:
        lines = [line for line in f.read().split("\n")[:-1] if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


class Soak:
    def __init__(self, options, folder):
        self.folder = folder
        self.draw = random.Random(options.seed)
        self.writers = [Writer(folder, "a", (0, 3), self.draw), Writer(folder, "b", (3, 3), self.draw)]
        self.rotations = [Rotation(folder, w, m, self.draw) for w, m in zip(self.writers, ("create", "copytruncate"))]
        command = [os.path.abspath(options.monitor)]
        for w in self.writers:
            command += ["--events", w.path, "--log", w.log]
        os.environ.update(LC_ALL="C.UTF-8", TZ="UTC")
        self.reports = os.path.join(folder, "reports")
        self.report_errors = open(os.path.join(folder, "reports.err"), "w")
        self.reporter = subprocess.Popen(command + ["--json", "--watch", "1"], stdin=subprocess.DEVNULL,
                                         stdout=open(self.reports, "w"), stderr=self.report_errors)
        self.terminal = Terminal(folder, command)
        self.keys = self.sizes = 0

    def run(self, seconds):
        wait_for(lambda: last_report(self.reports) is not None)
        start = last = time.monotonic()
        owed = 0.0
        while time.monotonic() - start < seconds:
            now = time.monotonic()
            owed += (now - last) * RATE
            last = now
            for writer in self.writers:
                writer.write(int(owed))
            owed -= int(owed)
            for rotation in self.rotations:
                rotation.move()
            if self.draw.random() < 0.3:
                self.terminal.press(self.draw.choice(KEYS))
                self.keys += 1
            if self.draw.random() < 0.05:
                self.terminal.resize(*self.draw.choice(SIZES))
                self.sizes += 1
            if self.terminal.has_ended() or self.reporter.poll() is not None:
                return
            time.sleep(0.03)

    def settle(self):
        """The last lines, and a screen that shows the totals whatever was pressed before."""
        for rotation in self.rotations:
            rotation.writer.finish()
        self.terminal.resize(120, 40)
        for _ in range(8):
            self.terminal.press("Escape")
            time.sleep(0.1)
        return wait_for(lambda: (last_report(self.reports) or {}).get("received_total") == self.written())

    def written(self):
        return sum(w.written for w in self.writers)

    def shown(self):
        found = re.search(r"received +([0-9 ]+?)(  |│)", self.terminal.screen())
        return int(found.group(1).replace(" ", "")) if found else None

    def complaints(self):
        if self.terminal.has_ended():
            yield "the monitor ended: " + open(self.terminal.error).read()[-3000:]
        if self.reporter.poll() is not None:
            yield f"the reporting monitor ended with {self.reporter.returncode}: " + \
                open(self.report_errors.name).read()[-3000:]
        report = last_report(self.reports) or {}
        expected = {"received_total": self.written(), "failed_total": sum(w.failed for w in self.writers), "gaps_total": 0,
                    "dups_total": 0}
        for name, value in expected.items():
            if report.get(name) != value:
                yield f"{name} is {report.get(name)} instead of {value}"
        reader = report.get("reader", {})
        for name in ("malformed", "torn", "oversized", "unfinished_bytes"):
            if reader.get(name) != 0:
                yield f"reader.{name} is {reader.get(name)} instead of 0"
        if not wait_for(lambda: self.shown() == self.written()):
            yield f"the screen shows {self.shown()} instead of {self.written()}:\n{self.terminal.screen()}"

    def stop(self):
        self.terminal.end()
        if self.reporter.poll() is None:
            self.reporter.terminate()
            self.reporter.wait(30)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--monitor", default=os.path.join(ROOT, "bin", "monitor"))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not os.path.exists(options.monitor) or not shutil.which("tmux") or not shutil.which("logrotate"):
        print("monitor_soak: it needs the built monitor, tmux and logrotate", file=sys.stderr)
        return 2
    folder = tempfile.mkdtemp(prefix="monitor-soak.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    soak = Soak(options, folder)
    try:
        soak.run(options.minutes * 60)
        soak.settle()
        complaints = list(soak.complaints())
    finally:
        soak.stop()
    reader = (last_report(soak.reports) or {}).get("reader", {})
    print(f"monitor soak: seed {options.seed}, {options.minutes:g} min: {soak.written():,} lines written, "
          f"{soak.rotations[0].count} rotations by create, {soak.rotations[1].count} by copytruncate, "
          f"{soak.keys} keys, {soak.sizes} resizes; the monitor saw {reader.get('rotations')} rotations "
          f"and {reader.get('truncations')} truncations")
    for complaint in complaints:
        print(f"  WRONG: {complaint}")
    if complaints or options.keep:
        print(f"  evidence: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
