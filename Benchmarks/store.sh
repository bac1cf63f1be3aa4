#!/bin/bash
# Stores a file and gets it back, with brake and with tools that promise less, side by side on one machine.
#   Benchmarks/store.sh FILE [BRAKE]
# Prints CPU and elapsed seconds and stored bytes. brake hashes, decodes and compares what it stores, synchronises it,
# and verifies it when it is read.
set -euo pipefail
file=$(realpath "${1:?usage: Benchmarks/store.sh FILE [BRAKE]}")
brake=$(realpath "${2:-$(dirname "$0")/../.build/release/brake}")
work=$(mktemp -d -p "$(dirname "$(realpath "$0")")")
trap 'rm -rf "$work"' EXIT
cd "$work"
export BRAKE_STORE=$work/store
cat "$file" > /dev/null

measure() {
  local name=$1 stored=$2
  shift 2
  sync
  /usr/bin/env TIMEFORMAT='%R %U %S' bash -c 'time "$@" > /dev/null' measure "$@" 2> times
  read -r elapsed user system < <(tail -n 1 times)
  printf '%-28s %6.2f CPU s %6.2f s' "$name" "$(awk "BEGIN { print $user + $system }")" "$elapsed"
  [ -z "$stored" ] || printf ' %12d bytes' "$(du -sb --apparent-size "$stored" | cut -f1)"
  echo
}

digest=sha256:$(sha256sum "$file" | cut -d' ' -f1)
measure 'cp, sync' copy bash -c "cp '$file' copy && sync copy"
measure 'zstd -1, sync' one.zst bash -c "zstd -q -1 -T1 -f '$file' -o one.zst && sync one.zst"
measure 'zstd -3, sync' three.zst bash -c "zstd -q -3 -T1 -f '$file' -o three.zst && sync three.zst"
measure 'brake put' store/objects "$brake" put "$file"
measure 'brake put again' store/objects "$brake" put "$file"
measure 'cp' '' cp copy back
measure 'zstd -d (of -3)' '' zstd -q -d -f three.zst -o back
measure 'brake get' '' "$brake" get "$digest" -o "$work/got"
cmp "$file" got
