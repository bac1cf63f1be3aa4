"""What a script tells brake, and that it runs just the same without."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


#: Prints what `resume` finds, trains on from there to a step, saves every other one, and stops hard where it is told to.
SCRIPT = """
import os, sys
import brake
stop = int(sys.argv[1])
start = brake.resume("ckpt")
print(start and os.path.relpath(start))
first = int(start.read_text()) + 1 if start else 1
for step in range(first, 13):
    if step == stop:
        os._exit(9)
    brake.log(step, loss=1 / step)
    if step % 2 == 0:
        with brake.saving(f"ckpt/{step}.txt") as file:
            file.write_text(str(step))
"""


class StageTests(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.outer = Path(temporary.name).resolve()
        self.folder = self.outer / "work"
        self.folder.mkdir()
        self.events = self.outer / "events"

    def script(self, text, *arguments, folder=None, **environment):
        own = {name: value for name, value in os.environ.items() if not name.startswith("BRAKE_") and name not in ("RANK", "SLURM_PROCID")}
        result = subprocess.run([sys.executable, "-c", text, *map(str, arguments)], cwd=folder or self.folder,
                                env={**own, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def run_script(self, text, *arguments, **environment):
        code, out, errors = self.script(text, *arguments, **environment)
        self.assertEqual((code, errors), (0, ""))
        return out

    def told(self):
        return [json.loads(line) for line in self.events.read_text().splitlines()]

    def test_lines_are_canonical(self):
        text = """
import numpy, brake
brake.log(100, loss=2.5)
brake.log(numpy.int64(101), **{"b/é": numpy.float32(0.5), "a": 3, "c": 2.0, "d": numpy.array([[1e-7]])})
brake.log(102, loss=float("nan"), other=-float("inf"))
brake.log(103)
open("a.txt", "w").close()
brake.save("a.txt")
"""
        self.run_script(text, BRAKE_EVENTS=str(self.events))
        self.assertEqual(self.events.read_text(), """\
{"event":"log","metrics":{"loss":2.5},"step":100}
{"event":"log","metrics":{"a":3,"b/é":0.5,"c":2,"d":1e-07},"step":101}
{"event":"log","metrics":{"loss":null,"other":null},"not_finite":{"loss":"nan","other":"-inf"},"step":102}
{"event":"log","metrics":{},"step":103}
{"event":"saved","path":"a.txt"}
""")  # fmt: skip

    def test_an_attempt_goes_on_from_the_one_before(self):
        code, _, _ = self.script(SCRIPT, 7, BRAKE_EVENTS=str(self.events))
        self.assertEqual(code, 9)
        saved = [event["path"] for event in self.told() if event["event"] == "saved"]
        self.assertEqual(saved, ["ckpt/2.txt", "ckpt/4.txt", "ckpt/6.txt"])
        # What the engine keeps of it, under the same paths; the next attempt has a folder of its own.
        earlier, self.folder = self.folder, self.outer / "second"
        self.folder.mkdir()
        self.events.unlink()
        out = self.run_script(SCRIPT, 0, BRAKE_EVENTS=str(self.events), BRAKE_RESUME=str(earlier))
        self.assertEqual(out, "ckpt/6.txt\n")
        self.assertEqual([event["step"] for event in self.told() if event["event"] == "log"], list(range(7, 13)))
        saved = [event["path"] for event in self.told() if event["event"] == "saved"]
        self.assertEqual(saved, [f"ckpt/{step}.txt" for step in [2, 4, 6, 8, 10, 12]])
        self.assertEqual({path.name: path.read_text() for path in (self.folder / "ckpt").iterdir()},
                         {f"{step}.txt": str(step) for step in range(2, 13, 2)})  # fmt: skip

    def test_a_plain_script_resumes_too(self):
        self.assertEqual(self.script(SCRIPT, 11)[0], 9)
        self.assertEqual(self.run_script(SCRIPT, 0), "ckpt/10.txt\n")
        self.assertFalse(self.events.exists())

    def test_what_is_newest(self):
        for name in ["step-9.pt", "step-10.pt", "note-11.txt", ".partial-1-step-12.pt"]:
            (self.folder / name).write_text("")
        (self.folder / "deep/5").mkdir(parents=True)
        text = "import sys, brake; print(getattr(brake.resume(*eval(sys.argv[1]), key=eval(sys.argv[2])), 'name', None))"
        for where, key, found in [
            ('("*.pt",)', "None", "step-10.pt"), ('("step-*",)', "lambda path: path.name", "step-9.pt"), ('("deep",)', "None", "5"),
            ('("absent",)', "None", "None"), ("()", "None", "None"), ('("[x]",)', "None", "None"),
        ]:  # fmt: skip
            self.assertEqual(self.run_script(text, where, key), found + "\n")
        for name in [".partial-1-step-12.pt", "note-11.txt"]:
            (self.folder / name).unlink()
        earlier, self.folder = self.folder, self.outer / "second"
        self.folder.mkdir()
        self.assertEqual(self.run_script(text, "()", "None", BRAKE_RESUME=str(earlier)), "step-10.pt\n")
        code, _, errors = self.script(text, "()", "None", BRAKE_RESUME="/absent")
        self.assertEqual(code, 1)
        self.assertIn("no folder", errors)

    def test_what_is_there_is_not_replaced(self):
        earlier = self.outer / "earlier"
        earlier.mkdir()
        for folder, text in [(earlier, "old"), (self.folder, "new")]:
            (folder / "a.txt").write_text(text)
        (earlier / "link").symlink_to("/etc/passwd")
        self.run_script("import brake; brake.resume('.')", BRAKE_EVENTS=str(self.events), BRAKE_RESUME=str(earlier))
        self.assertEqual((self.folder / "a.txt").read_text(), "new")
        self.assertFalse(self.events.exists())
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.txt"])

    def test_one_process_of_a_job_speaks(self):
        (self.outer / "earlier/ckpt").mkdir(parents=True)
        (self.outer / "earlier/ckpt/8.txt").write_text("8")
        environment = {"BRAKE_EVENTS": str(self.events), "BRAKE_RESUME": str(self.outer / "earlier")}
        for rank in [{"RANK": "1"}, {"SLURM_PROCID": "2"}, {"RANK": "1", "SLURM_PROCID": "0"}]:
            out = self.run_script(SCRIPT, 0, **environment, **rank)
            self.assertEqual(out, "../earlier/ckpt/8.txt\n")
            self.assertFalse(self.events.exists())
            self.assertTrue((self.folder / "ckpt/12.txt").exists(), "shards of a checkpoint are written by all")
        self.run_script(SCRIPT, 0, **environment, RANK="0", SLURM_PROCID="1")
        self.assertTrue(self.events.exists())

    def test_what_is_wrong(self):
        text = """
import os, sys, brake
def refused(call):
    try:
        call()
    except brake.BrakeError as error:
        print(error)
def failing():
    with brake.saving("a.txt") as file:
        file.write_text("x")
        raise brake.BrakeError("mine")
def forgetful():
    with brake.saving("a.txt"):
        pass
refused(lambda: brake.log(1.5))
refused(lambda: brake.log(True))
refused(lambda: brake.log(-1))
refused(lambda: brake.log(1, loss="high"))
refused(lambda: brake.log(1, loss=[1, 2]))
refused(lambda: brake.save("absent"))
refused(lambda: brake.save(sys.argv[1]))
refused(failing)
refused(forgetful)
print(os.listdir())
"""
        (self.outer / "outside").write_text("")
        lines = self.run_script(text, self.outer / "outside", BRAKE_EVENTS=str(self.events)).splitlines()
        for line, part in zip(lines, ["1.5", "True", "-1", "'loss'", "'loss'", "absent", "not in the folder", "mine", "nothing was written"]):
            self.assertIn(part, line)
        self.assertEqual(lines[-1], "[]")
        self.assertFalse(self.events.exists())
        code, _, errors = self.script("import brake; brake.log(1)", BRAKE_EVENTS="/absent/events")
        self.assertEqual(code, 1)
        self.assertIn("brake cannot be told", errors)

    def test_folders_are_saved_at_once(self):
        text = """
import os, brake
os.makedirs("ckpt/64/.git")
for name in ["b.bin", "a.json", ".hidden", ".git/x"]:
    open("ckpt/64/" + name, "w").close()
os.chdir("ckpt")
brake.save("64")
"""
        self.run_script(text, BRAKE_EVENTS=str(self.events))
        self.assertEqual([event["path"] for event in self.told()], ["ckpt/64/a.json", "ckpt/64/b.bin"])

    def test_a_folder_takes_the_place_of_another(self):
        text = """
import os, sys, brake
for names in [["a", "b"], ["c"]]:
    with brake.saving("ckpt/64") as folder:
        folder.mkdir()
        for name in names:
            (folder / name).write_text(folder.name)
print(sorted(os.listdir("ckpt")), os.listdir("ckpt/64"))
"""
        self.assertEqual(self.run_script(text, BRAKE_EVENTS=str(self.events)), "['64'] ['c']\n")
        self.assertEqual([event["path"] for event in self.told()], ["ckpt/64/a", "ckpt/64/b", "ckpt/64/c"])

    def test_many_processes_write_whole_lines(self):
        text = "import brake\nfor step in range(300): brake.log(step, loss=1.0)"
        own = {**os.environ, "BRAKE_EVENTS": str(self.events)}
        children = [subprocess.Popen([sys.executable, "-c", text], env=own) for _ in range(4)]
        self.assertEqual([child.wait() for child in children], [0, 0, 0, 0])
        self.assertEqual(sorted(event["step"] for event in self.told()), sorted(list(range(300)) * 4))

    def test_a_terminal_shows_a_line_a_second(self):
        text = """
import os, pty, sys, time
child, terminal = pty.fork()
if child == 0:
    import brake
    for step in range(100):
        brake.log(step, loss=1.23456789, bad=float("nan"))
    os._exit(0)
shown = b""
try:
    while part := os.read(terminal, 4096):
        shown += part
except OSError:
    pass
sys.stdout.write(shown.decode())
"""
        lines = self.run_script(text).splitlines()
        self.assertEqual(lines[0].strip(), "step 0  loss 1.2346  bad nan")
        self.assertLess(len(lines), 50)
