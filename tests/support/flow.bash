# Producer and tracker for one test, with topics, a group and files of its own: `load ../support/flow` after
# common and kafka, and call use_own_flow in setup.

# use_own_flow: every program started from here on talks about this test's topics, group and files.
use_own_flow() {
  local name=${BATS_TEST_FILENAME##*/}
  name=${name%.bats}-$BATS_TEST_NUMBER
  KAFKA_TOPIC=$name
  DLQ_TOPIC=$name-dlq
  KAFKA_CONSUMER_GROUP=$name-group
  TRACKER_EVENTS_FILE=$BATS_TEST_TMPDIR/tracker.events
  TRACKER_LOG_FILE=$BATS_TEST_TMPDIR/tracker.log
  export KAFKA_TOPIC DLQ_TOPIC KAFKA_CONSUMER_GROUP TRACKER_EVENTS_FILE TRACKER_LOG_FILE
  journal=$TRACKER_EVENTS_FILE
  log=$TRACKER_LOG_FILE
  cd "$BATS_TEST_TMPDIR" || return 1
}

# make_topics PARTITIONS [DLQ_PARTITIONS]
make_topics() {
  local letters=$DLQ_TOPIC
  DLQ_TOPIC=none create_topic "$letters" "${2:-1}" >/dev/null
  create_topic "$KAFKA_TOPIC" "$1" >/dev/null
}

produce() { # [OPTION]...: at full speed
  timeout 120 "$ROOT/bin/producer" -q --interval-ms 0 "$@"
}

# produce_no_orders FILE: sends its lines, some of which are not orders; the producer says so.
produce_no_orders() {
  local status=0
  produce --input "$1" 2>no_orders || status=$?
  cat no_orders
  [ "$status" -eq 1 ] && [ "$(wc -l <no_orders)" -eq 1 ] && grep -q 'lines are not orders' no_orders
}

drain() { # [OPTION]...
  timeout 200 "$ROOT/bin/tracker" -q --drain "$@"
}

# start_tracker [OPTION]...: in the background; its pid is in $tracker, what it prints in tracker.out.
start_tracker() {
  start_in_background "$BATS_TEST_TMPDIR/tracker.out" "$ROOT/bin/tracker" -q "$@"
  tracker=$started_pid
}

# start_producer [OPTION]...: likewise; $producer and producer.out.
start_producer() {
  start_in_background "$BATS_TEST_TMPDIR/producer.out" "$ROOT/bin/producer" "$@"
  producer=$started_pid
}

# ends_with STATUS PID [SECONDS]: the background process PID ends by itself, with that exit status.
ends_with() {
  local status=0
  wait_for_exit "$2" "${3:-60}" || {
    fail "pid $2 does not end"
    return 1
  }
  wait "$2" || status=$?
  [ "$status" -eq "$1" ] || fail "exit status $status instead of $1: $(tail -n 5 ./*.out)"
}

# after_the_commits: drains into a journal of its own, so that the group's committed offsets alone tell where to
# begin; prints how many records were left.
after_the_commits() {
  drain -s tracker.events_file="$PWD/after.events" -s tracker.log_file="$PWD/after.log" "$@"
  line_count after.events
}

# ---- records on a topic

# records TOPIC: one line for each: partition, offset, key and value in hex (- for null), headers.
records() {
  kcat -b "$KAFKA_BROKER" -t "$1" -C -e -q -o beginning -f '%p %o %K %S %h\n%k%s' 2>/dev/null |
    perl -e '
      binmode STDIN;
      sub bytes { my $n = shift; return "-" if $n < 0; read(STDIN, my $b, $n) == $n or die "cut off"; "x" . unpack "H*", $b }
      while (<STDIN>) {
        /^(\d+) (\d+) (-?\d+) (-?\d+) (.*)$/ or die "not understood: $_";
        my ($p, $o, $kn, $vn, $h) = ($1, $2, $3, $4, $5);
        my $k = bytes($kn);
        print join(" ", $p, $o, $k, bytes($vn), $h), "\n";
      }' | sort -n -k 1,1 -k 2,2
}

count_records() { # TOPIC
  topic_offsets "$1" | wc -l
}

# has_records TOPIC COUNT: by the ends of its partitions, since a reader does not reach the end of a topic that
# is being written to.
has_records() {
  local partitions p ends=()
  partitions=$(kcat -b "$KAFKA_BROKER" -L -J -t "$1" | jq ".topics[0].partitions | length") || return 1
  for ((p = 0; p < partitions; p++)); do
    ends+=(-t "$1:$p:-1")
  done
  kcat -b "$KAFKA_BROKER" -Q "${ends[@]}" | awk -v wanted="$2" '{ n += $NF } END { exit n < wanted }'
}

# ---- journal and log

# journal_is_exact: every line is JSON, and each record of the topic has exactly one, in offset order within
# its partition.
journal_is_exact() {
  jq -r '"\(.kafka_partition) \(.kafka_offset)"' "$journal" >told || {
    fail "the journal is not JSON"
    return 1
  }
  sort -s -n -k 1,1 told >told.sorted
  topic_offsets "$KAFKA_TOPIC" | sort -n -k 1,1 -k 2,2 >there
  cmp there told.sorted || fail "not each record once and in order: $(diff there told.sorted | head -n 10)"
}

count_where() { # JQ_CONDITION: journal lines
  jq -c "select($1)" "$journal" | wc -l
}

# logged MESSAGE: the lines of the log with it.
logged() {
  [ ! -f "$log" ] || jq -c --arg event "$1" 'select(.event == $event)' "$log"
}

has_logged() { # EVENT [COUNT]
  [ "$(logged "$1" | wc -l)" -ge "${2:-1}" ]
}

last_event() {
  tail -n 1 "$log" | jq -r .event
}
