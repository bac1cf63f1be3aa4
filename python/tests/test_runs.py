"""Past runs, and what notebooks show of them and of artefacts."""

import json
import tracemalloc

import numpy

import brake
from support import StoreTest, digest, safetensors

try:
    import pandas
except ImportError:
    pandas = None

PIPELINE = """
params: { rate: 1e-3, note: "<b>bold</b>" }
stages:
  train:
    for: { size: [47k, 188k] }
    run: |
      mkdir -p ckpt && echo ${size} ${rate} > ckpt/1.txt && echo 2 > ckpt/2.txt
      printf 'step,loss\\n1,<i>5.5</i>\\n' > ${out.losses}
    out: { checkpoints: ckpt/*.txt, losses: losses.csv }
    sandbox: false
  broken:
    run: "false"
    sandbox: false
    out: { x: x }
default: [train]
"""


class RunTests(StoreTest):
    def test_they_are_those_that_the_binary_lists(self):
        self.assertRaises(brake.NotFound, brake.runs, self.cache)
        self.run_pipeline(PIPELINE)
        self.assertEqual(len(brake.runs(self.cache)), 1)
        self.run_pipeline(PIPELINE, "rate=2e-3", "train[47k]")
        found = brake.runs(self.cache)
        listed = json.loads(self.brake("runs", "--json"))
        self.assertEqual([run.id for run in found], [run["id"] for run in listed])
        for run, other in zip(found, listed):
            for name in ["started", "seconds", "host", "folder", "pipeline", "targets", "outcome", "planned", "ran", "failed", "parameters"]:
                self.assertEqual(getattr(run, name), other[name], name)
            self.assertEqual(list(run.overrides.items()), [tuple(pair) for pair in other["overrides"]])
        first, second = found
        self.assertEqual(second.overrides, {"rate": "2e-3"})
        self.assertEqual(first.open("train[47k].checkpoints[1]").bytes(), b"47k 1e-3\n")
        self.assertEqual(second.open("train[47k].checkpoints[1]").bytes(), b"47k 2e-3\n")
        self.assertEqual(sorted(second.outputs), ["train[47k].checkpoints[1]", "train[47k].checkpoints[2]", "train[47k].losses"])
        for name in ["train[47k]", "absent", "train[188k].losses"]:
            self.assertRaises(brake.NotFound, second.open, name)
        self.assertEqual(brake.runs(self.cache, last=1)[0].id, second.id)
        self.assertEqual(brake.runs(brake.Store(self.cache), last=0)[0].id, first.id)

        rows = found.dictionaries()
        self.assertEqual([row["parameters.rate"] for row in rows], [0.001, 0.002])
        self.assertIn("outputs.train[188k].losses", rows[0])
        if pandas is not None:
            frame = found.pandas()
            self.assertEqual(frame["parameters.rate"].tolist(), [0.001, 0.002])
            self.assertEqual(frame["started"].dt.year.min(), int(first.started[:4]))
            self.assertTrue(pandas.isna(frame["outputs.train[188k].losses"][1]))
            self.assertEqual(len(brake.Runs().pandas()), 0)

        shown = found._repr_html_()
        self.assertIn(first.id, shown)
        self.assertIn("<th style='text-align:left'>rate</th>", shown)
        self.assertNotIn("note", shown, "what all runs have in common is no column")
        self.assertIn("&lt;b&gt;bold", first._repr_html_())
        self.assertNotIn("<b>bold", first._repr_html_())

    def test_what_is_no_note_is_passed_over(self):
        self.run_pipeline(PIPELINE)
        folder = self.cache / "index/runs"
        (note,) = folder.iterdir()
        sound = json.loads(note.read_text())
        for number, content in enumerate([
            "", "{", "[]", "null", json.dumps({**sound, "outputs": {"a": {"b": "sha256:1"}}}), json.dumps({**sound, "targets": 3}),
            json.dumps({**sound, "parameters": 1}), json.dumps({**sound, "started": None}), " " * (65 << 10) + json.dumps(sound),
            json.dumps({**sound, "overrides": [1]}), json.dumps({**sound, "seconds": "x"}), json.dumps({**sound, "outputs": [1]}),
        ]):  # fmt: skip
            (folder / f"20200101T000000.{number:03}-1.json").write_text(content)
        (folder / "20200101T000001.000-1.json").symlink_to(note)
        (folder / "other.json").write_text(json.dumps(sound))
        self.assertEqual([run.id for run in brake.runs(self.cache)], [note.name[:-5]])


class HTMLTests(StoreTest):
    def shown(self, content):
        return brake.open(self.add(content), self.cache)._repr_html_()

    def test_files(self):
        self.assertIn("0 bytes", self.shown(b""))
        hostile = "</pre><script>alert('1')</script>&"
        for content in [hostile, json.dumps({hostile: [hostile]}), f"a,b\n{hostile},{hostile}\n", f"# {hostile}\n{hostile},1\n2,3\n"]:
            shown = self.shown(content.encode())
            self.assertNotIn("<script", shown)
            self.assertIn("&lt;script&gt;", shown)
        table = self.shown(b"# {}\nstep,loss\n" + b"".join(b"%d,5.5\n" % step for step in range(100)))
        self.assertIn("<th style='text-align:left'>loss</th>", table)
        self.assertIn("80 more", table)
        tensors = self.shown(safetensors({f"<{n}>": numpy.ones((2, n)) for n in range(1, 31)}, {"<a>": "<b>"}))
        self.assertIn("<td style='text-align:left'>[2, 5]</td>", tensors)
        self.assertIn("10 more", tensors)
        self.assertNotIn("<b></td>", tensors)
        self.assertIn('[\n  1,\n  {\n    "a": 2\n  }\n]', self.shown(b'[1, {"a": 2}]').replace("&quot;", '"'))
        svg = self.shown(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')
        self.assertIn("data:image/svg+xml;base64,", svg)
        self.assertNotIn("onload", svg)
        self.assertIn("data:image/png;base64,", self.shown(b"\x89PNG\r\n\x1a\n..."))
        self.assertIn("4 bytes", self.shown(b"\xff\xfe\x00\x01"))
        self.assertIn("{&quot;a&quot;:", self.shown(b'{"a":' + b"[" * 5000))
        self.assertLess(len(self.shown(b"x" * 100_000)), 10_000)
        self.assertLess(len(self.shown(b"x,y\n" * 1000 + b"," * 100_000)), 100_000)

    def test_folders_and_what_is_damaged(self):
        (self.folder / "report/<i>").mkdir(parents=True)
        (self.folder / "report/a.txt").write_text("a" * 2000)
        (self.folder / "report/<i>/b").write_text("b")
        name = self.brake("put", self.folder / "report").decode().split()[0]
        shown = brake.open(name, self.cache)._repr_html_()
        self.assertIn("&lt;i&gt;", shown)
        self.assertIn("2.0 KiB", shown)
        content = b"a text that is damaged"
        artefact = brake.open(self.add(content), self.cache)
        path = self.object_path(digest(content))
        spoiled = bytearray(path.read_bytes())
        spoiled[20] ^= 255
        path.chmod(0o644)
        path.write_bytes(spoiled)
        self.assertIn(digest(content), artefact._repr_html_())

    def test_what_is_deep_or_long_takes_neither_memory_nor_stack(self):
        deep = b"[" * 400 + b"1," * 400_000 + b"1" + b"]" * 400
        for content in [deep, b"[" * 500_000 + b"]" * 500_000, b"[" * 900 + b"]" * 900, b"[" + b'{"a":[]},' * 90_000 + b"1]"]:
            tracemalloc.start()
            try:
                shown = self.shown(content)
                self.assertLess(tracemalloc.get_traced_memory()[1], 100 << 20)
            finally:
                tracemalloc.stop()
            self.assertLess(len(shown), 10_000)
            self.assertIn("…", shown)
