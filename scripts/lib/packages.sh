# shellcheck shell=bash
# Debian packages: which are needed for what, which are missing, how they come. Sourced, not run.

# What for, package, and how to see that it is there: asking for the thing and not for the package also
# finds a librdkafka of one's own (PKG_CONFIG_PATH) or a JDK unpacked by hand.
PACKAGES='
build   gcc                   command cc
build   libc6-dev             header  stdio.h
build   make                  command make
build   pkg-config            command pkg-config
build   librdkafka-dev        library rdkafka
build   libyaml-dev           library yaml-0.1
build   libcjson-dev          library libcjson
build   libcurl4-openssl-dev  library libcurl
build   libncurses-dev        library ncursesw
build   libmicrohttpd-dev     library libmicrohttpd
java    default-jre-headless  java    17
java    maven                 command mvn
unit    libcmocka-dev         library cmocka
perf    valgrind              command valgrind
perf    python3               command python3
e2e     bats                  command bats
e2e     jq                    command jq
e2e     kcat                  command kcat
e2e     tmux                  command tmux
e2e     locales               file    /usr/share/i18n/locales/de_DE
e2e     procps                command ps
e2e     python3-jsonschema    python  jsonschema
e2e     logrotate             command logrotate
e2e     python3               command python3
e2e     zsh                   command zsh
e2e     groff-base            command groff
e2e     bsdextrautils         command col
e2e     python3-prometheus-client python prometheus_client
e2e     curl                  command curl
e2e     prometheus            command promtool
e2e     dpkg-dev              command dpkg-source
e2e     libnghttp2-dev        library libnghttp2
e2e     libssl-dev            library openssl
e2e     python3-yaml          python  yaml
e2e     openssl               command openssl
e2e     nginx-light           file    /usr/sbin/nginx
e2e     debhelper             command dh
e2e     lintian               command lintian
e2e     systemd               command systemd-analyze
lint    clang-tidy            command clang-tidy
lint    clang-format          command clang-format
lint    cppcheck              command cppcheck
lint    shellcheck            command shellcheck
bench   kcat                  command kcat
bench   python3               command python3
rivals  rsyslog-kafka         rsyslog imkafka
'

have_command() { command -v "$1" >/dev/null; }
have_file() { [ -e "$1" ]; }
have_library() { pkg-config --exists "$1" 2>/dev/null; }
have_header() { echo "#include <$1>" | cc -E - >/dev/null 2>&1; }
have_python() { /usr/bin/python3 -c "import $1" 2>/dev/null; } # Debian's own, whatever else is in $PATH
have_rsyslog() { compgen -G "/usr/lib*/*/rsyslog/$1.so" >/dev/null; }

# A line is 'openjdk version "17.0.15" ...', "1.8.0" before Java 9; the first, unless $JAVA_TOOL_OPTIONS and the
# like are set, which Java tells before it.
have_java() {
  local version
  version=$(java -version 2>&1 | sed -n 's/^[a-z]* version "\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge "$1" ]
}

# missing_packages USE...: the packages of these uses that are not here, on one line.
missing_packages() {
  local use package kind what missing=''
  while read -r use package kind what; do
    case " $* " in *" $use "*) ;; *) continue ;; esac
    "have_$kind" "$what" || missing+="${missing:+ }$package"
  done < <(sed '/^$/d' <<<"$PACKAGES")
  printf '%s' "$missing"
}

# root_command: prints what makes a command run as root: nothing for root, else sudo. Fails when neither.
root_command() {
  [ "$(id -u)" -ne 0 ] || return 0
  command -v sudo >/dev/null || return 1
  if [ -t 0 ]; then echo sudo; else sudo -n true 2>/dev/null && echo sudo -n; fi
}

# install_packages LOG PACKAGE...: by apt-get, whose dpkg needs commands of sbin. Fails when it may not or cannot; the reason is in
# $install_error. An update that fails is no reason to give up: older lists may serve.
install_packages() {
  local log=$1 as_root
  shift
  install_error="they could not be installed; see $log"
  command -v apt-get >/dev/null || {
    install_error="this system has no apt-get; install what corresponds to them by its own means"
    return 1
  }
  as_root=$(root_command) || {
    install_error="neither root nor sudo here; run as root: apt-get install $*"
    return 1
  }
  # shellcheck disable=SC2086 # "sudo -n" is two words, and for root there is none
  {
    $as_root apt-get -q update || :
    $as_root env DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" apt-get -q -y --no-install-recommends \
      -o DPkg::Lock::Timeout=120 install "$@"
  } >"$log" 2>&1
}

# need_packages LOG MAY_INSTALL(yes|no) USE...: has them installed when missing. The reason of a failure
# is in $install_error, what was installed in $installed_packages.
need_packages() {
  local log=$1 may_install=$2 missing
  shift 2
  installed_packages=''
  missing=$(missing_packages "$@")
  [ "$missing" ] || return 0
  if [ "$may_install" != yes ]; then
    install_error="missing: $missing; run: apt-get install $missing"
    return 1
  fi
  echo "      installing $missing"
  # shellcheck disable=SC2086
  install_packages "$log" $missing || {
    install_error="missing: $missing; $install_error"
    return 1
  }
  # shellcheck disable=SC2034 # read by whoever called
  installed_packages=$missing
}
