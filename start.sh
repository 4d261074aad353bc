#!/usr/bin/env bash
# Starts the whole order flow: Kafka, its topics, the build, the tracker, the producer.
#
#   ./start.sh [--kafka auto|docker|java|embedded|HOST:PORT] [--no-install]
#
#   --kafka auto       (default) the first that works of: the broker named by $KAFKA_BROKER or the
#                      configuration file; a Kafka that already answers on localhost:9092; docker; java;
#                      embedded. Says which, and why not the ones before it.
#           docker     docker-compose.yaml
#           java       Apache Kafka on the Java 17 (or newer) of this machine, its jars by Maven; its data
#                      is kept in .kafka/local
#           embedded   librdkafka's mock cluster: in memory, for a first look only
#           HOST:PORT  this Kafka, which is neither started nor stopped
#   --no-install       only name missing Debian packages; else apt-get installs them (root or sudo)
#   -h, --help
#
# $START_KAFKA is the default for --kafka. $START_KAFKA_PORT (9092) is the port for java and embedded; when
# something that is not Kafka has it, they take the next free one. Everything else is set as for the
# programs: config.yaml (or $CONFIG_FILE) and the environment.
#
# Called again, it starts only what is not running. ./stop.sh stops it all. A step that fails says what to
# do, and what was started before it is stopped again.
# Exit status: 0 the flow runs, 1 a step failed, 2 wrong usage.

ROOT=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/shell.sh
. "$ROOT/scripts/lib/shell.sh"
set -uo pipefail
# shellcheck source=scripts/lib/say.sh
. "$ROOT/scripts/lib/say.sh"
# shellcheck source=scripts/lib/process.sh
. "$ROOT/scripts/lib/process.sh"
# shellcheck source=scripts/lib/net.sh
. "$ROOT/scripts/lib/net.sh"
# shellcheck source=scripts/lib/packages.sh
. "$ROOT/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/flow.sh
. "$ROOT/scripts/lib/flow.sh"

KAFKA_SECONDS=120
GIVEN_KAFKA_MS=20000
TOPICS_MS=30000
TRACKER_SECONDS=15
FIRST_ORDER_SECONDS=30

kafka=${START_KAFKA:-auto}
port=${START_KAFKA_PORT:-9092}
may_install=yes
rung=''
address=''
# What to stop again when a step fails, in the order of starting. The name is no one's local: the trap sees
# the variables of the function it interrupts.
undo_list=()
# shellcheck disable=SC2034 # step() in say.sh changes it
step_name=preparation
failure=interrupted
remedy=''

usage() {
  echo "start.sh: $1; see ./start.sh --help" >&2
  exit 2
}

# die WHY [WHAT TO DO]
die() {
  failure=$1
  remedy=${2-}
  exit 1
}

# ---- arguments ----

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
    --kafka)
      [ $# -ge 2 ] || usage "--kafka needs a value"
      kafka=$2
      shift
      ;;
    --kafka=*) kafka=${1#*=} ;;
    --no-install) may_install=no ;;
    -h | --help)
      manual "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage "unknown argument '$1'" ;;
    esac
    shift
  done
}

check_arguments() {
  case $kafka in
  auto | docker | java | embedded) ;;
  *)
    is_address "$kafka" ||
      usage "no such Kafka: '$kafka' (auto, docker, java, embedded or HOST:PORT)"
    ;;
  esac
  is_address "localhost:$port" || usage "\$START_KAFKA_PORT is no port: '$port'"
}

is_address() { # HOST:PORT
  # shellcheck disable=SC2034 # set by split_host_port, of no interest here
  local host port
  split_host_port "$1"
}

# ---- when a step fails ----

undo_all() {
  local i
  [ ${#undo_list[@]} -gt 0 ] || return 0
  echo "Stopping again what was started"
  for ((i = ${#undo_list[@]} - 1; i >= 0; i--)); do
    case ${undo_list[i]} in
    kafka) stop_kafka ;;
    *) stop_program "${undo_list[i]}" ;;
    esac
  done
}

on_exit() {
  local status=$?
  trap '' HUP INT PIPE TERM
  [ "$status" -ne 0 ] || return 0
  {
    echo
    echo "start.sh: $step_name failed: $failure"
    [ -z "$remedy" ] || echo "What to do: $remedy"
    undo_all
  } >&2
  ! all_can_be_judged || recorded_kafka_runs || program_pid tracker >/dev/null || program_pid producer >/dev/null ||
    rm -f "$STATE/state"
}

# ---- preparation: packages, settings ----

# run_logged LOG COMMAND...: its output only if it fails.
run_logged() {
  local log=$RUN/$1
  shift
  "$@" >"$log" 2>&1 8>&- && return
  note_lines "$log" 15
  return 1
}

# run_shown LOG COMMAND...: what it reports on stderr is shown at once; the last line is in $last_report.
run_shown() {
  local log=$RUN/$1 status
  shift
  "$@" 2>&1 >"$log" 8>&- | tee "$log.err" | sed -u 's/^[a-z]*: /     /'
  status=${PIPESTATUS[0]}
  last_report=$(sed -n '$s/^[a-z]*: //p' "$log.err")
  return "$status"
}

# make_here TARGET: into bin/, though called from another make or with SAN exported.
make_here() {
  env -u MAKEFLAGS -u MFLAGS -u GNUMAKEFLAGS -u MAKEFILES -u MAKELEVEL make -j "$(nproc)" SAN= "$1"
}

# The producer knows the settings and can ask Kafka with them (TLS, logins), so it is built first.
prepare() {
  local began error
  began=$(now_ms)
  echo "Preparing"
  error=$( (echo >"$RUN/build.log") 2>&1) ||
    die "$RUN cannot be written: ${error##*: }" "start.sh needs room there, and the rights of whoever the folder belongs to"
  need_packages "$RUN/packages.log" "$may_install" build || die "$install_error"
  [ -z "$installed_packages" ] || note "installed: $installed_packages"
  run_logged build.log make_here build-producer ||
    die "bin/producer does not build" "mend the errors above and call ./start.sh again"
  bin/producer --print-config >"$RUN/settings" 2>"$RUN/settings.err" || explain_settings $?
  note "packages and settings checked, bin/producer built: $(seconds_since "$began") s"
}

explain_settings() { # STATUS
  local why
  why=$(tail -n 1 "$RUN/settings.err")
  case $1 in
  126) die "bin/producer cannot be run: ${why##*: }" "if $ROOT is mounted with noexec, use a checkout elsewhere" ;;
  *) die "$why" "correct the setting named" ;;
  esac
}

# setting SECTION.KEY [origin]: its effective value, or where that came from.
setting() {
  awk -v section="${1%%.*}:" -v key="  ${1#*.}: " -v origin="${2-}" '
    /^[a-z]/ { inside = $0 == section }
    inside && index($0, key) == 1 {
      at = match($0, /  # [^"]*$/)
      value = substr($0, length(key) + 1, at - length(key) - 1)
      if (value ~ /^"/) {
        value = substr(value, 2, length(value) - 2)
        gsub(/\\"/, "\"", value)
        gsub(/\\\\/, "\\", value)
      }
      print origin ? substr($0, at + 4) : value
      exit
    }' "$RUN/settings"
}

# ---- which Kafka ----

connects() { # HOST:PORT
  local host port
  split_host_port "$1" || return 1
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2"' _ "$host" "$port" 2>/dev/null
}

# broker_answers HOST:PORT[,HOST:PORT...]: plainly, or to a client with the configured settings.
broker_answers() {
  local broker brokers
  IFS=, read -ra brokers <<<"$1"
  for broker in "${brokers[@]}"; do
    is_kafka "$broker" && return 0
  done
  for broker in "${brokers[@]}"; do
    connects "$broker" || continue
    KAFKA_BROKER=$1 KAFKA_CREATE_TOPICS=false bin/producer --init --timeout-ms 5000 >"$RUN/ask.log" 2>&1 8>&- &&
      return 0
  done
  return 1
}

# Each try_ function returns 1 when its Kafka is not to be had; the reason is in $why_not. On success
# it has set $rung and $address and, where it is ours to start, has everything at hand.

try_configured() {
  local broker origin
  broker=$(setting kafka.broker)
  origin=$(setting kafka.broker origin)
  why_not=''
  [ "$origin" != default ] || return 1
  why_not="$broker ($origin) does not answer"
  broker_answers "$broker" || return 1
  rung=given address=$broker
  why="it is configured ($origin) and answers"
}

try_running() {
  why_not=''
  is_kafka "localhost:$port" || return 1
  rung=given address=localhost:$port
  why="a Kafka already answers there"
}

try_docker() {
  local image
  find_compose || {
    why_not=$compose_missing
    return 1
  }
  why_not="docker-compose.yaml uses port 9092, not $port"
  [ "$port" = 9092 ] || return 1
  why_not="port 9092, which docker-compose.yaml uses, is taken already"
  port_is_free 9092 || return 1
  image=$(sed -n '/^ *image: */{s///p;q}' docker-compose.yaml) # the first is Kafka's
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    note "docker: getting the image $image"
    timeout 600 "${COMPOSE[@]}" pull kafka >"$RUN/docker.log" 2>&1 8>&- || {
      why_not="the image $image cannot be had: $(tail -n 1 "$RUN/docker.log")"
      return 1
    }
  fi
  rung=docker address=localhost:9092
  why="a Docker engine answers and has the image"
}

try_java() {
  have_java 17 || {
    why_not="no Java 17 or newer here"
    return 1
  }
  if ! scripts/local_kafka.sh cached; then
    have_command mvn || need_packages "$RUN/packages.log" "$may_install" java || {
      why_not=$install_error
      return 1
    }
    note "java: getting Apache Kafka (43 MB, only the first time)"
    scripts/local_kafka.sh fetch >"$RUN/fetch.log" 2>&1 8>&- || {
      why_not=$(tail -n 1 "$RUN/fetch.log")
      return 1
    }
  fi
  choose_port
  rung=java
  why="Java is here"
}

try_embedded() {
  run_logged build.log make_here build/embedded-broker || {
    why_not="build/embedded-broker does not build"
    return 1
  }
  choose_port
  rung=embedded
  why="it needs nothing else"
}

choose_port() {
  local chosen
  chosen=$(next_free_port "$port")
  [ "$chosen" = "$port" ] || note "port $port is taken; using $chosen"
  address=127.0.0.1:$chosen
}

choose_automatically() {
  local candidate
  for candidate in configured running docker java embedded; do
    "try_$candidate" && return
    [ -z "$why_not" ] || note "not $candidate: $why_not"
  done
  die "no Kafka is to be had" "the reasons are above; or name one: ./start.sh --kafka HOST:PORT"
}

choose_kafka() {
  case $kafka in
  auto) choose_automatically ;;
  docker) try_docker || die "$why_not" "mend that, or use ./start.sh --kafka java" ;;
  java)
    have_java 17 || need_packages "$RUN/packages.log" "$may_install" java || die "$install_error"
    try_java || die "$why_not" "or use ./start.sh --kafka HOST:PORT"
    ;;
  embedded) try_embedded || die "$why_not" ;;
  *) rung=given address=$kafka why="it was asked for" ;;
  esac
}

# ---- Kafka started before ----

recorded_kafka_runs() {
  case $(state_get rung) in
  java) java_runs ;;
  embedded) embedded_pid >/dev/null ;;
  docker) is_kafka "$(state_get address)" ;;
  *) return 1 ;;
  esac
}

# A Kafka of ours that still runs is used again; and so is any address that a program of ours, still
# running, talks to.
choose_as_before() {
  local old_rung old_address
  old_rung=$(state_get rung)
  old_address=$(state_get address)
  [ "$old_rung" ] || return 1
  recorded_kafka_runs || program_pid tracker >/dev/null || program_pid producer >/dev/null || return 1
  case $kafka in
  auto | "$old_rung" | "$old_address") ;;
  *) die "the flow already runs on the Kafka at $old_address ($old_rung)" "./stop.sh first" ;;
  esac
  rung=$old_rung
  address=$old_address
  why="it is the one this flow already uses"
}

all_is_running() {
  program_pid tracker >/dev/null && program_pid producer >/dev/null && broker_answers "$address"
}

# ---- the six steps ----

start_kafka() {
  step 1 "Start Kafka"
  [ "$rung" ] || choose_kafka
  note "$rung, at $address: $why"
  export KAFKA_BROKER=$address
  case $rung in
  docker) start_docker ;;
  java) start_java ;;
  embedded) start_embedded ;;
  esac
  state_set "$rung" "$address" || die "$STATE/state cannot be written" "see the line above"
  step_done
}

start_docker() {
  ! is_kafka "$address" || return 0
  find_compose || die "$compose_missing" "start the Docker engine, or ./stop.sh and ./start.sh --kafka java"
  undo_list+=(kafka)
  state_set docker "$address" || die "$STATE/state cannot be written" "see the line above"
  run_logged docker.log "${COMPOSE[@]}" up -d kafka ||
    die "docker compose up failed" "see the lines above, or use ./start.sh --kafka java"
}

start_java() {
  ! java_runs || return 0
  undo_list+=(kafka)
  run_logged start-kafka.log scripts/local_kafka.sh start "$LOCAL" "${address##*:}" ||
    die "Apache Kafka does not start" "see .kafka/local/kafka.log; if its data is damaged, remove .kafka/local"
}

start_embedded() {
  local partitions
  ! embedded_pid >/dev/null || return 0
  mkdir -p "$EMBEDDED"
  partitions=$(setting kafka.partitions)
  undo_list+=(kafka)
  start_recorded "$EMBEDDED/embedded.pid" "$EMBEDDED" "$EMBEDDED/embedded.log" \
    "$ROOT/build/embedded-broker" "${address##*:}" "$(setting kafka.topic):$partitions" "$(setting dlq.topic):$partitions"
  wait_for_exec "$started_pid" "$ROOT/build/embedded-broker" ||
    die "$(tail -n 1 "$EMBEDDED/embedded.log")"
  note "for a first look only: it keeps orders in memory, and after each start offsets begin at 0 again"
}

# kafka_takes_clients: 0 yes, 1 not yet, 2 never: its process has ended.
kafka_takes_clients() {
  case $rung in
  java | embedded) recorded_kafka_runs || return 2 ;;
  esac
  kafka_is_ready "$address" || return 1
  # Another checkout that chose the same port at the same time may have been quicker.
  case $rung in
  java) listens "$(pid_read "$LOCAL/kafka.pid")" "${address##*:}" ;;
  embedded) listens "$(embedded_pid)" "${address##*:}" ;;
  esac
}

wait_for_kafka() {
  step 2 "Wait until Kafka answers"
  if [ "$rung" = given ]; then
    # The producer says why it does not, as soon as it knows.
    run_shown ask.log env KAFKA_CREATE_TOPICS=false bin/producer --init --timeout-ms "$GIVEN_KAFKA_MS" ||
      explain_silence
  else
    wait_until "$KAFKA_SECONDS" "an answer from $address" kafka_takes_clients || explain_silence
  fi
  step_done
}

explain_silence() {
  case $rung in
  given) die "no Kafka answers at $address: $last_report" "what the line above says, then ./start.sh again" ;;
  java)
    note_lines "$LOCAL/kafka.log"
    die "Apache Kafka does not answer at $address" "see .kafka/local/kafka.log"
    ;;
  embedded)
    note_lines "$EMBEDDED/embedded.log"
    die "the embedded broker does not answer at $address" "see .kafka/embedded/embedded.log"
    ;;
  docker)
    "${COMPOSE[@]}" logs --tail 15 kafka >"$RUN/docker.log" 2>&1
    note_lines "$RUN/docker.log" 15
    die "the container kafka does not answer at $address" "see: docker logs kafka"
    ;;
  esac
}

create_topics() {
  step 3 "Create the topics $(setting kafka.topic) and $(setting dlq.topic)"
  run_shown topics.log bin/producer --init --timeout-ms "$TOPICS_MS" ||
    die "bin/producer --init failed: $last_report" "what the line above says, then ./start.sh again"
  sed 's/^/     /' "$RUN/topics.log"
  step_done
}

build_programs() {
  step 4 "Build bin/"
  run_logged build.log make_here build ||
    die "the build failed" "mend the errors above and call ./start.sh again"
  step_done
}

size_of() { # FILE
  stat -c %s "$1" 2>/dev/null || echo 0
}

# start_program NAME: in the background; its output goes to .kafka/run/NAME.out.
start_program() {
  undo_list+=("$1")
  start_recorded "$ROOT/$1.pid" "$RUN" "$RUN/$1.out" "$ROOT/bin/$1" --quiet
  wait_for_exec "$started_pid" "$ROOT/bin/$1" || [ "$(pid_read "$ROOT/$1.pid")" = "$started_pid" ] ||
    die "$1.pid cannot be written, so the $1 was not started" "see the line above"
  note "$1: pid $started_pid"
}

# has_grown FILE SIZE: 0 yes, 1 not yet, 2 never: the tracker or the producer has ended.
has_grown() {
  [ "$(size_of "$1")" -le "$2" ] || return 0
  program_pid tracker >/dev/null && program_pid producer >/dev/null || return 2
  return 1
}

explain_end() { # NAME
  note_lines "$RUN/$1.out" 5
  die "the $1 ended" "see .kafka/run/$1.out$([ "$1" != tracker ] || echo " and $(setting tracker.log_file)")"
}

# tracker_has_started LOG SIZE: what it wrote behind the first SIZE bytes says so. 0 yes, 1 not yet, 2 never.
tracker_has_started() {
  program_pid tracker >/dev/null || return 2
  tail -c "+$(($2 + 1))" "$1" 2>/dev/null | grep '"event":"tracker.started"' >/dev/null
}

# Permissions and files, each in a line; the embedded broker knows no permissions. Without the dead letter topic the
# tracker runs until the first order fails for good.
check_needs() {
  [ "$rung" != embedded ] || return 0
  bin/tracker --preflight >"$RUN/preflight.log" 2>&1 8>&- || {
    grep -v '^ok' "$RUN/preflight.log" | sed 's/^/       | /'
    if grep -v '^ok\|^unknown' "$RUN/preflight.log" | grep -vF "wrong    topic $(setting dlq.topic): " >/dev/null; then
      die "the tracker lacks something that it needs" \
        "what the lines above say, then ./start.sh again; bin/tracker --preflight checks it alone"
    fi
    note "the tracker runs without it until a dead letter has to be written"
  }
}

start_tracker() {
  local pid log size seconds=$TRACKER_SECONDS
  step 5 "Start the tracker"
  drop_stale_pid tracker
  if pid=$(program_pid tracker); then
    note "already running, pid $pid"
    step_done
    return
  fi
  # At these levels it does not say that it has started: it is enough that it does not end.
  case $(setting app.log_level) in warn | error) seconds=2 ;; esac
  check_needs
  log=$(setting tracker.log_file)
  size=$(size_of "$log")
  start_program tracker
  wait_until "$seconds" "'tracker started' in $log" tracker_has_started "$log" "$size" ||
    program_pid tracker >/dev/null || explain_end tracker
  step_done
}

start_producer() {
  local pid events size
  step 6 "Start the producer"
  drop_stale_pid producer
  events=$(setting tracker.events_file)
  size=$(size_of "$events")
  if pid=$(program_pid producer); then
    note "already running, pid $pid"
  else
    start_program producer
  fi
  wait_until "$FIRST_ORDER_SECONDS" "the next order in $events" has_grown "$events" "$size" ||
    explain_no_order "$events"
  step_done
}

explain_no_order() { # FILE
  program_pid tracker >/dev/null || explain_end tracker
  program_pid producer >/dev/null || explain_end producer
  note "none yet, but both programs run; see $(setting tracker.log_file)"
}

tell_how_to_watch() {
  echo
  echo "The order flow runs on the Kafka at $address."
  printf '  watch   cd %q\n' "$ROOT"
  echo "          ./bin/monitor"
  echo "          tail -f $(setting tracker.events_file)"
  echo "          tail -f $(setting tracker.log_file) | jq$(have_command jq || echo '     # apt-get install jq')"
  [ "$rung" = given ] || [ "${address##*:}" = 9092 ] ||
    echo "  by hand export KAFKA_BROKER=$address   # it is not on the usual port"
  echo "  stop    ./stop.sh"
}

main() {
  parse_arguments "$@"
  check_arguments
  # A relative name is meant from where the user stands.
  [ -z "${CONFIG_FILE-}" ] || CONFIG_FILE=$(realpath -m "$CONFIG_FILE")
  cd "$ROOT" || exit 1
  trap on_exit EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  lock_state || die "$lock_error" "start.sh writes into $ROOT: call it as the user whom that belongs to"
  all_can_be_judged || die "$doubt" "only that user, or root, can stop it: ./stop.sh"
  prepare
  if choose_as_before; then
    if all_is_running; then
      echo "Already running: tracker pid $(program_pid tracker), producer pid $(program_pid producer)"
      tell_how_to_watch
      return 0
    fi
  fi
  start_kafka
  wait_for_kafka
  create_topics
  build_programs
  start_tracker
  start_producer
  tell_how_to_watch
  return 0 # also when nobody could be told
}

main "$@"
