# Makes a manual page or a completion from what a program prints with --help, which is made from the tables of its options
# and settings.
#
#   bin/tracker --help | awk -v form=man -v version=1.0 -v text=deploy/man/tracker.txt -f scripts/manual.awk
#
# form: man (its page), settings (order-tracker.yaml(5)), bash, zsh. `text` is a file with further sections for the
# page, in roff.

function roff(s) { # as plain text: no escape, no request at the beginning of a line
  gsub(/\\/, "\\e", s)
  gsub(/-/, "\\-", s)
  if (s ~ /^[.']/)
    s = "\\&" s
  return s
}

function quoted(s) { # within single quotes of a shell
  gsub(/'/, "'\\''", s)
  return s
}

function zsh_text(s) { # within a [description] of _arguments
  gsub(/\\/, "\\\\&", s)
  gsub(/:/, "\\:", s)
  gsub(/\[/, "\\[", s)
  gsub(/\]/, "\\]", s)
  return quoted(s)
}

function upper_first(s) { return toupper(substr(s, 1, 1)) substr(s, 2) }

/^Usage: / { program = $2; operands = $4; next } # "[JOURNAL]..."
program && !summary && NF { summary = $0; next }
/^Options:$/ || /^Common options:$/ { part = "options"; next }
/^Settings, / { part = "settings"; next }
/^Exit status:$/ { part = "exit"; next }

part == "options" && /^  (-[A-Za-z], |    )--/ {
  n++
  letter[n] = substr($0, 3, 1) == "-" ? substr($0, 4, 1) : ""
  rest = substr($0, 7)
  gap = match(rest, /  +/)
  head = gap ? substr(rest, 1, gap - 1) : rest
  help[n] = gap ? substr(rest, gap + RLENGTH) : ""
  space = index(head, " ")
  name[n] = space ? substr(head, 1, space - 1) : head
  operand[n] = space ? substr(head, space + 1) : ""
  next
}
part == "options" && NF { sub(/^ +/, ""); help[n] = help[n] (help[n] ? " " : "") $0; next }

part == "settings" && /^  [a-z_]+\.[a-z_]+ = / {
  k++
  key[k] = $1
  value[k] = substr($0, index($0, " = ") + 3)
  next
}
part == "settings" && k && NF {
  sub(/^ +/, "")
  if (key_help[k] == "")
    key_help[k] = $0
  else
    allowed[k] = $0
  next
}

part == "exit" && NF { statuses++; code[statuses] = $1; sub(/^ *[0-9]+ +/, ""); meaning[statuses] = $0 }

function head_of(page, section, what) {
  printf ".TH %s %s \"\" \"Order Tracker %s\"\n.SH NAME\n%s \\- %s\n", toupper(page), section, version, page, roff(what)
}

function more(  line) {
  while (text != "" && (getline line <text) > 0)
    print line
}

function put_man(  i) {
  head_of(program, 1, summary)
  printf ".SH SYNOPSIS\n.B %s\n[\\fIoptions\\fR]%s\n.SH OPTIONS\n", program,
    operands == "" ? "" : " " roff(operands)
  for (i = 1; i <= n; i++) {
    printf ".TP\n"
    if (letter[i] != "")
      printf "\\fB\\-%s\\fR, ", letter[i]
    printf "\\fB%s\\fR%s\n%s.\n", roff(name[i]), operand[i] == "" ? "" : " \\fI" roff(operand[i]) "\\fR",
      roff(upper_first(help[i]))
  }
  printf ".SH \"EXIT STATUS\"\n"
  for (i = 1; i <= statuses; i++)
    printf ".TP\n%s\n%s.\n", code[i], roff(upper_first(meaning[i]))
  more()
  printf ".SH \"SEE ALSO\"\n"
  for (i = 1; i <= 3; i++)
    if (all[i] != program)
      printf ".BR %s (1),\n", all[i]
  printf ".BR order\\-tracker.yaml (5)\n"
}

# "debug, info, warn, error; APP_LOG_LEVEL or LOG_LEVEL", "1 to 100; NAME", or only "NAME".
function variable_of(i) {
  return match(allowed[i], /[A-Z][A-Z0-9_]*( or [A-Z0-9_]+)?$/) ? substr(allowed[i], RSTART) : ""
}

function values_of(i,  words) {
  words = substr(allowed[i], 1, length(allowed[i]) - length(variable_of(i)))
  sub(/; $/, "", words)
  return words
}

function put_settings(  i, section, last) {
  head_of("order-tracker.yaml", 5, "settings of tracker, producer and monitor")
  printf ".SH DESCRIPTION\n"
  printf "A YAML file with one level of sections. It is taken from \\fB\\-\\-config\\fR, else from \\fB$CONFIG_FILE\\fR, else "
  printf "from \\fI./config.yaml\\fR if that exists. A flag (\\fB\\-\\-set\\fR \\fIsection.key=value\\fR) beats the environment "
  printf "variable, which beats the properties file (\\fB\\-\\-properties\\fR), which beats this file, which beats the default.\n"
  for (i = 1; i <= k; i++) {
    section = substr(key[i], 1, index(key[i], ".") - 1)
    if (section != last)
      printf ".SH \"%s\"\n", toupper(section)
    last = section
    printf ".TP\n\\fB%s\\fR = %s\n%s.\n", roff(key[i]), roff(value[i]), roff(upper_first(key_help[i]))
    if (values_of(i) != "")
      printf ".br\nAllowed: %s.\n", roff(values_of(i))
    if (variable_of(i) != "")
      printf ".br\nEnvironment: %s.\n", variable_of(i)
  }
  more()
  printf ".SH \"SEE ALSO\"\n.BR tracker (1),\n.BR producer (1),\n.BR monitor (1)\n"
}

# What may follow an option: a file, one of a few words, or anything.
function is_file(o) { return o ~ /FILE/ }

function choices_of(i,  words) {
  words = values_of(i)
  if (words !~ /^[a-z]+(, [a-z]+)+$/)
    return ""
  gsub(/, /, " ", words)
  return words
}

function put_bash(  i, c) {
  printf "# Completion of %s for bash.\n\n_order_%s() {\n", program, program
  printf "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n  local values=''\n\n"
  # bash takes "=" as a word of its own: --set key=value arrives as --set, key, =, value.
  printf "  if [ \"$prev\" = = ] || [ \"$cur\" = = ]; then\n"
  printf "    case ${COMP_WORDS[COMP_CWORD - $([ \"$cur\" = = ] && echo 1 || echo 2)]} in\n"
  for (i = 1; i <= k; i++)
    if ((c = choices_of(i)) != "")
      printf "      %s) values='%s' ;;\n", key[i], c
  printf "    esac\n    [ \"$cur\" != = ] || cur=''\n"
  printf "    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n    return\n  fi\n"
  printf "  case $prev in\n    -s | --set)\n      compopt -o nospace\n      mapfile -t COMPREPLY < <(compgen -S = -W '"
  for (i = 1; i <= k; i++)
    if (key[i] != "kafka.properties")
      printf "%s%s", (i == 1 ? "" : " "), key[i]
  printf "' -- \"$cur\")\n      return\n      ;;\n"
  for (i = 1; i <= n; i++) {
    if (operand[i] == "" || name[i] == "--set")
      continue
    printf "    %s%s)\n", letter[i] == "" ? "" : "-" letter[i] " | ", name[i]
    if (is_file(operand[i]))
      printf "      compopt -o filenames\n      mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    printf "      return\n      ;;\n"
  }
  printf "  esac\n  mapfile -t COMPREPLY < <(compgen -W '"
  for (i = 1; i <= n; i++)
    printf "%s%s%s", (i == 1 ? "" : " "), (letter[i] == "" ? "" : "-" letter[i] " "), name[i]
  printf "' -- \"$cur\")\n}\ncomplete -F _order_%s %s\n", program, program
}

function put_zsh(  i, c, argument) {
  printf "#compdef %s\n# Completion of %s for zsh.\n\n", program, program
  printf "_order_%s_settings() {\n  if compset -P '*='; then\n    case ${IPREFIX%%=} in\n", program
  for (i = 1; i <= k; i++)
    if ((c = choices_of(i)) != "")
      printf "      %s) compadd -- %s ;;\n", key[i], c
  printf "    esac\n  else\n    compadd -S = --"
  for (i = 1; i <= k; i++)
    if (key[i] != "kafka.properties")
      printf " %s", key[i]
  printf "\n  fi\n}\n\n_arguments -s \\\n"
  for (i = 1; i <= n; i++) {
    argument = operand[i] == "" ? "" : is_file(operand[i]) ? ":file:_files" : ":" zsh_text(tolower(operand[i])) ": "
    if (name[i] == "--set")
      argument = ":setting:_order_" program "_settings"
    repeat = help[i] ~ /repeatable/ ? "*" : ""
    if (letter[i] == "")
      printf "  '%s%s[%s]%s'", repeat, name[i], zsh_text(help[i]), argument
    else if (repeat != "")
      printf "  '*-%s[%s]%s' '*%s[%s]%s'", letter[i], zsh_text(help[i]), argument, name[i], zsh_text(help[i]), argument
    else
      printf "  '(-%s %s)'{-%s,%s}'[%s]%s'", letter[i], name[i], letter[i], name[i], zsh_text(help[i]), argument
    printf "%s\n", i < n ? " \\" : ""
  }
}

END {
  split("tracker producer monitor", all, " ")
  if (!n || !k || !statuses) {
    print "manual.awk: this is not what --help prints" >"/dev/stderr"
    exit 1
  }
  if (form == "man")
    put_man()
  else if (form == "settings")
    put_settings()
  else if (form == "bash")
    put_bash()
  else if (form == "zsh")
    put_zsh()
  else
    exit 2
}
