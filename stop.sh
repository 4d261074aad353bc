#!/usr/bin/env bash
# Stops what start.sh started: the producer, then the tracker, which first handles what is left, then
# Kafka if start.sh started it. Each program gets SIGTERM and 15 seconds, then SIGKILL.
#
#   ./stop.sh [-h|--help]
#
# Can be called at any time, also twice. What it does not know it leaves alone: it goes by the pid files,
# and only if they still mean our programs.
# Exit status: 0 nothing of it runs any more, 1 something could not be stopped, 2 wrong usage.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/lib/say.sh
. "$ROOT/scripts/lib/say.sh"
# shellcheck source=scripts/lib/process.sh
. "$ROOT/scripts/lib/process.sh"
# shellcheck source=scripts/lib/flow.sh
. "$ROOT/scripts/lib/flow.sh"

case $#${1-} in
0) ;;
1-h | 1--help)
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit 0
  ;;
*)
  echo "stop.sh: takes no arguments but --help: '$*'" >&2
  exit 2
  ;;
esac

cd "$ROOT" || exit 1
lock_state
echo "Stopping"
stop_program producer
stop_program tracker
stop_kafka
