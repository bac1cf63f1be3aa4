#!/usr/bin/env python3
"""Per-token gradient interference: brake's methods beside the authors', and faster ones, in PyTorch.

    Benchmarks/interference.py FOLDER [--python PYTHON] [--sizes 1m,14m] [--lengths 64,128,256] [--threads 1,2]
                               [--rounds 1] [--secs 2] [--batch 4] [--samples 16,64] [--positions 4] [--limit 120]

FOLDER holds PyTorch's side, which PYTHON runs: bench_intrf.py (one backward pass for each position, as published),
bench_intrf_fast.py (what is exact without one), bench_proxy.py (beside brake's 'proxy') and bench_perseq.py (gradients of whole
sequences, beside brake's 'sequences'). The first two time some positions (--positions) and scale up to all. A run with one
position tells how many --limit seconds have room for; if there is no room for more, it counts itself. A side that
does not end in that time is left out.

The sides take turns in every round, each in a process of its own; medians of the rounds count, in tokens per second and per
processor second of all threads, also as a multiple of the authors'. MB is the most memory that a process has had. D is that of
the gradients without embeddings; beside it stands what it is above the exact one, and of a sample (--samples tokens, a row
each) its standard error. The limit is that of the exact method's arithmetic: two multiply-adds for each token, each position up to it
and each weight below the last attention, and six for each weight of the output matrix, at the rate that fused multiply-adds
in registers reach (peak.c).
"""
import collections
import os
import statistics
import subprocess
import time

import sides
from sides import BRAKE, ROOT, measure, middle

# vocabulary, width, layers, inner width
SHAPES = {"0.2m": (257, 64, 4, 160), "1m": (257, 128, 6, 288), "3.4m": (512, 256, 4, 768), "14m": (50304, 256, 4, 128)}

Setting = collections.namedtuple("Setting", "size threads seq")

parser = sides.parser(__doc__, sizes="1m,14m", threads="1", rounds=1, secs=2, batch=4)
parser.add_argument("--lengths", type=sides.numbers, default="64,128,256", help="tokens in a sequence")
parser.add_argument("--samples", type=sides.numbers, default="64", help="tokens that 'sampled' follows")
parser.add_argument("--positions", type=int, default=4, help="of each sequence that PyTorch's exact methods time")
parser.add_argument("--limit", type=float, default=120, help="seconds for a process of PyTorch's side")
options = parser.parse_args()


def exact_flops(size, length):
    vocabulary, width, layers, inner = SHAPES[size]
    layer = 4 * width * width + 3 * width * inner
    below = (layers - 1) * layer + 2 * width * width
    return 2 * (length + 1) / 2 * 2 * below + 2 * 6 * vocabulary * width


class Side:
    """A program, and what it has found in one setting."""

    def __init__(self, *command, reserve=(), **more):
        self.command, self.more, self.reserve = list(command), more, list(reserve)
        self.turns, self.is_late = [], False

    def turn(self, setting):
        if self.is_late:
            return
        try:
            self.turns.append(measure(self.command, options, *setting, **self.more))
        except subprocess.TimeoutExpired:
            self.is_late = True

    def found(self, key):
        results = self.turns or self.reserve
        return middle(results, key) if results else None


def pytorch(script, *arguments, **more):
    return Side(options.python, script, *arguments, cwd=options.folder, timeout=options.limit, **more)


def positioned(script, setting):
    """An exact method of PyTorch's, with as many positions as there is time for."""
    start = time.monotonic()
    one = pytorch(script, "--sample", "1")
    one.turn(setting)
    if one.is_late:
        return one
    seconds = one.found("ms_median") / 1000 / setting.seq
    room = 1 + int((options.limit - (time.monotonic() - start)) / (1.5 * seconds))
    return pytorch(script, "--sample", str(min(room, options.positions)), reserve=one.turns)


def race(setting, peak):
    method = lambda name, *more: Side(BRAKE, "interference", "--method", name, *more)
    sampled = {f"sampled {count}": method("sampled", "--samples", str(count)) for count in options.samples}
    methods = {
        "authors": positioned("bench_intrf.py", setting),
        "PyTorch, fast": positioned("bench_intrf_fast.py", setting),
        "PyTorch, proxy": pytorch("bench_proxy.py", env={**os.environ, "PYTHONPATH": str(ROOT / "Benchmarks")}),
        "PyTorch, seqs": pytorch("bench_perseq.py"),
        "exact": method("exact"),
        **sampled,
        "proxy": method("proxy"),
        "sequences": Side(BRAKE, "per-sequence"),
    }
    peaks = []
    for _ in range(options.rounds):
        for side in methods.values():
            side.turn(setting)
        peaks.append(peak(1))
    limit = statistics.median(peaks) / exact_flops(setting.size, setting.seq)
    authors, exact = methods["authors"].found("tok_per_cpu_s"), methods["exact"].found("D_without_embeddings")
    for name, side in methods.items():
        row = f"{setting.size:>5} {setting.seq:>6} {setting.threads:>7}  {name:15}"
        rate = side.found("tok_per_cpu_s")
        if rate is None:
            print(f"{row} not in {options.limit:g} s", flush=True)
            continue
        times = f"{rate / authors:8.1f}x" if authors else 9 * " "
        row += f" {side.found('tok_s_median'):9.1f} {rate:9.1f} {times} {side.found('peak_rss_mb'):7.0f}"
        if name == "exact":
            row += f" {exact:8.4f}  {100 * rate / limit:.0f} % of the limit, {limit:.0f}"
        elif name == "proxy" or name in sampled:
            d = side.found("D_without_embeddings")
            row += f" {d:8.4f}  {d - exact:+.4f}"
            row += f" +- {side.found('D_error'):.4f}" if name in sampled else ""
        print(row, flush=True)


sides.build()
with sides.peak() as peak:
    print(f"{options.batch} sequences, medians of {options.rounds} rounds")
    print(" size length threads                   tokens/s per CPU s  authors'      MB        D  less the exact one")
    for threads in options.threads:
        for size in options.sizes:
            for length in options.lengths:
                race(Setting(size, threads, length), peak)
