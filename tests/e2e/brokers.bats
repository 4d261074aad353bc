#!/usr/bin/env bats
# Several brokers: what one alone cannot show. Each test is a scene of brokers.py with a Kafka of its own, judged by the
# oracle of tests/soak.

bats_require_minimum_version 1.5.0
load ../support/common

scene() { # NAME
  run timeout --signal=TERM --kill-after=30 1200 python3 -B "$ROOT/tests/e2e/brokers.py" "Brokers.test_$1"
  [ "$status" -eq 0 ] || fail "$output"
}

@test "a broker of three is killed and comes back: each record has one line, in order" {
  scene one_killed
}

@test "brokers come and go behind slow connections, the tracker is killed at times: each record has one line" {
  scene coming_and_going
}

@test "partitions that get a leader late, on a slow broker, are read from their beginning" {
  scene late_leader
}

@test "a leader that its controller does not know any more is not believed: nothing again, nothing lost" {
  scene stale_leader
}
