"""A store: a folder, or what a web server serves of one."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Dict, Iterator, List, Optional, Union

import numpy

from . import provenance, records, values
from .errors import Ambiguous, BrakeError, Damaged, NotFound
from .files import LocalFolder
from .names import Output
from .objects import ObjectFile
from .readers import Memory, Reader
from .records import Record
from .remote import RemoteFolder
from .segments import Segments

_FORMATS = (b"brake store 1\n", b"brake store 2\n", b"brake store 3\n")


class Store:
    """Artefacts and the records of how they were made, for reading. Nothing in it is ever changed from here."""

    def __init__(self, place: "Union[str, os.PathLike[str], None]" = None) -> None:
        """Opens a store.

        `place` is a folder, or the address of one, `https://…`. Without it, the folder that the variable
        BRAKE_STORE names, or else `cache/` in the current folder.
        """
        if place is None:
            place = os.environ.get("BRAKE_STORE") or "cache"
        is_remote = isinstance(place, str) and bool(re.match("https?://", place))
        self._folder: Union[LocalFolder, RemoteFolder] = RemoteFolder(str(place)) if is_remote else LocalFolder(place)
        self._segments = Segments(self._folder)
        self._is_known = False
        #: Whether the last object was found in a segment of a web server.
        self._is_in_segments = False
        if not is_remote:
            self._check_format()

    def __str__(self) -> str:
        return str(self._folder)

    def __repr__(self) -> str:
        return f"<Store {self}>"

    @property
    def can_list(self) -> bool:
        """Whether it can be searched. What a web server serves cannot."""
        return self._folder.can_list

    @property
    def fault(self) -> Optional[BrakeError]:
        """Why not all may be known that it holds; None if there is nothing like that."""
        return self._folder.fault if isinstance(self._folder, RemoteFolder) else None

    def _check_format(self) -> None:
        if self._is_known:
            return
        format = self._folder.open("format")
        if format is None:
            raise NotFound(f"there is no store in {self}")
        if format.read(0, min(format.size, 64)) not in _FORMATS:
            raise BrakeError(f"{self} is no store, or one that only a newer brake knows")
        self._is_known = True

    # Objects

    def readers(self, digest: str) -> Iterator[Reader]:
        """What is kept under the 64 digits of a digest, wherever it is: a file of its own first.

        Damaged is raised last, once there is no other place.
        """
        self._check_format()
        damage: Optional[BrakeError] = None
        if self._is_in_segments:
            # What stands beside what was read last is mostly there, too. It is proven by its digest, wherever it comes from.
            for reader in self._entries(digest, []):
                yield reader
        for path in self._places("objects", digest):
            try:
                file = self._folder.open(path)
                if file is not None:
                    yield ObjectFile(file, digest, self._object)
            except Damaged as error:
                damage = damage or error
        damages = [] if damage is None else [damage]
        for reader in self._entries(digest, damages):
            self._is_in_segments = not self.can_list
            yield reader
        if damages:
            raise damages[0]

    def _entries(self, digest: str, damages: List[BrakeError]) -> Iterator[Reader]:
        """What is kept under a digest in segments; what is damaged there is added to the list."""
        try:
            for entry in self._segments.objects(digest):
                if hashlib.sha256(entry.content).hexdigest() == digest:
                    yield Memory(numpy.frombuffer(bytearray(entry.content), numpy.uint8))
                else:
                    damages.append(Damaged(f"a segment in {self} holds other bytes than those of sha256:{digest}"))
        except Damaged as error:
            damages.append(error)

    def _object(self, digest: str):
        """The file of an object that has one of its own; None of any other."""
        files = (self._folder.open(path) for path in self._places("objects", digest))
        return next((file for file in files if file is not None), None)

    # Records

    def records(self) -> Iterator[Record]:
        """All records that are sound, in the order of their keys.

        What is damaged, or not believed, is passed over; what cannot be read is an error.
        """
        for key in self._names("actions", is_record=True):
            try:
                record = self.record(key)
            except BrakeError as error:
                # What could not be read may be sound: without it, a name could mean something else.
                if isinstance(error.__cause__, OSError):
                    raise
                continue
            if record is not None:
                yield record

    def record(self, key: str) -> Optional[Record]:
        """The record of the action with a key; None if there is none."""
        damage: Optional[BrakeError] = None
        for path in self._places("actions", key):
            file = self._folder.open(path)
            if file is None:
                continue
            try:
                if file.size > records.SIZE_LIMIT:
                    raise Damaged(f"{file.path} is larger than any record")
                return records.parse(file.read(0, file.size), key, self._note(key))
            except Damaged as error:
                damage = damage or error
        for entry in self._segments.records(key):
            try:
                return records.parse(entry.content, key, self._note(key) or entry.note)
            except Damaged as error:
                damage = damage or error
        if damage is not None:
            raise damage
        return None

    def _places(self, folder: str, digits: str) -> List[str]:
        """Where a file may be: what brake has set aside is there until it is removed. A web server is not asked for that."""
        return [f"{folder}/{digits[:2]}/{digits[2:]}", f"aside/{folder}/{digits}"][: 2 if self.can_list else 1]

    def _note(self, key: str) -> Optional[bytes]:
        try:
            file = self._folder.open(f"index/made/{key[:2]}/{key[2:]}") if self.can_list else None
            return file.read(0, file.size) if file is not None and file.size <= 4096 else None
        except BrakeError:
            return None

    # Notes

    def names_in(self, folder: str) -> List[str]:
        """What is in a folder of the store, sorted."""
        return self._folder.names(folder)

    def note(self, path: str, limit: int) -> bytes:
        """The bytes of a small file of the store."""
        file = self._folder.open(path)
        if file is None or file.size > limit:
            raise NotFound(f"there is no note {path} in {self}")
        return file.read(0, file.size)

    # Names

    def reference(self, name: str) -> str:
        """The 64 digits of the digest that a reference stands for."""
        parts = name.split("/")
        if len(parts) > 16 or any(values.name_fault(part) or part.startswith(".") for part in parts):
            raise NotFound(f"{name!r} cannot be the name of a reference")
        file = self._folder.open(f"refs/{name}")
        if file is None:
            raise NotFound(f"there is no reference {name!r} in {self}")
        digits = values.digits(str(file.read(0, min(file.size, 256)), "latin-1")[:-1])
        if digits is None or file.size != 72:
            raise Damaged(f"{file.path} holds no digest")
        return digits

    def resolve(self, name: str) -> str:
        """The 64 digits of the digest of what a name means. Nothing is read of the artefact itself."""
        if name.startswith("@"):
            return self.reference(name[1:])
        digits = values.digits(name)
        if digits is not None:
            return digits
        if not self.can_list:
            raise NotFound(f"{self} cannot be searched for {name!r}: a web server lists nothing, so give the whole digest")
        found: Dict[str, str] = {}
        match = re.fullmatch(r"(sha256:)?([0-9a-f]{8,64})(\.[^/]+)?", name)
        if match is not None and not (match[1] and match[3]):
            found.update(self._by_digits(match[2], (match[3] or "")[1:], is_digest=bool(match[1])))
        if not found and not name.startswith("sha256:"):
            found.update(self._by_stage(name))
            try:
                found[f"@{name}"] = self.reference(name)
            except NotFound:
                pass
        if not found:
            raise NotFound(
                f"nothing in {self} is called {name!r}: a digest (sha256:…), eight or more of its digits or of an action's "
                "key, @NAME of a reference, and stage[key].output[member] are found")
        if len(set(found.values())) > 1:
            listed = "".join(f"\n  {label}  sha256:{digest}" for label, digest in list(found.items())[:20])
            raise Ambiguous(f"{name!r} means {len(found)} artefacts in {self}; give the digest of one, or take what one run made, as "
                            f"with brake.runs(store)[-1].open(name):{listed}",
                            {label: f"sha256:{digest}" for label, digest in found.items()})  # fmt: skip
        return next(iter(found.values()))

    def _by_digits(self, digits: str, output: str, is_digest: bool) -> Dict[str, str]:
        found = {}
        if not output:
            found = {f"sha256:{digest}": digest for digest in self._names("objects", is_record=False, prefix=digits)}
        for key in [] if is_digest else self._names("actions", is_record=True, prefix=digits):
            record = self.record(key)
            for each in record.outputs if record is not None else []:
                if not output or output == each.label or output == each.name:
                    found[f"{key[:12]}.{each.label}"] = each.digest
        return found

    def _by_stage(self, name: str) -> Dict[str, str]:
        wanted = Output.parse(name)
        found: Dict[str, str] = {}
        if wanted is None:
            return found
        for record in self.records():
            for output in record.outputs:
                if wanted.matches(record.stage, output.name, output.key):
                    finished = provenance.made(record.note).get("finished")
                    is_time = isinstance(finished, str) and re.fullmatch(r"[0-9:TZ-]{20}", finished)
                    label = f"{record.stage}.{output.label} of the action {record.key[:12]}"
                    found[f"{label}, {finished}" if is_time else label] = output.digest
        return found

    def _names(self, folder: str, is_record: bool, prefix: str = "") -> List[str]:
        """The digests of objects or the keys of records that start with some digits, sorted."""
        if not self.can_list:
            raise NotFound(f"the records in {self} cannot be found: a web server lists nothing")
        names = set(self._segments.names(is_record, prefix))
        starts = [prefix[:2]] if prefix else self._folder.names(folder)
        for start in starts:
            if re.fullmatch("[0-9a-f]{2}", start):
                names.update(start + rest for rest in self._folder.names(f"{folder}/{start}"))
        return sorted(name for name in names if name.startswith(prefix) and re.fullmatch("[0-9a-f]{64}", name))
