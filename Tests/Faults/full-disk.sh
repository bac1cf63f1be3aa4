#!/usr/bin/env bash
# Puts thousands of small files into a store on a file system whose disk is smaller than it says (as a thin volume that runs
# full), until putting fails. Every digest that was printed must be readable once the disk has room again. (Before, a file
# system cannot always be read: what it has in its journal it may not have been able to write in its place.) Prints how
# many there were; exits with 1 if one is lost, with 3 where this cannot be tried.
#   Tests/Faults/full-disk.sh BRAKE [ext4|xfs]
set -uo pipefail
brake=$(realpath "$1") kind=${2:-ext4}
[ "$(id -u)" = 0 ] || { echo "full-disk $kind: skipped: only root can mount"; exit 3; }
command -v "mkfs.$kind" >/dev/null || { echo "full-disk $kind: skipped: there is no mkfs.$kind"; exit 3; }
work=$(mktemp -d)
cleanup() {
  for folder in "$work/disk" "$work/disk" "$work/real"; do umount -l "$folder" 2>/dev/null; done
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/real" "$work/disk" "$work/files"
case $kind in ext4) real=24M said=200M ;; *) real=110M said=400M ;; esac
mount -t tmpfs -o size=$real none "$work/real" 2>/dev/null || { echo "full-disk $kind: skipped: no mounts here"; exit 3; }
truncate -s $said "$work/real/image"
"mkfs.$kind" -q "$work/real/image" >/dev/null 2>&1 && mount -o loop "$work/real/image" "$work/disk" 2>/dev/null ||
  { echo "full-disk $kind: skipped: no loop devices here"; exit 3; }

failures=0 printed=$work/printed
: >"$printed"
for round in $(seq 400); do
  rm -f "$work"/files/*
  head -c 2000000 /dev/urandom | split -b $((4000 + round % 7 * 3000)) - "$work/files/f"
  # A put that fails promises nothing; those after it may succeed, and then promise all.
  "$brake" put --store "$work/disk/store" "$work"/files/* >"$work/out" 2>/dev/null && cat "$work/out" >>"$printed" ||
    failures=$((failures + 1))
  [ "$failures" -lt 5 ] || break
done
lost() {
  local count=0 digest
  # One by one where a batch is not whole.
  while mapfile -t -n 200 digests && [ ${#digests[@]} -gt 0 ]; do
    timeout 300 "$brake" verify --store "$work/disk/store" "${digests[@]}" >/dev/null 2>&1 && continue
    for digest in "${digests[@]}"; do
      "$brake" cat --store "$work/disk/store" "$digest" >/dev/null 2>"$work/error" || {
        count=$((count + 1))
        [ "$count" -gt 3 ] || cat "$work/error" >&2
      }
    done
  done < <(cut -d' ' -f1 "$printed")
  echo "$count"
}
# The owner of the disk gives it room, and the file system writes what it owes, or does so from its journal.
mount -o remount,size=600M "$work/real"
umount "$work/disk" && mount -o loop "$work/real/image" "$work/disk" ||
  { echo "full-disk $kind: cannot be mounted again"; exit 1; }
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null
lost=$(lost)
echo "full-disk $kind: $(wc -l <"$printed") digests printed, $failures puts failed, $lost lost"
[ "$lost" = 0 ]
