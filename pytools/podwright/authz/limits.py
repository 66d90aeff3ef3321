"""What an administrator may decide: profiles as data, and a config that narrows them.

Widening is a word of its own in the config (``widen``), so that it can be seen, and some things
cannot be widened at all.
"""

from __future__ import annotations

from podwright.authz.places import SUBNETS, VOLUME, WORKSPACE
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

#: The engine's own default set (moby daemon/pkg/oci/caps, DefaultCapabilities).
CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
#: Each of these alone leads out of a container whose engine is privileged; never widened.
NEVER_CAPABILITIES = (
    "ALL", "BPF", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH", "LINUX_IMMUTABLE", "MAC_ADMIN",
    "MAC_OVERRIDE", "NET_ADMIN", "PERFMON", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_PTRACE",
    "SYS_RAWIO", "SYS_TIME", "SYSLOG",
)  # fmt: skip
#: Kubernetes' list of safe sysctls: namespaced and harmless to neighbours.
SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
)  # fmt: skip


@record
class Profile:
    """A named set of route groups.

    Attributes:
        groups: the groups of routes (see routes.py) that are open.
        join_network: whether a container may share the network of another one of this engine.
    """

    groups: frozenset[str]
    join_network: bool = False


_LOOK = frozenset({"look", "image", "build", "buildkit"})
_RUN = _LOOK | {"container", "network", "volume"}
PROFILES = {
    "build-only": Profile(_LOOK),
    "run": Profile(_RUN),
    "compose": Profile(_RUN, join_network=True),
}
DEFAULT_PROFILE = "run"


@record
class Limits:
    """A profile after the config has been applied; what every check may look at.

    Attributes:
        profile: its name, for messages.
        groups: open groups of routes.
        join_network: see Profile.
        capabilities: what CapAdd may name, without the prefix CAP_.
        sysctls: what Sysctls may name.
        imports: whether images may come from archives and URLs (load, import, commit).
        workspace: the path at which builder and engine share the workspace volume.
        volume: the name under which the engine knows that volume.
        subnets: where networks may have their addresses; the engine chooses from them too.
        taken: addresses that no network may have: the pod's routes, its DNS, the cluster's API.
        seal: what creations and builds must carry, since only the gate makes them safe; empty when
            there is no gate.
    """

    profile: str
    groups: frozenset[str]
    join_network: bool
    capabilities: frozenset[str] = frozenset(CAPABILITIES)
    sysctls: frozenset[str] = frozenset(SYSCTLS)
    imports: bool = True
    workspace: str = WORKSPACE
    volume: str = VOLUME
    subnets: tuple[str, ...] = SUBNETS
    taken: tuple[str, ...] = ()
    seal: str = ""

    def __hash__(self) -> int:
        """Hash what tells those of one process apart: it is asked for with each decision."""
        return hash((self.profile, self.taken, self.seal))


_KEYS = (
    "profile", "buildkit", "imports", "capabilities", "sysctls", "subnets", "workspace", "volume",
    "audit", "widen",
)  # fmt: skip


def problems(config: Mapping[str, Any]) -> list[str]:
    """Refuse what podwright never passes on: it tells mistakes itself, with their places."""
    widen = config.get("widen", {})
    sound = (
        set(config) <= set(_KEYS)
        and config.get("profile", DEFAULT_PROFILE) in tuple(PROFILES)
        and all(type(config.get(key, True)) is bool for key in ("buildkit", "imports"))
        and all(isinstance(config.get(key, ""), str) for key in ("workspace", "volume", "audit"))
        and _within(config.get("capabilities", []), CAPABILITIES)
        and _within(config.get("sysctls", []), SYSCTLS)
        and _texts(config.get("subnets", []))
        and all(map(is_subnet, config.get("subnets", [])))
        and isinstance(widen, dict)
        and set(widen) <= {"capabilities", "sysctls"}
        and all(_texts(item) for item in widen.values())
        and not {_plain(item) for item in widen.get("capabilities", [])} & set(NEVER_CAPABILITIES)
    )
    return [] if sound else ["policy config: it is not one that podwright writes; correct it"]


def is_subnet(text: str) -> bool:
    """Whether this is a subnet such as 198.18.0.0/15."""
    from ipaddress import ip_network  # noqa: PLC0415  costs what most callers do not need

    try:
        return "/" in text and bool(ip_network(text))
    except ValueError:
        return False


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _within(value: Any, allowed: Iterable[str]) -> bool:
    return _texts(value) and set(value) <= set(allowed)


def _plain(capability: str) -> str:
    return capability.upper().removeprefix("CAP_")


def limits(config: Mapping[str, Any]) -> Limits:
    """Apply a config (one without problems) to its profile."""
    name = config.get("profile", DEFAULT_PROFILE)
    profile = PROFILES[name]
    groups = profile.groups if config.get("buildkit", True) else profile.groups - {"buildkit"}
    widen = config.get("widen", {})
    return Limits(
        profile=name,
        groups=groups,
        join_network=profile.join_network,
        capabilities=_chosen(config, widen, "capabilities", CAPABILITIES),
        sysctls=_chosen(config, widen, "sysctls", SYSCTLS),
        imports=config.get("imports", True),
        subnets=tuple(config.get("subnets", SUBNETS)),
        workspace=config.get("workspace", WORKSPACE),
        volume=config.get("volume", VOLUME),
    )


def _chosen(
    config: Mapping[str, Any], widen: Mapping[str, Any], key: str, default: Iterable[str]
) -> frozenset[str]:
    return frozenset(config.get(key, default)) | frozenset(widen.get(key, ()))
