#!/bin/sh
# shellcheck disable=SC2086 # actions of find are several words
# clean WORDS FIND...: does what find is told to do, and says so if there was something to do. Nothing is followed to
# another file system, such as one that a step left mounted below /tmp.
clean() {
  words=$1
  shift
  [ -z "$(find "$@" -print -xdev)" ] || say "cleaned $words"
}

# What an image must not have: two machines with one identity, and traces of the one it was made on. Files of users
# stay, their per-boot scripts for cloud-init included.
cleanup() {
  cd /var || finish failed
  # Each would write a new seed on the way down.
  systemctl stop systemd-random-seed
  rc-service -s urandom stop
  rc-service -s seedrng stop
  # The find of busybox need not have -delete. Removing a directory is no success of rm, and what did not succeed does
  # not count.
  rm='-exec rm -f {} ;'
  tree="-depth ( $rm -o -exec rmdir {} ; )"
  empty='-type f -size +0 -exec cp /dev/null {} ;'
  clean 'random seed' lib/*/random-seed lib/seedrng lib/urandom /boot/loader/random-seed /boot/efi/loader/random-seed $rm
  clean 'SSH host keys' /etc/ssh -name 'ssh_host_*' $rm
  clean 'DHCP leases' lib/dhc* lib/NetworkManager lib/wicked \( -name '*lease*' -o -name 'duid*' \) $rm
  clean 'package caches' cache/dnf cache/libdnf5 cache/yum cache/apt lib/apt/lists cache/zypp cache/apk $rm
  clean 'temporary files' /tmp tmp -mindepth 1 $tree
  clean 'shell histories' /root /home/* -maxdepth 1 -type f -name '.*_history' $rm
  clean 'cloud-init state' lib/cloud/instance* lib/cloud/data lib/cloud/sem $tree
  # An empty file: without one, or with "uninitialized" in it, systemd takes the next boot for the first of all and
  # sets every service back to its preset.
  clean machine-id /etc/machine-id $empty
  clean machine-id lib/dbus/machine-id -type f $rm
  clean logs log -path '*/journal/*' $rm
  clean logs log $empty
  ! keys=$(ls -d /etc/ssh/ssh_host_*) || { log "$keys cannot be removed"; finish failed; }
}
