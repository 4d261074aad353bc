#!/usr/bin/env bash
# Builds libcurl and libmicrohttpd from Debian's sources with what the programs need of them and no more:
#
#   deploy/image/libraries.sh PREFIX
#
# Debian's own need 10 MB of other libraries (GnuTLS, Kerberos, LDAP, SSH). Needs dpkg-dev, gcc, make, libssl-dev and
# libnghttp2-dev. Does nothing when PREFIX has both. Exit status 3: the sources cannot be fetched.

set -euo pipefail

prefix=$(realpath -m "$1")
[ ! -e "$prefix/lib/pkgconfig/libcurl.pc" ] || exit 0

sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
cd "$sources"

# The lists of this system need not have sources: those of the same releases, in lists of our own.
# shellcheck disable=SC2016 # names of apt
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' \
  'Origin: Debian' | sort -u >list
apt=(apt-get -q -o Dir::Etc::SourceList="$sources/list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$sources/lists")
mkdir -p lists/partial
"${apt[@]}" update && "${apt[@]}" source libmicrohttpd curl || exit 3

cd "$sources"/libmicrohttpd-*/
./configure -q --prefix="$prefix" --disable-static --disable-https --disable-doc --disable-examples --disable-curl \
  --disable-bauth --disable-dauth --disable-httpupgrade --disable-postprocessor
make -s -j"$(nproc)" install

# The pkg-config file is the last: it says that all is there.
cd "$sources"/curl-*/
./configure -q --prefix="$prefix" --disable-static --with-openssl --with-nghttp2 \
  --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --without-brotli --without-zstd --without-libidn2 --without-libpsl \
  --without-librtmp --without-libssh2 --without-gssapi --disable-ldap --disable-ldaps --disable-rtsp --disable-dict \
  --disable-telnet --disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher \
  --disable-mqtt --disable-ftp --disable-file --disable-manual
make -s -j"$(nproc)" -C lib install
make -s -C include install
make -s install-pkgconfigDATA
