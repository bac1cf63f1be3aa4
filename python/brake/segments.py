"""Segments: files with many small objects and records (`cache/README.md`, "Segments")."""

from __future__ import annotations

import hashlib
import re
import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from . import frames
from .errors import BrakeError, Damaged, NotFound

_HEADER = bytes.fromhex("5b2a4d1808000000") + b"brseg\x01\0\0"
_OPENING = bytes.fromhex("5b2a4d1820000000") + b"group\0\0\0"
_HEAD_LENGTH = 40
_TAIL_LENGTH = 24
_GROUP_LIMIT = 1 << 20
_STORED_LIMIT = _GROUP_LIMIT + 4096
_FILE_LIMIT = 1 << 30
_ENTRY_LIMIT = 8 << 20
#: Bytes of the seals of a place that cannot be listed, at most.
_SEALS_LIMIT = 512 << 20
#: Files of a web server of which the end is kept, or that are open, at most.
_OPEN_LIMIT = 32
#: Times that a folder is listed while segments go from it.
_LOOKS = 8
_PLACE = struct.Struct("<32sIII")
RECORD, _NOTE = 2, 3


class _Place(NamedTuple):
    group: int
    """Where the head of its group stands in the file."""
    start: int
    length: int
    kind: int


class Entry(NamedTuple):
    """An object or record; its bytes are not compared with its name."""

    content: bytes
    note: Optional[bytes]


class _Segment:
    """A segment as far as it has been seen."""

    def __init__(self) -> None:
        self.size = -1
        self.end = 0
        self.seal: Optional[_Seal] = None
        self.objects: Dict[bytes, _Place] = {}
        self.records: Dict[bytes, _Place] = {}

    def update(self, file) -> None:
        """Looks at what has come since the last time; nothing comes behind a seal."""
        if self.seal is not None or file.size == self.size:
            return
        self.size = file.size
        if file.size < len(_HEADER) or file.size > _FILE_LIMIT or _is_later(file.read(0, len(_HEADER))):
            return
        self.seal = _Seal.of(file)
        if self.seal is not None:
            self.objects, self.records = {}, {}
            return
        self.end = self.end or len(_HEADER)
        at, gap = self.end, None
        while len(self.objects) + len(self.records) < _ENTRY_LIMIT:
            try:
                content, end = _group(file, at)
                found = list(_entries(content))
            except Damaged:
                # What is sound behind it counts. What was damage may be there at the next look, which begins with it.
                gap = at if gap is None else gap
                following = _behind(file, at)
                if following is None:
                    break
                at = following
                continue
            for kind, name, start, length in found:
                places = self.records if kind == RECORD else self.objects
                places.setdefault(name, _Place(at, start, length, kind))
            at = end
        self.end = at if gap is None else gap

    def look(self, file, room: int) -> int:
        """Reads the seal of a file that nothing is added to, if there is room for it; gives the bytes that it takes."""
        self.size = file.size
        self.seal = _Seal.of(file, room) if file.size <= _FILE_LIMIT else None
        return self.seal.size if self.seal is not None else 0

    def place(self, name: bytes, is_record: bool) -> Optional[_Place]:
        if self.seal is not None:
            return self.seal.place(name, is_record)
        return (self.records if is_record else self.objects).get(name)

    def names(self, is_record: bool, prefix: str) -> Iterator[str]:
        if self.seal is not None:
            return self.seal.names(is_record, prefix)
        places = self.records if is_record else self.objects
        return (name.hex() for name in places if name.hex().startswith(prefix))


class _Seal:
    """What a segment ends with: where everything is, sorted."""

    def __init__(self, bytes: bytes, groups: int, entries: int) -> None:
        self._bytes = bytes
        self._groups = struct.unpack_from(f"<{groups}Q", bytes, 8)
        self._start = 8 + 8 * groups
        self._count = entries

    @property
    def size(self) -> int:
        return len(self._bytes)

    @staticmethod
    def of(file, limit: int = _FILE_LIMIT) -> "Optional[_Seal]":
        """That of a file; None if it has none that is sound and of at most so many bytes."""
        if file.size < len(_HEADER) + 8 + _TAIL_LENGTH:
            return None
        groups, entries, check, mark = struct.unpack("<II8s8s", file.read(file.size - _TAIL_LENGTH, _TAIL_LENGTH))
        length = 8 + 8 * groups + _PLACE.size * entries + _TAIL_LENGTH
        if mark != b"brakeend" or entries > _ENTRY_LIMIT or length > min(limit, file.size - len(_HEADER)):
            return None
        bytes = file.read(file.size - length, length)
        if struct.unpack_from("<II", bytes) != (0x184D2A5B, length - 8):
            return None
        if hashlib.sha256(memoryview(bytes)[:-16]).digest()[:8] != check:
            return None
        return _Seal(bytes, groups, entries)

    def place(self, name: bytes, is_record: bool) -> Optional[_Place]:
        number = self._first(name)
        while number < self._count:
            digest, group, start, rest = self._entry(number)
            if digest != name:
                return None
            kind, length = rest & 255, rest >> 8
            if (kind == RECORD) == is_record and kind <= RECORD and group < len(self._groups):
                return _Place(self._groups[group], start, length, kind)
            number += 1
        return None

    def names(self, is_record: bool, prefix: str) -> Iterator[str]:
        number = self._first(bytes.fromhex(prefix.ljust(64, "0")))
        while number < self._count:
            digest, _, _, rest = self._entry(number)
            if not digest.hex().startswith(prefix):
                return
            if (rest & 255 == RECORD) == is_record:
                yield digest.hex()
            number += 1

    def _entry(self, number: int) -> Tuple[bytes, int, int, int]:
        return _PLACE.unpack_from(self._bytes, self._start + number * _PLACE.size)

    def _first(self, name: bytes) -> int:
        """The first entry that is not before a name."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle)[0] < name:
                low = middle + 1
            else:
                high = middle
        return low


def _is_later(header: bytes) -> bool:
    """Whether a segment that starts like this is one in a later version. What starts otherwise is read as far as it is sound."""
    return header[13] > _HEADER[13] and header[:13] == _HEADER[:13] and header[14:] == _HEADER[14:]


def _head(file, offset: int) -> Optional[Tuple[int, int, bytes]]:
    """The lengths of the frame and of its content, and its check, of the head at a place; None if no sound one is there."""
    if offset + _HEAD_LENGTH > file.size:
        return None
    head = file.read(offset, _HEAD_LENGTH)
    if head[:16] != _OPENING or hashlib.sha256(head[:32]).digest()[:8] != head[32:]:
        return None
    stored, length = struct.unpack_from("<II", head, 16)
    if not 1 <= length <= _GROUP_LIMIT or not 1 <= stored <= _STORED_LIMIT:
        return None
    return stored, length, head[24:32]


def _behind(file, offset: int) -> Optional[int]:
    """Where the next group may start behind one that is damaged; None if there is none."""
    head = _head(file, offset)
    if head is not None and offset + _HEAD_LENGTH + head[0] <= file.size:
        return offset + _HEAD_LENGTH + head[0]
    start = offset + 1
    while start + _HEAD_LENGTH <= file.size:
        part = file.read(start, min(_GROUP_LIMIT, file.size - start))
        found = part.find(_OPENING)
        while found >= 0:
            if _head(file, start + found) is not None:
                return start + found
            found = part.find(_OPENING, found + 1)
        start += len(part) - _HEAD_LENGTH + 1
    return None


def _group(file, offset: int) -> Tuple[bytes, int]:
    """The content of the group whose head stands at a place, and where it ends."""
    what = f"the group at byte {offset} of {file.path}"
    if offset + _HEAD_LENGTH > file.size:
        raise Damaged(f"{what} is cut short")
    head = _head(file, offset)
    if head is None:
        raise Damaged(f"{what} has no sound head")
    stored, length, check = head
    end = offset + _HEAD_LENGTH + stored
    if end > file.size:
        raise Damaged(f"{what} is cut short")
    frame = file.read(offset + _HEAD_LENGTH, stored)
    if hashlib.sha256(frame).digest()[:8] != check:
        raise Damaged(f"{what} does not match its check")
    (whole,) = frames.split(memoryview(frame), 1, what)
    return frames.decompress(whole, length, what), end


def _entries(content: bytes) -> Iterator[Tuple[int, bytes, int, int]]:
    """Kind, name, start and length of each object and record in a group."""
    place = 0
    while place < len(content):
        kind, length = content[place], int.from_bytes(content[place + 1 : place + 4], "little")
        start = place + (36 if kind == RECORD else 4)
        place = start + length
        if kind > _NOTE or place > len(content):
            raise Damaged("a group holds what is no entry")
        if kind == RECORD:
            yield kind, content[start - 32 : start], start, length
        elif kind != _NOTE:
            yield kind, hashlib.sha256(memoryview(content)[start:place]).digest(), start, length


class Segments:
    """All segments of a store. Each look sees what has been added since."""

    def __init__(self, folder) -> None:
        self._folder = folder
        self._known: Dict[str, _Segment] = {}
        #: Those that were set aside as if nothing needed them.
        self._aside: Dict[str, _Segment] = {}
        #: Files of a web server, the one last that was used last.
        self._files: Dict[str, Any] = {}
        self._room = _SEALS_LIMIT
        #: The group that was read last from a web server: what is asked for next mostly stands in it, too.
        self._last: Optional[Tuple[str, int, bytes]] = None

    def objects(self, digest: str) -> Iterator[Entry]:
        """What is kept under a digest, perhaps in several segments."""
        return self._find(bytes.fromhex(digest), is_record=False)

    def records(self, key: str) -> Iterator[Entry]:
        """What is kept under the key of an action."""
        return self._find(bytes.fromhex(key), is_record=True)

    def names(self, is_record: bool, prefix: str = "") -> List[str]:
        """The digests of objects, or keys of records, that start with these digits."""
        self._update()
        return [name for segment in self._known.values() for name in segment.names(is_record, prefix)]

    def _find(self, name: bytes, is_record: bool) -> Iterator[Entry]:
        damages: List[BrakeError] = []
        seen: Set[str] = set()
        while True:
            self._update()
            gone: List[str] = []
            # Newest first, of those that a catalogue names.
            for file_name, segment in reversed(list(self._known.items())):
                place = None if file_name in seen else segment.place(name, is_record)
                seen.add(file_name)
                if place is None:
                    continue
                try:
                    yield self._read(f"segments/{file_name}", segment, place)
                except Damaged as error:
                    damages.append(error)
                except NotFound:
                    gone.append(file_name)
            if not gone:
                break
            # What was needed of them was written to another one.
            for file_name in gone:
                self._known[file_name] = _Segment()
            self._folder.look_again()
        if self._folder.can_list:
            yield from self._find_aside(name, is_record, damages)
        if damages:
            raise damages[0]

    def _find_aside(self, name: bytes, is_record: bool, damages: List[BrakeError]) -> Iterator[Entry]:
        """What was set aside is there until it is removed."""
        self._aside = self._look("aside/segments", self._aside)
        for file_name, segment in self._aside.items():
            place = segment.place(name, is_record)
            if place is None:
                continue
            try:
                yield self._read(f"aside/segments/{file_name}", segment, place)
            except Damaged as error:
                damages.append(error)
            except NotFound:
                pass

    def _read(self, path: str, segment: _Segment, place: _Place) -> Entry:
        if self._folder.can_list:
            file = self._folder.open(path)
            if file is None:
                raise NotFound(f"{path} in {self._folder} has gone")
            content, _ = _group(file, place.group)
        else:
            if self._last is None or self._last[:2] != (path, place.group):
                content, _ = _group(self._opened(path, segment), place.group)
                self._last = (path, place.group, content)
            content = self._last[2]
        end = place.start + place.length
        if end > len(content):
            raise Damaged(f"the seal of {path} in {self._folder} leads beyond a group")
        note = None
        if content[end : end + 1] == bytes([_NOTE]):
            length = int.from_bytes(content[end + 1 : end + 4], "little")
            note = content[end + 4 : end + 4 + length]
        return Entry(content[place.start : end], note)

    def _opened(self, path: str, segment: Optional[_Segment] = None) -> Any:
        """A segment of a web server. Of few the file is kept, since its end is in memory, or all of it on the disk."""
        file = self._files.pop(path, None) or self._folder.open(path, _FILE_LIMIT)
        if file is None:
            raise NotFound(f"{self._folder}/{path} is not there")
        if segment is not None and file.size != segment.size:
            raise Damaged(f"{self._folder}/{path} is another file than it was")
        self._files[path] = file
        if len(self._files) > _OPEN_LIMIT:
            del self._files[next(iter(self._files))]
        return file

    def _update(self) -> None:
        if self._folder.can_list:
            self._known = self._look("segments", self._known)
        else:
            self._update_by_catalogue()

    def _look(self, folder: str, known: Dict[str, _Segment]) -> Dict[str, _Segment]:
        """The segments in a folder. One that goes after its name was seen was written to another one, so that all are looked for again."""
        for _ in range(_LOOKS):
            names = [name for name in self._folder.names(folder) if re.fullmatch("[0-9a-f]{32}", name)]
            found, has_gone = {}, False
            for name in names:
                segment = known.get(name) or _Segment()
                if segment.seal is None:
                    file = self._folder.open(f"{folder}/{name}")
                    if file is None:
                        has_gone = True
                        continue
                    segment.update(file)
                found[name] = segment
            known = found
            if not has_gone:
                break
        return known

    def _update_by_catalogue(self) -> None:
        """Looks at the seals of those that the catalogue names. What is not sealed, or gone, is passed over."""
        for name in self._folder.names("segments"):
            if name in self._known:
                continue
            segment = _Segment()
            try:
                self._room -= segment.look(self._opened(f"segments/{name}"), self._room)
            except (Damaged, NotFound):
                pass
            self._known[name] = segment
