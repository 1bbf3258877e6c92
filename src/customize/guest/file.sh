#!/bin/sh
# shellcheck disable=SC2154 # assigned in the carrier
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
