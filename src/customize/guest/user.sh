#!/bin/sh
# The words after the seconds left: name, `system` or nothing, groups in one word, shell or nothing.
set -fu
name=$2 system=$3 groups=$4 shell=$5

has_group() {
  grep -q "^$1:" /etc/group
}

# Nobody logs in as a system user; what other users get is the guest's choice.
choose_shell() {
  [ -n "$shell" ] || [ -z "$system" ] || shell=$(command -v nologin || echo /bin/false)
}

shadow() {
  for group in $groups; do
    has_group "$group" || groupadd ${system:+-r} "$group" || return
  done
  list=$(echo "$groups" | tr ' ' ,)
  if id -u "$name" >/dev/null 2>&1; then
    [ -z "$list$shell" ] || usermod ${list:+-a -G "$list"} ${shell:+-s "$shell"} "$name"
    return
  fi
  choose_shell
  # A group of the user's name is an error unless it is given as the user's own.
  if has_group "$name"; then set -- -g "$name"; else set -- -U; fi
  if [ -n "$system" ]; then set -- "$@" -r -M; else set -- "$@" -m; fi
  useradd "$@" ${list:+-G "$list"} ${shell:+-s "$shell"} "$name"
}

busybox() {
  for group in $groups; do
    has_group "$group" || addgroup ${system:+-S} "$group" || return
  done
  if ! id -u "$name" >/dev/null 2>&1; then
    choose_shell
    has_group "$name" || addgroup ${system:+-S} "$name" || return
    adduser -D ${system:+-S -H} -G "$name" ${shell:+-s "$shell"} "$name" || return
  elif [ -n "$shell" ]; then
    sed -i "s|^\($name:.*:\)[^:]*$|\1$shell|" /etc/passwd || return
  fi
  for group in $groups; do
    addgroup "$name" "$group" || return
  done
}

if command -v useradd >/dev/null; then shadow; else busybox; fi
