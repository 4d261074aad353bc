# shellcheck shell=bash
# Processes and their pid files. Sourced, not run.
#
# A pid file holds the pid and nothing else, so that `kill $(cat tracker.pid)` does what it says.
# Beside it, in STATE, lies when that process began: a pid alone may have passed to another program.

# process_start_ticks PID: when it began, in clock ticks since boot. Fails when it is gone.
process_start_ticks() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the name in parentheses and may itself hold spaces.
  set -f
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  set +f
  [ "$1" != Z ] && printf '%s\n' "${20}"
}

# process_runs PID EXE [ARGUMENT]: PID runs the file EXE ('' = any), with that argument.
# An executable replaced by a rebuild is still the same program.
process_runs() {
  local exe
  exe=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [ -z "$2" ] || [ "${exe% (deleted)}" = "$2" ] || return 1
  [ -z "${3-}" ] || grep -qzxF -- "$3" "/proc/$1/cmdline" 2>/dev/null
}

started_file() { # PIDFILE STATE
  printf '%s/%s.started\n' "$2" "$(basename "$1")"
}

write_atomically() { # FILE TEXT
  printf '%s\n' "$2" >"$1.new.$$" && mv -f "$1.new.$$" "$1"
}

# pid_write PIDFILE STATE PID
pid_write() {
  local ticks
  ticks=$(process_start_ticks "$3") || ticks=gone
  mkdir -p "$2"
  write_atomically "$(started_file "$1" "$2")" "$ticks"
  write_atomically "$1" "$3"
}

pid_forget() { # PIDFILE STATE
  rm -f "$1" "$(started_file "$1" "$2")"
}

# pid_read PIDFILE: the pid in it. Fails when there is no file or no number in it.
pid_read() {
  local pid
  pid=$(head -n 1 "$1" 2>/dev/null) || return 1
  [[ $pid =~ ^[1-9][0-9]{0,8}$ ]] && printf '%s\n' "$pid"
}

# pid_alive PIDFILE STATE EXE [ARGUMENT]: prints the pid when it is alive and is the program meant.
pid_alive() {
  local pid ticks expected
  pid=$(pid_read "$1") || return 1
  ticks=$(process_start_ticks "$pid") || return 1
  process_runs "$pid" "$3" "${4-}" || return 1
  expected=$(cat "$(started_file "$1" "$2")" 2>/dev/null) || expected=$ticks
  [ "$ticks" = "$expected" ] && printf '%s\n' "$pid"
}

# pid_stale_reason PIDFILE: in words, why the pid in it is not the program meant.
pid_stale_reason() {
  local pid
  if ! pid=$(pid_read "$1"); then
    echo "it holds no pid"
  elif process_start_ticks "$pid" >/dev/null; then
    echo "pid $pid is another program now: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-60)"
  else
    echo "pid $pid is gone"
  fi
}

# start_detached LOG COMMAND...: runs it in a session of its own, so that neither Ctrl+C nor a closing
# terminal reaches it, and with no file of ours open. SIGHUP is ignored until it catches it itself: a
# rotation may come while it is being loaded. Its pid is in $started_pid.
start_detached() {
  local log=$1 fd
  shift
  (
    trap '' HUP
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
    done
    exec setsid "$@" </dev/null >"$log" 2>&1
  ) &
  # shellcheck disable=SC2034 # read by whoever called
  started_pid=$!
}

# wait_for_exec PID EXE [ARGUMENT]: until the process just started has become the program. Fails when it
# ended instead.
wait_for_exec() {
  until process_runs "$@"; do
    process_start_ticks "$1" >/dev/null || return 1
    sleep 0.02
  done
}

# wait_for_exit PID SECONDS
wait_for_exit() {
  local ticks deadline=$((SECONDS + $2))
  ticks=$(process_start_ticks "$1") || return 0
  while [ "$(process_start_ticks "$1")" = "$ticks" ]; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# end_process PID SECONDS: SIGTERM, and SIGKILL after that many seconds. Returns 1 when it took the latter.
end_process() {
  kill -TERM "$1" 2>/dev/null || return 0
  wait_for_exit "$1" "$2" && return 0
  kill -KILL "$1" 2>/dev/null
  wait_for_exit "$1" 5
  return 1
}
