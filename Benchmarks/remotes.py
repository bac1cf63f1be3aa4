#!/usr/bin/env python3
"""Sends checkpoints and small results to other places and fetches them, beside the tools that others use for that.

    Benchmarks/remotes.py [--small 10000] [--large 3] [--repeat 3]

Every race runs each side in turn and prints medians: wall seconds, CPU seconds of the client, and the ratio of brake's wall time to the
other's. A place is tried if it can be reached:

    a folder                          beside rsync, restic
    ssh, if BRAKE_SSH_ADDRESS is      beside rsync over ssh (BRAKE_SSH is the command that connects)
    set to ssh://HOST/FOLDER
    WebDAV, if BRAKE_DAV_ADDRESS is   beside rclone (user and password from ~/.netrc)
    set to http(s)://HOST/PATH
    S3, if BRAKE_S3_ADDRESS is set    beside rclone (keys and AWS_ENDPOINT_URL from the environment)
    to s3://BUCKET/PATH

brake reads and checks every byte before it is sent and after it has come, the others compare sizes and times.
"""

import argparse
import json
import netrc
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

BRAKE = os.environ.get("BRAKE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.build/release/brake"))


def run(command, folder, environment=None):
    """Wall and CPU seconds of a command that must succeed."""
    command = command() if callable(command) else command
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.stderr[-500:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def checkpoint(path, seed, count):
    """Numbers like weights: small, of both signs."""
    import random

    generator = random.Random(seed)
    block = struct.pack("<65536f", *(generator.gauss(0, 0.02) for _ in range(65536)))
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for index in range(count // 65536):
            # Each block another one, as noisy as the first.
            shift = (index * 7919 + seed) % len(block) & ~3
            file.write(block[shift:] + block[:shift])
        file.write(block[: 4 * (count % 65536)])


def race(title, sides, repeat):
    """Each side is a name with what prepares it and what is measured."""
    times = {name: [] for name, _, _ in sides}
    for _ in range(repeat):
        for name, prepare, command in sides:
            prepare()
            times[name].append(run(*command))
    medians = {name: [statistics.median(column) for column in zip(*values)] for name, values in times.items()}
    own = medians["brake"][0]
    print(title)
    for name, (wall, cpu) in medians.items():
        ratio = "" if name == "brake" else f"  brake takes {own / wall:5.2f} of it"
        print(f"  {name:<10} {wall:8.2f} s   CPU {cpu:7.2f} s{ratio}")
    sys.stdout.flush()


def rclone(folder):
    """A configuration for rclone of the same places; the names of those that it has."""
    text, places = "", {}
    dav = os.environ.get("BRAKE_DAV_ADDRESS")
    if dav:
        parts = urllib.parse.urlsplit(dav)
        login = netrc.netrc().authenticators(parts.hostname)
        text += f"[dav]\ntype = webdav\nurl = {parts.scheme}://{parts.netloc}\nvendor = other\n"
        if login:
            password = subprocess.run(["rclone", "obscure", login[2]], capture_output=True, text=True).stdout
            text += f"user = {login[0]}\npass = {password}"
        places["dav"] = f"dav:{parts.path.strip('/')}-rclone"
    bucket = os.environ.get("BRAKE_S3_ADDRESS")
    if bucket:
        text += "[s3]\ntype = s3\nprovider = Other\nenv_auth = true\n"
        if os.environ.get("AWS_ENDPOINT_URL"):
            text += f"endpoint = {os.environ['AWS_ENDPOINT_URL']}\n"
        places["s3"] = "s3:" + bucket[5:].split("?")[0] + "-rclone"
    with open(os.path.join(folder, "rclone.conf"), "w") as file:
        file.write(text)
    return places


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10000, help="number of small results")
    parser.add_argument("--large", type=int, default=3, help="number of checkpoints of 100 MB")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="brake-remotes-")
    try:
        compete(work, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def compete(work, options):
    large, small = os.path.join(work, "large"), os.path.join(work, "small")
    os.mkdir(large)
    os.mkdir(small)
    for index in range(options.large):
        checkpoint(f"{large}/{index}.safetensors", index, 25_000_000)
    for index in range(options.small):
        with open(f"{small}/{index}.json", "w") as file:
            json.dump({"step": index, "loss": 1 / (index + 1), "seed": index * 2654435761 % 2**32}, file)
    digests = {}
    for folder in ("large", "small"):
        out = subprocess.run([BRAKE, "put", folder], cwd=work, capture_output=True, text=True, check=True).stdout
        digests[folder] = out.split()[0]

    places = [("a folder", f"{work}/place", None)]
    for name, variable in (("ssh", "BRAKE_SSH_ADDRESS"), ("WebDAV", "BRAKE_DAV_ADDRESS"), ("S3", "BRAKE_S3_ADDRESS")):
        if os.environ.get(variable):
            places.append((name, os.environ[variable], variable))
        else:
            print(f"{name}: not run, {variable} is not set")
    others = rclone(work) if shutil.which("rclone") else {}
    round_number = 0
    for place, address, _ in places:
        for folder in ("large", "small"):
            sides = {"push": [], "pull": []}
            # A new place for each round: nothing may be there already.
            targets = []

            def fresh(address=address, targets=targets):
                nonlocal round_number
                round_number += 1
                targets.append(f"{address}-{os.getpid()}-{round_number}")

            def clean(path):
                shutil.rmtree(path, ignore_errors=True)
                os.mkdir(path)

            def push(folder=folder, targets=targets):
                return [BRAKE, "push", "--no-lineage", "--to", targets[-1], digests[folder]]

            def pull(folder=folder, targets=targets):
                return [BRAKE, "pull", "--from", targets[-1], digests[folder]]

            here = os.path.join(work, "here")
            sides["push"].append(("brake", fresh, (push, work)))
            sides["pull"].append(("brake", lambda: clean(here), (pull, here)))
            if place in ("a folder", "ssh") and shutil.which("rsync"):
                if place == "ssh":
                    parts = urllib.parse.urlsplit(address)
                    target = f"{parts.hostname}:{parts.path}-rsync-{os.getpid()}-{folder}/"
                    shell = ["-e", os.environ.get("BRAKE_SSH", "ssh")]
                    wipe = ["sh", "-c", f"{shell[1]} {parts.hostname} rm -rf {parts.path}-rsync-{os.getpid()}-{folder}"]
                else:
                    target, shell = f"{address}-rsync-{folder}/", []
                    wipe = ["rm", "-rf", target]
                sides["push"].append(
                    ("rsync", lambda wipe=wipe: run(wipe, work), (["rsync", "-a", *shell, folder, target], work)))
                sides["pull"].append(
                    ("rsync", lambda: clean(here), (["rsync", "-a", *shell, f"{target}{folder}", "."], here)))
            if place == "a folder" and shutil.which("restic"):
                store, secret = f"{address}-restic-{folder}", {"RESTIC_PASSWORD": "x"}

                def begin(store=store, secret=secret):
                    shutil.rmtree(store, ignore_errors=True)
                    run(["restic", "init", "-r", store], work, secret)

                sides["push"].append(("restic", begin, (["restic", "-r", store, "backup", folder], work, secret)))
                sides["pull"].append((
                    "restic", lambda: clean(here),
                    (["restic", "-r", store, "restore", "latest", "--target", "."], here, secret)))
            key = {"WebDAV": "dav", "S3": "s3"}.get(place)
            if key in others:
                base = ["rclone", "--config", f"{work}/rclone.conf", "--transfers", "16", "--checkers", "16"]
                target = f"{others[key]}/{os.getpid()}-{folder}"
                clear = {"AWS_CA_BUNDLE": ""}
                sides["push"].append((
                    "rclone", lambda base=base, target=target: subprocess.run(
                        [*base, "purge", target], env={**os.environ, **clear}, capture_output=True),
                    ([*base, "copy", folder, target], work, clear)))
                sides["pull"].append(("rclone", lambda: clean(here), ([*base, "copy", target, "."], here, clear)))
            count = f"{options.large} checkpoints of 100 MB" if folder == "large" else f"{options.small} small results"
            for verb in ("push", "pull"):
                race(f"{place}: {verb} of {count}", sides[verb], options.repeat)


if __name__ == "__main__":
    main()
