"""Past runs: what `index/runs/` of a store says of them (`cache/README.md`)."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Union

from . import html, values
from .artefact import Artefact
from .errors import BrakeError, NotFound
from .store import Store
from .tensors import needed

#: Larger notes are none.
_LIMIT = 64 << 10
_RESULTS_LIMIT = 64 << 20
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3}-\d+)\.json")


class Run(NamedTuple):
    """A run that was."""

    id: str
    """When it started, and which process it was: `20261121T140305.123-4711`."""
    started: str
    """UTC, `2026-11-21T14:03:05Z`."""
    seconds: float
    host: str
    folder: str
    pipeline: str
    targets: List[str]
    outcome: str
    """`done`, `failed` or `interrupted`."""
    planned: int
    ran: int
    failed: int
    parameters: Dict[str, Any]
    """All of the pipeline, as they were applied."""
    overrides: Dict[str, str]
    """Those that stood on the command line, as they stood there."""
    outputs: Dict[str, str]
    """What its targets made: digests by name, `train[47k].checkpoints[64]`."""
    store: Store

    def open(self, name: str) -> Artefact:
        """What the run's targets made under a name, `fit[47k].fit`; the output may be left out where there is one."""
        found = {digest for label, digest in self.outputs.items() if name == label or name == label.rpartition(".")[0]}
        if len(found) != 1:
            made = ", ".join(list(self.outputs)[:20]) or "nothing that is known"
            raise NotFound(f"{name!r} is {'none' if not found else 'more than one'} of what the run made: {made}")
        artefact = Artefact(str(values.digits(found.pop())), [self.store])
        artefact.check()
        return artefact

    def dictionary(self) -> Dict[str, Any]:
        """What a row of a table has: members by name, each parameter and output under a name of its own."""
        row: Dict[str, Any] = {
            "id": self.id, "started": self.started, "seconds": self.seconds, "outcome": self.outcome, "ran": self.ran,
            "planned": self.planned, "failed": self.failed, "pipeline": self.pipeline, "targets": " ".join(self.targets),
            "host": self.host, "folder": self.folder,
        }  # fmt: skip
        row.update((f"parameters.{name}", value) for name, value in self.parameters.items())
        row.update((f"outputs.{name}", digest) for name, digest in self.outputs.items())
        return row

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.outcome}, {self.ran} of {self.planned} ran>"

    def _repr_html_(self) -> str:
        return html.of_run(self)


class Runs(List[Run]):
    """Runs, the oldest first."""

    def dictionaries(self) -> List[Dict[str, Any]]:
        """A row for each."""
        return [run.dictionary() for run in self]

    def pandas(self) -> Any:
        """A data frame with a row for each run, and a column for each parameter and each output that any of them has."""
        frame = needed("pandas").DataFrame(self.dictionaries())
        if len(frame):
            frame["started"] = needed("pandas").to_datetime(frame["started"], errors="coerce", utc=True)
        return frame

    def _repr_html_(self) -> str:
        return html.of_runs(self)


def runs(store: "Union[Store, str, os.PathLike[str], None]" = None, last: Optional[int] = None) -> Runs:
    """The past runs of a store, or so many of the newest: `brake.runs().pandas()`.

    `store` is one, or its folder; without it, the folder that BRAKE_STORE names, or else `cache/`. What cannot be read is
    passed over, as `brake runs` does.
    """
    store = store if isinstance(store, Store) else Store(store)
    if not store.can_list:
        raise NotFound(f"the runs in {store} cannot be found: a web server lists nothing")
    names = [match for match in map(_NAME.fullmatch, store.names_in("index/runs")) if match]
    found = Runs()
    for name in names[-last:] if last else names:
        try:
            note = values.parse(store.note(f"index/runs/{name[0]}", _LIMIT))
            if note["outputs"] == {}:
                note["outputs"] = _results(name[1], store)
            run = _run(note, name[1], store)
        except (BrakeError, ValueError, KeyError, TypeError, AttributeError):
            continue
        found.append(run)
    return found


def _results(id: str, store: Store) -> Any:
    """What a run has made that has made very much, as far as it is known."""
    try:
        return values.parse(store.note(f"index/runs/{id}.results", _RESULTS_LIMIT))
    except NotFound:
        return {}


def _run(note: Any, id: str, store: Store) -> Run:
    def text(name: str) -> str:
        if not isinstance(note[name], str):
            raise ValueError(f"{name!r} is no text")
        return str(note[name])

    return Run(
        id, text("started"), float(note["seconds"]), text("host"), text("folder"), text("pipeline"),
        [str(target) for target in note["targets"]], text("outcome"),
        int(note["planned"]), int(note["ran"]), int(note["failed"]), dict(note["parameters"]),
        {str(name): str(value) for name, value in note["overrides"]}, _outputs(note["outputs"]), store,
    )  # fmt: skip


def _outputs(targets: Dict[str, Dict[str, Any]]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for target, outputs in targets.items():
        for output, digest in outputs.items():
            name = f"{target}.{output}"
            found.update({f"{name}[{key}]": each for key, each in digest.items()} if isinstance(digest, dict) else {name: digest})
    for digest in found.values():
        if values.digits(digest) is None:
            raise ValueError(f"{digest!r} is no digest")
    return found
