"""Safetensors files on this machine, read and written (https://github.com/huggingface/safetensors#format)."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

import numpy

from . import canonical
from .arrays import stored
from .errors import BrakeError
from .readers import Memory
from .replacing import replacing
from .tensors import Tensors

PathLike = Union[str, "os.PathLike[str]"]


def read_tensors(path: PathLike) -> Tensors:
    """The tensors of a safetensors file by name: `read_tensors("tokens.safetensors")["tokens"].numpy()`.

    `metadata` is the free text that it holds. Nothing but the header is read before a tensor is asked for.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = numpy.memmap(file, numpy.uint8, "c") if size else numpy.empty(0, numpy.uint8)
    except (OSError, ValueError) as error:
        raise BrakeError(f"{os.fspath(path)} cannot be read: {error}") from error
    return Tensors(Memory(content), os.fspath(path))


def write_tensors(path: PathLike, tensors: Mapping[str, Any], metadata: Optional[Mapping[str, str]] = None) -> Path:
    """Writes arrays of numpy or tensors of torch, on any device and each in its own type, to a safetensors file.

    The same tensors give the same bytes, whatever their order. Gives the path.
    """
    arrays = {name: stored(value, f"the tensor {name!r}") for name, value in tensors.items()}
    header: Dict[str, Any] = {}
    if metadata:
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            raise BrakeError("metadata are texts, by names that are texts")
        header["__metadata__"] = dict(metadata)
    end = 0
    names = sorted(arrays)
    for name in names:
        dtype, array = arrays[name]
        if not isinstance(name, str) or name == "__metadata__":
            raise BrakeError(f"no tensor can be called {name!r}")
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = canonical.text(header).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as partial, open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(arrays[name][1].reshape(-1).view(numpy.uint8).data)
    return Path(path)
