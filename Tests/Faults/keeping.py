#!/usr/bin/env python3
"""Everything that changes a store at once, on one store, with SIGKILL at random moments.

    Tests/Faults/keeping.py BRAKE [SECONDS]

For SECONDS (60) there are three workspaces whose runs change their parameters, one of them with a small training; two loops of
`gc --now`, some with a budget; one that repacks, undoes it, and puts small results together; one that pushes to a second store and one that pulls from it; and one that
reads what a workspace's last run gave. As root, one of the runs and one of the collections belong to another user of a shared store.
Four of ten commands are killed.

No command that is not killed may fail, what a run has given may be read at once, and at the end nothing that anything
names is missing or damaged in either store, and every workspace gives the same results as an undisturbed one.
"""
import hashlib, os, random, shutil, subprocess, sys, tempfile, threading, time

SMALL = """params: { a: 1 }
stages:
  make:
    run: "seq ${a} 20000 > ${out.big}; mkdir -p d; for i in 1 2 3; do echo $i ${a} > d/$i.txt; done"
    out: { big: big.txt, d: d/*.txt }
  many:
    for: { i: 1..30 }
    run: "head -n ${i} ${in.data} > ${out.o}; echo ${a} >> ${out.o}"
    in: { data: make.big }
    out: { o: o.txt }
  sum:
    run: "cat ${in.all} ${in.d} | cksum > ${out.n}"
    in: { all: many, d: make.d }
    out: { n: n.txt }
    publish: results/
"""
TRAINING = """params: { a: 1 }
stages:
  text: { op: text.synthesise, with: { size: 20000 } }
  corpus: { op: text.corpus, in: { texts: text.text } }
  tokens: { op: text.tokenise, in: { text: corpus.documents } }
  train:
    op: lm.train
    in: { train: tokens.train }
    with: { model: 47k, steps: 16, warmup: 2, batch: 2, context: 32, checkpoints: powers-of-two, seed: "${a}" }
  info:
    for: { step: [1, 2, 4, 8, 16] }
    op: lm.info
    in: { checkpoint: "train.checkpoints[${step}]" }
    publish: results/
"""
brake = os.path.abspath(sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
folder = tempfile.mkdtemp(prefix="brake-keeping-")
os.chmod(folder, 0o755)
store, other = f"{folder}/store", f"{folder}/other"
# As another user, whom no file of the first one's belongs to.
is_root = os.geteuid() == 0
guest = ["setpriv", "--reuid=65534", "--regid=0", "--clear-groups"] if is_root else []
counts, failures, lock = {}, [], threading.Lock()
deadline = 0


def command(name, words, chance, patience=1.0, prefix=()):
    """Runs a brake, or kills it on the way. Returns what it printed, or None if it was killed or failed."""
    process = subprocess.Popen([*prefix, brake, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "HOME": folder, "TMPDIR": "/tmp"}, umask=0o002)
    killed = patience > 0 and chance.random() < 0.4
    if killed:
        time.sleep(chance.random() * patience)
        killed = process.poll() is None
        process.kill()
    output, errors = process.communicate()
    with lock:
        done, ended = counts.get(name, (0, 0))
        counts[name] = (done + (not killed), ended + killed)
        if not killed and process.returncode != 0:
            failures.append(f"{name}: {' '.join(words)}: {process.returncode}\n{output}{errors}")
            return None
    return None if killed else output


def runs(number, pipeline, prefix=()):
    chance = random.Random(number)
    place = f"{folder}/w{number}"
    while time.monotonic() < deadline:
        a = chance.randint(1, 5)
        done = command("run", ["-C", place, "run", "--store", store, "-j2", f"a={a}"], chance, 1.5, prefix)
        if done is not None and pipeline is SMALL:
            found = command("cat", ["-C", place, "cat", "--store", store, f"a={a}", "results/n.txt"], chance, 0, prefix)
            if found is not None and found != expected[a]:
                with lock:
                    failures.append(f"results of a={a}: {found!r}")


def collects(number, prefix=()):
    chance = random.Random(100 + number)
    while time.monotonic() < deadline:
        words = ["gc", "--store", store, "--now", "--yes", "--runs", str(chance.randint(1, 3))]
        command("gc", words + (["--budget", "1kB"] if chance.random() < 0.3 else []), chance, 0.2, prefix)
        time.sleep(chance.random() * 0.3)


def repacks():
    chance = random.Random(200)
    while time.monotonic() < deadline:
        command("repack", ["repack", "--store", store, "--depth", str(chance.randint(1, 4))]
                + chance.choice([[], ["--predict-weights"], ["--undo"], ["--small"]]), chance, 0.3)
        time.sleep(chance.random() * 0.5)


def sends():
    chance = random.Random(300)
    while time.monotonic() < deadline:
        command("push", ["-C", f"{folder}/w0", "push", "--store", store, "--to", other], chance, 0.3)
        command("gc there", ["gc", "--store", other, "--now", "--yes"], chance, 0.2)
        time.sleep(chance.random())


def fetches():
    chance = random.Random(400)
    while time.monotonic() < deadline:
        digest = hashlib.sha256(expected[chance.randint(1, 5)].encode()).hexdigest()
        command("pull", ["pull", "--store", store, "--from", other, f"sha256:{digest}"], chance, 0.3)
        time.sleep(chance.random())


def check(what, words):
    done = subprocess.run([brake, *words], capture_output=True, text=True)
    if done.returncode != 0:
        failures.append(f"{what}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


# What an undisturbed store gives.
expected, checkpoints = {}, {}
for number, pipeline in enumerate([SMALL, SMALL, TRAINING]):
    os.makedirs(f"{folder}/w{number}")
    with open(f"{folder}/w{number}/brake.yaml", "w") as file:
        file.write(pipeline)
for a in range(1, 6):
    check("calm run", ["-C", f"{folder}/w0", "run", "--store", f"{folder}/calm", f"a={a}"])
    expected[a] = open(f"{folder}/w0/results/n.txt").read()
    check("calm training", ["-C", f"{folder}/w2", "run", "--store", f"{folder}/calm", f"a={a}"])
    check("calm push", ["-C", f"{folder}/w0", "push", "--store", f"{folder}/calm", "--to", other, f"a={a}"])
    checkpoints[a] = open(f"{folder}/w2/results/16/info.json").read()
os.makedirs(store)
os.chmod(store, 0o2775)
check("first run", ["-C", f"{folder}/w0", "run", "--store", store])
if is_root:
    os.chown(f"{folder}/w1", 65534, 0)
    os.chmod(f"{folder}/w1/brake.yaml", 0o644)

# From here on: on a busy machine what is above may take as long.
deadline = time.monotonic() + seconds
threads = [threading.Thread(target=each, args=arguments) for each, *arguments in [
    (runs, 0, SMALL), (runs, 1, SMALL, guest), (runs, 2, TRAINING), (collects, 0), (collects, 1, guest), (repacks,), (sends,), (fetches,)]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

for name in [store, other]:
    print(f"verify: {check(f'verify {name}', ['verify', '--store', name])}")
for a in range(1, 6):
    for number in [0, 2]:
        check("run at the end", ["-C", f"{folder}/w{number}", "run", "--store", store, f"a={a}"])
    if open(f"{folder}/w0/results/n.txt").read() != expected[a] or open(f"{folder}/w2/results/16/info.json").read() != checkpoints[a]:
        failures.append(f"a={a} came out otherwise")
check("verify at the end", ["verify", "--store", store])
for name, (done, killed) in sorted(counts.items()):
    print(f"{name}: {done} done, {killed} killed")
for failure in failures[:8]:
    print(f"FAILED {failure}")
print(f"{len(failures)} failures in {seconds:.0f} s")
subprocess.run(["chmod", "-R", "u+w", folder])
shutil.rmtree(folder, ignore_errors=True)
sys.exit(1 if failures else 0)
