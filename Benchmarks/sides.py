"""What the races of training.py and interference.py share: brake's side, PyTorch's, and the processor's limit."""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRAKE = os.environ.get("COMPUTE_BENCHMARK", str(ROOT / ".build/release/compute-benchmark"))


def words(text):
    return text.split(",")


def numbers(text):
    return [int(word) for word in words(text)]


def parser(description, *, sizes, threads, rounds, secs, batch):
    """The options of both races, with the defaults of one."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where PyTorch's side is")
    parser.add_argument("--python", default="python3", help="what runs PyTorch's side")
    parser.add_argument("--sizes", type=words, default=sizes, help="0.2m, 1m, 3.4m, 14m")
    parser.add_argument("--threads", type=numbers, default=threads, help="of both sides")
    parser.add_argument("--rounds", type=int, default=rounds, help="in which every side has a turn")
    parser.add_argument("--secs", type=float, default=secs, help="seconds to measure for")
    parser.add_argument("--batch", type=int, default=batch, help="sequences")
    return parser


def build():
    """Builds brake's side, unless COMPUTE_BENCHMARK says where it is."""
    if "COMPUTE_BENCHMARK" not in os.environ:
        command = ["swift", "build", "-c", "release", "--product", "compute-benchmark", "--package-path", str(ROOT)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def output(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def measure(command, options, size, threads, seq, **more):
    """What a side has found: the JSON in the last line that it prints."""
    command = command + ["--size", size, "--seq", str(seq), "--batch", str(options.batch)]
    command += ["--threads", str(threads), "--secs", str(options.secs)]
    return json.loads(output(command, **more).splitlines()[-1])


def middle(results, key):
    return statistics.median(result[key] for result in results)


@contextlib.contextmanager
def peak():
    """A function of threads: the floating-point operations per second of fused multiply-adds in registers (peak.c)."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "peak")
        flags = ["-O2", "-march=native", "-pthread"]
        subprocess.run(["clang", *flags, str(ROOT / "Benchmarks/peak.c"), "-o", program], check=True)
        yield lambda threads: float(output([program, str(threads)]))
