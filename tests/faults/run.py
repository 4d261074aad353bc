#!/usr/bin/env python3
"""Runs the tracker again and again over the same few records, each time with one fault, and judges each journal.

    run.py [--all] [--seed N] [--jobs N] [--only TEXT] --broker HOST:PORT --work FOLDER GROUP...

FOLDER holds orders.dump, all records of the topic `orders` in the oracle's format. GROUP is one of
    journal   a call on the journal fails
    others    a call on the sidecar, the log, a torn journal, or towards Kafka fails
    kills     the program is killed before or after each point of a record's way
    power     the same, and what was not durable is lost: from some byte on, or some blocks of it and later ones not
    either    kills, each with or without a loss of power

Faults come from build/faults.so, see faults.c; tests/soak/oracle.py judges. First a run without faults tells how often
each call is made; then with --all a fault falls on each of these calls up to the 40th and on some later ones, else on
a few of them, chosen by the seed. A fault that never fell fails the test. What a failed case left stays in FOLDER.
Exit status: 0 all held, 1 something did not.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import fnmatch
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "soak"))
sys.dont_write_bytecode = True

import oracle

JOURNAL, SIDECAR, TEMPORARY, LOG, TORN = (
    "tracker.events",
    "tracker.events.state",
    "tracker.events.state.tmp",
    "tracker.log",
    "tracker.events.torn-*",
)
FOLDER = "files"  # the journal's own folder
ALL_UP_TO = 40
LATER = 10
RUN_SECONDS = 30
MAX_RUNS = 6
TRIES = 5  # the number of calls differs a little from run to run

WAITS = '"event":"journal.blocked"'
GOES_ON = '"event":"journal.unblocked"'
TROUBLE = '"event":"journal.warning"'
OPENED_ANEW = '"event":"files.reopened"'
NO_ROOM = '"event":"journal.no_space"'
ROOM_AGAIN = '"event":"journal.space_available"'
TORN_MOVED = '"event":"journal.torn_line"'
STATE_NOT_USED = '"event":"journal.state_unused"'


TAIL, BLOCKS = "tail", "blocks"
BLOCK_BYTES = 4096


@dataclasses.dataclass
class Step:
    """One run of the tracker."""

    faults: str = ""
    status: tuple = (0,)
    says: str = ""  # on stderr
    logs: dict = dataclasses.field(default_factory=dict)  # text: how often, or None for at least once
    rotations: int = 0  # renamed, then SIGHUP
    hangup: bool = True
    torn: int = -1  # how many files with torn lines there are then; -1: any number
    fsync: str = "group"
    fsync_ms: int = 1


@dataclasses.dataclass
class Case:
    kind: str  # what the counts at the end are by
    steps: list
    power: str = ""  # what a loss of power takes: TAIL or BLOCKS
    number: int = 0
    folder: str = ""
    wrong: str = ""
    tries: int = 0
    holes: int = 0  # lost blocks with a later one that was kept


KILLED = (-signal.SIGKILL,)


class Runner:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.numbers = itertools.count(1)
        self.folder = tempfile.mkdtemp(prefix="faults.", dir=options.work)
        self.name = os.path.basename(self.folder)

    # ---- one run

    def tracker(self, case, step, log):
        files = os.path.join(case.folder, FOLDER)
        name = self.name_of(case)
        command = [os.path.join(ROOT, "bin", "tracker"), "--drain", "--quiet", "-X", f"group.instance.id={name}"]
        # One record at a time, ten milliseconds each: nearly every line is a write and an fsync of its own.
        command += ["-X", "session.timeout.ms=6000", "-X", "auto.commit.interval.ms=50"]
        settings = {
            "kafka.broker": self.options.broker,
            "kafka.consumer_group": name,
            "kafka.partitions": 2,
            "dlq.topic": f"{name}-dlq",
            "simulate.latency_ms": 10,
            "processor.ordering": "partition",
            "tracker.fsync": step.fsync,
            "tracker.fsync_interval_ms": step.fsync_ms,
            "tracker.events_file": os.path.join(files, JOURNAL),
            "tracker.log_file": os.path.join(files, LOG),
        }
        for key, value in settings.items():
            command += ["-s", f"{key}={value}"]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "TRACKER_", "FAULTS"))}
        # Its path from where the tracker runs: in LD_PRELOAD a blank ends a path.
        env |= {"LD_PRELOAD": "./faults.so", "FAULTS": step.faults, "FAULTS_DIR": files, "FAULTS_LOG": log}
        process = subprocess.Popen(
            command, env=env, cwd=case.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            for number in range(1, step.rotations + 1):
                self.rotate(process, os.path.join(files, JOURNAL), number, step.hangup)
            said = process.communicate(timeout=RUN_SECONDS)[1]
            return process.returncode, said.decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, f"did not end within {RUN_SECONDS} s"

    def rotate(self, process, journal, number, hangup):
        deadline = time.monotonic() + RUN_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if os.path.exists(journal) and os.path.getsize(journal) > 10000:
                os.rename(journal, f"{journal}.{number:04}")
                if hangup:
                    process.send_signal(signal.SIGHUP)
                return
            time.sleep(0.005)

    def run_step(self, case, number, step):
        """Returns what is wrong, or ""."""
        log = os.path.join(case.folder, f"faults.{number}")
        tracker_log = os.path.join(case.folder, FOLDER, LOG)
        before = os.path.getsize(tracker_log) if os.path.exists(tracker_log) else 0
        status, said = self.tracker(case, step, log)
        with open(os.path.join(case.folder, f"stderr.{number}"), "w", encoding="utf-8") as f:
            f.write(said)
        hits = [line for line in read_lines(log) if line.startswith("hit ")]
        if step.faults and len(hits) < len(step.faults.split()):
            return f"never fell: {step.faults}"
        if status not in step.status:
            return f"exit status {status}, not {' or '.join(map(str, step.status))}: {said.strip()}"
        if not re.search(step.says, said):
            return f"does not say '{step.says}': {said.strip()}"
        told = ""
        if os.path.exists(tracker_log):
            with open(tracker_log, encoding="utf-8") as f:
                f.seek(before)
                told = f.read()
        for text, times in step.logs.items():
            n = told.count(text)
            if n != times and not (times is None and n > 0):
                return f"{n} times in the log, not {times}: {text}"
        torn = [name for name in os.listdir(os.path.join(case.folder, FOLDER)) if fnmatch.fnmatch(name, TORN)]
        if step.torn not in (-1, len(torn)):
            return f"{len(torn)} files with torn lines, not {step.torn}"
        if status != 0:
            self.lose_power(case, log) if case.power else self.lose_failed(case, log)
        return ""

    # ---- what a disk forgets

    def lose_power(self, case, log):
        """Keeps what was durable, perhaps some of the rest, and either of two sidecars. A file system orders neither
        the blocks that it writes by itself nor them and the length."""
        files = os.path.join(case.folder, FOLDER)
        journal, sidecar = os.path.join(files, JOURNAL), os.path.join(files, SIDECAR)
        rng = random.Random(f"{self.options.seed} {case.number}")
        if os.path.exists(journal):
            keep, size = durable_size(log), os.path.getsize(journal)
            if case.power == TAIL:
                os.truncate(journal, keep + round((size - keep) * rng.choice((0, 0, 0.5, 1))))
            else:
                case.holes += lose_blocks(journal, keep, size, rng)
        if os.path.exists(sidecar + ".before") and rng.random() < 0.5:
            os.replace(sidecar + ".before", sidecar)

    def lose_failed(self, case, log):
        """What an fsync that failed was to save is gone."""
        if any(re.match(r"hit fdatasync \d+ tracker.events ", line) for line in read_lines(log)):
            journal = os.path.join(case.folder, FOLDER, JOURNAL)
            os.truncate(journal, durable_size(log))

    # ---- cases

    def run_case(self, case):
        while True:
            case.tries += 1
            self.run_once(case)
            if "never fell" not in case.wrong or case.tries == TRIES:
                return case

    def run_once(self, case):
        case.number = next(self.numbers)
        case.holes = 0
        case.folder = os.path.join(self.folder, f"case-{case.number}")
        case.wrong = ""
        os.makedirs(os.path.join(case.folder, FOLDER))
        os.symlink(self.options.library, os.path.join(case.folder, "faults.so"))
        steps = list(case.steps)
        if steps[-1].status != (0,):
            steps.append(Step())
        for number, step in enumerate(steps, 1):
            case.wrong = self.run_step(case, number, step)
            if case.wrong:
                case.wrong = f"run {number}: {case.wrong}"
                return
            # On a busy machine the broker may not have heard the last commit: the next start brings it.
            if step is steps[-1] and self.left_in_a_hurry(case) and len(steps) < MAX_RUNS:
                steps.append(Step())

    def left_in_a_hurry(self, case):
        last = read_lines(os.path.join(case.folder, FOLDER, LOG))[-3:]
        return any('"event":"tracker.group_not_left"' in line for line in last)

    def name_of(self, case):
        return f"{self.name}.{case.number}"

    # ---- judging

    def dump(self, topic, path):
        with open(path, "wb") as f:
            subprocess.run(
                ["kcat", "-b", self.options.broker, "-C", "-t", topic, "-e", "-q", "-o", "beginning"]
                + ["-X", "check.crcs=true", "-f", oracle.DUMP_FORMAT],
                stdout=f,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=True,
            )

    def judge(self, case, offsets):
        if case.wrong:
            return
        os.symlink(os.path.join(self.options.work, "orders.dump"), os.path.join(case.folder, "orders.dump"))
        os.symlink(offsets, os.path.join(case.folder, "offsets.dump"))
        os.makedirs(os.path.join(case.folder, "trackers"))
        os.symlink(os.path.join(case.folder, FOLDER), os.path.join(case.folder, "trackers", "tracker"))
        group = self.name_of(case)
        self.dump(f"{group}-dlq", os.path.join(case.folder, "orders-dlq.dump"))
        options = oracle.make_parser().parse_args([f"--group={group}", f"--dlq-topic={group}-dlq", case.folder])
        report = oracle.judge(case.folder, options)
        case.wrong = "; ".join(f"{kind} ({oracle.KINDS[kind]}): {texts[0]}" for kind, texts in report.shown.items())

    # ---- all together

    def run(self, cases):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            cases = list(pool.map(self.run_case, cases))
        offsets = os.path.join(self.folder, "offsets.dump")
        self.dump("__consumer_offsets", offsets)
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            list(pool.map(lambda case: self.judge(case, offsets), cases))
        self.tell(cases, time.monotonic() - started)
        return all(not case.wrong for case in cases)

    def tell(self, cases, seconds):
        done, bad = collections.Counter(), collections.Counter()
        for case in cases:
            done[case.kind] += 1
            bad[case.kind] += bool(case.wrong)
        for kind, n in done.items():
            print(f"{kind:44} {n:4}" + (f"  {bad[kind]} FAILED" if bad[kind] else ""))
        again = sum(case.tries - 1 for case in cases)
        holes = sum(case.holes > 0 for case in cases)
        if holes:
            print(f"{'a block lost and a later one kept':44} {holes:4}")
        print(f"{len(cases)} faults, {sum(bad.values())} failed, {again} runs repeated, seed {self.options.seed}, {seconds:.0f} s")
        for case in cases:
            if case.wrong:
                print(f"FAILED {case.kind}, {' | '.join(step.faults for step in case.steps)}: {case.wrong}")
                print(f"       see {case.folder}")
            else:
                shutil.rmtree(case.folder)


def lose_blocks(path, keep, size, rng):
    """Each block that is not durable is there, or in its place are zeros or what an earlier block held. Returns how many
    lost ones have a block after them that was kept."""
    starts = range(keep - keep % BLOCK_BYTES, size, BLOCK_BYTES)
    lost = [start for start in starts if rng.random() < 0.5]
    with open(path, "r+b") as f:
        whole = f.read()
        for start in lost:
            low, high = max(start, keep), min(start + BLOCK_BYTES, size)
            older = rng.randrange(0, start, BLOCK_BYTES) if start > 0 and rng.random() < 0.5 else None
            old = bytes(BLOCK_BYTES) if older is None else whole[older : older + BLOCK_BYTES]
            f.seek(low)
            f.write(old[low - start : high - start])
    kept = max((start for start in starts if start not in lost), default=0)
    return sum(start < kept for start in lost)


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def durable_size(log):
    """Of the journal. What it held when the program started, a whole number of lines, was told so too."""
    size = 0
    for line in read_lines(log):
        if line.startswith(f"durable {JOURNAL} "):
            size = int(line.split()[2])
    return size


def counted(runner):
    """How often each call is made in a run without faults: {(function, name): n}."""
    case = Case("count", [Step()])
    runner.run_case(case)
    if case.wrong:
        sys.exit(f"a run without faults: {case.wrong}")
    calls = {}
    for line in read_lines(os.path.join(case.folder, "faults.1")):
        word = line.split()
        if word[0] == "call":
            calls[word[1], word[3]] = int(word[2])
    return calls


class Maker:
    """Makes the cases of each group."""

    def __init__(self, runner, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.calls = counted(runner)

    def numbers(self, function, name, few, fsync="group"):
        """On which calls the fault is to fall. The last ones may be missing in the next run."""
        n = self.calls.get((function, name), 0)
        sure = n if n < 8 else n * 9 // 10
        if (function, name) == ("fdatasync", JOURNAL):
            # Under `always` as many as writes; under `group` it is a matter of time how many lines share one.
            sure = self.calls["write", JOURNAL] * 9 // 10 if fsync == "always" else n // 2
        if not self.options.all:
            return sorted(self.random.sample(range(1, sure + 1), min(few, sure)))
        later = range(ALL_UP_TO + 1, sure + 1)
        return list(range(1, min(sure, ALL_UP_TO) + 1)) + sorted(self.random.sample(later, min(LATER, len(later))))

    def each(self, function, name, what, few, **step):
        for n in self.numbers(function, name, few, step.get("fsync", "group")):
            fault = f"{function}@{name}:{n}:{what}"
            yield Case(f"{function} {name} {what}", [Step(faults=fault, **step)])

    def each_fsync(self, what, few, **step):
        """Of the journal, when each line has its own and when lines share them."""
        for fsync in ("always", "group"):
            for case in self.each("fdatasync", JOURNAL, what, few, fsync=fsync, **step):
                case.kind += f", {fsync}"
                yield case

    # ---- groups

    def journal(self):
        blocks = {WAITS: 1, GOES_ON: 1}
        quiet = {WAITS: 0}
        yield from self.each("write", JOURNAL, "ENOSPC", 4, logs=blocks)
        yield from self.each("write", JOURNAL, "EDQUOT", 1, logs=blocks)
        yield from self.each("write", JOURNAL, "short", 3, logs=quiet)
        yield from self.each("write", JOURNAL, "EINTR", 2, logs=quiet)
        yield from self.each("write", JOURNAL, "EIO", 4, status=(1,), says=r"journal: write .*tracker\.events: Input/output error")
        yield from self.each_fsync("EIO", 3, status=(1,), says=r"journal: fdatasync .*tracker\.events: Input/output error")
        yield from self.each_fsync("ENOSPC", 1, status=(1,), says="journal: fdatasync .*: No space left")
        for n in self.numbers("write", JOURNAL, 3):
            fault = f"write@{JOURNAL}:{n}:short write@{JOURNAL}:{n + 1}:ENOSPC"
            yield Case("write tracker.events short, then ENOSPC", [Step(faults=fault, logs=blocks)])
        for n in self.numbers("write", JOURNAL, 2):
            fault = f"write@{JOURNAL}:{n}:short write@{JOURNAL}:{n + 1}:ENOSPC ftruncate@{JOURNAL}:1:EIO"
            cut = Step(faults=fault, status=(1,), says=r"journal: cut .*tracker\.events: Input/output error")
            yield Case("ftruncate tracker.events EIO, line torn", [cut])
        for n in self.numbers("write", JOURNAL, 1)[:ALL_UP_TO:8]:
            yield Case("write tracker.events ENOSPC five times", [Step(faults=f"write@{JOURNAL}:{n}+5:ENOSPC", logs=blocks)])
        for what, says in (("EMFILE", "Too many open files"), ("EACCES", "Permission denied")):
            refused = rf"^tracker: .*tracker\.events: {says}$"
            yield from self.each("open", JOURNAL, what, 1, status=(1,), says=refused)
            step = Step(faults=f"open@{JOURNAL}:2:{what}", rotations=1, logs={TROUBLE: 1, OPENED_ANEW: 0})
            yield Case(f"open tracker.events {what} at SIGHUP", [step])
        waited = Step(faults=f"open@{JOURNAL}:1+3:ENOSPC", logs={NO_ROOM: 1, ROOM_AGAIN: 1})
        yield Case("open tracker.events ENOSPC at the start", [waited])
        for function in ("open", "fsync"):
            step = Step(faults=f"{function}@{FOLDER}:1:EIO", status=(1,), says="folder of .*tracker.events: Input/output error")
            yield Case(f"{function} folder EIO at the start", [step])
        yield Case("SIGHUP, no fault", [Step(rotations=1, logs={OPENED_ANEW: 1})])
        yield Case("SIGHUP twice, no fault", [Step(rotations=2)])
        yield from self.rotations()

    def rotations(self):
        """Killed around a rotation. No offset is stored: where the next start begins is the journal's to say."""
        never = "store@-:1+0:fail"
        points = [("open", JOURNAL, range(2, 4)), ("fsync", TEMPORARY, range(2, 6)), ("rename", SIDECAR, range(2, 6))]
        points += [("fsync", FOLDER, range(3, 8)), ("write", TEMPORARY, range(2, 6))]
        for function, name, numbers in points:
            for n in numbers if self.options.all else self.random.sample(numbers, 1):
                for when in ("kill-before", "kill-after"):
                    step = Step(faults=f"{never} {function}@{name}:{n}:{when}", status=KILLED, rotations=2)
                    yield Case(f"two rotations: {function} {name} {when}", [step])
        renamed = f"{JOURNAL}.0001"
        step = Step(faults=f"{never} write@{renamed}:3:kill-within", status=KILLED, rotations=1, hangup=False)
        yield Case("one rotation, not told yet: write kill-within", [step])
        # The sidecar speaks of the first file and the third is empty: the second one has to be read.
        for function, name in (("write", TEMPORARY), ("rename", SIDECAR)):
            unsaved = f"{never} {function}@{name}:2+0:ENOSPC"
            for when in ("kill-before", "kill-after"):
                step = Step(faults=f"{unsaved} open@{JOURNAL}:3:{when}", status=KILLED, rotations=2)
                yield Case(f"two rotations, {function} {name} ENOSPC: open {JOURNAL} {when}", [step])

    def others(self):
        yield from self.sidecar()
        yield from self.torn()
        yield from self.each("open", LOG, "EACCES", 1, status=(1,), says=r"tracker\.log: Permission denied")
        for what in ("ENOSPC", "EIO", "short", "EINTR"):
            yield from self.each("write", LOG, what, 1)
        for what in ("produce", "report"):
            yield from self.each(what, "-", "fail", 1)
        # The last one of a partition is made good by the next start.
        for case in self.each("store", "-", "fail", 1):
            case.steps.append(Step())
            yield case
        again = Step(faults="report@-:1+3:fail")
        yield Case("report fail three times", [again])

    def sidecar(self):
        warns = {TROUBLE: None}
        faults = [("open", TEMPORARY, "EMFILE"), ("open", TEMPORARY, "EACCES"), ("write", TEMPORARY, "ENOSPC")]
        faults += [("write", TEMPORARY, "EIO"), ("fsync", TEMPORARY, "EIO"), ("rename", SIDECAR, "EACCES")]
        for function, name, what in faults:
            yield from self.each(function, name, what, 1, logs=warns)
        yield from self.each("write", TEMPORARY, "short", 1, logs={TROUBLE: 0})
        yield from self.each("write", TEMPORARY, "EINTR", 1, logs={TROUBLE: 0})
        for function in ("open", "fsync"):
            for n in range(2, self.calls[function, FOLDER] + 1):
                yield Case(f"{function} folder EIO, sidecar", [Step(faults=f"{function}@{FOLDER}:{n}:EIO", logs=warns)])
        always = f"rename@{SIDECAR}:1+0:EIO"
        yield Case("rename tracker.events.state EIO for ever", [Step(faults=always, logs=warns), Step()])
        killed = Step(faults=f"write@{JOURNAL}:25:kill-after", status=KILLED)
        for fault in (f"open@{SIDECAR}:1:EACCES", f"read@{SIDECAR}:1:EIO"):
            yield Case("sidecar not readable", [killed, Step(faults=fault, logs={STATE_NOT_USED: 1})])

    def torn(self):
        """A journal that ends within a line; then what moves the torn line aside fails."""
        tear = Step(faults=f"write@{JOURNAL}:20:kill-within", status=KILLED)
        # No room is waited for, and leaves no file behind.
        for function, name, what in (("open", TORN, "ENOSPC"), ("write", TORN, "ENOSPC"), ("ftruncate", JOURNAL, "EDQUOT")):
            waited = Step(faults=f"{function}@{name}:1+3:{what}", logs={NO_ROOM: 1, ROOM_AGAIN: 1, TORN_MOVED: 1}, torn=1)
            yield Case(f"torn line: {function} {name} {what}", [tear, waited])
        for what in ("short", "EINTR"):
            yield Case(f"torn line: write {TORN} {what}", [tear, Step(faults=f"write@{TORN}:1:{what}", torn=1)])
        faults = [("open", TORN, 1, "EACCES"), ("write", TORN, 1, "EIO")]
        faults += [("fsync", TORN, 1, "EIO"), ("fsync", FOLDER, 2, "EIO"), ("ftruncate", JOURNAL, 1, "EIO")]
        faults += [("fsync", JOURNAL, 1, "EIO"), ("pread", JOURNAL, 2, "EIO")]
        for function, name, n, what in faults:
            failed = Step(faults=f"{function}@{name}:{n}:{what}", status=(1,), says="tracker.events")
            yield Case(f"torn line: {function} {name} {what}", [tear, failed, Step(torn=1)])
        # The bytes before the sidecar's length: then all of the journal is read, if the sidecar spoke of any.
        yield Case("torn line: pread tracker.events EIO", [tear, Step(faults=f"pread@{JOURNAL}:1:EIO", status=(0, 1))])
        for function, name in (("write", TORN), ("fsync", TORN), ("ftruncate", JOURNAL), ("fsync", JOURNAL)):
            for when in ("kill-before", "kill-after"):
                step = Step(faults=f"{function}@{name}:1:{when}", status=KILLED)
                yield Case(f"torn line: {function} {name} {when}", [tear, step])

    def kills(self, power_share=0):
        points = [("fetch", "-"), ("produce", "-"), ("report", "-"), ("store", "-"), ("commit", "-"), ("close", "-")]
        points += [("write", JOURNAL), ("fdatasync", JOURNAL), ("write", TEMPORARY), ("fsync", TEMPORARY)]
        points += [("rename", SIDECAR), ("fsync", FOLDER)]
        for function, name in points:
            for when in ("kill-before", "kill-after"):
                yield from self.kill(function, name, when, power_share)
        for name in (JOURNAL, TEMPORARY):
            yield from self.kill("write", name, "kill-within", power_share)

    def kill(self, function, name, when, power_share):
        # These are made as often when an fsync is rare, and then there is much to lose.
        is_steady = function in ("fetch", "produce", "report") or (function, name) == ("write", JOURNAL)
        if (function, name) == ("fdatasync", JOURNAL):
            cases = self.each_fsync(when, 1, status=KILLED)
        else:
            cases = self.each(function, name, when, 3 if is_steady else 1, status=KILLED)
        for case in cases:
            case.power = self.random.choice((TAIL, BLOCKS)) if self.random.random() < power_share else ""
            case.kind += {TAIL: ", power lost", BLOCKS: ", power and blocks lost"}.get(case.power, "")
            if case.power and is_steady:
                case.steps[0].fsync_ms = 300
            yield case

    def power(self):
        yield from self.kills(1)

    def either(self):
        yield from self.kills(0.5)


GROUPS = ("journal", "others", "kills", "power", "either")


def main():
    parser = argparse.ArgumentParser(description="one fault per run of the tracker")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2), "big"))
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--only", default="", help="cases whose kind holds this text")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--library", default=os.path.join(ROOT, "build", "faults.so"))
    parser.add_argument("groups", nargs="+", choices=GROUPS)
    options = parser.parse_args()
    options.work = os.path.realpath(options.work)
    options.library = os.path.realpath(options.library)
    runner = Runner(options)
    maker = Maker(runner, options)
    counts = ", ".join(f"{function} {name} {n}" for (function, name), n in sorted(maker.calls.items()))
    print(f"calls in a run without faults: {counts}")
    cases = [case for group in options.groups for case in getattr(maker, group)() if options.only in case.kind]
    return 0 if runner.run(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
