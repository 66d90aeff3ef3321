"""The gate: the only way to the engine's socket.

A plugin is asked about what the engine chooses to show it. Three things stay in the dark, and the
gate settles them in front of the engine:

* native gRPC over HTTP/2 goes past all plugins (engine 29 and newer): the gate speaks HTTP/1.1
  only; BuildKit stays reachable by ``POST /grpc`` and ``/session``, which the plugin decides about;
* of a repeated header the engine shows its plugins the last value and uses the first itself, so
  that a form body could add parameters to a build: repeated headers are refused;
* a mount of a path below the workspace would be resolved by the engine long after the decision: it
  becomes a sub-path of the workspace's volume, which the engine resolves without a race.

The gate grants nothing: every request still goes through the engine to the plugin.
"""

from __future__ import annotations

import json
import posixpath
import re
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podwright.authz.strict import MAX_BODY, Refused, parse_json

if TYPE_CHECKING:
    from podwright.authz.limits import Limits

MAX_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.1\Z")
_CREATE = re.compile(rb"/(?:v1\.([0-9]{1,3})/)?containers/create(?=\?|\Z)")
#: Headers that decide how the rest is read: once, or not at all.
_ONCE = frozenset(
    b"connection content-encoding content-length content-type expect host transfer-encoding "
    b"upgrade".split()
)
_NEVER = frozenset(b"http2-settings keep-alive proxy-connection te trailer".split())
_UPGRADES = frozenset({b"tcp", b"h2c"})
#: The first API version with sub-paths of volumes; requests from 1.40 on mean the same in it.
_SUBPATH_API, _SUBPATH_FROM = 45, 40
_MODES = frozenset({"", "ro", "rw", "cached", "delegated", "consistent"})


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
    """Write the head for the engine: one request per connection, and no way to a second one."""
    connection = b"close" if head.get(b"upgrade") is None else b"Upgrade, close"
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    dropped = {b"connection"} if length is None else {b"connection", b"content-length", b"expect"}
    lines += [name + b": " + value for name, value in head.headers if name not in dropped]
    if length is not None:
        lines.append(b"content-length: %d" % length)
    lines.append(b"connection: " + connection)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def wants_body(head: Head) -> int | None:
    """The length of a body that may have workspace mounts in it; None for all other requests."""
    if head.method != b"POST" or not _CREATE.match(head.target):
        return None
    length = head.get(b"content-length")
    if length is None or int(length) > MAX_BODY:
        return None  # chunked or too large: the plugin decides about it as it is
    return int(length)


def translate(head: Head, body: bytes, limits: Limits) -> tuple[Head, bytes]:
    """Turn mounts of paths below the workspace into sub-paths of its volume.

    Whatever is not understood stays as it is: the plugin refuses it with the reason.
    """
    try:
        request = parse_json(body)
        host = request["HostConfig"]
        binds, mounts = host.get("Binds") or [], host.get("Mounts") or []
        kept, added = _split_binds(binds, limits)
        turned = [_turned(mount, limits) for mount in mounts]
    except (Refused, KeyError, TypeError, AttributeError):
        return head, body
    if not added and turned == mounts:
        return head, body
    host["Binds"], host["Mounts"] = kept, turned + added
    target = head.target
    if any(_has_subpath(mount) for mount in host["Mounts"]):
        target = _newer(target)
    return Head(head.method, target, head.headers), json.dumps(request).encode()


def _split_binds(binds: list[str], limits: Limits) -> tuple[list[str], list[dict[str, Any]]]:
    """Separate what stays a bind from what becomes a mount."""
    kept, added = [], []
    for bind in binds:
        source, _, rest = bind.partition(":")
        target, _, mode = rest.partition(":")
        path = subpath(source, limits)
        if path is None or mode not in _MODES:
            kept.append(bind)
        else:
            added.append(_volume_mount(path, target, limits, read_only=mode == "ro"))
    return kept, added


def subpath(source: str, limits: Limits) -> str | None:
    """The path inside the workspace's volume; empty for all of it, None for other places."""
    if not source.startswith("/"):
        return None
    path = posixpath.normpath(source)
    if path == limits.workspace:
        return ""
    inside = path.startswith(limits.workspace + "/")
    return path[len(limits.workspace) + 1 :] if inside else None


def _volume_mount(path: str, target: str, limits: Limits, *, read_only: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"NoCopy": True}
    if path:
        options["Subpath"] = path
    mount: dict[str, Any] = {"Type": "volume", "Source": limits.volume, "Target": target}
    if read_only:
        mount["ReadOnly"] = True
    return {**mount, "VolumeOptions": options}


def _turned(mount: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """A bind mount of the workspace as a volume's; everything else as it is."""
    known = {"Type", "Source", "Target", "ReadOnly", "Consistency"}
    if mount.get("Type") != "bind" or set(mount) - known:
        return mount
    path = subpath(mount["Source"], limits)
    if path is None:
        return mount
    return _volume_mount(path, mount["Target"], limits, read_only=mount.get("ReadOnly") is True)


def _has_subpath(mount: dict[str, Any]) -> bool:
    return bool((mount.get("VolumeOptions") or {}).get("Subpath"))


def _newer(target: bytes) -> bytes:
    """Name the API version that knows sub-paths when the client's is a little older."""
    match = _CREATE.match(target)
    if not match or not match[1] or not _SUBPATH_FROM <= int(match[1]) < _SUBPATH_API:
        return target
    return b"/v1.%d/" % _SUBPATH_API + target.split(b"/", 2)[2]


def refusal(refused: Refused, status: str = "403 Forbidden") -> bytes:
    """An answer in the form that Docker clients show to the user."""
    body = json.dumps({"message": f"podwright: [{refused.rule}] {refused.message}"}).encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def pass_on(client: socket.socket, engine_path: str, limits: Limits) -> None:
    """Serve one connection of a client: check the head, then connect the two ends."""
    with client:
        try:
            _pass_on(client, engine_path, limits)
        except Refused as refused:
            _say(client, refusal(refused))
        except OSError:
            return  # one of the two hung up


def _pass_on(client: socket.socket, engine_path: str, limits: Limits) -> None:
    raw = _read_head(client)
    if raw is None:
        return
    text, rest = raw
    head = parse_head(text)
    length = wants_body(head)
    if length is not None:
        body, rest = _read_body(client, head, rest, length)
        head, body = translate(head, body, limits)
        first = render_head(head, len(body)) + body + rest
    else:
        first = render_head(head) + rest
    with _engine(engine_path) as engine:
        _join(client, engine, first)


def _engine(path: str) -> socket.socket:
    engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        engine.connect(path)
    except OSError:
        engine.close()
        raise Refused(
            "gate.engine", "the engine is not there; see the log of container engine"
        ) from None
    return engine


def _read_head(client: socket.socket) -> tuple[bytes, bytes] | None:
    """Read up to the empty line; what follows it is returned as well."""
    data = b""
    while True:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end:
            return head, rest
        if len(data) > MAX_HEAD:
            raise Refused("gate.header", f"the head is larger than {MAX_HEAD} bytes")
        more = client.recv(16 * 1024)
        if not more:
            return None
        data += more


def _read_body(client: socket.socket, head: Head, rest: bytes, length: int) -> tuple[bytes, bytes]:
    if head.get(b"expect") is not None:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    parts, size = [rest], len(rest)
    while size < length:
        more = client.recv(_CHUNK)
        if not more:
            raise ConnectionError("the client left")
        parts.append(more)
        size += len(more)
    data = b"".join(parts)
    return data[:length], data[length:]


class _Flow:
    """One direction: what was read from the source and not yet taken by the sink."""

    def __init__(self, source: socket.socket, sink: socket.socket, pending: bytes) -> None:
        self.source, self.sink = source, sink
        self.buffer = memoryview(bytearray(_CHUNK))
        self.pending: memoryview = memoryview(pending)
        self.open, self.lost = True, False

    def wants(self) -> tuple[socket.socket, int] | None:
        """What to wait for: the sink to take what is there, or the source for more."""
        if self.pending:
            return self.sink, select.POLLOUT
        return (self.source, select.POLLIN) if self.open else None

    def step(self) -> None:
        """Move what can be moved without waiting."""
        if not self.pending and self.open:
            self._read()
        if self.pending:
            self._write()

    def _read(self) -> None:
        try:
            size = self.source.recv_into(self.buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0  # gone, which ends this direction like an orderly end
        self.open = size > 0
        self.pending = self.buffer[: 0 if self.lost else size]
        if not size:
            _shut(self.sink, socket.SHUT_WR)

    def _write(self) -> None:
        try:
            sent = self.sink.send(self.pending)
        except BlockingIOError:
            return
        except OSError:
            self.lost, sent = True, len(self.pending)
        self.pending = self.pending[sent:]


def _join(client: socket.socket, engine: socket.socket, first: bytes) -> None:
    """Copy both ways until the engine has said everything, or the client is gone.

    The end of one direction is passed on as such (attach needs it). When the engine no longer
    reads, the rest is read and thrown away: it hangs up on a large body that it refuses while the
    body is still coming, and its answer must reach the client. One loop, no second thread: starting
    one would be a good part of a short request's time.
    """
    client.settimeout(0)
    engine.settimeout(0)
    up, down = _Flow(client, engine, first), _Flow(engine, client, b"")
    while (down.open or down.pending) and not down.lost:
        waiting = select.poll()
        wanted: dict[socket.socket, int] = {}
        for end, event in filter(None, (up.wants(), down.wants())):
            wanted[end] = wanted.get(end, 0) | event
        for end, events in wanted.items():
            waiting.register(end, events)
        waiting.poll()
        up.step()
        down.step()


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
