#!/usr/bin/env bats
# Programs that were started at a terminal, and what becomes of them when it is closed. There is no Kafka: a
# tracker waits for it, a producer tries to send.

bats_require_minimum_version 1.5.0
load ../support/common

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  ln -s "$ROOT/bin" bin # typed without quotes, whatever the path of the checkout
  export KAFKA_BROKER=127.0.0.1:1 PRODUCER_FLUSH_TIMEOUT_MS=500
  terminal="terminal-$BATS_TEST_NUMBER-$$"
}

teardown() {
  tmux -L "$terminal" kill-server 2>/dev/null || :
  [ ! -s pid ] || kill -KILL "$(cat pid)" 2>/dev/null || :
}

# at_terminal COMMAND: typed into a shell; its own pid is in $pid. It writes that before it becomes the program.
at_terminal() {
  rm -f pid
  tmux -L "$terminal" -f /dev/null new-session -d "bash --norc"
  tmux -L "$terminal" send-keys "$1" Enter
  wait_for 20 test -s pid
  pid=$(cat pid)
}

close_terminal() {
  tmux -L "$terminal" kill-server
}

# run_as COMMAND...: in the terminal, a line that runs it under the pid in the file.
run_as() {
  printf "bash -c 'echo \$\$ >pid; exec %s'" "$*"
}

has_logged() { # EVENT
  grep -qF "\"event\":\"$1\"" tracker.log
}

# It is beyond its start, where SIGTERM still ends it at once.
catches_stops() {
  local caught
  caught=$(sed -n 's/^SigCgt:\t//p' "/proc/$pid/status") && [ $((0x$caught & 1 << 14)) -ne 0 ]
}

@test "a closed terminal stops the tracker in good order, in the foreground and in the background" {
  local background
  for background in '' ' &'; do
    rm -f tracker.*
    at_terminal "$(run_as "bin/tracker")$background"
    wait_for 20 has_logged kafka.unavailable
    close_terminal
    wait_for 30 is_gone "$pid"
    has_logged tracker.stopped
    run ! grep -q '"level":"ERROR"' tracker.log
  done
}

@test "a closed terminal stops the producer, whatever it sends" {
  local what
  for what in '' '--input -' '--init --timeout-ms 600000'; do
    at_terminal "$(run_as "bin/producer $what")"
    wait_for 20 catches_stops
    close_terminal
    wait_for 30 is_gone "$pid"
  done
}

@test "without a terminal as its input, or with SIGHUP ignored, a tracker runs on and reopens its files" {
  local command
  for command in "$(run_as "nohup bin/tracker")" "trap \"\" HUP; $(run_as "bin/tracker")" \
    "$(run_as "bin/tracker </dev/null")" "$(run_as "bin/tracker <&-")"; do
    rm -f tracker.*
    at_terminal "$command"
    wait_for 20 has_logged kafka.unavailable
    close_terminal
    mv tracker.log tracker.log.1
    kill -HUP "$pid"
    wait_for 30 test -e tracker.log
    kill -TERM "$pid"
    wait_for 30 is_gone "$pid"
    has_logged tracker.stopped
  done
}

@test "without a terminal as its input, or with SIGHUP ignored, a producer runs on" {
  local command
  for command in "$(run_as "nohup bin/producer -q")" "trap \"\" HUP; $(run_as "bin/producer -q")" \
    "$(run_as "bin/producer -q </dev/null")"; do
    at_terminal "$command"
    wait_for 20 catches_stops
    close_terminal
    kill -HUP "$pid"
    sleep 1
    run ! is_gone "$pid"
    kill -TERM "$pid"
    wait_for 30 is_gone "$pid"
  done
}

# Its reports go to a file; the screen ends with its terminal in any case.
@test "a monitor that reports ends with its terminal, unless SIGHUP was ignored" {
  at_terminal "$(run_as "bin/monitor --json --watch 1 >report")"
  wait_for 20 test -s report
  close_terminal
  wait_for 30 is_gone "$pid"
  rm report
  at_terminal "$(run_as "nohup bin/monitor --json --watch 1 >report")"
  wait_for 20 test -s report
  close_terminal
  wait_for 30 has_lines report 3
  run ! is_gone "$pid"
}
