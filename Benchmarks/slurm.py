#!/usr/bin/env python3
"""The overhead of an action on a Slurm cluster: brake beside bare sbatch and Snakemake's Slurm executor.

    Benchmarks/slurm.py [ACTIONS] [--rounds R] [--snakemake PROGRAM]

ACTIONS trivial commands (100 unless given), each with an output of its own, run on the cluster of two nodes that Tests/Slurm/cluster.sh
starts on this machine, as root: submitted one by one with sbatch, as one array, by Snakemake (9 with
snakemake-executor-plugin-slurm, left out where it is not there; it asks squeue, since the cluster has no accounting), and by brake as
jobs of their own and in groups of fifty. The sides take turns; medians of R rounds (3 unless given): seconds until all outputs are there
and the tool has ended, the same for each action beyond the array's, which is what the cluster itself takes, and the processor seconds
of the tool, of which sbatch's are those of its calls. brake is .build/release/brake, or $BRAKE.
"""
import argparse, os, resource, shutil, statistics, subprocess, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BRAKE = os.path.abspath(os.environ.get("BRAKE", f"{HERE}/../.build/release/brake"))


def run(line, folder):
    done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{line[0]} failed:\n{done.stdout[-2000:]}")
    return done.stdout


def wait_for(count, folder):
    """Whoever submits by hand looks whether the outputs are there."""
    while len(os.listdir(f"{folder}/out")) < count:
        time.sleep(0.05)


def bare(count, folder):
    for number in range(count):
        run(["sbatch", "--parsable", "--output=/dev/null", f"--wrap=echo {number} > out/{number}"], folder)
    wait_for(count, folder)


def array(count, folder):
    line = "echo $SLURM_ARRAY_TASK_ID > out/$SLURM_ARRAY_TASK_ID"
    run(["sbatch", "--parsable", "--output=/dev/null", f"--array=0-{count - 1}", f"--wrap={line}"], folder)
    wait_for(count, folder)


def snakemake(program):
    def side(count, folder):
        with open(f"{folder}/Snakefile", "w") as file:
            file.write(
                f'rule all:\n    input: expand("out/{{n}}", n=range({count}))\n'
                'rule each:\n    output: "out/{n}"\n    shell: "echo {wildcards.n} > {output}"\n')
        run([
            program, "--executor", "slurm", "--jobs", str(count), "--default-resources", "slurm_partition=main", "mem_mb=50", "runtime=5",
            "--slurm-no-account", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
            "--seconds-between-status-checks", "1", "--latency-wait", "10", "--max-jobs-per-timespan", "1000/1s"], folder)  # fmt: skip

    return side


def brake(group):
    def side(count, folder):
        with open(f"{folder}/brake.yaml", "w") as file:
            file.write(
                f"stages:\n  each:\n    for: {{ n: 1..{count} }}\n    run: echo ${{n}} > ${{out.o}}\n    out: {{ o: o.txt }}\n"
                + (f"    group: {group}\n" if group else ""))
        run([BRAKE, "run", "--runner", "slurm"], folder)

    return side


def measure(side, count):
    folder = tempfile.mkdtemp(prefix="race-", dir=PLACE)
    os.mkdir(f"{folder}/out")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    side(count, folder)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The next one finds an empty queue.
    while subprocess.run(["squeue", "--noheader"], stdout=subprocess.PIPE).stdout.strip():
        time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("actions", nargs="?", type=int, default=100)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--snakemake", default="snakemake", help="the program, with its Slurm executor")
given = parser.parse_args()

PLACE = tempfile.mkdtemp(prefix="brake-slurm-race-")
os.chmod(PLACE, 0o755)
os.environ["PATH"] += ":/usr/sbin:/sbin"
sides = {"sbatch, an array": array, "sbatch, one by one": bare}
if program := shutil.which(given.snakemake):
    sides["Snakemake"] = snakemake(os.path.abspath(program))
else:
    print("Snakemake is not installed: left out")
sides |= {"brake": brake(None), "brake, group: 50": brake(50)}
cluster = f"{HERE}/../Tests/Slurm/cluster.sh"
try:
    os.environ["SLURM_CONF"] = run([cluster, f"{PLACE}/cluster"], PLACE).strip()
    # Snakemake takes SLURM_CONF from its jobs, whose srun would look in /etc.
    os.mkdir(f"{PLACE}/bin")
    with open(f"{PLACE}/bin/srun", "w") as file:
        file.write(f'#!/bin/sh\nSLURM_CONF={os.environ["SLURM_CONF"]} exec {shutil.which("srun")} "$@"\n')
    os.chmod(f"{PLACE}/bin/srun", 0o755)
    os.environ["PATH"] = f"{PLACE}/bin:" + os.environ["PATH"]
    results = {name: [] for name in sides}
    for _ in range(given.rounds):
        for name, side in sides.items():
            results[name].append(measure(side, given.actions))
    least = statistics.median(seconds for seconds, _ in results["sbatch, an array"])
    print(f"{given.actions} actions, medians of {given.rounds}{'':<6}{'s':>8}{'ms an action more':>20}{'CPU s of the tool':>20}")
    for name, all in results.items():
        seconds, cpu = (statistics.median(values) for values in zip(*all))
        print(f"{name:<32}{seconds:>8.2f}{(seconds - least) / given.actions * 1000:>20.1f}{cpu:>20.2f}")
finally:
    subprocess.run([cluster, f"{PLACE}/cluster", "stop"])
    subprocess.run(["chmod", "-R", "u+w", PLACE])
    shutil.rmtree(PLACE, ignore_errors=True)
