# For every e2e file: `load ../support/common`. Where things are, waiting, background processes.
#
# Deadlines are about ten times what a thing normally takes, since the machine may be busy; nothing waits
# longer than it must, because conditions are asked again and again.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
export ROOT

# Nothing that the user has set may reach the programs under test.
unset CDPATH NO_COLOR COLUMNS LINES
export LC_ALL=C.UTF-8
unset KAFKA_BROKER CONFIG_FILE START_KAFKA START_KAFKA_PORT LOG_LEVEL "${!KAFKA_@}" "${!PRODUCER_@}" \
  "${!TRACKER_@}" "${!RETRY_@}" "${!DLQ_@}" "${!SIMULATE_@}" "${!PROCESSOR_@}" "${!MONITOR_@}" "${!APP_@}"

. "$ROOT/scripts/lib/process.sh"
. "$ROOT/scripts/lib/net.sh"

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# wait_for SECONDS COMMAND...: until it succeeds; fails the test when it does not in time. It ends also where a
# failure does not end the test, behind `if` and before `||`.
wait_for() {
  local deadline=$((SECONDS + $1)) seconds=$1
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      fail "not within $seconds s: $*"
      return 1
    fi
    sleep 0.1
  done
}

is_gone() { # PID
  ! process_start_ticks "$1" >/dev/null
}

# start_in_background LOG COMMAND...: its pid is in $started_pid; ended by end_background at the latest.
# It holds none of the files by which bats would wait for it.
start_in_background() {
  start_detached "$@"
  echo "$started_pid $(process_start_ticks "$started_pid")" >>"$BATS_TEST_TMPDIR/background"
}

# end_background: for teardown. A pid that has passed to another process meanwhile is left alone.
end_background() {
  local pid ticks
  [ -f "$BATS_TEST_TMPDIR/background" ] || return 0
  while read -r pid ticks; do
    [ "$(process_start_ticks "$pid")" != "${ticks:-gone}" ] || end_process "$pid" 10 || :
  done <"$BATS_TEST_TMPDIR/background"
}

line_count() { # FILE
  if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi
}

has_lines() { # FILE COUNT
  [ "$(line_count "$1")" -ge "$2" ]
}
