#!/usr/bin/env bash
# Starts a Slurm cluster of two nodes on this machine, as root, for tests, and prints the path of its configuration.
#   Tests/Slurm/cluster.sh FOLDER          starts it
#   Tests/Slurm/cluster.sh FOLDER stop     ends it
# Needs the packages slurm-wlm and munge. Nothing but the loopback interface is used.
set -euo pipefail
folder=$1
configuration=$folder/slurm.conf
controller=$folder/slurmctld.pid

wait_for() {
  for _ in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "cluster.sh: '$*' did not succeed: see $folder" >&2
  exit 1
}

if [ "${2:-}" = stop ]; then
  for file in "$folder"/*.pid; do
    [ ! -s "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
  done
  exit 0
fi

mkdir -p "$folder/state" "$folder/a" "$folder/b"
chmod 711 "$folder"
head -c 128 /dev/urandom >"$folder/key"
chmod 400 "$folder/key"
munged --force --num-threads=1 --key-file="$folder/key" --socket="$folder/munge" --pid-file="$folder/munged.pid" \
  --log-file="$folder/munged.log" --seed-file="$folder/seed"
wait_for munge -n -S "$folder/munge"

port=$((20000 + RANDOM % 20000))
cat >"$configuration" <<END
ClusterName=brake
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$controller
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=5
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MaxJobCount=10000
NodeName=a NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=4 RealMemory=4000
NodeName=b NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=4 RealMemory=4000
PartitionName=main Nodes=ALL Default=YES State=UP
END
printf 'CgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=no\n' >"$folder/cgroup.conf"
export SLURM_CONF=$configuration
slurmctld -f "$configuration"
slurmd -N a -f "$configuration"
slurmd -N b -f "$configuration"
wait_for sh -c "sinfo --noheader --states=idle --format=%D | grep -qx 2"
echo "$configuration"
