#!/usr/bin/env python3
"""Sends checkpoints and small results to other places and fetches them, beside the tools that others use for that.

    Benchmarks/remotes.py [--small 10000] [--large 3] [--repeat 3] [--places folder,ssh,sftp,WebDAV,S3]

Every race runs each side in turn and prints medians: wall seconds, CPU seconds of the client, bytes that go to and come from the server,
requests, and the ratio of brake's wall and CPU time to the other's. A place is tried if it can be reached; of rsync, restic, rclone and DVC
(DVC is the command, default dvc) those take part that are installed:

    folder                            beside rsync, with and without sync, restic, rclone, DVC
    ssh, if BRAKE_SSH_ADDRESS is      beside rsync over ssh, with and without sync (BRAKE_SSH is the command that connects)
    set to ssh://HOST/FOLDER
    sftp, likewise, same address      beside restic, rclone and DVC over SFTP
    WebDAV, if BRAKE_DAV_ADDRESS is   beside rclone, restic by way of rclone, DVC (user and password from ~/.netrc)
    set to http(s)://HOST/PATH
    S3, if BRAKE_S3_ADDRESS is set    beside rclone, restic, DVC (keys and AWS_ENDPOINT_URL from the environment)
    to s3://BUCKET/PATH

Bytes are counted as root where nft is installed, by the port of the server. Requests are counted where BRAKE_DAV_LOG or BRAKE_S3_LOG names
the file to which nginx, Apache or Ceph's gateway writes a line for each.

brake reads and checks every byte before it is sent and after it has come, and returns when what it wrote survives a power cut; the
others compare sizes and times, or also read everything (restic, DVC), and leave durability to chance.
"""

import argparse
import array
import json
import os
import random
import re
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import rivals


def run(limit, command, folder, environment=None):
    """Wall and CPU seconds of a command that must succeed; None for one that was ended after so many seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {(done.stderr or done.stdout)[-800:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def checkpoint(path, seed, count):
    """Numbers like weights: small, of both signs."""
    draw = random.Random(seed).gauss
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for start in range(0, count, 1 << 20):
            array.array("f", (draw(0, 0.02) for _ in range(min(1 << 20, count - start)))).tofile(file)


class Traffic:
    """Bytes to and from a port, as the kernel's packet filter counts them, and lines of the server's log; None where that is not known."""

    TABLE = f"brake_race_{os.getpid()}"

    def __init__(self, place):
        self.log = place.log
        self.counts = place.port is not None and os.geteuid() == 0 and shutil.which("nft") is not None
        if self.counts:
            rules = "".join(
                f"chain {hook} {{ type filter hook {hook} priority 0;\n tcp {side} {place.port} counter\n }}\n"
                for hook, side in (("output", "dport"), ("input", "sport")))
            subprocess.run(["nft", "-f", "-"], input=f"table inet {self.TABLE} {{\n{rules}}}\n", text=True, check=True)

    def read(self):
        values = [None, None, None]
        if self.counts:
            out = subprocess.run(["nft", "list", "table", "inet", self.TABLE], capture_output=True, text=True).stdout
            found = dict(re.findall(r"(dport|sport) \d+ counter packets \d+ bytes (\d+)", out))
            values[:2] = [int(found["dport"]), int(found["sport"])]
        if self.log:
            with open(self.log, "rb") as file:
                values[2] = sum(b" HTTP/" in line for line in file)
        return values

    def end(self):
        if self.counts:
            subprocess.run(["nft", "delete", "table", "inet", self.TABLE], check=True)


def race(verb, title, sides, options, traffic):
    """Each side in turn, as often as its patience allows."""
    turns = {side.name: [] for side in sides}
    for _ in range(options.repeat):
        for side in sides:
            known = turns[side.name]
            if side.is_out or known and known[0][0] > options.patience:
                continue
            getattr(side, f"before_{verb}")()
            before = traffic.read()
            measured = run(options.limit, *getattr(side, verb)())
            after = traffic.read()
            if measured is None:
                # Of what was not sent as a whole nothing is fetched.
                side.is_out = f"its {verb} was ended after {options.limit:.0f} s"
            else:
                known.append([*measured, *(None if new is None else new - old for old, new in zip(before, after))])
    print(title)
    own = None
    for side in sides:
        values = turns[side.name]
        if not values:
            print(f"  {side.name:<10} {side.is_out}")
            continue
        wall, cpu, sent, received, requests = (
            None if None in column else statistics.median(column) for column in zip(*values))
        own = own or (wall, cpu) if turns[sides[0].name] else None
        more = "" if sent is None else f"  to it {sent / 1e6:7.1f} MB, from it {received / 1e6:7.1f} MB"
        more += "" if requests is None else f", {requests:7.0f} requests"
        if own and side is not sides[0]:
            more += f"  brake takes {own[0] / wall:5.2f} of the time, {own[1] / max(cpu, 0.01):5.2f} of the CPU"
        more += "  (one turn)" if len(values) < options.repeat else ""
        print(f"  {side.name:<10} {wall:8.2f} s   CPU {cpu:7.2f} s{more}")
    sys.stdout.flush()


class Place:
    """A place of brake's, with what the rivals and the counters need to know of it."""

    def __init__(self, kind, address):
        self.kind, self.address = kind, address
        parts = urllib.parse.urlsplit(address)
        self.parts, self.port, self.log = parts, None, None
        if kind in ("ssh", "sftp"):
            self.login = rivals.login(parts)
            self.port = int(self.login["port"])
        elif kind == "WebDAV":
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
            self.log = os.environ.get("BRAKE_DAV_LOG")
        elif kind == "S3":
            endpoint = urllib.parse.urlsplit(os.environ.get("AWS_ENDPOINT_URL", "https://s3.amazonaws.com"))
            self.port = endpoint.port or (443 if endpoint.scheme == "https" else 80)
            self.log = os.environ.get("BRAKE_S3_LOG")


def places(wanted, work):
    variables = {"ssh": "BRAKE_SSH_ADDRESS", "sftp": "BRAKE_SSH_ADDRESS", "WebDAV": "BRAKE_DAV_ADDRESS", "S3": "BRAKE_S3_ADDRESS"}
    for kind in wanted:
        if kind == "folder":
            yield Place(kind, f"{work}/place")
        elif os.environ.get(variables[kind]):
            address = os.environ[variables[kind]]
            yield Place(kind, "sftp" + address[3:] if kind == "sftp" else address)
        else:
            print(f"{kind}: not run, {variables[kind]} is not set")


def compete(work, options):
    contents = {}
    for name, count in (("large", options.large), ("small", options.small)):
        if not count:
            continue
        os.mkdir(f"{work}/{name}")
        for index in range(count):
            if name == "large":
                checkpoint(f"{work}/large/{index}.safetensors", index, 25_000_000)
                continue
            with open(f"{work}/small/{index}.json", "w") as file:
                json.dump({"step": index, "loss": 1 / (index + 1), "seed": index * 2654435761 % 2**32}, file)
        contents[name] = f"{count} checkpoints of 100 MB" if name == "large" else f"{count} small results"
    for place in places(options.places.split(","), work):
        traffic = Traffic(place)
        try:
            for folder, title in contents.items():
                sides = [side(place, folder, work) for side in rivals.ALL if side.takes_part(place)]
                for verb in ("push", "pull"):
                    race(verb, f"{place.kind}: {verb} of {title}", sides, options, traffic)
        finally:
            traffic.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10000, help="number of small results")
    parser.add_argument("--large", type=int, default=3, help="number of checkpoints of 100 MB")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--patience", type=float, default=60, help="seconds after which a side has no second turn")
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a side is ended")
    parser.add_argument("--places", default="folder,ssh,sftp,WebDAV,S3", help="of these, with commas between")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="brake-remotes-")
    try:
        compete(work, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
