"""The bodies of the Docker API that the policy lets through, field by field.

Field names are those of ``github.com/moby/moby/api/types`` (v1.56) and, where an older client
still sends them, of earlier versions. A field that is not here is refused.
"""

from __future__ import annotations

import posixpath
import re
from ipaddress import ip_network

from podwright.authz.checks import (
    Between,
    EachItem,
    EachValue,
    Fields,
    Matching,
    NamesIn,
    Null,
    OneString,
    Unset,
    alike,
    boolean,
    judged,
    number,
    text,
)
from podwright.authz.limits import Limits
from podwright.docker_api.strict import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+\Z")
NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_BIND_MODES = frozenset({"ro", "rw", "nocopy", "consistent", "cached", "delegated"})
HOST_NETWORK = (
    "the engine's own network is not to be joined; publish ports with -p, or use a network of your "
    "own"
)
_NEVER_FILLED = (
    "the engine would fill the workspace from the image as root, while the pipeline writes there"
)
_SECURITY_OPTIONS = (
    "no-new-privileges",
    "no-new-privileges:true",
    "no-new-privileges=true",
    "seccomp=builtin",
)
_TMPFS_OPTION = re.compile(
    r"(?:ro|rw|nosuid|nodev|noexec|exec|relatime|noatime|size=[0-9]+[kKmMgG]?%?|mode=[0-7]{1,4}"
    r"|uid=[0-9]+|gid=[0-9]+|nr_inodes=[0-9]+[kKmMgG]?)\Z"
)
_LOCAL_DRIVER = OneString(
    "volume.driver", "only the driver 'local' is allowed; leave the driver out", ("", "local")
)
_NO_DRIVER_OPTIONS = Unset(
    "volume.options",
    "options of the local driver can mount the engine's own file system; leave them out, and use "
    "--tmpfs for memory",
)


def mount_source(source: str, where: str, limits: Limits) -> None:
    """A named volume, or the whole workspace volume by its path.

    A path below it is refused: the pipeline could put a symbolic link there after the decision, and
    the engine would follow it with root's rights. The gate turns such a path into a sub-path of the
    volume, which the engine opens without following links out of it (moby internal/safepath).
    """
    if source.startswith(("/", ".", "~")):
        if source.rstrip("/") == limits.workspace:
            return
        if posixpath.normpath(source).startswith(limits.workspace + "/"):
            raise Refused(
                "container.workspace",
                f"{where}: a path below the workspace can become a link after this check; use "
                f"--mount type=volume,source={limits.volume},volume-nocopy,volume-subpath=... or "
                "the pod's own Docker socket, which does that for -v",
            )
        raise Refused(
            "container.bind",
            f"{where}: directories of the engine are not to be mounted; mount something below "
            f"{limits.workspace}, or a named volume",
        )
    if not VOLUME_NAME.match(source):
        raise Refused("container.bind", f"{where}: give a volume's name of letters, digits, _ . -")


@judged(
    "a named volume, or all of the workspace, with the modes ro, rw and nocopy",
    "container.bind",
    "container.workspace",
    "container.copy",
)
def bind(value: Any, where: str, limits: Limits) -> None:
    """One entry of HostConfig.Binds: ``source:target[:modes]``."""
    text(value, where, limits)
    parts = value.split(":")
    if len(parts) not in (2, 3) or not parts[1].startswith("/"):
        raise Refused("container.bind", f"{where}: write source:/target or source:/target:ro")
    mount_source(parts[0], where, limits)
    for mode in parts[2].split(",") if len(parts) > 2 else ():  # noqa: PLR2004
        if mode not in _BIND_MODES:
            raise Refused(
                "container.bind", f"{where}: of a mount's modes only ro, rw and nocopy are allowed"
            )
    if parts[0] == limits.volume and "nocopy" not in "".join(parts[2:]).split(","):
        raise Refused("container.copy", f"{where}: {_NEVER_FILLED}; add the mode nocopy")


@judged("any network but the engine's own", "network.name", "network.host")
def network_name(value: Any, where: str, limits: Limits) -> None:  # noqa: ARG001
    """A network of this engine, but never the engine's own."""
    if not isinstance(value, str) or not NETWORK_NAME.match(value):
        raise Refused("network.name", f"{where}: give a network's name of letters, digits, _ . -")
    if value.lower() == "host":
        raise Refused("network.host", f"{where}: {HOST_NETWORK}")


@judged("addresses of `subnets` that the pod does not have", "network.subnet")
def subnet(value: Any, where: str, limits: Limits) -> None:
    """Addresses of a network: others could be those of the controller, a registry or a server."""
    text(value, where, limits)
    if not value:
        return
    try:
        wanted: Any = ip_network(value, strict=False)
    except ValueError:
        raise Refused("network.subnet", f"{where}: this is not an address or a subnet") from None
    pools = [ip_network(pool) for pool in limits.subnets]
    if not any(pool.version == wanted.version and wanted.subnet_of(pool) for pool in pools):
        raise Refused(
            "network.subnet",
            f"{where}: the pod may need these addresses to reach others; leave them out, or take "
            f"them from {', '.join(limits.subnets)}",
        )
    if any(wanted.overlaps(ip_network(one, strict=False)) for one in limits.taken):
        raise Refused("network.subnet", f"{where}: the pod has these addresses; take others")


@judged(
    "any network but the engine's own; with `compose` also `container:`",
    "network.name",
    "network.host",
    "network.container",
)
def network_mode(value: Any, where: str, limits: Limits) -> None:
    """HostConfig.NetworkMode and the networkmode of builds."""
    text(value, where, limits)
    if not value:
        return
    if value.startswith("container:"):
        if not limits.join_network:
            raise Refused(
                "network.container",
                f"{where}: profile {limits.profile!r} does not share networks between containers; "
                "use a network of your own, or the profile 'compose'",
            )
        value = value[len("container:") :]
    network_name(value, where, limits)


@judged("a capability of the list", "container.capability")
def _capability(value: Any, where: str, limits: Limits) -> None:
    text(value, where, limits)
    if value.upper().removeprefix("CAP_") not in limits.capabilities:
        raise Refused(
            "container.capability",
            f"{where}: this capability is beyond the allowed ones; do without --cap-add",
        )


@judged("size, mode, uid, gid, nr_inodes, ro, rw, exec and the like", "container.tmpfs")
def _tmpfs(value: Any, where: str, limits: Limits) -> None:
    EachValue(text)(value, where, limits)
    for options in (value or {}).values():
        for option in (options or "").split(","):
            if option and not _TMPFS_OPTION.match(option):
                raise Refused(
                    "container.tmpfs",
                    f"{where}: of tmpfs options only size, mode, uid... are allowed",
                )


@judged("a sysctl of the list", "container.sysctl")
def _sysctls(value: Any, where: str, limits: Limits) -> None:
    EachValue(text)(value, where, limits)
    for name in value or ():
        if name not in limits.sysctls:
            raise Refused(
                "container.sysctl",
                f"{where}: only sysctls of the safe list are allowed; leave it out",
            )


@judged("a plain relative path", "container.subpath")
def _subpath(value: Any, where: str, limits: Limits) -> None:
    """A plain relative path; the engine itself keeps it inside the volume."""
    text(value, where, limits)
    if value and (
        value.startswith("/") or posixpath.normpath(value) != value or ".." in value.split("/")
    ):
        raise Refused("container.subpath", f"{where}: give a plain relative path without ..")


_MOUNT_FIELDS = Fields(
    {
        "Type": text,
        "Source": text,
        "Target": Matching("container.mount", "the target must be an absolute path", r"/.*"),
        "ReadOnly": boolean,
        "Consistency": text,
        "BindOptions": Fields(
            {
                "Propagation": OneString(
                    "container.propagation",
                    "mounts are not to be shared with the engine; leave the propagation out",
                    ("", "rprivate", "private"),
                ),
                **alike(boolean, "NonRecursive ReadOnlyNonRecursive ReadOnlyForceRecursive"),
                "CreateMountpoint": Unset(
                    "container.bind", "the engine is not to make directories; leave it out"
                ),
            }
        ),
        "VolumeOptions": Fields(
            {
                "NoCopy": boolean,
                "Labels": EachValue(text),
                "Subpath": _subpath,
                "DriverConfig": Fields({"Name": _LOCAL_DRIVER, "Options": _NO_DRIVER_OPTIONS}),
            }
        ),
        "ImageOptions": Fields({"Subpath": _subpath}),
        "TmpfsOptions": Fields(
            {
                "SizeBytes": number,
                "Mode": Between("container.tmpfs", "give permission bits only", 0, 0o1777),
                "Options": Unset(
                    "container.tmpfs", "options of tmpfs mounts are refused; use --tmpfs"
                ),
            }
        ),
    }
)


@judged(
    "volume, tmpfs and image; binds as in `Binds`",
    "container.mount",
    "container.bind",
    "container.workspace",
    "container.copy",
    parts=_MOUNT_FIELDS,
)
def _mount(value: Any, where: str, limits: Limits) -> None:
    """One entry of HostConfig.Mounts."""
    _MOUNT_FIELDS(value, where, limits)
    kind, source = value.get("Type"), value.get("Source") or ""
    if kind == "bind" or (kind == "volume" and source):
        if kind == "volume" and not VOLUME_NAME.match(source):
            raise Refused("container.mount", f"{where}.Source: a volume is named, not a path")
        mount_source(source, f"{where}.Source", limits)
        if source == limits.volume and not (value.get("VolumeOptions") or {}).get("NoCopy"):
            raise Refused("container.copy", f"{where}: {_NEVER_FILLED}; add volume-nocopy")
    elif kind not in ("volume", "tmpfs", "image"):
        raise Refused(
            "container.mount", f"{where}.Type: only volume, tmpfs and image mounts are allowed"
        )


_NAMESPACE = "namespaces of the engine or of other containers are not to be joined; leave it out"
_DEVICE = "devices of the engine are not to be reached; leave it out"
_LIMIT_DEVICE = "limits per device need the engine's devices; leave them out"
_PATHS = "the hidden parts of /proc and /sys stay hidden; leave it out"
_LOG_DRIVER = OneString(
    "container.log-driver",
    "other log drivers send with the engine's rights; use json-file, local or none",
    ("", "json-file", "local", "none"),
)
_LOG_OPTIONS = NamesIn(
    "container.log-option",
    "of log options only max-size, max-file, compress, labels, env, tag, mode are allowed",
    (
        *("max-size", "max-file", "max-buffer-size", "compress", "mode", "tag"),
        *("labels", "labels-regex", "env", "env-regex"),
    ),
)
_PORTS = EachValue(EachItem(Fields({"HostIp": text, "HostPort": text})))
ULIMITS = EachItem(Fields({"Name": text, "Soft": number, "Hard": number}))
_PRIVILEGED = (
    "a privileged container is root on the node; build without it, and with buildx's default "
    "driver 'docker'"
)

HOST_CONFIG = Fields(
    {
        **alike(boolean, "AutoRemove Init PublishAllPorts ReadonlyRootfs"),
        **alike(text, "ContainerIDFile CpusetCpus CpusetMems"),
        **alike(EachItem(text), "CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links"),
        **alike(
            number,
            "BlkioWeight CpuCount CpuPercent CpuPeriod CpuQuota CpuShares IOMaximumBandwidth "
            "IOMaximumIOps KernelMemory KernelMemoryTCP Memory MemoryReservation MemorySwap "
            "MemorySwappiness NanoCpus PidsLimit ShmSize",
        ),
        "ConsoleSize": EachItem(number),
        "PortBindings": _PORTS,
        "RestartPolicy": Fields({"Name": text, "MaximumRetryCount": number}),
        "Ulimits": ULIMITS,
        # Here begins what is judged.
        "Annotations": Unset(
            "container.annotations", "annotations reach the runtime; leave them out"
        ),
        "Binds": EachItem(bind),
        **alike(
            Unset("container.device", _LIMIT_DEVICE),
            "BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps "
            "BlkioWeightDevice",
        ),
        "CapAdd": EachItem(_capability),
        "Cgroup": Unset("container.cgroup", _NAMESPACE),
        "CgroupParent": Unset(
            "container.cgroup", "containers stay in the engine's own cgroup; leave it out"
        ),
        "CgroupnsMode": OneString("container.cgroup", _NAMESPACE, ("", "private")),
        **alike(
            Unset("container.realtime", "real-time scheduling is refused"),
            "CpuRealtimePeriod CpuRealtimeRuntime",
        ),
        **alike(Unset("container.device", _DEVICE), "DeviceCgroupRules DeviceRequests Devices"),
        "InitPath": Unset("container.init", "the engine's own init is the only one; leave it out"),
        "IpcMode": OneString("container.ipc", _NAMESPACE, ("", "none", "private", "shareable")),
        "Isolation": OneString("container.isolation", "leave it out", ("", "default")),
        "LogConfig": Fields({"Type": _LOG_DRIVER, "Config": _LOG_OPTIONS}),
        **alike(Null("container.paths", _PATHS), "MaskedPaths ReadonlyPaths"),
        "Mounts": EachItem(_mount),
        "NetworkMode": network_mode,
        "OomKillDisable": Unset("container.oom", "a container must stay killable; leave it out"),
        "OomScoreAdj": Between(
            "container.oom", "a container must stay killable; give 0 to 1000", 0, 1000
        ),
        "PidMode": Unset("container.pid", _NAMESPACE),
        "Privileged": Unset("container.privileged", _PRIVILEGED),
        "Runtime": OneString("container.runtime", "leave the runtime out", ("", "runc")),
        "SecurityOpt": EachItem(
            OneString(
                "container.security-opt",
                "seccomp, AppArmor and SELinux stay as they are; only no-new-privileges is allowed",
                _SECURITY_OPTIONS,
            )
        ),
        "StorageOpt": Unset("container.storage", "storage options are refused; leave them out"),
        "Sysctls": _sysctls,
        "Tmpfs": _tmpfs,
        "UTSMode": Unset("container.uts", _NAMESPACE),
        "Umask": Between("container.umask", "give a umask of 0 to 0777", 0, 0o777),
        "UsernsMode": Unset("container.userns", _NAMESPACE),
        "VolumeDriver": _LOCAL_DRIVER,
        "VolumesFrom": Unset(
            "container.volumes-from",
            "mounts of other containers are not inherited; name the volumes",
        ),
    }
)

_ENDPOINT = Fields(
    {
        **alike(
            text, "EndpointID Gateway GlobalIPv6Address IPAddress IPv6Gateway MacAddress NetworkID"
        ),
        **alike(number, "GlobalIPv6PrefixLen GwPriority IPPrefixLen"),
        **alike(EachItem(text), "Aliases DNSNames Links"),
        "DriverOpts": Unset(
            "network.options", "options of an endpoint can set sysctls; leave them out"
        ),
        "IPAMConfig": Fields(
            {
                **alike(subnet, "IPv4Address IPv6Address"),
                "LinkLocalIPs": Unset("network.subnet", "leave link-local addresses out"),
            }
        ),
    }
)
_ENDPOINTS = EachValue(_ENDPOINT)


@judged("by networks as in `NetworkMode`", "network.name", "network.host", parts=_ENDPOINTS)
def _endpoints(value: Any, where: str, limits: Limits) -> None:
    _ENDPOINTS(value, where, limits)
    for name in value or ():
        network_name(name, where, limits)


_STREAMS = alike(boolean, "AttachStderr AttachStdin AttachStdout Tty")
CONFIG = {
    **_STREAMS,
    **alike(boolean, "ArgsEscaped NetworkDisabled OpenStdin StdinOnce"),
    **alike(text, "Domainname Hostname Image MacAddress StopSignal User WorkingDir"),
    **alike(EachItem(text), "Cmd Entrypoint Env OnBuild Shell"),
    **alike(EachValue(Fields({})), "ExposedPorts Volumes"),
    "Healthcheck": Fields(
        {
            **alike(number, "Interval Retries StartInterval StartPeriod Timeout"),
            "Test": EachItem(text),
        }
    ),
    "Labels": EachValue(text),
    "StopTimeout": number,
}

CONTAINER_CREATE = Fields(
    {
        **CONFIG,
        "HostConfig": HOST_CONFIG,
        "NetworkingConfig": Fields({"EndpointsConfig": _endpoints}),
    }
)
COMMIT = Fields(CONFIG)
EXEC_CREATE = Fields(
    {
        **_STREAMS,
        **alike(text, "Container DetachKeys User WorkingDir"),
        **alike(EachItem(text), "Cmd Env"),
        "ConsoleSize": EachItem(number),
        "Detach": boolean,
        "Privileged": Unset(
            "exec.privileged", "a privileged process is root on the node; leave --privileged out"
        ),
    }
)
EXEC_START = Fields({"ConsoleSize": EachItem(number), "Detach": boolean, "Tty": boolean})
NETWORK_CREATE = Fields(
    {
        **alike(boolean, "Attachable CheckDuplicate EnableIPv4 EnableIPv6 Internal"),
        "ConfigFrom": Fields({"Network": Unset("network.config", "leave config networks out")}),
        "ConfigOnly": Unset("network.config", "leave config networks out"),
        "Driver": OneString(
            "network.driver",
            "other drivers reach the pod's own network devices; use the driver bridge",
            ("", "bridge"),
        ),
        "IPAM": Fields(
            {
                "Config": EachItem(
                    Fields(
                        {
                            "AuxiliaryAddresses": EachValue(subnet),
                            **alike(subnet, "Gateway IPRange Subnet"),
                        }
                    )
                ),
                "Driver": OneString("network.ipam", "use the default driver", ("", "default")),
                "Options": Unset("network.ipam", "options of address drivers are refused"),
            }
        ),
        "Ingress": Unset("network.ingress", "ingress networks belong to swarm; leave it out"),
        "Labels": EachValue(text),
        "Name": network_name,
        "Options": NamesIn(
            "network.options",
            "of a bridge's options only enable_icc, enable_ip_masquerade, host_binding_ipv4 and "
            "mtu are allowed",
            (
                "com.docker.network.bridge.enable_icc",
                "com.docker.network.bridge.enable_ip_masquerade",
                "com.docker.network.bridge.host_binding_ipv4",
                "com.docker.network.driver.mtu",
                "com.docker.network.enable_ipv4",
                "com.docker.network.enable_ipv6",
            ),
        ),
        "Scope": OneString("network.scope", "only local networks are allowed", ("", "local")),
    }
)
NETWORK_CONNECT = Fields({"Container": text, "EndpointConfig": _ENDPOINT})
NETWORK_DISCONNECT = Fields({"Container": text, "Force": boolean})
VOLUME_CREATE = Fields(
    {
        "ClusterVolumeSpec": Unset(
            "volume.driver", "cluster volumes belong to swarm; leave it out"
        ),
        "Driver": _LOCAL_DRIVER,
        "DriverOpts": _NO_DRIVER_OPTIONS,
        "Labels": EachValue(text),
        "Name": Matching(
            "volume.name", "use letters, digits, _ . -", r"|[A-Za-z0-9][A-Za-z0-9_.-]+"
        ),
    }
)
