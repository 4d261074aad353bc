# For tests of start.sh and stop.sh: each has a built copy of this checkout, so that it touches neither the
# files nor the processes of whoever runs it, and looks at what they say. Load ../support/common before it.

# copy_checkout DIR: sources, also new and changed ones, and what is built; times are kept, so that make
# finds nothing to do. Left out is what .gitignore names besides; git is not asked, since it refuses a checkout
# that belongs to another user.
copy_checkout() {
  mkdir -p "$1"
  tar -C "$ROOT" --anchored --exclude=./.git --exclude=./.kafka --exclude='./tracker.*' --exclude='./*.pid' \
    --exclude=./producer.log --exclude=./config.yaml --exclude='./build/san-*' --exclude=./build/tests \
    --exclude=./build/test-logs --exclude=./build/fuzz --ignore-failed-read -cf - . | tar -C "$1" -xf -
}

# processes_under DIR: pid and command line of each process that runs from it or names it.
processes_under() {
  local proc exe command
  for proc in /proc/[0-9]*; do
    exe=$(readlink "$proc/exe" 2>/dev/null) || continue
    command=$(tr '\0' ' ' 2>/dev/null <"$proc/cmdline") || continue
    case "$exe $command" in *"$1"*) echo "${proc#/proc/} $command" ;; esac
  done
}

setup() {
  unset KAFKA_BROKER
  checkout="$BATS_TEST_TMPDIR/l'été, order tracker"
  copy_checkout "$checkout"
  fakes=$BATS_TEST_TMPDIR/fakes
  mkdir "$fakes"
  PATH=$fakes:$PATH
  fake docker 'exit 1'
  fake docker-compose 'exit 1'
  START_KAFKA_PORT=$(random_free_port)
  PRODUCER_INTERVAL_MS=50
  export START_KAFKA_PORT PRODUCER_INTERVAL_MS
  cd /
}

teardown() {
  "$checkout/stop.sh" >/dev/null 2>&1 || :
  end_background
}

fake() { # NAME BODY: a command that is found before the real one
  printf '#!/bin/bash\n%s\n' "$2" >"$fakes/$1"
  chmod +x "$fakes/$1"
}

no_java() {
  fake java 'echo "openjdk version \"11.0.2\" 2019-01-15" >&2'
}

start() {
  run timeout 300 "$checkout/start.sh" "$@"
}

stop() {
  run timeout 120 "$checkout/stop.sh" "$@"
}

succeeded() {
  [ "$status" -eq 0 ] || fail "exit status $status: $output"
}

failed_with() { # STATUS
  [ "$status" -eq "$1" ] || fail "exit status $status instead of $1: $output"
}

says() { # TEXT
  [[ $output == *"$1"* ]] || fail "does not say '$1': $output"
}

says_not() { # TEXT
  [[ $output != *"$1"* ]] || fail "says '$1': $output"
}

pid_of() { # NAME
  cat "$checkout/$1.pid"
}

orders() {
  line_count "$checkout/tracker.events"
}

more_orders_than() {
  [ "$(orders)" -gt "$1" ]
}

flow_runs() {
  kill -0 "$(pid_of tracker)" "$(pid_of producer)" || fail "not running: $output"
  wait_for 60 more_orders_than "$(orders)"
}

nothing_is_left() {
  local left
  left=$(processes_under "$checkout")
  [ -z "$left" ] || fail "still running: $left"
  for left in tracker.pid producer.pid .kafka/state .kafka/local/kafka.pid .kafka/embedded/embedded.pid; do
    [ ! -e "$checkout/$left" ] || fail "$left is left"
  done
}
