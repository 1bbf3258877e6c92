#!/bin/sh
# shellcheck disable=SC2153,SC2154 # assigned in run_command.sh
# The agent restarts the machine when a command ends with 194, and then runs the same command again.
# Source: Systems Manager user guide, "Handling reboots when running commands".
restart() {
  :
}

# The first of equal commands has left the boot that was to end.
step() {
  STATE=$WORK/$1.state
  claim
  until read -r _ boot <"$STATE/owner"; do
    [ -d "$STATE" ] || give_up "cannot make $STATE"
    sleep 1
  done
  [ "$boot" != "$BOOT" ] || exit 194
  exit 0
}
