#!/bin/sh
# A server that fails, or a database that another program holds and whose manager does not wait by itself: five tries
# in 75 seconds. More would only delay the answer that a package does not exist, which has the same exit code.
again() {
  wait=$pause
  for try in 1 2 3 4; do
    ! "$@" || return 0
    echo "try $try failed, again in $wait s: $*"
    sleep "$wait"
    wait=$((wait * 2))
  done
  "$@"
}
pause=5
