#!/bin/sh
# shellcheck disable=SC2016,SC2034,SC2154,SC2174 # an inner shell; the other pieces of the program use what is assigned here, and the other way round
#ami-operator: runs one step and answers with the end of its output and its exit code.

# What stands in place of guest.sh where Run Command carries the steps, one for each command. A command that is sent
# again, because nobody knows whether it has arrived, comes as another one, maybe at the same time: it must not do the
# work a second time, and gives the answer of the first.

NONCE='@NONCE@'
TIMEOUT=@TIMEOUT@
# Not in /run: what has been done is done after a restart too. The last command removes it.
WORK=/var/lib/ami-operator-$NONCE
BOOT=$(cat /proc/sys/kernel/random/boot_id)
exec 3>&1 </dev/null >/dev/null 2>&1

# True for the first of equal commands.
claim() {
  mkdir -p -m 700 "$WORK"
  mkdir "$STATE" || return
  echo "$$ $BOOT" >"$STATE/new"
  mv "$STATE/new" "$STATE/owner"
}

# Waits until the first has its answer.
await() {
  while [ ! -e "$STATE/code" ]; do
    [ -d "$STATE" ] || give_up "cannot make $STATE"
    if read -r owner boot <"$STATE/owner"; then
      [ "$boot" = "$BOOT" ] && kill -0 "$owner" || [ -e "$STATE/code" ] ||
        give_up "step $name was cut short: what it did is unknown"
    fi
    sleep 1
  done
}

give_up() {
  echo "$1" >&3
  exit 1
}

answer() {
  cat "$STATE/told" >&3
  exit "$(cat "$STATE/code")"
}

say() {
  echo "$1" >>"$STATE/told"
}

log() {
  say "$1"
}

# The output is complete when nobody holds the pipe any more. What the step left behind may hold it for ever, and keeps
# its reader: a later step may need it.
rest() {
  # Of this shell within the program, where $$ is the program.
  self=$(exec sh -c 'echo "$PPID"')
  trap : ALRM
  after 2 "kill -ALRM $self"
  wait "$reader"
  end_group "$!"
}

# The code comes last, and as a whole: it says that the answer is complete. The agent takes some codes for itself: 137 for
# its own timeout, 168 for a success whatever happened, 194 for the wish to restart the machine and run all of this again.
# Source: amazon-ssm-agent, appconfig, the exit codes.
end() {
  last_lines >>"$STATE/told"
  rm -f "$output".* "$WORK/$name"
  code=$1
  case $code in 137 | 168 | 194) say "exit code $code" && code=1 ;; esac
  echo "$code" >"$STATE/new"
  mv "$STATE/new" "$STATE/code"
  answer
}

# Ends the step, which runs in a shell of its own.
finish() {
  exit 1
}

# step NAME COMMAND...: the step, with the base64 of its content on standard input.
step() {
  name=$1
  shift
  STATE=$WORK/$name.state
  output=$STATE/output
  claim || { await; answer; }
  # The agent waits for everybody who holds its end, as a process that the step leaves behind would. A redirection of the
  # command alone is not enough: the shell keeps a copy, to put it back.
  (
    exec 3>&-
    left=$TIMEOUT
    "$@"
    code=$?
    [ -z "${reader-}" ] || rest
    exit "$code"
  )
  end "$?"
}
