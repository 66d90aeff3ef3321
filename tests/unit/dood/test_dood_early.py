"""The socket that is there before the proxy is loaded."""

from __future__ import annotations

import io
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from podwright.docker_api.listening import listen
from podwright.dood import early, program

if TYPE_CHECKING:
    from pathlib import Path

PING = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"


def words(folder: Path) -> list[str]:
    return [f"--node-socket={folder}/node.sock", f"--client-socket={folder}/client.sock"]


def engine(folder: Path, answer: bytes) -> None:
    """Answer one question as an engine would."""
    server = listen(str(folder / "node.sock"), 0o600)

    def once() -> None:
        with server, server.accept()[0] as client:
            assert client.recv(1024) == PING
            client.sendall(answer)

    threading.Thread(target=once).start()


def test_who_connects_meanwhile_is_served_when_the_proxy_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "PAUSE", 60)  # so it is the client that ends it
    engine(tmp_path, b"HTTP/1.1 200 OK\r\n\r\nOK")
    waits = threading.Thread(target=early.begin, args=(words(tmp_path),))
    waits.start()
    client = socket.socket(socket.AF_UNIX)
    while client.connect_ex(str(tmp_path / "client.sock")):
        pass
    waits.join(20)
    assert not waits.is_alive()
    with early.server_at(str(tmp_path / "client.sock")) as server, client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"hello")
            assert accepted.recv(5) == b"hello"


def test_nobody_has_to_connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "PAUSE", 0)
    engine(tmp_path, b"HTTP/1.1 200 OK\r\n\r\nOK")
    early.begin(words(tmp_path))
    early.server_at(str(tmp_path / "client.sock")).close()
    assert early._listening == []


def test_a_socket_that_nobody_will_serve_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "PAUSE", 0)
    engine(tmp_path, b"HTTP/1.1 200 OK\r\n\r\nOK")
    early.begin(words(tmp_path))
    said = io.StringIO()
    env = {"PODWRIGHT_POD_UID": "x", "PODWRIGHT_MEMORY": "1", "PODWRIGHT_CPU": "1"}
    assert program.main(words(tmp_path), env, said) == 2
    assert not (tmp_path / "client.sock").exists()


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 500 Oh\r\n\r\n", b"SSH-2.0 200\r\n"])
def test_without_an_engine_nobody_can_connect(tmp_path: Path, answer: bytes | None) -> None:
    if answer is not None:
        engine(tmp_path, answer)
    early.begin(words(tmp_path))
    assert not (tmp_path / "client.sock").exists()
    early.server_at(str(tmp_path / "client.sock")).close()
    assert (tmp_path / "client.sock").is_socket()
