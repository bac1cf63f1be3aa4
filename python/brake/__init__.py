"""Artefacts of brake in Python, by digest, by name, or by the line that somebody sent; and scripts that run as its stages.

    artefact = brake.open("sha256:…")
    artefact.tensor("weight")[10:20]

    start = brake.resume("checkpoints")
    brake.log(step, loss=loss)
    with brake.saving("losses/64.safetensors") as file:
        brake.write_token_losses(file, losses, context=64, stream="tokens.safetensors")

Everything is read from stores that brake has written, in the format that `cache/README.md` describes, and verified. What is
written for analyses is as `docs/formats.md` describes it. Whatever is wrong is a `BrakeError`.
"""

from __future__ import annotations

import os
from typing import Union

from .artefact import Artefact
from .errors import Ambiguous, BrakeError, Damaged, Forbidden, NotFound
from .formats import (
    write_checkpoint, write_curve, write_gradients, write_token_losses, write_tokens, write_update_losses,
)  # fmt: skip
from .names import Line as _Line
from .runs import Run, Runs, runs
from .stage import log, resume, save, saving
from .store import Store
from .tensorfiles import read_tensors, write_tensors
from .tensors import Tensor, Tensors

__all__ = [
    "Ambiguous", "Artefact", "BrakeError", "Damaged", "Forbidden", "NotFound", "Run", "Runs", "Store", "Tensor", "Tensors", "log", "open",
    "read_tensors", "resume", "runs", "save", "saving", "write_checkpoint", "write_curve", "write_gradients", "write_tensors",
    "write_token_losses", "write_tokens", "write_update_losses",
]  # fmt: skip


def open(name: str, store: "Union[Store, str, os.PathLike[str], None]" = None) -> Artefact:
    """The artefact of a name.

    `name` is `sha256:` and eight or more digits of a digest, the same digits of an action's key
    (`1a2b3c4d.losses`), `@NAME` of a reference, or `stage[key].output[member]`, of which all records that the store has
    are considered. Behind a whole digest can stand where to get it from, `sha256:…?from=https://host/path` or
    `?from=/folder`, and behind any name `#NAME` of a tensor.

    `store` is one, or its folder or address. Without it, the folder that BRAKE_STORE names, or else `cache/`.
    """
    line = _Line.parse(name)
    stores = []
    try:
        stores.append(store if isinstance(store, Store) else Store(store))
    except NotFound:
        # Nobody needs a store to read from another one.
        if store is not None or line.remote is None:
            raise
    own = list(stores)
    if line.remote is not None:
        stores.append(Store(line.remote))
    artefact = Artefact(stores[0].resolve(line.name), stores, line.fragment, line.lineage, own)
    artefact.check()
    return artefact
