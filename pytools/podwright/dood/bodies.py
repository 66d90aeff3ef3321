"""Rewriting what the pipeline creates: labels, names, limits; by parsing, never by text.

Nothing is passed on that was not understood: field names in another spelling, which the engine
would take for the same field, are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from podwright.docker_api.strict import fold
from podwright.dood.budget import MINIMUM, SCARCE, Budget, set_memory, shown
from podwright.dood.naming import PREDEFINED, SHARE, Naming
from podwright.dood.node import Finder
from podwright.dood.refusal import Refusal
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_CONTAINER = ("HostConfig", "Labels", "NetworkingConfig")
_HOST = (
    "Binds", "CpuPeriod", "CpuQuota", "IpcMode", "Links", "Memory", "MemoryReservation",
    "MemorySwap", "Mounts", "NanoCpus", "NetworkMode", "PidMode", "PortBindings", "VolumeDriver",
    "VolumesFrom",
)  # fmt: skip
_MOUNT = ("Source", "Type", "VolumeOptions")
_MOUNTED = ("volume", "tmpfs", "image")
_NAMED_MODES = ("IpcMode", "PidMode")
_NO_PATH = ("tmpfs", "nfs", "nfs4", "cifs")  # file systems of volumes that are no path of the node

NO_PATHS = (
    "with the strategy dood a path is the node's, and the pod's files are not there; copy with "
    "`docker cp`, put the files into the image by its build context, or use the strategy "
    "dind-sidecar, which mounts the workspace"
)
NO_SOCKET = (
    "the node's docker.sock is not given to containers, because what they start would have no "
    "limits and nobody would remove it; everything of this pod is removed with it (for "
    "Testcontainers set TESTCONTAINERS_RYUK_DISABLED=true), or use the strategy dind-sidecar"
)


@record
class Maker:
    """Rewrites the bodies of requests.

    Attributes:
        naming: of the pod.
        budget: of the pod.
        find: how names become what the engine knows.
        now: the time, in seconds since 1970.
        used: bytes of memory that the pod's running containers have.
    """

    naming: Naming
    budget: Budget
    find: Finder
    now: Callable[[], int]
    used: Callable[[], int]

    def container(self, body: dict[str, Any], name: str) -> Created:
        """Rewrite the body of a container's creation.

        Args:
            body: is changed.
            name: what the pipeline calls it; '' for any.

        Raises:
            Refusal: with the reason.
        """
        known(body, _CONTAINER)
        name = name.lstrip("/") or os.urandom(4).hex()
        host = body["HostConfig"] = object_in(body, "HostConfig")
        known(host, _HOST)
        body["Labels"] = self.naming.labels(object_in(body, "Labels"), self.now())
        volumes = self._volumes(host)
        warnings = self._limits(body, host, f"the container '{name}'")
        self._modes(host)
        self._networks(body, host, name)
        warnings += _free_ports(host)
        return Created(self.naming.own(name), volumes, tuple(warnings))

    def _limits(self, body: dict[str, Any], host: dict[str, Any], name: str) -> list[str]:
        """Pass the pod's limits on; gives warnings."""
        memory, warnings = self.budget.wanted(host, name), []
        if not memory:
            # Whether it fits is told when it starts: a container that does not run uses nothing.
            memory = max(self.budget.share(self.used()), MINIMUM)
            body["Labels"][SHARE] = "share"
            warnings = [_scarce(name, memory)] if memory < SCARCE else []
        set_memory(host, memory)
        return warnings + self.budget.cut_cpu(host)

    def _volumes(self, host: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Rename volumes; gives those to make, with labels, before the container names them."""
        made: list[dict[str, Any]] = []
        binds = [self._bind(bind, host, made) for bind in items(host, "Binds", str)]
        mounts = [self._mount(mount, made) for mount in items(host, "Mounts", dict)]
        host.update({key: value for key, value in (("Binds", binds), ("Mounts", mounts)) if value})
        origins = items(host, "VolumesFrom", str)
        if origins:
            host["VolumesFrom"] = [self._origin(origin) for origin in origins]
        return tuple(made)

    def _bind(self, bind: str, host: dict[str, Any], made: list[dict[str, Any]]) -> str:
        source, colon, rest = bind.partition(":")
        if not colon:
            return bind  # a path of the container alone: an anonymous volume
        if source.startswith(("/", ".", "~", "\\")):
            raise Refusal(400, refused_path(source))
        if self.find.is_anonymous(source):
            return bind
        driver = host.get("VolumeDriver")
        made.append(self.volume({"Name": source, **({"Driver": driver} if driver else {})}))
        return f"{self.naming.own(source)}:{rest}"

    def _mount(self, mount: dict[str, Any], made: list[dict[str, Any]]) -> dict[str, Any]:
        known(mount, _MOUNT)
        kind, source = mount.get("Type"), mount.get("Source") or ""
        if kind == "bind":
            raise Refusal(400, refused_path(str(source)))
        if kind not in _MOUNTED:
            raise Refusal(400, f"mounts of the type {kind!r} are not known; use a volume or tmpfs")
        if kind != "volume" or not source or self.find.is_anonymous(str(source)):
            return mount
        options = object_in(mount, "VolumeOptions")
        known(options, ("DriverConfig", "Labels"))
        driver = object_in(options, "DriverConfig")
        known(driver, ("Name", "Options"))
        volume = {"Name": source, "Labels": options.get("Labels")}
        if driver.get("Name"):
            volume["Driver"] = driver["Name"]
        if driver.get("Options"):
            volume["DriverOpts"] = driver["Options"]
        made.append(self.volume(volume))
        return {**mount, "Source": self.naming.own(str(source))}

    def _origin(self, origin: str) -> str:
        name, colon, mode = origin.partition(":")
        return f"{self.find.container(name)['Id']}{colon}{mode}"

    def _modes(self, host: dict[str, Any]) -> None:
        """Resolve the containers whose namespaces are shared."""
        for key in _NAMED_MODES:
            if isinstance(host.get(key), str):
                host[key] = self._mode(host[key])
        links = items(host, "Links", str)
        if links:
            host["Links"] = [self.link(link) for link in links]

    def _mode(self, mode: str) -> str:
        kind, colon, name = mode.partition(":")
        if kind != "container" or not colon:
            return mode
        return f"container:{self.find.container(name)['Id']}"

    def link(self, link: str) -> str:
        """Resolve ``name:alias``; without an alias the name is the alias."""
        name, _, alias = link.partition(":")
        found = self.find.container(name)
        return f"{found['Name'].lstrip('/')}:{alias or name.lstrip('/')}"

    def mode(self, mode: str) -> str:
        """Resolve a network mode: the name of a network, or ``container:<name>``."""
        if mode.startswith("container:"):
            return self._mode(mode)
        return mode if mode in PREDEFINED else str(self.find.network(mode)["Name"])

    def _networks(self, body: dict[str, Any], host: dict[str, Any], name: str) -> None:
        """Resolve networks; on those that have names, the container has the one it was given."""
        chosen = host.get("NetworkMode") or ""
        if not isinstance(chosen, str):
            raise Refusal(400, "NetworkMode must be a text")
        config = object_in(body, "NetworkingConfig")
        known(config, ("EndpointsConfig",))
        ends = object_in(config, "EndpointsConfig")
        if chosen:
            host["NetworkMode"] = self.mode(chosen)
        if chosen not in PREDEFINED and not chosen.startswith("container:"):
            ends = {chosen: {}, **ends}
        if ends:
            config["EndpointsConfig"] = {
                self.mode(key): self.endpoint(end, "" if key in PREDEFINED else name)
                for key, end in ends.items()
            }
            body["NetworkingConfig"] = config

    def endpoint(self, given: Any, name: str) -> dict[str, Any]:
        """Rewrite how a container is connected to a network.

        Args:
            given: the connection's settings; may be missing.
            name: what the pipeline calls the container; '' on networks without names.
        """
        if not isinstance(given or {}, dict):
            raise Refusal(400, "an endpoint's settings must be an object")
        end: dict[str, Any] = {**(given or {})}
        known(end, ("Aliases", "Links"))
        if name:
            end["Aliases"] = list(dict.fromkeys([*items(end, "Aliases", str), name]))
        links = items(end, "Links", str)
        if links:
            end["Links"] = [self.link(link) for link in links]
        return end

    def network(self, body: dict[str, Any]) -> dict[str, Any]:
        """Rewrite the body of a network's creation."""
        known(body, ("ConfigFrom", "Labels", "Name"))
        if not isinstance(body.get("Name"), str) or not body["Name"]:
            raise Refusal(400, "a network needs a name")
        origin = object_in(body, "ConfigFrom")
        known(origin, ("Network",))
        if origin.get("Network"):
            body["ConfigFrom"] = {"Network": self.mode(str(origin["Network"]))}
        labels = self.naming.labels(object_in(body, "Labels"), self.now())
        return {**body, "Name": self.naming.own(body["Name"]), "Labels": labels}

    def volume(self, body: dict[str, Any]) -> dict[str, Any]:
        """Rewrite the body of a volume's creation."""
        known(body, ("Driver", "DriverOpts", "Labels", "Name"))
        options = object_in(body, "DriverOpts")
        device = str(options.get("device", ""))
        flags = set(str(options.get("o", "")).split(","))
        if {"bind", "rbind"} & flags or (device and options.get("type") not in _NO_PATH):
            raise Refusal(400, refused_path(device))
        name, labels = body.get("Name") or "", object_in(body, "Labels")
        if not name:
            name, labels = os.urandom(32).hex(), {**labels, "com.docker.volume.anonymous": ""}
        labels = self.naming.labels(labels, self.now())
        return {**body, "Name": self.naming.own(str(name)), "Labels": labels}

    def update(self, body: dict[str, Any], name: str) -> list[str]:
        """Check new limits of a container; changes the body, gives warnings."""
        known(body, _HOST)
        memory = self.budget.wanted(body, name)
        if memory:
            set_memory(body, memory)
        else:
            # Zero leaves the limit as it is, and no limit of swap may outgrow it.
            body.pop("MemorySwap", None)
        if any(body.get(key) for key in ("NanoCpus", "CpuQuota", "CpuPeriod")):
            return self.budget.cut_cpu(body)
        return []


@record
class Created:
    """What belongs to a container's creation beside its body.

    Attributes:
        name: on the node.
        volumes: bodies of the volumes to create first.
        warnings: sentences for the client.
    """

    name: str
    volumes: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]


def _scarce(name: str, memory: int) -> str:
    """Warn of a share that most programs cannot live with."""
    return (
        f"podwright: {name} gets {shown(memory)} of memory, half of what is free; give the others "
        "less (--memory, mem_limit), or raise pod.resources.builder.limits.memory"
    )


def _free_ports(host: dict[str, Any]) -> list[str]:
    """Let the engine choose the node's ports: another pod's container may have the wanted one."""
    fixed = []
    ports = object_in(host, "PortBindings")
    for port in ports:
        for binding in items(ports, port, dict):
            known(binding, ("HostPort",))
            if binding.get("HostPort") not in (None, "", "0"):
                fixed.append(binding["HostPort"])
                binding["HostPort"] = ""
    return [
        f"podwright: instead of the node's port {port}, which others may want as well, a free one "
        "is published; `docker port` tells it"
        for port in fixed
    ]


def refused_path(path: str) -> str:
    """Say why a path of the node is not mounted."""
    if path.rstrip("/").endswith("docker.sock"):
        return NO_SOCKET
    return f"'{path}' cannot be mounted: {NO_PATHS}"


def known(values: dict[str, Any], names: Iterable[str]) -> None:
    """Refuse other spellings of fields: the engine ignores case, this module does not.

    Raises:
        Refusal: with the field.
    """
    spellings = {fold(name): name for name in names}
    for key in values:
        spelling = spellings.get(fold(key), key)
        if spelling != key:
            raise Refusal(400, f"the field '{key}' must be spelt '{spelling}'")


def object_in(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Give a field that is an object; an empty one when it is missing.

    Raises:
        Refusal: it is something else.
    """
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"{name} must be an object")
    return value


def items(values: dict[str, Any], name: str, kind: type) -> list[Any]:
    """Give a field that is a list; an empty one when it is missing.

    Raises:
        Refusal: it is something else.
    """
    value = values.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise Refusal(400, f"{name} must be a list of {'texts' if kind is str else 'objects'}")
    return value
