"""Weights after an update, predicted from those before and from an optimiser's moments (`cache/README.md`, codec 6).

Every operation is one of IEEE 754 on float32 or float64, or rounds to float32, so that every machine gives the same bits.
"""

from __future__ import annotations

import numpy

from .errors import Damaged
from .moments import check_subnormals

_STRETCH = numpy.dtype([("count", "<u4"), ("decay", "<f4"), ("step", "<f4"), ("floor", "<f4")])
#: Bytes of the frame before the planes, for each stretch of weights that were updated alike.
STRETCH_LENGTH = _STRETCH.itemsize
#: Stretches of a chunk, at most.
STRETCH_LIMIT = 64


def predict(stretches: bytes, weights: numpy.ndarray, first: numpy.ndarray, second: numpy.ndarray, what: str) -> numpy.ndarray:
    """What weights are likely to be, as bytes: from the bytes of those before, and of first and second moments after the update."""
    check_subnormals()
    rates = numpy.frombuffer(stretches, _STRETCH)
    counts = rates["count"].astype("i8")
    weights, first, second = (numpy.frombuffer(part.tobytes(), "<f4") for part in (weights, first, second))
    if (counts == 0).any() or counts.sum() != weights.size:
        raise Damaged(f"{what}: the stretches of its updated weights do not add up")
    decay, step, floor = (numpy.repeat(rates[name], counts) for name in ("decay", "step", "floor"))
    with numpy.errstate(all="ignore"):
        before = weights.astype("<f8")
        kept = (before - decay.astype("<f8") * before).astype("<f4")
        result = kept - (step * first) / (numpy.sqrt(second) + floor)
    bits = numpy.where(numpy.isnan(result), weights.view("<u4"), result.astype("<f4").view("<u4"))
    return bits.astype("<u4").view(numpy.uint8)
