"""The plugin's server: HTTP/1.1 on a unix socket, as the engine's plugin client speaks it.

Thin: it reads, asks :func:`podwright.authz.policy.decide` and answers. A request that cannot be
read is answered with a refusal, never with silence. A thread per connection; the engine keeps
connections open, so the usual cost is one read and one write.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from podwright.authz.policy import Decision, decide, read_request, refusal
from podwright.authz.strict import MAX_BODY, Refused

if TYPE_CHECKING:
    from podwright.authz.limits import Limits

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
MAX_QUESTION = 4 * MAX_BODY  # Base64 and headers around a body of the largest size
_MAX_HEAD = 64 * 1024
_ACTIVATE = b'{"Implements":["authz"]}'
_ALLOW = b'{"Allow":true}'
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
Audit = Callable[[str], None]


@dataclass(frozen=True)
class Exchange:
    """A question of the engine: the path of the plugin's API and the body."""

    path: str
    body: bytes


class BrokenExchangeError(Exception):
    """The peer does not speak as the engine does; the connection ends."""


def answer(exchange: Exchange, limits: Limits, audit: Audit) -> bytes:
    """Answer one question.

    The second call (AuthZRes) is always allowed: whatever the engine did is done, its answer holds
    only the pipeline's own objects, and holding it back would be an outage without a gain.
    """
    if exchange.path == "/AuthZPlugin.AuthZReq":
        return _decided(exchange.body, limits, audit)
    if exchange.path == "/AuthZPlugin.AuthZRes":
        return _ALLOW
    if exchange.path == "/Plugin.Activate":
        return _ACTIVATE
    return _words(refusal(Refused("plugin.protocol", "this call is not known to the plugin")))


def _decided(body: bytes, limits: Limits, audit: Audit) -> bytes:
    method = ""
    try:
        request = read_request(body)
        method = request.method
        decision = decide(request, limits)
    except Refused as refused:
        decision = refusal(refused)
    audit(audit_line(method, decision, limits, time.time()))
    return _ALLOW if decision.allow else _words(decision)


def _words(decision: Decision) -> bytes:
    return json.dumps({"Allow": False, "Msg": decision.message}).encode()


def audit_line(method: str, decision: Decision, limits: Limits, now: float) -> str:
    """One JSON object per decision: no query, no header, no body, so no secret."""
    return json.dumps(
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            + f".{int(now % 1 * 1e3):03}Z",
            "allow": decision.allow,
            "rule": decision.rule,
            "method": method if method in _METHODS else "other",
            "path": decision.path,
            "message": decision.message,
            "profile": limits.profile,
        }
    )


def read_exchange(stream: Any) -> Exchange | None:
    """Read one HTTP request of the engine's plugin client; None at the end of the connection.

    Raises:
        BrokenExchangeError: anything that client does not send (chunks, huge heads, other methods).
    """
    line = stream.readline(_MAX_HEAD)
    if not line:
        return None
    words = line.split()
    if len(words) != 3 or words[0] != b"POST" or not line.endswith(b"\n"):  # noqa: PLR2004
        raise BrokenExchangeError("no POST request")
    length = _content_length(stream)
    body = stream.read(length)
    if len(body) != length:
        raise BrokenExchangeError("the body ends early")
    return Exchange(words[1].decode("latin-1"), body)


def _content_length(stream: Any) -> int:
    """Read the header lines; only the length matters."""
    length, size = 0, 0
    while True:
        line = stream.readline(_MAX_HEAD)
        size += len(line)
        if line in (b"\r\n", b"\n"):
            return length
        if not line.endswith(b"\n") or size > _MAX_HEAD:
            raise BrokenExchangeError("the head is too large or ends early")
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"transfer-encoding":
            raise BrokenExchangeError("chunks are not read here")
        if name == b"content-length":
            length = _length(value)


def _length(value: bytes) -> int:
    text = value.strip()
    if not text.isdigit() or int(text) > MAX_QUESTION:
        raise BrokenExchangeError("the length is no number or too large")
    return int(text)


def reply(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP answer that keeps the connection open."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve_connection(connection: socket.socket, limits: Limits, audit: Audit) -> None:
    """Answer questions until the engine hangs up."""
    with connection, connection.makefile("rb", 64 * 1024) as stream:
        try:
            while True:
                exchange = read_exchange(stream)
                if exchange is None:
                    return
                connection.sendall(reply(answer(exchange, limits, audit)))
        except BrokenExchangeError as broken:
            _last_words(connection, str(broken))
        except OSError:
            return  # the engine went away; it refuses by itself


def _last_words(connection: socket.socket, reason: str) -> None:
    decision = refusal(Refused("plugin.protocol", reason))
    try:
        connection.sendall(reply(_words(decision), "400 Bad Request"))
    except OSError:
        return


def listen(path: str, mode: int) -> socket.socket:
    """Make a unix socket; one that a dead predecessor left behind is replaced.

    Args:
        path: of the socket.
        mode: permission bits, set before anybody can connect.
    """
    file = Path(path)
    if file.is_socket():
        file.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        server.bind(path)
    except OSError:
        server.close()
        raise
    finally:
        os.umask(before)
    file.chmod(mode)
    server.listen(128)
    return server


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
