#!/bin/sh
# Makes sure that QEMU and the systems that its machines boot are at hand, and prints the directory that holds them:
# <system>/{disk.qcow2,vmlinuz,initrd.img} for each system, and repository/, an apt repository for them. They are made
# of Debian's packages, once, and kept outside of the checkout under a key of what they are made from.
#
# Exits with 69 (EX_UNAVAILABLE) and the reason where there can be no machines: the tests of this tier are skipped then.
set -eu
cd "$(dirname "$0")"

SYSTEMS='debian-12 debian-13-openrc'
PACKAGES='mmdebstrap qemu-system-x86 qemu-utils e2fsprogs debian-archive-keyring'

unavailable() {
  echo "no real machines: $*" >&2
  exit 69
}

missing() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || return 0
  done
  return 1
}

# install TOOL...: the packages, unless all of these commands are there.
install() {
  missing "$@" || return 0
  command -v apt-get >/dev/null || unavailable "install QEMU, or run on Debian or Ubuntu"
  [ "$(id -u)" = 0 ] || unavailable "ask root for apt-get install $PACKAGES"
  echo "installing $PACKAGES" >&2
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # a list of words
  { apt-get -q update && apt-get -qy install --no-install-recommends $PACKAGES; } >&2 ||
    unavailable "apt-get cannot install $PACKAGES"
}

key=$(cat install.sh make-*.sh | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ami-operator/guests/$key

[ "$(uname -m)" = x86_64 ] || unavailable "they are x86_64, and this is $(uname -m)"
install qemu-system-x86_64 qemu-img

if [ ! -e "$cache/repository" ] || [ -n "$(for system in $SYSTEMS; do [ -e "$cache/$system" ] || echo "$system"; done)" ]; then
  install mmdebstrap mke2fs
  [ "$(id -u)" = 0 ] || unavailable "the systems are not made yet, and only root can do it"
  # Next to the cache and moved when whole, so that an interrupted one is never taken for a finished one.
  mkdir -p "$cache"
  making=$(mktemp -d "$cache/making.XXXXXX")
  trap 'rm -rf "$making"' EXIT
  trap 'exit 1' INT TERM HUP
  ./make-repository.sh "$making/repository" >&2
  for system in $SYSTEMS; do
    [ ! -e "$cache/$system" ] || continue
    echo "making $system: about two minutes, this once" >&2
    ./make-system.sh "$system" "$making/repository" "$making/$system" >"$making/log" 2>&1 || {
      tail -n 20 "$making/log" >&2
      unavailable "$system cannot be made"
    }
    mv "$making/$system" "$cache/$system"
  done
  [ -e "$cache/repository" ] || mv "$making/repository" "$cache/repository"
fi

echo "$cache"
