#!/bin/sh
# shellcheck disable=SC2154 # assigned in the pieces before
# Powers off even if a step took this program down or the orderly way hangs.
after $((DEADLINE - $(now) + GRACE)) "sync; $POWEROFF; sleep 60; echo o >/proc/sysrq-trigger"

say "begin @STEPS@"
# Left over from a boot that was cut short: what it did to the machine is unknown.
[ -z "$trouble" ] || { log "$trouble"; finish failed; }
