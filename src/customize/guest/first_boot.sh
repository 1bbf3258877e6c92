#!/bin/sh
# shellcheck disable=SC2034,SC2154 # for start.sh; assigned in guest.sh
DEADLINE=$(($(now) + TIMEOUT))
trouble=$(mkdir -m 700 "$WORK" 2>&1)
