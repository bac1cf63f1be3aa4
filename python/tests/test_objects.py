"""What the binary has stored is read alike."""

import struct

import numpy

import brake
from support import RANDOM, StoreTest, digest, safetensors


def weights(dtype, *shape):
    return RANDOM.normal(0, 0.02, shape).astype(dtype)


class ObjectTests(StoreTest):
    def check(self, content):
        name = self.put(content)
        self.assertEqual(name, digest(content))
        artefact = brake.open(name, self.cache)
        self.assertEqual(artefact.bytes(), content)
        self.assertEqual(self.brake("cat", name), content)
        self.assertEqual((artefact.size, artefact.kind), (len(content), "blob"))
        return name

    def codecs(self, name):
        """Codec and width of each chunk, from the footer."""
        file = self.object_path(name).read_bytes()
        count = struct.unpack_from("<I", file, len(file) - 32)[0]
        start = len(file) - 72 - 16 * count
        return {tuple(file[start + 16 * k + 8 : start + 16 * k + 10]) for k in range(count)}

    def test_what_was_set_aside_is_read(self):
        content = RANDOM.bytes(300_000)
        name = self.check(content)
        aside = self.cache / "aside/objects"
        aside.mkdir(parents=True)
        self.object_path(name).rename(aside / name[7:])
        self.assertEqual(brake.open(name, self.cache).bytes(), content)
        (aside / name[7:]).unlink()
        self.assertRaises(brake.NotFound, brake.open, name, self.cache)

    def test_an_empty_file_is_read(self):
        self.check(b"")

    def test_plain_bytes_of_all_sizes_are_read(self):
        for size in [1, 100, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_500_000]:
            name = self.check(RANDOM.bytes(size))
            self.assertEqual(self.codecs(name), {(0, 1)})
        self.check(bytes(5_000_000))
        self.check(b"the same words again and again\n" * 100_000)

    def test_every_codec_and_width_is_read(self):
        bfloat16 = (weights("f4", 1024, 700).view("u4") >> 16).astype("u2")
        cases = {
            (1, 2): [weights("f2", 1024, 700), ("BF16", bfloat16)],
            (1, 4): [weights("f4", 1024, 700)],
            (1, 8): [weights("f8", 1024, 300)],
            (2, 2): [RANDOM.integers(-9, 999, (1024, 700), "i2"), RANDOM.integers(0, 9999, (99, 700), "u2")],
            (2, 4): [RANDOM.integers(-9, 70_000, (1024, 700), "i4"), RANDOM.integers(0, 9, (99, 700), "u4")],
            (2, 8): [RANDOM.integers(-9, 1 << 40, (1024, 300), "i8"), RANDOM.integers(0, 9, (99, 700), "u8")],
        }
        for codec, tensors in cases.items():
            for tensor in tensors:
                name = self.check(safetensors({"w": tensor}))
                self.assertIn(codec, self.codecs(name))

    def test_a_file_of_many_types_is_read(self):
        self.check(safetensors({
            "a": weights("f4", 300_001), "b": RANDOM.integers(0, 2, 99, "u1").astype(bool), "c": weights("f2", 77_777),
            "d": RANDOM.integers(0, 99, (3, 100_000), "i8"), "e": weights("f8", 1), "f": numpy.zeros((0, 4), "f4"),
        }))  # fmt: skip

    def test_any_part_is_what_the_whole_has_there(self):
        content = RANDOM.integers(0, 9, 2_500_000, "u1").tobytes()
        name = self.put(content)
        (reader,) = brake.Store(self.cache).readers(name[7:])
        places = [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 1 << 21, len(content) - 1, len(content)]
        for start in places:
            for stop in places:
                if start <= stop:
                    self.assertEqual(reader.array(start, stop).tobytes(), content[start:stop])
