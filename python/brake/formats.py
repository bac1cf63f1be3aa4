"""Writes what brake's analyses read, from any framework: docs/formats.md describes each format.

Numbers are lists, arrays of numpy or tensors of torch on any device. What would mean nothing is refused here, where its author
can see why. The same numbers give the same bytes. Each function gives the path that it has written.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

import numpy
from numpy import ndarray

from . import canonical, values
from .arrays import floats, is_torch, stored, whole
from .artefact import Artefact
from .errors import BrakeError
from .replacing import replacing
from .tensorfiles import PathLike, read_tensors, write_tensors

#: Below this no rounding takes a loss.
_LEAST_LOSS = -1e-3
#: Nats; what is typical of a training is not above this, whatever its vocabulary.
_LARGEST_MEAN = 20.0


def write_tokens(
    path: PathLike, tokens: Any, *, vocabulary: int, tokeniser: str, documents: Optional[Sequence[int]] = None,
    separator: Optional[int] = None,
) -> Path:  # fmt: skip
    """Writes a token stream, of which losses are measured: whole numbers from 0 to `vocabulary` - 1.

    `tokeniser` says whose tokens they are (`bytes`, `gpt2`, the digest of a tokenizer.json), `documents` where each document
    begins and the last one ends (without it, all is one), and `separator` which token stands behind each document, if any does.
    """
    vocabulary = whole(vocabulary, "the size of the vocabulary", 1, 1 << 22)
    stream = _wholes(tokens, "tokens")
    if stream.ndim != 1 or stream.size == 0:
        raise BrakeError(f"tokens are one after another, not of the shape {list(stream.shape)}")
    for extreme in (int(stream.min()), int(stream.max())):
        if not 0 <= extreme < vocabulary:
            raise BrakeError(f"the token {extreme} is not in a vocabulary of {vocabulary}")
    ends = numpy.array([0, stream.size]) if documents is None else _wholes(documents, "documents")
    if ends.ndim != 1 or ends.size < 2 or ends[0] != 0 or ends[-1] != stream.size or (numpy.diff(ends.astype("i8")) < 0).any():
        raise BrakeError(f"documents begin at 0, each not before the one before it, and the last ends at {stream.size}")
    if separator is not None:
        separator = whole(separator, "the separator", 0, vocabulary - 1)
    if not isinstance(tokeniser, str) or not tokeniser:
        raise BrakeError(f"the tokeniser is to have a name, not {tokeniser!r}")
    wide = vocabulary > 1 << 16
    return write_tensors(
        path, {"documents": ends.astype("<u8"), "tokens": stream.astype("<u4" if wide else "<u2")},
        {"format": "brake.tokens", "tokeniser": tokeniser, "vocabulary_size": str(vocabulary),
         "separator": "none" if separator is None else str(separator)})  # fmt: skip


def write_token_losses(
    path: PathLike, losses: Any, *, context: int, stream: "Union[str, os.PathLike[str], Artefact]"
) -> Path:
    """Writes a checkpoint's losses of the tokens of a stream, in nats, for `zsl.losses` and `zsl.ranking`.

    Number i is the loss of token i + 1 of the stream, from what stands before it in its window: window k predicts tokens
    k * context + 1 to (k + 1) * context. Numbers that are fewer than the stream has tokens are of its first ones. They are
    given one after another, or as windows of `context`.

    `stream` is the file of the stream, its artefact, or its digest, `sha256:…`.
    """
    context = whole(context, "the context", 1, 1 << 20)
    numbers = _losses(losses, "losses of tokens")
    if numbers.ndim not in (1, 2) or numbers.ndim == 2 and numbers.shape[1] != context:
        raise BrakeError(
            f"losses of tokens stand one after another, or in windows of {context}, not in the shape {list(numbers.shape)}")
    digest, count = _stream(stream)
    if count is not None and numbers.size >= count:
        raise BrakeError(f"a stream of {count} tokens predicts {count - 1}, but there are {numbers.size} losses")
    mean = float(numbers.mean(dtype="f8"))
    if mean > _LARGEST_MEAN and numbers.min() >= 1:
        warnings.warn(
            f"losses of tokens are in nats, but these have the mean {mean:.4g} and are nowhere below 1; are they perplexities, or sums?",
            stacklevel=2)
    return write_tensors(path, {"losses": numbers.reshape(-1)}, {"context": str(context), "stream": digest})


def write_gradients(path: PathLike, *, losses: Any, changes: Any, l1: Any, l2_squared: Any = None) -> Path:
    """Writes what an update does to first order to the losses of single tokens, for `zsl.prediction`.

    Of each token: its loss in nats before the update, the change that its gradient predicts, sum_j g_ij Delta_j in nats, and the
    l1 norm and, where it is known, the squared l2 norm of its gradient g_i.
    """
    tensors = {"losses": _losses(losses, "losses of tokens"), "sum_p": floats(changes, "predicted changes", "<f8"),
               "l1_g": floats(l1, "l1 norms", "<f8")}  # fmt: skip
    if l2_squared is not None:
        tensors["l2sq_g"] = floats(l2_squared, "squared l2 norms", "<f8")
    for name, numbers in tensors.items():
        if numbers.ndim != 1 or numbers.size != tensors["losses"].size:
            raise BrakeError(
                f"there is one number for each token, one after another: {name!r} has the shape {list(numbers.shape)}, "
                f"and losses {list(tensors['losses'].shape)}")
        if name in ("l1_g", "l2sq_g") and (numbers < 0).any():
            raise BrakeError(f"{name!r} holds a negative number, which no norm is")
    return write_tensors(path, tensors)


def write_update_losses(path: PathLike, before: Any, after: Any) -> Path:
    """Writes the losses of single tokens before and after updates, in nats, for `zsl.prediction`.

    Both are of the shape [updates, tokens], or of one update [tokens].
    """
    pair = [_losses(before, "losses before"), _losses(after, "losses after")]
    if pair[0].shape != pair[1].shape or pair[0].ndim not in (1, 2):
        raise BrakeError(
            "losses before and after updates have one shape, [updates, tokens] or [tokens], not "
            f"{list(pair[0].shape)} and {list(pair[1].shape)}")
    rows = [numbers.reshape(-1, numbers.shape[-1]) for numbers in pair]
    return write_tensors(path, {"train.before": rows[0], "train.after": rows[1]})


def write_curve(path: PathLike, steps: Any, losses: Any, *, run: str) -> Path:
    """Writes a training's mean loss a token at each step, in nats, for `curve.prepare`: steps ascend, losses are above 0."""
    fault = values.label_fault(run, 200)
    if fault is not None:
        raise BrakeError(f"{run!r} is no name of a run: {fault}")
    order, numbers = _wholes(steps, "steps"), floats(losses, "losses", "<f8")
    if order.ndim != 1 or order.shape != numbers.shape:
        raise BrakeError(f"there is one loss a step, not {list(numbers.shape)} losses for {list(order.shape)} steps")
    wrong = numpy.flatnonzero(order[1:] <= order[:-1])
    if wrong.size:
        raise BrakeError(f"steps ascend, but {order[wrong[0] + 1]} follows {order[wrong[0]]}")
    if order[0] < 0 or order[-1] >= 1 << 53:
        raise BrakeError(f"steps are from 0 to 2^53, but there is {order[0] if order[0] < 0 else order[-1]}")
    if (numbers <= 0).any():
        place = int(numpy.argmax(numbers <= 0))
        raise BrakeError(f"losses are above 0, but that of step {order[place]} is {numbers[place]}")
    about = canonical.text({"notes": [], "prepared": False, "run": run})
    rows = "".join(f"{step},{loss!r}\n" for step, loss in zip(order.tolist(), numbers.tolist()))
    with replacing(path) as partial:
        partial.write_bytes(f"# {about}\nstep,loss\n{rows}".encode())
    return Path(path)


def write_checkpoint(path: PathLike, weights: Mapping[str, Any], config: Mapping[str, Any]) -> Path:
    """Writes a model's weights for all that takes a checkpoint, such as `zsl.dissent` and `zsl.gradients`.

    `weights` are called as transformers calls them, as in a `state_dict()`, and `config` is the model's `config.json`. Floats of
    any width are kept as they are.
    """
    if not weights:
        raise BrakeError("there are no weights")
    for name, value in weights.items():
        dtype, array = stored(value, f"the parameter {name!r}")
        if dtype not in ("F64", "F32", "F16", "BF16"):
            raise BrakeError(f"the parameter {name!r} is of {dtype}; weights are F64, F32, F16 or BF16")
        # Of a bfloat16 the bits are here: all ones in the exponent is what is not finite.
        finite = (array & 0x7F80) != 0x7F80 if dtype == "BF16" else numpy.isfinite(array)
        if not finite.all():
            raise BrakeError(f"the parameter {name!r} is not finite everywhere")
    if not isinstance(config.get("model_type"), str):
        raise BrakeError("the configuration has no 'model_type', as config.json of transformers has")
    try:
        text = canonical.text(dict(config))
    except (ValueError, TypeError) as error:
        raise BrakeError(f"the configuration is no JSON: {error}") from error
    return write_tensors(path, weights, {"config": text, "format": "pt"})


def _losses(value: Any, what: str) -> ndarray:
    numbers = floats(value, what, "<f4")
    if numbers.min() < _LEAST_LOSS:
        raise BrakeError(f"{what} are in nats and not negative, but there is {numbers.min()}; are they log-probabilities?")
    return numbers


def _wholes(value: Any, what: str) -> ndarray:
    array = stored(value, what)[1] if is_torch(value) else numpy.asarray(value)
    if array.size == 0:
        raise BrakeError(f"{what} are none: there is no number")
    if array.dtype.kind not in "iu":
        raise BrakeError(f"{what} are whole numbers, not {array.dtype.name}")
    return array


def _stream(stream: "Union[str, os.PathLike[str], Artefact]") -> Tuple[str, Optional[int]]:
    """The digest of a token stream, and how many tokens it has where that can be seen."""
    if isinstance(stream, Artefact):
        return stream.digest, stream.tensor("tokens").shape[0]
    if isinstance(stream, str) and stream.startswith("sha256:"):
        if values.digits(stream) is None:
            raise BrakeError(f"{stream!r} is no whole digest of a token stream")
        return stream, None
    tensors = read_tensors(stream)
    if tensors.metadata.get("format") != "brake.tokens":
        raise BrakeError(f"{os.fspath(stream)} is no token stream; text.tokenise and brake.write_tokens make one")
    hash = hashlib.sha256()
    try:
        with open(stream, "rb") as file:
            while block := file.read(1 << 22):
                hash.update(block)
    except OSError as error:
        raise BrakeError(f"{os.fspath(stream)} cannot be read: {error}") from error
    return f"sha256:{hash.hexdigest()}", tensors.find("tokens").shape[0]
