"""Second moments of an optimiser, predicted from the first ones (`cache/README.md`, codec 5).

Every operation is one of IEEE 754 on float64, or rounds to float32, so that every machine gives the same bits.
"""

from __future__ import annotations

import numpy

#: Bytes of the rates that stand before the planes of a chunk.
RATES_LENGTH = 16


def predict(rates: bytes, now: numpy.ndarray, before: numpy.ndarray, second: numpy.ndarray) -> numpy.ndarray:
    """What second moments are likely to be, as bytes: from the bytes of the first ones now and before, and of the second before."""
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
