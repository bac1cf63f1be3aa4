"""What a script tells brake while it runs as a stage: how far it is, which files are finished, and where it goes on from.

A script runs just the same without brake. What a stage is told comes in two variables of the environment:

- `BRAKE_EVENTS`, the path of a file to which lines of canonical JSON are appended, each with one write:
  `{"event":"log","metrics":{"loss":2.5},"step":100}` and `{"event":"saved","path":"checkpoints/64.pt"}`;
- `BRAKE_RESUME`, a folder with what an earlier attempt had saved, under the same paths; it is not set if there was none.

Of the processes of one job, only the first tells anything: the one whose RANK, or else SLURM_PROCID or
OMPI_COMM_WORLD_RANK, is 0, or that has none of them.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from contextlib import contextmanager
from glob import escape, glob, has_magic
from pathlib import Path
from shutil import copyfile
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from . import canonical
from .arrays import whole
from .errors import BrakeError
from .replacing import flush, replacing

PathLike = Union[str, "os.PathLike[str]"]

#: Where the script started: a stage's own folder.
_FOLDER = Path.cwd()
_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK")
#: Seconds between two lines of progress for people.
_PAUSE = 1.0
_shown = -math.inf


def log(step: int, **metrics: Any) -> None:
    """Says how far a training is: `brake.log(step, loss=loss, lr=rate)`, as often as one likes.

    Metrics are numbers, also of numpy, or tensors of torch with one element. One that is not finite is told as such:
    `{"event":"log","metrics":{"loss":null},"not_finite":{"loss":"nan"},"step":100}`. Without brake, a terminal shows a line, at
    most one a second.
    """
    number = whole(step, "the step")
    values: Dict[str, Optional[float]] = {}
    strange: Dict[str, str] = {}
    for name, value in metrics.items():
        try:
            given = value.item() if hasattr(value, "item") else value
            plain = given if isinstance(given, int) and abs(given) < 1 << 53 else float(given)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise BrakeError(f"the metric {name!r} is to be one number, but {error}") from error
        values[name] = plain if math.isfinite(plain) else None
        if not math.isfinite(plain):
            strange[name] = str(plain)
    if not _is_first():
        return
    if "BRAKE_EVENTS" in os.environ:
        event: Dict[str, Any] = {"event": "log", "metrics": values, "step": number}
        _tell([{**event, "not_finite": strange} if strange else event])
    else:
        _show(number, values, strange)


def save(path: PathLike) -> Path:
    """Says that a file is finished, or all files in a folder: from then on an attempt that is stopped has not lost it.

    The file is flushed to the disk first, and is not to be changed afterwards; `saving` also sees to it that it is never there
    in part. Without brake, it is flushed and nothing else. Gives the path.
    """
    path = Path(path)
    place = Path(os.path.abspath(path))
    files = _files(place) if place.is_dir() else [place]
    try:
        for file in files:
            flush(file)
            flush(file.parent)
    except OSError as error:
        raise BrakeError(f"{path} cannot be saved: {error}") from error
    if "BRAKE_EVENTS" in os.environ and _is_first():
        _tell([{"event": "saved", "path": _inner(file)} for file in files])
    return path


@contextmanager
def saving(path: PathLike) -> Iterator[Path]:
    """A path to write a file or a folder to, which is called `path` once it is complete, and `save`d:

        with brake.saving("checkpoints/64.pt") as file:
            torch.save(state, file)

    Whatever is raised within leaves nothing behind. Folders on the way are made.
    """
    with replacing(path) as partial:
        yield partial
    save(path)


def resume(where: Optional[PathLike] = None, *, key: Optional[Callable[[Path], Any]] = None) -> Optional[Path]:
    """The newest file of those that were saved, to go on from; None to begin.

    `where` is a folder, each of whose entries counts, or a pattern such as `checkpoints/step-*.pt`. Newest is the last one in
    natural order of paths (`64.pt` comes before `128.pt`), or the one for whose path `key` gives the largest value.

    What an earlier attempt of the stage had saved is put where it was, unless there is something, so that outputs are complete
    again. Without brake, what is found is what the script's earlier run has left in the folder where it started; there,
    nothing is found without `where`.
    """
    base = _FOLDER
    earlier = os.environ.get("BRAKE_RESUME")
    if earlier is not None:
        if not os.path.isdir(earlier):
            raise BrakeError(f"BRAKE_RESUME is {earlier!r}, which is no folder")
        if _is_first():
            _restore(Path(earlier))
        else:
            base = Path(earlier)
    if where is None:
        found = [base / file.relative_to(earlier) for file in _files(Path(earlier))] if earlier is not None else []
    else:
        pattern = os.fspath(where)
        pattern = pattern if has_magic(pattern) else os.path.join(escape(pattern), "*")
        found = [Path(path) for path in glob(os.path.join(escape(str(base)), pattern))]
    return max(found, key=key or _natural, default=None)


def _is_first() -> bool:
    """Whether this process is the one of its job that speaks."""
    rank = next((os.environ[name] for name in _RANKS if name in os.environ), "0")
    return not rank.isdigit() or int(rank) == 0


def _natural(path: Path) -> List[Any]:
    """What makes numbers in names count: texts and numbers in turn."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split("([0-9]+)", str(path)))]


def _files(folder: Path) -> List[Path]:
    """All files in a folder, sorted, without links; what is hidden is not meant for others."""
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(path, name) for name in names if not name.startswith(".")]
    return sorted(file for file in found if file.is_file() and not file.is_symlink())


def _restore(earlier: Path) -> None:
    """Puts what an earlier attempt had saved where it was, and says so: it is saved in this attempt, too."""
    restored = []
    for file in _files(earlier):
        path = _FOLDER / file.relative_to(earlier)
        if not os.path.lexists(path):
            with replacing(path) as partial:
                copyfile(file, partial)
            restored.append(path)
    if restored and "BRAKE_EVENTS" in os.environ:
        _tell([{"event": "saved", "path": _inner(path)} for path in restored])


def _inner(path: Path) -> str:
    """A path from the folder of the stage."""
    try:
        return path.relative_to(_FOLDER).as_posix()
    except ValueError:
        raise BrakeError(f"{path} is not in the folder of the stage, {_FOLDER}, so nothing keeps it") from None


def _tell(events: List[Dict[str, Any]]) -> None:
    """Appends lines to the file of events, with one write for all of them, so that none is ever read in part."""
    try:
        lines = "".join(canonical.text(event) + "\n" for event in events).encode()
        descriptor = os.open(os.environ["BRAKE_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if os.write(descriptor, lines) != len(lines):
                raise OSError("there is no room for a whole line")
        finally:
            os.close(descriptor)
    except (OSError, UnicodeEncodeError) as error:
        raise BrakeError(f"brake cannot be told: {error}") from error


def _show(step: int, values: Dict[str, Optional[float]], strange: Dict[str, str]) -> None:
    global _shown
    if sys.stderr is None or not sys.stderr.isatty() or time.monotonic() - _shown < _PAUSE:
        return
    _shown = time.monotonic()
    shown: List[Tuple[str, str]] = [
        (name, strange[name] if value is None else f"{value:.5g}") for name, value in values.items()
    ]
    print(f"step {step}  " + "  ".join(f"{name} {text}" for name, text in shown), file=sys.stderr, flush=True)
