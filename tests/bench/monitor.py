#!/usr/bin/env python3
"""What does it cost to watch a journal: our monitor beside goaccess and lnav, on the same file?

    monitor.py [--seconds N] [--rate LINES_PER_SECOND] [--size BYTES]

Each runs in a terminal of its own of 120x40, in three situations: nothing happens (N seconds, 30 if not told),
20,000 lines a second are written (two thirds of that), a journal of 1 GB is opened. Prints one table with the goals
of ours and whether they were reached, and writes all to build/bench-monitor.json.

Exit status: 0 measured (whether or not the goals were reached), 1 ours could not be measured.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import sys
import tempfile
import termios
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULT = os.path.join(ROOT, "build", "bench-monitor.json")
PARTITIONS = 6
SETTLE_SECONDS = 3
OPEN_SECONDS = 120
FULL_BYTES = 3000  # so much has been sent to the terminal when all panels are drawn
GOACCESS_FORMAT = '{"timestamp":"%dT%t.%^","event_type":"%U","kafka_topic":"%h",%^'
CONTENDERS = [
    ("monitor", [os.path.join(ROOT, "bin", "monitor"), "--events", "FILE", "--log", "LOG"]),
    ("goaccess", ["goaccess", "FILE", "--no-global-config", "--no-ip-validation", "--log-format", GOACCESS_FORMAT,
                  "--date-format", "%Y-%m-%d", "--time-format", "%H:%M:%S"]),
    ("lnav", ["lnav", "-q", "FILE"]),
]


class Journal:
    """A file of lines as the tracker writes them by default, about 2.2 kB each."""

    def __init__(self, path):
        self.file = open(path, "ab", buffering=0)
        order = '{"order_id":"8f3a0000-0000-4000-8000-0000000000c1","status":"pending","total":5.5,"currency":"EUR"'
        order += ',"customer_info":{"customer_id":"client07"},"note":"%s"}' % ("x" * 850)
        self.rest = '"outcome":"processed","attempts":1,"latency_ms":12,"order_id":"8f3a0000-0000-4000-8000-0000000000c1",'
        self.rest += '"raw_message":%s,"order_full":%s}\n' % (json.dumps(order), order)
        self.lines = 0

    def write(self, count, at=None):
        now = time.time() if at is None else at
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)
        head = '{"timestamp":"%s","event_type":"message.received","kafka_topic":"orders",' % stamp
        lines = []
        for i in range(self.lines, self.lines + count):
            lines.append('%s"kafka_partition":%d,"kafka_offset":%d,"message_size":969,"deserialized":true,%s'
                         % (head, i % PARTITIONS, i // PARTITIONS, self.rest))
        self.lines += count
        self.file.write("".join(lines).encode())

    def size(self):
        return os.fstat(self.file.fileno()).st_size


def write_at(path, lines, rate, seconds):
    """Runs in a process of its own: goes on with the journal that has so many lines already."""
    journal = Journal(path)
    journal.lines = lines
    start = time.monotonic()
    written = 0
    while written < rate * seconds:
        due = min(int((time.monotonic() - start) * rate), rate * seconds)
        if due > written:
            journal.write(due - written)
            written = due
        time.sleep(0.02)


class Watcher:
    """A program in a terminal, with what it has used so far."""

    running = []

    def __init__(self, command, folder):
        Watcher.running.append(self)
        self.sent = 0  # bytes to the terminal
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", HOME=folder)
            time.sleep(0.1)  # the terminal's size is set meanwhile
            try:
                os.execvp(command[0], command)
            except OSError:
                os._exit(127)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.reader = threading.Thread(target=self.swallow, daemon=True)
        self.reader.start()

    def swallow(self):
        while True:
            try:
                block = os.read(self.terminal, 65536)
            except OSError:
                return
            if not block:
                return
            self.sent += len(block)

    def tasks(self, name):
        folder = f"/proc/{self.pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/{name}") as f:
                yield f.read()

    def cpu_seconds(self):
        return sum(int(text.split()[0]) for text in self.tasks("schedstat")) / 1e9

    def wakeups(self):
        return sum(int(line.split()[1]) for text in self.tasks("status") for line in text.splitlines()
                   if line.startswith("voluntary_ctxt_switches"))

    def field(self, file, name):
        with open(f"/proc/{self.pid}/{file}") as f:
            return next((int(line.split()[1]) for line in f if line.startswith(name)), 0)

    def has_read(self):
        return self.field("io", "rchar:")

    def peak_bytes(self):
        return self.field("status", "VmHWM:") * 1024

    def is_alive(self):
        """To be asked no more once it said no."""
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        for _ in range(50):
            if not self.is_alive():
                break
            time.sleep(0.1)
        else:
            self.kill()
        self.running.remove(self)
        os.close(self.terminal)

    def kill(self):
        with contextlib.suppress(OSError):  # gone by itself
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class Bench:
    def __init__(self, options, folder):
        self.seconds = options.seconds
        self.rate = options.rate
        self.folder = folder
        self.big = os.path.join(folder, "big.events")
        self.live = os.path.join(folder, "tracker.events")
        self.log = os.path.join(folder, "tracker.log")
        self.fill_big(options.size)

    def fill_big(self, size):
        journal = Journal(self.big)
        start = time.time()
        while journal.size() < size:
            journal.write(2000, start - 7200 + journal.size() / size * 7190)  # two hours up to now
        with open(self.log, "w") as f:
            f.write('{"timestamp":"%s","level":"INFO","event":"tracker.started","message":"tracker started"}\n'
                    % time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def start(self, command, file):
        return Watcher([{"FILE": file, "LOG": self.log}.get(word, word) for word in command], self.folder)

    def new_live(self, age):
        if os.path.exists(self.live):
            os.unlink(self.live)
        Journal(self.live).write(10000, time.time() - age)

    def idle(self, command):
        self.new_live(120)  # what happened lately would still change the figures of the last minute
        w = self.start(command, self.live)
        time.sleep(SETTLE_SECONDS)
        before = (w.cpu_seconds(), w.wakeups(), w.sent)
        time.sleep(self.seconds)
        after = (w.cpu_seconds(), w.wakeups(), w.sent)
        w.end()
        used = [(b - a) / self.seconds for a, b in zip(before, after)]
        return {"idle_cpu_percent": used[0] * 100, "idle_wakeups_per_s": used[1], "idle_tty_bytes_per_s": used[2]}

    def follow(self, command):
        seconds = max(self.seconds * 2 // 3, 1)
        self.new_live(0)
        w = self.start(command, self.live)
        time.sleep(SETTLE_SECONDS)
        size, read, cpu, sent = os.path.getsize(self.live), w.has_read(), w.cpu_seconds(), w.sent
        writer = os.fork()
        if writer == 0:
            write_at(self.live, 10000, self.rate, seconds)
            os._exit(0)
        os.waitpid(writer, 0)
        ended = time.monotonic()
        result = {"follow_cpu_percent": (w.cpu_seconds() - cpu) / seconds * 100,
                  "follow_tty_bytes_per_s": (w.sent - sent) / seconds}
        grown = os.path.getsize(self.live) - size
        while w.has_read() - read < grown and time.monotonic() - ended < OPEN_SECONDS:
            time.sleep(0.01)
        result["follow_lag_s"] = time.monotonic() - ended if w.has_read() - read >= grown else None
        w.end()
        return result

    def open(self, command):
        size = os.path.getsize(self.big)
        start = time.monotonic()
        w = self.start(command, self.big)
        result = {"open_full_s": None, "open_complete_s": None}
        while time.monotonic() - start < OPEN_SECONDS and w.is_alive() and result["open_complete_s"] is None:
            if result["open_full_s"] is None and w.sent >= FULL_BYTES:
                result["open_full_s"] = time.monotonic() - start
            if w.has_read() >= size:
                result["open_complete_s"] = time.monotonic() - start
            time.sleep(0.01)
        time.sleep(1)
        result["open_peak_mb"] = w.peak_bytes() / 1e6
        result["open_cpu_s"] = w.cpu_seconds()
        w.end()
        return result


ROWS = [  # figure, title, digits, the most that ours may need
    ("idle_cpu_percent", "idle: % of a core", 2, 0.3),
    ("idle_wakeups_per_s", "idle: wake-ups/s", 1, 15),
    ("idle_tty_bytes_per_s", "idle: bytes/s to the terminal", 1, 50),
    ("follow_cpu_percent", "lines followed: % of a core", 1, 10),
    ("follow_lag_s", "lines followed: behind at the end, s", 2, 1),
    ("follow_tty_bytes_per_s", "lines followed: bytes/s to the terminal", 0, None),
    ("open_full_s", "big journal: screen full after s", 2, 1),
    ("open_complete_s", "big journal: read whole after s", 2, 5),
    ("open_cpu_s", "big journal: CPU s", 2, None),
    ("open_peak_mb", "big journal: peak MB", 0, 64),
]


def show(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def print_table(results):
    names = [name for name, _ in CONTENDERS]
    rows = [["", *names, "goal", "reached"]]
    for figure, title, digits, goal in ROWS:
        ours = results["monitor"].get(figure)
        row = [title] + [show(results[n].get(figure), digits) for n in names]
        row.append("" if goal is None else f"<= {goal:g}")
        row.append("" if goal is None else "yes" if ours is not None and ours <= goal else "no")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i, row in enumerate(rows):
        print("| " + " | ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths))) + " |")
        if i == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for name in names:
        if "problem" in results[name]:
            print(f"{name}: {results[name]['problem']}")


def measure(bench):
    results = {}
    for name, command in CONTENDERS:
        if not shutil.which(command[0]):
            results[name] = {"problem": "not installed"}
            continue
        results[name] = {}
        for step in (bench.idle, bench.follow, bench.open):
            try:
                results[name].update(step(command))
            except (OSError, ChildProcessError) as e:
                results[name]["problem"] = f"{step.__name__}: {e}"
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=20000)
    parser.add_argument("--size", type=int, default=1 << 30)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="bench-monitor.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        results = measure(Bench(options, folder))
    finally:
        for watcher in Watcher.running:
            watcher.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"monitor: {options.seconds} s idle, {options.rate:,} lines/s followed, {options.size:,} bytes opened")
    print_table(results)
    os.makedirs(os.path.dirname(RESULT), exist_ok=True)
    with open(RESULT, "w") as f:
        json.dump({"seconds": options.seconds, "rate": options.rate, "size": options.size, "results": results}, f, indent=1)
    return 1 if "problem" in results["monitor"] else 0


if __name__ == "__main__":
    sys.exit(main())
