#!/usr/bin/env bats
# Settings as a user gives them to each of the programs. None of these tests reaches a broker: wrong
# settings end a program before that, and --print-config, --help and --version answer and exit.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/common

setup() {
  local main
  PROGRAMS=()
  for main in "$ROOT"/cmd/*/main.c; do
    PROGRAMS+=("$(basename "$(dirname "$main")")")
  done
  cd "$BATS_TEST_TMPDIR" || return
}

# run_program NAME ARGUMENTS...: as `run`, with stderr apart.
run_program() {
  run --separate-stderr timeout 20 "$ROOT/bin/$1" "${@:2}"
}

# refuses LINE ARGUMENTS...: each program ends with status 2, LINE alone on stderr behind its name, and
# nothing on stdout.
refuses() {
  local line=$1 program
  shift
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" "$@"
    [ "$status" -eq 2 ] || fail "$program $*: status $status"
    [ "$stderr" = "$program: $line" ] || fail "$program $*: $stderr"
    [ -z "$output" ] || fail "$program $*: on stdout: $output"
  done
}

# without_comments: the settings of --print-config without where they came from.
without_comments() {
  sed 's/  # .*//'
}

@test "a wrong key is named with file, line and the nearest known key" {
  printf 'app:\n  env: test\nretry:\n  max_atempts: 3\n' >config.yaml
  refuses 'config.yaml:4: retry.max_atempts: unknown key (did you mean retry.max_attempts?)'
  mv config.yaml 'my settings.yaml'
  refuses 'my settings.yaml:4: retry.max_atempts: unknown key (did you mean retry.max_attempts?)' \
    -c 'my settings.yaml'
  CONFIG_FILE='my settings.yaml' \
    refuses 'my settings.yaml:4: retry.max_atempts: unknown key (did you mean retry.max_attempts?)'
  refuses '-s: kafka.brokr: unknown key (did you mean kafka.broker?)' -s kafka.brokr=a
}

@test "a wrong type is named with file, line, key and value" {
  printf 'retry:\n  max_attempts: many\n' >config.yaml
  refuses 'config.yaml:2: retry.max_attempts: "many" is not a whole number (allowed: 1 to 100)'
}

@test "a value out of range is named with what is allowed" {
  printf 'simulate:\n  transient_rate: 1.5\n' >config.yaml
  refuses 'config.yaml:2: simulate.transient_rate: "1.5" is out of range (allowed: 0 to 1)'
}

@test "a wrong environment variable is named" {
  TRACKER_FSYNC=often refuses 'environment variable TRACKER_FSYNC: tracker.fsync: "often" is not a known choice (allowed: group, always, never)'
}

@test "settings that contradict each other are named with where they came from" {
  printf 'kafka:\n  topic: same\n' >config.yaml
  DLQ_TOPIC=same refuses 'dlq.topic: same (from env DLQ_TOPIC) must differ from kafka.topic: same (from config.yaml:2)'
}

@test "a file that cannot be read is named with the reason" {
  refuses 'missing.yaml: No such file or directory' -c missing.yaml
  mkdir config.yaml
  refuses 'config.yaml: Is a directory'
}

@test "a file that is no YAML is named with the line" {
  printf 'retry:\n\tmax_attempts: 3\n' >config.yaml
  refuses 'config.yaml:2: a tab indents this line, YAML wants spaces'
}

@test "an unknown flag is named with the nearest known one" {
  refuses '--pirnt-config: unknown option (did you mean --print-config?)' --pirnt-config
  local PROGRAMS=(producer tracker) # the monitor takes journals
  refuses '"orders": unexpected argument (all are options, see --help)' orders
}

@test "a flag beats the environment, which beats the file, which beats the default" {
  local program
  printf 'retry:\n  max_attempts: 4\n  initial_delay_ms: 5\n  multiplier: 3\n' >config.yaml
  export RETRY_INITIAL_DELAY_MS=6 RETRY_MULTIPLIER=4
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" -s retry.multiplier=5 --print-config
    [ "$status" -eq 0 ]
    grep -qx '  max_attempts: 4  # config.yaml:2' <<<"$output"
    grep -qx '  initial_delay_ms: 6  # env RETRY_INITIAL_DELAY_MS' <<<"$output"
    grep -qx '  multiplier: 5  # flag -s' <<<"$output"
    grep -qx '  max_delay_ms: 5000  # default' <<<"$output"
  done
}

@test "properties come from a file as kcat has it, and from variables, each in its place" {
  local program
  printf 'kafka:\n  broker: yaml:1\n  properties:\n    sasl.username: yaml\n    client.id: yaml\n' >config.yaml
  printf '# kcat\nbootstrap.servers=file:2\nsasl.username=file\nsasl.password=hunter2\n' >client.properties
  export KAFKA_PROPERTIES_SASL_MECHANISM=PLAIN KAFKA_PROPERTIES_SECURITY_PROTOCOL=ssl
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" --print-config -F client.properties -X security.protocol=sasl_ssl
    [ "$status" -eq 0 ] || fail "$stderr"
    grep -qx '  broker: file:2  # client.properties:2' <<<"$output"
    grep -qx '    client.id: yaml  # config.yaml:5' <<<"$output"
    grep -qx '    sasl.username: file  # client.properties:3' <<<"$output"
    grep -qx '    sasl.password: "\*\*\*\*\*\*\*\*"  # client.properties:4' <<<"$output"
    grep -qx '    sasl.mechanism: PLAIN  # env KAFKA_PROPERTIES_SASL_MECHANISM' <<<"$output"
    grep -qx '    security.protocol: sasl_ssl  # flag -X' <<<"$output"
  done
  printf 'client.id=a\nhunter2\n' >client.properties
  refuses 'client.properties:2: name=value is expected, with a name before the =' --properties client.properties
  refuses 'missing.properties: No such file or directory' -F missing.properties
  KAFKA_PROPERTIES_sasl_password=hunter2 \
    refuses "environment variable KAFKA_PROPERTIES_sasl_password: the property's name is expected in capitals, with _ for dots"
}

@test "a misspelt property is named with its place and the nearest known, its value never" {
  local program
  printf '\nsasl.pasword=hunter2\n' >client.properties
  chmod 640 client.properties
  for program in "producer -n 1" "tracker --drain"; do
    # shellcheck disable=SC2086 # with its option
    run_program $program -F client.properties
    [ "$status" -eq 2 ]
    [ "$stderr" = "${program%% *}: client.properties:2: sasl.pasword: no such librdkafka property (did you mean sasl.password?)" ] ||
      fail "$stderr"
    KAFKA_PROPERTIES_SASL_PASWORD=hunter2 run_program $program
    [ "$status" -eq 2 ]
    [ "$stderr" = "${program%% *}: env KAFKA_PROPERTIES_SASL_PASWORD: sasl.pasword: no such librdkafka property (did you mean sasl.password?)" ] ||
      fail "$stderr"
  done
}

@test "a file with a secret that every user may read is named once" {
  local program file
  printf 'kafka:\n  properties:\n    sasl.password: hunter2\n' >config.yaml
  printf 'sasl.password=hunter2\nno.such=property\n' >client.properties
  for program in "producer -n 1" "tracker --drain"; do
    warns() { # TIMES OPTION...
      # shellcheck disable=SC2086 # with its option
      run_program $program -X no.such=property "${@:2}"
      [ "$(grep -c "holds a secret can be read by every user.*file=$file, remedy=chmod o-r" <<<"$stderr")" -eq "$1" ] ||
        fail "$program: $stderr"
    }
    chmod 644 config.yaml client.properties
    file=config.yaml
    warns 1
    chmod 640 config.yaml
    warns 0
    file=client.properties
    warns 1 -F client.properties
    chmod 640 client.properties
    warns 0 -F client.properties
  done
}

@test "secrets are masked in what is printed" {
  local program
  printf 'kafka:\n  properties:\n    ssl.key.password: hunter2\n    sasl.username: me\n' >config.yaml
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" -X sasl.password=hunter2 --print-config
    [ "$status" -eq 0 ]
    [[ $output != *hunter2* ]]
    grep -qx '    ssl.key.password: "\*\*\*\*\*\*\*\*"  # config.yaml:3' <<<"$output"
    grep -qx '    sasl.password: "\*\*\*\*\*\*\*\*"  # flag -X' <<<"$output"
    grep -qx '    sasl.username: me  # config.yaml:4' <<<"$output"
  done
}

@test "what is printed reads back as the same settings" {
  local program first
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" -s 'app.env=a "b" # c: d' -s kafka.broker='[::1]:9092,b' -s dlq.enabled=no \
      -s tracker.events_file='/x y/e' -X socket.timeout.ms=5000 --print-config
    [ "$status" -eq 0 ]
    printf '%s\n' "$output" >printed.yaml
    first=$(without_comments <printed.yaml | grep -v '^  env:')
    run_program "$program" -c printed.yaml --print-config
    [ "$status" -eq 0 ] || fail "$stderr"
    [ "$(without_comments <<<"$output" | grep -v '^  env:')" = "$first" ]
    grep -qF '  env: "a \"b\" # c: d"  # printed.yaml:2' <<<"$output"
  done
}

@test "the example file is read and changes nothing" {
  local program defaults
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" --print-config
    defaults=$(without_comments <<<"$output")
    run_program "$program" -c "$ROOT/config.yaml.example" --print-config
    [ "$status" -eq 0 ]
    [ "$(without_comments <<<"$output")" = "$defaults" ]
  done
}

@test "help names the common options and every key of the example with its variable" {
  local program section='' line key
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" --help
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    for key in "Usage: $program " '-c, ' '-s, ' '-X, ' --print-config '-h, ' '-V, ' 'Exit status:'; do
      [[ $output == *"$key"* ]] || fail "$program --help: no $key"
    done
    while IFS= read -r line; do
      case $line in
      [a-z]*:) section=${line%:} ;;
      '  '[a-z]*:*)
        key=${line#  }
        key=$section.${key%%:*}
        grep -q "^  ${key//./\\.} = " <<<"$output" || fail "$program --help: no $key"
        [ "$key" = kafka.properties ] || [[ $output == *"$(tr a-z. A-Z_ <<<"$key")"* ]] ||
          fail "$program --help: no variable for $key"
        ;;
      esac
    done <"$ROOT/config.yaml.example"
  done
}

@test "version names the program and librdkafka" {
  local program
  for program in "${PROGRAMS[@]}"; do
    run_program "$program" --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^$program\ [0-9]+\.[0-9]+\.[0-9]+\ \(librdkafka\ [0-9]+\.[0-9]+ ]] || fail "$output"
  done
}

@test "an answer that cannot be written is an error" {
  local program option
  for program in "${PROGRAMS[@]}"; do
    for option in --help --version --print-config; do
      run bash -c '"$1" "$2" 2>&1 >/dev/full' - "$ROOT/bin/$program" "$option"
      [ "$status" -eq 1 ]
      [ "$output" = "$program: standard output: No space left on device" ] || fail "$output"
    done
  done
}

@test "a log that is written to the journal or to what belongs to it is refused, by whatever name" {
  local log
  ln -s events link
  ln -s events.state state-link
  mkdir sub
  for log in ./events "$PWD/events" sub/../events link events.state state-link events.state.tmp events.torn-log; do
    rm -f events.state
    run_program tracker -s tracker.events_file=events -s "tracker.log_file=$log" -s kafka.broker=127.0.0.1:1
    [ "$status" -eq 2 ] || fail "$log: status $status: $stderr"
    [ "$stderr" = "tracker: tracker.log_file: $log is the journal tracker.events_file: events, or belongs to it" ] ||
      fail "$stderr"
    [ ! -s events ] || fail "$log: $(cat events)"
  done
  : >other
  ln -f other events
  run_program tracker -s tracker.events_file=events -s tracker.log_file=other
  [ "$status" -eq 2 ]
}

# waits_for_settings PID: it catches SIGHUP, or SIGTERM as the monitor does, and sleeps; there is nothing else to
# sleep for.
waits_for_settings() {
  grep -qE '^SigCgt:.*([13579bdf]|[4-7c-f]...)$' "/proc/$1/status" && grep -q '^State:.S' "/proc/$1/status"
}

@test "settings from a pipe are waited for: SIGTERM ends that, SIGHUP does not" {
  local program
  mkfifo pipe
  for program in "${PROGRAMS[@]}"; do
    start_in_background out "$ROOT/bin/$program" -c pipe --print-config
    wait_for 20 waits_for_settings "$started_pid"
    kill -TERM "$started_pid"
    wait_for 20 is_gone "$started_pid"
  done
  for program in producer tracker; do
    start_in_background "$program.out" "$ROOT/bin/$program" -c pipe --print-config
    wait_for 20 waits_for_settings "$started_pid"
    kill -HUP "$started_pid"
    timeout 20 bash -c 'printf "app:\n  env: piped\n" >pipe'
    wait_for 20 is_gone "$started_pid"
    grep -qx '  env: piped  # pipe:2' "$program.out" || fail "$(cat "$program.out")"
  done
}

@test "a program in the background ignores SIGHUP until it catches it, so that a rotation while it starts is no end" {
  start_in_background out sleep 600
  wait_for 20 grep -q '^Name:.sleep$' "/proc/$started_pid/status"
  grep -q '^SigIgn:.*[13579bdf]$' "/proc/$started_pid/status"
}

@test "options of the producer that would have no effect beside others are refused" {
  local line arguments
  : >orders
  while IFS='|' read -r line arguments; do
    # shellcheck disable=SC2086
    run_program producer $arguments
    [ "$status" -eq 2 ] || fail "$arguments: status $status"
    [ "$stderr" = "producer: $line" ] || fail "$arguments: $stderr"
  done <<'EOF'
--seed does not go with --input|--input orders --seed 1
--invalid-rate does not go with --input|--invalid-rate 0.5 --input orders
--count does not go with --init|--init -n 5
--input does not go with --init|--init --input orders
--seed does not go with --init|--seed 0 --init
--interval-ms does not go with --init|--init --interval-ms 0
--invalid-rate does not go with --init|--init --invalid-rate 0
--init does not go with --redrive|--redrive --init
--input does not go with --redrive|--redrive --input orders
--timeout-ms goes with --init or --redrive only|-n 1 --timeout-ms 5
--dry-run goes with --redrive only|--dry-run --init
--max goes with --redrive only|--input orders --max 1
EOF
}
