"""Rootless Podman, with its Docker-compatible socket."""

from __future__ import annotations

from podwright import registries
from podwright.builders import _containers
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Strategy,
    pod,
)
from podwright.paths import ENGINE_DIR, FILES_DIR, KEYS_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.errors import Problem

SOCKET = f"{ENGINE_DIR}/podman.sock"
_SERVES = """trap 'exit 143' TERM
while :; do
  podman system service --time=0 "$0" &
  wait $!
  sleep 1
done"""


_ENV = {
    "HOME": "/home/podman",
    "BUILDAH_ISOLATION": "chroot",
    "CONTAINERS_STORAGE_CONF": _containers.STORAGE_CONF,
    "PODWRIGHT_KEYS": KEYS_DIR,
    # Where the process of its user namespace is found again by all calls.
    "XDG_RUNTIME_DIR": "/tmp/podwright-run",  # noqa: S108 - inside the container
    "DOCKER_HOST": f"unix://{SOCKET}",
    # It is for whoever runs the node, and would come twice with each call.
    "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
}


class Podman(Strategy):
    """Rootless Podman: builds without a daemon and offers its Docker-compatible socket to tests.

    Costs: as Buildah; containers started through the socket run inside the pod's own limits, nested
    in the engine container, with its network. They need `pod: [userNamespace: true]`: Kubernetes
    masks /proc, which nested containers must mount, unless the pod has a user namespace.
    """

    shows_dev = True
    path_logins = True
    options = (*_containers.OPTIONS, "--squash-all")
    features = _containers.FEATURES | {"api"}
    level = "baseline"
    needs = "a node whose default profile allows unshare and mount"
    rank = 40
    requires = "user namespaces"

    def pod(self, context: PodContext) -> PodParts:
        """The builder and the socket's service, both as user 1000."""
        security = {
            "privileged": False,
            # newuidmap and newgidmap need it; user 1000 stays unprivileged.
            "allowPrivilegeEscalation": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            **pod.profiles(context.options),
        }
        storage = "/home/podman/.local/share/containers"
        return PodParts(
            builder=pod.container(
                "builder",
                context.images["podman"],
                command=_containers.keep_alive(
                    "podman", f"{storage}/storage", pod.awaits(SOCKET, ":")
                ),
                env=_ENV,
                mounts={"storage": storage, "engine": ENGINE_DIR, "keys": KEYS_DIR},
                resources=pod.BUILD,
                security=security,
                awaited=True,
                more=pod.TELLS_WHY,
            ),
            services=(_service(context, security, storage),),
            volumes=(
                pod.scratch("storage", "20Gi"),
                pod.scratch("engine-storage", "20Gi"),
                pod.scratch("engine"),
                pod.memory("keys"),
            ),
            storage="storage",
            clients=dict.fromkeys(("builder", "engine"), _containers.CERTIFICATES),
            files={"registries.conf": registries.containers_conf(context.registries)},
            security=pod.claim_security(context.options),
            reasons={
                "builder": "escalation: newuidmap sets up the user namespace",
                "engine": "escalation: newuidmap sets up the user namespace",
            },
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into local storage, then push each tag; the socket is not used for it."""
        return _containers.recipe("podman", build)

    def refusals(self, build: Build) -> list[Problem]:
        return _containers.refusals(build)

    def elsewhere(self, build: Build) -> bool:
        """A short name may be an alias of the image that has the program."""
        return _containers.has_short_names(build)

    def local(self) -> str:
        return "podman"


def _service(context: PodContext, security: dict[str, Any], storage: str) -> dict[str, Any]:
    """The service behind the socket; it knows the organisation's registries.

    No sidecar: all of the pod would be started later, the agent too. It comes back by itself.
    """
    env = {
        "HOME": "/home/podman",
        "STORAGE_DRIVER": "vfs",
        "CONTAINERS_REGISTRIES_CONF": f"{FILES_DIR}/registries.conf",
    }
    return pod.container(
        "engine",
        context.images["podman"],
        command=["sh", "-c", _SERVES, f"unix://{SOCKET}"],
        env=env,
        mounts={"engine-storage": storage, "engine": ENGINE_DIR},
        more_mounts=pod.certificate_mounts(context.registries, _containers.CERTIFICATES),
        resources=pod.ENGINE,
        security={**security, **_proc_mount(context)},
        more=pod.TELLS_WHY,
    )


def _proc_mount(context: PodContext) -> dict[str, str]:
    """Let the service mount /proc for its containers; Kubernetes allows it in user namespaces."""
    return {"procMount": "Unmasked"} if context.options.userNamespace else {}


STRATEGY = Podman()
