#!/usr/bin/env python3
"""Instructions and allocations per order, against the committed budget. Prints TAP.

    check.py WAY [--update]        WAY: the program built from tests/perf/way.c

Each kind of way runs under valgrind (callgrind) on the same thousand messages. More than 5 % above tests/perf/budget
fails, and the functions that grew are named; more than 5 % below is said. UPDATE=1 make perf-check, or --update,
writes the budget anew. Instructions are those of one compiler and C library; elsewhere they are skipped, and only
allocations are compared.

Exit status: 0 all within the budget, 1 not, 2 could not be counted.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGET = os.path.join(HERE, "budget")
WAYS = {
    "both": "an order, both payloads",
    "raw": "an order, events_payload: raw",
    "failures": "an order, events_payload: failures",
    "broken": "a broken message, dropped",
    "made": "an order made by the generator",
}
SHARE = 0.05
ALLOCATIONS_MORE = 0.05  # of an order: a buffer that grows once is no allocation per order
WORTH_NAMING = 0.01  # of all instructions of a way
NAMED = 5

# The C library chooses its string functions by the CPU; these are in all of x86-64.
PLAIN_CPU = "glibc.cpu.hwcaps=" + ",".join(
    f"-{x}" for x in ("AVX_Fast_Unaligned_Load", "AVX", "AVX2", "AVX512F", "AVX512VL", "AVX512BW", "BMI2", "ERMS", "FSRM",
                      "SSSE3", "SSE4_1", "SSE4_2", "Fast_Unaligned_Load", "Fast_Unaligned_Copy"))

VARIANT = re.compile(r"(\.isra|\.part|\.constprop|@|').*")  # of one function: made by the compiler, or recursive

HEAD = """# Instructions and allocations per order, each kind of way as in tests/perf/check.py, then the functions that take
# 1 % or more of the instructions. make perf-check compares with it, UPDATE=1 make perf-check writes it.
"""


class CannotCount(Exception):
    pass


def said(argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError) as e:
        raise CannotCount(str(e)) from None


def here():
    """What instructions depend on, beside the code."""
    compiler = said([os.environ.get("CC") or "cc", "--version"]).splitlines()[0]
    kind = "clang" if "clang" in compiler else "gcc"
    major = re.search(r"(\d+)\.\d+", compiler)
    library = " ".join(platform.libc_ver())
    flags = os.environ.get("CFLAGS") or "-O2 -g"
    return f"{platform.machine()}, {kind} {major[1] if major else '?'}, {library}, {flags}"


def run_way(way, name, folder):
    """Returns {"instructions", "allocations"} per message and {function: instructions per message}."""
    profile = os.path.join(folder, name)
    # An environment of its own, since its size moves the stack.
    environment = {"PATH": os.environ.get("PATH", ""), "GLIBC_TUNABLES": PLAIN_CPU}
    argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--collect-atstart=no",
            "--toggle-collect=counted", way, name]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=300, check=False)
    counts = re.search(r"messages (\d+) allocations (\d+)", done.stdout)
    total = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not counts or not total or int(total[1]) == 0:
        raise CannotCount(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()[-500:]}")
    messages = int(counts[1])
    figures = {"instructions": int(total[1]) / messages, "allocations": int(counts[2]) / messages}
    return figures, functions(profile, messages)


def functions(profile, messages):
    """Own instructions of each function, without those it calls; of recursive ones all together."""
    own = {}
    text = said(["callgrind_annotate", "--auto=no", "--threshold=100", profile])
    for line in text.splitlines():
        # " 7,219,182 ( 7.33%)  src/model/json_text.c:check_string [/path/to/way]"
        found = re.match(r"\s*([\d,]+) +\( *[\d.]+%\) +(.*):(\S+) \[(.*)\]", line)
        if not found:
            continue
        count, file, function, binary = found.groups()
        if function.startswith("0x"):  # a library without symbols
            function = "unnamed"
        where = os.path.basename(binary).split(".so")[0] if file == "???" else os.path.basename(file)
        name = f"{where}:{VARIANT.sub('', function)}"
        own[name] = own.get(name, 0) + int(count.replace(",", "")) / messages
    return own


def read_budget():
    """Returns what it is for, and {way: {what: figure}}."""
    made_for, budget = "", {}
    with open(BUDGET) as f:
        for line in f:
            if line.startswith("for "):
                made_for = line[4:].strip()
            elif line.strip() and not line.startswith("#"):
                way, what, figure = line.split()
                budget.setdefault(way, {})[what] = float(figure)
    return made_for, budget


def write_budget(counted):
    with open(BUDGET, "w") as f:
        f.write(HEAD + f"for {here()}\n")
        for way, (figures, own) in counted.items():
            f.write(f"\n{way:9} {'instructions':44} {figures['instructions']:8.0f}\n")
            f.write(f"{way:9} {'allocations':44} {figures['allocations']:8.2f}\n")
            least = WORTH_NAMING * figures["instructions"]
            for name, count in sorted(own.items(), key=lambda x: -x[1]):
                if count >= least:
                    f.write(f"{way:9} {name:44} {count:8.0f}\n")


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = False

    def line(self, is_good, text):
        self.count += 1
        self.failed |= not is_good
        print(f"{'ok' if is_good else 'not ok'} {self.count} - {text}")


def name_growth(own, then):
    grown = sorted(((count - then.get(name, 0), name) for name, count in own.items()), reverse=True)
    for more, name in grown[:NAMED]:
        if more > 0.5:
            print(f"#   {name}: {then.get(name, 0):.0f} -> {own[name]:.0f}")


def compare(tap, name, counted, then, why_not):
    figures, own = counted
    now, budget = figures["instructions"], then["instructions"]
    text = f"{WAYS[name]}: {now:.0f} instructions, budget {budget:.0f}"
    if why_not:
        tap.line(True, f"{text} # SKIP {why_not}")
    else:
        is_good = now <= budget * (1 + SHARE)
        tap.line(is_good, text)
        if not is_good:
            print(f"# {now / budget - 1:.1%} more; what grew, or is new among the larger ones:")
            name_growth(own, then)
        elif now < budget * (1 - SHARE):
            print(f"# {1 - now / budget:.1%} less: the budget may be lowered, UPDATE=1 make perf-check")
    now, budget = figures["allocations"], then["allocations"]
    tap.line(now <= budget * (1 + SHARE) + ALLOCATIONS_MORE, f"{WAYS[name]}: {now:.2f} allocations, budget {budget:.2f}")
    if now < budget * (1 - SHARE) - ALLOCATIONS_MORE:
        print("# fewer: the budget may be lowered, UPDATE=1 make perf-check")


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory() as folder:
            counted = {name: run_way(options.way, name, folder) for name in WAYS}
        if options.update:
            write_budget(counted)
        made_for, budget = read_budget()
        why_not = "" if here() == made_for else f"not comparable: the budget is for {made_for}; this is {here()}"
    except (CannotCount, OSError, subprocess.SubprocessError) as e:
        print(f"Bail out! {e}")
        return 2
    tap = Tap()
    print(f"1..{2 * len(WAYS)}")
    for name in WAYS:
        compare(tap, name, counted[name], budget[name], why_not)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
