#!/bin/sh
# The words after the seconds left: units to enable, to disable and to mask, each list in one word.
set -fu
enable=$2 disable=$3 mask=$4

systemd() {
  # shellcheck disable=SC2086 # a list of words
  [ -z "$2" ] || systemctl "$1" $2
}

# Disabling what is not enabled is an error there, and no error here.
openrc() {
  [ -z "$mask" ] || { echo "OpenRC cannot mask: $mask"; return 1; }
  for unit in $enable; do
    rc-update add "$unit" default || return
  done
  for unit in $disable; do
    rc-update -a del "$unit" || [ -e "/etc/init.d/$unit" ] || return
  done
}

if command -v systemctl >/dev/null; then
  systemd enable "$enable" && systemd disable "$disable" && systemd mask "$mask"
elif command -v rc-update >/dev/null; then
  openrc
else
  echo 'neither systemd nor OpenRC is here'
  exit 1
fi
