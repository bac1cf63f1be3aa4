"""zstd frames whose content has a known length: nothing larger is ever made of them."""

from __future__ import annotations

import struct
from typing import Tuple

import zstandard

from .errors import Damaged

_MAGIC = b"\x28\xb5\x2f\xfd"
_WINDOW_LIMIT = 8 << 20


def decompress(frame: memoryview, length: int, what: str) -> bytes:
    """The content of one frame, which says itself that it has this length and a checksum.

    A decompressor is made for each call, since one must not be used by two threads at once.
    """
    try:
        parameters = zstandard.get_frame_parameters(frame)
        if parameters.content_size != length or not parameters.has_checksum:
            raise Damaged(f"{what}: a frame has no checksum, or another length than its place")
        content = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT).decompress(frame, max_output_size=length)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Damaged(f"{what}: {error}") from error
    if len(content) != length:
        raise Damaged(f"{what}: a frame has another length than it says")
    return content


def split(bytes: memoryview, count: int, what: str) -> Tuple[memoryview, ...]:
    """The frames of which some bytes consist, so many, without gaps."""
    frames = []
    start = 0
    for _ in range(count):
        end = _end(bytes, start)
        if end < 0:
            raise Damaged(f"{what} does not consist of {count} zstd frames")
        frames.append(bytes[start:end])
        start = end
    if start != len(bytes):
        raise Damaged(f"{what}: something follows its last frame")
    return tuple(frames)


def _end(bytes: memoryview, start: int) -> int:
    """Where a frame ends, by the headers of its blocks (RFC 8878, 3.1.1); negative if nowhere."""
    if bytes[start : start + 4] != _MAGIC or len(bytes) < start + 5:
        return -1
    descriptor = bytes[start + 4]
    is_single = descriptor >> 5 & 1
    size_length = (is_single, 2, 4, 8)[descriptor >> 6]
    dictionary_length = (0, 1, 2, 4)[descriptor & 3]
    place = start + 5 + (1 - is_single) + dictionary_length + size_length
    is_last = 0
    while not is_last:
        if place + 3 > len(bytes):
            return -1
        header = struct.unpack_from("<HB", bytes, place)
        header = header[0] | header[1] << 16
        is_last = header & 1
        # Of a repeated byte only one is stored.
        place += 3 + (1 if header >> 1 & 3 == 1 else header >> 3)
    place += 4 * (descriptor >> 2 & 1)
    return place if place <= len(bytes) else -1
