#!/bin/sh
# shellcheck disable=SC2034,SC2154 # the other pieces of the program use what is assigned here, and the other way round
#ami-operator: runs steps, reports on the serial console, powers off.

# Comments that begin like this one stay in the repository: user data is short of space.
# The program needs a Linux with a POSIX shell and coreutils or busybox. cloud-init runs it once, as root, at the end
# of the boot.

NONCE='@NONCE@'
TIMEOUT=@TIMEOUT@
# Seconds after the timeout until the machine is powered off whatever happens.
GRACE=300
# Gone with the next boot, and never in an image; but not a place for programs, where /run is mounted noexec.
STATE=/run/ami-operator-$NONCE
WORK=/var/lib/ami-operator-$NONCE
POWEROFF='systemctl poweroff || poweroff || shutdown -h now'

# cloud-init would keep what we print in a log that becomes part of the image.
exec </dev/null >/dev/null 2>&1
mkdir -m 700 "$STATE" || exit 0

# The last console that the kernel lists is the one behind /dev/console: nothing is said twice there.
CONSOLES='/dev/console /dev/ttyS0'
! grep -q 'ttyS0$' /sys/class/tty/console/active || CONSOLES=/dev/console

# One protocol line, in one write, so that the kernel's messages seldom cut it.
say() {
  sum=$(printf %s "$1" | cksum)
  for tty in $CONSOLES; do
    [ ! -e "$tty" ] || printf '::ami-operator:%s:%s:%s::\n' "$NONCE" "$1" "${sum%% *}" >>"$tty"
  done
}

log() {
  say "log $(printf %s "$1" | base64 | tr -d '\n')"
}

# Powers off at once and does not wait for cloud-init to end. All that could matter to an image runs before user
# scripts; what comes after them is the printing of key fingerprints, phone-home and a last message. Waiting would cost
# a second or more of every build and need a process in the background that init may end with cloud-init's service.
finish() {
  rm -rf "$WORK" "$0"
  cd /var/lib/cloud/instance && rm -f user-data.txt* obj.pkl
  sync
  for _ in 1 2 3; do
    say "verdict $1"
  done
  eval "$POWEROFF"
  exit 0
}

# step NAME COMMAND...: one step, with the base64 of its content on standard input.
step() {
  perform "$@"
}

# The first that fails is the last.
perform() {
  name=$1
  shift
  output=$STATE/$name
  started=$(now)
  left=$((DEADLINE - started))
  say "step $name started"
  if [ "$left" -gt 0 ]; then "$@"; else (exit 124); fi
  code=$?
  seconds=$(($(now) - started))
  if [ "$code" -eq 0 ]; then
    say "step $name succeeded 0 $seconds"
    rm -f "$output".*
    return
  fi
  say "step $name failed $code $seconds"
  last_lines | while IFS= read -r line; do
    log "$line"
  done
  finish failed
}
