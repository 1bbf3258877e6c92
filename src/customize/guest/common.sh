#!/bin/sh
# shellcheck disable=SC2154 # assigned in the pieces around this one
# cloud-init under systemd has no HOME, and a PATH that differs between distributions.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
set -u
umask 022
cd /

# Where setsid is missing, a timeout ends the step's own process only.
OWN_GROUP=$(command -v setsid)

# Seconds since boot: the time of day jumps when a fresh machine first hears of it.
now() {
  read -r uptime _ </proc/uptime
  echo "${uptime%.*}"
}

# after SECONDS COMMANDS: in the background, with a process group of its own.
after() {
  $OWN_GROUP sh -c "sleep $1; $2" &
}

# What a step printed last.
last_lines() {
  cat "$output.older" "$output.old" "$output.new" | tail -n 20 | cut -b 1-200
}
