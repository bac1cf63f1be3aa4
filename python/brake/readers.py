"""Bytes of an object, from wherever they are kept."""

from __future__ import annotations

import os
from typing import Iterator, Optional

import numpy

from .errors import BrakeError


def check_memory(size: int) -> None:
    """Refuses what no memory of this machine can hold, whoever says that there is so much."""
    if size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise BrakeError(f"there is no memory for {size} bytes; read a part, or save it to a file")


def empty(size: int) -> numpy.ndarray:
    """An array for so many bytes."""
    check_memory(size)
    try:
        return numpy.empty(size, numpy.uint8)
    except (MemoryError, ValueError) as error:
        raise BrakeError(f"there is no memory for {size} bytes") from error


class Reader:
    """An object that is open for reading at any place."""

    size: int
    #: Whether it can be kept open at no cost.
    is_cheap = True

    def blocks(self, start: int = 0, stop: Optional[int] = None) -> Iterator[numpy.ndarray]:
        """The bytes from one place to another, in arrays of `uint8`."""
        raise NotImplementedError

    def array(self, start: int, stop: int) -> numpy.ndarray:
        """The same in one array."""
        whole = empty(stop - start)
        place = 0
        for block in self.blocks(start, stop):
            whole[place : place + len(block)] = block
            place += len(block)
        return whole


class Memory(Reader):
    """Bytes in memory: arrays are views of them."""

    def __init__(self, bytes: numpy.ndarray) -> None:
        self._bytes = bytes
        self.size = len(bytes)

    def blocks(self, start: int = 0, stop: Optional[int] = None) -> Iterator[numpy.ndarray]:
        yield self._bytes[start:stop]

    def array(self, start: int, stop: int) -> numpy.ndarray:
        return self._bytes[start:stop]
