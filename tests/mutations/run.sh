#!/bin/sh
# Breaks one invariant after the other, by one line, and expects that a test fails. `make mutations`.
#
# A line of list.txt that changes nothing, or whose change does not compile, is an error of the list.
set -u
cd "$(dirname "$0")/../.."
git diff --quiet || { echo "the work tree has changes: commit them first, they would be lost"; exit 2; }
list=tests/mutations/list.txt
log=$(mktemp)
trap 'git checkout --quiet -- src; rm -f "$log"' EXIT INT TERM

# Whether a test fails, and not the compiler. The quick tests come first.
fails() {
  "$@" >"$log" 2>&1 </dev/null
  grep -q '^test .* FAILED$' "$log"
}

tested=0
survived=0
grep -v '^#' "$list" >"$log.list"
while IFS='|' read -r invariant breaks file rest; do
  file=$(echo "$file" | tr -d ' ')
  expression=$(printf '%s' "$rest" | sed 's/^ *//')
  sed -i -e "$expression" "$file"
  if git diff --quiet; then
    verdict="ERROR: nothing was changed"
  elif fails cargo test --no-default-features --lib -- --skip customize::tests:: ||
    fails cargo test --workspace -- ec2:: flow::; then
    verdict="killed by $(grep -c '^test .* FAILED$' "$log") tests, such as $(grep -m1 '^test .* FAILED$' "$log" | cut -d' ' -f2)"
  elif grep -q '^error' "$log"; then
    verdict="ERROR: $(grep -m1 '^error' "$log")"
  else
    verdict="SURVIVED"
  fi
  git checkout --quiet -- src
  tested=$((tested + 1))
  case $verdict in killed*) ;; *) survived=$((survived + 1)) ;; esac
  printf '%s|%s| %s\n' "$invariant" "$breaks" "$verdict"
done <"$log.list"
rm -f "$log.list"
echo "$tested mutations, $survived survived"
[ "$survived" -eq 0 ]
