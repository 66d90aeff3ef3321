"""Docker Engine and client in one privileged container."""

from __future__ import annotations

import json

from podwright.builders import _docker
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Strategy,
    pod,
)
from podwright.paths import FILES_DIR
from podwright.request import Registry
from podwright.resources import text

SOCKET = "unix:///var/run/docker.sock"


class Dind(Strategy):
    """Docker in Docker: an engine of its own in one privileged container with its client.

    Costs: a privileged container is root on the node for whoever can run a step in it.
    """

    features = _docker.FEATURES | {"cacheClaim"}
    options = _docker.OPTIONS
    cache_types = _docker.CACHE_TYPES
    cache_in_tag = True
    level = "privileged"
    needs = "a namespace that admits privileged containers"
    also = ("docker",)
    rank = 70
    daemon_proxy = True

    def pod(self, context: PodContext) -> PodParts:
        """One privileged container with its own volume at /var/lib/docker."""
        config = {"hosts": [SOCKET], **_docker.registry_settings(context.registries)}
        builder = pod.container(
            "builder",
            context.images["docker-engine"],
            command=["sh", "-c", pod.awaits(SOCKET, _docker.ASKS) + text("engine.sh"), "engine"],
            args=["dockerd-entrypoint.sh", "dockerd", f"--config-file={_docker.CONFIG}"],
            env={"DOCKER_HOST": SOCKET, **_docker.engine_env(context)},
            mounts={"storage": _docker.DATA_ROOT, "tmp": pod.TMP, "files": FILES_DIR},
            more_mounts=pod.certificate_mounts(context.registries, _docker.CERTIFICATES),
            resources=pod.BUILD,
            security=_docker.PRIVILEGED,
            awaited=True,
            more=pod.TELLS_WHY,
        )
        return PodParts(
            builder=builder,
            files={"daemon.json": json.dumps(config, sort_keys=True)},
            # The image's wrapper mounts a tmpfs on /tmp, of the pod's memory, unless it is a mount.
            volumes=(pod.scratch("storage", "20Gi"), pod.scratch("tmp")),
            storage="storage",
            clients={"builder": _docker.CERTIFICATES},
            reasons={"builder": "privileged: dockerd mounts, makes networks and cgroups"},
        )

    def daemon_setting(self, registry: Registry) -> bool:
        return registry != Registry()

    def recipe(self, build: Build) -> Recipe:
        return _docker.recipe(build)


STRATEGY = Dind()
