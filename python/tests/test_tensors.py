"""Tensors as a whole, by rows, and in other libraries."""

import io
import json
import struct
import unittest

import brake
import numpy
from support import RANDOM, StoreTest, safetensors, safetensors_file


def installed(package):
    try:
        __import__(package)
        return True
    except ImportError:
        return False


BFLOAT16 = (RANDOM.normal(0, 1, (3000, 400)).astype("f4").view("u4") >> 16).astype("u2")
TENSORS = {
    "w": RANDOM.normal(0, 0.02, (2000, 300)).astype("f4"),
    "half": RANDOM.normal(0, 1, (1000, 3, 7)).astype("f2"),
    "double": RANDOM.normal(0, 1, 5),
    "ids": RANDOM.integers(-5, 5, (1000, 300)),
    "flags": RANDOM.integers(0, 2, 11, "u1").astype(bool),
    "one": numpy.array(7, "i4"),
    "none": numpy.zeros((0, 9), "f4"),
    "odd": RANDOM.integers(0, 99, 3, "u1"),
    "unaligned": RANDOM.integers(0, 99, 40, "u4"),
}


class TensorTests(StoreTest):
    def setUp(self):
        super().setUp()
        content = safetensors({**TENSORS, "brain": ("BF16", BFLOAT16)}, {"format": "pt", "text": "ü"})
        self.name = self.put(content, "model.safetensors")
        self.artefact = brake.open(self.name, self.cache)

    def test_all_of_it(self):
        arrays = self.artefact.numpy()
        self.assertEqual(set(arrays), {*TENSORS, "brain"})
        self.assertEqual(self.artefact.tensors().metadata, {"format": "pt", "text": "ü"})
        for name, expected in TENSORS.items():
            for array in (arrays[name], self.artefact.tensor(name).numpy(), numpy.asarray(self.artefact.tensor(name))):
                self.assertEqual((array.dtype, array.shape), (expected.dtype, expected.shape))
                numpy.testing.assert_array_equal(array, expected)

    def test_a_bfloat16_is_widened(self):
        expected = (BFLOAT16.astype("u4") << 16).view("f4")
        tensor = self.artefact.tensor("brain")
        self.assertEqual(tensor.dtype, "BF16")
        for array in (self.artefact.numpy()["brain"], tensor.numpy()):
            self.assertEqual(array.dtype, numpy.float32)
            numpy.testing.assert_array_equal(array, expected)
        numpy.testing.assert_array_equal(tensor[2990:, 3], expected[2990:, 3])
        numpy.testing.assert_array_equal(tensor.bits(), BFLOAT16)

    def test_rows_and_all_other_indices(self):
        for name in ("w", "half", "ids"):
            tensor, array = self.artefact.tensor(name), TENSORS[name]
            self.assertEqual(len(tensor), len(array))
            for index in [
                slice(10, 20), slice(None), slice(-3, None), slice(900, 5000), slice(20, 10), slice(3, 900, 7), slice(None, None, -1),
                0, -1, 999, numpy.int64(5), (slice(5, 9), 1), (4, 2), (-1, slice(1, 3)), (slice(2, 90, 3), slice(None, None, -1)),
                Ellipsis, None, [1, 5], (slice(0, 4), None), (Ellipsis, 1), array[:, 0].reshape(len(array), -1)[:, 0] > 0, (),
            ]:  # fmt: skip
                numpy.testing.assert_array_equal(tensor[index], array[index], str(index))
            for index in [len(array), -len(array) - 1]:
                with self.assertRaises(IndexError):
                    tensor[index]
        self.assertEqual(self.artefact.tensor("one")[()], 7)
        self.assertEqual(self.artefact.tensor("none")[0:5].shape, (0, 9))

    def test_rows_read_only_the_chunks_that_hold_them(self):
        read = []
        tensor = self.artefact.tensor("w")
        file = tensor._reader._file
        real = file.read
        file.read = lambda offset, count: read.append(count) or real(offset, count)
        tensor[0:2]
        self.assertEqual(len(read), 1)
        self.assertLess(read[0], (1 << 20) + 5000)
        tensor[0:0]
        self.assertEqual(len(read), 1)

    def test_a_fragment_names_a_tensor(self):
        part = brake.open(f"{self.name}#w", self.cache)
        numpy.testing.assert_array_equal(part.numpy(), TENSORS["w"])
        numpy.testing.assert_array_equal(part.tensor()[5:9], TENSORS["w"][5:9])
        numpy.testing.assert_array_equal(brake.open(f"{self.name}#h%61lf", self.cache).numpy(), TENSORS["half"])
        with self.assertRaisesRegex(brake.NotFound, "has no tensor 'x'"):
            brake.open(f"{self.name}#x", self.cache).numpy()
        with self.assertRaisesRegex(brake.BrakeError, "which tensor is meant"):
            self.artefact.tensor()

    def test_other_formats(self):
        for array in [RANDOM.normal(0, 1, (30, 4)), numpy.asfortranarray(RANDOM.integers(0, 9, (30, 4))), numpy.array(3.5)]:
            stream = io.BytesIO()
            numpy.save(stream, array)
            numpy.testing.assert_array_equal(brake.open(self.put(stream.getvalue()), self.cache).numpy(), array)
        stream = io.BytesIO()
        numpy.save(stream, numpy.array([{}, None], object), allow_pickle=True)
        for content in [stream.getvalue(), b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{}", b"text", b"",
                        b"\x93NUMPY\1\0" + struct.pack("<H", 70) + b"{'descr':'<f8','fortran_order':False,'shape':(9999999999999,)}".ljust(70)]:  # fmt: skip
            with self.assertRaises(brake.BrakeError):
                brake.open(self.add(content), self.cache).numpy()
        self.assertEqual(brake.open(self.put(b'{"a":[1,2.5,null]}'), self.cache).json(), {"a": [1, 2.5, None]})
        for content in [b"{", b"\xff", b"[" * 100_000]:
            with self.assertRaises(brake.BrakeError):
                brake.open(self.add(content), self.cache).json()

    def test_hostile_headers_are_refused(self):
        def one(**changes):
            return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}

        cases = [
            one(dtype="F31"), one(dtype=7), one(dtype=["F32"]), one(shape=[3]), one(shape=[-2]), one(shape=[1 << 62, 4]), one(shape=2),
            one(shape=[2.0]), one(shape=[True, 2]), one(data_offsets=[0, 9]), one(data_offsets=[8, 0]), one(data_offsets=[-8, 0]),
            one(data_offsets=[1, 9]), one(data_offsets=[0]), one(data_offsets=None), one(shape=[1] * 40 + [2]), [], 7, {"w": 7}, {},
            {**one(), "v": one()["w"]}, {**one(), "v": {"dtype": "U8", "shape": [1], "data_offsets": [9, 10]}},
            {"__metadata__": 7, **one()}, b'{"w":1,"w":2}', b"{" * 50_000, b"", b"\xff", json.dumps(one()).encode() + b"}",
            json.dumps(one()).replace("[2]", "[" + "9" * 5000 + "]").encode(),
        ]  # fmt: skip
        files = [safetensors_file(header, bytes(8)) for header in cases]
        files += [b"", b"1234567", struct.pack("<Q", 100_000_001), struct.pack("<Q", 9) + b"{}", struct.pack("<Q", 1 << 63) + bytes(99)]
        for content in files:
            artefact = brake.open(self.add(content), self.cache)
            for use in (artefact.tensors, artefact.numpy):
                with self.assertRaisesRegex(brake.BrakeError, "is no safetensors file", msg=str(content[:200])):
                    use()
        self.assertEqual(len(brake.open(self.put(safetensors_file(one(), bytes(8))), self.cache).tensors()), 1)

    @unittest.skipUnless(installed("torch"), "torch is not installed")
    def test_torch(self):
        import torch

        for tensors in (self.artefact.torch(), {name: self.artefact.tensor(name).torch() for name in self.artefact.tensors()}):
            for name, expected in TENSORS.items():
                numpy.testing.assert_array_equal(tensors[name].numpy(), expected)
            self.assertEqual(tensors["brain"].dtype, torch.bfloat16)
            numpy.testing.assert_array_equal(tensors["brain"].view(torch.int16).numpy().view("u2"), BFLOAT16)
        self.assertEqual(self.artefact.tensor("brain").torch(slice(5, 9)).shape, (4, 400))
        small = brake.open(self.put(safetensors({"e": ("F8_E4M3", numpy.arange(16, dtype="u1"))})), self.cache)
        self.assertEqual(small.torch()["e"].dtype, torch.float8_e4m3fn)
        with self.assertRaisesRegex(brake.BrakeError, "numpy has no F8_E4M3"):
            small.numpy()

    @unittest.skipUnless(installed("safetensors"), "safetensors is not installed")
    def test_beside_safetensors(self):
        from safetensors.numpy import load, save

        written = save({name: numpy.asarray(array) for name, array in TENSORS.items()})
        artefact = brake.open(self.put(written), self.cache)
        for name, array in load(written).items():
            numpy.testing.assert_array_equal(artefact.tensor(name).numpy(), array)

    @unittest.skipUnless(installed("pandas"), "pandas is not installed")
    def test_pandas(self):
        table = brake.open(self.put(b"# a line before\n# and another\nstep,loss\n1,5.5\n2,4.25\n"), self.cache).pandas()
        self.assertEqual((list(table.columns), table["loss"].sum()), (["step", "loss"], 9.75))
        table = brake.open(self.put(b'{"a":1}\n{"a":2}\n'), self.cache).pandas()
        self.assertEqual(list(table["a"]), [1, 2])
        self.assertEqual(len(brake.open(self.put(b"a;b\n1;2\n"), self.cache).pandas(sep=";").columns), 2)
        for content in [b"", b"# only this", b'{"a"']:
            with self.assertRaises(brake.BrakeError):
                brake.open(self.add(content), self.cache).pandas()

    @unittest.skipIf(installed("torch"), "torch is installed")
    def test_what_is_not_installed_is_named(self):
        with self.assertRaisesRegex(brake.BrakeError, "pip install torch"):
            self.artefact.torch()
