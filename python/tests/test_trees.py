"""Folders are saved as they were, and nothing is written elsewhere."""

import json
import os
import stat

import brake
from support import StoreTest


def manifest(*entries):
    names = ("digest", "mode", "name", "size")
    document = {"brake": "tree 1", "entries": [dict(zip(names, entry)) for entry in entries]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class TreeTests(StoreTest):
    def test_a_folder_is_saved_as_it_was(self):
        folder = self.folder / "folder"
        (folder / "sub/empty").mkdir(parents=True)
        (folder / "a b").write_bytes(b"one")
        (folder / 'quote " and \\ and ü').write_bytes(b"two")
        (folder / "sub/run.sh").write_bytes(b"#!/bin/sh\n")
        (folder / "sub/run.sh").chmod(0o755)
        (folder / "none").write_bytes(b"")
        name = self.brake("put", folder).decode().split()[0]
        artefact = brake.open(name, self.cache)
        self.assertEqual((artefact.kind, artefact.size), ("tree", 16))
        self.assertEqual(artefact.bytes(), self.brake("cat", name))
        self.assertEqual(artefact["sub/run.sh"].bytes(), b"#!/bin/sh\n")
        self.assertEqual(list(artefact.entries()), sorted(os.listdir(folder), key=str.encode))
        for path in ["x", "sub/x", "a b/x", "", "/", "../x", "."]:
            with self.assertRaises(brake.BrakeError, msg=path):
                artefact[path]
        saved = artefact.save(self.folder / "saved")
        self.brake("get", name, "-o", self.folder / "by-brake")
        for other in (folder, self.folder / "by-brake"):
            self.assertEqual(self.listing(saved), self.listing(other))
        with self.assertRaisesRegex(brake.BrakeError, "is there already"):
            artefact.save(saved)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [])

    def listing(self, folder):
        found = {}
        for path in sorted(folder.rglob("*")):
            content = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = (stat.S_IMODE(path.stat().st_mode) & 0o111, content)
        return found

    def test_a_file_is_saved_whole_or_not_at_all(self):
        name = self.put(b"some bytes")
        target = self.folder / "target"
        target.write_bytes(b"before")
        brake.open(name, self.cache).save(target)
        self.assertEqual(target.read_bytes(), b"some bytes")
        # A link is replaced, and what it leads to is not written.
        link = self.folder / "link"
        (self.folder / "elsewhere").write_bytes(b"mine")
        link.symlink_to("elsewhere")
        brake.open(name, self.cache).save(link)
        self.assertEqual((self.folder / "elsewhere").read_bytes(), b"mine")
        self.assertFalse(link.is_symlink())
        with self.assertRaisesRegex(brake.BrakeError, "is a folder"):
            brake.open(name, self.cache).save(self.folder)
        with self.assertRaisesRegex(brake.BrakeError, "cannot be written"):
            brake.open(name, self.cache).save(self.folder / "none/file")
        artefact = brake.open(name, self.cache)
        stored = bytearray(self.object_path(name).read_bytes())
        stored[30] ^= 1
        self.place(name, bytes(stored))
        with self.assertRaises(brake.Damaged):
            artefact.save(target)
        self.assertEqual(target.read_bytes(), b"some bytes")

    def test_a_file_that_is_a_manifest_is_a_tree(self):
        inner = self.add(b"x")
        name = self.put(manifest((inner, "644", "a", 1)))
        self.assertEqual(brake.open(name, self.cache).kind, "tree")
        self.assertEqual(self.brake("show", name, "--json").count(b'"tree"'), 1)

    def test_hostile_manifests_are_no_trees(self):
        inner = self.add(b"x")
        good = manifest((inner, "644", "a", 1))
        self.assertEqual(brake.open(self.add(good), self.cache)["a"].bytes(), b"x")
        for content in [
            manifest((inner, "644", "..", 1)), manifest((inner, "644", ".", 1)), manifest((inner, "644", "a/b", 1)),
            manifest((inner, "644", "/etc/x", 1)), manifest((inner, "644", "", 1)), manifest((inner, "644", "a" * 256, 1)),
            manifest((inner, "644", "a\x85b", 1)), manifest((inner, "644", "b", 1), (inner, "644", "a", 1)),
            manifest((inner, "644", "a", 1), (inner, "644", "a", 1)), manifest((inner, "777", "a", 1)),
            manifest((inner[:-1], "644", "a", 1)), manifest((inner, "644", "a", -1)), manifest((inner, "644", "a", 1.0)),
            manifest((inner, "644", "a", True)), manifest((inner, "644", "a", 10**30)), good + b"\n", good[:-1],
            good.replace(b'"a"', b'"\\u0061"'), good.replace(b'"a"', b'"a\\u0000"'), good.replace(b'"a"', b'"\\ud800"'),
            good.replace(b'"size":1', b'"size":1,"more":2'), b'{"brake":"tree 1","entries":[' + b"[" * 100_000,
            b'{"brake":"tree 1","entries":[7]}', b'{"brake":"tree 1","entries":[]}x', b'{"brake":"tree x"}',
        ]:  # fmt: skip
            artefact = brake.open(self.add(content), self.cache)
            self.assertEqual(artefact.kind, "blob")
            self.assertEqual(artefact.bytes(), content)
            with self.assertRaisesRegex(brake.BrakeError, "not the manifest of a tree"):
                artefact.entries()
            outer = brake.open(self.add(manifest((artefact.digest, "tree", "evil", 1))), self.cache)
            with self.assertRaises(brake.BrakeError):
                outer.save(self.folder / "out")
            self.assertFalse((self.folder / "out").exists())
        later = brake.open(self.add(b'{"brake":"tree 2","entries":{}}'), self.cache)
        with self.assertRaisesRegex(brake.BrakeError, "only a newer brake knows"):
            later.kind

    def test_sizes_that_are_wrong_are_refused(self):
        outer = brake.open(self.add(manifest((self.add(b"x"), "644", "a", 2))), self.cache)
        with self.assertRaisesRegex(brake.BrakeError, "a size that it does not have"):
            outer.save(self.folder / "out")

    def test_deep_and_wide_folders_are_refused_before_anything_is_written(self):
        name, mode = self.add(b"x"), "644"
        for _ in range(130):
            name, mode = self.add(manifest((name, mode, "a", 1))), "tree"
        with self.assertRaisesRegex(brake.BrakeError, "more than 128 folders"):
            brake.open(name, self.cache).save(self.folder / "out")
        # Ten folders in each of ten ... of ten folders: few objects, very many files.
        name, mode = self.add(b""), "644"
        for _ in range(20):
            name, mode = self.add(manifest(*((name, mode, str(n), 0) for n in range(10)))), "tree"
        with self.assertRaisesRegex(brake.BrakeError, "more than 10000000 files"):
            brake.open(name, self.cache).save(self.folder / "out")
        self.assertFalse((self.folder / "out").exists())
