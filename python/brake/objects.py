"""Object files: chunks of zstd frames, and a footer that says where each is (`cache/README.md`, "Object files")."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy

from . import deltas, frames, moments, updates
from .errors import BrakeError, Damaged
from .readers import Reader

HEADER = bytes.fromhex("5b2a4d1808000000") + b"brake\x01\0\0"
#: Of an object that stands for itself, and of one that is a difference from another one.
_VERSION = 1
_FRAME = struct.Struct("<II")
_TAIL = struct.Struct("<Q32sIIBB6s8s8s")
_ENTRY = numpy.dtype(
    [("length", "<u4"), ("stored", "<u4"), ("codec", "u1"), ("width", "u1"), ("first", "<u4"), ("zero", "<u2")]
)
_LAST_CODEC = 6
#: Differences of second moments from what the first ones, in another chunk, say of them.
_SECOND_MOMENTS = 5
#: Differences of weights from what the moments of their update, in a second base, say of them.
_UPDATED_WEIGHTS = 6
_MAGIC = 0x184D2A5B
_CHUNK_LIMIT = 1 << 20
#: What the frames of a chunk can take at most.
_STORED_LIMIT = _CHUNK_LIMIT + 4096
_FOOTER_LIMIT = 256 << 20
#: Stored bytes that are read at once.
_BATCH = 4 << 20
#: Bases that may stand one behind the other.
_BASE_LIMIT = 4
_DIGEST_LENGTH = 32


class _Window:
    """The chunk that was decoded last, and what was decoded of the base for such chunks.

    A chunk of second moments needs the base at two places, one of updated weights a second base at two. Each of them ascends from
    chunk to chunk, and so has a window of its own: whoever reads an object once decodes no chunk twice through the same window.
    Windows are one per role and base, so that there are 57 at most, of a chunk each.
    """

    def __init__(self) -> None:
        self.last: Optional[Tuple[int, numpy.ndarray]] = None
        self._roles: Dict[str, _Window] = {}

    def on(self, role: str) -> "_Window":
        """On a base, in a role: `own` for what chunks are differences from, at their own places; `first` for what the first moments
        are differences from, for the chunks of second ones; on a second base `now` and `square` for the moments of weights."""
        return self._roles.setdefault(role, _Window())


class ObjectFile(Reader):
    """An object file that is open. Its footer has passed its check, which proves nothing of who made it."""

    def __init__(
        self, file, digest: str, find: Optional[Callable[[str], Any]] = None, level: int = 0, holds_states: bool = False
    ) -> None:
        """Reads the footer. What the file does not have room for is not believed.

        `find` gives the open file of another object of the same store, or None. `level` is how many objects need this one, and
        `holds_states` whether one of them does as a second base.
        """
        self._find = find
        self._level = level
        self._holds_states = holds_states
        #: What it is a difference from, and the second base, each with its digest.
        self._digests: List[str] = []
        self._bases: Dict[int, ObjectFile] = {}
        self._file = file
        self._what = file.path
        start, tail = self._find_footer(digest)
        table = self._table(start, tail)
        self._lengths = table["length"]
        self._stored = table["stored"]
        self._codecs = table["codec"]
        self._widths = table["width"]
        # Where each chunk starts, and the last one ends: among the object's bytes, and in the file.
        self._places = numpy.concatenate([[0], numpy.cumsum(self._lengths, dtype=numpy.int64)])
        self._offsets = len(HEADER) + numpy.concatenate([[0], numpy.cumsum(self._stored, dtype=numpy.int64)])
        self.size: int = tail[0]
        if int(self._places[-1]) != self.size or int(self._offsets[-1]) != start:
            raise Damaged(f"{self._what}: its chunk table does not add up")
        self.is_cheap = file.is_cheap
        #: What is read next is often in the chunk that was decoded last.
        self._window = _Window()

    def blocks(self, start: int = 0, stop: Optional[int] = None) -> Iterator[numpy.ndarray]:
        """The bytes from one place to another, in arrays of `uint8`; only the chunks that hold them are read."""
        return self._blocks(start, self.size if stop is None else stop, self._window)

    def _blocks(self, start: int, stop: int, window: _Window) -> Iterator[numpy.ndarray]:
        if start >= stop:
            return
        first = int(numpy.searchsorted(self._places, start, "right")) - 1
        end = int(numpy.searchsorted(self._places, stop, "left"))
        while first < end:
            known = window.last
            if known is not None and known[0] == first:
                place = int(self._places[first])
                yield known[1][max(0, start - place) : max(0, stop - place)]
                first += 1
                continue
            base = int(self._offsets[first])
            last = int(numpy.searchsorted(self._offsets, base + _BATCH, "right")) - 1
            last = max(first + 1, min(last, end))
            stored = memoryview(self._file.read(base, int(self._offsets[last]) - base))
            for index in range(first, last):
                offset = int(self._offsets[index]) - base
                chunk = self._decode(index, stored[offset : offset + int(self._stored[index])], window)
                window.last = (index, chunk)
                place = int(self._places[index])
                yield chunk[max(0, start - place) : max(0, stop - place)]
            first = last

    # The footer

    def _find_footer(self, digest: str):
        file = self._file
        if file.size < len(HEADER) + _FRAME.size + _TAIL.size:
            raise Damaged(f"{self._what} is cut short, or no object file")
        header = file.read(0, len(HEADER))
        if header[:13] != HEADER[:13] or header[14:] != HEADER[14:] or header[13] < 1:
            raise Damaged(f"{self._what} does not start as an object file")
        if header[13] != _VERSION:
            raise BrakeError(f"{self._what} was written by a newer brake")
        tail = _TAIL.unpack(file.read(file.size - _TAIL.size, _TAIL.size))
        if tail[8] != b"brakeend":
            raise Damaged(f"{self._what} is cut short, or something follows it")
        start = file.size - _TAIL.size - tail[3] - tail[2] * _ENTRY.itemsize - _FRAME.size
        if start < len(HEADER):
            raise Damaged(f"{self._what}: its chunk table is larger than the file")
        if file.size - start > _FOOTER_LIMIT:
            raise BrakeError(f"{self._what} has a chunk table of {file.size - start} bytes")
        if tail[1] != bytes.fromhex(digest):
            raise Damaged(f"{self._what} holds another object, sha256:{tail[1].hex()}")
        return start, tail

    def _table(self, start: int, tail) -> numpy.ndarray:
        footer = self._file.read(start, self._file.size - start)
        if hashlib.sha256(memoryview(footer)[:-16]).digest()[:8] != tail[7]:
            raise Damaged(f"{self._what}: its footer does not match its check")
        _, _, count, extension, kind, version, zero, _, _ = tail
        bases = {0: 0, _DIGEST_LENGTH + 8 * count: 1, 2 * _DIGEST_LENGTH + 24 * count: 2}.get(extension)
        if version != _VERSION or bases is None:
            raise BrakeError(f"{self._what}, in version {version} of the format, was written by a newer brake")
        if _FRAME.unpack_from(footer) != (_MAGIC, len(footer) - _FRAME.size) or kind > 1 or any(zero):
            raise Damaged(f"{self._what}: its footer is malformed")
        table = numpy.frombuffer(footer, _ENTRY, count, _FRAME.size)
        if (table["codec"] > _LAST_CODEC).any():
            raise BrakeError(f"{self._what} uses codec {table['codec'].max()}, which only a newer brake knows")
        length, stored, width = table["length"], table["stored"], table["width"]
        is_delta = table["codec"] > 2
        is_second = table["codec"] == _SECOND_MOMENTS
        is_updated = table["codec"] == _UPDATED_WEIGHTS
        is_plane = numpy.isin(width, (2, 4, 8)) | is_delta & (width == 1)
        is_sound = (
            (length >= 1) & (length <= _CHUNK_LIMIT) & (stored >= 1) & (stored <= _STORED_LIMIT)
            & numpy.where(table["codec"] == 0, width == 1, is_plane)
            & (length % numpy.maximum(width, 1) == 0)
            & (table["zero"] == 0) & (is_second | is_updated | (table["first"] == 0)) & (~is_second & ~is_updated | (width == 4))
            & (~is_updated | (table["first"] >= 1) & (table["first"] <= updates.STRETCH_LIMIT))
        )
        if not is_sound.all() or bases == 0 and is_delta.any():
            raise Damaged(f"{self._what}: its chunk table is malformed")
        if (bases == 2) != is_updated.any() or bases == 2 and is_second.any():
            raise Damaged(f"{self._what}: its updated weights have no moments, or stand beside second ones")
        # In ascending order, too, and each a difference of floats that is as long.
        firsts = table["first"][is_second].astype("i8")
        if firsts.size:
            is_paired = (firsts < count).all() and (firsts[1:] > firsts[:-1]).all()
            if is_paired:
                these = table[firsts]
                is_paired = ((these["codec"] == 3) & (these["width"] == 4) & (these["length"] == length[is_second])).all()
            if not is_paired:
                raise Damaged(f"{self._what}: its second moments have no first ones")
        self._firsts = table["first"]
        start = _FRAME.size + table.nbytes
        for number in range(bases):
            self._digests.append(footer[start : start + _DIGEST_LENGTH].hex())
            start += _DIGEST_LENGTH
        if bases:
            #: Of each chunk its place in the base and, with a second one, those of its moments there.
            self._base_places = numpy.frombuffer(footer, "<u8", (2 * bases - 1) * count, start).reshape(count, 2 * bases - 1)
        for column, is_used in zip(range(2 * bases - 1), (is_delta, is_updated, is_updated)):
            places, lengths = self._base_places[is_used, column], length[is_used].astype("<u8")
            # In ascending order, so that a base is read once.
            is_unused = self._base_places[~is_used, column]
            if is_unused.any() or (places >= 1 << 62).any() or (places[1:] < (places + lengths)[:-1]).any():
                raise Damaged(f"{self._what}: its places in its base are malformed")
        return table

    # Chunks

    def _decode(
        self, index: int, stored: memoryview, window: _Window, before: Optional[numpy.ndarray] = None
    ) -> numpy.ndarray:
        """The bytes of a chunk. `before` is what it is a difference from, if that has been read already."""
        length, width = int(self._lengths[index]), int(self._widths[index])
        what = f"chunk {index} of {self._what}"
        is_predicted = self._codecs[index] in (_SECOND_MOMENTS, _UPDATED_WEIGHTS)
        parts = frames.split(stored, width + int(is_predicted), what)
        planes = [
            numpy.frombuffer(frames.decompress(frame, length // width, what), numpy.uint8)
            for frame in parts[int(is_predicted) :]
        ]
        if self._codecs[index] == _SECOND_MOMENTS:
            rates = frames.decompress(parts[0], moments.RATES_LENGTH, what)
            return deltas.join(planes, self._prediction(index, rates, window), are_floats=True)
        if self._codecs[index] == _UPDATED_WEIGHTS:
            stretches = frames.decompress(parts[0], updates.STRETCH_LENGTH * int(self._firsts[index]), what)
            known = (self._base_bytes(index, window.on(role), column) for column, role in enumerate(("own", "now", "square")))
            return deltas.join(planes, updates.predict(stretches, *known, what), are_floats=True)
        if self._codecs[index] == 0:
            return planes[0]
        if self._codecs[index] > 2:
            if before is None:
                before = self._base_bytes(index, window.on("own"))
            return deltas.join(planes, before, are_floats=self._codecs[index] == 3)
        elements = numpy.empty((length // width, width), numpy.uint8)
        for number, plane in enumerate(planes):
            elements[:, number] = plane
        if self._codecs[index] == 1:
            values = elements.view(f"<u{width}")
            sign = values << (8 * width - 1)
            values >>= 1
            values |= sign
        return elements.reshape(-1)

    def _prediction(self, index: int, rates: bytes, window: _Window) -> numpy.ndarray:
        """The bytes from which a chunk of second moments is a difference."""
        first = int(self._firsts[index])
        before = self._base_bytes(first, window.on("first"))
        start, stored = int(self._offsets[first]), int(self._stored[first])
        now = self._decode(first, memoryview(self._file.read(start, stored)), window, before)
        return moments.predict(rates, now, before, self._base_bytes(index, window.on("own")))

    # The bases

    def _base_bytes(self, index: int, window: _Window, column: int = 0) -> numpy.ndarray:
        """The bytes from which a chunk is a difference, through a window on the base; of columns 1 and 2 its moments in the second one."""
        number = min(column, 1)
        base = self._bases.get(number) or self._open_base(number)
        start = int(self._base_places[index, column])
        stop = start + int(self._lengths[index])
        if stop > base.size:
            raise Damaged(f"{self._what} is a difference from bytes that its base does not have")
        try:
            return numpy.concatenate(list(base._blocks(start, stop, window)))
        except Damaged as error:
            raise self._lost(number, error) from error

    def _open_base(self, number: int) -> "ObjectFile":
        digest, holds_states = self._digests[number], self._holds_states or number == 1
        if self._level == _BASE_LIMIT:
            raise Damaged(f"differences lead over more than {_BASE_LIMIT} bases to sha256:{digest}")
        file = self._find(digest) if self._find is not None else None
        if file is None:
            raise self._lost(number, "it is not in the store")
        try:
            base = ObjectFile(file, digest, self._find, self._level + 1, holds_states)
        except Damaged as error:
            raise self._lost(number, error) from error
        if holds_states and len(base._digests) > 1:
            raise self._lost(number, "it has a second base, as no second base may have")
        self._bases[number] = base
        return base

    def _lost(self, number: int, reason: object) -> Damaged:
        return Damaged(f"{self._what} cannot be read: its base sha256:{self._digests[number]} is lost: {reason}")
