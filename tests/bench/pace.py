#!/usr/bin/env python3
"""Prints lines of a file at a steady pace, from its beginning again when it ends.

    pace.py FILE RATE COUNT

At most a megabyte of the file is held in memory. At 1,000 a second each goes alone; faster, what is due goes together.
"""

import sys
import time

HELD_BYTES = 1 << 20
TURN_SECONDS = 0.001


def main(path, rate, count):
    with open(path, "rb") as f:
        held = f.read(HELD_BYTES)
    lines = held[: held.rfind(b"\n") + 1].splitlines(keepends=True)
    began = time.monotonic()
    sent = 0
    while sent < count:
        due = min(int((time.monotonic() - began) * rate) + 1, count)
        if due > sent:
            sys.stdout.buffer.write(b"".join(lines[i % len(lines)] for i in range(sent, due)))
            sys.stdout.buffer.flush()
            sent = due
        time.sleep(TURN_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
