"""What records, trees and headers are written in: canonical JSON, digests and names."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Dict, List, Optional, Tuple

_DIGEST = re.compile("sha256:([0-9a-f]{64})")


def digits(text: Any) -> Optional[str]:
    """The 64 digits of a digest, `sha256:…`; None for what is none."""
    match = _DIGEST.fullmatch(text) if isinstance(text, str) else None
    return match.group(1) if match else None


def name_fault(name: Any, limit: int = 255) -> Optional[str]:
    """What is wrong with a name that comes from data; None if it can stand alone as the name of a file."""
    fault = label_fault(name, limit)
    if fault is None and name in (".", ".."):
        return "it means a folder"
    if fault is None and "/" in name:
        return "it holds a slash"
    return fault


def label_fault(label: Any, limit: int = 4096) -> Optional[str]:
    """What is wrong with a text that is only shown."""
    if not isinstance(label, str) or not label:
        return "it is no text, or empty"
    try:
        if len(label.encode()) > limit:
            return f"it has more than {limit} bytes"
    except UnicodeEncodeError:
        return "it is no Unicode"
    if any(unicodedata.category(letter) == "Cc" for letter in label):
        return "it holds a control character"
    return None


def _object(members: List[Tuple[str, Any]]) -> Dict[str, Any]:
    object = dict(members)
    if len(object) < len(members):
        raise ValueError("a member stands twice in an object")
    return object


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a whole number has too many digits")
    return int(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)


def parse(bytes: bytes) -> Any:
    """A JSON text as a value. What no writer of canonical JSON writes, such as a member twice, is refused.

    Raises ValueError.
    """
    text = str(bytes, "utf-8")
    value, end = parse_at(text, 0)
    if text[end:].strip(" \t\r\n"):
        raise ValueError("something follows the value")
    return value


def parse_at(text: str, start: int) -> Tuple[Any, int]:
    """The value that starts at a place, and where it ends. Raises ValueError."""
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def canonical(value: Any) -> bytes:
    """Canonical bytes of texts, whole numbers, lists and objects without control characters in them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
