#!/usr/bin/env python3
"""An order handler: PROCESSOR_KIND=command PROCESSOR_COMMAND='python3 examples/handler.py'"""
import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    order = request["order"]  # your work goes here
    answer = {"id": request["id"], "result": "ok", "receipt": "handled " + order["order_id"]}
    print(json.dumps(answer), flush=True)
