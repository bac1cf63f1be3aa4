"""Small results that were committed together, or after many others, stand in a segment."""

import hashlib
import json
import os
import shutil
import struct

import brake
import zstandard
from support import RANDOM, StoreTest, digest, frame, plain_object, without_standing

PIPELINE = """
stages:
  make:
    for: { n: 1..90 }
    run: "echo number ${n} > ${out.x}"
    out: { x: x.txt }
    sandbox: false
"""
SEGMENT = bytes.fromhex("5b2a4d1808000000") + b"brseg\x01\0\0"
BLOB, TREE, RECORD, NOTE = range(4)


def check(content):
    return hashlib.sha256(content).digest()[:8]


def entry(kind, content, key=b""):
    return bytes([kind]) + struct.pack("<I", len(content))[:3] + key + content


def group(content):
    stored = frame(content)
    head = bytes.fromhex("5b2a4d1820000000") + b"group\0\0\0" + struct.pack("<II", len(stored), len(content)) + check(stored)
    return head + check(head) + stored


def seal(groups, entries):
    """Entries are (digest or key, group, start, kind, length)."""
    body = b"".join(struct.pack("<Q", offset) for offset in groups)
    for name, number, start, kind, length in sorted(entries):
        body += name + struct.pack("<III", number, start, kind | length << 8)
    body += struct.pack("<II", len(groups), len(entries))
    body = struct.pack("<II", 0x184D2A5B, len(body) + 16) + body
    return body + check(body) + b"brakeend"


class SegmentTests(StoreTest):
    def test_what_the_binary_has_put_together_is_read(self):
        contents = {self.put(content, "small"): content for content in (f"put {n}\n".encode() * n for n in range(1, 41))}
        small = json.loads(self.brake("repack", "--small", "--json"))["small"]
        self.assertEqual((small["objects"], small["records"], small["files"]), (40, 0, 1))
        self.assertEqual([path for path in (self.cache / "objects").rglob("*") if path.is_file()], [])
        for name, content in contents.items():
            self.assertEqual(brake.open(name, brake.Store(self.cache)).bytes(), content)

    def make(self):
        """The path of a segment that the binary has written; everything else is removed, and `self.numbers` is in it."""
        self.run_pipeline(PIPELINE)
        (path,) = [path for path in (self.cache / "segments").iterdir() if path.name != "replaced"]
        for folder in ("objects", "actions", "index"):
            shutil.rmtree(self.cache / folder, ignore_errors=True)
        held = {each["digest"] for each in json.loads(self.brake("ls", "--json"))}
        numbers = {n: f"number {n}\n".encode() for n in range(1, 91)}
        self.numbers = {n: content for n, content in numbers.items() if digest(content) in held}
        self.assertGreater(len(self.numbers), 16)
        return path

    def write(self, path, content):
        path.unlink()
        path.write_bytes(content)

    def own(self, content, name="0" * 32):
        """A store with one segment."""
        (self.cache / "segments").mkdir(parents=True, exist_ok=True)
        (self.cache / "format").write_bytes(b"brake store 2\n")
        (self.cache / "segments" / name).write_bytes(content)

    def test_a_sealed_segment_is_read(self):
        path = self.make()
        store = brake.Store(self.cache)
        for n, content in self.numbers.items():
            self.assertEqual(brake.open(digest(content), store).bytes(), content)
            self.assertEqual(brake.open(f"make[{n}]", store).bytes(), content)
            self.assertEqual(brake.open(digest(content)[:17], store).bytes(), content)
        self.assertEqual(path.read_bytes()[-8:], b"brakeend")

    def test_without_its_seal_it_is_read_as_far_as_it_goes(self):
        path = self.make()
        sealed = path.read_bytes()
        groups, entries = struct.unpack_from("<II", sealed, len(sealed) - 24)
        end = len(sealed) - 8 - 8 * groups - 44 * entries - 24
        self.write(path, sealed[:end])
        for n, content in self.numbers.items():
            self.assertEqual(brake.open(f"make[{n}].x", self.cache).bytes(), content)
        offsets = struct.unpack_from(f"<{groups}Q", sealed, end + 8)
        self.assertGreaterEqual(groups, 2)
        found = []
        for length in [*range(0, 40, 3), *offsets[:3], *(offset + 50 for offset in offsets[:3]), offsets[-1] + 50, end - 1]:
            self.write(path, sealed[:length])
            found.append(self.readable(step=1))
        self.assertEqual(found[0], 0)
        self.assertGreater(found[-2], 15)

    def readable(self, step=7):
        """How many of the numbers, or of every seventh, can be read; none gives anything but its bytes or a BrakeError."""
        count = 0
        store = brake.Store(self.cache)
        for content in list(self.numbers.values())[::step]:
            try:
                self.assertEqual(brake.open(digest(content), store).bytes(), content)
                count += 1
            except brake.BrakeError:
                pass
        for record in store.records():
            self.assertRegex(record.stage, r"^make\[\d+\]$")
        return count

    def test_every_damage_is_noticed(self):
        path = self.make()
        sealed = path.read_bytes()
        for place in [*range(0, 120), *range(120, len(sealed), len(sealed) // 100), *range(len(sealed) - 60, len(sealed))]:
            changed = bytearray(sealed)
            changed[place] ^= 1 << place % 8
            self.write(path, bytes(changed))
            self.readable()
        for length in range(0, len(sealed), len(sealed) // 50):
            self.write(path, sealed[:length])
            self.readable()

    def test_fuzz(self):
        path = self.make()
        sealed = path.read_bytes()
        for _ in range(80):
            changed = bytearray(sealed)
            start, length = int(RANDOM.integers(0, len(changed))), int(RANDOM.integers(1, 60))
            if RANDOM.integers(2):
                changed[start : start + length] = RANDOM.bytes(length)
            else:
                del changed[start : start + length]
            self.write(path, bytes(changed))
            self.readable()

    def test_what_is_added_is_seen(self):
        first, second = group(entry(BLOB, b"one")), group(entry(BLOB, b"two"))
        self.own(SEGMENT + first)
        store = brake.Store(self.cache)
        self.assertEqual(brake.open(digest(b"one"), store).bytes(), b"one")
        with self.assertRaises(brake.NotFound):
            brake.open(digest(b"two"), store)
        self.own(SEGMENT + first + second)
        self.assertEqual(brake.open(digest(b"two"), store).bytes(), b"two")

    def sealed(self, *contents):
        """A segment with a seal."""
        body, entries = b"", []
        for content in contents:
            entries.append((bytes.fromhex(digest(content)[7:]), 0, len(body) + 4, BLOB, len(content)))
            body += entry(BLOB, content)
        return SEGMENT + group(body) + seal([len(SEGMENT)], entries)

    def test_what_was_set_aside_is_read_and_not_listed(self):
        self.own(self.sealed(b"one", b"two"))
        self.own(SEGMENT + group(entry(BLOB, b"three")), "1" * 32)
        store = brake.Store(self.cache)
        self.assertEqual(brake.open(digest(b"one"), store).bytes(), b"one")
        (self.cache / "aside").mkdir()
        (self.cache / "segments").rename(self.cache / "aside/segments")
        for each in (store, brake.Store(self.cache)):
            for content in (b"one", b"two", b"three"):
                self.assertEqual(brake.open(digest(content), each).bytes(), content)
            with self.assertRaises(brake.NotFound):
                brake.open(digest(b"one")[:20], each)

    def test_what_a_collection_sets_aside_is_read_as_the_binary_reads_it(self):
        contents = [f"put {n}\n".encode() * n for n in range(1, 41)]
        for content in contents:
            self.put(content, "small")
        self.brake("repack", "--small")
        for path in (self.cache / "segments").iterdir():
            os.utime(path, (1, 1))
        self.brake("gc")
        self.assertEqual(len(list((self.cache / "aside/segments").iterdir())), 1)
        for content in contents:
            self.assertEqual(brake.open(digest(content), self.cache).bytes(), content)

    def test_a_segment_that_goes_while_it_is_looked_at_is_looked_for_again(self):
        old, new = (self.cache / "segments" / (digit * 32) for digit in "01")
        # Before its end is read, and after its seal is known.
        for known in (False, True):
            new.unlink(missing_ok=True)
            self.own(self.sealed(b"one", b"two"))
            store = brake.Store(self.cache)
            if known:
                self.assertEqual(brake.open(digest(b"two"), store).bytes(), b"two")
            open = store._folder.open

            def lose(path, open=open):
                if path.startswith("segments/") and old.exists():
                    old.rename(new)
                return open(path)

            store._folder.open = lose
            self.assertEqual(brake.open(digest(b"one"), store).bytes(), b"one")

    def test_what_is_sound_behind_damage_is_read(self):
        contents = [b"one", b"two", b"three"]
        groups = [group(entry(BLOB, content)) for content in contents]
        whole = SEGMENT + b"".join(groups)
        second = len(SEGMENT) + len(groups[0])
        # In a frame, in a head, and in the header.
        for place, left in [(second + 45, [0, 2]), (second + 20, [0, 2]), (9, [0, 1, 2])]:
            changed = bytearray(whole)
            changed[place] ^= 1
            self.own(bytes(changed))
            store = brake.Store(self.cache)
            for number in left:
                self.assertEqual(brake.open(digest(contents[number]), store).bytes(), contents[number])
            # What was damage is read once it is there.
            self.own(whole + group(entry(BLOB, b"four")))
            for content in [*contents, b"four"]:
                self.assertEqual(brake.open(digest(content), store).bytes(), content)

    def test_a_file_counts_before_an_entry_and_makes_it_good(self):
        content = b"the bytes"
        name = bytes.fromhex(digest(content)[7:])
        groups = group(entry(BLOB, b"other one"))
        self.own(SEGMENT + groups + seal([16], [(name, 0, 4, BLOB, len(content))]))
        with self.assertRaisesRegex(brake.Damaged, "holds other bytes"):
            brake.open(digest(content), self.cache).bytes()
        self.place(digest(content), plain_object(content))
        self.assertEqual(brake.open(digest(content), self.cache).bytes(), content)
        # And an entry makes a damaged file good.
        self.own(SEGMENT + group(entry(BLOB, content)))
        self.place(digest(content), b"no object")
        self.assertEqual(brake.open(digest(content), self.cache).bytes(), content)

    def test_seals_that_lead_nowhere_are_damage(self):
        content = b"the bytes"
        name = bytes.fromhex(digest(content)[7:])
        groups = group(entry(BLOB, content))
        for offset, entries in [
            (16, [(name, 0, 4, BLOB, 5000)]), (16, [(name, 0, 1 << 31, BLOB, 9)]), (16, [(name, 7, 4, BLOB, 9)]),
            (17, [(name, 0, 4, BLOB, 9)]), (1 << 60, [(name, 0, 4, BLOB, 9)]), (0, [(name, 0, 4, BLOB, 9)]),
            (16, [(name, 0, 4, 77, 9)]), (16, [(name, 0, 4, RECORD, 9)]),
        ]:  # fmt: skip
            self.own(SEGMENT + groups + seal([offset], entries))
            with self.assertRaises(brake.BrakeError):
                brake.open(digest(content), self.cache).bytes()
            with self.assertRaises(brake.BrakeError):
                brake.open("make", self.cache)

    def test_foreign_and_malformed_segments_are_passed_over(self):
        content = b"the bytes"
        good = SEGMENT + group(entry(BLOB, content))
        self.own(good, "f" * 32)
        later = bytearray(good)
        later[13] = 2
        bomb = zstandard.ZstdCompressor(write_checksum=True).compress(bytes(1 << 26))
        head = bytes.fromhex("5b2a4d1820000000") + b"group\0\0\0" + struct.pack("<II", len(bomb), 1 << 20) + check(bomb)
        for other in [
            b"", b"x", bytes(later), SEGMENT, SEGMENT + head + check(head) + bomb, SEGMENT + group(entry(9, b"x")),
            SEGMENT + group(b"\0\xff\xff\xff"), SEGMENT + group(b"\2"), SEGMENT + b"brakeend" * 9, b"brakeend" * 9,
            SEGMENT + group(entry(BLOB, b"x")) + struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF) + bytes(8) + b"brakeend",
        ]:  # fmt: skip
            self.own(other)
            self.assertEqual(brake.open(digest(content), self.cache).bytes(), content)
        (self.cache / "segments" / ("0" * 32)).unlink()
        (self.cache / "segments" / ("0" * 32)).symlink_to("f" * 32)
        with self.assertRaisesRegex(brake.BrakeError, "is a link"):
            brake.open(digest(b"elsewhere"), self.cache)

    def test_a_record_that_is_made_anew_counts(self):
        self.run_pipeline(PIPELINE.replace("echo number", "date +%N; date +%N; echo number ${n} $$; echo"))
        store = brake.Store(self.cache)
        before = {record.stage: record for record in store.records()}
        self.brake("run", "-B")
        after = {record.stage: record for record in brake.Store(self.cache).records()}
        self.assertEqual({stage: record.key for stage, record in before.items()},
                         {stage: record.key for stage, record in after.items()})  # fmt: skip
        for n in range(1, 90, 11):
            self.assertEqual(brake.open(f"make[{n}].x", self.cache).bytes(), self.brake("cat", f"make[{n}].x"))

    def test_notes_are_found(self):
        self.make()
        stage = f"make[{min(self.numbers)}]"
        artefact = brake.open(stage, self.cache)
        said = without_standing(json.loads(self.brake("provenance", "--json", stage)))
        self.assertEqual(artefact.provenance(), said)
        (maker,) = artefact.provenance()["made_by"].values()
        # What a command took is there where it was measured.
        measured = {"cpu_seconds", "peak_memory"}
        self.assertEqual(set(maker["made"]) - measured, {"finished", "host", "pipeline", "seconds", "version"})
