"""Buildah with chroot isolation."""

from __future__ import annotations

from podwright.builders import _containers
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Strategy,
    pod,
)
from podwright.paths import KEYS_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.errors import Problem


class Buildah(Strategy):
    """Buildah in one container: no daemon, no privilege; RUN steps are isolated by chroot only.

    Costs: RUN steps share the container's network and process namespaces. Whether it may unshare
    and mount depends on the node's default seccomp and AppArmor profiles (containers/buildah#2262).
    """

    shows_dev = True
    path_logins = True
    options = _containers.OPTIONS
    features = _containers.FEATURES
    level = "baseline"
    needs = "a node whose default profile allows unshare and mount"
    rank = 30
    requires = "user namespaces"

    def pod(self, context: PodContext) -> PodParts:
        """One container of user 0 with the runtime's default capabilities."""
        return PodParts(
            builder=pod.container(
                "builder",
                context.images["buildah"],
                command=_containers.keep_alive("buildah", "/var/lib/containers/storage"),
                env={
                    "BUILDAH_ISOLATION": "chroot",
                    "CONTAINERS_STORAGE_CONF": _containers.STORAGE_CONF,
                    "PODWRIGHT_KEYS": KEYS_DIR,
                },
                mounts={"storage": "/var/lib/containers", "keys": KEYS_DIR},
                resources=pod.BUILD,
                security={
                    "privileged": False,
                    # newuidmap has file capabilities in the image.
                    "allowPrivilegeEscalation": True,
                    "runAsUser": 0,
                    "runAsGroup": 0,
                    **pod.profiles(context.options),
                },
            ),
            volumes=(pod.scratch("storage", "20Gi"), pod.memory("keys")),
            storage="storage",
            clients={"builder": _containers.CERTIFICATES},
            reasons={
                "builder": "user 0 and the default capabilities: layers hold files of all owners",
            },
        )

    def recipe(self, build: Build) -> Recipe:
        return _containers.recipe("buildah", build)

    def refusals(self, build: Build) -> list[Problem]:
        return _containers.refusals(build)

    def elsewhere(self, build: Build) -> bool:
        """A short name may be an alias of the image that has the program."""
        return _containers.has_short_names(build)

    def local(self) -> str:
        return "buildah"


STRATEGY = Buildah()
