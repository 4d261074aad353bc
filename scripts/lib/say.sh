# shellcheck shell=bash
# How start.sh and stop.sh talk: numbered steps, notes below them, how long each took. Sourced, not run.

now_ms() {
  local us=${EPOCHREALTIME//[.,]/}
  printf '%s\n' $((us / 1000))
}

seconds_since() { # START_MS
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# step NUMBER TITLE: begins it. What fails from here on is said to be in it.
step() {
  # shellcheck disable=SC2034 # read by start.sh when it fails
  step_name="step $1 ($2)"
  step_started=$(now_ms)
  echo "$1/6  $2"
}

step_done() {
  echo "     done in $(seconds_since "$step_started") s"
}

# note TEXT: what can be told nobody, as with a full disk behind the output, changes nothing.
note() {
  printf '     %s\n' "$*" || :
}

# note_lines FILE [LINES]: the last ones, indented.
note_lines() {
  tail -n "${2:-10}" "$1" 2>/dev/null | sed 's/^/       | /'
}

# wait_until SECONDS WHAT COMMAND...: repeats it while it returns 1; shows for what and, on a terminal, how
# long so far. Returns its status when that is another, or 1 after SECONDS.
wait_until() {
  local seconds=$1 text="waiting for $2, at most $1 s" started status
  shift 2
  started=$(now_ms)
  [ -t 1 ] || note "$text"
  while :; do
    status=0
    "$@" || status=$?
    [ ! -t 1 ] || printf '\r\033[K     %s: %s s' "$text" "$(seconds_since "$started")"
    [ "$status" -eq 1 ] || break
    [ $(($(now_ms) - started)) -lt $((seconds * 1000)) ] || break
    sleep 0.2
  done
  [ ! -t 1 ] || echo
  return "$status"
}
