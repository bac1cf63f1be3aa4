"""An artefact: bytes or a folder that never change."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

import numpy
from numpy import ndarray

from . import html, provenance, trees
from .errors import BrakeError, Damaged, NotFound
from .readers import Memory, Reader, check_memory, empty
from .records import Record
from .tensors import Tensor, Tensors, needed

if TYPE_CHECKING:
    from .store import Store

_Bytes = bytes
_Result = TypeVar("_Result")
_ENTRY_LIMIT = 10_000_000
# Bytes of the records that a stranger's line names: all of them are in memory at once.
_RECORDS_LIMIT = 256 << 20


class Artefact:
    """A file (`kind` is `blob`) or a folder (`tree`) that never changes, named by the SHA-256 of its bytes.

    Whatever reads all of it has compared every byte with the digest when it returns.
    """

    def __init__(
        self, digits: str, stores: "Sequence[Store]", fragment: Optional[str] = None, lineage: Optional[str] = None,
        own: "Optional[Sequence[Store]]" = None,
    ) -> None:  # fmt: skip
        #: `sha256:` and 64 digits.
        self.digest = f"sha256:{digits}"
        #: The name of a tensor that stood behind `#`.
        self.fragment = fragment
        self._digits = digits
        self._stores = stores
        # Those of the stores that are not just where a line says that it is.
        self._own = stores if own is None else own
        # The digits of the list of the records of how it was made, where somebody has named it.
        self._lineage = lineage
        self._kept: Optional[Reader] = None
        self._entries: Optional[List[trees.TreeEntry]] = None
        self._tensors: Optional[Tensors] = None
        self._length: Optional[int] = None
        self._is_blob = False

    def __repr__(self) -> str:
        return f"<Artefact {self.digest} {self.kind}>"

    def _repr_html_(self) -> str:
        return html.of_artefact(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Artefact) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    # What it is

    @property
    def kind(self) -> str:
        """`blob` or `tree`. Whatever has the bytes of a tree's manifest is a tree."""
        return "blob" if self._tree() is None else "tree"

    @property
    def size(self) -> int:
        """Bytes of the file, or of all files in the folder. Until it is read, this is what the store says."""
        tree = self._tree()
        return self.check() if tree is None else sum(entry.size for entry in tree)

    def check(self) -> int:
        """Finds out whether there is such an artefact; gives how many bytes it, or its manifest, says to have."""
        if self._length is None:
            self._length = self._with_reader(lambda reader: reader.size)
        return self._length

    # All of it

    def bytes(self) -> "_Bytes":
        """The bytes of the file; of a folder, of its manifest."""

        return self._read(None)

    def _read(self, limit: Optional[int]) -> "_Bytes":
        """The same, of what may not be larger than the limit."""

        def read(reader: Reader) -> _Bytes:
            check_memory(reader.size)
            if limit is not None and reader.size > limit:
                raise BrakeError(f"{self.digest} has {reader.size} bytes, more than the {limit} that it may have")
            stream = io.BytesIO()
            try:
                self._copy(reader, stream.write)
            except MemoryError as error:
                raise BrakeError(f"there is no memory for the {reader.size} bytes of {self.digest}") from error
            return stream.getvalue()

        return self._with_reader(read)

    def save(self, path: "Union[str, os.PathLike[str]]") -> Path:
        """Writes the file or folder to a path, under which it is complete and verified, or not there at all.

        A file that is there is replaced; a folder is not. Gives the path.
        """
        path = Path(path)
        partial: Optional[str] = None
        try:
            if self._tree() is None:
                if path.is_dir() and not path.is_symlink():
                    raise BrakeError(f"{path} is a folder, which a file does not replace")
                partial = self._partial(path)
                self._write(os.path.join(partial, "file"))
                os.replace(os.path.join(partial, "file"), path)
            else:
                if os.path.lexists(path):
                    raise BrakeError(f"{path} is there already")
                _, size = self._survey({}, 0)
                partial = self._partial(path)
                if shutil.disk_usage(partial).free < size:
                    raise BrakeError(f"{path} would need {size} bytes, which are not free there")
                self._write_folder(os.path.join(partial, "folder"))
                os.rename(os.path.join(partial, "folder"), path)
        except (OSError, ValueError) as error:
            raise BrakeError(f"{path} cannot be written: {error}") from error
        finally:
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)
        return path

    def json(self) -> Any:
        """The value that the file holds as JSON."""
        try:
            return json.loads(self.bytes())
        except (ValueError, RecursionError) as error:
            raise BrakeError(f"{self.digest} holds no JSON: {error}") from error

    def numpy(self) -> Union[ndarray, Dict[str, ndarray]]:
        """The array of an `.npy` file, or those of a safetensors file by name; with a fragment, that tensor alone.

        A bfloat16 becomes a `float32`, which holds every one of them exactly.
        """
        if self.fragment is not None:
            return self.tensor().numpy()
        content = self._array()
        if content[:6].tobytes() == b"\x93NUMPY":
            return self._npy(content)
        return {name: tensor.numpy() for name, tensor in Tensors(Memory(content), self.digest).items()}

    def torch(self) -> Any:
        """The same as tensors of torch, each with the type that it has in the file. Nothing is copied."""
        if self.fragment is not None:
            return self.tensor().torch()
        content = self._array()
        if content[:6].tobytes() == b"\x93NUMPY":
            return needed("torch").from_numpy(self._npy(content))
        return {name: tensor.torch() for name, tensor in Tensors(Memory(content), self.digest).items()}

    def pandas(self, **options: Any) -> Any:
        """The table of a CSV file, without the lines before it that start with `#`, or of JSON lines.

        Options are those of `pandas.read_csv` or `pandas.read_json`.
        """
        pandas = needed("pandas")
        content = self.bytes()
        try:
            if content.lstrip()[:1] in (b"{", b"["):
                options.setdefault("lines", content.lstrip()[:1] == b"{")
                return pandas.read_json(io.BytesIO(content), **options)
            start = 0
            while content.startswith(b"#", start):
                start = content.find(b"\n", start) + 1 or len(content)
            return pandas.read_csv(io.BytesIO(content[start:]), **options)
        except (ValueError, RecursionError, OverflowError) as error:
            raise BrakeError(f"{self.digest} holds no table: {error}") from error

    # A part of it

    def tensors(self) -> Tensors:
        """The tensors of a safetensors file by name; reads its header, and each tensor when it is asked for."""
        if self._tensors is None:
            self._tensors = self._with_reader(lambda reader: Tensors(reader, self.digest))
        return self._tensors

    def tensor(self, name: Optional[str] = None) -> Tensor:
        """One tensor, or without a name the fragment's. `artefact.tensor("w")[10:20]` reads these rows alone."""
        name = self.fragment if name is None else name
        if name is None:
            raise BrakeError("which tensor is meant? Give its name, or #NAME behind the digest")
        return self.tensors().find(name)

    def entries(self) -> "Mapping[str, Artefact]":
        """What is in the folder, by name."""
        return {entry.name: self._child(entry) for entry in self._folder()}

    def __iter__(self) -> Iterator[str]:
        """The names in the folder."""
        return iter(self.entries())

    def __getitem__(self, path: str) -> "Artefact":
        """A file or folder in the folder, by its path with slashes."""
        name, _, rest = path.partition("/")
        for entry in self._folder():
            if entry.name == name:
                return self._child(entry)[rest] if rest else self._child(entry)
        raise NotFound(f"{self.digest} holds no {name!r}")

    # Where it comes from

    def provenance(self) -> Dict[str, Any]:
        """Where it comes from, back to the source files: the members are those of `brake provenance --json`.

        Of an artefact that was opened by a line, whoever sent the line says it, unless a store of one's own does: not one that the line
        names.
        """
        for store in self._own:
            if self._lineage is None or (store.can_list and self._is_recorded(store)):
                return provenance.of(self._digits, store.records())
        told = [] if self._lineage is None else self._told(self._lineage)
        return provenance.of(self._digits, told, is_told=True)

    def _is_recorded(self, store: "Store") -> bool:
        return any(output.digest == self._digits for record in store.records() for output in record.outputs)

    def _told(self, lineage: str) -> Iterator[Record]:
        """The records that a list names, as far as they are there."""
        size = 0
        listing = Artefact(lineage, self._stores)._read(provenance.LIST_LIMIT)
        for key in provenance.listed(listing, lineage, self.digest):
            record = self._record(key)
            if record is not None:
                size += record.size
                if size > _RECORDS_LIMIT:
                    raise BrakeError(f"how {self.digest} was made is told by more than {_RECORDS_LIMIT >> 20} MiB of records")
                yield record

    def _record(self, key: str) -> Optional[Record]:
        """The record of an action from the first place that has it; one that is damaged is as if it were not there."""
        for store in self._stores:
            try:
                record = store.record(key)
            except Damaged:
                continue
            if record is not None:
                return record
        return None

    # Reading

    def _with_reader(self, use: Callable[[Reader], _Result]) -> _Result:
        """What is got from the first place that holds the artefact undamaged."""
        if self._kept is not None:
            return use(self._kept)
        failure: Optional[BrakeError] = None
        for store in self._stores:
            try:
                for reader in store.readers(self._digits):
                    try:
                        result = use(reader)
                    except Damaged as error:
                        failure = failure or error
                        continue
                    self._kept = reader if reader.is_cheap else None
                    return result
            except Damaged as error:
                failure = failure or error
        where = " or ".join(map(str, self._stores))
        if failure is None and not all(store.can_list for store in self._stores):
            where += " in a file of its own or in a segment that its catalogue names"
        if failure is not None:
            raise failure
        fault = next((store.fault for store in self._stores if store.fault is not None), None)
        if fault is not None:
            where += f", as far as its catalogue can be read: {fault}"
        raise NotFound(f"there is no {self.digest} in {where}") from fault

    def _copy(self, reader: Reader, write: Callable[[Any], Any]) -> None:
        hash = hashlib.sha256()
        for block in reader.blocks():
            hash.update(block.data)
            write(block)
        self._verify(hash.hexdigest())

    def _array(self) -> ndarray:
        def read(reader: Reader) -> ndarray:
            whole = empty(reader.size)
            hash, place = hashlib.sha256(), 0
            for block in reader.blocks():
                whole[place : place + len(block)] = block
                place += len(block)
                hash.update(block.data)
            self._verify(hash.hexdigest())
            return whole

        return self._with_reader(read)

    def _verify(self, digits: str) -> None:
        if digits != self._digits:
            raise Damaged(f"the bytes that are kept as {self.digest} have the digest sha256:{digits}")

    def _npy(self, content: ndarray) -> ndarray:
        stream = io.BytesIO(content[: 1 << 16].tobytes())
        try:
            version = numpy.lib.format.read_magic(stream)
            header = {(1, 0): numpy.lib.format.read_array_header_1_0, (2, 0): numpy.lib.format.read_array_header_2_0}
            shape, is_fortran, dtype = header[version](stream)
            data = content[stream.tell() :]
            if dtype.hasobject:
                raise ValueError("it holds objects, which are never loaded")
            return data.view(dtype).reshape(shape, order="F" if is_fortran else "C")
        except Exception as error:  # What numpy raises here is not documented.
            raise BrakeError(f"{self.digest} holds no array: {error}") from error

    # Folders

    def _tree(self) -> Optional[List[trees.TreeEntry]]:
        """The entries of the folder; None for a file."""
        if self._entries is None and not self._is_blob:
            opening = min(self.check(), len(trees.ANY_OPENING))
            start = self._with_reader(lambda reader: reader.array(0, opening))
            if self.check() > trees.SIZE_LIMIT or start.tobytes() != trees.ANY_OPENING:
                self._is_blob = True
                return None
            manifest = self.bytes()
            try:
                self._entries = trees.parse(manifest, self.digest)
            except trees.NoTree:
                self._is_blob = True
        return self._entries

    def _folder(self) -> List[trees.TreeEntry]:
        tree = self._tree()
        if tree is None and self.check() <= trees.SIZE_LIMIT:
            # Says why not.
            return trees.parse(self.bytes(), self.digest)
        if tree is None:
            raise BrakeError(f"{self.digest} is a file, not a folder")
        return tree

    def _child(self, entry: trees.TreeEntry) -> "Artefact":
        return Artefact(entry.digest, self._stores, own=self._own)

    def _survey(self, known: Dict[str, Tuple[int, int]], depth: int) -> Tuple[int, int]:
        """How many entries and bytes are below it; refuses what is too deep, too much, or not as large as it says.

        Folders that stand in it many times are looked at once.
        """
        if depth > trees.DEPTH_LIMIT:
            raise BrakeError(f"{self.digest} is a folder in more than {trees.DEPTH_LIMIT} folders")
        if self._digits not in known:
            count = size = 0
            for entry in self._folder():
                child = self._child(entry)
                inner = child._survey(known, depth + 1) if entry.mode == "tree" else (0, child.check())
                if inner[1] != entry.size:
                    raise BrakeError(f"{self.digest} gives {entry.name!r} a size that it does not have")
                count, size = count + 1 + inner[0], size + inner[1]
            known[self._digits] = count, size
        if known[self._digits][0] > _ENTRY_LIMIT:
            raise BrakeError(f"{self.digest} holds more than {_ENTRY_LIMIT} files and folders")
        return known[self._digits]

    def _write_folder(self, path: str) -> None:
        os.mkdir(path)
        for entry in self._folder():
            child, place = self._child(entry), os.path.join(path, entry.name)
            if entry.mode == "tree":
                child._write_folder(place)
            else:
                child._write(place, 0o777 if entry.mode == "755" else 0o666)

    def _write(self, path: str, mode: int = 0o666) -> None:
        def write(reader: Reader) -> None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(path, flags, mode), "wb") as file:
                self._copy(reader, file.write)
                file.flush()
                os.fsync(file.fileno())

        self._with_reader(write)

    @staticmethod
    def _partial(path: Path) -> str:
        """A folder beside a path, for what is not complete yet."""
        return tempfile.mkdtemp(prefix=".brake-", dir=path.parent)
