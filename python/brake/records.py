"""Records: what an action with a certain key made (`cache/README.md`, "Records")."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Dict, List, NamedTuple, Optional

from . import values
from .errors import BrakeError, Damaged

SIZE_LIMIT = 32 << 20
_SUM_LENGTH = 74
_LOG = re.compile(r'\{"brake":"record 1","log":(?:null|"sha256:[0-9a-f]{64}"),"manifest":')


class Output(NamedTuple):
    name: str
    key: Optional[str]
    """That of one of many in a keyed output."""
    digest: str
    kind: str
    size: int

    @property
    def label(self) -> str:
        return self.name if self.key is None else f"{self.name}[{self.key}]"


class Record(NamedTuple):
    key: str
    manifest: Any
    outputs: List[Output]
    stage: str
    sources: Dict[str, str]
    """What inputs from the workspace were called, by `sha256:…`."""
    sandbox: Optional[str]
    note: Optional[bytes] = None
    """When and where it was made, as far as that stands beside it."""
    is_resumed: bool = False
    """Whether it went on from what an attempt had saved that failed."""
    times_resumed: int = 0
    """Of how many attempts that is so."""
    ran_in: Optional[str] = None
    """The digest of the container image in which it ran, `sha256:…`, if that was an artefact of the store."""
    size: int = 0
    """Bytes as it is kept."""


def parse(bytes: bytes, key: str, note: Optional[bytes] = None) -> Record:
    """The record with a key. It has passed its sum, and its manifest is the one that the key is of."""
    what = f"the record sha256:{key}"
    if re.match(rb'\{"brake":"record (?!1")[1-9]', bytes):
        raise BrakeError(f"{what} was written by a newer brake")
    body = memoryview(bytes)[:-_SUM_LENGTH]
    if bytes[len(body) :] != b',"sum":"%s"}' % hashlib.sha256(body).hexdigest().encode():
        raise Damaged(f"{what} does not match its sum")
    try:
        text = str(bytes, "utf-8")
        opening = _LOG.match(text)
        if opening is None:
            raise ValueError("it does not start as one")
        manifest, end = values.parse_at(text, opening.end())
        made_of = hashlib.sha256(text[opening.end() : end].encode()).hexdigest()
        if made_of != key:
            raise Damaged(f"{what} is that of another action, sha256:{made_of}")
        members = values.parse(bytes)
        outputs = [_output(output) for output in members["outputs"]]
        sources, stage, sandbox = members["sources"], members["stage"], members.get("sandbox")
        if not isinstance(sources, dict) or not (sandbox is None or isinstance(sandbox, str)):
            raise ValueError("it is malformed")
        for label in [stage, *sources.values()]:
            fault = values.label_fault(label)
            if fault is not None:
                raise ValueError(f"it names a stage or source {label!r}: {fault}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{what} is not believed: {error}") from error
    is_resumed = members.get("resumed") is True
    times = members.get("times_resumed", 1)
    times_resumed = max(1, times if type(times) is int else 1) if is_resumed else 0
    ran_in = members.get("ran_in")
    ran_in = ran_in if values.digits(ran_in) is not None else None
    return Record(key, manifest, outputs, stage, sources, sandbox, note, is_resumed, times_resumed, ran_in, len(bytes))


def _output(member: Dict[str, Any]) -> Output:
    name, key, digest, size = member["name"], member.get("key"), values.digits(member["digest"]), member["size"]
    for text in [name, key, member.get("file")]:
        fault = None if text is None else values.name_fault(text)
        if fault is not None:
            raise ValueError(f"an output is called {text!r}: {fault}")
    if name is None or digest is None or member["kind"] not in ("blob", "tree") or type(size) is not int or size < 0:
        raise ValueError("an output is malformed")
    return Output(name, key, digest, member["kind"], size)
