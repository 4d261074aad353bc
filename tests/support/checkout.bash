# A built copy of this checkout for tests of start.sh and stop.sh, so that they touch neither the files
# nor the processes of whoever runs them. Load ../support/common before it.

# copy_checkout DIR: sources, also new and changed ones, and what is built; times are kept, so that make
# finds nothing to do.
copy_checkout() {
  mkdir -p "$1"
  {
    git -C "$ROOT" ls-files -z --cached --others --exclude-standard
    cd "$ROOT" && find bin build -type f -not -path 'build/san-*' -not -path 'build/tests/*' \
      -not -path 'build/test-logs/*' -print0
  } | tar -C "$ROOT" --null --ignore-failed-read -T - -cf - | tar -C "$1" -xf -
}

# processes_under DIR: pid and command line of each process that runs from it or names it.
processes_under() {
  local proc exe command
  for proc in /proc/[0-9]*; do
    exe=$(readlink "$proc/exe" 2>/dev/null) || continue
    command=$(tr '\0' ' ' <"$proc/cmdline" 2>/dev/null) || continue
    case "$exe $command" in *"$1"*) echo "${proc#/proc/} $command" ;; esac
  done
}
