#!/usr/bin/env bats
# make install, and what it installs beside the programs: manual pages and completions that a shell takes.

bats_require_minimum_version 1.5.0
load ../support/common

setup() {
  cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
  tmux -S "$BATS_TEST_TMPDIR/tmux" kill-server 2>/dev/null || :
}

setup_file() {
  make -C "$ROOT" -s install DESTDIR="$BATS_FILE_TMPDIR/a root" PREFIX=/usr >"$BATS_FILE_TMPDIR/install.log" 2>&1 ||
    fail "$(cat "$BATS_FILE_TMPDIR/install.log")"
}

installed() {
  echo "$BATS_FILE_TMPDIR/a root/usr/$1"
}

# bash_completes WORD...: what bash offers for the last of them, a word a line.
bash_completes() {
  bash --norc -c '
    compopt() { :; } # only a real completion has options
    . "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    "_order_$1"
    printf "%s\n" "${COMPREPLY[@]}"' _ "$(installed "share/bash-completion/completions/$1")" "$@" | sort
}

@test "every option and every setting of --help is in the manual" {
  for program in producer tracker monitor; do
    "$(installed "bin/$program")" --help >help
    sed -n 's/^ .*  *\(--[a-z-]*\).*/\1/p' help | sort -u >options
    [ "$(wc -l <options)" -gt 6 ]
    groff -man -Tutf8 -P-c -ww "$(installed "share/man/man1/$program.1")" 2>warnings | col -b >page
    [ ! -s warnings ]
    while read -r option; do
      grep -qe "$option" page || fail "$program(1) lacks $option"
    done <options
  done
  groff -man -Tutf8 -P-c -ww "$(installed share/man/man5/order-tracker.yaml.5)" 2>warnings | col -b >page
  [ ! -s warnings ]
  sed -n 's/^  \([a-z_]*\.[a-z_]*\) = .*/\1/p' help >settings
  [ "$(wc -l <settings)" -gt 40 ]
  while read -r setting; do
    grep -q "^ *$setting = " page || fail "order-tracker.yaml(5) lacks $setting"
  done <settings
}

@test "bash completes options, settings and their values, and files" {
  touch some.yaml
  [ "$(bash_completes tracker --dr)" = --drain ]
  [ "$(bash_completes monitor --set monitor.ui)" = monitor.ui_update_ms= ]
  [ "$(bash_completes tracker --set retry.jitter = e)" = equal ]
  [ "$(bash_completes tracker --set tracker.fsync = | tr '\n' ' ')" = "always group never " ]
  [ "$(bash_completes producer --config so)" = some.yaml ]
  [ "$(bash_completes producer --config some.yaml --red)" = --redrive ]
}

# In a terminal of its own, as a user sees it.
@test "zsh completes options and the values of settings" {
  type_keys() { tmux -S tmux send-keys "$@"; }
  shows() { tmux -S tmux capture-pane -p | grep -q -e "$1"; }
  env -i HOME="$PWD" TERM=screen PATH="$(installed bin):$PATH" \
    tmux -S tmux -f /dev/null new-session -d -x 120 -y 30 zsh -f 3>&-
  type_keys "PS1='ready> '; fpath=('$(installed share/zsh/site-functions)' \$fpath); autoload -Uz compinit; compinit -D" Enter
  wait_for 60 shows '^ready>$'
  type_keys "tracker --drai" Tab
  wait_for 60 shows '^ready> tracker --drain'
  type_keys -- "--set retry.jitter=dec" Tab
  wait_for 60 shows 'retry.jitter=decorrelated'
}

@test "make uninstall removes all of it" {
  make -C "$ROOT" -s install DESTDIR="$PWD/root" PREFIX=/usr >/dev/null
  [ "$(find root -type f | wc -l)" -gt 10 ]
  make -C "$ROOT" -s uninstall DESTDIR="$PWD/root" PREFIX=/usr
  [ -z "$(find root -type f)" ]
}
