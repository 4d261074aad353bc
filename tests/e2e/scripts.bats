#!/usr/bin/env bats
# start.sh, stop.sh and local_kafka.sh where the surroundings are not as usual: another user's processes, odd
# pid files, a caller who exports what changes a shell, a clone with CRLF, folders that cannot be written.

# Fakes and callers are written with single quotes, since their variables are theirs; bats and the helpers
# set the rest.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/common
load ../support/checkout

# ---- who listens

@test "a process with many open files is known to listen, every time" {
  local port
  . "$ROOT/scripts/lib/net.sh"
  port=$(random_free_port)
  start_in_background /dev/null perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5) or die; my @open;
    for (1 .. 900) { open my $f, "<", "/dev/null" or die; push @open, $f } sleep 600' "$port"
  wait_for 60 eval '! port_is_free '"$port"
  set -o pipefail
  for _ in {1..100}; do
    listens "$started_pid" "$port"
  done
}

# ---- another user

need_root() {
  [ "$(id -u)" -eq 0 ] || skip "only root can be two users"
}

# let_others_read: the checkout and the folders above it, which bats makes for one user only.
let_others_read() {
  local folder=$checkout
  chmod -R a+rX "$checkout"
  while [ "$folder" != / ]; do
    chmod a+x "$folder"
    folder=$(dirname "$folder")
  done
}

as_nobody() { # COMMAND...
  run timeout 120 setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent "$@"
}

@test "what root has started, another user's stop.sh and start.sh name and leave alone" {
  need_root
  let_others_read
  start --kafka java
  succeeded
  before="$(pid_of tracker) $(pid_of producer)"

  as_nobody "$checkout/stop.sh"
  failed_with 1
  says "producer: pid $(pid_of producer) belongs to root; left alone"
  says "tracker: pid $(pid_of tracker) belongs to root; left alone"
  says "Kafka: not stopped"
  says_not stale
  as_nobody "$checkout/start.sh"
  failed_with 1
  says "tracker: pid $(pid_of tracker) belongs to root"
  as_nobody "$checkout/scripts/local_kafka.sh" status "$checkout/.kafka/local"
  failed_with 3
  for verb in stop kill "start 0"; do
    # shellcheck disable=SC2086 # "start 0" is two words
    set -- $verb
    as_nobody "$checkout/scripts/local_kafka.sh" "$1" "$checkout/.kafka/local" "${@:2}"
    failed_with 1
    says "belongs to root; left alone"
  done
  chmod 600 "$checkout/tracker.pid"
  as_nobody "$checkout/stop.sh"
  failed_with 1
  says "tracker.pid belongs to root and cannot be read; left alone"

  # It was all left as it was.
  [ "$(pid_of tracker) $(pid_of producer)" = "$before" ]
  flow_runs
  start
  says "Already running"

  # Only Kafka is left.
  kill -KILL "$(pid_of producer)" "$(pid_of tracker)"
  rm "$checkout/producer.pid" "$checkout/tracker.pid"
  as_nobody "$checkout/stop.sh"
  failed_with 1
  says "Kafka (java): pid $(cat "$checkout/.kafka/local/kafka.pid") belongs to root; left alone"
  stop
  succeeded
  says "Kafka (java): stopped"
  nothing_is_left
}

@test "another user's process that /proc does not show is not taken for gone" {
  need_root
  let_others_read
  start --kafka embedded
  succeeded
  as_nobody true
  hidden='mount -t proc -o hidepid=invisible proc /proc && exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"'
  unshare -m sh -c "$hidden" _ true || skip "/proc cannot be mounted with hidepid here"
  run unshare -m sh -c "$hidden" _ "$checkout/stop.sh"
  failed_with 1
  says "tracker: pid $(pid_of tracker) belongs to another user"
  says "tracker.pid to root; left alone"
  flow_runs
}

# ---- pid files

@test "a pid file that holds no pid of ours is said to be stale, whatever it holds" {
  mkdir -p "$checkout/.kafka/run"
  for content in '' garbage 0 -1 -5 99999999999999999999 4194305 '12 34' $'\x01\x02' 2; do
    printf '%s' "$content" >"$checkout/tracker.pid"
    stop
    succeeded
    says "tracker.pid is stale: "
    [ ! -e "$checkout/tracker.pid" ]
  done
  ln -s /no/such/file "$checkout/tracker.pid"
  stop
  succeeded
  says "tracker: not running"
}

@test "a pid file that is no file is not touched, and said to be so" {
  mkdir "$checkout/tracker.pid"
  mkfifo "$checkout/producer.pid"
  stop
  failed_with 1
  says "tracker.pid is not a file; left alone"
  says "producer.pid is not a file; left alone"
  start --kafka embedded
  failed_with 1
  says "tracker.pid is not a file"
  rmdir "$checkout/tracker.pid"
  rm "$checkout/producer.pid"
  nothing_is_left
}

@test "a zombie is gone, and the same program of another checkout is another program" {
  start_in_background /dev/null perl -e 'my $pid = fork // die; exit unless $pid; $| = 1;
    open my $f, ">", $ARGV[0]; print $f "$pid\n"; close $f; sleep 1000' "$checkout/tracker.pid"
  wait_for 10 test -s "$checkout/tracker.pid"
  stop
  succeeded
  says "tracker.pid is stale: pid "
  says " is gone"

  other=$BATS_TEST_TMPDIR/other
  copy_checkout "$other"
  start_in_background /dev/null "$other/build/embedded-broker" "$START_KAFKA_PORT" orders:1
  mkdir -p "$checkout/.kafka/embedded"
  echo "$started_pid" >"$checkout/.kafka/embedded/embedded.pid"
  stop
  succeeded
  kill -0 "$started_pid"
}

@test "what runs in a folder that is renamed is stopped under the new name" {
  start --kafka embedded
  succeeded
  mv "$checkout" "$checkout again"
  checkout="$checkout again"
  stop
  succeeded
  says "tracker (pid"
  nothing_is_left
}

@test "what does not end even by SIGKILL keeps its pid file" {
  start_in_background /dev/null sleep 1000
  run timeout 60 bash -c '
    ROOT=$1
    . "$ROOT/scripts/lib/say.sh"; . "$ROOT/scripts/lib/process.sh"; . "$ROOT/scripts/lib/flow.sh"
    STOP_SECONDS=1
    kill() { :; }
    program_pid() { cat "$ROOT/tracker.pid"; }
    echo "$2" >"$ROOT/tracker.pid"
    stop_program tracker' _ "$checkout" "$started_pid"
  failed_with 1
  says "does not end, not even by SIGKILL"
  [ "$(pid_of tracker)" = "$started_pid" ]
}

@test "nothing is started whose pid file cannot be written" {
  : >"$BATS_TEST_TMPDIR/file"
  start_recorded "$BATS_TEST_TMPDIR/file/x.pid" "$BATS_TEST_TMPDIR/state" /dev/null touch "$BATS_TEST_TMPDIR/started" || :
  wait "$started_pid" || status=$?
  [ "$status" -eq 1 ]
  [ ! -e "$BATS_TEST_TMPDIR/started" ]
}

@test "a test ends what it started, and no process that has its pid now" {
  start_in_background /dev/null sleep 1000
  ours=$started_pid
  start_detached /dev/null sleep 1000
  stranger=$started_pid
  echo "$stranger 1" >>"$BATS_TEST_TMPDIR/background"
  end_background
  is_gone "$ours"
  kill "$stranger"
}

# ---- who calls

# called_by WHAT CODE: start.sh and stop.sh, by a relative path, from a shell that has run CODE first.
called_by() {
  output=''
  status=0
  (cd "$checkout/.." && timeout 300 bash -c "$2"'
    "$0/start.sh" --kafka embedded && "$0/stop.sh"' "${checkout##*/}") >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
  output=$(cat "$BATS_TEST_TMPDIR/said")
  [ "$status" -eq 0 ] || fail "$1: exit status $status: $output"
  [ -s "$checkout/tracker.events" ] || fail "$1: no orders"
  nothing_is_left || fail "$1"
  rm -f "$checkout"/tracker.*
}

@test "what the caller exports or closes changes nothing: the flow starts and stops" {
  echo 'echo from BASH_ENV; cat() { echo mine; }; export -f cat' >"$BATS_TEST_TMPDIR/noisy"
  export NOISY=$BATS_TEST_TMPDIR/noisy
  called_by "CDPATH, BASH_ENV and functions" 'export CDPATH=.:/tmp BASH_ENV=$NOISY ENV=$NOISY
    cd() { builtin cd "$@" && echo "now in $PWD"; }; grep() { command grep --color=always "$@"; }
    kill() { echo no; }; export -f cd grep kill'
  called_by "shell options" 'set -o noclobber -o noglob -o errexit; shopt -s nullglob failglob nocasematch xpg_echo
    export SHELLOPTS BASHOPTS POSIXLY_CORRECT=1 GREP_OPTIONS=--color=always'
  called_by "what cron sets and what it does not" 'unset HOME LANG; export TMPDIR=/no/such/folder LC_ALL=C; umask 077
    PATH=/usr/bin:/bin'
  called_by "settings of other tools" 'export MAKEFLAGS="n --jobserver-auth=3,4" MAKELEVEL=1 SAN=address T=x
    export KAFKA_OPTS=-Dx=y KAFKA_HEAP_OPTS=nonsense KAFKA_LOG4J_OPTS=z COMPOSE_FILE=/no/such
    export GIT_DIR=/no/such GIT_WORK_TREE=/ failure=f remedy=r'
  called_by "closed standard files" 'exec <&- >&- 2>&-'
  called_by "an output that takes nothing" 'exec >/dev/full 2>&1'
}

@test "flags of a distribution, exported, build it" {
  CFLAGS='-O2 -Wp,-D_FORTIFY_SOURCE=3' make -C "$checkout" OUT=elsewhere elsewhere/src/base/err.o
  CFLAGS='-O0' make -C "$checkout" OUT=other other/src/base/err.o
}

@test "start.sh and stop.sh are found by a symbolic link, and from a folder that is gone" {
  mkdir "$BATS_TEST_TMPDIR/links" "$BATS_TEST_TMPDIR/gone"
  ln -s "$checkout/start.sh" "$BATS_TEST_TMPDIR/links/begin"
  ln -s "$checkout/stop.sh" "$BATS_TEST_TMPDIR/links/end"
  cd "$BATS_TEST_TMPDIR/gone"
  rmdir "$BATS_TEST_TMPDIR/gone"
  run timeout 300 "$BATS_TEST_TMPDIR/links/begin" --kafka embedded
  succeeded
  flow_runs
  run timeout 300 "$BATS_TEST_TMPDIR/links/end"
  succeeded
  nothing_is_left
}

@test "Java is recognised and Kafka keeps its data in its folder, whatever the locale, Java's variables and the path" {
  export JAVA_TOOL_OPTIONS=-Dx=y JDK_JAVA_OPTIONS=-Dx=y CLASSPATH=/no/such KAFKA_OPTS=-Dx=y LC_ALL=C
  start --kafka java
  succeeded
  [ -f "$checkout/.kafka/local/data/meta.properties" ]
  id=$(grep '^cluster.id=' "$checkout/.kafka/local/data/meta.properties")
  stop
  succeeded

  # Wiped, it is another cluster.
  rm -r "$checkout/.kafka/local"
  start --kafka java
  succeeded
  [ "$(grep '^cluster.id=' "$checkout/.kafka/local/data/meta.properties")" != "$id" ]
  stop
  # The path of the data was neither cut at its comma nor read in another encoding.
  run ! compgen -G "$BATS_TEST_TMPDIR/*Ã*"
  [ ! -e "${checkout%%,*}" ]
}

@test "local_kafka.sh needs no HOME" {
  run env -u HOME -u XDG_CACHE_HOME "$checkout/scripts/local_kafka.sh" --help
  succeeded
}

@test "apt-get finds the commands of sbin that dpkg needs" {
  need_root
  fake apt-get 'echo "$PATH"'
  . "$ROOT/scripts/lib/packages.sh"
  PATH=$fakes:/usr/bin:/bin install_packages "$BATS_TEST_TMPDIR/log" some-package
  tail -n 1 "$BATS_TEST_TMPDIR/log" | grep -q ':/usr/sbin:'
}

@test "a start that is cut off, by a reader that leaves or a terminal that closes, leaves nothing" {
  timeout 300 "$checkout/start.sh" --kafka embedded 2>/dev/null | head -n 3
  wait_for 60 eval '[ -z "$(processes_under "$checkout")" ]'
  nothing_is_left
  start_in_background "$BATS_TEST_TMPDIR/start.out" env --default-signal=HUP "$checkout/start.sh" --kafka java
  wait_for 60 grep -qs 2/6 "$BATS_TEST_TMPDIR/start.out"
  kill -HUP "$started_pid"
  wait_for 60 is_gone "$started_pid"
  nothing_is_left
}

# ---- where it lies

@test "a folder that cannot be written or where programs may not run is a clear error" {
  need_root
  let_others_read
  as_nobody "$checkout/start.sh" --kafka embedded
  failed_with 1
  says "Permission denied"
  says "What to do: "
  says_not "1/6"
  mkdir "$BATS_TEST_TMPDIR/disk"
  mount -t tmpfs -o noexec tmpfs "$BATS_TEST_TMPDIR/disk" || skip "a tmpfs cannot be mounted here"
  cp -a "$checkout" "$BATS_TEST_TMPDIR/disk/there"
  run bash "$BATS_TEST_TMPDIR/disk/there/start.sh" --kafka embedded
  umount -l "$BATS_TEST_TMPDIR/disk"
  failed_with 1
  says "bin/producer cannot be run: Permission denied"
  says noexec
}

@test "a full disk: start.sh says so and leaves nothing running" {
  need_root
  mkdir "$BATS_TEST_TMPDIR/disk"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/disk" || skip "a tmpfs cannot be mounted here"
  cp -a "$checkout" "$BATS_TEST_TMPDIR/disk/there"
  here=$checkout
  checkout=$BATS_TEST_TMPDIR/disk/there
  mkdir -p "$checkout/.kafka/run" "$checkout/.kafka/embedded"
  dd if=/dev/zero of="$BATS_TEST_TMPDIR/disk/filler" bs=1M 2>/dev/null || :
  start --kafka embedded
  full=$status
  left=$(processes_under "$checkout")
  umount -l "$BATS_TEST_TMPDIR/disk"
  checkout=$here
  [ "$full" -eq 1 ] || fail "exit status $full: $output"
  [ -z "$left" ] || fail "still running: $left"
  says "No space left on device"
}

@test "a clone made with core.autocrlf has no CRLF: its scripts run, its tests read, its corpora are unchanged" {
  git -C "$ROOT" rev-parse HEAD >/dev/null 2>&1 || skip "not a clone of git's"
  clone=$BATS_TEST_TMPDIR/clone
  git clone -q -c core.autocrlf=true "$ROOT" "$clone"
  cd "$clone"
  [ -z "$(git status --porcelain)" ]
  run git ls-files --eol
  ! grep -v '/corpus/' <<<"$output" | grep 'w/[a-z]*crlf' || fail "CRLF in the clone"
  git ls-files tests/fuzz/corpus | while read -r file; do
    git show "HEAD:$file" | cmp - "$file"
  done
  run ./start.sh --help
  succeeded
  run bats --count tests/e2e
  succeeded
  make -n build >/dev/null
}

# ---- docker-compose.yaml

# in_container: what the service runs, in a folder for a container, with stand-ins for Kafka's commands.
in_container() {
  sed -n '/^      - |$/,/^    [a-z]/s/^        //p' "$ROOT/docker-compose.yaml" |
    sed "s:\\\$\\\$:\$:g; s:/var/lib/kafka/data:data:; s:/etc/confluent/docker/run:./run:" >script
  PATH=$PWD/commands:$PATH run bash -c "$(cat script)"
}

@test "docker-compose.yaml gives each volume a cluster id of its own, and the volume keeps it" {
  mkdir -p "$BATS_TEST_TMPDIR/container/data" "$BATS_TEST_TMPDIR/container/commands"
  cd "$BATS_TEST_TMPDIR/container"
  # As the image's: format with $CLUSTER_ID what is not formatted, take no other id for what is.
  cat >run <<'END'
#!/bin/bash
[ -f data/meta.properties ] || printf '#\nversion=1\ncluster.id=%s\nnode.id=1\n' "$CLUSTER_ID" >data/meta.properties
grep -qx "cluster.id=$CLUSTER_ID" data/meta.properties && echo "id $CLUSTER_ID"
END
  fakes=$PWD/commands fake kafka-storage '[ "$1" = random-uuid ] && echo "-_id$RANDOM$RANDOM"'
  chmod +x run
  in_container
  succeeded
  first=$output
  [[ $first == "id -_id"[0-9]* ]]
  in_container
  [ "$output" = "$first" ]
  rm data/meta.properties
  in_container
  succeeded
  [ "$output" != "$first" ]
  rm data/meta.properties
  fakes=$PWD/commands fake kafka-storage 'exit 3'
  in_container
  failed_with 3
}
