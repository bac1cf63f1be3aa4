"""By digest, key, reference, stage and the pasted line; and where artefacts come from."""

import hashlib
import json
import os
import unittest.mock

import brake
from support import StoreTest, digest, without_standing

PIPELINE = """
params: { word: one }
stages:
  shout:
    for: { size: [47k, 188k], seed: 1..2 }
    run: |
      echo "${word} ${size} ${seed} $(cat ${in.text})" > ${out.loud}
      echo "log ${size}" > ${out.quiet}
    in: { text: words.txt }
    out: { loud: loud.txt, quiet: quiet.txt }
    sandbox: false
  collect:
    run: |
      cat ${in.them} > ${out.all}
      mkdir -p ${out.parts} && echo 1 > ${out.parts}/a.txt && echo 2 > ${out.parts}/b.txt
    in: { them: "shout[*].loud" }
    out: { all: all.txt, parts: parts/ }
    sandbox: false
"""


class NameTests(StoreTest):
    def setUp(self):
        super().setUp()
        (self.folder / "words.txt").write_text("words\n")
        self.run_pipeline(PIPELINE)

    def test_stages_are_found(self):
        for name in ["shout[47k,1].loud", "shout[188k,2].quiet", "collect.all", "collect.parts[a]", "collect.parts[b]"]:
            self.assertEqual(brake.open(name, self.cache).bytes(), self.brake("cat", name))
        self.assertEqual(brake.open("shout[47k,*].quiet", self.cache).bytes(), b"log 47k\n")
        self.assertEqual(brake.open("shout[ 47k , 1 ].loud", self.cache).bytes(), self.brake("cat", "shout[47k,1].loud"))
        for name in ["shout[47k].loud", "shout[9k,1].loud", "shout[47k,1].none", "nothing", "collect.parts[c]", "a/b", "", "[", ".", "a\0b", "\ud800", "x" * 5000, "\x1b[2J"]:
            with self.assertRaises(brake.NotFound, msg=name):
                brake.open(name, self.cache)

    def test_several_artefacts_are_listed(self):
        with self.assertRaisesRegex(brake.Ambiguous, "shout.*\n.*sha256:") as caught:
            brake.open("shout.loud", self.cache)
        self.assertEqual(len(caught.exception.candidates), 4)
        self.assertRegex(str(caught.exception), r"of the action [0-9a-f]{12}, 20\d\d-")
        self.assertTrue(all(brake.open(name, self.cache).size for name in caught.exception.candidates.values()))
        self.brake("run", "word=two")
        with self.assertRaises(brake.Ambiguous):
            brake.open("shout[47k,1].loud", self.cache)
        # Both variants made the same bytes.
        self.assertEqual(brake.open("shout[47k,1].quiet", self.cache).bytes(), b"log 47k\n")

    def test_digits_are_found(self):
        whole = brake.open("collect.all", self.cache)
        for count in (8, 12, 63, 64):
            self.assertEqual(brake.open(whole.digest[: 7 + count], self.cache), whole)
            self.assertEqual(brake.open(whole.digest[7 : 7 + count], self.cache), whole)
        key = brake.open("collect.all", self.cache).provenance()["made_by"][whole.digest]["action"][7:]
        self.assertEqual(brake.open(f"{key[:8]}.all", self.cache), whole)
        self.assertEqual(brake.open(f"{key}.parts[a]", self.cache).bytes(), b"1\n")
        for name in ["sha256:" + key[:12], "sha256:" + whole.digest[7:14], "0" * 64, "sha256:" + "0" * 64, f"{key[:12]}.none"]:
            with self.assertRaises(brake.NotFound, msg=name):
                brake.open(name, self.cache)

    def test_references_are_found(self):
        self.brake("ref", "best/one", "collect.all")
        self.assertEqual(brake.open("@best/one", self.cache), brake.open("best/one", self.cache))
        self.assertEqual(brake.open("@best/one", self.cache).bytes(), self.brake("cat", "@best/one"))
        for name in ["@none", "@", "@../format", "@/etc/passwd", "@best", "@a//b", "@.", "@x\n"]:
            with self.assertRaises(brake.BrakeError, msg=name):
                brake.open(name, self.cache)
        (self.cache / "refs/bad").write_text("no digest\n")
        with self.assertRaises(brake.Damaged):
            brake.open("@bad", self.cache)
        (self.cache / "refs/link").symlink_to("best/one")
        with self.assertRaisesRegex(brake.BrakeError, "is a link"):
            brake.open("@link", self.cache)

    def test_the_store_is_found_as_the_binary_finds_it(self):
        before, folder = os.environ.pop("BRAKE_STORE", None), os.getcwd()
        try:
            os.chdir(self.folder)
            self.assertEqual(brake.open("collect.parts[a]").bytes(), b"1\n")
            os.environ["BRAKE_STORE"] = str(self.folder / "none")
            with self.assertRaises(brake.NotFound):
                brake.open("collect.all")
            os.chdir("/")
            os.environ["BRAKE_STORE"] = str(self.cache)
            self.assertEqual(brake.open("collect.parts[a]").bytes(), b"1\n")
        finally:
            os.chdir(folder)
            os.environ.pop("BRAKE_STORE")
            if before is not None:
                os.environ["BRAKE_STORE"] = before

    def test_a_pasted_line_names_another_store(self):
        name = digest(b"1\n")
        self.assertEqual(brake.open(f"{name}?from={self.cache}", self.folder / "cache").bytes(), b"1\n")
        other = self.folder / "other store"
        other.mkdir()
        (other / "format").write_bytes(b"brake store 1\n")
        with self.assertRaises(brake.NotFound):
            brake.open(name, other)
        self.assertEqual(brake.open(f"{name}?from={self.cache}&more=1", other).bytes(), b"1\n")
        moved = self.folder / "a #store"
        self.cache.rename(moved)
        self.assertEqual(brake.open(f"{name}?from={self.folder}/a%20%23store").bytes(), b"1\n")
        for line in [f"collect?from={moved}", f"{name[:20]}?from={moved}", f"{name}?from=relative", f"{name}?from=file:///etc",
                     f"{name}?from=ssh://host/x", f"{name}?from=/a&from=/b", f"{name}?from=", f"{name}?from={other}"]:  # fmt: skip
            with self.assertRaises(brake.BrakeError, msg=line):
                brake.open(line)

    def test_provenance_is_what_the_binary_says(self):
        for name in ["collect.all", "collect.parts[a]", "shout[47k,1].loud", digest(b"words\n")]:
            said = without_standing(json.loads(self.brake("provenance", "--json", name)))
            self.assertEqual(brake.open(name, self.cache).provenance(), said)
        made = brake.open("collect.all", self.cache).provenance()["made_by"]
        self.assertEqual(len(made), 5)
        self.assertEqual(made[brake.open("shout[47k,1].loud", self.cache).digest]["inputs"][0]["source"], "words.txt")

    def test_provenance_goes_through_the_image_that_an_action_ran_in(self):
        image = brake.open("shout[188k,2].quiet", self.cache).digest
        (path,) = [path for path in self.records() if b'"stage":"shout[47k,1]"' in path.read_bytes()]
        sound = path.read_bytes()
        body = sound[:-74].replace(b',"sources":', b',"ran_in":"%s","sources":' % image.encode(), 1)
        self.change(path, body + b',"sum":"%s"}' % hashlib.sha256(body).hexdigest().encode())
        self.assertEqual(brake.Store(self.cache).record(path.parent.name + path.name).ran_in, image)
        name = brake.open("shout[47k,1].loud", self.cache)
        said = without_standing(json.loads(self.brake("provenance", "--json", name.digest)))
        self.assertEqual(name.provenance(), said)
        self.assertEqual([each["stage"] for each in said["made_by"].values() if each["inputs"][-1]["name"] == "container.image"], ["shout[47k,1]"])
        self.assertIn(image, said["made_by"])

    # Records

    def records(self):
        paths = [path for path in (self.cache / "actions").glob("*/*")]
        self.assertEqual(len(paths), 5)
        return paths

    def change(self, path, changed):
        path.unlink()
        path.write_bytes(changed)

    def test_every_damage_of_a_record_is_noticed(self):
        for path in self.records()[:1]:
            sound = path.read_bytes()
            key = path.parent.name + path.name
            for place in range(len(sound)):
                changed = bytearray(sound)
                changed[place] ^= 1 << place % 7
                self.change(path, bytes(changed))
                with self.assertRaises(brake.BrakeError):
                    brake.Store(self.cache).record(key)
            for length in range(len(sound)):
                self.change(path, sound[:length])
                with self.assertRaises(brake.BrakeError):
                    brake.Store(self.cache).record(key)
            self.assertEqual(len(list(brake.Store(self.cache).records())), 4)

    def test_a_record_that_cannot_be_read_is_not_passed_over(self):
        self.assertTrue(self.records())
        store = brake.Store(self.cache)
        with unittest.mock.patch.object(os, "pread", side_effect=OSError(5, "Input/output error")):
            with self.assertRaises(brake.BrakeError):
                list(store.records())

    def test_records_with_other_content_are_not_believed(self):
        path = self.records()[0]
        sound = path.read_bytes()
        key = path.parent.name + path.name
        for old, new, message in [
            (b'"name":"', b'"name":"../', "an output is called"), (b'"stage":"', b'"stage":"\\u001b', "control character"),
            (b'"size":', b'"size":-', "output is malformed"), (b'"kind":"blob"', b'"kind":"fifo"', "output is malformed"),
            (b'"size":', b'"size":' + b"9" * 5000, "too many digits"), (b'"sources":', b'"sources":[],"x":', "malformed"),
            (b'"outputs":', b'"outputs":' + b"[" * 100_000 + b"]" * 100_000 + b',"x":', "nested too deeply"),
            (b'"manifest":{', b'"manifest":{"a":1,', "another action"), (b'"manifest":{', b'"manifest":{"a":1,"a":2,', "twice"),
            (b'"record 1"', b'"record 2"', "newer brake"), (b'"outputs":[', b'"outputs":[7,', "not believed"),
            (b'"name":"', b'"name":"\\ud800', "no Unicode"), (b'"log":', b'"log":7,"x":', "does not start"),
            (b'"size":', b'"size":NaN,"x":', "no number"), (b"shout", b"sho\xff\xfe", "not believed"),
        ]:  # fmt: skip
            if old not in sound:
                old = old.replace(b"shout", b"collect")
            body = sound[:-74].replace(old, new, 1)
            self.assertNotEqual(body, sound[:-74])
            self.change(path, body + b',"sum":"%s"}' % hashlib.sha256(body).hexdigest().encode())
            with self.assertRaisesRegex(brake.BrakeError, message):
                brake.Store(self.cache).record(key)
            self.assertEqual(len(list(brake.Store(self.cache).records())), 4)
        self.change(path, sound)
        other = self.cache / "actions" / path.parent.name / ("0" * 62)
        other.write_bytes(sound)
        with self.assertRaisesRegex(brake.Damaged, "another action"):
            brake.Store(self.cache).record(path.parent.name + "0" * 62)
