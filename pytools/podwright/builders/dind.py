"""Docker Engine and client in one privileged container."""

from __future__ import annotations

from podwright import pod
from podwright.builders import _docker
from podwright.builders._base import Build, Builder, PodParts, Recipe, Setting
from podwright.resources import text


class Dind(Builder):
    """Docker in Docker: an engine of its own in one privileged container with its client.

    Costs: a privileged container is root on the node for whoever can run a step in it.
    """

    features = _docker.FEATURES | {"cacheClaim"}
    level = "privileged"
    needs = "a namespace that admits privileged containers"
    rank = 70

    def pod(self, setting: Setting) -> PodParts:
        """One privileged container with its own volume at /var/lib/docker."""
        return PodParts(
            builder=pod.container(
                "builder",
                setting.images["docker-engine"],
                command=["sh", "-c", text("engine.sh"), "engine"],
                args=["--host=unix:///var/run/docker.sock"],
                env={
                    "DOCKER_HOST": "unix:///var/run/docker.sock",
                    "PODWRIGHT_STORAGE_DRIVER": "",
                    "PODWRIGHT_LOCK_WAIT": "60",
                },
                mounts={"storage": "/var/lib/docker", "tmp": pod.TMP},
                resources=pod.BUILD,
                security={
                    "privileged": True,
                    "allowPrivilegeEscalation": True,
                    "runAsUser": 0,
                    "runAsGroup": 0,
                },
                probe=["docker", "version"],
            ),
            # The image's wrapper mounts a tmpfs on /tmp, of the pod's memory, unless it is a mount.
            volumes=(pod.scratch("storage", "20Gi"), pod.scratch("tmp")),
            storage="storage",
            reasons={"builder": "privileged: dockerd mounts, makes networks and cgroups"},
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into the engine, then push each tag."""
        return _docker.recipe(build)


STRATEGY = Dind()
