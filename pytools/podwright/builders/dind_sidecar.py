"""A Docker Engine as a native sidecar, policed by an authorization plugin."""

from __future__ import annotations

from podwright import pod
from podwright.builders import _docker
from podwright.builders._base import Build, Builder, PodParts, Recipe, Setting
from podwright.resources import text

SOCKET = "unix:///run/podwright-engine/docker.sock"


class DindSidecar(Builder):
    """A Docker Engine of its own beside an unprivileged client, behind a policy.

    Costs: the engine is privileged; the authorization plugin keeps pipelines from using that.
    """

    features = _docker.FEATURES | {"cacheClaim"}
    level = "privileged"
    needs = "a namespace that admits privileged containers (the engine's)"
    rank = 60

    def pod(self, setting: Setting) -> PodParts:
        """A client that passes `restricted`, and the engine."""
        return PodParts(
            builder=pod.container(
                "builder",
                setting.images["docker-cli"],
                command=pod.KEEP_ALIVE,
                env={"DOCKER_HOST": SOCKET, "HOME": pod.TMP},
                mounts={"engine": "/run/podwright-engine"},
                resources=pod.CLIENT,
                security=pod.RESTRICTED,
            ),
            engines=(
                pod.sidecar(
                    "engine",
                    setting.images["docker-engine"],
                    command=["sh", "-c", text("engine.sh"), "engine"],
                    args=[f"--host={SOCKET}", "--group=1000"],
                    env={"PODWRIGHT_STORAGE_DRIVER": "", "PODWRIGHT_LOCK_WAIT": "60"},
                    mounts={
                        "storage": "/var/lib/docker",
                        "tmp": pod.TMP,
                        "engine": "/run/podwright-engine",
                    },
                    resources=pod.ENGINE,
                    security={
                        "privileged": True,
                        "allowPrivilegeEscalation": True,
                        "runAsUser": 0,
                        "runAsGroup": 0,
                    },
                    probe=["docker", "--host", SOCKET, "version"],
                ),
            ),
            volumes=(pod.scratch("storage", "20Gi"), pod.scratch("tmp"), pod.scratch("engine")),
            storage="storage",
            reasons={"engine": "privileged: dockerd mounts, makes networks and cgroups"},
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into the engine, then push each tag."""
        return _docker.recipe(build)


STRATEGY = DindSidecar()
