#!/bin/sh
# within SECONDS COMMAND...: ends the step earlier than all steps together have to end.
within() {
  [ "$left" -le "$1" ] || left=$1
  shift
  "$@"
}
