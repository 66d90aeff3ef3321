"""The gate: the only way to the engine's socket.

A plugin is asked about what the engine chooses to show it. Three things stay in the dark, and the
gate settles them in front of the engine:

* native gRPC over HTTP/2 goes past all plugins (engine 29 and newer): the gate speaks HTTP/1.1
  only; BuildKit stays reachable by ``POST /grpc`` and ``/session``, which the plugin decides about;
* of a repeated header the engine shows its plugins the last value and uses the first itself, so
  that a form body could add parameters to a build: repeated headers are refused;
* a mount of a path below the workspace would be resolved by the engine long after the decision: it
  becomes a sub-path of the workspace's volume, which the engine resolves without a race
  (``mounts.py``).

And what the engine does as root with a volume, others must not disturb: containers are created one
after the other, and only new volumes are filled from an image (``volumes.py``). The plugin takes
creations and builds from this gate alone, known by a seal.

The gate grants nothing: every request still goes through the engine to the plugin. It answers one
question itself, HEAD /_ping, with which all clients begin: as the engine last did, while that is
there.

A request that may have a body is the last one of its connections, so that gate and engine never
disagree where the next begins. Only HEAD without a body, whose answer has none either, leaves them
open: there is nothing but one head each way, which the gate itself has read or written.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
from dataclasses import dataclass, replace
from functools import lru_cache
from time import monotonic as _now
from typing import TYPE_CHECKING

from podwright.authz.mounts import keep, read_create, read_object, volume_names, written
from podwright.authz.policy import SEAL, Request, check
from podwright.authz.strict import MAX_BODY, Refused, Target, parse_target
from podwright.authz.volumes import Volumes

if TYPE_CHECKING:
    from podwright.authz.limits import Limits

MAX_HEAD = 64 * 1024
_MAX_REMEMBERED = 512  # bytes of a head
#: Seconds; the engine hangs up on who says nothing for five minutes (ReadHeaderTimeout).
_MAX_AHEAD = 240
#: Seconds for which the engine's answer to a ping (its API version, its kind of system) holds.
_PING_AGE = 60
_CHUNK = 64 * 1024
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1\Z")
_PING = re.compile(rb"/(?:v1\.[0-9]{1,3}/)?_ping\Z")
_NAME = re.compile(rb'"Name":"([^"]+)"')
#: Headers that decide how the rest is read: once, or not at all.
_ONCE = frozenset(
    b"connection content-encoding content-length content-type expect host transfer-encoding "
    b"upgrade".split()
)
_NEVER = frozenset(
    [*b"http2-settings keep-alive proxy-connection te trailer".split(), SEAL.lower().encode()]
)
#: Requests that the engine gets one after the other.
_ONE_AT_A_TIME = frozenset({("containers", "create"), ("volumes", "create")})
#: Answers to a creation that has not begun: a wrong value, no such image, a name that is taken.
_UNDONE = (b"HTTP/1.1 400 ", b"HTTP/1.1 404 ", b"HTTP/1.1 409 ")
_UPGRADES = frozenset({b"tcp", b"h2c"})
#: With one of these a HEAD is a request like any other.
_NOT_BARE = frozenset(b"connection content-length expect transfer-encoding upgrade".split())
_PLAIN_ANSWER = re.compile(rb"HTTP/1\.1 [2-5][0-9][0-9] ")
_CLOSES = re.compile(rb"(?i)\r\n(?:connection|transfer-encoding|upgrade):")


@dataclass(frozen=True)
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
    connection = b"close" if head.get(b"upgrade") is None else b"Upgrade, close"
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    dropped = {b"connection"}
    if length is not None:
        dropped |= {b"content-length", b"transfer-encoding", b"expect"}
    lines += [name + b": " + value for name, value in head.headers if name not in dropped]
    if length is not None:
        lines.append(b"content-length: %d" % length)
    lines.append(b"connection: " + connection)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def refusal(refused: Refused, status: str = "403 Forbidden") -> bytes:
    """An answer in the form that Docker clients show to the user."""
    body = json.dumps({"message": f"podwright: [{refused.rule}] {refused.message}"}).encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Doors:
    """Connections to the engine: one is always opened ahead, so that no client waits for it.

    Args:
        path: of the engine's socket.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._ahead: list[tuple[float, socket.socket]] = []
        self._pongs: dict[bytes, tuple[float, bytes]] = {}
        self._closed = False

    def pong(self, target: bytes) -> bytes:
        """What the engine answered to this ping, and would answer again; empty when that is open.

        It is there while it keeps the connection that was opened ahead.
        """
        since, answer = self._pongs.get(target, (0.0, b""))
        if not answer or _now() - since > _PING_AGE:
            return b""
        try:
            return b"" if _stirs(self._ahead[0][1]) else answer
        except IndexError:
            return b""

    def remember(self, target: bytes, answer: bytes) -> None:
        """Keep an answer when it is one to a ping that the plugin and the engine have allowed."""
        if _PING.match(target) and answer.startswith(b"HTTP/1.1 200 "):
            self._pongs[target] = (_now(), answer)

    def take(self, engine: socket.socket | None = None) -> socket.socket:
        """A connection on which nothing is on its way.

        Args:
            engine: the one used so far; another takes its place if the engine hung up on it.

        Raises:
            Refused: the engine is not there.
        """
        if engine:
            if not _stirs(engine):
                return engine
            engine.close()
        while self._ahead:
            try:
                since, engine = self._ahead.pop()
            except IndexError:
                break  # another thread was faster
            if _now() - since < _MAX_AHEAD and not _stirs(engine):
                return engine
            engine.close()
        return self._open()

    def exchange(self, request: bytes) -> bytes:
        """Pass on a request that ends its connection; gives the whole answer.

        Raises:
            Refused: there is none.
        """
        with self.take() as engine, contextlib.suppress(OSError):
            engine.sendall(request)
            parts = [engine.recv(_CHUNK)]
            while parts[-1]:
                parts.append(engine.recv(_CHUNK))
            if len(parts) > 1:
                return b"".join(parts)
        raise Refused("gate.engine", "the engine gave no answer; see the log of container engine")

    def prepare(self) -> None:
        """Open one for the next client, unless it is there already."""
        if not self._ahead and not self._closed:
            with contextlib.suppress(Refused):
                self._ahead.append((_now(), self._open()))
        if self._closed:
            self.close()

    def close(self) -> None:
        """Close what nobody has taken, and open nothing more ahead."""
        self._closed = True
        while self._ahead:
            self._ahead.pop()[1].close()

    def _open(self) -> socket.socket:
        engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            engine.connect(self.path)
        except OSError:
            engine.close()
            raise Refused(
                "gate.engine", "the engine is not there; see the log of container engine"
            ) from None
        return engine


def _stirs(engine: socket.socket) -> bool:
    """Whether the engine hung up, or spoke unasked."""
    try:
        engine.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


class Gate:
    """Serves the clients of one engine.

    Args:
        doors: the connections to the engine.
        limits: the policy; its seal goes on what the plugin takes from the gate alone.
        late: the engine was at work before this gate.
    """

    def __init__(self, doors: Doors, limits: Limits, *, late: bool = False) -> None:
        self._doors, self._limits = doors, limits
        self._volumes = Volumes(self._has_volume, self._uses_volume, late=late)

    def serve(self, client: socket.socket) -> None:
        """Serve one connection of a client: check each head, then connect the two ends."""
        with client:
            try:
                self._serve(client)
            except Refused as refused:
                _say(client, refusal(refused))
            except OSError:
                pass  # one of the two hung up
        self._doors.prepare()

    def _serve(self, client: socket.socket) -> None:
        """Pass on questions that stay bare, one after the other, and then one last request."""
        rest, engine = b"", None
        try:
            while True:
                raw = _read_head(client, rest)
                if raw is None:
                    return
                text, rest = raw
                head, written, target = _understood(text)
                if not is_bare(head):
                    break
                answer = self._doors.pong(head.target)
                if answer:
                    client.sendall(answer)
                    continue
                engine = self._doors.take(engine)
                answer = _ask(client, engine, written)
                if not answer:
                    return
                self._doors.remember(head.target, answer)
            answer = self._answered(client, head, target, rest)
            if answer:
                _say(client, answer)
                return
            engine = self._doors.take(engine)
            if target.segments == ("build",):
                with self._volumes.build():
                    _join(client, engine, render_head(self._sealed(head)) + rest, to_end=True)
            else:
                _join(client, engine, written + rest)
        finally:
            if engine:
                engine.close()

    def _answered(self, client: socket.socket, head: Head, target: Target, rest: bytes) -> bytes:
        """The engine's answer to what is done one at a time; empty for all other requests."""
        if head.method != b"POST" or target.segments not in _ONE_AT_A_TIME:
            return b""
        body = _read_body(client, head, rest)
        if target.segments[0] == "containers":
            return self._create(self._sealed(head), body)
        return self._make_volume(head, body)

    def _check(self, head: Head, body: bytes) -> None:
        """Refuse as the plugin would: what is not understood cannot be made safe."""
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        headers.pop("transfer-encoding", None)  # it was taken off, as the engine does
        request = Request(head.method.decode(), head.target.decode(), headers, body)
        check(request, parse_target(request.uri), self._limits)

    def _create(self, head: Head, body: bytes) -> bytes:
        """Create a container whose volumes nobody else can write while they are filled."""
        try:
            request = read_create(body, self._limits)
        except Refused:
            self._check(head, body)  # what is wrong with the head comes first
            raise
        self._check(head, json.dumps(request).encode())
        names = volume_names(request)
        own = frozenset({self._limits.volume})
        with self._volumes.turn(names):
            keep(request, own | self._volumes.kept(names - own))
            target, body = written(request, head.target.decode())
            fresh = self._volumes.given(names)
            answer = self._exchange(replace(head, target=target.encode()), body)
            if answer.startswith(_UNDONE):
                self._volumes.made(*fresh)
        return answer

    def _make_volume(self, head: Head, body: bytes) -> bytes:
        """Make a volume, and remember that nobody has it."""
        self._check(head, body)
        with self._volumes.turn():
            is_new = self._volumes.is_new(read_object(body).get("Name") or "")
            answer = self._exchange(head, body)
            name = _NAME.search(answer)
            if is_new and name and answer.startswith(b"HTTP/1.1 201 "):
                self._volumes.made(name[1].decode())
        return answer

    def _sealed(self, head: Head) -> Head:
        seal = (SEAL.lower().encode(), self._limits.seal.encode())
        return replace(head, headers=(*head.headers, seal)) if self._limits.seal else head

    def _exchange(self, head: Head, body: bytes) -> bytes:
        """Pass on one request and wait for the whole answer, though the client be gone."""
        return self._doors.exchange(render_head(head, len(body)) + body)

    def _has_volume(self, name: str) -> bool:
        answer = self._doors.exchange(_question(f"/volumes/{name}"))
        return not answer.startswith(b"HTTP/1.1 404 ")

    def _uses_volume(self, name: str) -> bool:
        filters = f"%7B%22volume%22:%5B%22{name}%22%5D%7D"
        answer = self._doors.exchange(_question(f"/containers/json?all=1&filters={filters}"))
        return b'"Id":' in answer


def _question(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: podwright\r\nConnection: close\r\n\r\n".encode()


def _understood(text: bytes) -> tuple[Head, bytes, Target]:
    """Read a head, and write it for the engine; what clients ask all the time is remembered."""
    common = len(text) <= _MAX_REMEMBERED and b"uth" not in text.lower()  # no credentials
    return (_remembered if common else _read)(text)


def _read(text: bytes) -> tuple[Head, bytes, Target]:
    head = parse_head(text)
    written = render_bare(head) if is_bare(head) else render_head(head)
    return head, written, parse_target(head.target.decode())


_remembered = lru_cache(maxsize=128)(_read)


def is_bare(head: Head) -> bool:
    """Whether request and answer are heads and nothing else, so that their ends are certain.

    That is so for HEAD without a body.
    """
    return head.method == b"HEAD" and not any(name in _NOT_BARE for name, _ in head.headers)


def _ask(client: socket.socket, engine: socket.socket, question: bytes) -> bytes:
    """Pass on a bare question and its answer; gives the answer if both connections may go on.

    The engine gets the one head that was written here, and the client the one head of the answer:
    nothing else is on its way when this returns more than nothing.
    """
    engine.sendall(question)
    raw = _read_head(engine)
    if raw is None:
        return b""
    head, more = raw
    answer = head + b"\r\n\r\n"
    client.sendall(answer)
    certain = not more and _PLAIN_ANSWER.match(head) and not _CLOSES.search(head)
    return answer if certain else b""


def render_bare(head: Head) -> bytes:
    """Write the head of a bare question, after which the connection stays open."""
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in head.headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _read_head(source: socket.socket, data: bytes = b"") -> tuple[bytes, bytes] | None:
    """Read up to the empty line; what follows it is returned as well."""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end:
            return head, rest
        if len(data) > MAX_HEAD:
            raise Refused("gate.header", f"the head is larger than {MAX_HEAD} bytes")
        more = source.recv(16 * 1024)
        if not more:
            return None
        data += more


def _read_body(client: socket.socket, head: Head, data: bytes) -> bytes:
    """Read a body, plain or in chunks; ``data`` was read behind the head."""
    if head.get(b"expect") is not None:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if head.get(b"transfer-encoding") is None:
        return _exactly(client, data, _length(head.get(b"content-length") or b"0"))[0]
    parts: list[bytes] = []
    while True:
        line, data = _line(client, data)
        if not re.match(rb"[0-9A-Fa-f]{1,8}\Z", line):
            raise Refused("gate.body", "the body is not chunked as announced")
        if not int(line, 16):
            return b"".join(parts)
        part, data = _exactly(client, data, int(line, 16) + 2)
        parts.append(part[:-2])
        _length(b"%d" % sum(map(len, parts)))


def _length(value: bytes) -> int:
    if int(value) > MAX_BODY:
        raise Refused("body.size", f"the body is larger than {MAX_BODY} bytes")
    return int(value)


def _exactly(client: socket.socket, data: bytes, size: int) -> tuple[bytes, bytes]:
    """So many bytes, and what was read behind them."""
    _length(b"%d" % (size - 2))
    parts, have = [data], len(data)
    while have < size:
        more = client.recv(_CHUNK)
        if not more:
            raise ConnectionError("the client left")
        parts.append(more)
        have += len(more)
    data = b"".join(parts)
    return data[:size], data[size:]


def _line(client: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    """One line, and what was read behind it."""
    while b"\r\n" not in data:
        more = client.recv(_CHUNK)
        if not more:
            raise ConnectionError("the client left")
        data += more
        if len(data) > _CHUNK and b"\r\n" not in data:
            raise Refused("gate.body", "the body is not chunked as announced")
    line, _, data = data.partition(b"\r\n")
    return line, data


class _Flow:
    """One direction: what was read from the source and not yet taken by the sink."""

    def __init__(self, source: socket.socket, sink: socket.socket, pending: bytes) -> None:
        self.source, self.sink = source, sink
        self.pending = memoryview(pending)
        self.open, self.lost = True, False

    def wants(self) -> tuple[int, int] | None:
        """What to wait for: the sink to take what is there, or the source for more."""
        if self.pending:
            return self.sink.fileno(), select.POLLOUT
        return (self.source.fileno(), select.POLLIN) if self.open else None

    def step(self) -> None:
        """Move what can be moved without waiting."""
        if not self.pending and self.open:
            self._read()
        if self.pending:
            self._write()

    def _read(self) -> None:
        try:
            data = self.source.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # gone, which ends this direction like an orderly end
        self.open = bool(data)
        self.pending = memoryview(b"" if self.lost else data)
        if not data:
            _shut(self.sink, socket.SHUT_WR)

    def _write(self) -> None:
        try:
            sent = self.sink.send(self.pending, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self.lost, sent = True, len(self.pending)
        self.pending = self.pending[sent:]


def _join(
    client: socket.socket, engine: socket.socket, first: bytes, *, to_end: bool = False
) -> None:
    """Copy both ways until the engine has said everything, or (not to_end) the client is gone.

    The end of one direction is passed on as such (attach needs it). When the engine no longer
    reads, the rest is read and thrown away: it hangs up on a large body that it refuses while the
    body is still coming, and its answer must reach the client. One loop, no second thread: starting
    one would be a good part of a short request's time.
    """
    up, down = _Flow(client, engine, first), _Flow(engine, client, b"")
    up.step()
    while (down.open or down.pending) and (to_end or not down.lost):
        waiting = select.poll()
        wanted: dict[int, int] = {}
        for end, event in filter(None, (up.wants(), down.wants())):
            wanted[end] = wanted.get(end, 0) | event
        for end, events in wanted.items():
            waiting.register(end, events)
        ready = {end for end, _ in waiting.poll()}
        for flow in (up, down):
            waits = flow.wants()
            if waits and waits[0] in ready:
                flow.step()


def _shut(end: socket.socket, how: int) -> None:
    try:
        end.shutdown(how)
    except OSError:
        return


def _say(client: socket.socket, words: bytes) -> None:
    """Answer and hang up, without losing the answer to unread input."""
    try:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(1)
        while client.recv(_CHUNK):
            pass
    except OSError:
        return
