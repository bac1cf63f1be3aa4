#!/usr/bin/env python3
"""Many brakes on one store, half of them stopped and killed all the time.

    Tests/Faults/brakes.py BRAKE [SECONDS] [--brakes N] [--far N]

Each round is a pipeline of stages that nobody has run yet, in as many workspaces as there are brakes, all with one store. Every
command notes that it began and that it ended. A round is over when the brakes that nobody harms have come to their
ends. Then every stage must be recorded, what was published must be the same everywhere, and no stage may have been
begun more often than once and once for every brake that was killed or stopped while it had the right to it. At the end nothing may
be left in the store's tmp/ and leases/ once another run has tidied up.

With --far, N of the brakes (of both kinds in turn) have the store through sshfs, from an SSH server that is started for this, and
their clock is five hours fast (faketime). That needs root, /dev/fuse and the packages sshfs, openssh-server and faketime.
"""
import argparse, glob, os, random, shutil, signal, socket, subprocess, sys, tempfile, threading, time

STAGES = 24


def pipeline(folder, number):
    lines = ["stages:"]
    for i in range(STAGES):
        source = f", in: {{ x: s{i - 3} }}" if i >= 3 else ""
        read = " && cat ${in.x} > /dev/null" if i >= 3 else ""
        lines.append(
            f'  s{i}: {{ run: "echo {number}.{i} >> {folder}/began && sleep 0.{random.randint(0, 3)}{read} && echo {number} {i} > ${{out.o}}'
            f' && echo {number}.{i} >> {folder}/ended", out: {{ o: o.txt }}{source}, publish: out/{i}, sandbox: false }}')
    return "\n".join(lines) + "\n"


class FarStore:
    """The store as another machine has it: over SSH, with other inodes and no locks in common, and another clock."""

    def __init__(self, folder):
        self.path = f"{folder}/far"
        keys = f"{folder}/keys"
        for made in [self.path, keys, f"{folder}/store"]:
            os.makedirs(made, exist_ok=True)
        os.makedirs("/run/sshd", exist_ok=True)
        for name in ["host", "user"]:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{keys}/{name}"], check=True)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        with open(f"{keys}/config", "w") as config:
            config.write(
                f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nAuthorizedKeysFile {keys}/user.pub\n"
                "StrictModes no\nUsePAM no\nSubsystem sftp internal-sftp\nPidFile none\nPermitRootLogin yes\nMaxStartups 100\n")
        self.server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", f"{keys}/config"], stderr=subprocess.DEVNULL)
        for attempt in range(50):
            time.sleep(0.1)
            mounted = subprocess.run(
                ["sshfs", f"root@127.0.0.1:{folder}/store", self.path, "-p", str(port), "-o", f"IdentityFile={keys}/user",
                 "-o", "StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null,dir_cache=no,attr_timeout=0,entry_timeout=0"],
                capture_output=True, text=True)
            if mounted.returncode == 0:
                return
        sys.exit(f"sshfs: {mounted.stderr}")

    def leave(self):
        subprocess.run(["fusermount", "-uz", self.path], capture_output=True)
        self.server.terminate()


def tidy_clocks():
    """A killed `faketime` leaves files behind that are named by its number, and the next one of that number does not start."""
    for path in glob.glob("/dev/shm/*faketime_*_*"):
        if not os.path.exists("/proc/" + path.rsplit("_", 1)[1]):
            try:
                os.unlink(path)
            except OSError:
                pass


class Brake:
    def __init__(self, binary, folder, place, far=None):
        clock = ["env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", "+5h"] if far else []
        self.command = clock + [binary, "run", "-j2", "--store", far.path if far else f"{folder}/store"]
        self.place = place
        self.process = None

    def start(self):
        tidy_clocks()
        self.process = subprocess.Popen(
            self.command, cwd=self.place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def harm(self, until, accidents):
        """Stops, continues and kills until the time has come; then lets it be."""
        while time.monotonic() < until and self.process.poll() is None:
            time.sleep(random.uniform(0.05, 0.5))
            accidents.append(1)
            if random.random() < 0.5:
                self.process.send_signal(signal.SIGSTOP)
                time.sleep(random.choice([0.1, 0.5, 20]))
                self.process.send_signal(signal.SIGCONT)
            else:
                self.process.kill()
                self.process.wait()
                self.start()


def one_round(binary, folder, number, brakes, far, totals):
    text = pipeline(folder, number)
    runners = []
    for i in range(brakes):
        place = f"{folder}/w{number}.{i}"
        os.makedirs(place)
        open(f"{place}/brake.yaml", "w").write(text)
        # Of those that are harmed, and of those that are not.
        is_far = far and (i % (brakes // 2)) < far[0] // 2
        runners.append(Brake(binary, folder, place, far[1] if is_far else None))
    for name in ["began", "ended"]:
        open(f"{folder}/{name}", "w").close()
    accidents = []
    for runner in runners:
        runner.start()
    threads = [
        threading.Thread(target=runner.harm, args=(time.monotonic() + 8, accidents)) for runner in runners[: brakes // 2]]
    for thread in threads:
        thread.start()
    faults = []
    for runner in runners[brakes // 2:]:
        try:
            out, _ = runner.process.communicate(timeout=180)
        except subprocess.TimeoutExpired:
            runner.process.kill()
            faults.append("a brake that nobody harmed did not come to its end")
            continue
        if runner.process.returncode:
            faults.append(f"a brake that nobody harmed ended with {runner.process.returncode}: {out[-600:]}")
    for thread in threads:
        thread.join()
    for runner in runners[: brakes // 2]:
        try:
            out, _ = runner.process.communicate(timeout=120)
            if runner.process.returncode:
                faults.append(f"a brake that was let be ended with {runner.process.returncode}: {out[-600:]}")
        except subprocess.TimeoutExpired:
            runner.process.kill()
            faults.append("a brake that was let be did not come to its end")
    began = open(f"{folder}/began").read().split()
    again = len(began) - len(set(began))
    if len(set(began)) != STAGES:
        faults.append(f"{len(set(began))} of {STAGES} stages were begun")
    # Each accident can cost the two stages that a brake runs at once.
    if again > 2 * len(accidents):
        faults.append(f"{again} stages were begun again after {len(accidents)} accidents")
    for i in range(STAGES):
        for runner in runners:
            path = f"{runner.place}/out/{i}"
            if not os.path.exists(path) or open(path).read() != f"{number} {i}\n":
                faults.append(f"{path} is missing or wrong")
    totals["stages"] += STAGES
    totals["begun"] += len(began)
    totals["accidents"] += len(accidents)
    return faults


def is_of_another_machine(path):
    """Whether only time can tell that the owner is dead, for whoever is not on its machine."""
    try:
        return open(f"{path}/alive").read().startswith("brake 1 remote")
    except OSError:
        return False


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("brake")
    options.add_argument("seconds", type=float, nargs="?", default=60)
    options.add_argument("--brakes", type=int, default=8)
    options.add_argument("--far", type=int, default=0)
    given = options.parse_args()
    binary = os.path.abspath(given.brake)
    folder = tempfile.mkdtemp(prefix="brake-storm-")
    random.seed(7)
    totals = {"stages": 0, "begun": 0, "accidents": 0}
    far = (given.far, FarStore(folder)) if given.far else None
    start = time.monotonic()
    faults = []
    number = 0
    while (number == 0 or time.monotonic() - start < given.seconds) and not faults:
        number += 1
        faults = one_round(binary, folder, number, given.brakes, far, totals)
    if far:
        far[1].leave()
    if not faults:
        check = subprocess.run(
            [binary, "verify", "--store", f"{folder}/store"], capture_output=True, text=True)
        if check.returncode:
            faults.append(f"verify: {check.stderr[-600:]}")
        left = os.listdir(f"{folder}/store/leases")
        # Whoever died last was tidied up by nobody: the next one that computes does.
        place = f"{folder}/last"
        os.makedirs(place)
        open(f"{place}/brake.yaml", "w").write('stages: { s: { run: "echo 1 > ${out.o}", out: { o: o } } }\n')
        subprocess.run([binary, "run", "--store", f"{folder}/store"], cwd=place, capture_output=True)
        for name in ["leases", "tmp"]:
            rest = [entry for entry in os.listdir(f"{folder}/store/{name}") if not is_of_another_machine(f"{folder}/store/{name}/{entry}")]
            if rest:
                faults.append(f"left in {name}/: {rest[:5]} (leases before: {len(left)})")
    print(f"{number} rounds of {given.brakes} brakes: {totals['stages']} stages, begun {totals['begun']} times, "
          f"{totals['accidents']} accidents, {len(faults)} faults")
    for fault in faults[:10]:
        print(" ", fault)
    if not faults:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print("  it is kept in", folder)
    sys.exit(1 if faults else 0)


main()
