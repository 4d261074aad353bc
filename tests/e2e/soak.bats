#!/usr/bin/env bats
# The storm, as short as it may be, half of it with either assignor, and the oracle that judges it. run.sh runs
# this file first: it takes longest.
# `make soak MINUTES=30 SEED=1` is the long one.

# bats sets the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common

@test "the oracle takes a good journal and objects by name to each kind of bad one" {
  run timeout 300 python3 "$ROOT/tests/soak/test_oracle.py"
  [ "$status" -eq 0 ] || fail "$output"
}

# Three brokers: nearly all that one can do to a tracker three can do too, and they lose leaders one by one. What one
# alone shows, no Kafka at all, is the storm's too when it kills them all at once.
@test "two minutes of kills, stops, freezes, rebalances, full disks and crashes of three brokers: nothing lost, doubled or disordered" {
  run timeout --signal=TERM --kill-after=60 1500 python3 "$ROOT/tests/soak/soak.py" --minutes 2
  [ "$status" -eq 0 ] || fail "$output"
}
