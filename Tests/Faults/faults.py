#!/usr/bin/env python3
"""Lets every call of every kind that a brake makes fail, be cut short, or be its last, and looks what became of the store.

    Tests/Faults/faults.py BRAKE [--points N] [--seconds S]

Prints a table: fault, operation, points tried, and of them how many lost something that was stored or told something wrong,
hung, crashed, or left files behind that the next run does not remove. Then lets many brakes work on one store and kills them
at random moments. Exits with 1 if anything but points is above zero.
"""

import argparse
import concurrent.futures
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

CALLS = ("open read pread write close fsync syncfs rename renameat2 link unlink remove rmdir mkdir fstat fstatat "
         "opendir readdir").split()
CHANGES = set("write close fsync syncfs rename renameat2 link unlink remove rmdir mkdir open".split())
CUTTABLE = {"read", "pread", "write"}

PIPELINE = """\
stages:
  parts: { run: "mkdir ${out.p}; for f in ${in.t}/*; do cp $f ${out.p}; done", in: { t: tree }, out: { p: parts/ } }
  sum: { run: "cat ${in.p} > ${out.s}", in: { p: parts.p }, out: { s: sum.txt }, publish: results/ }
"""


class Harness:
    def __init__(self, brake, shim):
        self.brake, self.shim = brake, shim

    def brake_in(self, folder, *arguments, **environment):
        """Exit status (negative for a signal, None if it hung) and what was printed."""
        try:
            done = subprocess.run([self.brake, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                                  env={**os.environ, **environment})
            return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return None, "", ""

    def make(self, folder):
        """A workspace with sources, and what a store may hold before the operation."""
        os.makedirs(f"{folder}/tree")
        os.makedirs(f"{folder}/nested/sub")
        for index in range(6):
            with open(f"{folder}/tree/{index}", "w") as file:
                file.write(f"{index}\n")
            with open(f"{folder}/nested/{'sub/' if index % 2 else ''}{index}", "w") as file:
                file.write(f"nested {index}\n" * 300)
        with open(f"{folder}/brake.yaml", "w") as file:
            file.write(PIPELINE)

    # An operation is what is done before it, its arguments, and whether its answer is right.

    def operations(self):
        nothing = lambda folder: None

        def put(folder):
            status, out, error = self.brake_in(folder, "put", "nested")
            assert status == 0, error
            self.digest = out.split()[0]

        def run(folder):
            status, _, error = self.brake_in(folder, "run")
            assert status == 0, error

        def unpublish(folder):
            run(folder)
            shutil.rmtree(f"{folder}/results")

        def store_elsewhere(folder):
            """What is pulled: a store in `lab` with `nested` and what the pipeline makes."""
            for arguments in (["put", "nested"], ["run"]):
                status, _, error = self.brake_in(folder, *arguments, BRAKE_STORE=f"{folder}/lab")
                assert status == 0, error
            shutil.rmtree(f"{folder}/results")

        def fill(folder):
            put(folder)
            run(folder)

        def holds_all(folder, store):
            """Whether a store is sound, and has `nested` and the result of the pipeline for who asks for them."""
            outcomes = [
                self.brake_in(folder, "verify", "--store", store),
                self.brake_in(folder, "get", "--store", store, self.digest, "-o", "copy"),
                self.brake_in(folder, "cat", "--store", store, "sum"),
            ]
            is_same = subprocess.run(["diff", "-r", "nested", "copy"], cwd=folder, capture_output=True).returncode == 0
            shutil.rmtree(f"{folder}/copy", ignore_errors=True)
            is_right = outcomes[2][1] == "".join(f"{index}\n" for index in range(6))
            return is_same and is_right and all(status == 0 for status, _, _ in outcomes)

        def got(folder, out):
            return subprocess.run(["diff", "-r", "nested", "out"], cwd=folder, capture_output=True).returncode == 0

        def summed(folder, out):
            try:
                with open(f"{folder}/results/sum.txt") as file:
                    return file.read() == "".join(f"{index}\n" for index in range(6))
            except FileNotFoundError:
                return False

        def right(folder, out):
            return out.split()[:1] == [self.digest]

        # The digest of `nested` is the same wherever it is put.
        with tempfile.TemporaryDirectory() as folder:
            self.make(f"{folder}/w")
            put(f"{folder}/w")
        return [
            ("put", nothing, ["put", "nested"], right),
            ("put again", put, ["put", "nested"], right),
            ("get", put, ["get", self.digest, "-o", "out"], got),
            ("verify", put, ["verify"], lambda folder, out: "none damaged" in out),
            ("run", nothing, ["run"], summed),
            ("publish", unpublish, ["run"], summed),
            ("push", fill, ["push", "--to", "./lab", self.digest, "sum"], lambda folder, out: holds_all(folder, "lab")),
            ("pull", store_elsewhere, ["pull", "--from", "./lab", self.digest, "sum"],
             lambda folder, out: holds_all(folder, "cache")),
        ]

    def count(self, template, arguments):
        """How often an operation calls each function."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(template, f"{folder}/w", symlinks=True)
            with open(f"{folder}/calls", "w+b") as file:
                file.truncate(mmap.PAGESIZE)
                status, _, error = self.brake_in(
                    f"{folder}/w", *arguments, LD_PRELOAD=self.shim, BRAKE_CALLS=f"{folder}/calls")
                assert status == 0, error
                return dict(zip(CALLS, struct.unpack(f"{len(CALLS)}q", file.read(8 * len(CALLS)))))

    def point(self, template, arguments, is_right, call, number, fault):
        """What one fault did: a set of words, empty if all is well."""
        found = set()
        with tempfile.TemporaryDirectory() as parent:
            folder = f"{parent}/w"
            shutil.copytree(template, folder, symlinks=True)
            status, out, error = self.brake_in(
                folder, *arguments, LD_PRELOAD=self.shim, BRAKE_FAULT=f"{call}:{number}:{fault}")
            if status is None:
                found.add("hung")
            elif status < 0 and not (fault == "kill" and status == -signal.SIGKILL):
                found.add("crashed")
            elif status == 0 and not is_right(folder, out):
                found.add("wrong")
            # The other place is whole at every moment, also for who reads there meanwhile.
            if os.path.exists(f"{folder}/lab/format"):
                status, _, error2 = self.brake_in(folder, "verify", "--store", "lab")
                if status != 0:
                    found.add("lost")
                    error += error2
            for store in ("cache", "lab"):
                quarantine = f"{folder}/{store}/quarantine"
                if os.path.isdir(quarantine) and os.listdir(quarantine):
                    found.add("lost")
            if arguments[0] == "get":
                shutil.rmtree(f"{folder}/out", ignore_errors=True)
            status, out, error2 = self.brake_in(folder, *arguments)
            if status != 0 or not is_right(folder, out):
                found.add("lost")
                error += error2
            status, out, error2 = self.brake_in(folder, "verify")
            if status != 0:
                found.add("lost")
                error += error2
            beside = os.listdir(folder) + (os.listdir(f"{folder}/results") if os.path.isdir(f"{folder}/results") else [])
            if any(".brake-" in name for name in beside):
                found.add("left")
                error += " ".join(beside)
            return found, f"{call}:{number}:{fault}: {error.strip()[-500:]}"

    def table(self, points, jobs):
        rows, bad = {}, []
        with tempfile.TemporaryDirectory() as parent, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            work = []
            for name, before, arguments, is_right in self.operations():
                template = f"{parent}/{name}"
                self.make(template)
                before(template)
                for call, total in self.count(template, arguments).items():
                    faults = ["EIO", "EINTR", "EACCES", "kill"]
                    faults += ["ENOSPC"] if call in CHANGES else []
                    faults += ["EMFILE"] if call in ("open", "opendir") else []
                    faults += ["short"] if call in CUTTABLE else []
                    numbers = range(1, total + 1)
                    if total > points:
                        numbers = sorted(random.Random(f"{name} {call}").sample(numbers, points))
                    for fault in faults:
                        # A push or a pull has the time to be killed anywhere.
                        is_whole = fault == "kill" and name in ("push", "pull")
                        for number in range(1, total + 1) if is_whole else numbers:
                            work.append((fault, name, pool.submit(
                                self.point, template, arguments, is_right, call, number, fault)))
            for fault, name, future in work:
                found, text = future.result()
                row = rows.setdefault((fault, name), dict.fromkeys(("points", "lost", "wrong", "hung", "crashed", "left"), 0))
                row["points"] += 1
                for word in found:
                    row[word] += 1
                if found:
                    bad.append(f"{name}: {', '.join(sorted(found))}: {text}")
        columns = ("points", "lost", "wrong", "hung", "crashed", "left")
        print(f"{'fault':8} {'operation':10}" + "".join(f"{word:>9}" for word in columns))
        for (fault, name), row in sorted(rows.items()):
            print(f"{fault:8} {name:10}" + "".join(f"{row[word]:9}" for word in columns))
        total = {word: sum(row[word] for row in rows.values()) for word in columns}
        print(f"{'all':19}" + "".join(f"{total[word]:9}" for word in columns))
        for line in bad[:40]:
            print("  " + line)
        return not bad

    def storm(self, seconds):
        """Several brakes at once on one store, each killed at a random moment, again and again."""
        dice = random.Random(9)
        kills = 0
        with tempfile.TemporaryDirectory() as parent:
            folders = [f"{parent}/{index}" for index in range(4)]
            for folder in folders:
                self.make(folder)
            store = {"BRAKE_STORE": f"{parent}/store"}
            environment = {**os.environ, **store}
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                running = [
                    subprocess.Popen([self.brake, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    for folder, arguments in zip(folders, (["run"], ["put", "nested"], ["run", "-B"], ["verify"]))]
                for process in running:
                    time.sleep(dice.random() * 0.1)
                    process.kill()
                    process.wait()
                    kills += 1
            fine = True
            for folder in folders:
                for arguments in (["run"], ["put", "nested"], ["verify"]):
                    status, out, error = self.brake_in(folder, *arguments, **store)
                    if status != 0:
                        fine = False
                        print(f"  after the storm, brake {' '.join(arguments)} exits with {status}: {error.strip()[-500:]}")
            quarantine = f"{parent}/store/quarantine"
            moved = os.listdir(quarantine) if os.path.isdir(quarantine) else []
            print(f"storm: {kills} kills, {len(moved)} sound objects moved away, {'nothing' if fine else 'something'} lost")
            return fine and not moved


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("brake")
    parser.add_argument("--points", type=int, default=12, help="calls of each function, fault and operation, at most")
    parser.add_argument("--seconds", type=float, default=20, help="how long the storm lasts")
    options = parser.parse_args()
    brake = os.path.realpath(options.brake)
    with tempfile.TemporaryDirectory() as folder:
        shim = f"{folder}/shim.so"
        source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
        os.symlink(brake, f"{folder}/brake")
        harness = Harness(f"{folder}/brake", shim)
        fine = harness.table(options.points, os.cpu_count() or 2)
        fine = harness.storm(options.seconds) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
