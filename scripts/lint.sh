#!/usr/bin/env bash
# What the compiler does not say. Called by `make lint`; run by hand it takes names of checks:
#
#   scripts/lint.sh [CHECK]...      includes headers length width format shell cppcheck tidy; none = all
#
# Prints one line for each finding, FILE:LINE: WHAT, and how many there are. Installs nothing: a tool that is
# not here is a finding too, with its Debian package.
# Exit status: 0 no findings, 1 findings, 2 wrong usage.

ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
# shellcheck source=scripts/lib/shell.sh
. "$ROOT/scripts/lib/shell.sh"
set -uo pipefail

cd "$ROOT" || exit 1

MAX_FUNCTION_LINES=85
CC=${CC:-cc}
FLAGS=(-std=c11 -D_GNU_SOURCE -Iinclude -Itests -Icmd)
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

usage() {
  manual "$ROOT/scripts/lint.sh" >&2
  exit 2
}

# c_files [PATTERN]...: those of git, also new ones.
c_files() {
  git ls-files --cached --others --exclude-standard -- "${@:-*.[ch]}" | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
  done
}

need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null || {
    echo "$1 is not here: apt-get install $2"
    return 1
  }
}

library_flags() {
  pkg-config --cflags rdkafka yaml-0.1 ncursesw cmocka libcjson libcurl 2>/dev/null
}

# ---- which room may include which, and where outside headers may be. The rooms are those of the
# drawing in CONTRIBUTING.md: data flows one way, and so does knowledge.

# shellcheck disable=SC2016 # awk's own variables
check_includes() {
  c_files 'src/*.[ch]' 'include/*.[ch]' 'cmd/*.[ch]' | xargs awk '
    BEGIN {
      allowed["base"] = " base "
      allowed["config"] = " base config "
      allowed["model"] = " base model "
      allowed["flow"] = " base model flow "
      allowed["view"] = " base model view "
      allowed["processor"] = " base model flow processor "
      allowed["io"] = " base config model flow io "
      allowed["cmd"] = " base config model flow view processor io "
      # The one place of each outside library; what ends in a slash is a room.
      place["yaml.h"] = "src/config/load.c"
      place["cjson/"] = "src/model/"
      place["curl/"] = "src/processor/http.c"
      place["librdkafka/"] = "include/io/kafka_internal.h"
      place["curses.h"] = place["ncurses.h"] = "cmd/monitor/term.c"
      place["ncursesw/"] = "cmd/monitor/term.c"
      place["microhttpd.h"] = "cmd/monitor/httpd.c"
    }
    FNR == 1 {
      split(FILENAME, part, "/")
      room = part[1] == "cmd" ? "cmd" : part[2]
    }
    /^[ \t]*#[ \t]*include/ {
      name = $0
      sub(/^[^<"]*[<"]/, "", name)
      sub(/[>"].*/, "", name)
      folder = name
      has_folder = sub(/\/.*/, "", folder)
      if ($0 ~ /"/) {
        if (has_folder && !(folder in allowed))
          print FILENAME ":" FNR ": includes \"" name "\", which is in no room"
        else if (has_folder && index(allowed[room], " " folder " ") == 0)
          print FILENAME ":" FNR ": " room " may not include " folder " (\"" name "\")"
        else if (!has_folder && room != "cmd")
          print FILENAME ":" FNR ": \"" name "\" has no room before it"
        next
      }
      key = (name in place) ? name : (has_folder && (folder "/") in place) ? folder "/" : ""
      if (key != "" && FILENAME != place[key] && !(place[key] ~ /\/$/ && index(FILENAME, place[key]) == 1))
        print FILENAME ":" FNR ": <" name "> may be included in " place[key] " only"
    }'
}

# ---- a header brings what it needs

check_headers() {
  local header libraries
  read -ra libraries <<<"$(library_flags)"
  c_files '*.h' | while read -r header; do
    printf '#include "%s"\n' "$PWD/$header" |
      "$CC" "${FLAGS[@]}" "${libraries[@]}" -Wall -Wextra -Werror -fsyntax-only -x c - >/dev/null 2>&1 ||
      echo "$header:1: does not compile alone"
  done
}

# ---- length. Our style puts the brace of a function, and no other, at the beginning of a line. Tests may hold
# their data in long tables.

# shellcheck disable=SC2016
check_length() {
  c_files 'src/*.c' 'cmd/*.c' 'scripts/*.c' 'tests/support/*.c' | xargs awk -v max="$MAX_FUNCTION_LINES" '
    FNR == 1 { begin = 0 }
    /^[a-z_].*\(/ { head = $0; head_line = FNR }
    /^\{/ { begin = head_line }
    /^\}/ {
      if (begin && FNR - begin + 1 > max) {
        name = head
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
        printf "%s:%d: %s has %d lines, more than %d\n", FILENAME, begin, name, FNR - begin + 1, max
      }
      begin = 0
    }'
}

# What clang-format leaves as wide as it is: comments.
check_width() {
  c_files | LC_ALL=C.UTF-8 xargs grep -noHE '^.{101}' | sed 's/^\([^:]*:[0-9]*\):.*/\1: is wider than 100 columns/'
}

check_format() {
  need clang-format clang-format || return
  c_files | xargs clang-format --dry-run 2>&1 | sed -n 's/^\([^ ]*:[0-9]*\):[0-9]*: .*\[-Wclang-format-violations\]/\1: not as clang-format has it (make fmt)/p' |
    awk -F : '!seen[$1]++'
}

# Whatever is a script by its first line or its name; shellcheck understands bats files since 0.7.
check_shell() {
  need shellcheck shellcheck || return
  git ls-files --cached --others --exclude-standard | while read -r file; do
    [ -f "$file" ] || continue
    case $file in
    *.sh | *.bash | *.bats) echo "$file" ;;
    *) head -c 64 "$file" | head -n 1 | grep -aqE '^#!.*(bash|[ /]sh)( |$)' && echo "$file" ;;
    esac
  done | while read -r file; do
    case $file in
    # Variables come and go between a test, its helpers and bats.
    *.bash | *.bats) shellcheck -f gcc -x -P SCRIPTDIR -P . -S warning -e SC2034,SC2154 "$file" ;;
    *) shellcheck -f gcc -x -P SCRIPTDIR -P . "$file" ;;
    esac
  done | sed 's/^\([^:]*:[0-9]*\):[0-9]*: [a-z]*: /\1: /'
}

# missingInclude*: system headers are not looked into. The rest of the list are opinions that style.md does not
# share or that need the whole program.
check_cppcheck() {
  need cppcheck cppcheck || return
  c_files 'src/*.c' 'cmd/*.c' 'scripts/*.c' | xargs cppcheck -q -j "$(nproc)" --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
    -D_GNU_SOURCE -Iinclude --template='{file}:{line}: {message} [{id}]' 2>&1 | sort -u
}

# tidy_file FILE: what was found clean is remembered, by all that the compiler sees of it and the list of checks,
# since a minute of looking is worth it once.
tidy_file() {
  local key found
  # shellcheck disable=SC2086 # several flags in one variable
  key=build/lint/$({ cat .clang-tidy && "$CC" -E -C $TIDY_FLAGS "$1"; } 2>/dev/null | sha256sum | cut -c 1-32)
  [ ! -f "$key" ] || return 0
  # shellcheck disable=SC2086
  if found=$(clang-tidy --quiet "$1" -- $TIDY_FLAGS 2>/dev/null) && [ -z "$found" ]; then
    mkdir -p build/lint && touch "$key"
  else
    printf '%s\n' "${found:-$1:1:1: error: clang-tidy cannot read it}"
  fi
}

# The list of checks is in .clang-tidy.
check_tidy() {
  need clang-tidy clang-tidy || return
  TIDY_FLAGS="${FLAGS[*]} -D_DEFAULT_SOURCE $(library_flags)"
  export -f tidy_file
  export CC TIDY_FLAGS
  # shellcheck disable=SC2016 # for the inner shell
  c_files 'src/*.c' 'cmd/*.c' 'scripts/*.c' | xargs -P "$(nproc)" -n 1 bash -c 'tidy_file "$1"' _ |
    sed -n "s:^$PWD/::; s/^\([^ ]*:[0-9]*\):[0-9]*: \(warning\|error\): /\1: /p" | sort -u
}

ALL=(includes headers length width format shell cppcheck tidy)
checks=("$@")
[ $# -gt 0 ] || checks=("${ALL[@]}")
for check in "${checks[@]}"; do
  case " ${ALL[*]} " in *" $check "*) ;; *) usage ;; esac
  before=$(wc -l <"$findings")
  "check_$check" | tee -a "$findings"
  printf '%-9s %d\n' "$check" $(($(wc -l <"$findings") - before))
done
total=$(wc -l <"$findings")
echo "$total findings"
[ "$total" -eq 0 ]
