#!/usr/bin/env python3
"""What repacking saves, and what reading costs afterwards: both sides in turns, in one run.

    Benchmarks/repack.py FOLDER... [--brake BINARY] [--rounds N] [--depths 1,2,4]

A folder holds the checkpoints of one training, `1.safetensors`, `2.safetensors`, `64.safetensors` and so on, and where it has a
folder `states`, what the optimiser keeps at the same steps. They go into a store, of which there is a copy for each depth
that is repacked. Then the objects that have become differences are read again and again, every byte checked, from the
plain store and from each copy, those of each kind for themselves: checkpoints and states, plain differences and predicted
ones. Printed for each folder and depth, and for each kind: objects, their bytes, the stored bytes before and after of those that have
changed, and of reading the least elapsed and CPU seconds of all rounds, the start of the process taken off, with the rate
before as 1. Also how long repacking took, and the bits of a float32 before and after, of all checkpoints and of all states.
"""

import argparse
import functools
import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path


def measure(arguments, **options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    result = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, **options)
    elapsed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--brake", type=Path, default=Path(__file__).resolve().parents[1] / ".build/release/brake")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--depths", default="1,2,4")
    options = parser.parse_args()
    depths = [int(depth) for depth in options.depths.split(",")]
    with tempfile.TemporaryDirectory(dir=options.brake.resolve().parent) as work:
        for folder in options.folders:
            race(options.brake.resolve(), folder.resolve(), Path(work) / folder.name, depths, options.rounds)


def race(brake, folder, work, depths, rounds):
    work.mkdir()
    shutil.copytree(folder, work / "given")
    outputs = "c" + "s" * (work / "given/states").is_dir()
    (work / "brake.yaml").write_text(PIPELINE[outputs])
    subprocess.run([brake, "run"], cwd=work, check=True, stdout=subprocess.DEVNULL)
    stores = {}
    for depth in depths:
        stores[depth] = work / f"depth-{depth}"
        shutil.copytree(work / "cache", stores[depth])
    print(f"{folder}")
    for depth, store in stores.items():
        environment = {**os.environ, "BRAKE_STORE": str(store)}
        _, seconds, output = measure([brake, "repack", "--json", "--predict-weights", "--depth", str(depth)], cwd=work, env=environment)
        changes = json.loads(output)["objects"]
        print(f"  depth {depth}: {len(changes)} objects repacked in {seconds:.2f} CPU s{sizes(work / 'cache', store, work / 'given')}", flush=True)
        for kind in sorted({kind_of(change, brake, work, environment) for change in changes}):
            chosen = [change for change in changes if kind_of(change, brake, work, environment) == kind]
            compare(kind, chosen, brake, work, store, rounds)


def compare(kind, changes, brake, work, store, rounds):
    """Reads some objects from the plain store and the repacked one by turns."""
    names = [change["digest"] for change in changes]
    logical = sum(change["logical_bytes"] for change in changes)
    before = sum(change["stored_bytes_before"] for change in changes)
    after = sum(change["stored_bytes"] for change in changes)

    def read(place, names):
        return measure([brake, "verify", *names], cwd=work, env={**os.environ, "BRAKE_STORE": str(place)})[:2]

    sides = {"before": work / "cache", "after": store}
    times = {side: [] for side in sides}
    idle = [read(store, [empty(brake, store, work)]) for _ in range(rounds)]
    for number in range(rounds):
        for side in list(sides)[:: 1 if number % 2 else -1]:
            times[side].append(read(sides[side], names))
    best = {side: [min(run[k] for run in runs) - min(run[k] for run in idle) for k in (0, 1)] for side, runs in times.items()}
    (elapsed, cpu), (elapsed_after, cpu_after) = best["before"], best["after"]
    print(
        f"    {kind}: {len(names)} objects, {logical / 1e6:.1f} MB, stored {before / 1e6:.2f} -> {after / 1e6:.2f} MB "
        f"({before / after:.2f} times, {logical / after:.2f} to 1, {32 * before / logical:.2f} -> {32 * after / logical:.2f} bits);\n"
        f"      read in {elapsed:.3f} s, {cpu:.3f} CPU s -> {elapsed_after:.3f} s, {cpu_after:.3f} CPU s: "
        f"rate {elapsed / elapsed_after:.2f}, per CPU {cpu / cpu_after:.2f}",
        flush=True,
    )


PIPELINE = {
    "c": "stages:\n  given:\n    run: 'mkdir -p ${out.c} && cp given/*.safetensors ${out.c}'\n    in: { files: ./given }\n    out: { c: c/ }\n",
    "cs": """stages:
  given:
    run: 'mkdir -p ${out.c} ${out.s} && cp given/*.safetensors ${out.c} && cp given/states/*.safetensors ${out.s}'
    in: { files: ./given }
    out: { c: c/, s: s/ }
""",
}


@functools.cache
def codecs(digest, brake, work, store):
    environment = {**os.environ, "BRAKE_STORE": store}
    return subprocess.run([brake, "show", digest], cwd=work, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def kind_of(change, brake, work, environment):
    """By the codecs that an object has."""
    said = codecs(change["digest"], brake, work, environment["BRAKE_STORE"])
    return next((kind for kind in ("updated weights", "second moments") if kind in said), "plain differences")


def sizes(plain, repacked, given):
    """The bits that a float32 takes, of all files of each kind."""
    text = ""
    for kind, folder in (("checkpoints", given), ("states", given / "states")):
        digests = {hashlib.sha256(file.read_bytes()).hexdigest(): file.stat().st_size for file in folder.glob("*.safetensors")}
        if not digests:
            continue
        bits = [32 * sum((store / "objects" / name[:2] / name[2:]).stat().st_size for name in digests) / sum(digests.values())
                for store in (plain, repacked)]  # fmt: skip
        text += f"; {len(digests)} {kind} {bits[0]:.2f} -> {bits[1]:.2f} bits a number"
    return text


def empty(brake, store, work):
    """The digest of a small object of the store."""
    (work / "small").write_text("small")
    environment = {**os.environ, "BRAKE_STORE": str(store)}
    return subprocess.run([brake, "put", "small"], cwd=work, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]


if __name__ == "__main__":
    main()
