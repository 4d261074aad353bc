"""validate_lines.py SCHEMA: each line of standard input against a JSON Schema.

Prints the number of each bad line with what is wrong. Exit status: 0 all good, 1 some are not or there are
no lines at all.
"""

import json
import sys

from jsonschema import Draft202012Validator


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = json.load(f)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    count = bad = 0
    for line in sys.stdin.buffer:
        count += 1
        errors = [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(json.loads(line))]
        if errors:
            bad += 1
            print(f"line {count}: {'; '.join(errors)}")
    if not count:
        print("no lines")
    return 1 if bad or not count else 0


sys.exit(main())
