"""Questions of the proxy's own to the engine: what is sent, and what answers are taken for."""

from __future__ import annotations

import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from podwright.dood.node import Node

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    """Ask an engine that gives one answer; gives what it was sent, and what that was taken for."""

    def run(answer: bytes, *question: Any) -> tuple[bytes, Any]:
        path = tmp_path / "engine.sock"
        received: list[bytes] = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(path))
            server.listen()

            def serve() -> None:
                client, _ = server.accept()
                with client:
                    received.append(client.recv(4096))
                    client.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                found = Node(str(path), 5.0).ask(*question)
            finally:
                thread.join()
                path.unlink()
        return received[0], found

    return run


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"200 OK\r\nContent-Length: 9\r\n\r\n[1, 2, 3]", (200, [1, 2, 3])),
        (
            b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
            (200, [1, 2]),
        ),
        (b'200 OK\r\n\r\n{"a": 1}', (200, {"a": 1})),
        (b"204 No Content\r\n\r\n", (204, None)),
        (b"500 Internal Server Error\r\nContent-Length: 4\r\n\r\nwhat", (500, None)),
    ],
)
def test_an_answer_is_a_status_and_a_json_value(asked: Any, answer: bytes, found: Any) -> None:
    assert asked(b"HTTP/1.1 " + answer, "GET", "/info")[1] == found


@pytest.mark.parametrize(
    ("question", "sent"),
    [
        (("GET", "/info"), b"GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"),
        (
            ("DELETE", "/containers/a"),
            (
                b"DELETE /containers/a HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
                b"Content-Length: 0\r\n\r\n"
            ),
        ),
        (
            ("POST", "/volumes/create", {"Name": "a"}),
            (
                b"POST /volumes/create HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
                b'Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{"Name": "a"}'
            ),
        ),
    ],
)
def test_a_question_is_sent_whole(asked: Any, question: Any, sent: bytes) -> None:
    assert asked(b"HTTP/1.1 204 No Content\r\n\r\n", *question)[0] == sent


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "the node's Docker Engine ended the connection without an answer"),
        (b"SSH-2.0-x\r\n\r\n", "the node's Docker Engine ended the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1", "the body ends early"),
        (
            b"HTTP/1.1 200 OK\r\nX: " + 70_000 * b"a" + b"\r\n\r\n",
            "[gate.header] the head is larger than 65536 bytes",
        ),
    ],
)
def test_what_is_no_answer_is_a_lost_connection(asked: Any, answer: bytes, why: str) -> None:
    with pytest.raises(ConnectionError, match=f"^{re.escape(why)}$"):
        asked(answer, "GET", "/info")


def test_an_engine_that_does_not_listen_is_a_lost_connection(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Node(str(tmp_path / "none")).ask("GET", "/info")
