"""What the gate makes of a container's mounts before the engine sees them. Pure.

A path below the workspace becomes a sub-path of the workspace's volume, and a volume that somebody
else may write is marked so that the engine does not fill it from the image (``NoCopy``).
"""

from __future__ import annotations

import contextlib
import json
import posixpath
import re

from podwright.authz.limits import Limits
from podwright.docker_api.strict import Refused, parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_CREATE = re.compile(r"/v1\.([0-9]{1,3})(/containers/create(?:\?.*)?)\Z")
#: The first API version with sub-paths of volumes; requests from 1.40 on mean the same in it.
_SUBPATH_API, _SUBPATH_FROM = 45, 40
#: Options of a bind mount that say nothing; compose sends them when the path must be there already.
_NO_OPTIONS = {
    "CreateMountpoint": False,
    "NonRecursive": False,
    "ReadOnlyForceRecursive": False,
    "ReadOnlyNonRecursive": False,
}
#: Modes of a bind that change nothing here: z and Z are about SELinux, which the engine has not on.
_MODES = frozenset({"ro", "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent"})


def read_create(body: bytes, limits: Limits) -> dict[str, Any]:
    """Read the body of a container's creation, with its workspace paths turned into sub-paths.

    What cannot be turned stays as it is, for the policy to refuse.

    Raises:
        Refused: the body is not one JSON object.
    """
    request = read_object(body)
    host = request.get("HostConfig")
    if isinstance(host, dict):
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            _turn(host, limits)
            keep(request, (limits.volume,))
    return request


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that must be one JSON object.

    Raises:
        Refused: it is not.
    """
    if not body:
        raise Refused("body.absent", "the body is absent; send it as JSON")
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Refused("body.root", "the body must be one JSON object")
    return value


def _turn(host: dict[str, Any], limits: Limits) -> None:
    """Turn mounts of paths below the workspace into sub-paths of its volume."""
    kept, added = _split_binds(host.get("Binds") or [], limits)
    turned = [_turned(mount, limits) for mount in host.get("Mounts") or []]
    if added or turned != (host.get("Mounts") or []):
        host["Binds"], host["Mounts"] = kept, turned + added


def _split_binds(binds: list[str], limits: Limits) -> tuple[list[str], list[dict[str, Any]]]:
    """Separate what stays a bind from what becomes a mount."""
    kept, added = [], []
    for bind in binds:
        source, _, rest = bind.partition(":")
        target, _, mode = rest.partition(":")
        path = subpath(source, limits)
        modes = set(filter(None, mode.split(",")))
        if path is None or not modes <= _MODES:
            kept.append(bind)
        else:
            added.append(_volume_mount(path, target, limits, read_only="ro" in modes))
    return kept, added


def subpath(source: str, limits: Limits) -> str | None:
    """The path inside the workspace's volume; empty for all of it, None for other places."""
    if not source.startswith("/"):
        return None
    path = posixpath.normpath(source)
    if path == limits.workspace:
        return ""
    inside = path.startswith(limits.workspace + "/")
    return path[len(limits.workspace) + 1 :] if inside else None


def _volume_mount(path: str, target: str, limits: Limits, *, read_only: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"NoCopy": True}
    if path:
        options["Subpath"] = path
    mount: dict[str, Any] = {"Type": "volume", "Source": limits.volume, "Target": target}
    if read_only:
        mount["ReadOnly"] = True
    return {**mount, "VolumeOptions": options}


def _turned(mount: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """A bind mount of the workspace as a volume's; everything else as it is."""
    known = {"Type", "Source", "Target", "ReadOnly", "Consistency", "BindOptions"}
    if mount.get("Type") != "bind" or set(mount) - known:
        return mount
    options = mount.get("BindOptions") or {}
    if any(_NO_OPTIONS[name] is not value for name, value in options.items()):
        return mount
    path = subpath(mount["Source"], limits)
    if path is None:
        return mount
    return _volume_mount(path, mount["Target"], limits, read_only=mount.get("ReadOnly") is True)


def volume_names(request: dict[str, Any]) -> frozenset[str]:
    """The volumes that a checked creation names."""
    host = request.get("HostConfig") or {}
    named = [bind.partition(":")[0] for bind in host.get("Binds") or ()]
    named += [
        mount.get("Source") or ""
        for mount in host.get("Mounts") or ()
        if mount.get("Type") == "volume"
    ]
    return frozenset(name for name in named if name and not name.startswith("/"))


def keep(request: dict[str, Any], kept: Iterable[str]) -> None:
    """Mark all mounts of some volumes, so that the engine does not fill them from the image."""
    host = request.get("HostConfig") or {}
    if host.get("Binds"):
        host["Binds"] = [_kept_bind(bind, kept) for bind in host["Binds"]]
    for mount in host.get("Mounts") or ():
        if mount.get("Type") == "volume" and mount.get("Source") in kept:
            mount["VolumeOptions"] = {**(mount.get("VolumeOptions") or {}), "NoCopy": True}


def _kept_bind(bind: str, kept: Iterable[str]) -> str:
    source, target, *modes = bind.split(":")
    words = modes[0].split(",") if modes and modes[0] else []
    if source not in kept or "nocopy" in words:
        return bind
    return ":".join((source, target, ",".join([*words, "nocopy"])))


def written(request: dict[str, Any], target: str) -> tuple[str, bytes]:
    """The target and the body of a creation, as they go to the engine.

    An API version that is a little too old for sub-paths is raised.
    """
    mounts = (request.get("HostConfig") or {}).get("Mounts") or ()
    deep = any((mount.get("VolumeOptions") or {}).get("Subpath") for mount in mounts)
    match = _CREATE.match(target)
    if deep and match and _SUBPATH_FROM <= int(match[1]) < _SUBPATH_API:
        target = f"/v1.{_SUBPATH_API}{match[2]}"
    return target, json.dumps(request).encode()
