#!/usr/bin/env bats
# The bench itself, as far as it needs neither Kafka nor time.

load ../support/common

@test "the bench's arithmetic holds" {
  run timeout 300 python3 "$ROOT/tests/bench/test_bench.py"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *OK* ]]
}
