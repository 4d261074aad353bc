# shellcheck shell=bash
# What the caller's shell exports must not change what our scripts do. Sourced before anything else, not run.
#
# A script finds its own folder without cd, by realpath: the caller may export CDPATH, and may have called
# it by a symbolic link. What is meant for our programs, for make or for the compiler (CC, CFLAGS,
# PKG_CONFIG_PATH) stays.

# Functions that were exported: a cd or a grep of the caller's own.
while read -r _ _ name; do
  unset -f "$name"
done < <(declare -Fx)

# Options that were exported in SHELLOPTS and BASHOPTS, for us and for what we start.
set +o noclobber +o noglob +o posix +o errexit +o nounset +o xtrace +o verbose +o allexport
shopt -u nullglob failglob dotglob nocaseglob nocasematch xpg_echo lastpipe
export -n SHELLOPTS BASHOPTS

unset name CDPATH GLOBIGNORE BASH_ENV ENV POSIXLY_CORRECT GREP_OPTIONS COMPOSE_FILE

# A standard file that the caller has closed would be the next file opened.
[ -e "/proc/$$/fd/0" ] || exec </dev/null
[ -e "/proc/$$/fd/1" ] || exec >/dev/null
[ -e "/proc/$$/fd/2" ] || exec 2>/dev/null

manual() { # FILE: the comment at its top
  sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$1"
}
