#!/usr/bin/env python3
"""Cuts the power of the disk that two stores are on, while runs, collections, repacking, pushes and pulls change them.

    Tests/Faults/power-cut.py BRAKE [ROUNDS] [ext4|xfs]

A round (of 12) mounts a real file system on a loop device, lets the commands work side by side, and shuts the file system down at a
random moment: what was not made durable is gone, and every later call fails. Then the disk is mounted again, as after a power
failure, and looked at: what a command that ended with 0 had promised is there (a pinned file with its bytes, in the store to
which it was pushed, too), nothing that anything names is missing or damaged in either store, nothing is left over that the next
collection does not clear away, and runs give what an undisturbed store gives. The disk goes on into the next round.

Exits with 1 if something is lost, hangs or is wrong, and with 3 where this cannot be tried.
"""
import hashlib, os, random, shutil, subprocess, sys, tempfile, threading, time

PIPELINE = """params: { a: 1 }
stages:
  make:
    run: "seq ${a} 20000 > ${out.big}; mkdir -p d; for i in 1 2 3; do echo $i ${a} > d/$i.txt; done"
    out: { big: big.txt, d: d/*.txt }
  many:
    for: { i: 1..20 }
    run: "head -n ${i} ${in.data} > ${out.o}; echo ${a} >> ${out.o}"
    in: { data: make.big }
    out: { o: o.txt }
  text: { op: text.synthesise, with: { size: 20000 } }
  corpus: { op: text.corpus, in: { texts: text.text } }
  tokens: { op: text.tokenise, in: { text: corpus.documents } }
  train:
    op: lm.train
    in: { train: tokens.train }
    with: { model: 47k, steps: 8, warmup: 2, batch: 2, context: 32, checkpoints: powers-of-two, seed: "${a}" }
  sum:
    run: "cat ${in.all} ${in.d} ${in.checkpoint} | cksum > ${out.n}"
    in: { all: many, d: make.d, checkpoint: "train.checkpoints[8]" }
    out: { n: n.txt }
    publish: results/
"""
brake = os.path.abspath(sys.argv[1])
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 12
kind = sys.argv[3] if len(sys.argv) > 3 else "ext4"
chance = random.Random(1)
failures, counts, lock = [], {}, threading.Lock()


def skip(reason):
    print(f"power-cut {kind}: skipped: {reason}")
    sys.exit(3)


if os.geteuid() != 0:
    skip("only root can mount")
for program in ["xfs_io", f"mkfs.{kind}"]:
    if not shutil.which(program):
        skip(f"there is no {program}")
# Mounts of our own: a sandbox that another program starts would have this disk, too, and keep it from being unmounted.
if os.environ.get("POWER_CUT_MOUNTS") != "own":
    try:
        os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv],
                   {**os.environ, "POWER_CUT_MOUNTS": "own"})
    except OSError:
        skip("there is no unshare")
folder = tempfile.mkdtemp(prefix="brake-power-")
disk, image = f"{folder}/disk", f"{folder}/image"
store, other, calm = f"{disk}/store", f"{disk}/other", f"{folder}/calm"
os.makedirs(disk)
with open(image, "wb") as file:
    file.truncate(600_000_000 + 60_000_000 * rounds)  # sparse, and each round pins up to that much
made = subprocess.run([f"mkfs.{kind}", "-q", image], capture_output=True)
if made.returncode != 0 or subprocess.run(["mount", "-o", "loop", image, disk], capture_output=True).returncode != 0:
    shutil.rmtree(folder)
    skip("no loop devices here")


def call(name, words, patience=120):
    """Runs a brake to its end. Returns what it printed, or None where it failed, which is fine once the power is cut."""
    try:
        done = subprocess.run([brake, *words], capture_output=True, text=True, timeout=patience, env={**os.environ, "HOME": folder})
    except subprocess.TimeoutExpired:
        with lock:
            failures.append(f"{name}: hung: {' '.join(words)}")
        return None
    with lock:
        counts.setdefault(name, [0, 0])[done.returncode != 0] += 1
        # What is not needed yet, a collection may take away.
        is_collected = name == "pin" and "nothing in" in done.stderr
        if done.returncode not in (0, 1, 2) or (done.returncode != 0 and not is_cut.is_set() and not is_collected):
            failures.append(f"{name}: {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout if done.returncode == 0 else None


is_cut = threading.Event()
promised, pushed, runs_done = {}, {}, set()


def puts(dice):
    while not is_cut.is_set():
        content = dice.randbytes(dice.choice([5, 300, 40_000, 2_000_000]))
        digest = hashlib.sha256(content).hexdigest()
        path = f"{folder}/put-{digest[:12]}"
        with open(path, "wb") as file:
            file.write(content)
        if call("put", ["put", "--store", store, path]) and call("pin", ["pin", "--store", store, f"sha256:{digest}"]) is not None:
            promised[digest] = content
            if call("push a file", ["push", "--store", store, "--to", other, f"sha256:{digest}"]) is not None:
                pushed[digest] = content
        os.remove(path)


def works(dice):
    while not is_cut.is_set():
        a = dice.randint(1, 4)
        if call("run", ["-C", f"{folder}/w", "run", "--store", store, "-j2", f"a={a}"]) is not None:
            runs_done.add(a)


def collects(dice):
    while not is_cut.is_set():
        words = ["gc", "--store", store, "--now", "--yes", "--runs", str(dice.randint(1, 3))]
        call("gc", words + (["--budget", "1kB"] if dice.random() < 0.3 else []))
        time.sleep(dice.random() * 0.3)


def repacks(dice):
    while not is_cut.is_set():
        call("repack", ["repack", "--store", store] + (["--undo"] if dice.random() < 0.3 else []))
        time.sleep(dice.random() * 0.3)


def sends(dice):
    while not is_cut.is_set():
        a = dice.randint(1, 4)
        call("push a run", ["-C", f"{folder}/w", "push", "--store", calm, "--to", other, f"a={a}"])
        call("pull a run", ["-C", f"{folder}/w", "pull", "--store", other, "--from", calm, f"sha256:{results[a]}"])
        time.sleep(dice.random() * 0.3)


def look(what, words):
    done = subprocess.run([brake, *words], capture_output=True, timeout=300, env={**os.environ, "HOME": folder})
    if done.returncode != 0:
        failures.append(f"{what}: {done.returncode}\n{(done.stdout + done.stderr).decode(errors='replace')}")
    return done.stdout


def leftovers():
    """What no process has in tmp/, of owners that can be told to be dead: where `alive` did not become durable, or names another
    device, only watching for a quarter of an hour tells that."""
    for name in sorted(set(os.listdir(f"{store}/tmp")) - {"bases"}):
        alive = f"{store}/tmp/{name}/alive"
        words = open(alive).read().split() if os.path.exists(alive) else []
        if len(words) == 6 and words[2:5] == ["local", str(os.stat(alive).st_dev), str(os.stat(alive).st_ino)]:
            yield f"{name} ({' '.join(os.listdir(os.path.dirname(alive)))})"


os.makedirs(f"{folder}/w")
with open(f"{folder}/w/brake.yaml", "w") as file:
    file.write(PIPELINE)
expected, results = {}, {}
for a in range(1, 5):
    look("calm run", ["-C", f"{folder}/w", "run", "--store", calm, f"a={a}"])
    expected[a] = open(f"{folder}/w/results/n.txt").read()
    results[a] = hashlib.sha256(expected[a].encode()).hexdigest()

for name in [store, other]:
    look("first put", ["put", "--store", name, f"{folder}/w/brake.yaml"])
for round in range(1, rounds + 1):
    is_cut.clear()
    threads = [threading.Thread(target=each, args=(random.Random(1000 * round + number),))
               for number, each in enumerate([puts, works, collects, repacks, sends])]
    for thread in threads:
        thread.start()
    time.sleep(0.2 + 5 * chance.random())
    is_cut.set()
    # The log is not flushed: what was not made durable never was.
    subprocess.run(["xfs_io", "-x", "-c", "shutdown", disk], check=True)
    for thread in threads:
        thread.join()
    subprocess.run(["umount", disk], check=True)
    # The last command's sandbox may still be on its way out.
    for _ in range(200):
        if not subprocess.run(["losetup", "-j", image], capture_output=True).stdout:
            break
        time.sleep(0.1)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    before = len(failures)
    for name in [store, other]:
        if os.path.exists(name):
            look(f"round {round}: verify", ["verify", "--store", name])
    for place, contents in [(store, promised), (other, pushed)]:
        for digest, content in contents.items():
            if look(f"round {round}: promised", ["cat", "--store", place, f"sha256:{digest}"]) != content:
                failures.append(f"round {round}: sha256:{digest} of {place} came back otherwise")
    a = chance.randint(1, 4)
    look(f"round {round}: run", ["-C", f"{folder}/w", "run", "--store", store, f"a={a}"])
    if open(f"{folder}/w/results/n.txt").read() != expected[a]:
        failures.append(f"round {round}: a={a} came out otherwise")
    look(f"round {round}: gc", ["gc", "--store", store, "--now", "--yes", "--runs", "1"])
    look(f"round {round}: verify after gc", ["verify", "--store", store])
    left = list(leftovers())
    if left:
        failures.append(f"round {round}: left in tmp/: {' '.join(left[:5])}")
    if len(failures) > before + 4 or len(failures) > 12:
        break

for name, (done, failed) in sorted(counts.items()):
    print(f"{name}: {done} done, {failed} failed when the power went")
for failure in failures[:12]:
    print(f"FAILED {failure[:2000]}")
print(f"power-cut {kind}: {rounds} cuts, {len(promised)} files pinned and {len(pushed)} pushed, {len(failures)} failures")
subprocess.run(["umount", disk])
subprocess.run(["chmod", "-R", "u+w", folder])
shutil.rmtree(folder, ignore_errors=True)
sys.exit(1 if failures else 0)
