"""Where artefacts come from: records, followed backwards."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set

from . import values
from .errors import BrakeError
from .records import Output, Record


class _Maker(NamedTuple):
    """An action that made an artefact, and as which of its outputs."""

    record: Record
    output: Output
    inputs: List[Dict[str, str]]


#: Bytes of a list of records, at most.
LIST_LIMIT = 16 << 20


def listed(bytes: bytes, name: str, artefact: str) -> List[str]:
    """The keys of the records that a list names: of how an artefact was made."""
    try:
        members = values.parse(bytes)
    except ValueError:
        members = None
    keys = members.get("records") if isinstance(members, dict) and members.get("brake") == "lineage 1" else None
    found = [values.digits(key) for key in keys] if isinstance(keys, list) else [None]
    if None in found or not isinstance(members, dict) or members.get("artefact") != artefact:
        raise BrakeError(f"sha256:{name} is no list of how {artefact} was made")
    return [key for key in found if key is not None]


def of(digits: str, records: Iterable[Record], is_told: bool = False) -> Dict[str, Any]:
    """The members of `brake provenance --json`: the makers of an artefact and of all it was made from.

    `is_told` where only others say so, and no store here does.

    But for `from` and `standing`, where a record came from and whose it is: that depends on who asks, and brake says it.

    Of several actions that made the same bytes, the one with the shortest way back to sources is given; among these
    the one that made most of what is needed, then the one with the smallest key. A file of the workspace that only a
    copy of it explains is a source.
    """
    candidates = _candidates(digits, records)
    makers: Dict[str, _Maker] = {}
    explained: Set[str] = {digest for digest, them in candidates.items() if not them}
    while True:
        found = {}
        for digest, them in candidates.items():
            if digest not in explained:
                whole = (maker for maker in them if all(i["digest"][7:] in explained for i in maker.inputs))
                maker = next(whole, None)
                if maker is not None:
                    found[digest] = maker
        if not found:
            # What was read from the workspace, and made from itself alone, is a source: first that which a stage only copied.
            inputs = [each for them in candidates.values() for maker in them for each in maker.inputs]
            read = {each["digest"][7:] for each in inputs if "source" in each} - explained
            if not read:
                break
            copied = {r for r in read if any(i["digest"][7:] == r for m in candidates.get(r, []) for i in m.inputs)}
            explained |= copied or read
            continue
        makers.update(found)
        explained.update(found)
    made_by = {}
    open = [digits]
    while open:
        digest = open.pop()
        name = f"sha256:{digest}"
        if digest in makers and name not in made_by:
            made_by[name] = {**_members(makers[digest]), **({"told": True} if is_told else {})}
            open += [each["digest"][7:] for each in makers[digest].inputs]
    return {"digest": f"sha256:{digits}", "made_by": made_by}


def _candidates(digits: str, records: Iterable[Record]) -> Dict[str, List[_Maker]]:
    """Every action that made the artefact or anything that one of these could have been made from."""
    all: Dict[str, List[_Maker]] = {}
    for record in records:
        inputs = list(_inputs(record))
        for output in record.outputs:
            all.setdefault(output.digest, []).append(_Maker(record, output, inputs))
    needed: Dict[str, List[_Maker]] = {}
    open = [digits]
    while open:
        digest = open.pop()
        if digest not in needed:
            needed[digest] = all.get(digest, [])
            open += [each["digest"][7:] for maker in needed[digest] for each in maker.inputs]
    made: Dict[str, int] = {}
    for makers in needed.values():
        for maker in makers:
            made[maker.record.key] = made.get(maker.record.key, 0) + 1
    return {d: sorted(them, key=lambda m: (-made[m.record.key], m.record.key)) for d, them in needed.items()}


def _inputs(record: Record) -> Iterator[Dict[str, str]]:
    """What an action read, as its manifest lists it: a digest, or pairs of a key and a digest; then the image in which it ran."""
    manifest = record.manifest if isinstance(record.manifest, dict) else {}
    inputs = manifest.get("inputs")
    for name, content in sorted(inputs.items()) if isinstance(inputs, dict) else []:
        members = content if isinstance(content, list) else [[None, content]]
        for member in members:
            key, digest = (member[0], member[-1]) if isinstance(member, list) and member else (None, None)
            if values.digits(digest) is None or (content is members and not isinstance(key, str)):
                continue
            given = {"name": name, "digest": digest}
            # The place of a file among the inputs of a command says nothing if it is alone.
            if key is not None and not ("command" in manifest and len(members) == 1):
                given["key"] = key
            if digest in record.sources:
                given["source"] = record.sources[digest]
            yield given
    if record.ran_in is not None:
        yield {"name": "container.image", "digest": record.ran_in}


def _members(maker: _Maker) -> Dict[str, Any]:
    record = maker.record
    members: Dict[str, Any] = {
        "stage": record.stage, "output": maker.output.name, "action": f"sha256:{record.key}",
        "manifest": record.manifest, "inputs": maker.inputs, "made": made(record.note) or None,
    }  # fmt: skip
    if maker.output.key is not None:
        members["key"] = maker.output.key
    if record.sandbox is not None:
        members["sandbox"] = record.sandbox
    if record.is_resumed:
        members["resumed"] = True
        members["times_resumed"] = record.times_resumed
    return members


def made(note: Optional[bytes]) -> Dict[str, Any]:
    """When and where an action ran, by the note on its record; nothing if that is not known."""
    try:
        members = values.parse(note) if note else {}
    except ValueError:
        return {}
    if not isinstance(members, dict):
        return {}
    # Whose these are only their owners can tell.
    return {name: value for name, value in members.items() if name != "seals"}
