"""What can go wrong. Whatever a store holds, or somebody gives as numbers, nothing else is raised."""


import re


class BrakeError(Exception):
    """An artefact could not be had, or a file not written: the message is a sentence that says what is wrong, and where."""

    def __init__(self, message: str) -> None:
        # What others wrote must not do anything to a terminal.
        super().__init__(re.sub(r"[^\n -~\u00a0-\U0010ffff]", lambda match: repr(match[0])[1:-1], message))


class NotFound(BrakeError):
    """There is no such artefact, tensor, entry or reference here."""


class Ambiguous(BrakeError):
    """A name means several artefacts. `candidates` has the digest of each by what it is called."""

    def __init__(self, message: str, candidates: "dict[str, str]") -> None:
        super().__init__(message)
        self.candidates = candidates


class Forbidden(BrakeError):
    """A server does not let just anybody have a file."""


class Damaged(BrakeError):
    """Bytes are not those that were stored."""
