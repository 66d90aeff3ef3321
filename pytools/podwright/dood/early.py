"""The proxy's socket before the proxy: clients may connect while that is still being loaded.

A pod is ready when the socket is there. Loading the proxy takes a tenth of a second of a processor,
on which Jenkins' agent starts at that time, for which the pod waits; so it is done afterwards, or
when somebody connects, who waits meanwhile.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Sequence

from podwright.docker_api.listening import listen
from podwright.dood.places import CLIENT_SOCKET, NODE_SOCKET

#: Seconds until the proxy is loaded although nobody has connected.
PAUSE = 1.0
_PATIENCE = 2.0
# Only this pod mounts the directory; the builder may run as any user.
_MODE = 0o666
_listening: list[socket.socket] = []


def begin(words: Sequence[str]) -> None:
    """Listen and wait, when the engine answers; when not, the proxy will find out why.

    Args:
        words: what the proxy is started with, as `--client-socket=PATH`.
    """
    given = {name: value for name, _, value in (word.partition("=") for word in words)}
    if _answers(given.get("--node-socket", NODE_SOCKET)):
        server = listen(given.get("--client-socket", CLIENT_SOCKET), _MODE)
        _listening.append(server)
        select.select([server], [], [], PAUSE)


def server_at(path: str) -> socket.socket:
    """Give the socket that listens already, or one that begins to."""
    return _listening.pop() if _listening else listen(path, _MODE)


def withdraw(path: str) -> None:
    """Take the socket away that nobody has come to serve: it must not look as if somebody did."""
    while _listening:
        os.unlink(path)  # noqa: PTH108 - see listening.py
        _listening.pop().close()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        engine.settimeout(_PATIENCE)
        try:
            engine.connect(path)
            engine.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            return engine.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False
