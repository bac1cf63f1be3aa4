#!/usr/bin/env python3
"""brake's kernels beside numpy's (OpenBLAS), and PyTorch's where it is installed.

    python3 -m venv venv && venv/bin/pip install numpy && venv/bin/python Benchmarks/kernels.py [--quick]

Builds Sources/CKernels with clang as SwiftPM does in release (-O2), loads it, and alternates the contestants within each
case, so that a busy machine slows them alike. One thread each, timed by its CPU time; the best of the rounds counts. (Several
threads: Benchmarks/training.py.) OpenBLAS is told to use its kernels for the processor (OPENBLAS_CORETYPE, SkylakeX where AVX-512 is).
"""

import argparse
import ctypes as c
import os
import pathlib
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--quick", action="store_true", help="fewer shapes")
options = parser.parse_args()
if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text():
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

try:
    import torch

    torch.set_num_threads(1)
except ImportError:
    torch = None

root = pathlib.Path(__file__).resolve().parent.parent
library_file = pathlib.Path(tempfile.mkdtemp()) / "kernels.so"
sources = [str(f) for f in sorted((root / "Sources/CKernels").glob("*.c"))]
subprocess.run(["clang", "-O2", "-fPIC", "-shared", *sources, "-o", str(library_file), "-lm"], check=True)
brake = c.CDLL(str(library_file))
brake.brake_matmul_tile_count.restype = c.c_long
brake.brake_attention_task_count.restype = c.c_long
FLOATS = c.POINTER(c.c_float)


class Product(c.Structure):
    _fields_ = (
        [(n, c.c_long) for n in "mnk"]
        + [("a", FLOATS), ("lda", c.c_long), ("a_transposed", c.c_bool)]
        + [("b", FLOATS), ("ldb", c.c_long), ("b_transposed", c.c_bool)]
        + [("c", FLOATS), ("ldc", c.c_long), ("accumulate", c.c_bool), ("bias", FLOATS)]
        + [(n, c.c_long) for n in ("batch", "stride_a", "stride_b", "stride_c")]
    )


class Attention(c.Structure):
    _fields_ = (
        [(n, c.c_long) for n in ("batch", "length", "heads", "kv_heads", "head_dim")]
        + [("scale", c.c_float)]
        + [f for n in "qkv" for f in ((n, FLOATS), ("ld" + n, c.c_long))]
        + [("out", FLOATS), ("ldo", c.c_long), ("log_sum", FLOATS)]
    )


class AttentionGradient(c.Structure):
    _fields_ = [f for n in ("dout", "dq", "dk", "dv") for f in ((n, FLOATS), ("ld" + n, c.c_long))]


class AdamW(c.Structure):
    _fields_ = [
        (n, c.c_double)
        for n in ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "gradient_scale")
    ] + [("step", c.c_long)]


def floats(x):
    return x.ctypes.data_as(FLOATS)


def race(title, amount, unit, contestants):
    """Prints amount / time for each contestant, and brake's ratio to the others."""
    best = dict.fromkeys(contestants, 1e9)
    for round in range(options.rounds + 1):
        for name, run in contestants.items():
            start = time.thread_time()
            repeats = 0
            while time.thread_time() - start < 0.02 or repeats == 0:
                run()
                repeats += 1
            spent = (time.thread_time() - start) / repeats
            if round > 0:
                best[name] = min(best[name], spent)
    mine = best["brake"]
    others = "   ".join(f"{n} {amount / t:7.1f} ({t / mine:.2f}x)" for n, t in best.items() if n != "brake")
    print(f"{title:46s} brake {amount / mine:7.1f} {unit}   {others}", flush=True)
    return {n: t / mine for n, t in best.items()}


def matmul(m, n, k, form):
    at, bt = form[0] == "T", form[1] == "T"
    random = np.random.default_rng(1)
    a = random.standard_normal((k, m) if at else (m, k), dtype=np.float32)
    b = random.standard_normal((n, k) if bt else (k, n), dtype=np.float32)
    out, theirs = np.zeros((m, n), np.float32), np.zeros((m, n), np.float32)
    product = Product(
        m, n, k, floats(a), a.shape[1], at, floats(b), b.shape[1], bt, floats(out), n, False, None, 1, 0, 0, 0
    )
    tiles = brake.brake_matmul_tile_count(c.byref(product))
    left, right = (a.T if at else a), (b.T if bt else b)
    contestants = {
        "brake": lambda: brake.brake_matmul_tiles(c.byref(product), c.c_long(0), c.c_long(tiles)),
        "OpenBLAS": lambda: np.matmul(left, right, out=theirs),
    }
    if torch:
        ta, tb, tc = torch.from_numpy(left), torch.from_numpy(right), torch.from_numpy(theirs)
        contestants["PyTorch"] = lambda: torch.mm(ta, tb, out=tc)
    ratios = race(f"product {form} {m} x {n} x {k}", 2e-9 * m * n * k, "GFLOP/s", contestants)
    assert np.allclose(out, theirs, rtol=1e-3, atol=1e-2)
    return ratios["OpenBLAS"]


def elementwise():
    n = 1 << 20
    random = np.random.default_rng(2)
    x, y, z = (random.standard_normal(n, dtype=np.float32) for _ in range(3))
    out, m, v = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    step = AdamW(1e-3, 0.9, 0.95, 1e-8, 0.1, 1, 10)

    def kernel(name, *arguments, count=n):
        function = getattr(brake, name)
        more = [c.byref(step)] if name == "brake_adamw" else []
        return lambda: function(*map(floats, arguments), c.c_long(count), *more)

    def rows(name, columns):
        function = getattr(brake, name)
        rstd = np.zeros(n // columns, np.float32)
        if name == "brake_rmsnorm":
            return lambda: function(
                floats(out), floats(rstd), floats(x), None, c.c_long(n // columns), c.c_long(columns), c.c_float(1e-5)
            )
        return lambda: function(floats(out), floats(x), c.c_long(n // columns), c.c_long(columns))

    def torch_only(f):
        return {"PyTorch": f} if torch else {}

    t = {k: torch.from_numpy(a) for k, a in dict(x=x, y=y, z=z, out=out).items()} if torch else {}
    nn = torch.nn.functional if torch else None
    race("add", n * 1e-9 * 12, "GB/s", {
        "brake": kernel("brake_add", out, x, y), "numpy": lambda: np.add(x, y, out=out),
        **torch_only(lambda: torch.add(t["x"], t["y"], out=t["out"]))})
    race("exp", n * 1e-9, "G/s", {
        "brake": kernel("brake_exp", out, x), "numpy": lambda: np.exp(x, out=out),
        **torch_only(lambda: torch.exp(t["x"], out=t["out"]))})
    race("gelu tanh", n * 1e-9, "G/s", {
        "brake": kernel("brake_gelu_tanh", out, x), **torch_only(lambda: nn.gelu(t["x"], approximate="tanh"))})
    race("gelu erf", n * 1e-9, "G/s", {
        "brake": kernel("brake_gelu_erf", out, x), **torch_only(lambda: nn.gelu(t["x"]))})
    race("AdamW", n * 28e-9, "GB/s", {"brake": kernel("brake_adamw", x, m, v, z)})
    for columns in (64, 1024):
        tx = t["x"].view(-1, columns) if torch else None
        race(f"softmax, {columns} columns", n * 1e-9, "G/s", {
            "brake": rows("brake_softmax", columns), **torch_only(lambda: torch.softmax(tx, -1))})
        race(f"rmsnorm, {columns} columns", n * 1e-9, "G/s", {
            "brake": rows("brake_rmsnorm", columns), **torch_only(lambda: nn.rms_norm(tx, (columns,)))})


def attention(batch, length, heads, dim):
    random = np.random.default_rng(3)
    width = heads * dim
    q, k, v, do, out, dq, dk, dv = (
        random.standard_normal((batch * length, width), dtype=np.float32) for _ in range(8)
    )
    log_sum = np.zeros(batch * heads * length, np.float32)
    x = Attention(
        batch, length, heads, heads, dim, dim**-0.5, floats(q), width, floats(k), width, floats(v), width,
        floats(out), width, floats(log_sum))
    y = AttentionGradient(floats(do), width, floats(dq), width, floats(dk), width, floats(dv), width)
    tasks = brake.brake_attention_task_count(c.byref(x))
    forward = lambda: brake.brake_attention_forward(c.byref(x), c.c_long(0), c.c_long(tasks))
    backward = lambda: brake.brake_attention_backward(c.byref(x), c.byref(y), c.c_long(0), c.c_long(tasks))
    theirs = {}
    both = {}
    if torch:
        sdpa = torch.nn.functional.scaled_dot_product_attention
        shape = lambda a: torch.from_numpy(a).view(batch, length, heads, dim).transpose(1, 2)
        tq, tk, tv, td = (shape(a) for a in (q, k, v, do))
        theirs = {"PyTorch": lambda: sdpa(tq, tk, tv, is_causal=True)}
        gq, gk, gv = (a.clone().requires_grad_() for a in (tq, tk, tv))
        both = {"PyTorch": lambda: sdpa(gq, gk, gv, is_causal=True).backward(td)}
    work = 4e-9 * batch * heads * dim * length * (length + 1) / 2
    shape = f"{batch} x {length} x {heads} x {dim}"
    race(f"attention {shape}", work, "GFLOP/s", {"brake": forward, **theirs})
    race(f"attention {shape}, with backward", 3.5 * work, "GFLOP/s", {
        "brake": lambda: (forward(), backward()), **both})


shapes = [
    (2048, 96, 32), (2048, 32, 80), (8192, 256, 32), (4096, 192, 64), (4096, 352, 128), (4096, 128, 352),
    (4096, 768, 256), (4096, 512, 512), (4096, 1408, 512), (4096, 512, 1408), (512, 50304, 128),
]
ratios = []
for m, n, k in shapes[::3] if options.quick else shapes:
    ratios.append(matmul(m, n, k, "NN"))
    ratios.append(matmul(m, n, k, "NT"))
    ratios.append(matmul(n, k, m, "TN"))
print(f"products: least {min(ratios):.2f}x, mean {np.exp(np.mean(np.log(ratios))):.2f}x OpenBLAS")
elementwise()
for shape in ((8, 128, 2, 16), (8, 256, 4, 32), (8, 1024, 8, 64)):
    attention(*shape)
