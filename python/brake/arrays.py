"""What somebody gives as numbers: lists, arrays of numpy, tensors of torch on any device."""

from __future__ import annotations

import sys
from typing import Any, Tuple

import numpy
from numpy import ndarray

from .errors import BrakeError

#: safetensors' names of numpy's types.
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "float16": "F16", "uint32": "U32",
    "int32": "I32", "float32": "F32", "uint64": "U64", "int64": "I64", "float64": "F64",
}  # fmt: skip
_TORCH_ONLY = {"torch.bfloat16": "BF16", "torch.float8_e4m3fn": "F8_E4M3", "torch.float8_e5m2": "F8_E5M2"}


def is_torch(value: Any) -> bool:
    """Whether it is a tensor of torch; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def stored(value: Any, what: str) -> Tuple[str, ndarray]:
    """The type of an array as safetensors calls it, and its elements, row-major and little-endian."""
    if is_torch(value):
        value = value.detach().cpu().contiguous()
        dtype = _TORCH_ONLY.get(str(value.dtype))
        if dtype is not None:
            torch = sys.modules["torch"]
            width = value.element_size()
            return dtype, value.view({1: torch.uint8, 2: torch.int16}[width]).numpy().view(f"<u{width}")
        value = value.numpy()
    array = numpy.asarray(value)
    if array.dtype.name not in _NAMES:
        raise BrakeError(f"{what} is an array of {array.dtype.name}, which no tensor file holds")
    return _NAMES[array.dtype.name], numpy.asarray(array, array.dtype.newbyteorder("<"), order="C")


def floats(value: Any, what: str, dtype: str) -> ndarray:
    """Finite numbers as `<f4` or `<f8`, rounded to the nearest; at least one."""
    if is_torch(value):
        value = value.detach().cpu()
        if str(value.dtype) in _TORCH_ONLY:
            value = value.float()
        value = value.numpy()
    try:
        array = numpy.asarray(value)
        kind = array.dtype.kind
        if kind not in "fiu":
            raise ValueError(f"they are {array.dtype.name}")
        with numpy.errstate(over="ignore"):
            numbers = array.astype(dtype)
    except (ValueError, TypeError) as error:
        raise BrakeError(f"{what} are to be numbers, but {error}") from error
    if numbers.size == 0:
        raise BrakeError(f"{what} are none: there is no number")
    unsound = ~numpy.isfinite(numbers)
    if unsound.any():
        place = int(numpy.argmax(unsound.reshape(-1)))
        width = "float32" if dtype == "<f4" else "float64"
        raise BrakeError(f"{what} are to be finite in {width}, but that at {place} is {array.reshape(-1)[place]}")
    return numbers


def whole(value: Any, what: str, least: int = 0, most: int = 1 << 53) -> int:
    """A whole number in a range."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise BrakeError(f"{what} is to be a whole number, not {value!r}")
    number = int(value.__index__())
    if not least <= number <= most:
        raise BrakeError(f"{what} is to be a whole number from {least} to {most}, not {number}")
    return number
