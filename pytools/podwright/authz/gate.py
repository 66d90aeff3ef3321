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
from functools import lru_cache
from time import monotonic as _now

from podwright.authz.bodies import HOST_NETWORK
from podwright.authz.limits import Limits
from podwright.authz.mounts import keep, read_create, read_object, volume_names, written
from podwright.authz.policy import OBJECT_NAME, EngineRequest, check
from podwright.authz.volumes import Volumes
from podwright.docker_api.http import (
    CHUNK,
    SEAL,
    BrokenError,
    Head,
    Stream,
    last_words,
    parse_head,
    read_body,
    render_bare,
    render_head,
    shut,
)
from podwright.docker_api.strict import Refused, Target, cannot_be, parse_target
from podwright.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_REMEMBERED = 512  # bytes of a head
#: Seconds; the engine hangs up on who says nothing for five minutes (ReadHeaderTimeout).
_MAX_AHEAD = 240
#: Seconds for which the engine's answer to a ping (its API version, its kind of system) holds.
_PING_AGE = 60
_PING = re.compile(rb"/(?:v1\.[0-9]{1,3}/)?_ping\Z")
_NAME = re.compile(rb'"Name":"([^"]+)"')
_ID = re.compile(rb'"Id":"([0-9a-f]{64})"')
#: What wakes a container, or writes to one that stands still.
_WAKES = frozenset(
    {(b"POST", "start"), (b"POST", "restart"), (b"POST", "unpause"), (b"PUT", "archive")}
)
NOT_FOUND = "404 Not Found"
_HEX = re.compile(r"[0-9a-f]{1,64}\Z")
_AWAKE = ("running", "restarting")
_TRIES = 3
_MOST = 10_000  # ids that are remembered
#: Requests that the engine gets one after the other.
_ONE_AT_A_TIME = frozenset({("containers", "create"), ("volumes", "create"), ("commit",)})
_END, _STATUS = b"\r\n\r\n", 14  # of an answer's head; the bytes of its first line up to the words
#: Answers to a creation that has not begun: a wrong value, no such image, a name that is taken.
_UNDONE = (b"HTTP/1.1 400 ", b"HTTP/1.1 404 ", b"HTTP/1.1 409 ")
#: With one of these a HEAD is a request like any other.
_NOT_BARE = frozenset(b"connection content-length expect transfer-encoding upgrade".split())
_PLAIN_ANSWER = re.compile(rb"HTTP/1\.1 [2-5][0-9][0-9] ")
_CLOSES = re.compile(rb"(?i)\r\n(?:connection|transfer-encoding|upgrade):")


def refusal(refused: Refused) -> bytes:
    """An answer in the form that Docker clients show to the user."""
    return reply("403 Forbidden", f"podwright: [{refused.rule}] {refused.message}")


def reply(status: str, message: str) -> bytes:
    """An answer of the gate's own."""
    body = json.dumps({"message": message}).encode()
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
            parts = [engine.recv(CHUNK)]
            while parts[-1]:
                parts.append(engine.recv(CHUNK))
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
        self._made: set[bytes] = set()

    def serve(self, client: socket.socket) -> None:
        """Serve one connection of a client: check each head, then connect the two ends."""
        with client:
            try:
                self._serve(Stream(client))
            except Refused as refused:
                last_words(client, refusal(refused))
            except BrokenError as broken:
                last_words(client, refusal(Refused("gate.body", str(broken))))
            except OSError:
                pass  # one of the two hung up
        self._doors.prepare()

    def _serve(self, client: Stream) -> None:
        """Pass on questions that stay bare, one after the other, and then one last request."""
        engine = None
        try:
            while True:
                text = client.head()
                if text is None:
                    return
                head, written, target = _understood(text)
                if not is_bare(head):
                    break
                answer = self._doors.pong(head.target)
                if answer:
                    client.end.sendall(answer)
                    continue
                engine = self._doors.take(engine)
                answer = _ask(client.end, engine, written)
                if not answer:
                    return
                self._doors.remember(head.target, answer)
            missing = cannot_be(head.method.decode(), target.segments)
            answer = reply(NOT_FOUND, missing) if missing else self._answered(client, head, target)
            if answer:
                last_words(client.end, answer)
                return
            engine = self._doors.take(engine)
            if target.segments == ("build",):
                with self._volumes.build():
                    first = render_head(self._sealed(head)) + client.taken()
                    _join(client.end, engine, first, to_end=True)
            elif (
                target.segments[0] == "containers" and (head.method, target.segments[-1]) in _WAKES
            ):
                with self._volumes.moving(lambda: self._is_own(target.segments[1])):
                    _join(client.end, engine, written + client.taken(), to_end=True)
            else:
                _join(client.end, engine, written + client.taken())
        finally:
            if engine:
                engine.close()

    def _answered(self, client: Stream, head: Head, target: Target) -> bytes:
        """The engine's answer to what is done one at a time; empty for all other requests."""
        self._refuse_host(_networks(target))
        if head.method != b"POST" or target.segments not in _ONE_AT_A_TIME:
            return b""
        body = read_body(client, head)
        if target.segments[0] == "containers":
            return self._create(self._sealed(head), body)
        if target.segments[0] == "commit":
            return self._commit(self._sealed(head), target, body)
        return self._make_volume(head, body)

    def _check(self, head: Head, body: bytes) -> None:
        """Refuse as the plugin would: what is not understood cannot be made safe."""
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        headers.pop("transfer-encoding", None)  # it was taken off, as the engine does
        request = EngineRequest(head.method.decode(), head.target.decode(), headers, body)
        check(request, parse_target(request.uri), self._limits)

    def _create(self, head: Head, body: bytes) -> bytes:
        """Create a container whose volumes nobody else can write while they are filled."""
        try:
            request = read_create(body, self._limits)
        except Refused:
            self._check(head, body)  # what is wrong with the head comes first
            raise
        self._check(head, json.dumps(request).encode())
        self._refuse_host(_networks_of(request))
        names = volume_names(request)
        own = frozenset({self._limits.volume})
        with self._volumes.turn(names):
            keep(request, own | self._volumes.kept(names - own))
            target, body = written(request, head.target.decode())
            fresh = self._volumes.given(names)
            answer = self._exchange(replace(head, target=target.encode()), body)
            if answer.startswith(_UNDONE):
                self._volumes.made(*fresh)
        made = _ID.search(answer)
        if made and len(self._made) < _MOST:
            self._made.add(made[1])
        return answer

    def _commit(self, head: Head, target: Target, body: bytes) -> bytes:
        """Make an image of a container that stands still."""
        self._check(head, body)
        name = target.query.get("container", ("",))[0]
        if not OBJECT_NAME.match(name):
            raise Refused(
                "image.container", "container: give a container's name of letters, digits, _ . -"
            )
        with self._volumes.still():
            paused = self._pause(name)
            try:
                return self._exchange(head, body)
            finally:
                if paused:
                    self._doors.exchange(_question(f"/containers/{name}/unpause", "POST"))

    def _pause(self, name: str) -> bool:
        """Stop a container where it is; gives whether it has to be let go again."""
        for _ in range(_TRIES):
            _, _, text = self._doors.exchange(_question(f"/containers/{name}/json")).partition(_END)
            try:
                found = json.loads(text)
                state = found["State"]["Status"]
                policy = found["HostConfig"]["RestartPolicy"]["Name"]
            except (ValueError, KeyError, TypeError):
                return False  # the engine says what is wrong with it
            if state not in _AWAKE:
                return False
            if policy not in ("", "no"):
                break
            answer = self._doors.exchange(_question(f"/containers/{name}/pause", "POST"))
            if b" 204 " in answer[:_STATUS]:
                return True
        raise Refused(
            "image.awake",
            "only a container that stands still can be committed, and this one may be restarted at "
            "any time; stop it first",
        )

    def _is_own(self, name: str) -> bool:
        """Whether a container was made by way of this gate, not by a build."""
        found = _ID.search(self._doors.exchange(_question(f"/containers/{name}/json")))
        return bool(found and found[1] in self._made)

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

    def _refuse_host(self, networks: list[str]) -> None:
        """Refuse the engine's own network by its id, or the beginning of its id."""
        for name in filter(_HEX.match, networks):
            found = _ID.search(self._doors.exchange(_question("/networks/host")))
            if not found or found[1].decode().startswith(name):
                raise Refused("network.host", f"{name[:12]}: {HOST_NETWORK}")

    def _has_volume(self, name: str) -> bool:
        answer = self._doors.exchange(_question(f"/volumes/{name}"))
        return b" 404 " not in answer[:_STATUS]

    def _uses_volume(self, name: str) -> bool:
        filters = f"%7B%22volume%22:%5B%22{name}%22%5D%7D"
        answer = self._doors.exchange(_question(f"/containers/json?all=1&filters={filters}"))
        return b'"Id":' in answer


def _networks(target: Target) -> list[str]:
    """The networks that a request names in its target."""
    if target.segments[0] == "networks" and target.segments[2:] == ("connect",):
        return [target.segments[1]]
    return list(target.query.get("networkmode", ())) if target.segments == ("build",) else []


def _networks_of(request: dict[str, Any]) -> list[str]:
    """The networks that a checked creation names."""
    host, config = request.get("HostConfig") or {}, request.get("NetworkingConfig") or {}
    return [host.get("NetworkMode") or "", *(config.get("EndpointsConfig") or {})]


def _question(target: str, method: str = "GET") -> bytes:
    """A question of the gate's own, by HTTP/1.0 since its answers are not in chunks."""
    return f"{method} {target} HTTP/1.0\r\nHost: podwright\r\nContent-Length: 0\r\n\r\n".encode()


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
    stream = Stream(engine)
    head = stream.head()
    if head is None:
        return b""
    answer = head + b"\r\n\r\n"
    client.sendall(answer)
    certain = not stream.taken() and _PLAIN_ANSWER.match(head) and not _CLOSES.search(head)
    return answer if certain else b""


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
            data = self.source.recv(CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # gone, which ends this direction like an orderly end
        self.open = bool(data)
        self.pending = memoryview(b"" if self.lost else data)
        if not data:
            shut(self.sink, socket.SHUT_WR)

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
