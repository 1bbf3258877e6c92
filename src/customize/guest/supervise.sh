#!/bin/sh
# shellcheck disable=SC2154 # assigned in the carrier
# Copies its input to files of at most 256 KiB, of which the last two full ones and the one that is being written are
# kept. A plain file would let a talkative step fill the disk; tail would hold back everything until the last background
# process of the step has ended.
keep() {
  while dd bs=4096 count=64 of="$output.new" && [ -s "$output.new" ]; do
    mv "$output.old" "$output.older"
    mv "$output.new" "$output.old"
  done
}

end_group() {
  kill -9 "-$1" || kill -9 "$1"
}

# Runs a command in a process group of its own, until the deadline.
supervise() {
  mkfifo "$output.pipe"
  keep <"$output.pipe" &
  reader=$!
  $OWN_GROUP "$@" </dev/null >"$output.pipe" 2>&1 &
  group=$!
  after "$left" "echo >$STATE/late; kill -9 -$group || kill -9 $group"
  guard=$!
  wait "$group"
  code=$?
  end_group "$guard"
  # Left for later, bash would tell of its death in the middle of the next step's output.
  wait "$guard"
  [ ! -e "$STATE/late" ] || code=124
  [ "$code" -eq 0 ] || { end_group "$group"; end_output; }
  return "$code"
}

# The output is complete when nobody holds the pipe any more. What left the group may hold it for ever.
end_output() {
  after 2 "kill $reader"
  wait "$reader"
  end_group "$!"
}
