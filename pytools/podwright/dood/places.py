"""Where the sockets are; apart, for who plans a pod needs nothing else of the proxy."""

from __future__ import annotations

NODE_SOCKET = "/run/podwright-node/docker.sock"
CLIENT_DIR = "/run/podwright-engine"
CLIENT_SOCKET = f"{CLIENT_DIR}/docker.sock"
