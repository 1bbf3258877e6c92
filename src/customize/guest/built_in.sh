#!/bin/sh
# built_in PROGRAM ARGUMENT...: an action of ours, under the same watch as a script. It is told the seconds that are left.
built_in() {
  text=$1
  shift
  supervise sh -c "$text" - "$left" "$@"
}
