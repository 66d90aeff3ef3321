"""What an administrator may decide: profiles as data, and a config that narrows them.

Widening is a word of its own in the config (``widen``), so that it can be seen, and some things
cannot be widened at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The engine's own default set (moby daemon/pkg/oci/caps, DefaultCapabilities).
CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
#: Each of these alone leads out of a container whose engine is privileged; never widened.
NEVER_CAPABILITIES = (
    "ALL",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYSLOG",
)
#: Kubernetes' list of safe sysctls: namespaced and harmless to neighbours.
SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
)


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
        seal: what creations and builds must carry, since only the gate makes them safe; empty when
            there is no gate.
    """

    profile: str
    groups: frozenset[str]
    join_network: bool
    capabilities: frozenset[str] = frozenset(CAPABILITIES)
    sysctls: frozenset[str] = frozenset(SYSCTLS)
    imports: bool = True
    workspace: str = "/home/jenkins/agent"
    volume: str = "workspace"
    seal: str = ""


_KEYS = (
    "profile",
    "buildkit",
    "imports",
    "capabilities",
    "sysctls",
    "workspace",
    "volume",
    "audit",
    "widen",
)
_WIDEN_KEYS = ("capabilities", "sysctls")


def problems(config: Mapping[str, Any]) -> list[str]:
    """Say everything that is wrong with a policy config, one sentence each."""
    found = _unknown("policy config", config, _KEYS)
    profile = config.get("profile", DEFAULT_PROFILE)
    if profile not in tuple(PROFILES):
        known = ", ".join(sorted(PROFILES))
        found.append(f"policy config: profile {profile!r} does not exist; use one of {known}")
    found += [
        f"policy config: {key} must be true or false"
        for key in ("buildkit", "imports")
        if type(config.get(key, True)) is not bool
    ]
    found += [
        f"policy config: {key} must be an absolute path without . or .. in it"
        for key in ("workspace", "audit")
        if key in config and not _plain_path(config[key])
    ]
    if "volume" in config and not _plain_name(config["volume"]):
        found.append("policy config: volume must be a volume's name of letters, digits, _ . -")
    found += _narrowed(config, "capabilities", CAPABILITIES)
    found += _narrowed(config, "sysctls", SYSCTLS)
    return found + _widened(config.get("widen", {}))


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
        workspace=config.get("workspace", Limits.workspace),
        volume=config.get("volume", Limits.volume),
    )


def _chosen(
    config: Mapping[str, Any], widen: Mapping[str, Any], key: str, default: Iterable[str]
) -> frozenset[str]:
    return frozenset(config.get(key, default)) | frozenset(widen.get(key, ()))


def _plain_path(value: Any) -> bool:
    parts = value.split("/")[1:] if isinstance(value, str) and value.startswith("/") else [""]
    return all(part not in ("", ".", "..") for part in parts)


def _plain_name(value: Any) -> bool:
    """What the engine takes for a volume's name (moby daemon/names, RestrictedNameChars)."""
    return (
        isinstance(value, str)
        and len(value) > 1
        and value[0].isalnum()
        and value.isascii()
        and all(sign.isalnum() or sign in "_.-" for sign in value)
    )


def _unknown(where: str, given: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    found = []
    for key in given:
        if key not in known:
            near = get_close_matches(str(key), list(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            found.append(f"{where}: {key!r} is not known; {hint}")
    return found


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _narrowed(config: Mapping[str, Any], key: str, allowed: Iterable[str]) -> list[str]:
    """A list may only leave things out."""
    if key not in config:
        return []
    if not _texts(config[key]):
        return [f"policy config: {key} must be a list of strings"]
    return [
        f"policy config: {key} cannot add {item!r} to the profile; name it under widen to do so "
        "knowingly"
        for item in config[key]
        if item not in allowed
    ]


def _widened(widen: Any) -> list[str]:
    if not isinstance(widen, dict):
        return ["policy config: widen must be a mapping of capabilities or sysctls"]
    found = _unknown("policy config, widen", widen, _WIDEN_KEYS)
    wrong = [key for key in _WIDEN_KEYS if not _texts(widen.get(key, []))]
    found += [f"policy config, widen: {key} must be a list of strings" for key in wrong]
    if "capabilities" in wrong:
        return found
    for item in widen.get("capabilities", []):
        plain = item.upper().removeprefix("CAP_")
        if plain in NEVER_CAPABILITIES:
            found.append(
                f"policy config, widen: capability {item!r} leads out of every container; it "
                "cannot be allowed, use the strategy 'dind' on a cluster of its own instead"
            )
        elif plain != item:
            found.append(
                f"policy config, widen: capability {item!r} is not written plainly; write {plain!r}"
            )
    return found
