#!/usr/bin/env bash
# A local Apache Kafka (one KRaft node, no Docker): its jars by Maven, once; its data in a folder of yours.
#
#   local_kafka.sh fetch                           get the jars (start does it too)
#   local_kafka.sh cached                          exit 0 when they are here already
#   local_kafka.sh jars                            the same as fetch, and print their folder
#   local_kafka.sh start DIR PORT [NAME=VALUE]...  start on 127.0.0.1:PORT (0 = a free one), data in DIR;
#                                                  NAME=VALUE are further lines of server.properties
#   local_kafka.sh wait DIR [SECONDS]              until it takes clients (default 60), or say why not
#   local_kafka.sh address DIR                     print its HOST:PORT
#   local_kafka.sh status DIR                      exit 0 when it runs, 1 when not, 3 when that cannot be
#                                                  judged, since it belongs to another user
#   local_kafka.sh stop DIR                        orderly, SIGKILL after 30 seconds
#   local_kafka.sh kill DIR                        SIGKILL, as in a crash
#
# DIR also holds kafka.log, kafka.pid and server.properties. What was stored is kept between starts.
# $KAFKA_HEAP_OPTS sets the Java heap, as with Kafka's own scripts; $KAFKA_VERSION takes another version than that
# of scripts/kafka/pom.xml.
# The jars lie under ${XDG_CACHE_HOME:-~/.cache}/order-tracker/.
# Exit status: 0 done, 1 failed, 2 wrong usage; see also status.
SCRIPTS=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/shell.sh
. "$SCRIPTS/lib/shell.sh"
set -euo pipefail
# shellcheck source=scripts/lib/process.sh
. "$SCRIPTS/lib/process.sh"
# shellcheck source=scripts/lib/net.sh
. "$SCRIPTS/lib/net.sh"

POM=$SCRIPTS/kafka/pom.xml
VERSION=${KAFKA_VERSION:-$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$POM")}
CACHE=${XDG_CACHE_HOME:-~/.cache}/order-tracker # ~ is also known where $HOME is not set
JARS=$CACHE/kafka-$VERSION

fail() {
  echo "local_kafka: $*" >&2
  exit 1
}

usage() {
  echo "local_kafka: $1; usage: local_kafka.sh fetch | cached | jars | start DIR PORT [NAME=VALUE]... |" \
    "wait DIR [SECONDS] | address DIR | status DIR | stop DIR | kill DIR" >&2
  exit 2
}

# One download at a time, since Maven's own store does not bear two; the jars appear all at once or not
# at all, since whoever starts a broker meanwhile does not ask for the lock.
fetch() (
  [ ! -d "$JARS" ] || return 0
  mkdir -p "$CACHE"
  exec 9>"$CACHE/lock"
  flock 9
  [ ! -d "$JARS" ] || return 0
  command -v mvn >/dev/null || fail "Maven (mvn) is needed to get Apache Kafka $VERSION: apt-get install maven"
  rm -rf "$CACHE"/incomplete.*
  incomplete=$(mktemp -d "$CACHE/incomplete.XXXXXX")
  trap 'rm -rf "$incomplete"' EXIT
  mvn -q -B -C -Dstyle.color=never -Dkafka.version="$VERSION" -f "$POM" org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$incomplete" 9>&- >"$incomplete.log" 2>&1 ||
    fail "Maven could not get Apache Kafka $VERSION; all of its output is in $incomplete.log:" \
      "$(sed -n 's/.*\[ERROR\] //p' "$incomplete.log" | head -n 1 | cut -c 1-500)"
  rm -f "$incomplete.log"
  chmod 755 "$incomplete"
  mv -T "$incomplete" "$JARS"
)

# shellcheck disable=SC2206 # several options in one variable, as Kafka's own scripts have it
HEAP=(${KAFKA_HEAP_OPTS:--Xms256m -Xmx1g})

# The coordinator settings make one node enough and let a first consumer start without a pause. The data lies
# in the folder in which Java runs: a path may hold what this file cannot, commas and letters beyond Latin-1.
write_properties() { # DIR PORT CONTROLLER_PORT [NAME=VALUE]...
  local dir=$1 port=$2 controller=$3
  shift 3
  cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
END
  [ $# -eq 0 ] || printf '%s\n' "$@" >>"$dir/server.properties"
}

# Java reads the names of files in the encoding of the locale.
JAVA=(env LC_ALL=C.UTF-8 java)

# A cluster id is 16 random bytes in base64url; '-' is left out since it may not come first.
format_data() { # DIR
  local id
  [ ! -f "$1/data/meta.properties" ] || return 0
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'Kk' | tr -d '=')
  "${JAVA[@]}" -cp "$JARS/*" kafka.tools.StorageTool format -t "$id" -c "$1/server.properties" \
    >"$1/kafka.log" 2>&1 || fail "could not prepare $1/data; see $1/kafka.log"
}

# running_pid DIR: as pid_alive has it: 1 when it does not run, 2 when that cannot be judged.
running_pid() {
  pid_alive "$1/kafka.pid" "$1" '' "$1/server.properties"
}

# own_pid DIR: sets $pid, to nothing when it does not run. What cannot be judged is left alone.
own_pid() {
  local status=0
  pid=$(running_pid "$1") || status=$?
  [ "$status" -ne 2 ] || fail "$(pid_doubt "$1/kafka.pid"); left alone"
}

start() { # DIR PORT [NAME=VALUE]...
  local dir=$1 port=$2 controller pid
  shift 2
  command -v java >/dev/null || fail "Java 17 or newer is needed: apt-get install openjdk-17-jre-headless"
  own_pid "$dir"
  if [ "$pid" ]; then
    echo "local_kafka: already running, pid $pid"
    return 0
  fi
  [ "$port" != 0 ] || port=$(random_free_port)
  port_is_free "$port" || fail "port $port is taken"
  fetch
  controller=$port
  while [ "$controller" = "$port" ]; do
    controller=$(random_free_port)
  done
  cd "$dir"
  write_properties "$dir" "$port" "$controller" "$@"
  format_data "$dir"
  write_atomically "$dir/address" "127.0.0.1:$port"
  start_recorded "$dir/kafka.pid" "$dir" "$dir/kafka.log" "${JAVA[@]}" "${HEAP[@]}" \
    -Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
    -cp "$JARS/*" kafka.Kafka "$dir/server.properties"
  wait_for_exec "$started_pid" '' "$dir/server.properties" || fail "Java did not start; see $dir/kafka.log"
}

wait_ready() { # DIR [SECONDS]
  local dir=$1 seconds=${2:-60} deadline
  deadline=$((SECONDS + seconds))
  until kafka_is_ready "$(cat "$dir/address")"; do
    if ! running_pid "$dir" >/dev/null; then
      grep -m 3 -E 'ERROR|Exception' "$dir/kafka.log" >&2 || tail -n 3 "$dir/kafka.log" >&2
      fail "Kafka ended while starting; see $dir/kafka.log"
    fi
    [ "$SECONDS" -lt "$deadline" ] || fail "no answer after $seconds s; see $dir/kafka.log"
    sleep 0.2
  done
}

end() { # DIR SIGNAL
  local pid
  own_pid "$1"
  if [ "$pid" ]; then
    kill -"$2" "$pid"
    wait_for_exit "$pid" 30 || {
      kill -KILL "$pid"
      wait_for_exit "$pid" 10 || fail "pid $pid does not end"
    }
  fi
  pid_forget "$1/kafka.pid" "$1"
}

status() { # DIR
  local status=0
  running_pid "$1" >/dev/null || status=$?
  [ "$status" -ne 2 ] || status=3
  exit "$status"
}

number() { # TEXT WHAT
  [[ $1 =~ ^[0-9]{1,5}$ ]] || usage "$2 is not a number: '$1'"
}

[ $# -ge 1 ] || usage "what to do?"
verb=$1
shift
case $verb in
-h | --help)
  manual "$0"
  exit 0
  ;;
fetch)
  fetch
  exit 0
  ;;
cached)
  [ -d "$JARS" ]
  exit
  ;;
jars)
  fetch
  printf '%s\n' "$JARS"
  exit 0
  ;;
start) [ $# -ge 2 ] || usage "start needs DIR and PORT" ;;
wait | address | status | stop | kill) [ $# -ge 1 ] || usage "$verb needs DIR" ;;
*) usage "unknown: '$verb'" ;;
esac

[ "$verb" != start ] || mkdir -p "$1"
[ -d "$1" ] || {
  case $verb in stop | kill) exit 0 ;; esac
  fail "no such folder: $1"
}
dir=$(realpath "$1")
shift
case $verb in
start)
  number "$1" PORT
  start "$dir" "$@"
  ;;
wait)
  number "${1:-60}" SECONDS
  wait_ready "$dir" "$@"
  ;;
address) cat "$dir/address" ;;
status) status "$dir" ;;
stop) end "$dir" TERM ;;
kill) end "$dir" KILL ;;
esac
