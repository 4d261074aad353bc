# shellcheck shell=bash
# What start.sh and stop.sh both know: where things lie, and how each part is stopped. Sourced, not run;
# needs $ROOT, and process.sh and say.sh before it.
#
#   tracker.pid, producer.pid   the two programs
#   .kafka/state                which Kafka is used: "rung docker|java|embedded|given", "address HOST:PORT"
#   .kafka/run/                 output of the programs and of the steps
#   .kafka/local/               the java rung's Kafka with its data, kept between starts
#   .kafka/embedded/            the embedded rung's pid file and log

STATE=$ROOT/.kafka
RUN=$STATE/run
LOCAL=$STATE/local
EMBEDDED=$STATE/embedded
STOP_SECONDS=15

# One start.sh or stop.sh at a time. The lock ends with this process: nothing it leaves running inherits it.
# Fails, with the reason in $lock_error, when the folder of the state cannot be made or looked into. Who may
# only read the checkout gets the lock too.
# shellcheck disable=SC2034 # read by whoever called
lock_state() {
  lock_error=$(mkdir -p "$RUN" 2>&1) || [ -d "$STATE" ] || return 1
  { exec 8>>"$STATE/lock"; } 2>/dev/null || { exec 8<"$STATE/lock"; } 2>/dev/null || {
    lock_error="$STATE belongs to $(stat -c %U "$STATE"), and its lock cannot be opened"
    return 1
  }
  flock -n 8 && return 0
  echo "another start.sh or stop.sh is at work here; waiting for it"
  flock 8
}

state_get() { # KEY
  sed -n "s/^$1 //p" "$STATE/state" 2>/dev/null
}

state_set() { # RUNG ADDRESS
  write_atomically "$STATE/state" "rung $1
address $2"
}

# program_pid NAME: prints the pid of the program that start.sh started. Returns as pid_alive does; so do the
# two below.
program_pid() {
  pid_alive "$ROOT/$1.pid" "$RUN" "$ROOT/bin/$1"
}

embedded_pid() {
  pid_alive "$EMBEDDED/embedded.pid" "$EMBEDDED" "$ROOT/build/embedded-broker"
}

java_runs() {
  local status=0
  "$ROOT/scripts/local_kafka.sh" status "$LOCAL" 2>/dev/null || status=$?
  [ "$status" -ne 3 ] || return 2
  return "$status"
}

# all_can_be_judged: of everything that start.sh may have started. Else $doubt says what cannot.
all_can_be_judged() {
  can_be_judged tracker "$ROOT/tracker.pid" program_pid tracker &&
    can_be_judged producer "$ROOT/producer.pid" program_pid producer &&
    can_be_judged Kafka "$LOCAL/kafka.pid" java_runs &&
    can_be_judged Kafka "$EMBEDDED/embedded.pid" embedded_pid
}

can_be_judged() { # WHAT PIDFILE CHECK...
  local what=$1 pidfile=$2 status=0
  shift 2
  "$@" >/dev/null || status=$?
  [ "$status" -eq 2 ] || return 0
  # shellcheck disable=SC2034 # read by whoever called
  doubt="$what: $(pid_doubt "$pidfile")"
  return 1
}

# drop_stale_pid NAME: says so, and removes it, when the pid file does not mean our program.
drop_stale_pid() {
  local status=0
  [ -e "$ROOT/$1.pid" ] || return 0
  program_pid "$1" >/dev/null || status=$?
  [ "$status" -eq 1 ] || return 0
  note "$1.pid is stale: $(pid_stale_reason "$ROOT/$1.pid"); removed"
  pid_forget "$ROOT/$1.pid" "$RUN"
}

# end_part WHAT PID: stops a process of ours and says how. Fails when it runs on.
end_part() {
  local started status=0
  started=$(now_ms)
  end_process "$2" "$STOP_SECONDS" || status=$?
  case $status in
  0) note "$1 (pid $2): stopped in $(seconds_since "$started") s" ;;
  1) note "$1 (pid $2): did not stop within $STOP_SECONDS s, killed" ;;
  *) note "$1 (pid $2): does not end, not even by SIGKILL; the kernel holds it" ;;
  esac
  [ "$status" -ne 2 ]
}

# leave_alone WHAT PIDFILE: what cannot be judged is left as it is, also its pid file.
leave_alone() {
  note "$1: $(pid_doubt "$2"); left alone"
  return 1
}

stop_program() { # NAME
  local pid status=0
  drop_stale_pid "$1"
  pid=$(program_pid "$1") || status=$?
  case $status in
  0) end_part "$1" "$pid" && pid_forget "$ROOT/$1.pid" "$RUN" ;;
  1) note "$1: not running" ;;
  *) leave_alone "$1" "$ROOT/$1.pid" ;;
  esac
}

# The two that run as processes of ours are looked for in any case: their pid files can mean no others.
stop_kafka() {
  local rung status=0
  rung=$(state_get rung)
  [ "$rung" != docker ] || stop_docker_kafka || status=1
  stop_java_kafka || status=1
  stop_embedded_kafka || status=1
  case $rung in
  '') [ "$status" -ne 0 ] || note "Kafka: none was started from here" ;;
  given) note "Kafka at $(state_get address) was not started by start.sh and goes on" ;;
  esac
  [ "$status" -ne 0 ] || [ ! -e "$STATE/state" ] || rm "$STATE/state" || status=1
  return "$status"
}

stop_java_kafka() {
  local status=0
  java_runs || status=$?
  case $status in
  0)
    "$ROOT/scripts/local_kafka.sh" stop "$LOCAL" || return 1
    note "Kafka (java): stopped; its data stays in .kafka/local"
    ;;
  1) pid_forget "$LOCAL/kafka.pid" "$LOCAL" ;;
  *) leave_alone "Kafka (java)" "$LOCAL/kafka.pid" ;;
  esac
}

stop_embedded_kafka() {
  local pid status=0
  pid=$(embedded_pid) || status=$?
  case $status in
  0)
    end_part "Kafka (embedded)" "$pid" || return 1
    pid_forget "$EMBEDDED/embedded.pid" "$EMBEDDED"
    note "what was in it is gone"
    ;;
  1) pid_forget "$EMBEDDED/embedded.pid" "$EMBEDDED" ;;
  *) leave_alone "Kafka (embedded)" "$EMBEDDED/embedded.pid" ;;
  esac
}

stop_docker_kafka() {
  if find_compose && "${COMPOSE[@]}" down >"$RUN/docker.log" 2>&1; then
    note "Kafka (docker): stopped; its data stays in the volume"
  else
    note "Kafka (docker): could not be stopped${compose_missing:+, $compose_missing}; see .kafka/run/docker.log"
    return 1
  fi
}

# find_compose: sets COMPOSE to the command, or $compose_missing to why there is none. Compose finds
# docker-compose.yaml in the current folder, which is $ROOT.
find_compose() {
  compose_missing=''
  if ! command -v docker >/dev/null; then
    compose_missing="there is no docker command"
  elif ! timeout 10 docker info >/dev/null 2>&1; then
    compose_missing="no Docker engine answers"
  elif docker compose version >/dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif docker-compose version >/dev/null 2>&1; then
    COMPOSE=(docker-compose)
  else
    compose_missing="docker has no compose plugin, and there is no docker-compose"
  fi
  [ -z "$compose_missing" ]
}
