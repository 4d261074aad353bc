#!/usr/bin/env bats
# Calls that fail, crashes at each step of a record's way, full disks, logrotate: after each of them the journal is
# judged by the oracle of tests/soak. Here a seeded selection; `make test-faults` takes every call in turn.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/kafka

ORACLE=$ROOT/tests/soak/oracle.py
CONF=$ROOT/deploy/logrotate.conf

setup_file() {
  start_kafka
  create_topic orders 2
  "$ROOT/bin/producer" --quiet --count 60 --interval-ms 0 --seed 7 --invalid-rate 0.3
  dump orders "$BATS_FILE_TMPDIR/orders.dump"
}

teardown_file() {
  stop_kafka
}

setup() {
  files=$BATS_TEST_TMPDIR/trackers/tracker
  log=$BATS_TEST_TMPDIR/tracker.log
  mkdir -p "$files"
  cd "$BATS_TEST_TMPDIR" || return
  # Each test has a topic, a group and dead letters of its own.
  export KAFKA_TOPIC=orders-$BATS_TEST_NUMBER KAFKA_CONSUMER_GROUP=group-$BATS_TEST_NUMBER \
    KAFKA_PARTITIONS=2 DLQ_TOPIC=dlq-$BATS_TEST_NUMBER
}

teardown() {
  end_background
  ! mountpoint -q "$files" || umount -l "$files"
}

# dump TOPIC FILE: every record, as the oracle reads it.
dump() {
  local format
  format=$(cd "$(dirname "$ORACLE")" && python3 -B -c 'import oracle; print(oracle.DUMP_FORMAT)')
  kcat -b "$KAFKA_BROKER" -C -t "$1" -e -q -o beginning -f "$format" >"$2" 2>/dev/null
}

# judge: the oracle on all that is in this test's folder. Its words are in $output.
judge() {
  dump "$KAFKA_TOPIC" orders.dump
  dump "$DLQ_TOPIC" orders-dlq.dump
  dump __consumer_offsets offsets.dump
  run python3 -B "$ORACLE" --topic "$KAFKA_TOPIC" --group "$KAFKA_CONSUMER_GROUP" --dlq-topic "$DLQ_TOPIC" .
}

judge_strictly() {
  judge
  [ "$status" -eq 0 ] || fail "$output"
}

# one_fault_each GROUP...: the counts are shown also when all is well.
one_fault_each() {
  run timeout 3000 python3 -B "$ROOT/tests/faults/run.py" ${FAULTS_ALL:+--all} ${FAULTS_SEED:+--seed "$FAULTS_SEED"} \
    --broker "$KAFKA_BROKER" --work "$BATS_FILE_TMPDIR" "$@"
  printf '# %s\n' "${lines[@]}" >&3
  [ "$status" -eq 0 ]
}

produce() { # COUNT [INTERVAL_MS]
  "$ROOT/bin/producer" --quiet --count "$1" --interval-ms "${2:-0}" --invalid-rate 0.05
}

# start_tracker OPTIONS...: in the background, its pid in tracker.pid.
start_tracker() {
  start_in_background tracker.out "$ROOT/bin/tracker" --quiet -s "tracker.events_file=$files/tracker.events" \
    -s "tracker.log_file=$log" -X group.instance.id=one -X session.timeout.ms=6000 "$@"
  echo "$started_pid" >tracker.pid
}

stop_tracker() {
  local pid
  pid=$(cat tracker.pid)
  kill -TERM "$pid"
  wait_for 40 is_gone "$pid"
  tail -n 1 "$log" | grep -q '"event":"tracker.stopped"' || fail "$(cat tracker.out "$log")"
}

drain() {
  "$ROOT/bin/tracker" --quiet --drain -s "tracker.events_file=$files/tracker.events" -s "tracker.log_file=$log" \
    -X group.instance.id=one -X session.timeout.ms=6000
}

logged() { # EVENT: how often
  grep -c "\"event\":\"$1\"" "$log"
}

was_logged() {
  grep -q "\"event\":\"$1\"" "$log" 2>/dev/null
}

journal_lines() { # COUNT: there are so many in all files of the journal, compressed or not
  [ "$(cat "$files"/tracker.events "$files"/tracker.events.[0-9]* 2>/dev/null | zcat -f | wc -l)" -ge "$1" ]
}

# mount_small_disk MEGABYTES: under $files.
mount_small_disk() {
  [ "$(id -u)" -eq 0 ] || skip "a small disk can only be mounted by root"
  mount -t tmpfs -o "size=$1m" tmpfs "$files" || skip "a tmpfs cannot be mounted here"
}

# rotate [SED-EXPRESSION]...: logrotate by the example file, on this test's paths, which may hold blanks.
rotate() {
  sed -e 's:/\(var\|run\)/[^ )]*:"&":g' -e "s:/var/lib/order-tracker:$files:g; s:/var/log/order-tracker:$BATS_TEST_TMPDIR:g" \
    -e "s:/run/order-tracker:$BATS_TEST_TMPDIR:g" "$@" "$CONF" >logrotate.conf
  logrotate --force --state "$BATS_TEST_TMPDIR/logrotate.state" logrotate.conf
}

# order_rotated_files: as the oracle wants them, numbered from the oldest on.
order_rotated_files() {
  local n=0 file
  gunzip -f "$files"/tracker.events.*.gz 2>/dev/null || :
  while read -r file; do
    mv "$file" "$files/tracker.events.0$((++n))0"
  done < <(printf '%s\n' "$files"/tracker.events.[1-9]* | sort -t . -k 3 -V -r)
}

@test "a call on the journal that fails costs no line, at any call" {
  one_fault_each journal
}

@test "a call on sidecar, log, torn line or Kafka that fails costs no line, at any call" {
  one_fault_each others
}

@test "a kill before or after any step of a record's way, or a loss of power there, costs no line" {
  if [ "${FAULTS_ALL-}" ]; then one_fault_each kills power; else one_fault_each either; fi
}

@test "a full disk: partitions wait and are kept, it goes on by itself when there is room" {
  mount_small_disk 1
  produce 2000
  start_tracker -X session.timeout.ms=2000 -X heartbeat.interval.ms=300 -X max.poll.interval.ms=3000
  wait_for 40 was_logged journal.blocked
  sleep 5 # longer than the group waits for a member that does not poll
  [ "$(logged journal.blocked)" -eq 1 ]
  [ "$(tail -c 1 "$files/tracker.events" | od -An -tx1)" = ' 0a' ]
  run ! was_logged journal.unblocked
  mount -o remount,size=64m "$files"
  wait_for 40 journal_lines 2000
  stop_tracker
  [ "$(logged journal.unblocked)" -eq 1 ]
  [ "$(logged partition.assigned)" -eq 2 ]
  run ! was_logged partition.lost
  judge_strictly
}

@test "a stop while the disk is full leaves whole lines, and the next start tells the rest" {
  mount_small_disk 1
  produce 2000
  start_tracker
  wait_for 40 was_logged journal.blocked
  stop_tracker
  [ "$(tail -c 1 "$files/tracker.events" | od -An -tx1)" = ' 0a' ]
  mount -o remount,size=64m "$files"
  drain
  judge_strictly
}

# The renamed files leave the disk as soon as the tracker lets go of them, and only so there is room.
@test "a full disk: a rename and SIGHUP make room, again and again" {
  mount_small_disk 1
  mkdir -p trackers/moved
  produce 1500
  start_tracker
  for n in 1 2 3; do
    wait_for 40 has_no_room
    mv "$files/tracker.events" "$files/tracker.events.$n"
    kill -HUP "$(cat tracker.pid)"
    wait_for 40 test -e "$files/tracker.events"
    mv "$files/tracker.events.$n" trackers/moved/
  done
  mount -o remount,size=64m "$files"
  wait_for 40 was_logged journal.unblocked
  mv trackers/moved/* "$files/"
  wait_for 40 journal_lines 1500
  stop_tracker
  rename_moved_files
  judge_strictly
}

has_no_room() {
  [ "$(df --output=avail "$files" | tail -n 1)" -eq 0 ]
}

rename_moved_files() { # numbered from the oldest on, as the oracle wants them
  for n in 1 2 3; do mv "$files/tracker.events.$n" "$files/tracker.events.0${n}0"; done
}

@test "a journal that is edited in place under load gets the lines that it lacks, nothing doubled or torn" {
  produce 3000 2 3>&- &
  producer=$!
  wait_for 20 topic_has_records
  start_tracker -s tracker.fsync_interval_ms=20
  for n in 1 2 3 4; do
    wait_for 40 has_lines "$files/tracker.events" $((n * 400))
    sed -i 's/nothing that is there/&/' "$files/tracker.events"
    wait_for 40 is_logged_times "$n" journal.replaced
  done
  wait "$producer"
  wait_for 40 journal_lines 3000
  stop_tracker
  judge_strictly
}

is_logged_times() { # COUNT EVENT
  [ "$(logged "$2")" -eq "$1" ]
}

@test "a journal that is deleted under load: what is written from then on is in a new file" {
  produce 2000 2 3>&- &
  producer=$!
  wait_for 20 topic_has_records
  start_tracker -s tracker.fsync_interval_ms=20
  wait_for 40 has_lines "$files/tracker.events" 400
  exec 7<"$files/tracker.events"
  rm "$files/tracker.events"
  kept=$(wc -l </proc/self/fd/7)
  exec 7<&-
  wait_for 40 was_logged journal.replaced
  kill -KILL "$(cat tracker.pid)"
  wait_for 20 is_gone "$(cat tracker.pid)"
  start_tracker
  wait "$producer"
  wait_for 60 has_lines "$files/tracker.events" $((2000 - kept))
  stop_tracker
  # The offsets of the new file have no hole.
  for p in 0 1; do
    jq "select(.kafka_partition == $p).kafka_offset" "$files/tracker.events" >offsets
    diff <(seq "$(head -n 1 offsets)" "$(tail -n 1 offsets)") offsets
  done
}

@test "logrotate with the example file, under load and with a crash in between: nothing lost, doubled or torn" {
  produce 4000 2 3>&- &
  producer=$!
  wait_for 20 topic_has_records
  start_tracker -s tracker.fsync_interval_ms=20
  for _ in 1 2 3 4 5; do
    wait_for 40 has_lines "$files/tracker.events" 100
    rotate
  done
  # Dies after the file was renamed and before it opened the new one.
  wait_for 40 has_lines "$files/tracker.events" 100
  rotate -e 's:kill -HUP:kill -KILL:'
  wait_for 20 is_gone "$(cat tracker.pid)"
  start_tracker
  wait "$producer"
  wait_for 40 journal_lines 4000
  stop_tracker
  drain
  [ "$(zcat -f "$BATS_TEST_TMPDIR"/tracker.log* | grep -c '"files.reopened"')" -eq 5 ]
  order_rotated_files
  judge_strictly
  [[ $output =~ "journal files "\ +7 ]] || fail "$output"
}

topic_has_records() {
  [ -n "$(kcat -b "$KAFKA_BROKER" -C -t "$KAFKA_TOPIC" -e -q -o beginning -c 1 2>/dev/null)" ]
}

# What is written between the copy and the cut is lost; that is why the example file does not do it.
@test "copytruncate under load tears and doubles nothing, and the tracker goes on" {
  produce 3000 2 3>&- &
  producer=$!
  wait_for 20 topic_has_records
  start_tracker -s tracker.fsync_interval_ms=20
  for _ in 1 2 3 4; do
    wait_for 40 has_lines "$files/tracker.events" 100
    rotate -e 's:create 0640:copytruncate:; /sharedscripts/,/endscript/d'
  done
  wait "$producer"
  stop_tracker
  drain
  order_rotated_files
  judge
  [[ $output =~ "journal files "\ +5 ]] || fail "$output"
  ! grep -E '^[a-z_]+: ' <<<"$output" | grep -vE '^(lost|dlq_unexplained): ' || fail "$output"
  echo "# copytruncate: $(sed -n 's/^ *lost  *//p' <<<"$output") of 3000 lines lost between copy and cut" >&3
}
