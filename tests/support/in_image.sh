#!/usr/bin/env bash
# Runs a program of the image as a container engine would, without one. Needs root.
#
#   tests/support/in_image.sh IMAGE VOLUME PROGRAM [OPTION]...
#
# IMAGE is the file tree of deploy/image/tree.sh; the root is read-only but for VOLUME. The environment is that of
# deploy/Dockerfile and the variables KAFKA_*, DLQ_*; the user is the image's, without rights.

set -euo pipefail
dockerfile=$(dirname "${BASH_SOURCE[0]}")/../../deploy/Dockerfile

if [ "${IN_IMAGE_NAMESPACE-}" != yes ]; then
  IN_IMAGE_NAMESPACE=yes exec unshare --mount --propagation private "${BASH_SOURCE[0]}" "$@"
fi

image=$1 volume=$2 program=$3
shift 3
mount --bind "$image" "$image"
mount --bind "$volume" "$image/var/lib/order-tracker"
mount -t proc none "$image/proc"
mount -o remount,bind,ro "$image"

read -r -d '' -a settings < <(sed -n '/^ENV /,/[^\\]$/{s/^ENV//;s/\\$//;p}' "$dockerfile") || :
for name in "${!KAFKA_@}" "${!DLQ_@}"; do
  settings+=("$name=${!name}")
done
setpriv=$(command -v setpriv) chroot=$(command -v chroot)
exec env -i "${settings[@]}" "$setpriv" --no-new-privs --bounding-set -all,+sys_chroot,+setuid,+setgid \
  "$chroot" --userspec=10001:10001 "$image" "/usr/bin/$program" "$@"
