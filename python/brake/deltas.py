"""Elements that are kept as differences from those of another object (`cache/README.md`, codecs 3 to 6)."""

from __future__ import annotations

from typing import Sequence

import numpy


def join(planes: Sequence[numpy.ndarray], base: numpy.ndarray, are_floats: bool) -> numpy.ndarray:
    """The bytes of elements, of the planes of their differences and the bytes of the elements that these are from."""
    width = len(planes)
    columns = numpy.empty((len(planes[0]), width), numpy.uint8)
    for number, plane in enumerate(planes):
        columns[:, number] = plane
    word = numpy.dtype(f"<u{width}")
    differences = columns.reshape(-1).view(word)
    # 0, 1, 2, 3 ... stand for 0, -1, 1, -2 ...
    differences = (differences >> word.type(1)) ^ -(differences & word.type(1))
    elements = numpy.frombuffer(base.tobytes(), word)
    sign = word.type(1 << (8 * width - 1))
    if are_floats:
        elements = numpy.where(elements & sign, ~elements, elements | sign)
    elements = elements + differences
    if are_floats:
        elements = numpy.where(elements & sign, elements ^ sign, ~elements)
    return elements.astype(word).view(numpy.uint8)
