#!/usr/bin/env python3
"""brake's training and inference beside PyTorch's, on one processor.

    Benchmarks/training.py FOLDER [--python PYTHON] [--sizes 0.2m,1m] [--threads 1,2] [--kinds train,compiled,forward]
                           [--rounds 3] [--secs 3] [--seq 128] [--batch 16]

FOLDER holds PyTorch's side: bench_train.py and bench_forward.py, which take --size, --seq, --batch, --threads and --secs
and print one line of JSON, like brake's side, the target compute-benchmark (built here if it is not). PYTHON runs them.

The sides take turns in every round, each in a process of its own, so that a busy machine slows them alike; medians of the
rounds count. Ratios are brake's rate over PyTorch's: per second, and per processor second of all threads. Memory is the
most that each process has had, all its libraries included. The peak is what fused multiply-adds in registers reach
(peak.c), measured in every round; the fraction counts the operations of the matrix products only.
"""
import argparse, json, os, pathlib, statistics, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRAKE = os.environ.get("COMPUTE_BENCHMARK", str(ROOT / ".build/release/compute-benchmark"))
THEIRS = {"train": ["bench_train.py"], "compiled": ["bench_train.py", "--compile", "1"], "forward": ["bench_forward.py"]}
OURS = {"train": "train", "compiled": "train", "forward": "forward"}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--python", default="python3")
parser.add_argument("--sizes", default="0.2m,1m,3.4m,14m")
parser.add_argument("--threads", default="1,2")
parser.add_argument("--kinds", default="train,compiled,forward")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--secs", type=float, default=3)
parser.add_argument("--seq", type=int, default=128)
parser.add_argument("--batch", type=int, default=16)
options = parser.parse_args()


def output(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def side(command, size, threads, **more):
    arguments = ["--size", size, "--threads", str(threads), "--secs", str(options.secs)]
    arguments += ["--seq", str(options.seq), "--batch", str(options.batch)]
    return json.loads(output(command + arguments, **more).splitlines()[-1])


def race(size, threads, kind):
    ours, theirs, peaks = [], [], []
    for _ in range(options.rounds):
        theirs.append(side([options.python, *THEIRS[kind]], size, threads, cwd=options.folder))
        ours.append(side([BRAKE, OURS[kind]], size, threads))
        peaks.append(float(output([peak, str(threads)])))
    middle = lambda side, key: statistics.median(r[key] for r in side)
    ratio = lambda key: middle(ours, key) / middle(theirs, key)
    work = middle(theirs, "gflops_median") / middle(theirs, "tok_s_median") * 1e9
    fraction = work * middle(ours, "tok_s_median") / statistics.median(peaks)
    print(
        f"{size:>5} {threads:>7}  {kind:8} {middle(theirs, 'tok_s_median'):9.0f} {middle(ours, 'tok_s_median'):9.0f}"
        f" {ratio('tok_s_median'):6.2f}x {ratio('tok_per_cpu_s'):7.2f}x"
        f" {middle(theirs, 'peak_rss_mb'):8.0f} {middle(ours, 'peak_rss_mb'):7.0f} {100 * fraction:6.0f} %",
        flush=True)


if "COMPUTE_BENCHMARK" not in os.environ:
    build = ["swift", "build", "-c", "release", "--product", "compute-benchmark", "--package-path", str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
with tempfile.TemporaryDirectory() as scratch:
    peak = os.path.join(scratch, "peak")
    flags = ["-O2", "-march=native", "-mprefer-vector-width=512", "-pthread"]
    subprocess.run(["clang", *flags, str(ROOT / "Benchmarks/peak.c"), "-o", peak], check=True)
    version = output([options.python, "-c", "import torch; print(torch.__version__)"]).strip()
    print(f"PyTorch {version}, {options.batch} x {options.seq} tokens, medians of {options.rounds} rounds")
    print(" size threads  PyTorch:  tokens/s  brake's   ratio per CPU s   MB: its brake's of peak")
    for threads in options.threads.split(","):
        for size in options.sizes.split(","):
            for kind in options.kinds.split(","):
                race(size, int(threads), kind)
