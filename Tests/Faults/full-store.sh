#!/usr/bin/env bash
# Fills the disk of a store to the last byte, and lets 'gc --now', 'rm --now' and 'gc --now --budget' free some of it; and 'gc --now' in
# a store without a reserve, as older brakes have left it, where what was remembered of runs goes instead. (Not on xfs, which keeps more to
# itself than that.) Says what each has freed; exits with 1 if one has not, or if anything is lost, with 3 where this cannot be tried.
#   Tests/Faults/full-store.sh BRAKE [ext4|xfs|tmpfs]
set -uo pipefail
brake=$(realpath "$1") kind=${2:-ext4}
[ "$(id -u)" = 0 ] || { echo "full-store $kind: skipped: only root can mount"; exit 3; }
work=$(mktemp -d)
cleanup() {
  umount -l "$work/disk" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/disk" "$work/w"
if [ "$kind" = tmpfs ]; then
  mount -t tmpfs -o size=24M none "$work/disk" 2>/dev/null || { echo "full-store $kind: skipped: no mounts here"; exit 3; }
else
  command -v "mkfs.$kind" >/dev/null || { echo "full-store $kind: skipped: there is no mkfs.$kind"; exit 3; }
  case $kind in ext4) size=40M options=(-m 0) ;; *) size=320M options=() ;; esac
  truncate -s $size "$work/image"
  "mkfs.$kind" -q "${options[@]}" "$work/image" >/dev/null 2>&1 && mount -o loop "$work/image" "$work/disk" 2>/dev/null ||
    { echo "full-store $kind: skipped: no loop devices here"; exit 3; }
fi
cat >"$work/w/brake.yaml" <<'PIPELINE'
params: { n: 1 }
stages:
  make: { run: "head -c 1000000 /dev/urandom > ${out.b}; echo ${n} >> ${out.b}", out: { b: b.bin } }
  many: { for: { i: 1..5 }, run: "head -c ${i}0000 ${in.b} > ${out.o}", in: { b: make.b }, out: { o: o.bin } }
  sum: { run: "cat ${in.all} | cksum > ${out.n}", in: { all: many }, out: { n: n.txt } }
PIPELINE
cd "$work/w"
export BRAKE_STORE=$work/disk/store
fill() {
  # In smaller and smaller pieces, until not one byte can be written.
  for size in 64k 4k 1k 1; do dd if=/dev/urandom of="$work/disk/fill-$RANDOM$RANDOM" bs=$size count=20000 2>/dev/null; done
  for number in $(seq 400); do echo x 2>/dev/null >"$work/disk/last-$RANDOM-$number" || break; done
  sync
}
room() { df --output=avail -B1 "$work/disk" | tail -1 | tr -d ' '; }
bad=0
free() { # WHAT ARGUMENTS: one command, on a disk that is full, must give it room
  local what=$1 before
  shift
  fill
  before=$(room)
  if out=$("$brake" "$@" 2>&1) && [ "$(room)" -gt $((before + 500000)) ]; then
    echo "full-store $kind: $what: $before bytes free -> $(room)"
  else
    echo "full-store $kind: $what: $before bytes free -> $(room): $out"
    bad=1
  fi
}
look() {
  rm -f "$work"/disk/fill-* "$work"/disk/last-*
  "$brake" verify >"$work/verify" 2>&1 || { cat "$work/verify"; bad=1; }
  "$brake" run n=4 2>&1 | grep -q "0 ran" || { echo "full-store $kind: what was up to date ran again"; bad=1; }
}
runs() {
  for n in 1 2 3 4; do "$brake" run n=$n >/dev/null 2>&1 || { echo "full-store $kind: run n=$n failed"; exit 1; }; done
}
runs
free "gc --now" gc --now --yes --runs 2
free "rm --now" rm --now make.b n=3
free "gc --now --budget" gc --now --yes --budget 200K
look
[ "$kind" = xfs ] && exit $bad
rm -rf "$BRAKE_STORE"
runs
rm -rf "$BRAKE_STORE/index/reserve" "$BRAKE_STORE/aside" "$BRAKE_STORE/removed"
free "gc --now without a reserve" gc --now --yes --runs 2
look
exit $bad
