"""HTTP/1.1 as the engine and its clients speak it: heads that have one reading, and bodies."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

from podwright.docker_api.strict import MAX_BODY, Refused
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

MAX_HEAD = 64 * 1024
#: The header by which the plugin knows the gate; no client may send it.
SEAL = "X-Podwright-Gate"
CHUNK = 64 * 1024
_MAX_LINE = 8 * 1024
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1\Z")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;.*)?\Z")
#: Headers that decide how the rest is read: once, or not at all.
_ONCE = frozenset(
    b"connection content-encoding content-length content-type expect host transfer-encoding "
    b"upgrade".split()
)
_NEVER = frozenset(
    [*b"http2-settings keep-alive proxy-connection te trailer".split(), SEAL.lower().encode()]
)
_UPGRADES = frozenset({b"tcp", b"h2c"})


@record
class Head:
    """The head of a request that has been found unambiguous.

    Attributes:
        method: of HTTP.
        target: the request target.
        headers: lower-case names and values, in order, without the ones about the connection.
    """

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes | None:
        """The value of a header; None when absent."""
        return next((value for key, value in self.headers if key == name), None)


def parse_head(head: bytes) -> Head:
    """Read a request's head (without the empty line at its end).

    Raises:
        Refused: anything that two readers could read differently, and all but HTTP/1.1.
    """
    first, *lines = head.split(b"\r\n")
    match = _LINE.match(first)
    if not match:
        raise Refused("gate.request", "only HTTP/1.1 requests with a plain path are passed on")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not _TOKEN.match(name) or not _VALUE.match(value):
            raise Refused("gate.header", "a header is oddly written; one header per line")
        headers.append((name.lower(), value))
    _check_headers([name for name, _ in headers])
    result = Head(match[1], match[2], tuple(headers))
    _check_framing(result)
    return result


def _check_headers(names: list[bytes]) -> None:
    for name in names:
        if name in _NEVER:
            raise Refused("gate.header", f"the header {name.decode()} is not passed on")
        if name in _ONCE and names.count(name) > 1:
            raise Refused("gate.header", f"the header {name.decode()} is there twice; send it once")


def _check_framing(head: Head) -> None:
    """How long the body is must have one answer; what it becomes must be known."""
    length, coding = head.get(b"content-length"), head.get(b"transfer-encoding")
    if length is not None and (coding is not None or not re.match(rb"[0-9]{1,15}\Z", length)):
        raise Refused("gate.header", "the length of the body is given in two ways")
    if coding not in (None, b"chunked"):
        raise Refused("gate.header", "bodies come plain or chunked")
    upgrade = head.get(b"upgrade")
    if upgrade is not None and upgrade.lower() not in _UPGRADES:
        raise Refused("gate.header", "connections become tcp or h2c only")


def render_head(head: Head, length: int | None = None) -> bytes:
    """Write the head for the engine: the last request of its connection."""
    last = b"close" if head.get(b"upgrade") is None else b"Upgrade, close"
    if length is None:
        return _rendered(head, {b"connection"}, b"connection: " + last)
    own = {b"connection", b"content-length", b"transfer-encoding", b"expect"}
    return _rendered(head, own, b"content-length: %d" % length, b"connection: " + last)


def render_bare(head: Head) -> bytes:
    """Write the head of a bare question, after which the connection stays open."""
    return _rendered(head, set())


def _rendered(head: Head, but: set[bytes], *more: bytes) -> bytes:
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in head.headers if name not in but]
    return b"\r\n".join([*lines, *more]) + b"\r\n\r\n"


class BrokenError(Exception):
    """The peer does not speak HTTP."""


class Stream:
    """A socket that is read by lines and lengths."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._data = b""

    def _more(self) -> bool:
        part = self.end.recv(CHUNK)
        self._data += part
        return bool(part)

    def taken(self) -> bytes:
        """What was read beyond; it is not read again."""
        data, self._data = self._data, b""
        return data

    def until(self, mark: bytes, most: int) -> bytes | None:
        """Read up to a mark, which is left out; None at the end of the stream.

        Raises:
            BrokenError: the mark does not come.
        """
        while True:
            at = self._data.find(mark)
            if at > most or (at < 0 and len(self._data) > most):
                raise BrokenError(f"no end within {most} bytes")
            if at >= 0:
                found, self._data = self._data[:at], self._data[at + len(mark) :]
                return found
            if not self._more():
                return None

    def head(self) -> bytes | None:
        """Read the head of a message; None at the end of the stream.

        Raises:
            Refused: it is too large.
        """
        try:
            return self.until(b"\r\n\r\n", MAX_HEAD)
        except BrokenError:
            raise Refused("gate.header", f"the head is larger than {MAX_HEAD} bytes") from None

    def exactly(self, size: int) -> bytes:
        """Read so many bytes.

        Raises:
            BrokenError: the stream ends before.
        """
        parts, have = [self._data], len(self._data)
        while have < size:
            parts.append(self.end.recv(CHUNK))
            have += len(parts[-1])
            if not parts[-1]:
                raise BrokenError("the body ends early")
        data = b"".join(parts)
        self._data = data[size:]
        return data[:size]

    def rest(self) -> Iterator[bytes]:
        """Give what was read beyond, then everything up to the end."""
        while True:
            data = self.taken()
            if data:
                yield data
            if not self._more():
                return

    def chunks(self, most: int | None = None) -> Iterator[bytes]:
        """Read a chunked body, piece by piece.

        Raises:
            BrokenError: it is none.
            Refused: there is more than allowed.
        """
        total = 0
        while True:
            match = _SIZE.match(self.until(b"\r\n", _MAX_LINE) or b"")
            if not match:
                raise BrokenError("the body is not chunked as announced")
            size = int(match[1], 16)
            total += size
            if most is not None:
                _fits(total, most)
            if not size:
                break
            data = self.exactly(size + 2)
            yield data[:-2]
        while self.until(b"\r\n", _MAX_LINE):
            pass  # trailers


def _fits(size: int, most: int) -> int:
    if size > most:
        raise Refused("body.size", f"the body is larger than {most} bytes")
    return size


def read_body(client: Stream, head: Head) -> bytes:
    """Read the body of a request, plain or in chunks.

    Raises:
        Refused: it is too large.
        BrokenError: it does not come as announced.
    """
    length = _fits(int(head.get(b"content-length") or b"0"), MAX_BODY)
    if head.get(b"expect") is not None:
        client.end.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if head.get(b"transfer-encoding") is None:
        return client.exactly(length)
    return b"".join(client.chunks(MAX_BODY))


def shut(end: socket.socket, how: int) -> None:
    """End a direction of a connection; it may have ended already."""
    try:
        end.shutdown(how)
    except OSError:
        return


def last_words(client: socket.socket, words: bytes) -> None:
    """Answer and hang up, without losing the answer to unread input."""
    try:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(1)
        while client.recv(CHUNK):
            pass
    except OSError:
        return


def serve(server: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    """Serve connections, a thread for each, until the socket is closed.

    Threads wait for connections instead of being started for them (a start costs more than a
    decision); whoever takes the last free place makes another one first.
    """
    free = [0]
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                free[0] += 1
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with lock:
                free[0] -= 1
                short = free[0] == 0
            if short:
                threading.Thread(target=work, daemon=True).start()
            handle(connection)

    work()
