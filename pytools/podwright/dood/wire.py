"""Bytes: HTTP/1.1 over sockets as the engine and its clients speak it, one request a connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from podwright.docker_api.http import BrokenError, Stream, shut
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LINE = 8 * 1024
_SEPARATOR = b"\x1e"  # RFC 7464: stands before each value of a JSON text sequence


@record
class AnswerHead:
    """The head of an answer.

    Attributes:
        status: of HTTP.
        text: all of the head, without the empty line.
        headers: by lower-case name.
    """

    status: int
    text: bytes
    headers: dict[bytes, bytes]

    @property
    def is_json(self) -> bool:
        """Whether the body is one JSON value."""
        return self.headers.get(b"content-type", b"").startswith(b"application/json")


def read_answer(stream: Stream) -> AnswerHead:
    """Read the head of an answer.

    Raises:
        BrokenError: the engine hung up, or speaks something else.
    """
    text = stream.head()
    first, *lines = (text or b"").split(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():  # noqa: PLR2004
        raise BrokenError("the node's Docker Engine ended the connection without an answer")
    pairs = (line.partition(b":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return AnswerHead(int(words[1]), text or b"", headers)


def body_of(stream: Stream, headers: dict[bytes, bytes]) -> Iterator[bytes]:
    """Give the body that a head announces, piece by piece, unchunked."""
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return stream.chunks()
    length = headers.get(b"content-length")
    if length is not None and length.isdigit():
        return iter([stream.exactly(int(length))])
    return stream.rest()


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream into lines."""
    left = b""
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        yield from lines
    if left:
        yield left


def question(method: str, target: str, value: Any = None) -> bytes:
    """Write a request, with a JSON body where there is a value."""
    body = b"" if value is None else json.dumps(value).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: docker", "Connection: close"]
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"Content-Length: {len(body)}"] if body or method != "GET" else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def reply(status: int, value: Any, headers: tuple[bytes, ...] = ()) -> bytes:
    """Write an answer with a JSON body."""
    body = json.dumps(value).encode() + b"\n"
    kept = (
        b"HTTP/1.1 %d %s" % (status, b"OK" if status < 400 else b"Refused"),  # noqa: PLR2004
        *headers,
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    )
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def other_headers(answer: AnswerHead) -> tuple[bytes, ...]:
    """Give the headers of an answer that hold for another body as well."""
    gone = (b"content-type", b"content-length", b"transfer-encoding", b"connection", b"trailer")
    lines = answer.text.split(b"\r\n")[1:]
    return tuple(line for line in lines if line.partition(b":")[0].strip().lower() not in gone)


def edited(line: bytes, change: Any) -> bytes:
    """Change a line that holds a JSON value; b'' when nothing of it is left."""
    mark = _SEPARATOR if line.startswith(_SEPARATOR) else b""
    text = line.strip(_SEPARATOR + b" \t\r\n")
    if not text:
        return b""
    try:
        value = json.loads(text)
    except ValueError:
        return line + b"\n"
    value = change(value)
    return b"" if value is None else mark + json.dumps(value).encode() + b"\n"


def upward(client: Stream, engine: socket.socket) -> threading.Thread:
    """Pass on what the client says from now on, and that it has ended; gives the thread."""
    thread = threading.Thread(target=_pass_up, args=(client, engine), daemon=True)
    thread.start()
    return thread


def _pass_up(client: Stream, engine: socket.socket) -> None:
    # An engine that has answered and hung up must not cost the client its answer: what the client
    # goes on to send is read and dropped.
    gone = False
    with suppress(OSError):
        for data in client.rest():
            if gone:
                continue
            try:
                engine.sendall(data)
            except OSError:
                gone = True
    shut(engine, socket.SHUT_WR)
