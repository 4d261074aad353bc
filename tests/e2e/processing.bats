#!/usr/bin/env bats
# Orders that are processed by a program of one's own, over a real Apache Kafka.

# bats and the helpers set the variables that seem unset; single quotes go to jq, Python and the handlers.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

matches_schema() { # NAME <LINES
  /usr/bin/python3 "$ROOT/tests/support/validate_lines.py" "$ROOT/docs/$1.schema.json"
}

has_event() { # NAME
  jq -s -e --arg e "$1" 'any(.[]; .event == $e)' "$log" >/dev/null
}

# processes_all COMMAND: 2,000 orders of four partitions by it.
processes_all() {
  make_topics 4
  produce -n 2000 --seed 3
  PROCESSOR_KIND=command PROCESSOR_COMMAND=$1 drain -s processor.timeout_ms=60000
  journal_is_exact
  [ "$(count_where '.outcome == "processed" and .attempts == 1 and .processor.kind == "command" and .processor.ms >= 0')" -eq 2000 ]
  matches_schema journal <"$journal"
  matches_schema log <"$log"
  tail -n 1 "$log" | jq -e '.metadata.processor_ms.p99 >= 0 and .metadata.processor_in_flight == 0 and
    .metadata.drained'
}

@test "the Python example processes orders" {
  processes_all "/usr/bin/python3 '$ROOT/examples/handler.py'"
  [ "$(count_where '.processor.receipt == "handled " + .order_id')" -eq 2000 ]
}

@test "the jq example processes orders" {
  processes_all "jq --unbuffered -c -f '$ROOT/examples/handler.jq'"
  [ "$(count_where '.processor.receipt == "handled " + .order_id')" -eq 2000 ]
}

@test "the sh example processes orders" {
  processes_all "sh '$ROOT/examples/handler.sh'"
  [ "$(count_where '.processor.receipt == "handled \(.kafka_topic)/\(.kafka_partition)/\(.kafka_offset)"')" -eq 2000 ]
}

@test "the C example processes orders, with several copies of it" {
  ${CC:-cc} -O2 -Wall -Wextra -Werror -o handler "$ROOT/examples/handler.c"
  PROCESSOR_WORKERS=3 processes_all ./handler
}

# A handler that does what its order's number says, and what it must do only once, once. It notes each request.
write_wild_handler() {
  cat >wild.py <<'END'
import json, os, sys, time

requests = open("requests", "a", buffering=1)

def once(what, id):
    path = "%s-%s" % (what, id.replace("/", "-"))
    if os.path.exists(path):
        return False
    open(path, "w").close()
    return True

def say(id, result, **more):
    print(json.dumps(dict(id=id, result=result, **more)), flush=True)

for line in sys.stdin:
    r = json.loads(line)
    id, n = r["id"], r["offset"]
    requests.write("%s %d %s\n" % (id, r["attempt"], r["key"]))
    if n % 700 == 5 and once("died", id):
        os.kill(os.getpid(), 9)
    if n % 700 == 6 and once("left", id):
        say(id, "ok")
        sys.exit(3)
    if n == 7 and once("hung", id):
        time.sleep(100000)
    if n % 50 == 8:
        print("babble, not JSON", flush=True)
    if n % 50 == 9:
        say("orders/0/999999999", "ok")
    if n % 50 == 10 and r["attempt"] == 1:
        say(id, "retry", error="not yet", retry_after_ms=1)
        continue
    if n % 50 == 11:
        say(id, "reject", error="never")
        continue
    say(id, "ok", receipt=id)
    if n % 50 == 12:
        say(id, "reject")
END
}

# Every outcome is what the handler said, and the records of a key were asked for in their order.
outcomes_are_right() {
  jq -c 'select((.kafka_offset % 50 == 11) != (.outcome == "dead_lettered"))' "$journal" >wrong
  [ ! -s wrong ] || fail "wrong outcome: $(head -n 3 wrong)"
  [ "$(count_where '.outcome == "dead_lettered" and (.reason != "PROCESS" or .attempts != 1 or .error != "never")')" -eq 0 ]
  [ "$(count_where '.outcome == "processed" and .kafka_offset % 50 == 10 and .attempts < 2')" -eq 0 ]
  /usr/bin/python3 - "$journal" <<'END'
import json, sys
asked, last = set(), {}
for line in open("requests"):
    id, attempt, key = line.split(" ", 2)
    partition, offset = (int(x) for x in id.split("/")[1:])
    asked.add((partition, offset))
    first = attempt == "1" and (partition, offset) not in last.setdefault((partition, key), set())
    if first and last[partition, key]:
        assert offset > max(o for _, o in last[partition, key]), "key %s: %d came late" % (key, offset)
    last[partition, key].add((partition, offset))
for line in open(sys.argv[1]):
    r = json.loads(line)
    assert (r["kafka_partition"], r["kafka_offset"]) in asked, "never asked: %s" % line
END
}

@test "a handler that dies, hangs, babbles, answers twice, retries and rejects loses nothing" {
  write_wild_handler
  make_topics 2
  produce -n 6000 --seed 5
  PROCESSOR_KIND=command PROCESSOR_COMMAND='exec /usr/bin/python3 wild.py' drain -s processor.timeout_ms=8000 \
    -s retry.max_attempts=5 -s retry.initial_delay_ms=1
  journal_is_exact
  outcomes_are_right
  [ -n "$(find . -name 'died-*')" ] && [ -n "$(find . -name 'left-*')" ] && [ -n "$(find . -name 'hung-*')" ]
  [ "$(count_records "$DLQ_TOPIC")" -eq "$(count_where '.outcome == "dead_lettered"')" ]
  matches_schema journal <"$journal"
  matches_schema log <"$log"
  for event in processor.ended processor.unavailable processor.available processor.answer_ignored; do
    has_event "$event" || fail "no $event in the log"
  done
}

@test "a tracker that is killed with orders in its handler journals each once" {
  write_wild_handler
  make_topics 2
  produce -n 3000 --seed 6
  export PROCESSOR_KIND=command PROCESSOR_COMMAND='exec /usr/bin/python3 wild.py'
  for lines in 300 900 1500; do
    start_tracker -s processor.timeout_ms=8000 -s retry.max_attempts=5 -s retry.initial_delay_ms=1
    wait_for 100 has_lines "$journal" "$lines"
    kill -9 "$tracker"
    wait "$tracker" || true
  done
  drain -s processor.timeout_ms=8000 -s retry.max_attempts=5 -s retry.initial_delay_ms=1
  journal_is_exact
  jq -c 'select((.kafka_offset % 50 == 11) != (.outcome == "dead_lettered"))' "$journal" >wrong
  [ ! -s wrong ] || fail "wrong outcome: $(head -n 3 wrong)"
}

@test "at a stop the handler ends in order, and a command that is not there costs no order" {
  make_topics 1
  produce -n 100
  start_tracker -s processor.kind=command -s processor.command='exec ./not-there' -s tracker.drain_timeout_ms=1000
  wait_for 60 has_event processor.unavailable
  kill "$tracker"
  ends_with 0 "$tracker"
  [ ! -s "$journal" ]
  cat >handler.sh <<'END'
sed -u 's/^{"id":\("[^"]*"\).*/{"id":\1,"result":"ok"}/'
echo end >ended
END
  start_tracker -s processor.kind=command -s processor.command='sh handler.sh'
  wait_for 60 has_lines "$journal" 100
  kill "$tracker"
  ends_with 0 "$tracker"
  [ -s ended ]
  journal_is_exact
  [ "$(count_records "$DLQ_TOPIC")" -eq 0 ]
}

@test "a kind without its command is refused" {
  run -2 "$ROOT/bin/tracker" -s processor.kind=command
  [[ $output == *'processor.kind: "command" (from flag -s) needs processor.command, which is not set'* ]] || fail "$output"
}
