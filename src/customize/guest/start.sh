#!/bin/sh
# shellcheck disable=SC2154 # assigned in guest.sh
DEADLINE=$(($(now) + TIMEOUT))
resume || trouble=$(mkdir -m 700 "$WORK" 2>&1)
fate=$?
# Powers off even if a step took this program down or the orderly way hangs.
$OWN_GROUP sh -c 'sleep "$1"; sync; eval "$2"; sleep 60; echo o >"$3"' - "$((DEADLINE - $(now) + GRACE))" "$POWEROFF" "$SYSRQ" &
echo "$!" >"$STATE/deadman"

say "begin @STEPS@"
# Left over from a boot that was cut short: what it did to the machine is unknown.
[ "$fate" -eq 0 ] || { log "$trouble"; finish failed; }
