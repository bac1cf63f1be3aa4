"""Folders as manifests (`cache/README.md`, "Trees")."""

from __future__ import annotations

import re
from typing import List, NamedTuple

from . import values
from .errors import BrakeError

#: Of the manifests of all versions.
ANY_OPENING = b'{"brake":"tree '
OPENING = b'{"brake":"tree 1","entries":['
#: Bytes of a manifest, and folders in folders, at most.
SIZE_LIMIT = 64 << 20
DEPTH_LIMIT = 128


class NoTree(BrakeError):
    """Bytes are not the manifest of a tree."""


class TreeEntry(NamedTuple):
    name: str
    mode: str
    """`644`, `755` for an executable file, or `tree`."""
    size: int
    digest: str
    """Its 64 digits."""


def parse(manifest: bytes, what: str) -> List[TreeEntry]:
    """The entries of a manifest. Whatever is not canonical, or cannot be made as a folder, is refused."""
    if not manifest.startswith(OPENING) or len(manifest) > SIZE_LIMIT:
        if re.match(rb'\{"brake":"tree (?!1")[1-9]', manifest):
            raise BrakeError(f"{what} is a tree of a version that only a newer brake knows")
        raise NoTree(f"{what} is not the manifest of a tree")
    try:
        document = values.parse(manifest)
        entries = [TreeEntry(e["name"], e["mode"], e["size"], e["digest"]) for e in document["entries"]]
        if values.canonical({"brake": "tree 1", "entries": [entry._asdict() for entry in entries]}) != manifest:
            raise ValueError("it is not canonical")
        names = []
        for entry in entries:
            fault = values.name_fault(entry.name)
            if fault is not None:
                raise ValueError(f"an entry is called {entry.name!r}: {fault}")
            if values.digits(entry.digest) is None or entry.mode not in ("644", "755", "tree"):
                raise ValueError(f"the entry {entry.name!r} is malformed")
            if type(entry.size) is not int or not 0 <= entry.size < 1 << 63:
                raise ValueError(f"the size of {entry.name!r} is out of range")
            names.append(entry.name.encode())
        if any(a >= b for a, b in zip(names, names[1:])):
            raise ValueError("its names are not sorted, or one stands twice")
    except (ValueError, KeyError, TypeError) as error:
        raise NoTree(f"{what} is not the manifest of a tree: {error}") from error
    return [entry._replace(digest=entry.digest[7:]) for entry in entries]
