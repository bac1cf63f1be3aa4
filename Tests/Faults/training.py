#!/usr/bin/env python3
"""Trainings in PyTorch under kill -9 at random moments: their outputs must be those of a training that nobody disturbs.

    Tests/Faults/training.py BRAKE [KILLS] [--seed N]

Two trainings, each killed so often (ten times if not said), now brake and now the training itself:

- examples/pytorch/train.py as pipelines/pytorch.yaml runs it: it announces what it has saved, and goes on by brake.resume; the dissent of
  two of its checkpoints is computed while it goes on;
- one that knows nothing of brake: it writes its checkpoints where they are to be, and looks there for the newest one. Its stage says
  `grows: true` and `resume: true`.

A training that ends before it was killed so often begins anew in another store. Whenever one ends, each of its outputs, down to the last checkpoint, must have the
digest that it has undisturbed, its record must say how often it was resumed, and the store must be whole. What torch.save writes behind a
torch.load may be other bytes for the same state, as pickles tell which objects are shared: of such a checkpoint all that is in it must be the same, bit for bit.

The python3 that runs this must have torch, numpy and the package in python/. Exits with 3, and says so, where it has not.
"""
import argparse, io, json, os, random, shutil, signal, subprocess, sys, tempfile, time

try:
    import numpy, torch  # noqa: F401
    from importlib.metadata import version

    version("brake-store")
except ImportError as error:
    print(f"training.py: not run, {error.name} is not installed for {sys.executable} (pip install torch numpy ./python)")
    sys.exit(3)

PLAIN = '''
import glob, os, sys
import torch

torch.use_deterministic_algorithms(True)
torch.manual_seed(7)
model = torch.nn.Sequential(torch.nn.Linear(32, 256), torch.nn.Tanh(), torch.nn.Linear(256, 1))
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
losses, first = [], 1
os.makedirs("ckpt", exist_ok=True)
found = sorted(glob.glob("ckpt/step_*.pt"), key=lambda path: int(path[10:-3]))
if found:
    state = torch.load(found[-1], weights_only=True)
    model.load_state_dict(state["model"]); optimiser.load_state_dict(state["optimiser"])
    losses, first = state["losses"], state["step"] + 1
print("from", first - 1, flush=True)
for step in range(first, int(sys.argv[1]) + 1):
    points = torch.randn(64, 32, generator=torch.Generator().manual_seed(step))
    loss = ((model(points) - points.square().sum(1, keepdim=True)) ** 2).mean()
    optimiser.zero_grad(); loss.backward(); optimiser.step()
    losses.append(loss.item())
    if step % 500 == 0:
        torch.save({"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "losses": losses}, f"ckpt/step_{step}.pt")
open("losses.txt", "w").write("".join(f"{loss!r}\\n" for loss in losses))
'''

PIPELINE = '''
stages:
  train:
    run: python3 ${in.script} 12000
    in: { script: plain.py }
    out:
      checkpoints: { folder: ckpt/, key: "step_*.pt", grows: true }
      losses: losses.txt
    resume: true
    env: { OMP_NUM_THREADS: 1 }
'''


def descendants(process):
    """The numbers of the processes below one, the nearest first."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                children.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
        except OSError:
            pass
    found = [process]
    for number in found:
        found += children.get(number, [])
    return found[1:]


def trainer(process, script):
    """The python below a process that runs the script; None if there is none now."""
    for number in descendants(process):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "python" in os.path.basename(words[0]) and len(words) > 1 and words[1].endswith(script):
            return number
    return None


def members(outputs):
    """Digests by the names of outputs, and their members."""
    found = {}
    for name, value in outputs.items():
        found.update({f"{name}[{key}]": digest for key, digest in value.items()} if isinstance(value, dict) else {name: value})
    return found


def same(a, b):
    """Whether two states hold the same, bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


class Case:
    def __init__(self, binary, folder, name, script, arguments):
        self.binary, self.folder, self.name, self.script = binary, folder, name, script
        self.arguments = arguments
        self.environment = {**os.environ, "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"]}
        self.kills = {"brake": 0, "the training": 0}
        self.rounds = 0

    def command(self, store, *words):
        return [self.binary, *words, "--store", f"{self.folder}/{store}"]

    def start(self, store):
        return subprocess.Popen(
            self.command(store, "run", *self.arguments, "--events", f"{self.folder}/events"), cwd=f"{self.folder}/work",
            env=self.environment, stdout=subprocess.DEVNULL, stderr=open(f"{self.folder}/errors", "w"), start_new_session=True)

    def outputs(self):
        """The stage that trains, and the outputs of it and of what reads its checkpoints."""
        stage, outputs, read = None, {}, {}
        with open(f"{self.folder}/events") as file:
            for event in map(json.loads, file):
                if event["event"] == "finished" and event["stage"].startswith("train"):
                    stage, outputs = event["stage"], event.get("outputs") or {}
                elif event["event"] == "finished" and event["stage"].startswith("dissent"):
                    read.update({f"{event['stage']}.{name}": value for name, value in (event.get("outputs") or {}).items()})
        return stage, outputs | read

    def undisturbed(self):
        start = time.monotonic()
        run = self.start("undisturbed")
        if run.wait() != 0:
            sys.exit(open(f"{self.folder}/errors").read())
        self.seconds = time.monotonic() - start
        self.expected = self.outputs()[1]
        print(f"{self.name}: {self.seconds:.0f} s undisturbed", flush=True)

    def disturb(self, kills):
        store = "store-0"
        while sum(self.kills.values()) < kills:
            if self.attempt(store, kill=True):
                self.check(store)
                shutil.rmtree(f"{self.folder}/{store}")
                self.rounds += 1
                store = f"store-{self.rounds}"
        if os.path.exists(f"{self.folder}/{store}"):
            if not self.attempt(store, kill=False):
                sys.exit(f"{self.name}: it failed although nobody disturbed it any more: " + open(f"{self.folder}/errors").read())
            self.check(store)
            self.rounds += 1

    def attempt(self, store, kill):
        """Runs until it ends or is killed. Gives whether it came to its end."""
        run = self.start(store)
        try:
            if not kill:
                return run.wait() == 0
            # From the moment at which the training begins, or at any before it.
            while random.random() < 0.98 and run.poll() is None and trainer(run.pid, self.script) is None:
                time.sleep(0.05)
            try:
                run.wait(random.uniform(0, self.seconds / 3))
            except subprocess.TimeoutExpired:
                victim = trainer(run.pid, self.script) if random.random() < 0.5 else None
                below = descendants(run.pid)
                if victim is None:
                    self.kills["brake"] += 1
                    run.kill()
                else:
                    self.kills["the training"] += 1
                    os.kill(victim, signal.SIGKILL)
                run.wait()
                for number in below:
                    for _ in range(200):
                        if not os.path.exists(f"/proc/{number}"):
                            break
                        time.sleep(0.05)
                    else:
                        sys.exit(f"{self.name}: the process {number} outlives the brake that began it")
            return run.returncode == 0
        finally:
            if run.poll() is None:
                run.kill()
                run.wait()

    def state(self, store, digest):
        """What is in a file of torch.save; None for other files."""
        read = subprocess.run(self.command(store, "cat", digest), cwd=f"{self.folder}/work", capture_output=True, check=True).stdout
        return torch.load(io.BytesIO(read), weights_only=True) if read[:2] == b"PK" else None

    def check(self, store):
        stage, outputs = self.outputs()
        found, wanted = members(outputs), members(self.expected)
        if found.keys() != wanted.keys():
            sys.exit(f"{self.name}: other outputs than undisturbed: {sorted(found)}, not {sorted(wanted)}")
        others = [name for name in found if found[name] != wanted[name]]
        for name in others:
            states = [self.state(place, digest) for place, digest in [(store, found[name]), ("undisturbed", wanted[name])]]
            if None in states or not same(*states):
                sys.exit(f"{self.name}: {name} is {found[name]}, and undisturbed {wanted[name]}")
        curve = next(name for name in ["curve", "losses"] if isinstance(outputs.get(name), str))
        told = subprocess.run(
            self.command(store, "provenance", "--json", outputs[curve]), cwd=f"{self.folder}/work", env=self.environment,
            capture_output=True, text=True, check=True).stdout
        makers = [maker for maker in json.loads(told)["made_by"].values() if maker["stage"] == stage]
        times = [maker.get("times_resumed", 0) for maker in makers]
        print(
            f"{self.name}: {len(found) - len(others)} artefacts are the same, {len(others)} hold the same in other bytes; resumed {times[0]} times",
            flush=True)
        subprocess.run(self.command(store, "verify"), cwd=f"{self.folder}/work", env=self.environment, check=True, stdout=subprocess.DEVNULL)
        left = [name for name in os.listdir(f"{self.folder}/{store}/failed") if "-saved" in name] if os.path.exists(f"{self.folder}/{store}/failed") else []
        if left:
            sys.exit(f"{self.name}: {left} is left in failed/")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("brake")
    parser.add_argument("kills", nargs="?", type=int, default=10)
    parser.add_argument("--only", choices=["example", "plain"], help="one of the two trainings")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    random.seed(given.seed)
    binary = os.path.abspath(given.brake)
    project = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = tempfile.mkdtemp(prefix="brake-training-")
    try:
        cases = []
        for name in ["example", "plain"]:
            os.makedirs(f"{folder}/{name}/work")
        work = f"{folder}/example/work"
        shutil.copytree(f"{project}/examples", f"{work}/examples")
        os.makedirs(f"{work}/pipelines")
        shutil.copy(f"{project}/pipelines/pytorch.yaml", f"{work}/pipelines")
        cases.append(Case(
            binary, f"{folder}/example", "examples/pytorch", "train.py",
            ["-f", "pipelines/pytorch.yaml", "train[2e-3,1]", "dissent[2e-3,1,32]", "dissent[2e-3,1,256]", "steps=1024"]))
        for name, text in [("plain.py", PLAIN), ("brake.yaml", PIPELINE)]:
            with open(f"{folder}/plain/work/{name}", "w") as file:
                file.write(text)
        cases.append(Case(binary, f"{folder}/plain", "a script without brake", "plain.py", []))
        for case in cases:
            if given.only and not case.folder.endswith(given.only):
                continue
            case.undisturbed()
            case.disturb(given.kills)
            kills = ", ".join(f"{count} times {what}" for what, count in case.kills.items())
            print(f"{case.name}: killed {kills}, {case.rounds} trainings to their ends, all as undisturbed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
