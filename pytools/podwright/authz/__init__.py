"""The policed Docker Engine: an authorization plugin, a gate, and what their pod needs.

Three parts, each refusing on its own:

* the **plugin** (``policy.py``, ``server.py``): the engine asks it about every request of the
  Docker API; default deny.
* the **gate** (``gate.py``): the only way to the engine's socket. It closes what the engine does
  not show to any plugin (native gRPC over HTTP/2, repeated headers) and turns ``-v "$PWD":/src``
  into a mount of the workspace volume with a sub-path, which the engine resolves without a race.
* the **guard** (``guard.py``): a POSIX ``sh`` text that starts the engine only when the engine is
  new enough and the plugin answers.

Everything that runs in the pod is standard library and travels in the pod itself. What a builder
file needs is here, and all of it is pure::

    source() -> str                       one Python file: pod annotation, mounted by downward API
    command(config) -> list[str]          of the container `authz` (a plain python3 image)
    probe() -> list[str]                  its liveness probe (exec)
    SECURITY_CONTEXT                      its securityContext
    daemon_config(EngineOptions) -> dict  the hardened daemon.json: annotation, mounted at .config
    engine_command(EngineOptions) -> list the command of the container `engine`
    *_DIR, CLIENT_HOST                    places that the pod's volumes must match

The pod needs three emptyDirs: ``plugins`` (authz + engine at PLUGIN_DIR), ``engine-socket``
(authz + engine at ENGINE_DIR) and ``client-socket`` (authz at CLIENT_DIR; builder at CLIENT_DIR
**readOnly**, so that it can connect but not replace the socket or the log). The builder's
DOCKER_HOST is CLIENT_HOST. The workspace volume is mounted in the engine at the same path as in
the builder, and nothing else below it. No other container may mount the first two volumes.
"""

from __future__ import annotations

import json

from podwright.authz.guard import (
    AUTHZ_UID,
    EngineOptions,
    daemon_config,
    engine_command,
)
from podwright.authz.places import (
    CLIENT_DIR,
    CLIENT_SOCKET,
    ENGINE_DIR,
    PLUGIN_DIR,
)
from podwright.docker_api.travel import travelling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "AUTHZ_UID", "CLIENT_DIR", "CLIENT_HOST", "ENGINE_DIR", "PLUGIN_DIR", "SECURITY_CONTEXT",
    "SOURCE_PATH", "EngineOptions", "command", "daemon_config", "engine_command", "probe", "source",
]  # fmt: skip

#: Where the pod mounts what source() answers.
SOURCE_PATH = "/etc/podwright/authz.py"
CLIENT_HOST = f"unix://{CLIENT_SOCKET}"
#: The plugin needs no right at all: it writes sockets into emptyDirs, which anybody may write.
SECURITY_CONTEXT: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsGroup": AUTHZ_UID,
    "runAsNonRoot": True,
    "runAsUser": AUTHZ_UID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
# In the order of their imports of one another; guard.py is about the engine and stays behind.
_MODULES = (
    "authz.places", "authz.early", "docker_api.listening", "records", "docker_api.strict",
    "docker_api.http", "authz.limits", "authz.checks", "authz.bodies", "authz.routes",
    "authz.policy", "authz.server", "authz.mounts", "authz.volumes", "authz.gate", "authz.plugin",
)  # fmt: skip


def source() -> str:
    """The whole program as one readable Python text."""
    words = "sys.argv[1:], sys.stdout, sys.stderr"
    return travelling("authorization plugin and gate", _MODULES, words, early="authz.early")


def _program(action: str) -> list[str]:
    """Isolated from the environment, and without writing byte code (the root is read-only)."""
    return ["python3", "-I", "-B", SOURCE_PATH, action]


def command(config: Mapping[str, Any] | None = None) -> list[str]:
    """The command of the container ``authz``.

    Args:
        config: the policy config (profile, capabilities...); `limits.problems` must be empty.
    """
    return [*_program("serve"), "--config", json.dumps(dict(config or {}), sort_keys=True)]


def probe() -> list[str]:
    """The liveness probe: the plugin activates."""
    return _program("probe")
