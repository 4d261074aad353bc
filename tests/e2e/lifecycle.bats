#!/usr/bin/env bats
# start.sh and stop.sh as a user calls them: in a copy of the checkout whose path has spaces, from another
# folder, with real signals. Ports are free ones, and the real docker is hidden behind a fake.

# Fakes are written with single quotes, since their variables are theirs; bats and the helpers set the rest.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka
load ../support/checkout

each_order_once() {
  journal_offsets "$checkout/tracker.events" >"$BATS_TEST_TMPDIR/offsets"
  [ -s "$BATS_TEST_TMPDIR/offsets" ]
  [ -z "$(uniq -d "$BATS_TEST_TMPDIR/offsets")" ] || fail "twice: $(uniq -d "$BATS_TEST_TMPDIR/offsets" | head)"
}

# listen PORT: takes connections and never says a word.
listen() {
  start_in_background /dev/null perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1)
      or die; my @open; while (my $c = $s->accept) { push @open, $c }' "$1"
  wait_for 10 is_taken "$1"
}

is_taken() { # PORT
  ! port_is_free "$1"
}

# ---- the whole flow ----

@test "start.sh goes through its six steps to a flow on a real Kafka, stop.sh ends it all, and data is kept" {
  start --kafka java
  succeeded
  for step in 1/6 2/6 3/6 4/6 5/6 6/6; do
    says "$step  "
  done
  says "./bin/monitor"
  says "./stop.sh"
  flow_runs
  stop
  succeeded
  nothing_is_left
  jq -e . "$checkout/tracker.log" >/dev/null
  each_order_once
  before=$(orders)

  start --kafka java
  succeeded
  wait_for 60 more_orders_than "$before"
  stop
  succeeded
  nothing_is_left
  each_order_once
  [ "$(jq -s 'map(.kafka_offset) | max' "$checkout/tracker.events")" -eq $(($(orders) - 1)) ]
}

@test "a given Kafka is used, every order on it is recorded once, and it goes on" {
  start_kafka
  given=$KAFKA_BROKER
  unset KAFKA_BROKER
  start --kafka "$given"
  succeeded
  flow_runs
  stop
  succeeded
  says "goes on"
  nothing_is_left
  KAFKA_BROKER=$given topic_offsets orders >"$BATS_TEST_TMPDIR/sent"
  journal_offsets "$checkout/tracker.events" | diff "$BATS_TEST_TMPDIR/sent" -

  # The same by the configuration file, and by what already answers on the usual port.
  echo "kafka: {broker: '$given'}" >"$checkout/config.yaml"
  start
  succeeded
  says "it is configured"
  flow_runs
  stop
  rm "$checkout/config.yaml"
  START_KAFKA_PORT=${given##*:} start
  succeeded
  says "a Kafka already answers there"
  stop
  is_kafka "$given"
  KAFKA_BROKER=$given stop_kafka
}

@test "the embedded broker is for a first look, and says so" {
  start --kafka embedded
  succeeded
  says "for a first look only"
  says "offsets begin at 0 again"
  flow_runs
  stop
  succeeded
  nothing_is_left
}

# ---- twice, partly, stale ----

@test "start.sh twice starts nothing twice, stop.sh twice finds nothing to do" {
  start --kafka embedded
  succeeded
  before="$(pid_of tracker) $(pid_of producer)"
  start
  succeeded
  says "Already running"
  [ "$(pid_of tracker) $(pid_of producer)" = "$before" ]
  [ "$(processes_under "$checkout" | wc -l)" -eq 3 ]

  start --kafka java
  failed_with 1
  says "./stop.sh first"

  stop
  succeeded
  nothing_is_left
  stop
  succeeded
  says "producer: not running"
}

@test "start.sh starts only what is missing" {
  start --kafka embedded
  succeeded
  tracker=$(pid_of tracker)
  kill -KILL "$(pid_of producer)"
  start
  succeeded
  says "producer.pid is stale"
  says "already running, pid $tracker"
  [ "$(pid_of tracker)" = "$tracker" ]
  flow_runs
}

@test "pid files that a crash left are noticed, and a pid that now is another program's is left alone" {
  start --kafka embedded
  succeeded
  while read -r pid _; do
    kill -KILL "$pid"
  done < <(processes_under "$checkout")
  start_in_background /dev/null sleep 1000
  stranger=$started_pid
  echo "$stranger" >"$checkout/producer.pid"

  start --kafka embedded
  succeeded
  says "tracker.pid is stale"
  says "producer.pid is stale: pid $stranger is another program now: sleep 1000"
  flow_runs
  kill -KILL "$(pid_of producer)"
  echo "$stranger" >"$checkout/producer.pid"
  stop
  succeeded
  says "producer.pid is stale"
  kill -0 "$stranger"
  nothing_is_left
}

@test "a program that does not stop is killed after its time" {
  start --kafka embedded
  succeeded
  kill -STOP "$(pid_of producer)"
  stop
  succeeded
  says "did not stop within 15 s, killed"
  nothing_is_left
}

# ---- ports ----

@test "a port taken by something that is not Kafka is noticed, and the next free one used" {
  no_java
  listen "$START_KAFKA_PORT"
  start
  succeeded
  says "port $START_KAFKA_PORT is taken; using "
  says "export KAFKA_BROKER=127.0.0.1:"
  flow_runs
  START_KAFKA_PORT=1 start
  succeeded
  says "Already running"
}

@test "a given Kafka that is silent or absent is a clear error, and leaves nothing" {
  listen "$START_KAFKA_PORT"
  start --kafka "localhost:$START_KAFKA_PORT"
  failed_with 1
  says "no Kafka answers at localhost:$START_KAFKA_PORT"
  says "it takes the connection and does not answer"
  says "remedy="
  nothing_is_left
}

@test "a Kafka of another checkout that has just taken the port is not taken for our own" {
  other="$checkout/build/embedded-broker"
  real=$(command -v java)
  fake java 'case "$*" in *kafka.Kafka*) "'"$other"'" "'"$START_KAFKA_PORT"'" orders & other=$!
    trap "kill $other; wait $other; exit 1" TERM; sleep 5; kill $other; wait $other; exit 1 ;; esac
    exec "'"$real"'" "$@"'
  start --kafka java
  failed_with 1
  says "Apache Kafka does not answer at 127.0.0.1:$START_KAFKA_PORT"
  nothing_is_left
}

# ---- steps that fail ----

@test "when the build fails, Kafka is stopped again" {
  echo '#error "broken on purpose"' >>"$checkout/cmd/tracker/main.c"
  start --kafka embedded
  failed_with 1
  says "step 4 (Build bin/) failed"
  says "broken on purpose"
  nothing_is_left
}

@test "when the tracker cannot start, it is said why, and all is stopped again" {
  TRACKER_EVENTS_FILE=/no/such/folder/events start --kafka embedded
  failed_with 1
  says "step 5 (Start the tracker) failed"
  says "/no/such/folder/events"
  nothing_is_left
}

@test "a wrong setting is found before anything is started" {
  printf 'kafka:\n  brokr: x\n' >"$checkout/config.yaml"
  start
  failed_with 1
  says "brokr"
  says_not "1/6"
  nothing_is_left
}

@test "a relative CONFIG_FILE is meant from where the user stands" {
  cd "$BATS_TEST_TMPDIR"
  printf 'kafka:\n  brokr: x\n' >mine.yaml
  CONFIG_FILE=mine.yaml start
  failed_with 1
  says "brokr"
}

@test "SIGTERM in the middle leaves nothing" {
  start_in_background "$BATS_TEST_TMPDIR/start.out" "$checkout/start.sh" --kafka java
  wait_for 60 grep -qs 2/6 "$BATS_TEST_TMPDIR/start.out"
  kill -TERM "$started_pid"
  wait_for 60 is_gone "$started_pid"
  grep -q "failed: interrupted" "$BATS_TEST_TMPDIR/start.out"
  nothing_is_left
}

@test "missing packages are only named with --no-install, else installed" {
  real=$(command -v pkg-config)
  fake pkg-config '[ "${*: -1}" = rdkafka ] && [ ! -e '"'$fakes/installed'"' ] && exit 1; exec '"$real"' "$@"'
  fake apt-get '[[ $* != *install*librdkafka-dev ]] || touch '"'$fakes/installed'"
  start --kafka embedded --no-install
  failed_with 1
  says "apt-get install librdkafka-dev"
  [ ! -e "$fakes/installed" ]
  fake sudo '[ "$1" != -n ] || shift; exec "$@"'
  start --kafka embedded
  succeeded
  says "installed: librdkafka-dev"
}

@test "wrong usage is one line and exit status 2" {
  for arguments in --bogus "--kafka" "--kafka nonsense" "--kafka host:99999" extra; do
    # shellcheck disable=SC2086
    start $arguments
    failed_with 2
    [ "${#lines[@]}" -eq 1 ]
  done
  START_KAFKA_PORT=abc start
  failed_with 2
  START_KAFKA=nonsense start
  failed_with 2
  stop now
  failed_with 2
  start --help
  succeeded
  says "--kafka auto|docker|java|embedded|HOST:PORT"
  stop --help
  succeeded
}

# ---- down the ladder ----

@test "without a Docker engine and without Java 17 the embedded broker is left" {
  no_java
  start
  succeeded
  says "not docker: no Docker engine answers"
  says "not java: no Java 17 or newer here"
  says "embedded, at 127.0.0.1:$START_KAFKA_PORT"
  flow_runs
}

@test "a configured broker that does not answer is passed over" {
  no_java
  KAFKA_BROKER=localhost:1 start
  succeeded
  says "not configured: localhost:1"
  says "embedded, at "
}

@test "a docker without compose is passed over" {
  no_java
  fake docker '[ "$1" = info ]'
  start
  succeeded
  says "not docker: docker has no compose plugin, and there is no docker-compose"
}

@test "docker that has been asked for and is not there is a clear error" {
  start --kafka docker
  failed_with 1
  says "no Docker engine answers"
  says "What to do: "
  nothing_is_left
}

# docker-compose.yaml uses port 9092, so these need it.
need_usual_port() {
  port_is_free 9092 || skip "port 9092 is in use here"
  START_KAFKA_PORT=9092
}

@test "an image that cannot be had is passed over" {
  need_usual_port
  no_java
  fake docker 'case "$*" in info | "compose version") ;; *pull*) echo "no such host" >&2; exit 1 ;; *) exit 1 ;; esac'
  start
  succeeded
  says "not docker: the image confluentinc/cp-kafka:8.1.0 cannot be had: no such host"
  says "embedded, at "
}

# A docker whose container is the embedded broker.
fake_engine() {
  broker="$checkout/build/embedded-broker"
  compose='case "$*" in
    version) ;;
    "up -d kafka") setsid "'$broker'" 9092 orders orders-dlq <&- >&- 2>&- & echo $! >"'$fakes/container'" ;;
    down) kill "$(cat "'$fakes/container'")"; echo down >"'$fakes/went'"
      while [ -e "/proc/$(cat "'$fakes/container'")/exe" ]; do sleep 0.1; done ;;
    *) exit 1 ;;
  esac'
  docker='case "$*" in info | "image inspect "*) ;; *) exit 1 ;; esac'
}

@test "docker compose is used where an engine has the image, and taken down again" {
  need_usual_port
  fake_engine
  fake docker '[ "$1" != compose ] || { shift; '"$compose"'; exit; }; '"$docker"
  start
  succeeded
  says "docker, at localhost:9092"
  flow_runs
  stop
  succeeded
  says "Kafka (docker): stopped"
  [ -e "$fakes/went" ]
  nothing_is_left
}

@test "the older docker-compose serves as well" {
  need_usual_port
  fake_engine
  fake docker "$docker"
  fake docker-compose "$compose"
  start --kafka docker
  succeeded
  stop
  succeeded
  [ -e "$fakes/went" ]
  nothing_is_left
}

@test "docker-compose.yaml is what the README's commands need" {
  file=$ROOT/docker-compose.yaml
  run ! grep -q '^version:' "$file"
  for line in '  kafka:' '    image: confluentinc/cp-kafka:8.1.0' '    container_name: kafka' \
    '      - "127.0.0.1:9092:9092"' '      - kafka-data:/var/lib/kafka/data' '    healthcheck:' '  kafka-data:'; do
    grep -qxF -- "$line" "$file" || fail "no line '$line'"
  done
  grep -qF 'HOST://localhost:9092,INTERNAL://kafka:29092' "$file"
  grep -qF 'KAFKA_PROCESS_ROLES: broker,controller' "$file"
}

# ---- the local Kafka ----

@test "the local Kafka keeps its data through kill -9" {
  start_kafka
  echo kept | kcat -b "$KAFKA_BROKER" -t kept -P
  kill_kafka
  run ! is_kafka "$KAFKA_BROKER"
  resume_kafka
  [ "$(kcat -b "$KAFKA_BROKER" -t kept -C -e -q)" = kept ]
  stop_kafka
}
