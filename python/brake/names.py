"""What people call artefacts, as text."""

from __future__ import annotations

import os
import re
from typing import List, NamedTuple, Optional
from urllib.parse import unquote

from . import values
from .errors import BrakeError

_STAGE = re.compile(r"(?P<stage>[^\[\].@/#?]+)(?:\[(?P<keys>[^\[\]]+)\])?(?P<link>@[^\[\].]+)?")
_OUTPUT = re.compile(r"\.(?P<output>[^\[\]./]+)(?:\[(?P<member>[^\[\]]+)\])?")


class Line(NamedTuple):
    """A name with all that can stand behind it: `sha256:…?from=https://host/path#tensor`."""

    name: str
    remote: Optional[str]
    """The address of a store, or the path of its folder."""
    fragment: Optional[str]
    """The name of a tensor."""
    lineage: Optional[str] = None
    """The 64 digits of the list of the records of how it was made."""

    @staticmethod
    def parse(text: str) -> "Line":
        text, hash, fragment = text.strip().partition("#")
        name, _, query = text.partition("?")
        remote = lineage = None
        for member in query.split("&") if query else []:
            key, _, value = member.partition("=")
            if key == "lineage":
                lineage = values.digits(unquote(value))
                if lineage is None:
                    raise BrakeError(f"the lineage of {text!r} is no whole digest: paste all of the line")
            if key != "from":
                continue
            if remote is not None:
                raise BrakeError(f"{text!r} names two stores; give one with from=")
            remote = unquote(value)
            if re.match("(ssh|sftp|s3)://", remote):
                raise BrakeError(
                    f"from={remote} is a place that brake itself reaches, and this package does not: fetch it first with "
                    f"brake pull '{text}', and then open {name!r}")  # fmt: skip
            if not re.match("https?://", remote) and not os.path.isabs(remote):
                raise BrakeError(f"from={remote} is neither a folder (/…) nor an address that can be read (https://…)")
        if remote is not None and not re.fullmatch("sha256:[0-9a-f]{64}", name):
            raise BrakeError(f"{name!r} is no whole digest, and what is fetched from elsewhere needs one")
        return Line(name, remote, unquote(fragment) if hash else None, lineage)


class Output(NamedTuple):
    """`stage`, `stage[key,*]`, `stage.output` or `stage[key].output[member]`, as pipelines write it."""

    stage: str
    keys: Optional[List[str]]
    """Of the instance; `*` leaves one open. None for all instances."""
    link: Optional[str]
    """Of one link of a chain, `train[47k]@256`; None for whatever there is."""
    output: Optional[str]
    member: Optional[str]

    @staticmethod
    def parse(text: str) -> "Optional[Output]":
        """None for a text that is no such name."""
        instance = _STAGE.match(text)
        if instance is None:
            return None
        rest = text[instance.end() :]
        output = _OUTPUT.fullmatch(rest)
        if rest and output is None:
            return None
        keys = _keys(instance["keys"])
        link = instance["link"]
        return Output(
            instance["stage"], None if keys == ["*"] else keys, link[1:] if link else None,
            output and output["output"], output and output["member"],
        )  # fmt: skip

    def matches(self, stage: str, output: str, key: Optional[str]) -> bool:
        """Whether an output is meant that a record calls so."""
        instance = _STAGE.fullmatch(stage)
        if instance is None or instance["stage"] != self.stage:
            return False
        keys = _keys(instance["keys"]) or []
        if self.keys is not None:
            if len(keys) != len(self.keys) or any(a not in (b, "*") for a, b in zip(self.keys, keys)):
                return False
        # A link of a chain makes one member of an output.
        link = instance["link"][1:] if instance["link"] else None
        if self.link is not None and self.link != link:
            return False
        member = key if link is None else link
        return self.output in (None, output) and self.member in (None, member)


def _keys(text: Optional[str]) -> Optional[List[str]]:
    return None if text is None else [key.strip() for key in text.split(",")]
