#!/usr/bin/env python3
"""brake beside make and ninja on the same tree of trivial stages, and many stages by `for:` beside as many written out.

    Benchmarks/engines.py [LEAVES...] [--fan COUNT...] [--repeat R] [--jobs J]

LEAVES files (900 unless given) are cut to their first 64 bytes, ten results at a time are summed up, and so on to one.
Scenarios: full (nothing built), no-op, touch (another file with the same bytes), cutoff (a change behind byte 64), leaf (a
change before it), undo (that change taken back), each a while after the last run, directly after a run of something else,
directly after a switch to another branch and back, and with a thousand fresh objects in the store; restore (all outputs
deleted). `ran` is counted by the commands themselves. The tools take turns in every scenario; medians of wall and CPU
seconds and the ratio to ninja are printed.

COUNT stages (10000 unless given): the plan of all (`brake graph` of one), all of them, the no-op directly after it and
the next, and with nothing remembered (`brake run -q`).
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BRAKE = os.environ.get("BRAKE", os.path.join(HERE, "..", ".build", "release", "brake"))


def levels(leaves):
    widths = [leaves]
    while widths[-1] > 1:
        widths.append((widths[-1] + 9) // 10)
    return widths


def steps(leaves):
    """(name, inputs, command over {inputs} and {output}) from the leaves up."""
    for level, width in enumerate(levels(leaves)):
        for i in range(width):
            if level == 0:
                yield f"L0_{i}", [f"src/{i}.txt"], "head -c 64 {inputs} > {output}"
            else:
                below = range(i * 10, min(i * 10 + 10, levels(leaves)[level - 1]))
                yield f"L{level}_{i}", [f"L{level - 1}_{k}" for k in below], "cat {inputs} | cksum > {output}"


def out(name):
    return name if "/" in name else f"out/{name}.txt"


def shell(command, inputs, name):
    return command.format(inputs=" ".join(map(out, inputs)), output=out(name)) + " && echo >> $RANLOG"


def write_make(folder, leaves):
    with open(f"{folder}/Makefile", "w") as f:
        f.write(f".SUFFIXES:\nMAKEFLAGS += -rR\nall: {out(list(steps(leaves))[-1][0])}\n")
        for name, inputs, command in steps(leaves):
            f.write(f"{out(name)}: {' '.join(map(out, inputs))}\n\t@{shell(command, inputs, name).replace('$', '$$')}\n")


def write_ninja(folder, leaves):
    with open(f"{folder}/build.ninja", "w") as f:
        f.write("rule sh\n  command = $cmd\n")
        for name, inputs, command in steps(leaves):
            text = shell(command, inputs, name).replace("$", "$$")
            f.write(f"build {out(name)}: sh {' '.join(map(out, inputs))}\n  cmd = {text}\n")


def write_brake(folder, leaves):
    def stage(inputs, command):
        run = command.format(inputs="${in.x}", output="${out.o}") + " && echo >> $RANLOG"
        return f'run: "{run}", in: {{ x: {inputs} }}, out: {{ o: o.txt }}, pass-env: [RANLOG]'

    with open(f"{folder}/brake.yaml", "w") as f:
        f.write("stages:\n")
        for name, inputs, command in steps(leaves):
            listed = inputs[0] if len(inputs) == 1 and "/" in inputs[0] else "[" + ", ".join(inputs) + "]"
            f.write(f"  {name}: {{ {stage(listed, command)}, publish: {out(name)} }}\n")
        f.write(f"default: [{list(steps(leaves))[-1][0]}]\n")


def write_fan(folder, count, explicit):
    """COUNT stages that do the same, written out or by one `for:`."""
    with open(f"{folder}/brake.yaml", "w") as f:
        stage = 'run: "echo {i} $(cat ${{in.x}}) > ${{out.o}}", in: {{ x: source }}, out: {{ o: o.txt }}, sandbox: false'
        f.write("stages:\n")
        if explicit:
            f.writelines(f"  a{i}: {{ {stage.format(i=i)} }}\n" for i in range(1, count + 1))
        else:
            f.write(f"  a: {{ for: {{ i: 1..{count} }}, {stage.format(i='${i}')} }}\n")
    with open(f"{folder}/source", "w") as f:
        f.write("source\n")


def run(command, folder):
    """Wall and CPU seconds of the command and all its children, how often a stage ran, and the command's peak memory."""
    log = f"{folder}/ran.log"
    open(log, "w").close()
    environment = dict(os.environ, RANLOG=log)
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()[-2000:].decode()}")
    return wall, usage.ru_utime + usage.ru_stime, sum(1 for _ in open(log)), usage.ru_maxrss / 1024


def rewrite(path, change):
    """As an editor or a version control system does it: another file under the same name."""
    with open(path) as f:
        text = f.read()
    with open(path + ".new", "w") as f:
        f.write(change(text))
    os.rename(path + ".new", path)


class Tree:
    """The folder of one tool, and what can happen to it."""

    def __init__(self, name, folder, command, leaves):
        self.name, self.folder, self.command, self.leaves = name, folder, command, leaves
        self.edits = 0

    def run(self):
        return run(self.command, self.folder)

    def edit(self, change, number=7):
        rewrite(f"{self.folder}/src/{number % self.leaves}.txt", change)

    def mark(self, text):
        """Other first bytes than ever before."""
        self.edits += 1
        return f"edit {self.edits:10d}" + text[15:]

    # What is measured.

    def nothing(self):
        pass

    def touch(self):
        self.edit(lambda text: text)

    def cutoff(self):
        self.edits += 1
        self.edit(lambda text: f"{text[:65]}{self.edits}\n")

    def leaf(self):
        self.edit(self.mark)

    def undo(self):
        self.edit(lambda text: self.before)

    def clear(self):
        for file in os.listdir(f"{self.folder}/out"):
            os.unlink(f"{self.folder}/out/{file}")

    # What happened before it: where they yield, time passes.

    def after_a_while(self):
        yield

    def after_a_run(self):
        yield
        self.edit(self.mark, 8)
        self.run()

    def after_a_switch(self):
        """Every hundredth source is another one on the other branch, where something was built."""
        files = range(0, self.leaves, 100)
        yield
        for number in files:
            self.edit(lambda text: "branch" + text[6:], number)
        self.run()
        yield
        for number in files:
            self.edit(lambda text: "source" + text[6:], number)

    def after_fresh_objects(self):
        """Somebody has put files into the store that this pipeline knows nothing of."""
        self.edits += 1
        if self.name == "brake":
            fresh = f"{self.folder}/fresh"
            os.makedirs(fresh)
            for number in range(1000):
                with open(f"{fresh}/{number}", "w") as f:
                    f.write(f"{self.edits} {number}")
            subprocess.run([BRAKE, "put", "fresh"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(fresh)
        yield

    def after_a_leaf(self, before):
        """The same after a change that can be undone."""
        with open(f"{self.folder}/src/{7 % self.leaves}.txt") as f:
            self.before = f.read()
        yield
        self.leaf()
        self.run()
        yield from before(self)


EDITS = {"no-op": Tree.nothing, "touch": Tree.touch, "cutoff": Tree.cutoff, "leaf": Tree.leaf, "undo": Tree.undo}
SITUATIONS = {
    "": Tree.after_a_while, "after a run": Tree.after_a_run, "after a switch": Tree.after_a_switch,
    "fresh objects": Tree.after_fresh_objects,
}


def show(title, figures):
    """One line: medians of each tool, and the ratio to ninja."""
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    reference = medians.get("ninja")
    cells = []
    for wall, cpu, ran, _ in medians.values():
        ratio = f" {wall / reference[0]:5.2f}x {cpu / reference[1]:5.2f}x" if reference and reference[1] else ""
        cells.append(f"{wall:8.3f}s {cpu:7.3f}s ran {ran:6.0f}{ratio}".rjust(39))
    print(f"{title:22}" + "".join(cells), flush=True)


def measure(trees, before, edit, repeat):
    figures = {tree.name: [] for tree in trees}
    for _ in range(repeat):
        pasts = [tree.after_a_leaf(before) if edit is Tree.undo else before(tree) for tree in trees]
        # The tools wait together, and each comes to its measured run alone.
        steps = 1 + (before is Tree.after_a_switch) + (edit is Tree.undo)
        for _ in range(steps):
            for past in pasts:
                next(past)
            time.sleep(1.1)  # past the grain of every time stamp
        for tree, past in zip(trees, pasts):
            next(past, None)
            edit(tree)
            figures[tree.name].append(tree.run())
    return figures


def race(leaves, repeat, jobs, base):
    tools = {
        "make": (write_make, ["make", f"-j{jobs}", "-s"]),
        "ninja": (write_ninja, ["ninja", f"-j{jobs}", "--quiet"]),
        "brake": (write_brake, [BRAKE, "run", f"-j{jobs}"]),
    }
    trees = []
    for name, (write, command) in tools.items():
        if not shutil.which(command[0]):
            continue
        folder = f"{base}/{leaves}-{name}"
        os.makedirs(f"{folder}/src")
        os.makedirs(f"{folder}/out")
        for i in range(leaves):
            with open(f"{folder}/src/{i}.txt", "w") as f:
                f.write(f"source {i:08d} ".ljust(64, "x") + "\ntail\n")
        write(folder, leaves)
        trees.append(Tree(name, folder, command, leaves))
    print(f"{len(list(steps(leaves)))} stages, -j{jobs}; medians; ratios to ninja (wall, CPU)")
    print(" " * 22 + "".join(f"{tree.name:>39}" for tree in trees))
    show("full", measure(trees, Tree.after_a_while, Tree.nothing, 1))
    for situation, before in SITUATIONS.items():
        for name, edit in EDITS.items():
            show(f"{name} {situation}", measure(trees, before, edit, repeat))
    show("restore", measure(trees, Tree.after_a_while, Tree.clear, 1))


def fan(count, repeat, jobs, base):
    print(f"\n{count} stages by one `for:` and written out; wall, CPU, peak memory")
    for explicit in (False, True):
        folder = f"{base}/{count}-{'explicit' if explicit else 'for'}"
        os.makedirs(folder)
        write_fan(folder, count, explicit)
        build = [BRAKE, "run", f"-j{jobs}"]
        for title, command, times in (
            ("plan", [BRAKE, "graph", "a1" if explicit else "a[1]"], repeat), ("full", build, 1),
            ("no-op directly after", build, 1), ("no-op", build, repeat), ("looked up anew", [BRAKE, "run", "-q"], repeat),
        ):
            rows = [run(command, folder) for _ in range(times)]
            wall, cpu, _, memory = [statistics.median(column) for column in zip(*rows)]
            print(f"{title:22}{'written out' if explicit else 'for':>12}{wall:9.3f}s{cpu:9.3f}s{memory:7.0f} MB", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("leaves", type=int, nargs="*", default=[900])
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--fan", type=int, nargs="*", default=[10000])
    given = options.parse_args()
    base = tempfile.mkdtemp(prefix="brake-engines-")
    try:
        for leaves in given.leaves:
            race(leaves, given.repeat, given.jobs, base)
        for count in given.fan:
            fan(count, given.repeat, given.jobs, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


main()
