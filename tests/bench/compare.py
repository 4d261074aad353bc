#!/usr/bin/env python3
"""Two runs of bench.py beside each other.

    compare.py A.json B.json

For each contender in both: the medians, their ratio B/A, and whether the difference is larger than the spread: where the
ranges from the smallest round to the largest overlap, it is called noise.

Exit status: 0 compared, 2 not two such files.
"""

import json
import sys

sys.dont_write_bytecode = True
from report import (  # noqa: E402
    IDLE_COLUMNS, LATENCY_COLUMNS, MEMORY_COLUMNS, RECOVERY_COLUMNS, RUN_COLUMNS, STARTUP_COLUMNS, figures, median, table,
)

# One or two figures of each kind; the rest hangs on them.
COMPARED = {
    "tracker": [RUN_COLUMNS[0], RUN_COLUMNS[2], RUN_COLUMNS[3]],
    "producer": [RUN_COLUMNS[0], RUN_COLUMNS[2], RUN_COLUMNS[3]],
    "latency": LATENCY_COLUMNS[:2],
    "startup": STARTUP_COLUMNS[:1],
    "recovery": RECOVERY_COLUMNS[:1],
    "memory": MEMORY_COLUMNS[3:4],
    "idle": IDLE_COLUMNS,
}


def load(path):
    with open(path) as f:
        run = json.load(f)
    return run, {(r["group"], r["name"]): r for r in run["results"] if r["rounds"]}


def verdict(a, b):
    if len(a) < 2 or len(b) < 2:
        return "one round only"
    return "noise" if min(a) <= max(b) and min(b) <= max(a) else "differs"


def rows_of(name, group, a, b):
    for column in COMPARED.get(group, []):
        x, y = figures(column, a), figures(column, b)
        if x and y:
            ratio = f"{median(y) / median(x):.2f}" if median(x) else "-"
            yield [name, column.title, column.form(median(x)), column.form(median(y)), ratio, verdict(x, y)]


def main(argv):
    if len(argv) != 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    try:
        (run_a, a), (run_b, b) = load(argv[0]), load(argv[1])
    except (OSError, ValueError, KeyError, TypeError) as e:
        print(f"compare: {e}", file=sys.stderr)
        return 2
    rows = [row for key in a if key in b for row in rows_of(key[1], key[0], a[key], b[key])]
    print("\n".join(table(["contender", "figure", "A", "B", "B/A", "difference"], rows)))
    for key in ("cores", "cpu", "kernel", "librdkafka"):
        if run_a["machine"].get(key) != run_b["machine"].get(key):
            print(f"\nnot the same machine: {key} {run_a['machine'].get(key)} and {run_b['machine'].get(key)}")
    if run_a["orders"] != run_b["orders"]:
        print(f"\nnot the same number of orders: {run_a['orders']:,} and {run_b['orders']:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
