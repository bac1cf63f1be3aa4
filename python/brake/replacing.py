"""Files that are complete under their names, or not there at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from .errors import BrakeError


@contextmanager
def replacing(path: "Union[str, os.PathLike[str]]") -> Iterator[Path]:
    """A path to write a file or folder to, which takes the place of this one at the end, flushed to the disk.

    It is called the same and stands in a hidden folder beside this one: some writers go by a file's name, or write it into the
    file. Folders on the way are made. Whatever is raised within leaves what was there as it was.
    """
    path = Path(path)
    hidden = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = tempfile.mkdtemp(prefix=".partial-", dir=path.parent)
        partial = Path(hidden, path.name)
        yield partial
        if not partial.exists():
            raise BrakeError(f"nothing was written to {partial}, so there is no {path}")
        for folder, _, names in os.walk(partial):
            for name in names:
                flush(Path(folder, name))
            flush(Path(folder))
        if partial.is_dir() and path.is_dir():
            # Nothing takes the place of a folder at once.
            old = Path(hidden, "." + path.name)
            try:
                os.rename(path, old)
                os.rename(partial, path)
            except BaseException:
                if old.exists() and not path.exists():
                    os.rename(old, path)
                elif old.exists():
                    # Somebody has made another one there in the meantime: then both stay.
                    os.rename(old, path.with_name(f"{path.name}.old-{os.path.basename(hidden)[9:]}"))
                raise
        else:
            if partial.is_file():
                flush(partial)
            os.replace(partial, path)
        flush(path.parent)
    except OSError as error:
        raise BrakeError(f"{path} cannot be written: {error}") from error
    finally:
        if hidden is not None:
            shutil.rmtree(hidden, ignore_errors=True)


def flush(path: Path) -> None:
    """Has the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some file systems flush no folders; no harm is done where they need none.
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
