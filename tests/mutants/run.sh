#!/usr/bin/env bash
# Do the tests object when the code is broken? Each row of tests/mutants/table breaks one rule of
# docs/delivery.md in a copy of the tree; the test program it names has to fail. Prints which test did.
#
#   tests/mutants/run.sh [PATTERN]      only the rows whose first words contain PATTERN
#
# Exit status: 0 every one was noticed, 1 one was not, or its row no longer fits the code.
set -uo pipefail

ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
unnoticed=0

# objection PROGRAM: the first test that failed, or how the program ended.
objection() {
  local log=$WORK/log status
  CMOCKA_MESSAGE_OUTPUT=tap timeout -k 5 120 "build/tests/$1" >"$log" 2>&1
  status=$?
  [ "$status" -ne 0 ] || return 1
  sed -n 's/^not ok [0-9]* *-* *//p' "$log" | grep -v '^tests$' | head -n 1 | grep . || echo "(ended with status $status)"
}

git -C "$ROOT" ls-files -z | (cd "$ROOT" && xargs -0 cp --parents -t "$WORK")
cd "$WORK" || exit 1
make -j "$(nproc)" test-programs-unit >/dev/null 2>&1 || {
  echo "mutants: the tree does not build" >&2
  exit 1
}

while IFS=$'\t' read -r what file expression program; do
  case $what in '#'*) continue ;; *"${1-}"*) ;; *) continue ;; esac
  cp "$file" original
  sed -i "$expression" "$file"
  if cmp -s "$file" original; then
    verdict='NO SUCH LINE ANY MORE'
    unnoticed=$((unnoticed + 1))
  elif ! make -j "$(nproc)" CFLAGS='-O1 -Wno-error' "build/tests/$program" >build.log 2>&1; then
    verdict='DOES NOT BUILD'
    unnoticed=$((unnoticed + 1))
  elif ! verdict=$(objection "$program"); then
    verdict='NOT NOTICED'
    unnoticed=$((unnoticed + 1))
  fi
  printf '%-58s %s: %s\n' "$what" "${program#*/}" "$verdict"
  cp original "$file"
  touch "$file"
done <"$ROOT/tests/mutants/table"
[ "$unnoticed" -eq 0 ]
