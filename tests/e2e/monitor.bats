#!/usr/bin/env bats
# The monitor as a user runs it: on journals written here, its reports compared with jq, its screen in tmux.

# bats and the helpers set the variables; single quotes go to the shell in the terminal.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/lines

setup() {
  cd "$BATS_TEST_TMPDIR" || exit
  export LC_ALL=C.UTF-8 TZ=UTC
  unset NO_COLOR
  ln -s "$ROOT/bin/monitor" monitor
  monitor=./monitor # a path that needs no quotes, and no letter beyond ASCII where a test looks for one
  terminal="monitor-$BATS_TEST_NUMBER-$$"
}

teardown() {
  tmux -L "$terminal" kill-server 2>/dev/null || :
  end_background
}

open_terminal() { # WIDTH HEIGHT
  tmux -L "$terminal" -f /dev/null new-session -d -x "$1" -y "$2" "env PS1='prompt> ' bash --norc"
  wait_for 20 screen_shows 'prompt>'
}

keys() {
  tmux -L "$terminal" send-keys "$@"
}

screen() {
  tmux -L "$terminal" capture-pane -p
}

screen_shows() { # TEXT
  screen | grep -qF -e "$1"
}

@test "totals are those that jq counts" {
  journal 2000 3 >tracker.events
  metrics_line 37 >tracker.log
  run -0 --separate-stderr "$monitor" --json
  [ "$(jq .received_total <<<"$output")" -eq "$(jq -s length tracker.events)" ]
  [ "$(jq .failed_total <<<"$output")" -eq "$(jq -s 'map(select(.outcome != "processed")) | length' tracker.events)" ]
  [ "$(jq .dlq_60s <<<"$output")" -eq 200 ]
  [ "$(jq .success_60s <<<"$output")" = 0.900000 ] || [ "$(jq .success_60s <<<"$output")" = 0.9 ]
  [ "$(jq .latency_ms.p50 <<<"$output")" -eq 12 ]
  [ "$(jq .lag.messages <<<"$output")" -eq 37 ]
  [ "$(jq '.partitions | length' <<<"$output")" -eq 3 ]
  [ "$(jq -r .health <<<"$output")" = crit ]
  [ "$(jq -r '.errors_60s[0].cause' <<<"$output")" = "quantity -# is below #" ]
}

@test "what is not known is null, and no file is no error" {
  run -0 --separate-stderr "$monitor" --json
  [ "$(jq -r .health <<<"$output")" = unknown ]
  jq -e '.rate_10s == null and .received_total == null and .lag.messages == null and .success_60s == null' <<<"$output"
  run -0 --separate-stderr "$monitor" --once
  [[ $output == *"health:"*UNKNOWN* ]]
  [[ $output == *"tracker.events, not found"* ]]
}

@test "--check answers as a Nagios plug-in" {
  run -3 "$monitor" --check
  [[ $output == "UNKNOWN freshness nothing read yet |"* ]]
  journal 2000 3 >tracker.events
  metrics_line 0 >tracker.log
  run -2 "$monitor" --check
  [[ $output == "CRIT dlq 200 of 2000 in 60 s, above 1 % | rate="*";;;0 success=90.00%;95:;80:;0;100 lag=0;;;0 dlq=200;;;0 p99=12ms;1000;10000;0" ]]
  grep -v dead_lettered tracker.events >ok.events
  run -1 "$monitor" --check --events ok.events
  [[ $output == "WARN integrity "* ]]
  journal 9 1 >ok.events
  run -0 "$monitor" --check --events ok.events
  run -3 "$monitor" --check --no-such-option
  run -2 "$monitor" --check --warn-success 99 --crit-success 98 --events tracker.events
  [[ $output == *"success=90.00%;99:;98:;0;100"* ]]
}

# Germany writes 5,5, and in Turkey the small letter of I has no dot.
@test "numbers and names are the same in every language" {
  local language way
  journal 2000 3 >tracker.events
  metrics_line 37 >tracker.log
  export MONITOR_NOW LOCPATH=$PWD/locales
  MONITOR_NOW=$(now_ms)
  mkdir locales
  for language in de_DE tr_TR; do
    localedef -i "$language" -f UTF-8 "locales/$language.UTF-8"
    [ "$(LC_ALL=$language.UTF-8 locale decimal_point)" = , ]
    for way in --json --check --once "--once --size 120x40" "--print-config -s monitor.success_warn=97.5"; do
      # shellcheck disable=SC2086 # words are wanted
      run "$monitor" $way
      expected=$output
      # shellcheck disable=SC2086
      LC_ALL=$language.UTF-8 run "$monitor" $way
      diff <(cat <<<"$expected") <(cat <<<"$output")
    done
    for program in producer tracker; do
      diff <("$ROOT/bin/$program" --print-config -s producer.invalid_rate=0.25) \
        <(LC_ALL=$language.UTF-8 "$ROOT/bin/$program" --print-config -s producer.invalid_rate=0.25)
    done
  done
}

@test "wrong usage is one clear line and exit 2" {
  run -2 --separate-stderr "$monitor" --size 80x24
  [ "$stderr" = "monitor: --size needs --once" ]
  run -2 --separate-stderr "$monitor" --once --size 80
  [[ $stderr == "monitor: --size 80: expected WIDTHxHEIGHT"* ]]
  for size in +80x24 " 80x24" 80x-24 80x024x 0x5; do
    run -2 --separate-stderr "$monitor" --once --size "$size"
    [[ $stderr == "monitor: --size $size: expected WIDTHxHEIGHT"* ]]
  done
  run -2 --separate-stderr "$monitor" --once --events .
  [ "$stderr" = "monitor: .: is a directory, a file is needed" ]
  mkfifo pipe
  for odd in pipe /dev/zero; do
    run -2 --separate-stderr "$monitor" --once --log "$odd"
    [ "$stderr" = "monitor: $odd: is no regular file" ]
  done
  run -2 --separate-stderr "$monitor" --once --events ''
  [ "$stderr" = "monitor: --events: FILE must not be empty" ]
  run -2 --separate-stderr "$monitor" --once --json
  [ "$stderr" = "monitor: --once, --json, --check, --metrics, --listen and --merge: only one of them at a time" ]
  run -3 --separate-stderr "$monitor" --check --events .
  run -2 --separate-stderr "$monitor" --color sometimes
  [ "${#stderr_lines[@]}" -eq 1 ]
  run -2 --separate-stderr "$monitor" --event x
  [[ $stderr == *events* ]]
}

@test "without a terminal it prints one report and says why" {
  journal 10 1 >tracker.events
  run -0 --separate-stderr "$monitor"
  [[ $stderr == "monitor: standard output is not a terminal: printing one report" ]]
  [[ $output == *"received:"*10* ]]
}

@test "it follows both files live, is resized, and leaves the terminal as it was" {
  journal 2000 3 >tracker.events
  metrics_line 41 >tracker.log
  open_terminal 80 24
  keys "stty -g >before; '$monitor'; echo status=\$?; stty -g >after" Enter
  wait_for 20 screen_shows "lag 41"
  wait_for 20 screen_shows "received   2 000"
  screen_shows "following"
  journal 50 3 >>tracker.events
  wait_for 20 screen_shows "received   2 050"
  metrics_line 77 >>tracker.log
  wait_for 20 screen_shows "lag 77"
  tmux -L "$terminal" resize-window -x 130 -y 40
  wait_for 20 screen_shows "Top errors"
  tmux -L "$terminal" resize-window -x 20 -y 3
  wait_for 20 screen_shows "X CRIT"
  tmux -L "$terminal" resize-window -x 80 -y 24
  wait_for 20 screen_shows "Throughput"
  keys l
  wait_for 20 screen_shows "[l]ogs"
  wait_for 20 screen_shows "periodic metrics"
  keys q
  wait_for 20 screen_shows "status=0"
  wait_for 20 test -s after
  cmp before after
}

@test "Ctrl+C quits from within the filter, SIGTERM and SIGHUP end it with their status" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  for way in C-c TERM:143 HUP:129; do
    keys "clear; stty -g >before; '$monitor'; echo status=\$?; stty -g >after" Enter
    wait_for 20 screen_shows "following"
    if [ "$way" = C-c ]; then
      keys / abc
      wait_for 20 screen_shows "/abc_"
      keys C-c
    else
      kill -s "${way%:*}" "$(pgrep -P "$(tmux -L "$terminal" display -p '#{pane_pid}')" -x monitor)"
    fi
    [ "$way" = C-c ] && expected=0 || expected=${way#*:}
    wait_for 20 screen_shows "status=$expected"
    wait_for 20 test -s after
    cmp before after
    rm before after
  done
}

@test "a crash gives the terminal back" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  keys "clear; stty -g >before; '$monitor'; echo status=\$?; stty -g >after" Enter
  wait_for 20 screen_shows "following"
  kill -s SEGV "$(pgrep -P "$(tmux -L "$terminal" display -p '#{pane_pid}')" -x monitor)"
  wait_for 20 screen_shows "status=139"
  wait_for 20 test -s after
  cmp before after
  [ "$(tmux -L "$terminal" display -p '#{alternate_on}#{cursor_flag}')" = 01 ]
}

@test "hostile text reaches the terminal as plain cells only" {
  printf '{"timestamp":"%s","event_type":"message.received","kafka_topic":"orders","kafka_partition":0,"kafka_offset":1,"deserialized":false,"error":"\\u001b]0;pwned\\u0007 \\u009b31m \\u202eevil \\u200b","outcome":"dropped"}\n' \
    "$(stamp "$(now_ms 3)")" >tracker.events
  run -0 --separate-stderr "$monitor" --once --size 120x40
  [[ $output == *"]0;pwned"* ]]
  run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$output"
  run ! grep -qP '\x{9b}|\x{202e}|\x{200b}' <<<"$output"
  open_terminal 100 30
  keys "'$monitor' --frames 2 | cat; script -qec \"'$monitor' --frames 2\" raw >/dev/null; echo finish''ed" Enter
  wait_for 20 screen_shows finished
  grep -q 'pwned' raw
  run ! grep -qaP '\x1b\]|\xc2\x9b|\xe2\x80\xae|\xe2\x80\x8b' raw
}

@test "a big journal is entered near its end, and its history adds up behind" {
  journal 30000 3 | sed 's/"timestamp":"[^"]*"/"timestamp":"2020-01-01T00:00:00.000Z"/' >tracker.events
  journal 30600 3 | tail -n 600 >>tracker.events
  run -0 --separate-stderr "$monitor" --json --no-history
  jq -e '.totals_complete == false and .received_total >= 600 and .received_total < 5000 and .received_60s == 600' <<<"$output"
  run -0 --separate-stderr "$monitor" --json
  jq -e '.totals_complete and .received_total == 30600 and .gaps_total == 0 and .dups_total == 0' <<<"$output"
  open_terminal 80 24
  keys "'$monitor'" Enter
  wait_for 20 screen_shows "received   30 600"
  screen_shows "gaps 0  dups 0"
}

@test "--json has the members that its schema names, no more and no fewer" {
  journal 2000 3 >tracker.events
  metrics_line 37 >tracker.log
  run -0 --separate-stderr "$monitor" --json
  diff <(jq -S 'paths(scalars or . == null) | map(if type == "number" then "*" else . end) | join(".")' <<<"$output" | sort -u) \
    <(jq -S 'def names: if .properties then .properties | to_entries[] | .key as $k | .value | names | [$k] + .
        elif .items then .items | names | ["*"] + . else [] end;
      names | join(".")' "$ROOT/docs/monitor.schema.json" | sort -u)
}

@test "--since counts only what is not older" {
  journal 500 3 | sed 's/"timestamp":"[^"]*"/"timestamp":"2020-01-01T00:00:00.000Z"/' >tracker.events
  journal 300 3 >>tracker.events
  run -0 --separate-stderr "$monitor" --json --since 1h30m
  jq -e '.received_total == 300 and .totals_complete and (.since | test("^20"))' <<<"$output"
  run -0 --separate-stderr "$monitor" --json
  jq -e '.received_total == 800 and .since == null' <<<"$output"
  run -2 --separate-stderr "$monitor" --once --since 90
  [[ $stderr == "monitor: --since 90: expected a duration"* ]]
}

@test "several trackers: journals by pattern, merged, the worst one named" {
  mkdir eu us
  journal 600 3 | grep -v dead_lettered >eu/tracker.events
  metrics_line 5 >eu/tracker.log
  journal 400 3 | sed 's/kafka_partition":/&1/' >us/tracker.events
  metrics_line 7 >us/tracker.log
  run -2 --separate-stderr "$monitor" --check --events '*/tracker.events'
  [[ $output == "CRIT dlq us: 40 of 400 in 60 s"* ]]
  for way in "--events */tracker.events" "--events eu/tracker.events --events us/tracker.events" \
    "--events */tracker.events --log */tracker.log" \
    "--events eu/tracker.events --log eu/tracker.log --events us/tracker.events --log us/tracker.log"; do
    set -f
    # shellcheck disable=SC2086 # words are wanted, patterns are not
    run -0 --separate-stderr "$monitor" --json $way
    set +f
    jq -e '.received_total == 940 and .lag.messages == 12 and .failed_total == 40 and (.partitions | length) == 6' <<<"$output"
    jq -e '[.trackers[] | .name, .log_file, .received_total, .lag] == ["eu", "eu/tracker.log", 540, 5, "us", "us/tracker.log", 400, 7]' <<<"$output"
    jq -e '.reasons[] | select(.rule == "dlq") | .tracker == "us"' <<<"$output"
  done
  run -2 --separate-stderr "$monitor" --events eu/tracker.events --events us/tracker.events --log eu/tracker.log
  [[ $stderr == "monitor: 2 times --events and 1 times --log:"* ]]
  run -2 --separate-stderr "$monitor" --events '*/tracker.events' --log eu/tracker.log
  [[ $stderr == "monitor: --log eu/tracker.log: needs the same wildcards"* ]]
}

@test "a journal elsewhere does not get the log that is here" {
  metrics_line 37 >tracker.log
  mkdir eu
  journal 9 1 >eu/tracker.events
  run -0 --separate-stderr "$monitor" --json --events eu/tracker.events
  jq -e '.trackers[0].log_file == "eu/tracker.log" and .lag.messages == null' <<<"$output"
  MONITOR_LOG_FILE=tracker.log run -0 --separate-stderr "$monitor" --json --events eu/tracker.events
  jq -e '.trackers[0].log_file == "tracker.log" and .lag.messages == 37' <<<"$output"
}

@test "more journals than can be followed are told" {
  for i in {1..66}; do
    journal 1 1 >"t-$i.events"
  done
  run -0 --separate-stderr "$monitor" --json --events 't-*.events'
  [ "$stderr" = "monitor: 2 journals beyond the first 64 are left out" ]
  jq -e '.received_total == 64 and (.trackers | length) == 64' <<<"$output"
}

@test "what lies beside a journal is no tracker of its own, whatever the pattern" {
  journal 30 3 | grep -v dead_lettered >tracker.events
  metrics_line 5 >tracker.log
  for other in .state .state.tmp .torn-2026-11-27T10:00:00.123Z .1 -20261127 .old .fifo; do
    cp tracker.events "tracker.events$other"
  done
  gzip -c tracker.events >tracker.events.2.gz
  ln -sf nowhere tracker.events.gone
  ln -s tracker.events tracker.events.current
  rm tracker.events.fifo
  mkfifo tracker.events.fifo
  mkdir tracker.events.d
  journal 3 1 | sed 's/kafka_partition":/&1/' >tracker.events-eu # a journal of that name
  for pattern in 'tracker.events*' './tracker.*' "$PWD/t*"; do
    run -0 --separate-stderr "$monitor" --json --events "$pattern"
    jq -e '.received_total == 30 and (.trackers | length) == 2 and .reader.malformed == 0' <<<"$output"
    [ "$stderr" = '' ]
  done
  # One that has its own state is a tracker, called after a day or not.
  touch tracker.events-20261127.state
  run -0 --separate-stderr "$monitor" --json --events 'tracker.events*'
  jq -e '.trackers | length == 3' <<<"$output"
  # Between rename and creation there is only the older one and the state.
  rm -r tracker.events tracker.events.* tracker.events-*
  journal 3 1 >tracker.events.1
  touch tracker.events.state
  run -0 --separate-stderr "$monitor" --json --events 'tracker.events*'
  jq -e '.received_total == null and .trackers[0].events_file == "tracker.events*"' <<<"$output"
}

# without_rights COMMAND...: also root needs the right to read then.
without_rights() {
  [ "$(id -u)" -ne 0 ] || set -- setpriv --bounding-set=-dac_override,-dac_read_search "$@"
  "$@"
}

@test "what --check may not read is UNKNOWN, with the reason, and no CRIT" {
  without_rights true || skip "root cannot give up its rights here"
  journal 9 1 >tracker.events
  metrics_line 5 >tracker.log
  chmod 000 tracker.events
  run -3 without_rights "$monitor" --check
  [[ $output == "UNKNOWN reader cannot read tracker.events: Permission denied |"* ]]
  chmod 600 tracker.events
  chmod 000 tracker.log
  run -3 without_rights "$monitor" --check
  [[ $output == "UNKNOWN reader cannot read tracker.log: Permission denied |"* ]]
  chmod 600 tracker.log
  mkdir eu us
  mv tracker.* eu
  cp eu/* us
  chmod 000 us
  for way in us/tracker.events 'us/*.events' '*/tracker.events'; do
    run -3 without_rights "$monitor" --check --events "$way"
    [[ $output == "UNKNOWN reader "*"cannot read us/"*": Permission denied |"* ]]
  done
  chmod 700 us
  ln -s loop loop
  run -3 "$monitor" --check --events loop
  [[ $output == "UNKNOWN reader cannot read loop: "* ]]
  ln -s nowhere dangling
  run -3 "$monitor" --check --events dangling
  [[ $output == "UNKNOWN freshness nothing read yet |"* ]]
  mkfifo pipe
  for odd in pipe eu; do
    run -3 --separate-stderr "$monitor" --check --events "$odd"
    [[ $stderr == "monitor: $odd: is "* ]]
  done
}

@test "a journal that is rotated to one that may not be read is not OK" {
  without_rights true || skip "root cannot give up its rights here"
  journal 9 1 >tracker.events
  metrics_line 0 >tracker.log
  open_terminal 100 30
  keys "setpriv --bounding-set=-dac_override,-dac_read_search '$monitor' || '$monitor'" Enter
  wait_for 20 screen_shows "following"
  install -m 000 /dev/null fresh
  mv tracker.events tracker.events.1
  mv fresh tracker.events
  wait_for 20 screen_shows "UNKNOWN"
  screen_shows "cannot read tracker.events: Permission denied"
}

@test "a journal that matches the pattern later appears by itself" {
  open_terminal 80 24
  keys "'$monitor' --events '*/tracker.events'" Enter
  wait_for 20 screen_shows "*/tracker.events"
  mkdir eu us
  journal 100 3 >eu/tracker.events
  wait_for 20 screen_shows "received   100"
  run ! screen_shows "trackers"
  journal 50 3 | sed 's/kafka_partition":/&1/' >us/tracker.events
  wait_for 20 screen_shows "2 trackers"
  wait_for 20 screen_shows "received   150"
  keys t
  wait_for 20 screen_shows "[t]rackers"
  keys j j Enter
  wait_for 20 screen_shows "us/tracker.events"
  keys q
  wait_for 20 screen_shows "prompt>"
}

@test "a reader that has seen enough ends --watch without a word" {
  journal 10 1 >tracker.events
  run timeout 60 bash -c "'$monitor' --json --watch 1 2>said | head -n 1 >line; echo \${PIPESTATUS[0]}"
  [ "$output" = 141 ]
  [ ! -s said ]
  jq -e '.received_total == 10' line
}

@test "--watch reports again and again until it is stopped" {
  journal 10 1 >tracker.events
  start_in_background watch.json "$monitor" --json --watch 1
  wait_for 30 has_lines watch.json 2
  journal 5 1 >>tracker.events
  wait_for 30 grep -q '"received_total":15' watch.json
  jq -es 'all(.schema == 1)' watch.json
}

@test "when its terminal is closed it is gone, even where SIGHUP is ignored" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  keys "trap '' HUP; '$monitor'" Enter
  wait_for 20 screen_shows "following"
  pid=$(pgrep -P "$(tmux -L "$terminal" display -p '#{pane_pid}')" -x monitor)
  tmux -L "$terminal" kill-server
  wait_for 10 is_gone "$pid"
}

@test "Ctrl+Z gives the terminal back and fg takes it again" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  keys "'$monitor'" Enter
  wait_for 20 screen_shows "following"
  keys C-z
  wait_for 20 screen_shows "Stopped"
  [ "$(tmux -L "$terminal" display -p '#{alternate_on}#{cursor_flag}')" = 01 ]
  keys fg Enter
  wait_for 20 screen_shows "following"
  keys q
  wait_for 20 screen_shows "prompt> fg"
}

@test "old terminals show it too" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  for name in xterm screen linux vt100 vt220 tmux-256color; do
    keys "clear; TERM=$name '$monitor' --frames 3; echo status=\$?" Enter
    wait_for 20 screen_shows "status=0"
    run ! screen_shows "printing one report"
  done
}

@test "NO_COLOR sends no colour, LC_ALL=C only ASCII" {
  journal 100 1 >tracker.events
  open_terminal 80 24
  keys "NO_COLOR=1 script -qec \"'$monitor' --frames 2\" plain >/dev/null; script -qec \"'$monitor' --frames 2\" colour >/dev/null; LC_ALL=C script -qec \"'$monitor' --frames 2\" ascii >/dev/null; echo finish''ed" Enter
  wait_for 30 screen_shows finished
  grep -qaP '\x1b\[[0-9;]*3[0-7]m' colour
  run ! grep -qaP '\x1b\[([0-9;]*;)?[34][0-7]m' plain
  run ! grep -qaP '[\x80-\xff]' ascii
  grep -qa 'Flow' ascii
}

@test "exported COLUMNS and LINES do not hold the size, unless the terminal has none" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  keys "COLUMNS=50 LINES=10 '$monitor'" Enter
  wait_for 20 screen_shows "Throughput"
  tmux -L "$terminal" resize-window -x 130 -y 40
  wait_for 20 screen_shows "Top errors"
  keys q
  wait_for 20 screen_shows "prompt>"
  keys "clear; stty cols 0 rows 0; COLUMNS=50 LINES=10 '$monitor'" Enter
  wait_for 20 screen_shows "rate "
  run ! screen_shows "Throughput"
}

# As of a terminal that is newer than the system.
@test "a terminal whose name the system does not know has its screen all the same" {
  journal 10 1 >tracker.events
  open_terminal 80 24
  keys "TERM=xterm-kitty TERMINFO=/nonexistent '$monitor'; echo status=\$?" Enter
  wait_for 20 screen_shows "following"
  run ! screen_shows xterm
  keys q
  wait_for 20 screen_shows "status=0"
}

@test "a terminal that is dumb, unknown or unset gets a report" {
  journal 10 1 >tracker.events
  open_terminal 100 50
  for name in dumb unknown ''; do
    keys "clear; TERM=$name '$monitor'; echo status=\$?" Enter
    wait_for 20 screen_shows "status=0"
    screen_shows "printing one report"
    screen_shows "success all-time"
  done
}

@test "journals that logrotate rotates in both ways under 5,000 lines a second are counted line by line" {
  run timeout 240 python3 "$ROOT/tests/soak/monitor_soak.py" --minutes 0.4
  [ "$status" -eq 0 ] || fail "$output"
}
