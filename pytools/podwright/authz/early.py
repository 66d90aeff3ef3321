"""The liveness probe, before the rest of the program.

The kubelet asks for as long as the pod lives. To load the policy for each answer would take a
twentieth of a second of a processor, a tenth where Python's own modules are not compiled.
"""

from __future__ import annotations

import socket
import sys

from podwright.authz.places import PLUGIN_SOCKET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json"
_PATIENCE = 2.0


def begin(words: Sequence[str]) -> None:
    """End the program when all it was asked for is the probe: exit code 0 when the plugin answers.

    Args:
        words: what the program is started with.
    """
    if list(words) == ["probe"]:
        sys.exit(0 if answers(PLUGIN_SOCKET) else 1)


def answers(path: str) -> bool:
    """Whether a plugin activates at this socket."""
    question = b"POST /Plugin.Activate HTTP/1.1\r\nHost: probe\r\nContent-Length: 0\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(path)
            connection.sendall(question)
            answer = connection.recv(4096)
    except OSError:
        return False
    return MEDIA_TYPE.encode() in answer and b'"authz"' in answer
