#!/usr/bin/env bats
# The Debian packages: built, checked, installed below a folder, started as the unit starts them, purged.

# bats and the helpers set the variables that seem unset.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

setup_file() {
  start_kafka
  make -C "$ROOT" -s deb DEB="$BATS_FILE_TMPDIR/deb" >"$BATS_FILE_TMPDIR/deb.log" 2>&1 ||
    fail "$(tail -n 40 "$BATS_FILE_TMPDIR/deb.log")"
}

setup() {
  use_own_flow
  packages=$BATS_FILE_TMPDIR/deb
  unit=$ROOT/deploy/systemd/order-tracker@.service
  exporter=$ROOT/deploy/systemd/order-monitor.service
}

teardown() {
  [ -z "${tracker-}" ] || kill -KILL "$tracker" 2>/dev/null || :
  end_background
}

# in_root OPTION...: dpkg on a system of its own below ./root, where no other package is.
in_root() {
  mkdir -p root/var/lib/dpkg root/etc
  touch root/var/lib/dpkg/status
  dpkg --root="$PWD/root" --force-depends --force-script-chrootless "$@" >dpkg.log 2>&1 || fail "$(cat dpkg.log)"
}

# of_unit NAME [UNIT]: the values of that line of the unit for the instance `orders`, with its paths below ./root.
of_unit() {
  sed -n "s/^$1=//p" "${2-$unit}" | sed "s:%i:orders:g; s:/\(usr\|etc\|var\)/:$PWD/root/\1/:g"
}

# exports_as_its_unit_does: order-monitor.service on a free port, under its own user, who reads what the tracker's
# group may.
exports_as_its_unit_does() {
  local port command
  port=$(random_free_port)
  [ "$(of_unit Environment "$exporter")" = "ORDER_MONITOR_LISTEN=127.0.0.1:9464" ]
  read -r -a command < <(of_unit ExecStart "$exporter" | sed "s/\${ORDER_MONITOR_LISTEN}/127.0.0.1:$port/")
  start_in_background exporter.out env -i setpriv --reuid "$(id_in root/etc/passwd order-monitor)" \
    --regid "$(id_in root/etc/group order-monitor)" --groups "$(id_in root/etc/group order-tracker)" \
    --no-new-privs --bounding-set -all "${command[@]}"
  is_exported() { curl -sS "http://127.0.0.1:$port/metrics" | grep -q '^order_tracker_records_total{outcome="processed"} 100$'; }
  wait_for 60 is_exported
  curl -sS "http://127.0.0.1:$port/metrics" | grep -q '^order_tracker_up 1$'
  grep -q '^order-tracker:.*[:,]order-monitor$' root/etc/group
}

id_in() { # FILE NAME
  awk -F : -v name="$2" '$1 == name { print $3 }' "$1"
}

@test "lintian finds no error, and the version is that of the programs" {
  lintian --allow-root --fail-on error "$packages"/*.changes >found 2>&1 || fail "$(cat found)"
  [ "$(dpkg-parsechangelog -l "$ROOT/deploy/debian/changelog" -S Version)" = "$("$ROOT/bin/tracker" -V | cut -d ' ' -f 2)" ]
}

@test "the units' sandboxes are as tight as systemd can measure" {
  cp "$unit" order-tracker@orders.service
  cp "$exporter" .
  for name in order-tracker@orders order-monitor; do
    systemd-analyze security --offline=true --threshold=15 "$name.service" >found || fail "$(tail -n 1 found)"
  done
}

@test "installed, started as the unit does, under its own user: orders are journaled; purged, journals stay" {
  [ "$(id -u)" -eq 0 ] || skip "only root installs packages"
  make_topics 1
  in_root -i "$packages"/order-tracker_*.deb "$packages"/order-monitor_*.deb
  user=$(awk -F : '$1 == "order-tracker" { print $3 }' root/etc/passwd)
  # What systemd prepares: the folders of the unit, and nothing else that the user may write to.
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" . "$(dirname "$BATS_TEST_TMPDIR")"
  mkdir -p root/var/lib/order-tracker/orders root/var/log/order-tracker
  chown -R "$user:$user" root/var/lib/order-tracker root/var/log/order-tracker
  chmod 750 root/var/lib/order-tracker root/var/lib/order-tracker/orders root/var/log/order-tracker
  sed -i "s/localhost:9092/$KAFKA_BROKER/; s/: orders$/: $KAFKA_TOPIC/" root/etc/order-tracker/orders.yaml
  mapfile -t environment < <(of_unit Environment)
  read -r -a command < <(of_unit ExecStart)
  (
    cd root/var/lib/order-tracker/orders
    umask "$(of_unit UMask)"
    exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set -all \
      env -i "DLQ_TOPIC=$DLQ_TOPIC" "${environment[@]}" "${command[@]}" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
  ) &
  tracker=$!
  produce -n 100
  journal=root/var/lib/order-tracker/orders/tracker.events
  log=root/var/log/order-tracker/orders.log
  wait_for 60 has_lines "$journal" 100
  [ "$(stat -c '%a %u' "$journal" "$log" | sort -u)" = "640 $user" ]
  root/usr/bin/monitor --events "$journal" --log "$log" --check --fail-on crit
  exports_as_its_unit_does
  # Its rotation: the new files are the user's too.
  sed "s:^\(/[^ ]*\) \(/[^ ]*\) {:$PWD/root\1 $PWD/root\2 {:; /su order-tracker order-tracker/d" \
    root/etc/logrotate.d/order-tracker | sed "s/.*systemctl.*/kill -HUP $tracker/" >rotation
  chmod 644 rotation
  logrotate --force --state "$PWD/state" rotation
  produce -n 50
  wait_for 60 has_lines "$journal" 50
  [ "$(line_count "$journal.1")" -eq 100 ]
  kill -TERM "$tracker"
  ends_with 0 "$tracker"
  in_root --purge order-tracker order-monitor
  [ ! -e root/etc/order-tracker ]
  [ ! -e root/usr/bin/tracker ]
  [ ! -e root/usr/share/order-monitor ]
  [ ! -e root/var/log/order-tracker ]
  [ "$(line_count "$journal")" -eq 50 ]
}
