"""Second moments of an optimiser, predicted from the first ones (`cache/README.md`, codec 5).

Every operation is one of IEEE 754 on float64, or rounds to float32, so that every machine gives the same bits.
"""

from __future__ import annotations

import numpy

from .errors import BrakeError

#: Bytes of the rates that stand before the planes of a chunk.
RATES_LENGTH = 16


def predict(rates: bytes, now: numpy.ndarray, before: numpy.ndarray, second: numpy.ndarray) -> numpy.ndarray:
    """What second moments are likely to be, as bytes: from the bytes of the first ones now and before, and of the second before."""
    check_subnormals()
    of_first, of_gradient, of_second, of_square = (float(rate) for rate in numpy.frombuffer(rates, "<f4"))
    now, before, second = (numpy.frombuffer(part.tobytes(), "<f4") for part in (now, before, second))
    with numpy.errstate(all="ignore"):
        change = now.astype("<f8") - of_first * before.astype("<f8")
        gradient = (change / numpy.float64(of_gradient)).astype("<f4").astype("<f8")
        square = (gradient * gradient).astype("<f4").astype("<f8")
        part = (of_square * square).astype("<f4").astype("<f8")
        sums = (of_second * second.astype("<f8") + part).astype("<f4")
    bits = numpy.where(numpy.isnan(sums), second.view("<u4"), sums.view("<u4"))
    return bits.astype("<u4").view(numpy.uint8)


def check_subnormals() -> None:
    """Refuses to compute where the processor takes the smallest numbers for zero, which a thread can be told at any time."""
    with numpy.errstate(all="ignore"):
        is_read = numpy.array([1], "<u4").view("<f4").astype("<f8").view("<u8")[0] != 0
        is_made = numpy.array([0x3730 << 48], "<u8").view("<f8").astype("<f4").view("<u4")[0] != 0
    if not (is_read and is_made):
        raise BrakeError(
            "what an optimiser has made cannot be read while this thread takes subnormal numbers for zero, which would give wrong bytes: "
            "call torch.set_flush_denormal(False), or do not load the library that was built with -ffast-math, and read again"
        )
