"""Whatever stands where an object belongs: the right bytes come out of it, or a BrakeError does."""

import os
import struct
import tracemalloc
from unittest import mock

import brake
import numpy
import zstandard
from support import HEADER, RANDOM, StoreTest, digest, frame, object_file, plain_object, safetensors


class DamageTests(StoreTest):
    def read(self, name):
        """The bytes, or None if there is a BrakeError; anything else fails the test."""
        try:
            artefact = brake.open(name, self.cache)
            content = artefact.bytes()
            self.assertEqual(digest(content), name)
            self.assertIn(artefact.kind, ("blob", "tree"))
            return content
        except brake.BrakeError as error:
            self.assertRegex(str(error), r"^\S.+\S$")
            return None

    def refuses(self, name, content, message, kind=brake.BrakeError):
        self.place(name, content)
        with self.assertRaisesRegex(kind, message):
            brake.open(name, self.cache).bytes()

    def test_every_flipped_byte_is_noticed(self):
        for content in [b"a small object, not worth compressing", b"", bytes(3000)]:
            name = self.put(content)
            stored = self.object_path(name).read_bytes()
            for place in range(len(stored)):
                for bit in (1, 128):
                    changed = bytearray(stored)
                    changed[place] ^= bit
                    self.place(name, bytes(changed))
                    self.assertIn(self.read(name), (None, content), place)

    def test_every_flipped_byte_of_planes_is_noticed(self):
        content = safetensors({"w": RANDOM.normal(0, 1, 1000).astype("f4"), "i": RANDOM.integers(0, 9, 500, "i8")})
        name = self.put(content)
        stored = self.object_path(name).read_bytes()
        for place in range(0, len(stored), 7):
            changed = bytearray(stored)
            changed[place] ^= 1 << place % 8
            self.place(name, bytes(changed))
            self.assertIn(self.read(name), (None, content), place)

    def test_every_end_that_is_missing_is_noticed(self):
        content = RANDOM.bytes(200)
        name = self.put(content)
        stored = self.object_path(name).read_bytes()
        for length in range(len(stored)):
            self.place(name, stored[:length])
            self.assertIsNone(self.read(name))
        self.refuses(name, stored + b"x", "cut short, or something follows", brake.Damaged)

    def test_fuzz(self):
        content = safetensors({"w": RANDOM.normal(0, 1, 400_000).astype("f2"), "t": RANDOM.integers(0, 9, 9, "u1")})
        name = self.put(content)
        stored = self.object_path(name).read_bytes()
        for _ in range(300):
            changed = bytearray(stored)
            for _ in range(RANDOM.integers(1, 4)):
                start = int(RANDOM.integers(0, len(changed)))
                start = len(changed) - 1 - start % 200 if RANDOM.integers(2) else start
                length = int(RANDOM.integers(1, 40))
                kind = RANDOM.integers(4)
                if kind == 0:
                    changed[start : start + length] = RANDOM.bytes(length)
                elif kind == 1:
                    del changed[start : start + length]
                elif kind == 2:
                    changed[start:start] = RANDOM.bytes(length)
                else:
                    changed[start : start + 4] = struct.pack("<I", int(RANDOM.choice([0, 1, 0xFFFFFFFF, 1 << 31, 1 << 20])))
            self.place(name, bytes(changed))
            self.assertIn(self.read(name), (None, content))
            try:
                for tensor in brake.open(name, self.cache).tensors().values():
                    tensor.numpy()
            except brake.BrakeError:
                pass

    def test_a_damaged_object_says_where_it_is(self):
        name = self.put(b"some bytes")
        self.refuses(name, plain_object(b"other bytes"), "holds another object", brake.Damaged)
        lying = object_file(name, [(11, frame(b"other bytes"), 0, 1)])
        self.refuses(name, lying, f"kept as {name} have the digest {digest(b'other bytes')}", brake.Damaged)
        self.refuses(name, b"", str(self.object_path(name)), brake.Damaged)

    def test_what_the_format_does_not_allow_is_refused(self):
        content = b"abcdefgh"
        name, one = digest(content), frame(content)
        good = [(8, one, 0, 1)]
        self.place(name, object_file(name, good))
        self.assertEqual(self.read(name), content)
        for message, file in {
            "chunk table does not add up": object_file(name, good, size=9),
            "newer brake": object_file(name, good, version=3),
            "newer brake ": object_file(name, good, version=2),
            "version 1 of the format, was written by a newer": object_file(name, good, extension=b"more"),
            "footer is malformed": object_file(name, good, kind=2),
            "footer is malformed ": object_file(name, good, zero=b"\0\0\0\0\0\1"),
            "codec 7": object_file(name, [(8, one, 7, 1)]),
            "chunk table is malformed     ": object_file(name, [(8, one, 3, 1)]),
            "chunk table is malformed": object_file(name, [(8, one, 0, 2)]),
            "chunk table is malformed ": object_file(name, [(8, one, 1, 1)]),
            "chunk table is malformed  ": object_file(name, [(8, one, 1, 3)]),
            "chunk table is malformed   ": object_file(name, [(7, one, 1, 2)]),
            "chunk table is malformed    ": object_file(name, [(0, one, 0, 1)]),
            "does not consist of 2 zstd frames": object_file(name, [(8, one, 1, 2)]),
            "something follows its last frame": object_file(name, [(8, one + one, 0, 1)]),
            "does not consist of 1 zstd frames": object_file(name, [(8, b"\x50\x2a\x4d\x18\0\0\0\0", 0, 1)]),
            "larger than the file": object_file(name, good, count=0xFFFFFFFF),
            "no checksum": object_file(name, [(8, zstandard.ZstdCompressor().compress(content), 0, 1)]),
            "a newer brake": object_file(name, good).replace(HEADER, HEADER[:13] + b"\x03\0\0"),
        }.items():
            self.refuses(name, file, message.strip())

    def test_frames_that_claim_or_hold_more_are_not_unpacked(self):
        name = digest(b"x")
        bomb = frame(bytes(1 << 28))
        lies = bytearray(frame(bytes(1 << 18)))
        # The size of the content in the header of the frame: four bytes behind magic and descriptor.
        self.assertEqual(lies[4] >> 5, 0b101)
        lies[5:9] = struct.pack("<I", 1 << 10)
        tracemalloc.start()
        self.refuses(name, object_file(name, [(1 << 20, bomb, 0, 1)]), "another length", brake.Damaged)
        self.refuses(name, object_file(name, [(1 << 10, bytes(lies), 0, 1)]), "chunk 0", brake.Damaged)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 8 << 20)

    def test_more_than_any_memory_is_not_read_into_it(self):
        name = self.put(bytes(3 << 20))
        artefact = brake.open(name, self.cache)
        with mock.patch("os.sysconf", return_value=1 << 10):
            for read in (artefact.bytes, artefact.numpy, artefact.json):
                with self.assertRaisesRegex(brake.BrakeError, "no memory for 3145728 bytes"):
                    read()
            artefact.save(self.folder / "saved")

    def test_a_huge_file_of_holes_is_refused_at_once(self):
        name = self.put(b"some bytes")
        stored = self.object_path(name).read_bytes()
        self.place(name, b"")
        tail = bytearray(stored[-72:])
        tail[40:44] = struct.pack("<I", (1 << 30) // 16)
        with open(self.object_path(name), "r+b") as file:
            file.write(HEADER)
            file.seek(1 << 31)
            file.write(tail)
        with self.assertRaisesRegex(brake.BrakeError, "has a chunk table of"):
            brake.open(name, self.cache)

    def test_what_is_no_file_is_not_opened(self):
        name = self.put(b"some bytes")
        path = self.object_path(name)
        elsewhere = self.folder / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        with self.assertRaisesRegex(brake.BrakeError, "is a link"):
            brake.open(name, self.cache)
        path.unlink()
        os.mkfifo(path)
        with self.assertRaisesRegex(brake.BrakeError, "no regular file"):
            brake.open(name, self.cache)
        path.unlink()
        path.mkdir()
        with self.assertRaisesRegex(brake.BrakeError, "no regular file"):
            brake.open(name, self.cache)
        path.rmdir()
        path.parent.rename(self.folder / "shelf")
        path.parent.symlink_to(self.folder / "shelf")
        with self.assertRaisesRegex(brake.BrakeError, "is a link"):
            brake.open(name, self.cache)

    def test_what_is_no_store_is_refused(self):
        with self.assertRaisesRegex(brake.NotFound, "there is no store in"):
            brake.Store(self.folder)
        name = self.put(b"some bytes")
        (self.cache / "format").write_bytes(b"brake store 9\n")
        with self.assertRaisesRegex(brake.BrakeError, "newer brake"):
            brake.open(name, self.cache)

    def test_a_tensor_beside_a_damaged_one_is_read(self):
        tensors = {"a": RANDOM.normal(0, 1, (1000, 500)).astype("f4"), "b": RANDOM.normal(0, 1, (1000, 500)).astype("f4")}
        name = self.put(safetensors(tensors))
        stored = bytearray(self.object_path(name).read_bytes())
        stored[1000] ^= 1
        self.place(name, bytes(stored))
        artefact = brake.open(name, self.cache)
        numpy.testing.assert_array_equal(artefact.tensor("b").numpy(), tensors["b"])
        with self.assertRaisesRegex(brake.Damaged, "chunk [01] of "):
            artefact.tensor("a").numpy()
        with self.assertRaises(brake.Damaged):
            artefact.numpy()
