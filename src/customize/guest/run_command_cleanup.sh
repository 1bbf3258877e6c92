#!/bin/sh
# shellcheck disable=SC2154 # assigned in run_command.sh
KEPT=$WORK
# Gone with the next boot, and never in an image.
WORK=/run/ami-operator-$NONCE

tidy() {
  cleanup && forget
}

# What the commands before this one have left: their answers, and the agent's copies of their texts and outputs. Its
# copy of this one stays, because it is in use.
forget() {
  rm -rf "$KEPT"
  find /var/lib/amazon/ssm -xdev -type f \( -path '*/state/completed/*' -o -path '*/orchestration/*' \) \
    ! -path "${0%/*/*}/*" -exec rm -f {} \;
  return 0
}
