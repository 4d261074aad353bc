#!/usr/bin/env bash
# Stops what start.sh started: the producer, then the tracker, which first handles what is left, then
# Kafka if start.sh started it. Each program gets SIGTERM and 15 seconds, then SIGKILL.
#
#   ./stop.sh [-h|--help]
#
# Can be called at any time, also twice. What it does not know it leaves alone: it goes by the pid files,
# and only if they still mean our programs. What another user has started it names and leaves alone.
# Exit status: 0 nothing of it runs any more, 1 something could not be stopped, 2 wrong usage.

ROOT=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/shell.sh
. "$ROOT/scripts/lib/shell.sh"
set -uo pipefail
# shellcheck source=scripts/lib/say.sh
. "$ROOT/scripts/lib/say.sh"
# shellcheck source=scripts/lib/process.sh
. "$ROOT/scripts/lib/process.sh"
# shellcheck source=scripts/lib/flow.sh
. "$ROOT/scripts/lib/flow.sh"

case $#${1-} in
0) ;;
1-h | 1--help)
  manual "${BASH_SOURCE[0]}"
  exit 0
  ;;
*)
  echo "stop.sh: takes no arguments but --help: '$*'" >&2
  exit 2
  ;;
esac

cd "$ROOT" || exit 1
lock_state || {
  echo "stop.sh: $lock_error" >&2
  exit 1
}
echo "Stopping"
status=0
stop_program producer || status=1
stop_program tracker || status=1
if [ "$status" -eq 0 ]; then
  stop_kafka || status=1
else
  note "Kafka: not stopped, since what is named above may still use it"
fi
exit "$status"
