"""Tensors of a safetensors file, read one by one or in part (https://github.com/huggingface/safetensors#format)."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

import numpy
from numpy import ndarray

from . import values
from .errors import BrakeError, NotFound
from .readers import Reader

_HEADER_LIMIT = 100_000_000
#: numpy's type; that of a bfloat16 and of the small floats is one for their bits.
_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "U16": "<u2", "I16": "<i2", "F16": "<f2", "BF16": "<u2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip
_TORCH = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "U16": "uint16", "I16": "int16", "F16": "float16", "BF16": "bfloat16",
    "U32": "uint32", "I32": "int32", "F32": "float32", "U64": "uint64", "I64": "int64", "F64": "float64",
}  # fmt: skip


class Tensor:
    """One tensor, of which nothing has been read yet. `tensor[10:20]` reads these rows and nothing else.

    What is read has passed the checksums of its frames. That it belongs to the digest is proven only by reading the
    whole artefact, as `Artefact.numpy()` and `Artefact.torch()` do.
    """

    def __init__(self, reader: Reader, name: str, dtype: str, shape: Tuple[int, ...], start: int) -> None:
        self._reader = reader
        self._start = start
        self.name = name
        #: As safetensors calls it: `F32`, `BF16`, `I64`, ...
        self.dtype = dtype
        self.shape = shape

    def __repr__(self) -> str:
        return f"<Tensor {self.name!r} {self.dtype} {list(self.shape)}>"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("the tensor has no dimensions")
        return self.shape[0]

    def numpy(self) -> ndarray:
        """All of it. numpy has no bfloat16: as `float32`, which holds every bfloat16 exactly."""
        return self._values(self._read(None))

    def torch(self, rows: Optional[slice] = None) -> Any:
        """All of it, or some rows, as a tensor of torch of its own type, in the memory that it was decoded into."""
        return torch_tensor(self._read(rows), self.dtype)

    def bits(self) -> ndarray:
        """All of it as unsigned integers of the elements' width, whatever they mean."""
        return self._read(None)

    def __getitem__(self, index: Any) -> ndarray:
        first, others = (index[0], index[1:]) if isinstance(index, tuple) and index else (index, ())
        inner: Any = 0
        if self.shape and isinstance(first, (int, numpy.integer)) and not isinstance(first, bool):
            row = int(first) + (self.shape[0] if first < 0 else 0)
            if not 0 <= row < self.shape[0]:
                raise IndexError(f"{self.name} has {self.shape[0]} rows")
            rows = slice(row, row + 1)
        elif self.shape and isinstance(first, slice) and (first.step is None or first.step > 0):
            rows, inner = slice(first.start, first.stop), slice(None, None, first.step)
        else:
            return self.numpy()[index]
        return self._values(self._read(rows))[(inner,) + tuple(others)]

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> ndarray:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def _read(self, rows: Optional[slice]) -> ndarray:
        width = numpy.dtype(_TYPES[self.dtype]).itemsize
        shape, start = self.shape, self._start
        if rows is not None:
            if not shape:
                raise IndexError(f"{self.name} has no rows")
            first, end, step = rows.indices(shape[0])
            if step != 1:
                raise IndexError("rows that are read alone follow each other")
            shape = (max(0, end - first), *shape[1:])
            start += first * math.prod(shape[1:]) * width
        count = math.prod(shape)
        bytes = self._reader.array(start, start + count * width) if count else numpy.empty(0, numpy.uint8)
        # Tensors in the middle of a file need not stand where their elements could be read at once.
        if bytes.ctypes.data % width:
            bytes = bytes.copy()
        return bytes.view(f"<u{width}").reshape(shape)

    def _values(self, bits: ndarray) -> ndarray:
        if self.dtype == "BF16":
            wide = bits.astype("<u4")
            wide <<= 16
            return wide.view("<f4")
        if self.dtype == "BOOL":
            return bits != 0
        if self.dtype.startswith("F8"):
            raise BrakeError(f"numpy has no {self.dtype}; torch() gives {self.name} as it is, and bits() its bits")
        return bits.view(_TYPES[self.dtype])


class Tensors(Mapping[str, Tensor]):
    """The tensors of a safetensors file by name. `metadata` is the free text that it holds."""

    def __init__(self, reader: Reader, what: str) -> None:
        """Reads the header and nothing else."""
        self._what = what
        length = int.from_bytes(reader.array(0, min(8, reader.size)).tobytes(), "little")
        if reader.size < 8 or length > min(_HEADER_LIMIT, reader.size - 8):
            raise BrakeError(f"{what} is no safetensors file: it has no room for its header")
        try:
            members = values.parse(reader.array(8, 8 + length).tobytes())
            self.metadata: Dict[str, str] = dict(members.pop("__metadata__", {}))
            tensors = [
                (*_range(member), name, member["dtype"], tuple(member["shape"])) for name, member in members.items()
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrakeError(f"{what} is no safetensors file: its header is malformed ({error!r})") from error
        # In the order of their bytes.
        tensors.sort(key=lambda tensor: tensor[:2])
        self._tensors: Dict[str, Tensor] = {}
        end = 0
        for start, stop, name, dtype, shape in tensors:
            if start != end:
                raise BrakeError(f"{what} is no safetensors file: {name!r} overlaps another tensor, or leaves a gap")
            self._tensors[name] = Tensor(reader, name, dtype, shape, 8 + length + start)
            end = stop
        if end != reader.size - 8 - length:
            raise BrakeError(f"{what} is no safetensors file: its tensors do not fill it")

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"<Tensors of {self._what}: {len(self)}>"

    def find(self, name: str) -> Tensor:
        """The tensor of a name, or an error that says that there is none."""
        if name not in self._tensors:
            raise NotFound(f"{self._what} has no tensor {name!r}")
        return self._tensors[name]


def _range(member: Dict[str, Any]) -> Tuple[int, int]:
    """Where a tensor's bytes are, if its type and shape fit."""
    start, stop = member["data_offsets"]
    shape = member["shape"]
    if any(type(number) is not int or number < 0 for number in [start, stop, *shape]) or len(shape) > 32:
        raise ValueError("a shape or an offset is no whole number")
    # More than any array can have, and nobody can count, though there be none of them.
    if math.prod(number for number in shape if number) >= 1 << 60:
        raise ValueError("a shape is larger than any array")
    if stop - start != math.prod(shape) * numpy.dtype(_TYPES[member["dtype"]]).itemsize:
        raise ValueError("a tensor has another size than its type and shape")
    return start, stop


def torch_tensor(bits: ndarray, dtype: str) -> Any:
    """The tensor of torch that shares an array's memory."""
    torch = needed("torch")
    kind = getattr(torch, _TORCH[dtype], None)
    if kind is None:
        raise BrakeError(f"this version of torch has no {_TORCH[dtype]}")
    return torch.from_numpy(bits.view(f"<i{bits.dtype.itemsize}")).view(kind)


def needed(package: str) -> Any:
    """A package that not everybody needs."""
    try:
        return __import__(package)
    except ImportError as error:
        raise BrakeError(f"this needs {package}, which is not installed: pip install {package}") from error
