#!/bin/sh
# shellcheck disable=SC2154 # assigned in guest.sh
# cloud-init runs what lies there at the end of every boot, on all systems and without a unit to install.
HOOK=/var/lib/cloud/scripts/per-boot/ami-operator-$NONCE
REBOOT='systemctl reboot || reboot || shutdown -r now'
count=0 before=0

# Those that came before the restart are done. What was said is kept, because a restart may cost a console what it has.
step() {
  count=$((count + 1))
  [ "$count" -gt "$before" ] || return 0
  perform "$@"
  echo "step $name succeeded 0 $seconds" >>"$WORK/.said"
}

# Restarts the machine; the steps after this one are for the next boot, in which the hook runs this program again.
restart() {
  arm >"$output.old" 2>&1 && eval "$REBOOT" && exit 0
  rm -f "$HOOK"
  return 1
}

arm() {
  mkdir -p "${HOOK%/*}" && { [ "$0" = "$HOOK" ] || mv "$0" "$HOOK"; } &&
    echo "$name $count $((DEADLINE - $(now)))" >"$WORK/.next" && sync
}

# True if this boot was asked for by a step of the one before it.
#
# The cursor is there once: a boot that nobody asked for finds none and gives the machine up, so that each restart
# happens at most once. The seconds left count from the kernel's start, so that the time of the boot is in them.
resume() {
  read -r name before DEADLINE <"$WORK/.next" && rm "$WORK/.next" || return
  while IFS= read -r line; do
    say "$line"
  done <"$WORK/.said"
  said="step $name succeeded 0 $(now)"
  say "$said"
  echo "$said" >>"$WORK/.said"
}

DEADLINE=$(($(now) + TIMEOUT)) trouble=
resume || trouble=$(mkdir -m 700 "$WORK" 2>&1)
