#!/usr/bin/env bats
# The container image without a container engine: its file tree, built by the commands of deploy/Dockerfile from what
# it copies, and run as an engine would, read-only, as its user and without rights. The compose file and the
# manifests against their schemas.

# bats and the helpers set the variables that seem unset; single quotes go to another shell.
# shellcheck disable=SC2016,SC2154

bats_require_minimum_version 1.5.0
load ../support/flow_on_kafka

DOCKERFILE=$ROOT/deploy/Dockerfile
# Kept from run to run, next to Kafka's jars: configure takes no blank in a path, and a checkout may have one.
LIBRARIES=${XDG_CACHE_HOME:-~/.cache}/order-tracker/image-libraries
IMAGE=$BATS_FILE_TMPDIR/image

# copied: what the Dockerfile takes from the source tree.
copied() {
  sed -n '/^FROM scratch/q; s/^COPY \([^ -][^ ]*\) .*/\1/p' "$DOCKERFILE"
}

build_image() {
  local context=$BATS_FILE_TMPDIR/context
  mkdir "$context"
  (cd "$ROOT" && copied | xargs cp -r --parents -t "$context")
  "$ROOT/deploy/image/libraries.sh" "$LIBRARIES" || return
  cd "$context"
  PKG_CONFIG_PATH=$LIBRARIES/lib/pkgconfig make -s -j2 build
  deploy/image/tree.sh bin "$LIBRARIES" "$IMAGE"
}

setup_file() {
  local status=0
  start_kafka
  (set -e && build_image) >"$BATS_FILE_TMPDIR/image.log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || fail "$(tail -n 20 "$BATS_FILE_TMPDIR/image.log")"
}

need_image() {
  [ -e "$IMAGE" ] || skip "the sources of libcurl and libmicrohttpd cannot be fetched"
}

in_image=$ROOT/tests/support/in_image.sh

@test "the Dockerfile runs the commands of this test" {
  grep -q '^RUN deploy/image/libraries.sh /opt/image$' "$DOCKERFILE"
  grep -q '^RUN PKG_CONFIG_PATH=/opt/image/lib/pkgconfig make -s -j"$(nproc)" build; \\$' "$DOCKERFILE"
  grep -q '^    deploy/image/tree.sh bin /opt/image /image$' "$DOCKERFILE"
  # What it copies is not kept from the engine.
  for path in $(copied); do
    sed -n 's/^!//p' "$DOCKERFILE.dockerignore" | while read -r taken; do
      [[ ${path%/}/ != "$taken"/* ]] || echo taken
    done | grep -q taken || fail "$path is ignored"
  done
}

@test "the image has at most 20 MB, and all three programs with all features" {
  need_image
  [ "$(du -sb "$IMAGE" | cut -f 1)" -le 20000000 ]
  for program in tracker producer monitor; do
    [ "$(chroot --userspec=10001:10001 "$IMAGE" "/usr/bin/$program" -V)" = "$("$ROOT/bin/$program" -V)" ]
  done
  [ -z "$(find "$IMAGE" -perm /6000)" ]
}

@test "read-only, as its user and without rights: orders are journaled, metrics served, and a stop takes a second" {
  [ "$(id -u)" -eq 0 ] || skip "only root can mount"
  need_image
  local port
  make_topics 1
  mkdir volume
  chown 10001:10001 volume
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" . "$(dirname "$BATS_TEST_TMPDIR")"
  start_in_background out bash -c 'exec "$@" 2>err' _ "$in_image" "$IMAGE" volume tracker
  tracker=$started_pid
  timeout 60 "$in_image" "$IMAGE" volume producer -q -n 100 --interval-ms 0
  wait_for 60 has_lines volume/tracker.events 100
  grep -q '"event":"tracker.started"' err
  grep -q '^CapEff:[[:space:]]*0*$' "/proc/$tracker/status"
  grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$tracker/status"
  [ "$(stat -c %u volume/tracker.events)" = 10001 ]
  port=$(random_free_port)
  start_in_background exporter.out "$in_image" "$IMAGE" volume monitor --listen "$port"
  is_exported() { curl -sS "http://127.0.0.1:$port/metrics" | grep -q '^order_tracker_records_total{outcome="processed"} 100$'; }
  wait_for 60 is_exported
  curl -sS "http://127.0.0.1:$port/metrics" | grep -q '^order_tracker_up 1$'
  kill -TERM "$tracker"
  ends_with 0 "$tracker" 10
  [ "$(tail -n 1 err | jq -r .event)" = tracker.stopped ]
}

@test "docker compose up starts only Kafka; the profile suite has the programs, read-only and without rights" {
  /usr/bin/python3 - "$ROOT/docker-compose.yaml" <<'END'
import sys, yaml
services = yaml.safe_load(open(sys.argv[1]))["services"]
assert [n for n, s in services.items() if not s.get("profiles")] == ["kafka"], services
suite = {n: s for n, s in services.items() if s.get("profiles") == ["suite"]}
assert {s["command"][0] for s in suite.values()} == {"producer", "tracker", "monitor"}
for name, s in suite.items():
    assert s["read_only"] and s["cap_drop"] == ["ALL"], name
    assert all(p.startswith("127.0.0.1:") for p in s.get("ports", [])), name
END
}

@test "the manifests are what Kubernetes takes; each tracker has its journal, the exporter only reads it" {
  /usr/bin/python3 - "$ROOT" <<'END'
import json, sys, yaml
from jsonschema import Draft202012Validator
root = sys.argv[1]
schema = json.load(open(root + "/tests/kubernetes/schema.json"))
manifests = list(yaml.safe_load_all(open(root + "/deploy/kubernetes/order-tracker.yaml")))
for m in manifests:
    errors = [e.message for e in Draft202012Validator(schema).iter_errors(m)]
    assert not errors, (m["kind"], errors)
bad = json.loads(json.dumps(manifests[-1]))
bad["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
assert not Draft202012Validator(schema).is_valid(bad)
kinds = {m["kind"]: m for m in manifests}
spec = kinds["StatefulSet"]["spec"]
pod = spec["template"]["spec"]
labels = spec["template"]["metadata"]["labels"]
for selector in (spec["selector"]["matchLabels"], kinds["Service"]["spec"]["selector"],
                 kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]):
    assert selector.items() <= labels.items()
assert pod["securityContext"]["runAsNonRoot"] and pod["terminationGracePeriodSeconds"] > 10
volumes = {v["name"] for v in pod["volumes"]} | {v["metadata"]["name"] for v in spec["volumeClaimTemplates"]}
tracker, exporter = pod["containers"]
for c in tracker, exporter:
    assert c["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                    "capabilities": {"drop": ["ALL"]}}
    assert {m["name"] for m in c["volumeMounts"]} <= volumes
assert all(m.get("readOnly") for m in exporter["volumeMounts"])
assert kinds["Service"]["spec"]["ports"][0]["targetPort"] == exporter["ports"][0]["name"]
open("settings.yaml", "w").write(kinds["ConfigMap"]["data"]["order-tracker.yaml"])
END
  "$ROOT/bin/tracker" --config settings.yaml --print-config >/dev/null
  "$ROOT/bin/monitor" --config settings.yaml --print-config >/dev/null
}
