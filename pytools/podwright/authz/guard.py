"""The guard of the engine: data of its start, and a POSIX ``sh`` text that refuses to start it.

The shell text runs in the engine's own image, which has busybox and no Python.
"""

from __future__ import annotations

import json

from podwright.authz.places import (
    ENGINE_SOCKET,
    PLUGIN_DIR,
    PLUGIN_NAME,
    SUBNETS,
    VOLUME,
    WORKSPACE,
)
from podwright.records import record
from podwright.resources import filled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Before it, a container could turn docker cp against its engine (CVE-2026-42306, CVE-2026-41568);
#: before 29.3.1, bodies over 1 MiB were not shown to plugins (CVE-2026-34040).
MINIMUM_ENGINE = "29.5.1"
#: The unprivileged user of the container authz, and the group of the engine's socket.
AUTHZ_UID = 65532


@record
class EngineOptions:
    """What may differ between engines.

    Attributes:
        config: path of daemon.json in the engine's container.
        data_root: the engine's own volume.
        plugins: all authorization plugins that must be there, in order; ours is always first.
        accept_old: start an engine older than MINIMUM_ENGINE although containers can leave it.
        workspace: path of the workspace volume in the engine's container; empty: not shared.
        volume: the engine's name for that volume.
        subnets: where the engine takes addresses of networks from.
        new_privileges: let setuid programs of containers gain privileges (su, sudo, ping).
        extra: further keys of daemon.json (mtu, registry mirrors...); the hardened ones win.
        close: make the engine's programs and the kernel's settings read-only for it.
        launcher: what starts dockerd; docker-library's entry point prepares cgroups and iptables.
    """

    config: str = "/etc/podwright/daemon.json"
    data_root: str = "/var/lib/docker"
    plugins: tuple[str, ...] = ()
    accept_old: bool = False
    workspace: str = WORKSPACE
    volume: str = VOLUME
    subnets: tuple[str, ...] = SUBNETS
    new_privileges: bool = False
    extra: tuple[tuple[str, Any], ...] = ()
    close: bool = True
    launcher: str = "dockerd-entrypoint.sh"

    @property
    def all_plugins(self) -> tuple[str, ...]:
        """Our plugin and the others."""
        return (PLUGIN_NAME, *(name for name in self.plugins if name != PLUGIN_NAME))


def daemon_config(options: EngineOptions | None = None) -> dict[str, Any]:
    """The hardened daemon.json.

    Returns:
        a unix socket for the gate only; our plugin; no way for builds to the engine's network,
        devices or an unconfined sandbox; published ports on loopback unless a container asks
        otherwise; no traffic between containers of the default bridge.
    """
    options = options or EngineOptions()
    return {
        **dict(options.extra),
        "authorization-plugins": list(options.all_plugins),
        "builder": {
            "Entitlements": {"device": False, "network-host": False, "security-insecure": False}
        },
        "data-root": options.data_root,
        "default-address-pools": [_pool(subnet) for subnet in options.subnets],
        "group": str(AUTHZ_UID),
        "hosts": [f"unix://{ENGINE_SOCKET}"],
        "icc": False,
        "ip": "127.0.0.1",
        "live-restore": False,
        "no-new-privileges": not options.new_privileges,
    }


def _pool(subnet: str) -> dict[str, Any]:
    """A pool that gives networks of 256 addresses, or what there is."""
    size = int(subnet.partition("/")[2])
    return {"base": subnet, "size": max(size, 64 if ":" in subnet else 24)}


def volume_options(workspace: str) -> str:
    """What the engine's local volume driver keeps in opts.json: a bind mount of the workspace.

    Such a volume cannot be made through the policed API, and removing it leaves the files alone.
    """
    return json.dumps({"MountType": "none", "MountOpts": "bind", "MountDevice": workspace})


def engine_command(options: EngineOptions | None = None) -> list[str]:
    """The command of the container ``engine``: the guard, then dockerd."""
    options = options or EngineOptions()
    return [
        "sh",
        "-c",
        engine_script(),
        "guard",
        "no" if not options.accept_old else "yes",
        " ".join(options.all_plugins),
        options.data_root,
        options.volume if options.workspace else "",
        volume_options(options.workspace) if options.workspace else "",
        options.launcher,
        options.config,
        "yes" if options.close else "no",
    ]


def engine_script() -> str:
    """The guard's text; its arguments are those of :func:`engine_command`."""
    return filled("authz/guard.sh", MINIMUM=MINIMUM_ENGINE, PLUGINS=PLUGIN_DIR)
