"""The node's Docker Engine, by its socket."""

from __future__ import annotations

from typing import Any

from podwright import pod
from podwright.builders import _docker
from podwright.builders._base import Build, Builder, PodParts, Recipe, Setting

SOCKET = "/var/run/docker.sock"


class Dood(Builder):
    """Docker out of Docker: the node's own engine through its socket, without privilege.

    Costs: who reaches the socket is root on the node; the socket may not exist; Kubernetes neither
    sees nor limits what runs there.
    """

    features = _docker.FEATURES
    level = "privileged"
    needs = "nodes that run dockerd, and a namespace that admits hostPath volumes"
    rank = 90

    def pod(self, setting: Setting) -> PodParts:
        """One unprivileged container with the node's socket."""
        group = setting.options.socketGroup
        return PodParts(
            builder=pod.container(
                "builder",
                setting.images["docker-cli"],
                command=pod.KEEP_ALIVE,
                env={"DOCKER_HOST": f"unix://{SOCKET}"},
                mounts={"docker-socket": SOCKET},
                resources=pod.CLIENT,
                security=_security(group),
            ),
            # `type: Socket` makes the pod fail at once, with an event, on nodes without dockerd;
            # without it the kubelet would make an empty directory.
            volumes=({"name": "docker-socket", "hostPath": {"path": SOCKET, "type": "Socket"}},),
            security={"supplementalGroups": [group]} if group else {},
            reasons={"builder": "hostPath: the socket of the node's engine"},
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into the node's engine, then push each tag."""
        return _docker.recipe(build)

    def local(self) -> str:
        """`docker` on PATH, with an engine that answers."""
        return "docker"


def _security(group: int) -> dict[str, Any]:
    """Join the socket's group as user 1000 when it is known, else be user 0 with one capability."""
    if group:
        return pod.RESTRICTED
    return {
        **pod.RESTRICTED,
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        # Files of the workspace belong to the agent's user.
        "capabilities": {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]},
    }


STRATEGY = Dood()
