"""The plugin's server: HTTP/1.1 on a unix socket, as the engine's plugin client speaks it.

Thin: it reads, asks :func:`podwright.authz.policy.decide` and answers. A request that cannot be
read is answered with a refusal, never with silence. A thread per connection; the engine keeps
connections open, so the usual cost is one read and one write.

The engine waits for each answer, and its caches were used by others meanwhile: what counts is how
little runs, more than how often. Clients ask the same few questions again and again, so heads and
decisions (pure functions of their bytes) are remembered.
"""

from __future__ import annotations

import json
import socket
import time
from functools import lru_cache

from podwright.authz.early import MEDIA_TYPE
from podwright.authz.limits import Limits
from podwright.authz.policy import Decision, decide, read_request, refusal
from podwright.docker_api.http import BrokenError, Stream
from podwright.docker_api.strict import MAX_BODY, Refused
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Audit = Callable[[str], None]

MAX_QUESTION = 4 * MAX_BODY  # Base64 and headers around a body of the largest size
_MAX_REMEMBERED = 1024  # bytes of a question; 256 of them are kept
_ACTIVATE = b'{"Implements":["authz"]}'
_ALLOW = b'{"Allow":true}'
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])


@record
class Exchange:
    """A question of the engine: the path of the plugin's API and the body."""

    path: str
    body: bytes


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
    # What has a body comes once, and may hold secrets that are not to be kept.
    plain = len(body) <= _MAX_REMEMBERED and b'"RequestBody"' not in body
    said, tail = (_remembered if plain else _judged)(body, limits)
    audit(_timed(tail, time.time()))
    return said


def _judged(body: bytes, limits: Limits) -> tuple[bytes, str]:
    """The answer to a question, and its audit line without the time."""
    method = ""
    try:
        request = read_request(body)
        method = request.method
        decision = decide(request, limits)
    except Refused as refused:
        decision = refusal(refused)
    said = _ALLOW if decision.allow else _words(decision)
    return said, _audit_tail(method, decision, limits)


_remembered = lru_cache(maxsize=256)(_judged)


def _words(decision: Decision) -> bytes:
    return json.dumps({"Allow": False, "Msg": decision.message}).encode()


def _audit_tail(method: str, decision: Decision, limits: Limits) -> str:
    """One JSON object per decision: no query, no header, no body, so no secret."""
    return json.dumps(
        {
            "allow": decision.allow,
            "rule": decision.rule,
            "method": method if method in _METHODS else "other",
            "path": decision.path,
            "message": decision.message,
            "profile": limits.profile,
        }
    )[1:]


def _timed(tail: str, now: float) -> str:
    """The whole line, with its time (UTC) first."""
    days, second = divmod(int(now), 86400)
    minute, second = divmod(second, 60)
    clock = f"{minute // 60:02}:{minute % 60:02}:{second:02}.{int(now % 1 * 1e3):03}Z"
    return f'{{"time": "{_date(days)}T{clock}", {tail}'


@lru_cache(maxsize=1)
def _date(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(days * 86400))


def read_exchange(stream: Stream) -> Exchange | None:
    """Read one HTTP request of the engine's plugin client; None at the end of the connection.

    Raises:
        BrokenError: anything that client does not send (chunks, other methods).
        Refused: the head is too large.
    """
    head = stream.head()
    if head is None:
        if stream.taken():
            raise BrokenError("the head ends early")
        return None
    path, length = _read_head(head)
    return Exchange(path, stream.exactly(length))


@lru_cache(maxsize=256)
def _read_head(head: bytes) -> tuple[str, int]:
    """The path and the length of the body; of the headers only these two matter."""
    first, *lines = head.split(b"\r\n")
    words = first.split()
    if len(words) != 3 or words[0] != b"POST":  # noqa: PLR2004
        raise BrokenError("no POST request")
    length = 0
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"transfer-encoding":
            raise BrokenError("chunks are not read here")
        if name == b"content-length":
            length = _length(value)
    return words[1].decode("latin-1"), length


def _length(value: bytes) -> int:
    text = value.strip()
    if not text.isdigit() or int(text) > MAX_QUESTION:
        raise BrokenError("the length is no number or too large")
    return int(text)


@lru_cache(maxsize=8)
def reply(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP answer that keeps the connection open."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve_connection(connection: socket.socket, limits: Limits, audit: Audit) -> None:
    """Answer questions until the engine hangs up."""
    stream = Stream(connection)
    with connection:
        try:
            while exchange := read_exchange(stream):
                connection.sendall(reply(answer(exchange, limits, audit)))
        except (BrokenError, Refused) as broken:
            _last_words(connection, getattr(broken, "message", str(broken)))
        except OSError:
            return  # the engine went away; it refuses by itself


def _last_words(connection: socket.socket, reason: str) -> None:
    decision = refusal(Refused("plugin.protocol", reason))
    try:
        connection.sendall(reply(_words(decision), "400 Bad Request"))
    except OSError:
        return
