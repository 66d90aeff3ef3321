"""A unix socket that listens; imports what costs nothing, for it may be wanted at once."""

from __future__ import annotations

import os
import socket
import stat


def listen(path: str, mode: int) -> socket.socket:
    """Make a unix socket; one that a dead predecessor left behind is replaced.

    Args:
        path: of the socket.
        mode: permission bits, set before anybody can connect.
    """
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH110, PTH116
        os.unlink(path)  # noqa: PTH108 - importing pathlib takes longer than all of this
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        server.bind(path)
    except OSError:
        server.close()
        raise
    finally:
        os.umask(before)
    os.chmod(path, mode)  # noqa: PTH101
    server.listen(128)
    return server
