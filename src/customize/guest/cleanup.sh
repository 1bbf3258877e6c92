#!/bin/sh
# shellcheck disable=SC2086 # actions of find are several words
# clean WORDS FIND...: does what find is told to do, and says so if there was something to do. Nothing is followed to
# another file system, such as one that a step left mounted below /tmp.
clean() {
  words=$1
  shift
  [ "$(find "$@" -print | wc -l)" -eq 0 ] || say "cleaned $words"
}

# What an image must not have: two machines with one identity, and traces of the one it was made on. Files of users
# stay, their per-boot scripts for cloud-init included.
cleanup() {
  # Each would write a new seed on the way down.
  systemctl stop systemd-random-seed || { rc-service -s urandom stop; rc-service -s seedrng stop; }
  lib=$ROOT/var/lib cache=$ROOT/var/cache
  # The find of busybox need not have -delete.
  file='-exec rm -f {} ;'
  tree="( -type d -exec rmdir {} ; -o $file )"
  clean 'random seed' "$lib/systemd/random-seed" "$lib/seedrng" "$lib/urandom" "$lib/misc/random-seed" \
    "$ROOT/boot/loader/random-seed" "$ROOT/boot/efi/loader/random-seed" -xdev -type f $file
  clean 'SSH host keys' "$ROOT/etc/ssh" -xdev -name 'ssh_host_*' $file
  clean 'DHCP leases' "$lib/dhclient" "$lib/dhcp" "$lib/dhcpcd" "$lib/NetworkManager" "$lib/wicked" -xdev -type f \
    \( -name '*lease*' -o -name 'duid*' \) $file
  clean 'package caches' "$cache/dnf" "$cache/libdnf5" "$cache/yum" "$cache/apt" "$lib/apt/lists" "$cache/zypp" \
    "$cache/apk" -xdev -type f $file
  clean 'temporary files' "$ROOT/tmp" "$ROOT/var/tmp" -xdev -mindepth 1 -depth $tree
  clean 'shell histories' "$ROOT/root" "$ROOT"/home/* -xdev -maxdepth 1 -type f -name '.*_history' $file
  clean 'cloud-init state' "$CLOUD/instance" "$CLOUD/instances" "$CLOUD/data" "$CLOUD/sem" -xdev -depth $tree
  # An empty file: without one, or with "uninitialized" in it, systemd takes the next boot for the first of all and
  # sets every service back to its preset.
  clean machine-id "$ROOT/etc/machine-id" "$lib/dbus/machine-id" -type f -size +0 \
    \( -path '*/dbus/*' $file -o -exec cp /dev/null {} \; \)
  clean logs "$ROOT/var/log" -xdev -type f -size +0 \( -path '*/journal/*' $file -o -exec cp /dev/null {} \; \)
  for key in "$ROOT"/etc/ssh/ssh_host_*; do
    [ ! -e "$key" ] || { log "$key cannot be removed"; finish failed; }
  done
}
