"""What a notebook shows of artefacts and runs. Whatever they hold is shown as text: nothing of it is markup or runs."""

from __future__ import annotations

import base64
import csv
import io
import json
from html import escape
from typing import TYPE_CHECKING, Any, List, Optional, Sequence

from .errors import BrakeError

if TYPE_CHECKING:
    from .artefact import Artefact
    from .runs import Run, Runs

#: What is read to be shown.
_LIMIT = 1 << 20
#: Rows of a table, columns, and letters of a text.
_ROWS, _COLUMNS, _LETTERS = 20, 40, 4000
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"<svg": "image/svg+xml", b"<?xml": "image/svg+xml"}


def of_artefact(artefact: Artefact) -> str:
    """Its digest, its size and the beginning of what it holds."""
    try:
        kind = "folder" if artefact.kind == "tree" else "file"
        head = f"<b>{kind}</b> of {amount(artefact.size)} <code>{escape(artefact.digest)}</code>"
        return f"<div>{head}{_content(artefact)}</div>"
    except BrakeError as error:
        return f"<div><code>{escape(artefact.digest)}</code>: {escape(str(error))}</div>"


def of_run(run: Run) -> str:
    """All that is known of it."""
    facts: List[Sequence[Any]] = [
        ("started", run.started), ("outcome", f"{run.outcome}, {run.ran} of {run.planned} ran, {run.failed} failed"),
        ("took", f"{run.seconds:.1f} s"), ("where", f"{run.folder} on {run.host}"), ("pipeline", run.pipeline),
        ("targets", " ".join(run.targets)),
    ]  # fmt: skip
    facts += [(f"parameter {name}", _short(value)) for name, value in run.parameters.items()]
    facts += [(f"made {name}", digest) for name, digest in run.outputs.items()]
    return f"<div><b>run</b> <code>{escape(run.id)}</code>{_table((), facts, most=200)}</div>"


def of_runs(runs: Runs) -> str:
    """A row for each, with the parameters in which they differ."""
    names = sorted({name for run in runs for name in run.parameters})
    names = [name for name in names if len({_json(run.parameters.get(name), _LIMIT) for run in runs}) > 1]
    head = ["run", "outcome", "ran", "took", "pipeline", "targets", *names]
    rows = [
        [run.id, run.outcome, f"{run.ran} of {run.planned}", f"{run.seconds:.1f} s", run.pipeline, " ".join(run.targets)]
        + [_short(run.parameters[name]) if name in run.parameters else "" for name in names]
        for run in reversed(runs)
    ]
    return f"<div>{len(runs)} runs, the newest first{_table(head, rows, most=100)}</div>"


def amount(bytes: int) -> str:
    """A number of bytes for people."""
    number, units = float(bytes), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1024 and len(units) > 1:
        number, units = number / 1024, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "bytes" else f"{number:.1f} {units[0]}"


def _content(artefact: Artefact) -> str:
    if artefact.kind == "tree":
        entries = artefact.entries()
        rows = [(name, entry.kind, amount(entry.size), entry.digest) for name, entry in list(entries.items())[:_ROWS]]
        return _table(("name", "kind", "size", "digest"), rows, of=len(entries))
    tensors = _tensors(artefact)
    if tensors is not None:
        return tensors
    if artefact.size > _LIMIT:
        return ""
    content = artefact.bytes()
    for start, kind in _IMAGES.items():
        if content.startswith(start) and (kind == "image/png" or b"<svg" in content[:2000]):
            # An image runs no scripts, and loads nothing.
            return f'<br><img src="data:{kind};base64,{base64.b64encode(content).decode()}" style="max-width:100%">'
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    return _text(text)


def _tensors(artefact: Artefact) -> Optional[str]:
    try:
        tensors = artefact.tensors()
    except BrakeError:
        return None
    rows = [(name, tensor.dtype, list(tensor.shape)) for name, tensor in list(tensors.items())[:_ROWS]]
    about = [(name, _short(text)) for name, text in sorted(tensors.metadata.items())]
    return _table(("tensor", "type", "shape"), rows, of=len(tensors)) + (_table(("metadata", ""), about) if about else "")


def _text(text: str) -> str:
    if text[:1] in ("{", "["):
        try:
            text = _json(json.loads(text), _LETTERS, indent=2)
        except (ValueError, RecursionError):
            pass
    else:
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        if len(lines) > 1 and 0 < lines[0].count(",") == lines[1].count(","):
            try:
                rows = list(csv.reader(io.StringIO("\n".join(lines[: _ROWS + 1]))))
                return _table(rows[0], rows[1:], of=len(lines) - 1)
            except csv.Error:
                pass
    shown = text[:_LETTERS]
    return f"<pre style='max-height:30em;overflow:auto'>{escape(shown)}{'…' if len(text) > len(shown) else ''}</pre>"


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]], most: int = _ROWS, of: int = 0) -> str:
    """The first rows; `of` is how many there are, where not all are given."""

    def line(cells: Sequence[Any], tag: str) -> str:
        shown = (f"<{tag} style='text-align:left'>{escape(_short(cell))}</{tag}>" for cell in cells[:_COLUMNS])
        return f"<tr>{''.join(shown)}</tr>"

    body = (line(head, "th") if any(head) else "") + "".join(line(row, "td") for row in rows[:most])
    more = max(of, len(rows)) - len(rows[:most])
    return f"<table>{body}</table>" + (f"<div>{more} more</div>" if more > 0 else "")


def _json(value: Any, letters: int, indent: Optional[int] = None) -> str:
    """A value as JSON; of a long text no more than its beginning, which is a little longer than so many letters. What stands deep in
    others has lines that are much longer than itself."""
    parts: List[str] = []
    try:
        for part in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(value):
            parts.append(part)
            letters -= len(part)
            if letters < 0:
                break
    except RecursionError:
        # It is too deep to be written, and nobody reads so far.
        parts.append("…")
    return "".join(parts)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _json(value, 200)
    return text if len(text) <= 200 else text[:199] + "…"
