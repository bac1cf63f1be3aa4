#!/usr/bin/env python3
"""Per-token gradient interference: brake's methods beside the authors', and a faster one, in PyTorch.

    Benchmarks/interference.py FOLDER [--python PYTHON] [--sizes 1m,14m] [--lengths 64,128,256] [--threads 1]
                               [--rounds 1] [--secs 2] [--batch 4] [--samples 64] [--positions 4]

FOLDER holds PyTorch's side: bench_intrf.py (one backward pass for each position, as published), bench_intrf_fast.py (what
is exact without one, in PyTorch) and bench_perseq.py (gradients of whole sequences, beside brake's 'sequences'). The first two
time some positions (--positions) and scale up to all. PYTHON runs them.

The sides take turns in every round, each in a process of its own; medians of the rounds count, in tokens per processor
second of all threads. The limit of the exact method's arithmetic: two multiply-adds for each token, each position up to it
and each weight below the last attention, and six for each weight of the output matrix, at the rate that fused multiply-adds
in registers reach (peak.c).
"""
import argparse, json, os, pathlib, statistics, subprocess, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRAKE = os.environ.get("COMPUTE_BENCHMARK", str(ROOT / ".build/release/compute-benchmark"))
# vocabulary, width, layers, inner width
SHAPES = {"0.2m": (257, 64, 4, 160), "1m": (257, 128, 6, 288), "3.4m": (512, 256, 4, 768), "14m": (50304, 256, 4, 128)}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--python", default="python3")
parser.add_argument("--sizes", default="1m,14m")
parser.add_argument("--lengths", default="64,128,256")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--secs", type=float, default=2)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--samples", type=int, default=64)
parser.add_argument("--positions", type=int, default=4)
options = parser.parse_args()


def output(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def exact_flops(size, length):
    vocabulary, width, layers, inner = SHAPES[size]
    layer = 4 * width * width + 3 * width * inner
    below = (layers - 1) * layer + 2 * width * width
    return 2 * (length + 1) / 2 * 2 * below + 2 * 6 * vocabulary * width


def race(size, length):
    theirs = [options.python]
    sampled = ["--sample", str(options.positions)]
    sides = {
        "authors": theirs + ["bench_intrf.py"] + sampled,
        "PyTorch, fast": theirs + ["bench_intrf_fast.py"] + sampled,
        "PyTorch, seqs": theirs + ["bench_perseq.py"],
        "exact": [BRAKE, "interference"],
        "sampled": [BRAKE, "interference", "--method", "sampled", "--samples", str(options.samples)],
        "proxy": [BRAKE, "interference", "--method", "proxy"],
        "sequences": [BRAKE, "per-sequence"],
    }
    arguments = ["--size", size, "--seq", str(length), "--batch", str(options.batch)]
    arguments += ["--threads", str(options.threads), "--secs", str(options.secs)]
    found = {name: [] for name in sides}
    peaks = []
    for _ in range(options.rounds):
        for name, command in sides.items():
            folder = options.folder if command[0] == options.python else ROOT
            found[name].append(json.loads(output(command + arguments, cwd=folder).splitlines()[-1]))
        peaks.append(float(output([peak, "1"])))
    middle = lambda name, key: statistics.median(r[key] for r in found[name])
    limit = statistics.median(peaks) / exact_flops(size, length)
    for name in sides:
        rate = middle(name, "tok_per_cpu_s")
        error = f"D_error {middle(name, 'D_error'):.4f}" if name == "sampled" else ""
        share = f"{100 * rate / limit:.0f} % of {limit:.0f}" if name == "exact" else ""
        print(
            f"{size:>5} {length:>6}  {name:15} {middle(name, 'tok_s_median'):9.1f} {rate:9.1f}"
            f" {rate / middle('authors', 'tok_per_cpu_s'):8.1f}x {middle(name, 'peak_rss_mb'):7.0f}  {share}{error}",
            flush=True)


if "COMPUTE_BENCHMARK" not in os.environ:
    build = ["swift", "build", "-c", "release", "--product", "compute-benchmark", "--package-path", str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
with tempfile.TemporaryDirectory() as scratch:
    peak = os.path.join(scratch, "peak")
    flags = ["-O2", "-march=native", "-mprefer-vector-width=512", "-pthread"]
    subprocess.run(["clang", *flags, str(ROOT / "Benchmarks/peak.c"), "-o", peak], check=True)
    print(f"{options.batch} sequences, {options.threads} threads, {options.samples} tokens sampled")
    print(" size length                  tokens/s per CPU s  authors'      MB  limit of the arithmetic")
    for size in options.sizes.split(","):
        for length in options.lengths.split(","):
            race(size, int(length))
