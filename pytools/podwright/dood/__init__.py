"""The node's Docker Engine behind a proxy that knows whose things are whose.

The proxy is the only container that has the node's socket. It gives everything that the pipeline
creates the pod's label and names of its own, passes the pod's limits on, and removes it all when
the pod ends. It is no security boundary: who reaches the node's engine, even
through it, is as mighty as the engine (``--privileged`` is passed on).

Layers, each knowing only those before it::

    naming, budget, refusal    whose, how much, the answer no: pure
    wire                       bytes
    node                       questions to the engine; finding what the pipeline names
    bodies, listing            what becomes of requests' bodies, and of listings: pure
    desk, calls                what becomes of each call of the Docker API
    proxy                      connections
    keeper, program            leases and the end; the program of the container

``early`` comes before all of them: it listens while they are loaded.

What a builder file needs is here, and all of it is pure::

    source() -> str            one Python file: pod annotation, mounted by downward API
    command() -> list[str]     of the container `engine` (a plain python3 image)
    variables(client) -> list  its environment, from the pod's own fields
    NODE_ADDRESS               a variable for the client: where published ports are
"""

from __future__ import annotations

from podwright.docker_api.travel import travelling
from podwright.dood.places import CLIENT_DIR, CLIENT_SOCKET, NODE_SOCKET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CLIENT_DIR", "CLIENT_HOST", "NODE_ADDRESS", "NODE_SOCKET", "SOURCE", "command", "source",
    "variables",
]  # fmt: skip

#: Name of the file that the pod mounts what source() answers at, and where.
SOURCE = "dood.py"
SOURCE_PATH = f"/etc/podwright/{SOURCE}"
CLIENT_HOST = f"unix://{CLIENT_SOCKET}"


def _field(path: str) -> dict[str, Any]:
    return {"valueFrom": {"fieldRef": {"fieldPath": path}}}


def _limit(container: str, name: str, divisor: str) -> dict[str, Any]:
    reference = {"containerName": container, "resource": f"limits.{name}", "divisor": divisor}
    return {"valueFrom": {"resourceFieldRef": reference}}


def variables(client: str) -> list[dict[str, Any]]:
    """The container's environment; what the client's container may use is the limit of all."""
    return [
        {"name": "PODWRIGHT_POD_UID", **_field("metadata.uid")},
        {"name": "PODWRIGHT_NAMESPACE", **_field("metadata.namespace")},
        {"name": "PODWRIGHT_NAME", **_field("metadata.name")},
        {"name": "PODWRIGHT_POD", "value": "$(PODWRIGHT_NAMESPACE)/$(PODWRIGHT_NAME)"},
        {"name": "PODWRIGHT_MEMORY", **_limit(client, "memory", "1")},
        {"name": "PODWRIGHT_CPU", **_limit(client, "cpu", "1m")},
    ]


#: Where the pipeline reaches the ports that its containers publish.
NODE_ADDRESS: dict[str, Any] = {"name": "PODWRIGHT_NODE", **_field("status.hostIP")}
# In the order of their imports of one another.
_MODULES = (
    "docker_api.listening", "dood.places", "dood.early", "records", "docker_api.strict",
    "docker_api.http", "dood.naming", "dood.refusal", "dood.budget", "dood.wire", "dood.node",
    "dood.bodies", "dood.listing", "dood.desk", "dood.calls", "dood.keeper", "dood.proxy",
    "dood.program",
)  # fmt: skip


def source() -> str:
    """The whole program as one readable Python text."""
    call = "sys.argv[1:], os.environ, sys.stdout"
    return travelling("proxy to the node's engine", _MODULES, call, early="dood.early")


def command() -> list[str]:
    """The command of the container: isolated from the environment, without writing byte code."""
    return ["python3", "-I", "-B", SOURCE_PATH]
