"""The attack matrix as data: for the pure policy, and for real engines with the plugin in front.

Targets are written without the API version; every row is tried with and without one. ``{C}`` is a
container that exists, ``{E}`` an exec of it. Rows from 1 to 44 follow the numbers of the matrix;
letters are variants and ``x`` rows are findings of our own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
TAR = "application/x-tar"


@dataclass(frozen=True)
class Attack:
    """A request that must be refused.

    Attributes:
        number: in the matrix, with a letter for variants.
        title: what it tries.
        rule: the rule that refuses it (by the policy).
        method: of HTTP.
        target: path and query.
        body: the bytes, or None.
        kind: the Content-Type, or None.
        cli: arguments of the docker command that send the same, where it can; {IMAGE} stands for
            an image.
        headers: further headers.
    """

    number: str
    title: str
    rule: str
    method: str
    target: str
    body: bytes | None = None
    kind: str | None = None
    cli: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _create(
    number: str, title: str, rule: str, *cli: str, target: str = "/containers/create", **host: Any
) -> Attack:
    body = _json({"Image": "{IMAGE}", "Cmd": ["true"], "HostConfig": host})
    arguments = ("run", "--rm", *cli, "{IMAGE}", "true") if cli else ()
    return Attack(number, title, rule, "POST", target, body, JSON, arguments)


def _raw(number: str, title: str, rule: str, body: bytes, kind: str | None = JSON) -> Attack:
    return Attack(number, title, rule, "POST", "/containers/create", body, kind)


def _post(
    number: str,
    title: str,
    rule: str,
    target: str,
    value: Any = None,
    *cli: str,
    method: str = "POST",
) -> Attack:
    if value is None:
        return Attack(number, title, rule, method, target, cli=cli)
    return Attack(number, title, rule, method, target, _json(value), JSON, cli)


_PRIVILEGED = {"Image": "{IMAGE}", "HostConfig": {"Privileged": True}}
_BIND_VOLUME = {
    "Name": "evil",
    "Driver": "local",
    "DriverOpts": {"type": "none", "o": "bind", "device": "/"},
}
_NFS_VOLUME = {
    "Name": "evil",
    "DriverOpts": {"type": "nfs", "o": "addr=127.0.0.1,rw", "device": ":/"},
}
_MOUNT_DRIVER = {
    "Type": "volume",
    "Source": "evil",
    "Target": "/x",
    "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": _BIND_VOLUME["DriverOpts"]}},
}

ATTACKS: tuple[Attack, ...] = (
    _create("1", "privileged", "container.privileged", "--privileged", Privileged=True),
    _create("2", "bind of the root", "container.bind", "-v", "/:/host", Binds=["/:/host"]),
    _create(
        "2b",
        "bind of the engine's socket",
        "container.bind",
        "-v",
        "/run/podwright-engine/docker.sock:/s",
        Binds=["/run/podwright-engine/docker.sock:/s"],
    ),
    _create(
        "2c", "bind of the plugins' sockets", "container.bind", Binds=["/run/docker/plugins:/p:ro"]
    ),
    _create(
        "3",
        "bind with dots from the workspace",
        "container.bind",
        Binds=["/home/jenkins/agent/../../../:/h"],
    ),
    _create("3b", "bind with a relative path", "container.bind", Binds=["../../:/h"]),
    _create(
        "3c", "a path beside the workspace", "container.bind", Binds=["/home/jenkins/agent2:/h"]
    ),
    Attack(
        "5", "double slash", "request.uri", "POST", "//containers/create", _json(_PRIVILEGED), JSON
    ),
    Attack(
        "5b",
        "double slash inside",
        "request.uri",
        "POST",
        "/containers//create",
        _json(_PRIVILEGED),
        JSON,
    ),
    Attack(
        "5c", "dot segment", "request.uri", "POST", "/containers/./create", _json(_PRIVILEGED), JSON
    ),
    Attack(
        "5d",
        "slash at the end",
        "request.uri",
        "POST",
        "/containers/create/",
        _json(_PRIVILEGED),
        JSON,
    ),
    Attack(
        "6",
        "escaped letter",
        "request.uri",
        "POST",
        "/containers/%63reate",
        _json(_PRIVILEGED),
        JSON,
    ),
    Attack(
        "6b",
        "escaped slash",
        "request.uri",
        "POST",
        "/containers%2Fcreate",
        _json(_PRIVILEGED),
        JSON,
    ),
    Attack(
        "6c",
        "escaped twice",
        "request.uri",
        "POST",
        "/containers/%2563reate",
        _json(_PRIVILEGED),
        JSON,
    ),
    Attack(
        "7",
        "absolute form",
        "request.uri",
        "POST",
        "http://docker/containers/create",
        _json(_PRIVILEGED),
        JSON,
    ),
    _create(
        "8",
        "seccomp off behind a query",
        "container.security-opt",
        target="/containers/create?name=x",
        SecurityOpt=["seccomp=unconfined"],
    ),
    _raw(
        "9",
        "media type with a parameter",
        "request.content-type",
        _json(_PRIVILEGED),
        "application/json; charset=utf-8",
    ),
    _raw(
        "10",
        "media type in another case",
        "request.content-type",
        _json(_PRIVILEGED),
        "Application/JSON",
    ),
    _raw(
        "10b",
        "media type with a blank",
        "request.content-type",
        _json(_PRIVILEGED),
        "application/json ;",
    ),
    _raw("11", "all fields in lower case", "body.case", b'{"hostconfig":{"privileged":true}}'),
    _raw("12", "inner field in lower case", "body.case", b'{"HostConfig":{"privileged":true}}'),
    _raw(
        "12b",
        "Unicode letter that Go folds to s (long s)",
        "body.case",
        '{"Ho\u017ftConfig":{"Privileged":true}}'.encode(),
    ),
    _raw(
        "12c",
        "the same field twice, harmless last for the reader",
        "body.duplicate",
        b'{"HostConfig":{"Privileged":true},"HostConfig":{"Privileged":false}}',
    ),
    _raw(
        "12d",
        "the same field in two cases",
        "body.case",
        b'{"HostConfig":{"Privileged":false},"hostconfig":{"Privileged":true}}',
    ),
    _raw(
        "12e",
        "a field of HostConfig at the top (engines up to 20.10 read it)",
        "body.unknown",
        b'{"Image":"{IMAGE}","Privileged":true}',
    ),
    _raw(
        "12f",
        "escaped field name",
        "container.privileged",
        b'{"HostConfig":{"\\u0050rivileged":true}}',
    ),
    _raw("13", "array as root", "body.root", b'[{"HostConfig":{"Privileged":true}}]'),
    _raw("13b", "null as root", "body.root", b"null"),
    Attack("13c", "array for a plugin", "engine.plugin", "POST", "/plugins/pull", b"[]", JSON),
    _raw("14", "empty body", "body.absent", b""),
    _raw("14b", "no type and no body", "request.content-type", b"", None),
    _raw(
        "15",
        "a body over 1 MiB",
        "container.privileged",
        _json({**_PRIVILEGED, "Env": ["A=" + "a" * (1 << 20)]}),
    ),
    _raw("16", "truncated JSON", "body.json", b'{"HostConfig":{"Privileged":true}'),
    _raw(
        "16b",
        "trailing object",
        "body.json",
        b'{"Image":"{IMAGE}"}{"HostConfig":{"Privileged":true}}',
    ),
    _raw("16c", "no UTF-8", "body.json", b'{"Image":"\xff"}'),
    _raw("16d", "NaN", "body.json", b'{"HostConfig":{"Memory":NaN}}'),
    _raw("16e", "byte order mark", "body.json", b'\xef\xbb\xbf{"Image":"{IMAGE}"}'),
    _create(
        "17",
        "bind as a mount",
        "container.bind",
        "--mount",
        "type=bind,source=/etc,target=/x",
        Mounts=[{"Type": "bind", "Source": "/etc", "Target": "/x"}],
    ),
    _create(
        "17b",
        "a volume mount with a path",
        "container.mount",
        Mounts=[{"Type": "volume", "Source": "/etc", "Target": "/x"}],
    ),
    _create(
        "17c",
        "driver options in a mount",
        "volume.options",
        "--mount",
        "type=volume,source=evil,target=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/",
        Mounts=[_MOUNT_DRIVER],
    ),
    _create(
        "17d",
        "sub-path that leaves the volume",
        "container.subpath",
        Mounts=[
            {
                "Type": "volume",
                "Source": "workspace",
                "Target": "/x",
                "VolumeOptions": {"Subpath": "../../.."},
            }
        ],
    ),
    _create(
        "17e",
        "propagation back to the engine",
        "container.bind",
        Binds=["/home/jenkins/agent:/x:rshared"],
    ),
    _create(
        "17f",
        "other kinds of mounts",
        "container.mount",
        Mounts=[{"Type": "npipe", "Source": "a", "Target": "/x"}],
    ),
    _create(
        "18",
        "a path below the workspace, which may become a link",
        "container.workspace",
        Binds=["/home/jenkins/agent/link:/x"],
    ),
    _create("19", "mounts of another container", "container.volumes-from", VolumesFrom=["{C}"]),
    _create(
        "20",
        "device",
        "container.device",
        "--device",
        "/dev/kmsg",
        Devices=[
            {"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}
        ],
    ),
    _create(
        "21",
        "device rules",
        "container.device",
        "--device-cgroup-rule",
        "a *:* rwm",
        DeviceCgroupRules=["a *:* rwm"],
    ),
    _create(
        "22", "capability", "container.capability", "--cap-add", "SYS_ADMIN", CapAdd=["SYS_ADMIN"]
    ),
    _create("22b", "all capabilities", "container.capability", "--cap-add", "all", CapAdd=["all"]),
    _create("22c", "capability with prefix", "container.capability", CapAdd=["cap_sys_ptrace"]),
    _create(
        "23",
        "seccomp off",
        "container.security-opt",
        "--security-opt",
        "seccomp=unconfined",
        SecurityOpt=["seccomp=unconfined"],
    ),
    _create(
        "23b",
        "seccomp off, old spelling",
        "container.security-opt",
        SecurityOpt=["seccomp:unconfined"],
    ),
    _create("23c", "own seccomp filter", "container.security-opt", SecurityOpt=["seccomp={}"]),
    _create(
        "24",
        "AppArmor off",
        "container.security-opt",
        "--security-opt",
        "apparmor=unconfined",
        SecurityOpt=["apparmor=unconfined"],
    ),
    _create(
        "24b",
        "AppArmor off, old spelling",
        "container.security-opt",
        SecurityOpt=["apparmor:unconfined"],
    ),
    _create("24c", "SELinux off", "container.security-opt", SecurityOpt=["label=disable"]),
    _create(
        "24d", "new privileges", "container.security-opt", SecurityOpt=["no-new-privileges=false"]
    ),
    _create(
        "25",
        "user namespace of the host",
        "container.userns",
        "--userns",
        "host",
        UsernsMode="host",
    ),
    _create("26", "processes of the host", "container.pid", "--pid", "host", PidMode="host"),
    _create("27", "processes of a container", "container.pid", PidMode="container:{C}"),
    _create("28", "network of the host", "network.host", "--network", "host", NetworkMode="host"),
    _create("28b", "IPC of the host", "container.ipc", "--ipc", "host", IpcMode="host"),
    _create("28c", "UTS of the host", "container.uts", "--uts", "host", UTSMode="host"),
    _create(
        "28d", "cgroups of the host", "container.cgroup", "--cgroupns", "host", CgroupnsMode="host"
    ),
    _create("28e", "network of a container", "network.container", NetworkMode="container:{C}"),
    _create("28f", "IPC of a container", "container.ipc", IpcMode="container:{C}"),
    _create("29", "other runtime", "container.runtime", Runtime="evil"),
    _create(
        "29b",
        "sysctl",
        "container.sysctl",
        "--sysctl",
        "kernel.msgmax=1",
        Sysctls={"kernel.msgmax": "1"},
    ),
    _create("29c", "cgroup parent", "container.cgroup", "--cgroup-parent", "/", CgroupParent="/"),
    _create(
        "29d",
        "device requests",
        "container.device",
        DeviceRequests=[{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}],
    ),
    _create(
        "29e",
        "nothing masked",
        "container.paths",
        "--security-opt",
        "systempaths=unconfined",
        MaskedPaths=[],
    ),
    _create("29f", "nothing read-only", "container.paths", ReadonlyPaths=[]),
    _create(
        "29g",
        "systempaths",
        "container.security-opt",
        SecurityOpt=["systempaths=unconfined"],
    ),
    _create("29h", "annotations for the runtime", "container.annotations", Annotations={"a": "b"}),
    _create(
        "29i",
        "log driver that sends with the engine's rights",
        "container.log-driver",
        "--log-driver",
        "syslog",
        LogConfig={"Type": "syslog", "Config": {}},
    ),
    _create("29j", "unkillable", "container.oom", "--oom-score-adj", "-1000", OomScoreAdj=-1000),
    _create("29k", "volume driver", "volume.driver", VolumeDriver="evil"),
    _create("30", "a field unknown to the plugin", "body.unknown", BrandNew=True),
    _raw("30b", "an unknown field at the top", "body.unknown", b'{"Image":"{IMAGE}","BrandNew":1}'),
    _raw(
        "30c",
        "network of the host by endpoint",
        "network.host",
        b'{"Image":"{IMAGE}","NetworkingConfig":{"EndpointsConfig":{"host":{}}}}',
    ),
    _raw(
        "30d",
        "sysctl by endpoint",
        "network.options",
        b'{"Image":"{IMAGE}","NetworkingConfig":{"EndpointsConfig":{"n":{"DriverOpts":'
        b'{"com.docker.network.endpoint.sysctls":"net.ipv4.conf.IFNAME.forwarding=1"}}}}}',
    ),
    _post(
        "31",
        "volume that is a bind mount",
        "volume.options",
        "/volumes/create",
        _BIND_VOLUME,
        *[
            "volume",
            "create",
            "-d",
            "local",
            "-o",
            "type=none",
            "-o",
            "o=bind",
            "-o",
            "device=/",
            "evil",
        ],
    ),
    _post(
        "31b",
        "volume by NFS",
        "volume.options",
        "/volumes/create",
        _NFS_VOLUME,
        *[
            "volume",
            "create",
            "-o",
            "type=nfs",
            "-o",
            "o=addr=127.0.0.1,rw",
            "-o",
            "device=:/",
            "evil",
        ],
    ),
    _post(
        "31c", "volume of another driver", "volume.driver", "/volumes/create", {"Driver": "evil"}
    ),
    _post(
        "32",
        "privileged exec",
        "exec.privileged",
        "/containers/{C}/exec",
        {"Privileged": True, "Cmd": ["true"]},
        *["exec", "--privileged", "{C}", "true"],
    ),
    _post(
        "33",
        "update",
        "container.update",
        "/containers/{C}/update",
        {"Memory": 0},
        *["update", "--memory", "1g", "{C}"],
    ),
    _post("34", "plugin off", "engine.plugin", "/plugins/podwright/disable"),
    _post("34b", "plugin on", "engine.plugin", "/plugins/podwright/enable"),
    _post("34c", "plugin set", "engine.plugin", "/plugins/podwright/set", ["A=b"]),
    _post("34d", "plugin upgrade", "engine.plugin", "/plugins/podwright/upgrade", []),
    _post("34e", "plugin removed", "engine.plugin", "/plugins/podwright", method="DELETE"),
    _post("35", "plugin pulled", "engine.plugin", "/plugins/pull?remote=evil", []),
    Attack(
        "35b",
        "plugin made",
        "engine.plugin",
        "POST",
        "/plugins/create?name=evil",
        b"\0" * 1024,
        TAR,
    ),
    _post(
        "36",
        "swarm init",
        "engine.swarm",
        "/swarm/init",
        {"ListenAddr": "127.0.0.1"},
        "swarm",
        "init",
    ),
    _post("36b", "swarm join", "engine.swarm", "/swarm/join", {"ListenAddr": "127.0.0.1"}),
    _post("36c", "service", "engine.swarm", "/services/create", {"Name": "evil"}),
    _post("36d", "secret", "engine.swarm", "/secrets/create", {"Name": "evil"}),
    _post("36e", "config", "engine.swarm", "/configs/create", {"Name": "evil"}),
    Attack(
        "37",
        "build on the host's network",
        "network.host",
        "POST",
        "/build?networkmode=host",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37b",
        "build, parameter in other case",
        "query.unknown",
        "POST",
        "/build?NetworkMode=host",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37c",
        "build, parameter twice",
        "query.duplicate",
        "POST",
        "/build?networkmode=default&networkmode=host",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37d",
        "build, escaped name",
        "request.query",
        "POST",
        "/build?network%6dode=host",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37e",
        "build, semicolon",
        "request.query",
        "POST",
        "/build?q=1;networkmode=host",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37f",
        "build, parameters in a form body",
        "request.content-type",
        "POST",
        "/build",
        b"networkmode=host&remote=http://127.0.0.1/",
        "application/x-www-form-urlencoded",
    ),
    Attack(
        "37g",
        "build, parameters in a multipart body",
        "request.content-type",
        "POST",
        "/build",
        b'--x\r\nContent-Disposition: form-data; name="networkmode"\r\n\r\nhost\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    Attack(
        "37h",
        "build in another cgroup",
        "build.cgroup",
        "POST",
        "/build?cgroupparent=/",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37i",
        "build in a container's network",
        "network.container",
        "POST",
        "/build?networkmode=container:{C}",
        b"\0" * 1024,
        TAR,
    ),
    Attack(
        "37j",
        "build with a context that the engine fetches",
        "build.remote",
        "POST",
        "/build?remote=http://127.0.0.1:1/x",
        b"",
        None,
    ),
    _post(
        "42", "image from an address", "image.import", "/images/create?fromSrc=http://127.0.0.1:1/x"
    ),
    _post("43", "unknown route", "route.unknown", "/containers/{C}/teleport"),
    _post("43b", "unknown method", "route.unknown", "/containers/create", method="PATCH"),
    _post("43c", "inside of the engine", "engine.debug", "/debug/vars", method="GET"),
    _post("43d", "web socket", "container.websocket", "/containers/{C}/attach/ws", method="GET"),
    _post(
        "43e",
        "checkpoint",
        "container.checkpoint",
        "/containers/{C}/checkpoints",
        {"CheckpointID": "a"},
    ),
    _post(
        "43f",
        "start from a checkpoint",
        "query.unknown",
        "/containers/{C}/start?checkpoint=a&checkpoint-dir=/",
    ),
    _post(
        "43g",
        "start with another HostConfig",
        "body.unexpected",
        "/containers/{C}/start",
        {"Privileged": True},
    ),
    _post(
        "43h",
        "the host's network by connect",
        "network.host",
        "/networks/host/connect",
        {"Container": "{C}"},
    ),
    _post(
        "43i",
        "network device of the pod",
        "network.driver",
        "/networks/create",
        {"Name": "evil", "Driver": "macvlan", "Options": {"parent": "eth0"}},
        *["network", "create", "-d", "macvlan", "-o", "parent=eth0", "evil"],
    ),
    _post(
        "43j",
        "bridge of somebody else",
        "network.options",
        "/networks/create",
        {"Name": "evil", "Options": {"com.docker.network.bridge.name": "cni0"}},
    ),
    _post(
        "43k",
        "the workspace's volume removed",
        "volume.workspace",
        "/volumes/workspace",
        method="DELETE",
    ),
    _post(
        "x50",
        "addresses of the controller for a network",
        "network.subnet",
        "/networks/create",
        {"Name": "mitm", "IPAM": {"Config": [{"Subnet": "10.96.0.0/16", "Gateway": "10.96.0.1"}]}},
        *["network", "create", "--subnet", "10.96.0.0/16", "--gateway", "10.96.0.1", "mitm"],
    ),
    _post(
        "43l",
        "all volumes pruned",
        "volume.prune",
        "/volumes/prune?filters=%7B%22all%22%3A%7B%22true%22%3Atrue%7D%7D",
    ),
    Attack(
        "45",
        "forged identity",
        "container.privileged",
        "POST",
        "/containers/create",
        _json(_PRIVILEGED),
        JSON,
        headers=(("Authz-User", "admin"),),
    ),
)

#: What the profile decides: refused in build-only.
CONTAINER_ROUTES = (
    ("40", "PUT", "/containers/{C}/archive?path=/", TAR),
    ("41", "POST", "/containers/{C}/attach?stream=1", None),
    ("41b", "POST", "/exec/{E}/start", JSON),
)
