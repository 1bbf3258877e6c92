#!/bin/sh
# shellcheck disable=SC2154 # assigned in the carrier
# monitor: makes the content the configuration of the agent.
monitor() {
  unpack >"$WORK/$name" 2>"$output.old" && built_in "$AGENT" "$WORK/$name"
}
