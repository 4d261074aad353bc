# shellcheck shell=bash
# Processes and their pid files. Sourced, not run.
#
# Some of this is called by traps, where a `return` without a number means the status before the trap.
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

# process_is_hidden PID: it exists, but /proc, mounted with hidepid, does not show it to us.
process_is_hidden() {
  [ ! -r "/proc/$1/stat" ] && [[ $(LC_ALL=C && kill -0 "$1" 2>&1) == *"not permitted"* ]]
}

# process_runs PID EXE [ARGUMENT]: PID runs the file EXE ('' = any), with that argument. 1 when it does not,
# 2 when by its command line it does, but it is another user's: neither what it runs nor its end is ours.
# An executable replaced by a rebuild is still the same program.
process_runs() {
  local exe named=${2:-${3-}}
  [ -z "${3-}" ] || has_argument "$1" "$3" || return 1
  if exe=$(readlink "/proc/$1/exe" 2>/dev/null); then
    [ -z "$2" ] || [ "${exe% (deleted)}" = "$2" ] || return 1
    return 0
  fi
  [ -z "$named" ] || has_argument "$1" "$named" || return 1
  kill -0 "$1" 2>/dev/null || return 2
}

has_argument() { # PID ARGUMENT
  LC_ALL=C grep -qzxF -- "$2" "/proc/$1/cmdline" 2>/dev/null
}

started_file() { # PIDFILE STATE
  printf '%s/%s.started\n' "$2" "$(basename "$1")"
}

# write_atomically FILE TEXT. A folder of that name is not written into.
write_atomically() {
  printf '%s\n' "$2" >"$1.new.$$" && mv -fT "$1.new.$$" "$1" && return 0
  rm -f "$1.new.$$"
  return 1
}

# pid_write PIDFILE STATE PID
pid_write() {
  local ticks
  ticks=$(process_start_ticks "$3") || ticks=gone
  mkdir -p "$2" && write_atomically "$(started_file "$1" "$2")" "$ticks" && write_atomically "$1" "$3"
}

pid_forget() { # PIDFILE STATE
  rm -f "$1" "$(started_file "$1" "$2")"
}

# pid_read PIDFILE: the pid in it. Fails when there is no file or no number in it.
pid_read() {
  local pid
  pid=$(head -n 1 "$1" 2>/dev/null | tr -d '\0') || return 1
  [[ $pid =~ ^[1-9][0-9]{0,8}$ ]] && printf '%s\n' "$pid"
}

# pid_alive PIDFILE STATE EXE [ARGUMENT]: prints the pid when it is alive and is the program meant. Returns 1
# when no such program runs, 2 when that cannot be judged; pid_doubt then says why. ARGUMENT is asked for only
# where it is not known when the program began: paths change when a folder is renamed.
pid_alive() {
  local pid ticks expected status=0
  [ -e "$1" ] || return 1
  [ -f "$1" ] && [ -r "$1" ] || return 2
  pid=$(pid_read "$1") || return 1
  ! process_is_hidden "$pid" || return 2
  ticks=$(process_start_ticks "$pid") || return 1
  if expected=$(cat "$(started_file "$1" "$2")" 2>/dev/null); then
    [ "$ticks" = "$expected" ] || return 1
    process_runs "$pid" "$3" || status=$?
  else
    process_runs "$pid" "$3" "${4-}" || status=$?
  fi
  [ "$status" -ne 0 ] || printf '%s\n' "$pid"
  return "$status"
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

# pid_doubt PIDFILE: in words, why it cannot be judged what the pid in it means.
pid_doubt() {
  local pid owner
  owner=$(stat -c %U "$1")
  if [ ! -f "$1" ]; then
    echo "$1 is not a file"
  elif [ ! -r "$1" ]; then
    echo "$1 belongs to $owner and cannot be read"
  else
    pid=$(pid_read "$1")
    echo "pid $pid belongs to $(stat -c %U "/proc/$pid" 2>/dev/null || echo "another user, $1 to $owner")"
  fi
}

# become_detached LOG COMMAND...: in a session of its own, so that neither Ctrl+C nor a closing terminal
# reaches it, and with no file of ours open. SIGHUP is ignored until it catches it itself: a rotation may
# come while it is being loaded.
become_detached() {
  local log=$1 fd
  shift
  trap '' HUP
  for fd in /proc/"$BASHPID"/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
  done
  exec setsid "$@" </dev/null >"$log" 2>&1
}

# start_detached LOG COMMAND...: its pid is in $started_pid.
start_detached() {
  become_detached "$@" &
  # shellcheck disable=SC2034 # read by whoever called
  started_pid=$!
}

# start_recorded PIDFILE STATE LOG COMMAND...: the same, and the pid file is there before the program is: who
# cannot write it, as on a full disk, starts nothing.
start_recorded() {
  {
    pid_write "$1" "$2" "$BASHPID" || exit 1
    shift 2
    become_detached "$@"
  } &
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

# end_process PID SECONDS: SIGTERM, and SIGKILL after that many seconds. Returns 1 when it took the latter,
# 2 when it runs on all the same.
end_process() {
  kill -TERM "$1" 2>/dev/null || :
  wait_for_exit "$1" "$2" && return 0
  kill -KILL "$1" 2>/dev/null
  wait_for_exit "$1" 5 && return 1
  return 2
}
