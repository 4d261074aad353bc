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
lock_state() {
  mkdir -p "$RUN"
  exec 8>"$STATE/lock"
  flock -n 8 && return
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

program_pid() { # NAME: prints the pid of the program that start.sh started
  pid_alive "$ROOT/$1.pid" "$RUN" "$ROOT/bin/$1"
}

# drop_stale_pid NAME: says so, and removes it, when the pid file does not mean our program.
drop_stale_pid() {
  [ -e "$ROOT/$1.pid" ] || return 0
  program_pid "$1" >/dev/null && return 0
  note "$1.pid is stale: $(pid_stale_reason "$ROOT/$1.pid"); removed"
  pid_forget "$ROOT/$1.pid" "$RUN"
}

stop_program() { # NAME
  local pid started
  drop_stale_pid "$1"
  pid=$(program_pid "$1") || {
    note "$1: not running"
    return 0
  }
  started=$(now_ms)
  if end_process "$pid" "$STOP_SECONDS"; then
    note "$1 (pid $pid): stopped in $(seconds_since "$started") s"
  else
    note "$1 (pid $pid): did not stop within $STOP_SECONDS s, killed"
  fi
  pid_forget "$ROOT/$1.pid" "$RUN"
}

embedded_pid() {
  pid_alive "$EMBEDDED/embedded.pid" "$EMBEDDED" "$ROOT/build/embedded-broker"
}

# The two that run as processes of ours are looked for in any case: their pid files can mean no others.
stop_kafka() {
  local rung status=0
  rung=$(state_get rung)
  [ "$rung" != docker ] || stop_docker_kafka || status=1
  stop_java_kafka || status=1
  stop_embedded_kafka
  case $rung in
  '') note "Kafka: none was started from here" ;;
  given) note "Kafka at $(state_get address) was not started by start.sh and goes on" ;;
  esac
  [ "$status" -ne 0 ] || rm -f "$STATE/state"
  return "$status"
}

stop_java_kafka() {
  "$ROOT/scripts/local_kafka.sh" status "$LOCAL" 2>/dev/null || return 0
  "$ROOT/scripts/local_kafka.sh" stop "$LOCAL" || return 1
  note "Kafka (java): stopped; its data stays in .kafka/local"
}

stop_embedded_kafka() {
  local pid
  if pid=$(embedded_pid); then
    end_process "$pid" "$STOP_SECONDS" || :
    note "Kafka (embedded): stopped; what was in it is gone"
  fi
  pid_forget "$EMBEDDED/embedded.pid" "$EMBEDDED"
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
