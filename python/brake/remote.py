"""Files of a store that a web server serves as they are, read with range requests."""

from __future__ import annotations

import base64
import email.utils
import http.client
import itertools
import netrc
import os
import random
import re
import socket
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Dict, List, Optional, Tuple

from .errors import BrakeError, Damaged, Forbidden, NotFound
from .files import LocalFile

#: Seconds without a byte, and until an answer has begun.
_PATIENCE = 30
_BEGINNING = 60
#: Bytes a second that come at least in the body of an answer, but for some seconds at its beginning.
_SLOWEST = 10_000
_LENIENCE = 60
#: Read with the first request: the footers of objects up to some gigabytes, and small objects as a whole.
_TAIL = 1 << 16
_BLOCK = 1 << 16
#: Bytes of a file of the catalogue, and files and names that are looked at, at most.
_CATALOGUE_SIZE = 1 << 16
_CATALOGUE_FILES = 1 << 16
_CATALOGUE_NAMES = 1 << 18
#: A server that is busy is asked so often at most, after pauses of seconds: the first is this one, and each later one twice as long. It may
#: want longer ones, but if it wants more than a minute it is not asked again.
_BUSY = (429, 500, 502, 503, 504)
_TRIES = 5
_PAUSE = 0.25
_LONGEST_PAUSE = 60
#: Seconds for which the server is not asked what was added to the catalogue.
_CATALOGUE_PAUSE = 1


class _Busy(BrakeError):
    """The server may answer later."""

    def __init__(self, message: str, wanted: float) -> None:
        super().__init__(message)
        #: Seconds for which it wants to be left alone.
        self.wanted = wanted


def _wanted(text: Optional[str]) -> float:
    """What a server says in `Retry-After`: seconds, or the moment at which they end."""
    if text is None:
        return 0
    if re.fullmatch("[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0


class _Impatient(http.client.HTTPConnection):
    """A connection on which an answer's head does not come byte by byte forever."""

    def getresponse(self):
        end = threading.Timer(_BEGINNING, _hang_up, [self.sock])
        end.daemon = True
        end.start()
        try:
            return super().getresponse()
        finally:
            end.cancel()


class _ImpatientSecure(_Impatient, http.client.HTTPSConnection):
    pass


def _hang_up(connection: socket.socket) -> None:
    try:
        # Of the socket below TLS, which waits for nobody.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass


class _HTTP(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_Impatient, request)


class _HTTPS(urllib.request.HTTPSHandler):
    def https_open(self, request):
        return self.do_open(_ImpatientSecure, request)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(self, request, file, code, message, headers, url):
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme not in ("http", "https") or (request.type == "https" and scheme == "http"):
            raise BrakeError(f"{request.full_url} redirects to {url!r}, which is not followed")
        return super().redirect_request(request, file, code, message, headers, url)


def _opener() -> urllib.request.OpenerDirector:
    """One that knows nothing but HTTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _HTTP(),
        _HTTPS(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "brake-store")]
    return opener


class RemoteFile:
    """A file of which the end has been read."""

    is_cheap = True

    def __init__(self, folder: "RemoteFolder", path: str, size: int, tail: bytes) -> None:
        self._folder = folder
        self._path = path
        self._blocks = [(size - len(tail), tail)]
        self.size = size
        self.path = f"{folder}/{path}"

    def read(self, offset: int, count: int) -> bytes:
        """Reads exactly so many bytes."""
        if offset + count > self.size:
            raise Damaged(f"{self.path} is cut short")
        for start, block in self._blocks:
            if start <= offset and offset + count <= start + len(block):
                return block[offset - start : offset - start + count]
        # Next to what is small stands what is wanted next.
        end = min(self.size, offset + max(count, _BLOCK))
        with self._folder.request(self._path, f"{offset}-{end - 1}", self.path) as answer:
            if answer.status != 206 or _content_range(answer) != (offset, end, self.size):
                raise BrakeError(f"{self.path}: the server does not send the part that it was asked for")
            block = _body(answer, end - offset, self.path)
        if count < _BLOCK:
            self._blocks[1:] = [(offset, block)]
        return block[:count]


class RemoteFolder:
    """The folder of a store behind `http:` or `https:`."""

    can_list = False

    def __init__(self, url: str) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
            is_sound = is_sound and not parts.query and not parts.fragment and not re.search(r"[\x00-\x20\x7f]", url)
        except ValueError:
            is_sound = False
        if not is_sound:
            raise BrakeError(f"{url!r} is no address of a store: https://HOST/PATH, without a user or a query")
        self.url = url.rstrip("/")
        self._opener = _opener()
        #: What the server is told that wants to know who asks, and why nothing can be had of `~/.netrc`.
        self._login, self._netrc_fault = _login(str(parts.hostname))
        # The segments that the catalogue names, in its order, and the number of its next file.
        self._segments: Dict[str, None] = {}
        self._next = 0
        self._looked_at = float("-inf")
        #: Why not all of the catalogue could be read, when it was last asked for.
        self.fault: Optional[BrakeError] = None

    def __str__(self) -> str:
        return self.url

    def names(self, path: str) -> List[str]:
        """Of `segments` those that the catalogue names, otherwise nothing: a web server lists nothing."""
        if path != "segments":
            return []
        if time.monotonic() - self._looked_at > _CATALOGUE_PAUSE:
            self.fault = None
            try:
                while self._next < _CATALOGUE_FILES and len(self._segments) < _CATALOGUE_NAMES and self._read_catalogue():
                    self._next += 1
            except Forbidden:
                # A server that does not hand it out is one that has none.
                pass
            except BrakeError as error:
                self.fault = error
            self._looked_at = time.monotonic()
        return list(self._segments)

    def look_again(self) -> None:
        """Has the server asked for what was added to the catalogue, also if it was asked a moment ago."""
        self._looked_at = float("-inf")

    def _read_catalogue(self) -> bool:
        """Reads the next file of the catalogue; false if there is none."""
        file = self.open(f"catalogue/{self._next}", _CATALOGUE_SIZE)
        if file is None or file.size > _CATALOGUE_SIZE:
            return False
        lines = re.findall(rb"^([0-9a-f]{32}) ([0-9]{1,10})$", file.read(0, file.size), re.MULTILINE)
        for name, _ in lines:
            if len(self._segments) < _CATALOGUE_NAMES:
                self._segments[name.decode()] = None
        return bool(lines)

    def open(self, path: str, limit: Optional[int] = None):
        """The file at a path; None if the server has none. One that cannot send parts sends it as a whole, unless it is larger than
        the limit."""
        where = f"{self}/{path}"
        try:
            answer = self.request(path, f"-{_TAIL}", where)
        except NotFound:
            return None
        with answer:
            if answer.status == 206:
                start, end, size = _content_range(answer) or (0, 0, -1)
                if end != size or end - start != min(size, _TAIL):
                    raise BrakeError(f"{where}: the server does not send the part that it was asked for")
                return RemoteFile(self, path, size, _body(answer, end - start, where))
            return self._whole(answer, path, limit)

    def _whole(self, answer, path: str, limit: Optional[int]):
        where = f"{self}/{path}"
        length = answer.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            raise BrakeError(f"{where}: the server sends neither parts nor says how long the file is")
        size = int(length)
        if limit is not None and size > limit:
            raise Damaged(f"{where}: the server sends {size} bytes, where there are {limit} at most")
        start = _body(answer, min(size, _BLOCK), where)
        if path.startswith("objects/") and not start.startswith(b"\x5b\x2a\x4d\x18"):
            raise BrakeError(f"{where}: the server sends what is no object, perhaps a page for people")
        if size == len(start):
            return RemoteFile(self, path, size, start)
        try:
            with tempfile.TemporaryFile() as file:
                file.write(start)
                for block in _blocks(answer, size - len(start), where):
                    file.write(block)
                file.flush()
                whole = LocalFile(os.dup(file.fileno()), size, where)
        except OSError as error:
            raise BrakeError(f"{where} cannot be kept while it is read: {error}") from error
        whole.is_cheap = True
        return whole

    def request(self, path: str, range: str, where: str):
        """The answer to a request for a part of a file. A server that is busy is asked again."""
        for number in itertools.count(1):
            try:
                return self._ask(path, range, where)
            except _Busy as error:
                pause = max(_PAUSE * 2 ** (number - 1) * random.uniform(0.75, 1.25), error.wanted)
                if number == _TRIES or pause > _LONGEST_PAUSE:
                    raise BrakeError(str(error)) from error
                time.sleep(pause)

    def _ask(self, path: str, range: str, where: str):
        url = f"{self.url}/{urllib.parse.quote(path)}"
        headers = {"Range": f"bytes={range}", "Accept-Encoding": "identity"}
        try:
            request = urllib.request.Request(url, headers=headers)
            if self._login is not None:
                # Whoever the server sends us on to is not told.
                request.add_unredirected_header("Authorization", self._login)
            answer = self._opener.open(request, timeout=_PATIENCE)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise NotFound(f"{where} is not there") from error
            if error.code in (401, 403):
                hint = self._netrc_fault or "put the machine's name, login and password into ~/.netrc, or ask for access"
                raise Forbidden(f"{where}: the server answers {error.code}; {hint}") from error
            if error.code in _BUSY:
                raise _Busy(f"{where}: the server answers {error.code}", _wanted(error.headers.get("Retry-After"))) from error
            raise BrakeError(f"{where}: the server answers {error.code}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BrakeError(f"{where} cannot be read: {error}") from error
        if answer.status not in (200, 206) or answer.headers.get("Content-Encoding", "identity") != "identity":
            answer.close()
            raise BrakeError(f"{where}: the server answers {answer.status}, or sends the file in another coding")
        return answer


def _login(host: str) -> Tuple[Optional[str], Optional[str]]:
    """What a server is told that wants to know who asks, by `~/.netrc`, as brake does; None if nothing is said there of it. And why the
    file cannot be read, which matters only to a server that wants to know."""
    path = os.path.join(os.path.expanduser("~"), ".netrc")
    try:
        # With its path given, nothing depends on the file's mode, as it does not for brake.
        found = netrc.netrc(path).authenticators(host)
    except FileNotFoundError:
        return None, None
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        return None, f"{path} cannot be read: {error}"
    if found is None:
        return None, None
    return "Basic " + base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode(), None


def _content_range(answer):
    """Start, end and size of the file that an answer says it holds a part of."""
    match = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", answer.headers.get("Content-Range", ""))
    return (int(match[1]), int(match[2]) + 1, int(match[3])) if match else None


def _blocks(answer, count: int, where: str):
    """So many bytes of an answer, block by block, within a time that depends on how many they are."""
    end = time.monotonic() + _LENIENCE + count / _SLOWEST
    while count > 0:
        try:
            block = answer.read1(min(count, _BLOCK))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise BrakeError(f"{where} cannot be read: {error}") from error
        if not block:
            raise BrakeError(f"{where}: the server sends less than it says")
        if time.monotonic() > end:
            raise BrakeError(f"{where}: the server sends less than {_SLOWEST} bytes a second")
        count -= len(block)
        yield block


def _body(answer, count: int, where: str) -> bytes:
    return b"".join(_blocks(answer, count, where))
