#!/bin/sh
#ami-operator: customises this machine, tells the serial console how it went, and powers off.
# shellcheck disable=SC2016 # the inner shells expand what they are given

# Comments that begin like this one stay in the repository: user data is short of space.
# The program needs a Linux with a POSIX shell and coreutils or busybox. cloud-init runs it once, as root, at the end
# of the boot.

NONCE='@NONCE@'
TIMEOUT=@TIMEOUT@
# Seconds after the timeout until the machine is powered off whatever happens.
GRACE=300
CONSOLE=/dev/console
SERIAL=/dev/ttyS0
CONSOLES=/sys/class/tty/console/active
UPTIME=/proc/uptime
# Gone with the next boot, and never in an image; but not a place for programs, where /run is mounted noexec.
STATE=/run/ami-operator-$NONCE
WORK=/var/lib/ami-operator-$NONCE
CLOUD=/var/lib/cloud
# cloud-init runs what lies there at the end of every boot, on all systems and without a unit to install.
HOOK=$CLOUD/scripts/per-boot/ami-operator-$NONCE
POWEROFF='systemctl poweroff || poweroff || shutdown -h now'
SYSRQ=/proc/sysrq-trigger
# cloud-init under systemd has no HOME, and a PATH that differs between distributions.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
# What stands before the path of every file of the guest's system.
export ROOT=

set -u
count=0 before=0
umask 022
cd /
# cloud-init would keep what we print in a log that becomes part of the image.
exec </dev/null >/dev/null 2>&1
mkdir -m 700 "$STATE" || exit 0

# Where setsid is missing, a timeout ends the step's own process only.
OWN_GROUP=$(command -v setsid)

# The last console that the kernel lists is the one behind /dev/console: nothing is said twice there.
case $(cat "$CONSOLES") in
*"${SERIAL##*/}") SERIAL= ;;
esac

# Seconds since boot: the time of day jumps when a fresh machine first hears of it.
now() {
  read -r uptime _ <"$UPTIME"
  echo "${uptime%.*}"
}

# One protocol line, in one write, so that the kernel's messages seldom cut it.
say() {
  sum=$(printf %s "$1" | cksum)
  for tty in "$CONSOLE" "$SERIAL"; do
    [ ! -e "$tty" ] || printf '::ami-operator:%s:%s:%s::\n' "$NONCE" "$1" "${sum%% *}" >>"$tty"
  done
}

log() {
  say "log $(printf %s "$1" | base64 | tr -d '\n')"
}

log_output() {
  cat "$output.older" "$output.old" "$output.new" | tail -n 20 | cut -b 1-200 |
    while IFS= read -r line || [ -n "$line" ]; do
      log "$line"
    done
}

# Powers off at once and does not wait for cloud-init to end. All that could matter to an image runs before user
# scripts; what comes after them is the printing of key fingerprints, phone-home and a last message. Waiting would cost
# a second or more of every build and need a process in the background that init may end with cloud-init's service.
finish() {
  rm -rf "$WORK"
  rm -f "$HOOK" "$CLOUD/instance/user-data.txt" "$CLOUD/instance/user-data.txt.i" "$CLOUD/instance/obj.pkl" \
    "$CLOUD/instance/scripts/part-001"
  sync
  for _ in 1 2 3; do
    say "verdict $1"
  done
  eval "$POWEROFF"
  exit 0
}

# Copies its input to files of at most 256 KiB, of which the last two full ones and the one that is being written are
# kept. A plain file would let a talkative step fill the disk; tail would hold back everything until the last background
# process of the step has ended.
keep() {
  while dd bs=4096 count=64 of="$output.new" && [ -s "$output.new" ]; do
    mv "$output.old" "$output.older"
    mv "$output.new" "$output.old"
  done
}

kill_group() {
  kill -s KILL -- "-$1" || kill -s KILL "$1"
}

# The content of a step, which stands on standard input.
unpack() {
  base64 -d
}

# run [INTERPRETER...]: runs the program on standard input.
run() {
  program=$WORK/$name
  unpack >"$program" 2>"$output.old" && chmod 700 "$program" || return
  supervise "$@" "$program"
}

# Runs a command in a process group of its own, until the deadline.
supervise() {
  mkfifo "$output.pipe"
  keep <"$output.pipe" &
  reader=$!
  $OWN_GROUP "$@" </dev/null >"$output.pipe" 2>&1 &
  group=$!
  $OWN_GROUP sh -c 'sleep "$1"; echo >"$2"; kill -s KILL -- "-$3" || kill -s KILL "$3"' - "$left" "$STATE/late" "$group" &
  guard=$!
  wait "$group"
  code=$?
  kill_group "$guard"
  rm -f "$output.pipe"
  [ ! -e "$STATE/late" ] || code=124
  [ "$code" -eq 0 ] || end_output
  return "$code"
}

# The output is complete when nobody holds the pipe any more. What left the group may hold it for ever.
end_output() {
  kill_group "$group"
  { sleep 2; kill "$reader"; } &
  wait "$reader"
}

# write PATH MODE OWNER: standard input becomes the file, at once and as a whole.
write() {
  temporary=${1%/*}/.ami-operator-$NONCE
  if ! place "$@" >"$output.old" 2>&1; then
    rm -f "$temporary"
    return 1
  fi
  # A file has the label of its directory when it is made, which under SELinux is not always its own.
  restorecon "$1" || :
}

place() {
  [ ! -d "$1" ] || { echo "$1 is a directory"; return 1; }
  mkdir -p "${1%/*}/" && (umask 077 && unpack >"$temporary") &&
    chown "$3" "$temporary" && chmod "$2" "$temporary" && mv -f "$temporary" "$1"
}

# Said again after a restart, which may cost a console what it has.
succeeded() {
  say "step $name succeeded 0 $1"
  echo "step $name succeeded 0 $1" >>"$WORK/.said"
}

# step NAME COMMAND...: one step, with the base64 of its content on standard input. The first that fails is the last.
step() {
  name=$1
  shift
  count=$((count + 1))
  [ "$count" -gt "$before" ] || return 0
  output=$STATE/$name
  started=$(now)
  left=$((DEADLINE - started))
  say "step $name started"
  if [ "$left" -gt 0 ]; then "$@"; else (exit 124); fi
  code=$?
  if [ "$code" -eq 0 ]; then
    succeeded $(($(now) - started))
    rm -f "$output".*
    return
  fi
  say "step $name failed $code $(($(now) - started))"
  log_output
  finish failed
}

# True if this boot was asked for by a step of the one before it.
resume() {
  false
}
