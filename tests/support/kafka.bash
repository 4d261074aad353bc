# A real Apache Kafka for the tests of one file: `load ../support/kafka`, then start_kafka in setup_file
# and stop_kafka in teardown_file. Load ../support/common before it.

KAFKA_DIR=$BATS_FILE_TMPDIR/kafka

# This file is read anew for each test, and common.bash has just dropped all settings.
if [ -f "$KAFKA_DIR/address" ]; then
  KAFKA_BROKER=$(cat "$KAFKA_DIR/address")
  export KAFKA_BROKER
fi

# start_kafka [NAME=VALUE]...: on a free port; sets and exports KAFKA_BROKER. Further arguments are lines of
# server.properties.
start_kafka() {
  "$ROOT/scripts/local_kafka.sh" start "$KAFKA_DIR" 0 group.min.session.timeout.ms=1000 "$@" 3>&-
  "$ROOT/scripts/local_kafka.sh" wait "$KAFKA_DIR" 180
  KAFKA_BROKER=$("$ROOT/scripts/local_kafka.sh" address "$KAFKA_DIR")
  export KAFKA_BROKER
}

# kill_kafka and resume_kafka: a crash, and the same broker again with its data, on the same port.
kill_kafka() {
  "$ROOT/scripts/local_kafka.sh" kill "$KAFKA_DIR"
}

resume_kafka() {
  "$ROOT/scripts/local_kafka.sh" start "$KAFKA_DIR" "${KAFKA_BROKER##*:}" group.min.session.timeout.ms=1000 "$@" 3>&-
  "$ROOT/scripts/local_kafka.sh" wait "$KAFKA_DIR" 180
}

stop_kafka() {
  "$ROOT/scripts/local_kafka.sh" stop "$KAFKA_DIR"
}

# start_second_kafka [NAME=VALUE]...: one more broker of the same cluster, with its own folder, for this test; it
# comes back with its data. In teardown: stop_second_kafka.
start_second_kafka() {
  local dir=$BATS_TEST_TMPDIR/second voters
  voters=$(grep '^controller.quorum.voters=' "$KAFKA_DIR/server.properties")
  if [ ! -d "$dir" ]; then
    mkdir -p "$dir/data"
    second_port=$(random_free_port)
    sed 's/^node.id=.*/node.id=2/; s/^directory.id=.*/directory.id=AAAAAAAAAAAAAAAAAAAAbg/' \
      "$KAFKA_DIR/data/meta.properties" >"$dir/data/meta.properties"
  fi
  "$ROOT/scripts/local_kafka.sh" start "$dir" "$second_port" process.roles=broker node.id=2 "$voters" \
    "listeners=PLAINTEXT://127.0.0.1:$second_port" "$@" 3>&-
  "$ROOT/scripts/local_kafka.sh" wait "$dir" 180
}

kill_second_kafka() {
  "$ROOT/scripts/local_kafka.sh" kill "$BATS_TEST_TMPDIR/second"
}

stop_second_kafka() {
  [ ! -d "$BATS_TEST_TMPDIR/second" ] || "$ROOT/scripts/local_kafka.sh" stop "$BATS_TEST_TMPDIR/second"
}

create_topic() { # NAME PARTITIONS
  KAFKA_TOPIC=$1 KAFKA_PARTITIONS=$2 "$ROOT/bin/producer" --init --timeout-ms 30000
}

# topic_offsets TOPIC: "PARTITION OFFSET" of every record in it, sorted.
topic_offsets() {
  kcat -b "$KAFKA_BROKER" -t "$1" -C -e -q -o beginning -f '%p %o\n' 2>/dev/null | sort -n
}

# journal_offsets FILE: the same of every line of a journal.
journal_offsets() {
  jq -r '"\(.kafka_partition) \(.kafka_offset)"' "$1" | sort -n
}
