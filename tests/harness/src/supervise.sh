# Runs one program for an owner, and ends it when the owner ends, however that comes about: the owner holds the other
# end of standard input, which the kernel closes for it even after kill -9. Each line that comes in is a signal to pass
# on. Unlike a parent death signal this depends on no thread of the owner, and works on every Unix.
#
# Arguments: the run directory, a name unique in it, the program and its arguments. Prints the program's process id.
dir=$1 name=$2
shift 2
exec 3<&0 2>>"$dir/$name.log"

"$@" </dev/null 3<&- >>"$dir/$name.log" &
child=$!
echo "$child"
exec >&- 2>/dev/null

(
  while read -r signal <&3; do kill -s "$signal" "$child"; done
  while [ -e "$dir/keep" ]; do sleep 0.2; done
  kill -s KILL "$child"
) &
watcher=$!

wait "$child"
status=$?
rm -f "$dir/alive/$name"
kill "$watcher"
exit "$status"
