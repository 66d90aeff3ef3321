"""Rootless Podman, with its Docker-compatible socket."""

from __future__ import annotations

from podwright import pod, registries
from podwright.builders import _containers
from podwright.builders._base import (
    Build,
    Builder,
    PodParts,
    Recipe,
    Setting,
    tagged_caches,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKET = "/run/podwright-engine/podman.sock"
CERTIFICATES = "/etc/containers/certs.d"


class Podman(Builder):
    """Rootless Podman: builds without a daemon and offers its Docker-compatible socket to tests.

    Costs: as Buildah; containers started through the socket run inside the pod's own limits, nested
    in the engine container, with its network. They need `pod: [userNamespace: true]`: Kubernetes
    masks /proc, which nested containers must mount, unless the pod has a user namespace.
    """

    features = _containers.FEATURES | {"api"}
    level = "baseline"
    needs = "a node whose default profile allows unshare and mount"
    rank = 40

    def pod(self, setting: Setting) -> PodParts:
        """The builder and the socket's service, both as user 1000."""
        security = {
            "privileged": False,
            # newuidmap and newgidmap need it; user 1000 stays unprivileged.
            "allowPrivilegeEscalation": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            **pod.profiles(setting.options),
        }
        storage = "/home/podman/.local/share/containers"
        return PodParts(
            builder=pod.container(
                "builder",
                setting.images["podman"],
                command=pod.in_plain_folder(f"{storage}/storage", pod.KEEP_ALIVE[2]),
                env={
                    "HOME": "/home/podman",
                    "BUILDAH_ISOLATION": "chroot",
                    "STORAGE_DRIVER": "vfs",
                    "DOCKER_HOST": f"unix://{SOCKET}",
                },
                mounts={"storage": storage, "engine": "/run/podwright-engine"},
                resources=pod.BUILD,
                security=security,
            ),
            engines=(_service(setting, security, storage),),
            volumes=(
                pod.scratch("storage", "20Gi"),
                pod.scratch("engine-storage", "20Gi"),
                pod.scratch("engine"),
            ),
            storage="storage",
            files=_files(setting),
            security=pod.claim_security(setting.options),
            reasons={
                "builder": "escalation: newuidmap sets up the user namespace",
                "engine": "escalation: newuidmap sets up the user namespace",
            },
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into local storage, then push each tag; the socket is not used for it."""
        return _containers.recipe("podman", build)

    def refusals(self, build: Build) -> list[str]:
        """Cache references are repositories."""
        return tagged_caches(build, "Podman")

    def local(self) -> str:
        """`podman` on PATH."""
        return "podman"


def _service(setting: Setting, security: dict[str, Any], storage: str) -> dict[str, Any]:
    """The service behind the socket; it knows the organisation's registries."""
    env = {"HOME": "/home/podman", "STORAGE_DRIVER": "vfs"}
    if setting.registries:
        env["CONTAINERS_REGISTRIES_CONF"] = f"{pod.FILES_DIR}/registries.conf"
    service = pod.sidecar(
        "engine",
        setting.images["podman"],
        command=["podman", "system", "service", "--time=0", f"unix://{SOCKET}"],
        env=env,
        mounts={"engine-storage": storage, "engine": "/run/podwright-engine"},
        resources=pod.ENGINE,
        security={**security, **_unmasked(setting)},
        probe=["podman", "--remote", "--url", f"unix://{SOCKET}", "version"],
    )
    service["volumeMounts"] += pod.certificate_mounts(setting.registries, CERTIFICATES)
    return service


def _files(setting: Setting) -> dict[str, str]:
    """The registries' settings for the service, when there are any."""
    if not setting.registries:
        return {}
    return {"registries.conf": registries.containers_conf(setting.registries)}


def _unmasked(setting: Setting) -> dict[str, str]:
    """Let the service mount /proc for its containers; Kubernetes allows it in user namespaces."""
    return {"procMount": "Unmasked"} if setting.options.userNamespace else {}


STRATEGY = Podman()
