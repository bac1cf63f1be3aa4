"""Objects that are stored as differences from others, as the binary writes them and as nobody would."""

import ctypes
import json
import platform
import struct
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import brake
import numpy
from brake import frames, objects
from support import (
    RANDOM, StoreTest, difference_file, differences, digest, frame, object_file, plain_object, predicted_moments, safetensors,
)  # fmt: skip

PIPELINE = """
stages:
  text: { op: text.synthesise, with: { size: 100000 } }
  corpus: { op: text.corpus, in: { texts: text.text } }
  tokens: { op: text.tokenise, in: { text: corpus.documents } }
  train: { op: lm.train, in: { train: tokens.train }, with: { model: 47k, steps: 8, batch: 2, checkpoints: 1 } }
"""


class DeltaTests(StoreTest):
    def lost(self, name, message, store=None):
        with self.assertRaisesRegex(brake.Damaged, message):
            brake.open(name, store or self.cache).bytes()

    def test_checkpoints_that_the_binary_has_repacked_are_read(self):
        self.run_pipeline(PIPELINE, "train")
        names = [f"train.{output}[{step}]" for output in ("checkpoints", "states") for step in range(1, 9)]
        before = {name: brake.open(name, self.cache).bytes() for name in names}
        tensors = {name: brake.open(name, self.cache).numpy() for name in names}
        changes = json.loads(self.brake("repack", "--json", "--depth", "4"))["objects"]
        # Of eight in a row, the first and the sixth stand for themselves.
        self.assertEqual(sum(change["base"] is not None for change in changes if change["logical_bytes"] < 300_000), 6)
        self.assertGreater(len(changes), 9)
        self.assertEqual((self.cache / "format").read_bytes(), b"brake store 3\n")
        # The second moments of states, which are one update apart, are predicted.
        self.assertIn("second moments", self.brake("show", "train.states[2]").decode())
        for change in changes:
            self.assertLess(change["stored_bytes"], change["stored_bytes_before"])
        for name in names:
            artefact = brake.open(name, self.cache)
            self.assertEqual(artefact.bytes(), before[name])
            for tensor, array in artefact.tensors().items():
                numpy.testing.assert_array_equal(array.numpy(), tensors[name][tensor])
        rows = brake.open(f"{names[4]}#model.embed_tokens.weight", self.cache).tensor()[3:7]
        numpy.testing.assert_array_equal(rows, tensors[names[4]]["model.embed_tokens.weight"][3:7])
        handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}), directory=self.cache)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
            threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
            try:
                url = f"http://127.0.0.1:{http.server_port}"
                for change in changes:
                    name = change["digest"]
                    self.assertEqual(digest(brake.open(name, url).bytes()), name)
            finally:
                http.shutdown()
        self.brake("repack", "--undo")
        for name in names:
            self.assertEqual(brake.open(name, self.cache).bytes(), before[name])

    def test_every_width_and_any_bits_are_read_by_the_formula_and_by_the_binary(self):
        # Places in the base are those of bytes, and need not be a multiple of the width.
        base = RANDOM.bytes(3_000_000) + bytes(1000)
        self.place(digest(base), plain_object_in_chunks(base))
        for codec in (3, 4):
            for width in (1, 2, 4, 8):
                content = (RANDOM.bytes(8 * 250) + bytes(80) + b"\xff" * 80) * 2
                half = len(content) // 2
                chunks = [
                    (half, differences(content[:half], base[77:], width, codec == 3), codec, width, 77),
                    # Across a border of two of the base's chunks.
                    (half, differences(content[half:], base[(1 << 20) - 1000 :], width, codec == 3), codec, width, (1 << 20) - 1000),
                ]
                name = digest(content)
                self.place(name, difference_file(name, digest(base), chunks))
                self.assertEqual(brake.open(name, self.cache).bytes(), content)
                self.assertEqual(self.brake("cat", name), content)
                (reader,) = brake.Store(self.cache).readers(name[7:])
                self.assertEqual(reader.array(half - 9, half + 30).tobytes(), content[half - 9 : half + 30])

    def moments(self, count):
        """An object with second moments, as the binary does not write it: the base's bytes, its own, its chunks."""
        special = numpy.array([0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1e-45, 1e-38, 3e38], "f4")
        before, second, now, then = (
            numpy.where(RANDOM.random(count) < 0.1, RANDOM.choice(special, count), RANDOM.normal(0, scale, count)).astype("f4")
            for scale in (1e-3, 1e-6, 1e-3, 1e-6)
        )
        rates = numpy.array([0.9, 0.1, 0.95, 0.05], "<f4")
        guess = predicted_moments(rates, now, before, second)
        base, content = before.tobytes() + second.tobytes(), now.tobytes() + then.tobytes()
        size = 4 * count
        chunks = [
            (size, differences(content[:size], base[:size], 4, True), 3, 4, 0),
            (size, frame(rates.tobytes()) + differences(content[size:], guess.tobytes(), 4, True), 5, 4, size, 0),
        ]
        return base, content, chunks

    def test_second_moments_are_read_by_the_formula_and_by_the_binary(self):
        base, content, chunks = self.moments(5000)
        name, other = digest(content), digest(base)
        self.place(other, plain_object(base))
        self.place(name, difference_file(name, other, chunks))
        self.assertEqual(brake.open(name, self.cache).bytes(), content)
        self.assertEqual(self.brake("cat", name), content)
        (reader,) = brake.Store(self.cache).readers(name[7:])
        self.assertEqual(reader.array(25_000, 30_001).tobytes(), content[25_000:30_001])

    def test_second_moments_that_have_no_first_ones_are_refused(self):
        base, content, (first, second) = self.moments(5000)
        name, other = digest(content), digest(base)
        self.place(other, plain_object(base))
        plain = (20_000, frame(content[:20_000]), 0, 1, 0)
        planes = b"".join(frames.split(memoryview(second[1]), 5, "")[1:])
        wrong = (20_000, frame(bytes(15)) + planes, 5, 4, 20_000, 0)
        for message, chunks in (
            ("no first ones", [first, (*second[:5], 1)]),
            ("no first ones", [first, (*second[:5], 2)]),
            ("no first ones", [first, (*second[:5], (1 << 32) - 1)]),
            ("no first ones", [plain, second]),
            ("no first ones", [(20_000, first[1], 4, 4, 0), second]),
            ("chunk table is malformed", [first, (20_000, second[1], 5, 2, 20_000, 0)]),
            ("chunk table is malformed", [(*first, 1), second]),
            ("does not consist of 5 zstd frames", [first, (20_000, first[1], 5, 4, 20_000, 0)]),
            ("another length than its place", [first, wrong]),
            ("newer brake", [first, (20_000, second[1], 7, 4, 20_000, 0)]),
        ):
            self.place(name, difference_file(name, other, chunks))
            with self.assertRaisesRegex(brake.BrakeError, message):
                brake.open(name, self.cache).bytes()

    def test_second_moments_are_refused_where_subnormal_numbers_are_zero(self):
        if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
            self.skipTest("how to take subnormal numbers for zero is known for x86-64 and glibc only")
        base, content, chunks = self.moments(5000)
        name, other = digest(content), digest(base)
        self.place(other, plain_object(base))
        self.place(name, difference_file(name, other, chunks))
        library = ctypes.CDLL(None)
        usual = ctypes.create_string_buffer(32)
        self.assertEqual(library.fegetenv(usual), 0)
        # What is made is flushed, what is read, and both. The last four bytes are the register.
        for bits in (0x8000, 0x40, 0x8040):
            flushing = ctypes.create_string_buffer(usual.raw[:28] + struct.pack("<I", struct.unpack_from("<I", usual, 28)[0] | bits), 32)
            artefact = brake.open(name, self.cache)
            try:
                library.fesetenv(flushing)
                with self.assertRaisesRegex(brake.BrakeError, "takes subnormal numbers for zero.*set_flush_denormal") as caught:
                    artefact.bytes()
            finally:
                library.fesetenv(usual)
            self.assertNotIsInstance(caught.exception, brake.Damaged)
            self.assertEqual(artefact.bytes(), content)

    def test_small_chunks_of_moments_do_not_decode_the_large_ones_of_their_bases_again_and_again(self):
        count = 50
        rates = numpy.array([0.9, 0.1, 0.95, 0.05], "<f4")
        half = 4 * count
        contents = [RANDOM.normal(0, 1e-3, 2 * count).astype("f4").tobytes() for _ in range(3)]
        names = [digest(content) for content in contents]
        # The bytes of the first are two chunks, those of the others one for each number.
        parts = [contents[0][:half], contents[0][half:]]
        self.place(names[0], object_file(names[0], [(half, frame(part), 0, 1) for part in parts]))
        for level in (1, 2):
            base, content = contents[level - 1], contents[level]
            before, second, now = (numpy.frombuffer(part, "<f4") for part in (base[:half], base[half:], content[:half]))
            guess = predicted_moments(rates, now, before, second).tobytes()
            chunks = [(4, differences(content[k : k + 4], base[k : k + 4], 4, True), 3, 4, k) for k in range(0, half, 4)]
            for k in range(0, half, 4):
                stored = frame(rates.tobytes()) + differences(content[half + k : half + k + 4], guess[k : k + 4], 4, True)
                chunks.append((4, stored, 5, 4, half + k, k // 4))
            self.place(names[level], difference_file(names[level], names[level - 1], chunks))
        decode, counts = objects.ObjectFile._decode, Counter()

        def counted(reader, *arguments):
            counts[reader.size, reader._level] += 1
            return decode(reader, *arguments)

        with mock.patch.object(objects.ObjectFile, "_decode", counted):
            for level in (1, 2):
                counts.clear()
                (reader,) = brake.Store(self.cache).readers(names[level][7:])
                self.assertEqual(reader.array(0, 2 * half).tobytes(), contents[level])
                # Once for each row of roles that leads from the object to this base, and for each of two chunks.
                self.assertLessEqual(counts[2 * half, level], 2 * 2**level)
                self.assertEqual(counts[2 * half, 0], 3 * count)
            # Once more in any place.
            counts.clear()
            self.assertEqual(reader.array(half + 101, half + 103).tobytes(), contents[2][half + 101 : half + 103])
            self.assertLess(sum(counts.values()), 20)

    def test_a_base_that_is_lost_or_damaged_is_named_and_comes_back(self):
        base, content = RANDOM.bytes(50_000), RANDOM.bytes(50_000)
        name, other = digest(content), digest(base)
        self.place(name, difference_file(name, other, [(50_000, differences(content, base, 4, True), 3, 4, 0)]))
        self.lost(name, f"its base {other} is lost: it is not in the store")
        good = plain_object(base)
        self.place(other, good[:200] + bytes([good[200] ^ 1]) + good[201:])
        self.lost(name, f"its base {other} is lost")
        self.place(other, good[:-30])
        self.lost(name, f"its base {other} is lost")
        # Sound, and other bytes: only the digest of the whole can tell.
        self.place(other, plain_object(base[::-1]).replace(bytes.fromhex(digest(base[::-1])[7:]), bytes.fromhex(other[7:])))
        self.lost(name, "cannot be read|have the digest|check")
        self.place(other, good)
        self.assertEqual(brake.open(name, self.cache).bytes(), content)

    def test_circles_and_long_rows_of_bases_end(self):
        row = [RANDOM.bytes(20_000) for _ in range(7)]
        names = [digest(content) for content in row]
        self.place(names[0], plain_object(row[0]))
        for before, content in zip(row, row[1:]):
            name, other = digest(content), digest(before)
            self.place(name, difference_file(name, other, [(20_000, differences(content, before, 2, True), 3, 2, 0)]))
        for name, content in zip(names[:5], row):
            self.assertEqual(brake.open(name, self.cache).bytes(), content)
        for name in names[5:]:
            self.lost(name, "more than 4 bases")
        for name, other in ((names[1], names[1]), (names[1], names[2])):
            self.place(name, difference_file(name, other, [(20_000, differences(row[1], row[0], 2, True), 3, 2, 0)]))
            self.lost(name, "more than 4 bases")

    def test_what_the_format_does_not_allow_is_refused(self):
        base, content = RANDOM.bytes(40_000), RANDOM.bytes(30_000)
        name, other = digest(content), digest(base)
        self.place(other, plain_object(base))
        frames = differences(content, base, 2, True)
        half = [differences(part, base, 2, True) for part in (content[:15_000], content[15_000:])]
        plain = frame(content[15_000:])
        for message, chunks, options in (
            ("bytes that its base does not have", [(30_000, frames, 3, 2, 10_001)], {}),
            ("bytes that its base does not have", [(30_000, frames, 3, 2, (1 << 62) - 1)], {}),
            ("places in its base are malformed", [(30_000, frames, 3, 2, 1 << 62)], {}),
            ("places in its base are malformed", [(30_000, frames, 3, 2, (1 << 64) - 1)], {}),
            ("places in its base are malformed", [(15_000, half[0], 3, 2, 0), (15_000, half[1], 3, 2, 14_999)], {}),
            ("places in its base are malformed", [(15_000, half[0], 3, 2, 0), (15_000, plain, 0, 1, 7)], {}),
            ("newer brake", [(30_000, frames, 3, 2, 0)], {"extension": bytes(39)}),
            ("newer brake", [(30_000, frames, 3, 2, 0)], {"version": 2}),
            ("chunk table is malformed", [(30_000, frames, 3, 3, 0)], {}),
            ("chunk table is malformed", [(30_000, frames, 4, 0, 0)], {}),
            ("does not consist of 4 zstd frames", [(30_000, frames, 3, 4, 0)], {}),
            ("have the digest", [(30_000, frames, 4, 2, 0)], {}),
            ("have the digest", [(30_000, frames, 3, 2, 2)], {}),
        ):
            self.place(name, difference_file(name, other, chunks, **options))
            with self.assertRaisesRegex(brake.BrakeError, message):
                brake.open(name, self.cache).bytes()

    def test_a_part_is_read_without_the_base_where_it_is_no_difference(self):
        content = safetensors({"a": numpy.arange(10_000, dtype="f4"), "b": numpy.arange(9000, dtype="i4")})
        start = len(content) - 36_000
        name, other = digest(content), digest(b"nowhere")
        chunks = [(start, frame(content[:start]), 0, 1, 0), (36_000, frame(bytes(9000)) * 4, 4, 4, 0)]
        self.place(name, difference_file(name, other, chunks))
        artefact = brake.open(name, self.cache)
        numpy.testing.assert_array_equal(artefact.tensor("a").numpy(), numpy.arange(10_000, dtype="f4"))
        with self.assertRaisesRegex(brake.Damaged, f"its base {other} is lost"):
            artefact.tensor("b").numpy()


def plain_object_in_chunks(content):
    """The object file of many bytes."""
    parts = [content[start : start + (1 << 20)] for start in range(0, len(content), 1 << 20)]
    return object_file(digest(content), [(len(part), frame(part), 0, 1) for part in parts])
