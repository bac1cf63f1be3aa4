"""Canonical JSON: no white space, members sorted by name, numbers in the shortest form that reads back the same."""

from __future__ import annotations

import json
import re
from typing import Any

_LARGEST_WHOLE = 1 << 53


def text(value: Any) -> str:
    """The text of texts, numbers, lists and objects. A number that is not finite is a ValueError."""
    written = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    # Python has escapes of its own for two control characters.
    return re.sub(r'\\(["\\nrt]|u....|b|f)', lambda match: _ESCAPES.get(match[1], match[0]), written)


_ESCAPES = {"b": "\\u0008", "f": "\\u000c"}


def _plain(value: Any) -> Any:
    """The same with whole numbers as integers, so that 1 and 1.0 are written alike."""
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    return value
