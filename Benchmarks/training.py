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
import statistics

import sides
from sides import BRAKE, measure, middle

THEIRS = {"train": ["bench_train.py"], "compiled": ["bench_train.py", "--compile", "1"], "forward": ["bench_forward.py"]}
OURS = {"train": "train", "compiled": "train", "forward": "forward"}

parser = sides.parser(__doc__, sizes="0.2m,1m,3.4m,14m", threads="1,2", rounds=3, secs=3, batch=16)
parser.add_argument("--kinds", type=sides.words, default="train,compiled,forward")
parser.add_argument("--seq", type=int, default=128, help="tokens in a sequence")
options = parser.parse_args()


def race(size, threads, kind, peak):
    ours, theirs, peaks = [], [], []
    for _ in range(options.rounds):
        command = [options.python, *THEIRS[kind]]
        theirs.append(measure(command, options, size, threads, options.seq, cwd=options.folder))
        ours.append(measure([BRAKE, OURS[kind]], options, size, threads, options.seq))
        peaks.append(peak(threads))
    ratio = lambda key: middle(ours, key) / middle(theirs, key)
    work = middle(theirs, "gflops_median") / middle(theirs, "tok_s_median") * 1e9
    fraction = work * middle(ours, "tok_s_median") / statistics.median(peaks)
    print(
        f"{size:>5} {threads:>7}  {kind:8} {middle(theirs, 'tok_s_median'):9.0f} {middle(ours, 'tok_s_median'):9.0f}"
        f" {ratio('tok_s_median'):6.2f}x {ratio('tok_per_cpu_s'):7.2f}x"
        f" {middle(theirs, 'peak_rss_mb'):8.0f} {middle(ours, 'peak_rss_mb'):7.0f} {100 * fraction:6.0f} %",
        flush=True)


sides.build()
with sides.peak() as peak:
    version = sides.output([options.python, "-c", "import torch; print(torch.__version__)"]).strip()
    print(f"PyTorch {version}, {options.batch} x {options.seq} tokens, medians of {options.rounds} rounds")
    print(" size threads  PyTorch:  tokens/s  brake's   ratio per CPU s   MB: its brake's of peak")
    for threads in options.threads:
        for size in options.sizes:
            for kind in options.kinds:
                race(size, threads, kind, peak)
