"""Weights that are stored as what an optimiser's moments do not say of them, as the binary writes them and as nobody would."""

import ctypes
import json
import platform
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import brake
import numpy
from support import (
    RANDOM, StoreTest, difference_file, differences, digest, frame, plain_object, predicted_weights, update_file,
)  # fmt: skip

PIPELINE = """
stages:
  text: { op: text.synthesise, with: { size: 100000 } }
  corpus: { op: text.corpus, in: { texts: text.text } }
  tokens: { op: text.tokenise, in: { text: corpus.documents } }
  train: { op: lm.train, in: { train: tokens.train }, with: { model: 47k, steps: 6, batch: 2, checkpoints: 1 } }
"""
COUNT = 5000
SIZE = 4 * COUNT
STRETCHES = [(1, 0.1, 1e-3, 1e-8), (COUNT - 11, 0, 5e-4, 0), (10, 1e-5, -3, 1e-3)]


def packed(stretches):
    return b"".join(struct.pack("<Ifff", *stretch) for stretch in stretches)


class UpdateTests(StoreTest):
    def setUp(self):
        super().setUp()
        special = numpy.array([0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1e-45, 1e-38, 3e38, -1], "f4")
        weights, first, second, now = (
            numpy.where(RANDOM.random(COUNT) < 0.1, RANDOM.choice(special, COUNT), RANDOM.normal(0, scale, COUNT)).astype("f4")
            for scale in (1e-1, 1e-3, 1e-6, 1e-1)
        )
        second[: COUNT // 2] = abs(second[: COUNT // 2])
        guess = predicted_weights(STRETCHES, weights, first, second)
        now[: COUNT // 3] = guess[: COUNT // 3]
        self.content = now.tobytes()
        # The moments stand in the other order, and not at places that are multiples of four.
        self.base, self.states = bytes(7) + weights.tobytes(), bytes(3) + second.tobytes() + first.tobytes()
        self.planes = differences(self.content, guess.tobytes(), 4, True)
        self.chunk = (SIZE, frame(packed(STRETCHES)) + self.planes, 6, 4, 7, 3, 3 + SIZE, 3)
        self.names = [digest(part) for part in (self.content, self.base, self.states)]
        for name, part in zip(self.names[1:], (self.base, self.states)):
            self.place(name, plain_object(part))
        self.place(self.names[0], update_file(*self.names, [self.chunk]))

    def refused(self, message, file):
        name = self.names[0]
        self.place(name, file)
        with self.assertRaisesRegex(brake.BrakeError, message):
            brake.open(name, self.cache).bytes()

    def test_updated_weights_are_read_by_the_formula_and_by_the_binary(self):
        name = self.names[0]
        self.assertEqual(brake.open(name, self.cache).bytes(), self.content)
        self.assertEqual(self.brake("cat", name), self.content)
        (reader,) = brake.Store(self.cache).readers(name[7:])
        self.assertEqual(reader.array(1001, 9002).tobytes(), self.content[1001:9002])

    def test_checkpoints_that_the_binary_has_predicted_are_read(self):
        self.run_pipeline(PIPELINE, "train")
        names = [f"train.checkpoints[{step}]" for step in range(1, 7)]
        before = {name: brake.open(name, self.cache).bytes() for name in names}
        tensors = {name: brake.open(name, self.cache).numpy() for name in names}
        changes = json.loads(self.brake("repack", "--json", "--dry-run"))["objects"]
        self.assertFalse([change for change in changes if change["states"]])
        # With 1, those whose base and states both stand for themselves; with 4, all but the first and the third.
        for depth, count in (("1", 2), ("4", 3)):
            changes = json.loads(self.brake("repack", "--json", "--predict-weights", "--depth", depth))["objects"]
            predicted = [change for change in changes if change["states"]]
            self.assertEqual(len(predicted), count)
            for change in predicted:
                self.assertLess(10 * change["stored_bytes"], change["stored_bytes_before"])
                self.assertIn("updated weights", self.brake("show", change["digest"]).decode())
            for name in names:
                artefact = brake.open(name, self.cache)
                self.assertEqual(artefact.bytes(), before[name])
                for tensor, array in artefact.tensors().items():
                    numpy.testing.assert_array_equal(array.numpy(), tensors[name][tensor])
                    numpy.testing.assert_array_equal(array[1:3], tensors[name][tensor][1:3])
            handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}), directory=self.cache)
            with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
                threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
                try:
                    for change in predicted:
                        name = change["digest"]
                        self.assertEqual(digest(brake.open(name, f"http://127.0.0.1:{http.server_port}").bytes()), name)
                finally:
                    http.shutdown()
            self.brake("repack", "--undo")
        for name in names:
            self.assertEqual(brake.open(name, self.cache).bytes(), before[name])

    def test_what_the_format_does_not_allow_is_refused(self):
        length, stored, codec, width, place, number, first, second = self.chunk
        plain = (SIZE, frame(self.content), 0, 1, 0, 0, 0, 0)
        delta = (SIZE, differences(self.content, self.base[7:], 4, True), 3, 4, 7, 0, 0, 0)
        half = SIZE // 2

        def one(**changes):
            fields = dict(zip(("length", "stored", "codec", "width", "place", "number", "first", "second"), self.chunk))
            return [tuple({**fields, **changes}.values())]

        def stretched(*stretches, number=None):
            number = len(stretches) if number is None else number
            return one(stored=frame(packed(stretches)) + self.planes, number=number)

        rates = (0, 1, 0)
        for message, chunks in (
            ("bytes that its base does not have", one(first=4 + SIZE)),
            ("bytes that its base does not have", one(second=(1 << 62) - 1)),
            ("bytes that its base does not have", one(place=8)),
            ("places in its base are malformed", one(first=1 << 62)),
            ("places in its base are malformed", one(second=(1 << 64) - 1)),
            ("places in its base are malformed", [self.chunk, (*self.chunk[:4], 7 + SIZE, *self.chunk[5:])]),
            ("places in its base are malformed", [*one(), (*plain[:6], 0, 1)]),
            ("places in its base are malformed", [*one(), (*delta[:4], 7 + SIZE, 0, 1, 0)]),
            ("chunk table is malformed", one(number=0)),
            ("chunk table is malformed", one(number=65)),
            ("chunk table is malformed", one(number=(1 << 32) - 1)),
            ("chunk table is malformed", one(width=2)),
            ("chunk table is malformed", [(*delta[:5], 1, 0, 0), *one()]),
            ("another length than its place", one(number=4)),
            ("does not consist of 5 zstd frames", one(stored=self.planes)),
            ("stretches of its updated weights do not add up", stretched((COUNT, *rates), (0, *rates))),
            ("stretches of its updated weights do not add up", stretched((COUNT - 1, *rates))),
            ("stretches of its updated weights do not add up", stretched((1 << 31, *rates), (1 << 31, *rates), (COUNT, *rates))),
            ("updated weights have no moments", [delta]),
            ("stand beside second ones", [delta, (half, stored, 5, 4, 7 + SIZE, 0, 0, 0), (*self.chunk[:4], 7 + 2 * SIZE, *self.chunk[5:])]),
            ("have the digest", one(first=3, second=3 + SIZE)),
            ("newer brake", one(codec=7)),
        ):
            with self.subTest(message, chunks=[(*chunk[:1], *chunk[2:]) for chunk in chunks]):
                self.refused(message, update_file(*self.names, chunks, size=sum(chunk[0] for chunk in chunks)))
        single = [(*self.chunk[:5], 3)]
        self.refused("updated weights have no moments", difference_file(self.names[0], self.names[1], single))
        self.refused("newer brake", update_file(*self.names, [self.chunk], extension=bytes(87)))
        nothing = difference_file(self.names[0], self.names[1], [])
        self.refused("have the digest", nothing)
        self.place(self.names[0], update_file(*self.names, [self.chunk]))
        self.assertEqual(brake.open(self.names[0], self.cache).bytes(), self.content)

    def test_spoilt_footers_are_refused_or_say_what_the_sound_one_says(self):
        sound = update_file(*self.names, [self.chunk])
        (length,) = struct.unpack_from("<I", sound, len(sound) - 28)
        start = len(sound) - 72 - length - 16
        for _ in range(300):
            changed = bytearray(sound[start : len(sound) - 16])
            place = int(RANDOM.integers(len(changed)))
            if RANDOM.integers(2):
                changed[place] ^= 1 << int(RANDOM.integers(8))
            else:
                changed[place : place + 4] = struct.pack("<I", int(RANDOM.choice([0, 1, 0xFFFFFFFF, 1 << 31, 1 << 20])))
            file = sound[: start - 8] + checked(sound[start - 8 : start] + changed)
            self.place(self.names[0], file)
            try:
                self.assertEqual(brake.open(self.names[0], self.cache).bytes(), self.content)
            except brake.BrakeError:
                pass

    def test_second_bases_that_are_lost_are_named_and_such_with_a_second_one_refused(self):
        name, base, states = self.names
        good = plain_object(self.states)
        self.object_path(states).unlink()
        for file in (None, good[:200] + bytes([good[200] ^ 1]) + good[201:], good[:-30]):
            if file:
                self.place(states, file)
            with self.assertRaisesRegex(brake.Damaged, f"its base {states} is lost"):
                brake.open(name, self.cache).bytes()
        self.place(states, good)
        self.assertEqual(brake.open(name, self.cache).bytes(), self.content)
        self.refused("no second base may have", update_file(name, base, name, [self.chunk]))
        self.refused("more than 4 bases", update_file(name, name, states, [(*self.chunk[:4], 0, *self.chunk[5:])]))
        # Also behind a base of it.
        self.place(name, update_file(*self.names, [self.chunk]))
        between = bytes(len(self.states))
        chunk = (len(between), differences(between, self.content * 3, 1, False), 4, 1, 0)
        self.place(digest(between), difference_file(digest(between), name, [chunk]))
        other = self.content[::-1]
        chunks = [(SIZE, self.chunk[1], *self.chunk[2:])]
        self.place(digest(other), update_file(digest(other), base, digest(between), chunks))
        with self.assertRaisesRegex(brake.Damaged, "no second base may have"):
            brake.open(digest(other), self.cache).bytes()

    def test_updated_weights_are_refused_where_subnormal_numbers_are_zero(self):
        if platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc":
            self.skipTest("how to take subnormal numbers for zero is known for x86-64 and glibc only")
        library = ctypes.CDLL(None)
        usual = ctypes.create_string_buffer(32)
        self.assertEqual(library.fegetenv(usual), 0)
        for bits in (0x8000, 0x40, 0x8040):
            flushing = ctypes.create_string_buffer(usual.raw[:28] + struct.pack("<I", struct.unpack_from("<I", usual, 28)[0] | bits), 32)
            artefact = brake.open(self.names[0], self.cache)
            try:
                library.fesetenv(flushing)
                with self.assertRaisesRegex(brake.BrakeError, "takes subnormal numbers for zero"):
                    artefact.bytes()
            finally:
                library.fesetenv(usual)
            self.assertEqual(artefact.bytes(), self.content)


def checked(footer):
    """The end of an object file with a right check."""
    return footer + bytes.fromhex(digest(footer)[7:])[:8] + b"brakeend"
