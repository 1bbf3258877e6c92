#!/bin/sh
# shellcheck disable=SC2154 # assigned in the carrier
# run [INTERPRETER...]: runs the program on standard input.
run() {
  program=$WORK/$name
  unpack >"$program" 2>"$output.old" && chmod 700 "$program" || return
  supervise "$@" "$program"
}
