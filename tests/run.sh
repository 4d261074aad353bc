#!/usr/bin/env bash
# Builds and runs the tests of the stages named (unit, integration, perf, e2e; none = all) and sums up.
#
#   [T=NAME] [SAN=...] tests/run.sh [STAGE]...
#
# T restricts to one program or file (T=order or T=test_order: tests/*/test_order.c; T=lifecycle:
# tests/e2e/lifecycle.bats; T=perf: the stage of that name). SAN is the Makefile's; e2e always takes the
# ordinary build, and perf is left out then. UPDATE=1 has perf write its budget anew.
# Missing packages are installed by apt-get; with NO_INSTALL=1 they are only named.
# The last line is 'N passed, N failed'; whole outputs lie in build/test-logs/.
# Exit status: 0 all passed, 1 something failed or no test ran, 2 wrong usage.

ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
# shellcheck source=scripts/lib/shell.sh
. "$ROOT/scripts/lib/shell.sh"
set -uo pipefail
shopt -s extglob

cd "$ROOT" || exit 1
export LC_ALL=C.UTF-8
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh

T=${T-}
SAN=${SAN-}
OUT=build${SAN:+/san-${SAN//,/-}}
LOGS=$OUT/test-logs
TEST_PROGRAM_SECONDS=300
passed=0
failed=0
skipped=0
failures=()

fail() { # WHAT
  failed=$((failed + 1))
  failures+=("$1")
}

# wanted NAME: T is empty or means it.
wanted() {
  [ -z "$T" ] || [ "$T" = "$1" ] || [ "$T" = "${1#test_}" ]
}

# add_tap NAME STATUS FILE: counts the results in it. A test that was planned or begun and has no result,
# as after a crash, has failed; so has a program that ends badly although all of its tests passed.
add_tap() {
  local name=$1 status=$2 ok not_ok skip planned text
  read -r ok not_ok skip planned < <(awk '
    /^1\.\.[0-9]+/ { sub(/^1\.\./, ""); planned += $1; next }
    /^(not )?ok .*# [Ss][Kk][Ii][Pp]/ { skip++; next }
    /^ok / { ok++ }
    /^not ok / { not_ok++ }
    END { print ok + 0, not_ok + 0, skip + 0, planned + 0 }' "$3")
  while read -r text; do
    failures+=("$name: $text")
  done < <(grep '^not ok ' "$3" | grep -vi '# skip' | sed 's/^not ok [0-9]* *-* *//')
  passed=$((passed + ok))
  failed=$((failed + not_ok))
  skipped=$((skipped + skip))
  if [ $((ok + not_ok + skip)) -lt "$planned" ]; then
    failed=$((failed + planned - ok - not_ok - skip - 1))
    fail "$name: ended with status $status before $((planned - ok - not_ok - skip)) of its tests had a result"
  elif [ "$status" -ne 0 ] && [ "$not_ok" -eq 0 ]; then
    fail "$name: ended with status $status"
  fi
}

# side_by_side LIMIT COMMAND ITEM...: COMMAND ITEM for each, so many at once.
side_by_side() {
  local limit=$1 command=$2 item
  shift 2
  for item; do
    while [ "$(jobs -rp | wc -l)" -ge "$limit" ]; do
      wait -n || :
    done
    "$command" "$item" &
  done
  wait
}

run_program() { # FOLDER/NAME
  local name=${1#*/} log=$LOGS/${1/\//-}.tap started=$SECONDS status
  CMOCKA_MESSAGE_OUTPUT=tap timeout -k 5 "$TEST_PROGRAM_SECONDS" "$OUT/tests/$1" >"$log" 2>&1
  status=$?
  echo $status >"$log.status"
  printf '  %-32s %4s ok  %3s s\n%s' "$name" "$(grep -c '^ok ' "$log")" "$((SECONDS - started))" \
    "$([ $status -eq 0 ] || grep -v '^ok ' "$log" | tail -n 60 | sed '$a\ ')"
}

# c_programs STAGE: FOLDER/NAME of those wanted, the longest first. The fuzz targets replay their corpora among the
# unit tests.
c_programs() {
  local source name sources=(tests/"$1"/test_{tail_live,kafka_source_*}.c
    tests/"$1"/test_!(tail_live|kafka_source_*).c)
  [ "$1" != unit ] || sources+=(tests/fuzz/fuzz_*.c)
  for source in "${sources[@]}"; do
    name=$(basename "$source" .c)
    [ ! -f "$source" ] || ! wanted "$name" || echo "$(basename "$(dirname "$source")")/$name"
  done
}

# cmocka programs, all of them built first. Those of the mock cluster wait most of the time.
run_c_stage() { # STAGE
  local stage=$1 program programs=() at_once
  mapfile -t programs < <(c_programs "$stage")
  [ ${#programs[@]} -gt 0 ] || return 0
  if ! make -j "$(nproc)" ${SAN:+SAN="$SAN"} "${programs[@]/#/$OUT/tests/}" >"$LOGS/$stage-build.log" 2>&1; then
    cat "$LOGS/$stage-build.log"
    fail "$stage: does not build"
    return 0
  fi
  at_once=$(nproc)
  [ "$stage" = unit ] || at_once=$((2 * at_once))
  side_by_side "$at_once" run_program "${programs[@]}"
  for program in "${programs[@]}"; do
    add_tap "${program#*/}" "$(cat "$LOGS/${program/\//-}.tap.status")" "$LOGS/${program/\//-}.tap"
  done
}

# Instructions and allocations per order. What it says of a budget that may be lowered is shown too.
run_perf() {
  local log=$LOGS/perf.tap
  wanted perf || return 0
  if [ "$SAN" ]; then
    echo "  left out: a sanitizer's instructions say nothing"
    skipped=$((skipped + 1))
    return 0
  fi
  if ! make -j "$(nproc)" "$OUT/tests/perf/way" >"$LOGS/perf-build.log" 2>&1; then
    cat "$LOGS/perf-build.log"
    fail "perf: does not build"
    return 0
  fi
  timeout -k 5 "$TEST_PROGRAM_SECONDS" python3 tests/perf/check.py "$OUT/tests/perf/way" ${UPDATE:+--update} >"$log" 2>&1
  add_tap perf $? "$log"
  sed '/^1\.\./d; s/^/  /' "$log"
}

# e2e_files: those wanted, the longest first, so that none of them runs alone at the end; not both of those that have
# three brokers at once.
e2e_files() {
  local file
  for file in tests/e2e/{soak,lifecycle,tracker,brokers,processing,http,redrive,topics,faults,away}.bats \
    tests/e2e/!(soak|lifecycle|tracker|brokers|processing|http|redrive|topics|faults|away).bats; do
    [ ! -f "$file" ] || ! wanted "$(basename "$file" .bats)" || echo "$file"
  done
}

run_bats() { # FILE
  local log started=$SECONDS
  log=$LOGS/e2e-$(basename "$1" .bats).tap
  bats --formatter tap "$1" </dev/null >"$log" 2>&1
  echo $? >"$log.status"
  printf '  %-32s %4s ok  %3s s\n%s' "$(basename "$1")" "$(grep -c '^ok ' "$log")" "$((SECONDS - started))" \
    "$(sed -n '/^not ok /,/^ok /{/^ok /!p}' "$log" | tail -n 60 | sed 's/^/    /;$a\    ')"
}

# The real programs. One file more at once than there are cores: each has a Kafka of its own, and most of its time it
# waits.
run_e2e() {
  local file name files=()
  if ! make -j "$(nproc)" build build/embedded-broker build/faults.so build/kafka-topic build/kafka-transact >"$LOGS/e2e-build.log" 2>&1; then
    cat "$LOGS/e2e-build.log"
    fail "e2e: does not build"
    return 0
  fi
  # Of a Java that lives for a minute, half the time would go into the better compiler.
  export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS--Xms256m -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1}
  mapfile -t files < <(e2e_files)
  side_by_side "$(($(nproc) + 1))" run_bats "${files[@]}"
  for file in "${files[@]}"; do
    name=$(basename "$file" .bats)
    add_tap "$name" "$(cat "$LOGS/e2e-$name.tap.status")" "$LOGS/e2e-$name.tap"
  done
}

run_stage() { # STAGE
  local started=$SECONDS
  echo "$1"
  case $1 in
  e2e) run_e2e ;;
  perf) run_perf ;;
  *) run_c_stage "$1" ;;
  esac
  echo "  $((SECONDS - started)) s"
}

stages=("$@")
[ $# -gt 0 ] || stages=(unit integration perf e2e)
uses=(build)
for stage in "${stages[@]}"; do
  case $stage in
  unit | integration) uses+=(unit) ;;
  perf) uses+=(perf) ;;
  e2e) uses+=(e2e java) ;;
  *)
    echo "tests/run.sh: no such stage: '$stage' (unit, integration, perf, e2e)" >&2
    exit 2
    ;;
  esac
done

mkdir -p "$LOGS"
if need_packages "$LOGS/packages.log" "$([ "${NO_INSTALL-}" ] && echo no || echo yes)" "${uses[@]}"; then
  for stage in "${stages[@]}"; do
    run_stage "$stage"
  done
else
  fail "packages: $install_error"
fi

echo
[ $((passed + failed)) -gt 0 ] || fail "no test ran${T:+ (T=$T)}"
[ ${#failures[@]} -eq 0 ] || printf 'FAILED  %s\n' "${failures[@]}"
echo "$passed passed, $failed failed$([ "$skipped" -eq 0 ] || echo ", $skipped skipped")"
[ "$failed" -eq 0 ]
