#!/usr/bin/env bash
# Starts Ceph with its S3 gateway on this machine, as root, for tests: everything in memory, nothing but the loopback interface.
#   Tests/S3/gateway.sh FOLDER PORT MONITOR-PORT    starts it; the keys of its user are "test" and "testsecret"
#   Tests/S3/gateway.sh FOLDER stop                 ends it
# Needs the packages ceph-mon, ceph-osd, ceph-common and radosgw.
set -euo pipefail
folder=$1

if [ "$2" = stop ]; then
  for name in rgw osd mon; do
    [ ! -s "$folder/$name.pid" ] || kill -KILL "$(cat "$folder/$name.pid")" 2>/dev/null || true
  done
  exit 0
fi
port=$2 monitor=$3

wait_for() {
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "gateway.sh: '$*' did not succeed: see $folder" >&2
  exit 1
}

mkdir -p "$folder"/{mon,osd,run,log}
cluster=$(cat /proc/sys/kernel/random/uuid)
cat >"$folder/ceph.conf" <<END
[global]
fsid = $cluster
mon initial members = a
mon host = v1:127.0.0.1:$monitor
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
auth supported = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
auth allow insecure global id reclaim = true
run dir = $folder/run
admin socket = $folder/run/\$name.asok
log file = $folder/log/\$name.log
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd
osd journal = $folder/osd/journal
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw data = $folder/run
rgw s3 auth use rados = true
END
export CEPH_CONF=$folder/ceph.conf CEPH_ARGS="--conf $folder/ceph.conf"
monmaptool --create --clobber --addv a "[v1:127.0.0.1:$monitor]" --fsid "$cluster" "$folder/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$folder/monmap" >/dev/null
ceph-mon -f -i a >"$folder/log/mon.out" 2>&1 &
echo $! >"$folder/mon.pid"
wait_for timeout 5 ceph -s
disk=$(cat /proc/sys/kernel/random/uuid)
timeout 30 ceph osd new "$disk" >/dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$disk" >"$folder/log/osd.mkfs" 2>&1
ceph-osd -f -i 0 >"$folder/log/osd.out" 2>&1 &
echo $! >"$folder/osd.pid"
is_up() { timeout 5 ceph osd stat | grep -q '1 up'; }
wait_for is_up
radosgw -f -n client.rgw >"$folder/log/rgw.out" 2>&1 &
echo $! >"$folder/rgw.pid"
wait_for curl -s -o /dev/null "http://127.0.0.1:$port/"
timeout 60 radosgw-admin -n client.rgw user create --uid=test --display-name=test --access-key=test --secret=testsecret \
  >"$folder/log/admin.out" 2>&1
