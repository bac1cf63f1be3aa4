"""What the tests share: the real binary, stores that it makes, and object files that it would not make."""

import hashlib
import json
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy
import zstandard

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BRAKE_BINARY") or str(REPOSITORY / ".build/release/brake")


class StoreTest(unittest.TestCase):
    """A folder for each test, which is also the workspace; its store is in `cache/`."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.cache = self.folder / "cache"

    def brake(self, *arguments):
        environment = {**os.environ, "BRAKE_STORE": str(self.cache)}
        result = subprocess.run(
            [BINARY, *map(str, arguments)], cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        return result.stdout

    def put(self, content, name="file"):
        """Puts bytes into the store; gives their digest."""
        path = self.folder / name
        path.write_bytes(content)
        return self.brake("put", path).decode().split()[0]

    def run_pipeline(self, text, *arguments):
        (self.folder / "brake.yaml").write_text(text)
        self.brake("run", *arguments)

    def add(self, content):
        """Puts a few bytes into the store without the binary; gives their digest."""
        self.place(digest(content), plain_object(content))
        return digest(content)

    def object_path(self, digest):
        return self.cache / "objects" / digest[7:9] / digest[9:]

    def place(self, digest, content):
        """Puts a file where an object belongs, whatever it holds."""
        path = self.object_path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.unlink()
        path.write_bytes(content)
        if not (self.cache / "format").exists():
            (self.cache / "format").write_bytes(b"brake store 1\n")


def without_standing(said):
    """What the binary says of provenance, without where records came from and whose they are, which the package does not tell."""
    for maker in said["made_by"].values():
        assert {"from", "standing"} <= set(maker)
        del maker["from"], maker["standing"]
    return said


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def safetensors(tensors, metadata=None):
    """A safetensors file of arrays by name; ("BF16", array of uint16) is a tensor of another type."""
    names = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32",
             "int32": "I32", "uint64": "U64", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64"}  # fmt: skip
    header, body = {"__metadata__": metadata} if metadata else {}, b""
    for name, tensor in tensors.items():
        dtype, array = tensor if isinstance(tensor, tuple) else (names[str(tensor.dtype)], tensor)
        content = array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(body), len(body) + len(content)]}
        body += content
    return safetensors_file(header, body)


def safetensors_file(header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def frame(content, **options):
    return zstandard.ZstdCompressor(write_checksum=True, **options).compress(content)


HEADER = bytes.fromhex("5b2a4d1808000000") + b"brake\x01\0\0"


def object_file(name, chunks, size=None, kind=0, version=1, extension=b"", count=None, zero=bytes(6)):
    """An object file with a sound check. A chunk is (length, stored bytes, codec, width), of second moments that and their first."""
    body = b"".join(chunk[1] for chunk in chunks)
    table = b"".join(
        struct.pack("<IIBBI2x", length, len(stored), codec, width, *(first or [0])) for length, stored, codec, width, *first in chunks
    )
    size = sum(chunk[0] for chunk in chunks) if size is None else size
    tail = struct.pack("<Q32sIIBB6s", size, bytes.fromhex(name[7:]), len(chunks) if count is None else count,
                       len(extension), kind, version, zero)  # fmt: skip
    footer = table + extension + tail
    footer = struct.pack("<II", 0x184D2A5B, len(footer) + 16) + footer
    return HEADER[:13] + bytes([version]) + HEADER[14:] + body + footer + hashlib.sha256(footer).digest()[:8] + b"brakeend"


def plain_object(content):
    """The object file of a few bytes."""
    return object_file(digest(content), [(len(content), frame(content), 0, 1)] if content else [])


def differences(content, base, width, are_floats):
    """The frames of a chunk that is a difference, by the formula in `cache/README.md`, one integer at a time."""
    bits = 8 * width
    top, mask = 1 << (bits - 1), (1 << bits) - 1

    def order(x):
        return x if not are_floats else x ^ mask if x & top else x | top

    planes = [bytearray() for _ in range(width)]
    for start in range(0, len(content), width):
        x, y = (int.from_bytes(part[start : start + width], "little") for part in (content, base))
        d = (order(x) - order(y)) & mask
        z = (d << 1 & mask) ^ (mask if d & top else 0)
        for plane, byte in zip(planes, z.to_bytes(width, "little")):
            plane.append(byte)
    return b"".join(frame(bytes(plane)) for plane in planes)


def difference_file(name, base, chunks, **options):
    """An object file with a base. A chunk is (length, stored bytes, codec, width, place in the base, of second moments the first)."""
    extension = bytes.fromhex(base[7:]) + b"".join(struct.pack("<Q", chunk[4]) for chunk in chunks)
    return object_file(name, [chunk[:4] + chunk[5:] for chunk in chunks], **{"extension": extension, **options})


def update_file(name, base, states, chunks, **options):
    """An object file with two bases. A chunk is (length, stored bytes, codec, width, place in the base, number, places of the two moments)."""
    extension = bytes.fromhex(base[7:] + states[7:]) + b"".join(struct.pack("<QQQ", chunk[4], *chunk[6:]) for chunk in chunks)
    return object_file(name, [chunk[:4] + chunk[5:6] for chunk in chunks], **{"extension": extension, **options})


def predicted_moments(rates, now, before, second):
    """What codec 5 predicts, by the formula in `cache/README.md`, one number at a time: all are lists of float32."""

    def f(x):
        with numpy.errstate(all="ignore"):
            return numpy.float64(numpy.float32(x))

    result = []
    with numpy.errstate(all="ignore"):
        a, b, c, d = map(f, rates)
        for m1, m0, v in zip(map(f, now), map(f, before), map(f, second)):
            g = f((m1 - a * m0) / b)
            y = f(c * v + f(d * f(g * g)))
            result.append(v if y != y else y)
    return numpy.array(result, "f4")


def predicted_weights(stretches, weights, first, second):
    """What codec 6 predicts, by the formula in `cache/README.md`, one number at a time: stretches are (count, d, a, e)."""
    f = numpy.float32
    result = []
    rates = [rates for count, *rates in stretches for _ in range(count)]
    with numpy.errstate(all="ignore"):
        for (d, a, e), w, m, v in zip(rates, weights, first, second):
            k = f(numpy.float64(w) - numpy.float64(f(d)) * numpy.float64(w))
            y = k - (f(a) * f(m)) / (numpy.sqrt(f(v)) + f(e))
            assert type(y) is f
            result.append(w if y != y else y)
    return numpy.array(result, "f4")


RANDOM = numpy.random.default_rng(47)
