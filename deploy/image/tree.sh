#!/usr/bin/env bash
# Writes the file tree of the container image: the three programs and what they need, nothing else.
#
#   deploy/image/tree.sh BIN PREFIX DEST
#
# BIN has the programs, PREFIX the libraries that libraries.sh built.

set -euo pipefail

bin=$1 prefix=$(realpath "$2") dest=$3
export LD_LIBRARY_PATH=$prefix/lib

mkdir -p "$dest"/{etc/ssl/certs,proc,tmp,usr/bin,usr/lib/locale,usr/share/terminfo,var/lib/order-tracker}
install -s -m 755 -t "$dest/usr/bin" "$bin"/{tracker,producer,monitor}

# "libc.so.6 => /lib/.../libc.so.6 (0x...)"; the loader has no name before it and is sought by its path.
ldd "$bin"/{tracker,producer,monitor} | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
  install -s -m 644 "$library" "$dest/usr/lib/${library##*/}"
done
loader=$(ldd "$bin/tracker" | sed -n 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p')
install -D -m 755 "$loader" "$dest$loader"

cp /etc/ssl/certs/ca-certificates.crt "$dest/etc/ssl/certs"
cp -r /usr/lib/locale/C.utf8 "$dest/usr/lib/locale"
for terminal in linux screen screen-256color tmux tmux-256color vt100 xterm xterm-256color; do
  install -D -m 644 -t "$dest/usr/share/terminfo/${terminal:0:1}" "/lib/terminfo/${terminal:0:1}/$terminal"
done
echo 'order-tracker:x:10001:10001::/var/lib/order-tracker:/' >"$dest/etc/passwd"
echo 'order-tracker:x:10001:' >"$dest/etc/group"
chmod 1777 "$dest/tmp"
