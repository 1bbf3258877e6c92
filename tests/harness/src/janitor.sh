# Removes a run directory once its owner and every process in it are gone. Argument: the directory.
dir=$1
cat >/dev/null
while [ -e "$dir/keep" ]; do sleep 0.2; done
# Bounded, since a supervisor that was itself killed leaves its mark in alive/ behind.
tries=0
while [ -n "$(ls "$dir/alive")" ] && [ "$tries" -lt 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
rm -rf "$dir"
