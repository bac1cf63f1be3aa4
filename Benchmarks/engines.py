#!/usr/bin/env python3
"""brake beside make and ninja on the same tree of trivial stages.

    Benchmarks/engines.py [LEAVES] [--repeat R] [--jobs J]

LEAVES files (900 unless given) are cut to their first 64 bytes, ten results at a time are summed up, and so on to one.
Scenarios: full (nothing built), no-op, touch (new time stamp, same bytes), cutoff (a change behind byte 64), leaf (a
change before it), undo (that change taken back), restore (all outputs deleted). `ran` is counted by the commands
themselves. The tools take turns in every scenario; medians of wall and CPU seconds and the ratio to ninja are printed.
"""
import argparse, os, resource, shutil, statistics, subprocess, sys, tempfile, time

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


def run(command, folder):
    log = f"{folder}/ran.log"
    open(log, "w").close()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    result = subprocess.run(command, cwd=folder, env=dict(os.environ, RANLOG=log), capture_output=True, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, sum(1 for _ in open(log))


def edit(folder, change):
    time.sleep(1.1)  # past the grain of every time stamp
    path = f"{folder}/src/7.txt"
    text = open(path).read()
    open(path, "w").write(change(text))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("leaves", type=int, nargs="?", default=900)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--jobs", type=int, default=1)
    given = options.parse_args()
    tools = {
        "make": (write_make, ["make", f"-j{given.jobs}", "-s"]),
        "ninja": (write_ninja, ["ninja", f"-j{given.jobs}", "--quiet"]),
        "brake": (write_brake, [BRAKE, "run", f"-j{given.jobs}"]),
    }
    tools = {name: tool for name, tool in tools.items() if shutil.which(tool[1][0])}
    base = tempfile.mkdtemp(prefix="brake-engines-")
    for name, (write, _) in tools.items():
        folder = f"{base}/{name}"
        os.makedirs(f"{folder}/src")
        os.makedirs(f"{folder}/out")
        for i in range(given.leaves):
            with open(f"{folder}/src/{i}.txt", "w") as f:
                f.write(f"source {i:08d} ".ljust(64, "x") + "\ntail\n")
        write(folder, given.leaves)

    def outputs_deleted(folder):
        for file in os.listdir(f"{folder}/out"):
            os.unlink(f"{folder}/out/{file}")

    scenarios = [
        ("full", 1, None),
        ("no-op", given.repeat, None),
        ("touch", 1, lambda folder: edit(folder, lambda text: text)),
        ("cutoff", 1, lambda folder: edit(folder, lambda text: text + "more\n")),
        ("leaf", given.repeat, lambda folder: edit(folder, lambda text: chr(ord(text[0]) + 1) + text[1:])),
        ("undo", 1, lambda folder: edit(folder, lambda text: chr(ord(text[0]) - 1) + text[1:])),
        ("restore", 1, outputs_deleted),
    ]
    stages = len(list(steps(given.leaves)))
    print(f"{stages} stages, -j{given.jobs}; medians; ratios to ninja (wall, CPU)")
    print(f"{'':9}" + "".join(f"{name:>34}" for name in tools))
    for scenario, repeat, prepare in scenarios:
        figures = {name: [] for name in tools}
        for _ in range(repeat):
            for name, (_, command) in tools.items():
                if prepare:
                    prepare(f"{base}/{name}")
                figures[name].append(run(command, f"{base}/{name}"))
        median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
        reference = median.get("ninja")
        cells = []
        for name, (wall, cpu, ran) in median.items():
            ratio = f" {wall / reference[0]:5.2f}x {cpu / reference[1]:5.2f}x" if reference and reference[1] else ""
            cells.append(f"{wall:7.3f}s {cpu:6.3f}s ran {ran:5.0f}{ratio}".rjust(34))
        print(f"{scenario:9}" + "".join(cells), flush=True)
    shutil.rmtree(base, ignore_errors=True)


main()
