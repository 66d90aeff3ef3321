"""Every route of the newest engine with its decision; a test compares it with the engine's source.

A route is open when its group is in the profile (see limits.py), or refused with a rule of its own.
Routes that are not here are refused as unknown. ``{id}`` stands for one path segment, ``{name}``
for one or several (names of images).
"""

from __future__ import annotations

from podwright.authz.bodies import (
    COMMIT,
    CONTAINER_CREATE,
    EXEC_CREATE,
    EXEC_START,
    NETWORK_CONNECT,
    NETWORK_CREATE,
    NETWORK_DISCONNECT,
    ULIMITS,
    VOLUME_CREATE,
    network_mode,
)
from podwright.authz.checks import (
    Check,
    EachItem,
    EachValue,
    Fields,
    JsonText,
    Matching,
    OneString,
    Unset,
    judged,
    text,
)
from podwright.authz.limits import Limits
from podwright.docker_api.strict import Refused
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What a request may carry besides its head.
NOTHING = "nothing"
JSON = "json"
STREAM = "stream"  # tar archives and image files: the engine does not show them
SECRET = "secret"  # noqa: S105  the body of /auth, which the engine never shows
UPGRADE = "upgrade"  # becomes a raw connection
MAYBE = "maybe"  # JSON, or nothing at all


@record
class Route:
    """One row of the table.

    Attributes:
        method: of HTTP.
        path: with {id} and {name}.
        group: the group that opens it; empty when it is always refused.
        rule: the rule that refuses it when the group is empty.
        message: what to do instead.
        body: one of the kinds above.
        schema: the check of a JSON body.
        query: the check of each parameter; None when reading only, where any will do.
        many: parameters that may be given several times.
    """

    method: str
    path: str
    group: str = ""
    rule: str = ""
    message: str = ""
    body: str = NOTHING
    schema: Check | None = None
    query: Mapping[str, Check] | None = None
    many: tuple[str, ...] = ()


def _rows(routes: str, **more: Any) -> list[Route]:
    """Routes that differ in method and path alone."""
    words = routes.split()
    return [Route(method, path, **more) for method, path in zip(words[::2], words[1::2])]


def _act(route: str, group: str, names: str = "", **more: Any) -> Route:
    """A route that changes something: its parameters are named; those with `*` may be repeated."""
    method, path = route.split()
    plain = [name.rstrip("*") for name in names.split()]
    query = {**dict.fromkeys(plain, text), **more.pop("checks", {})}
    many = tuple(name[:-1] for name in names.split() if name.endswith("*"))
    return Route(method, path, group, query=query, many=many, **more)


def _no(rule: str, message: str, routes: str) -> list[Route]:
    return _rows(routes, rule=rule, message=message)


_OUTPUT = Fields(
    {
        "Type": OneString(
            "build.output",
            "of outputs only image, local, tar, oci, docker and moby are allowed",
            ("", "image", "local", "tar", "oci", "docker", "moby", "registry", "cacheonly"),
        ),
        "Attrs": EachValue(text),
    }
)
_BUILD_NAMES = """
buildid cpuperiod cpuquota cpusetcpus cpusetmems cpushares dockerfile extrahosts* forcerm memory
memswap nocache platform pull q rm session shmsize squash t* target
"""
_BUILD_CHECKS = {
    "buildargs": JsonText(EachValue(text)),
    "cachefrom": JsonText(EachItem(text)),
    "cgroupparent": Unset(
        "build.cgroup", "builds stay in the engine's own cgroup; leave --cgroup-parent out"
    ),
    "isolation": OneString("build.isolation", "leave it out", ("", "default")),
    "labels": JsonText(EachValue(text)),
    "networkmode": network_mode,
    "outputs": JsonText(EachItem(_OUTPUT)),
    "remote": Matching(
        "build.remote",
        "a context from elsewhere is not fetched with the engine's rights; check it out first",
        r"|client-session",
    ),
    "securityopt": Unset("build.security-opt", "security options of builds are refused"),
    "ulimits": JsonText(ULIMITS),
    "version": OneString("build.version", "use 1 (classic) or 2 (BuildKit)", ("", "1", "2")),
}


@judged("`-`, while `imports` is on", "image.import")
def _import_source(value: Any, where: str, limits: Limits) -> None:
    """Imports come from the client's own stream, not from an address that the engine fetches."""
    text(value, where, limits)
    if value and (value != "-" or not limits.imports):
        raise Refused(
            "image.import",
            f"{where}: images are pulled from a registry, not imported from an address",
        )


# A route a line, or several that go together; what changes something names its parameters.
ROUTES: tuple[Route, ...] = (
    # Looking: answers hold nothing but the pipeline's own objects, since the engine is its own.
    *_rows(
        """
        GET /_ping  HEAD /_ping  GET /version  GET /info  GET /events  GET /system/df
        GET /containers/json          GET /containers/{id}/changes  GET /containers/{id}/json
        GET /containers/{id}/top      GET /containers/{id}/logs     GET /containers/{id}/stats
        GET /containers/{id}/export   GET /containers/{id}/archive  HEAD /containers/{id}/archive
        GET /exec/{id}/json
        GET /images/json              GET /images/search            GET /images/get
        GET /images/{name}/get        GET /images/{name}/history    GET /images/{name}/json
        GET /images/{name}/attestations                             GET /distribution/{name}/json
        GET /networks                 GET /networks/{id}            GET /volumes
        GET /volumes/{id}             OPTIONS /{name}
        """,
        group="look",
    ),
    # Images.
    _act("POST /auth", "image", body=SECRET),
    _act(
        "POST /images/create",
        "image",
        "fromImage repo tag message platform changes*",
        checks={"fromSrc": _import_source},
        body=STREAM,
    ),
    _act("POST /images/load", "import", "quiet platform*", body=STREAM),
    _act("POST /images/{name}/push", "image", "tag platform"),
    _act("POST /images/{name}/tag", "image", "repo tag"),
    _act("POST /images/prune", "image", "filters"),
    _act("DELETE /images/{name}", "image", "force noprune platforms*"),
    _act(
        "POST /commit",
        "import",
        "container repo tag comment author pause changes*",
        body=MAYBE,
        schema=COMMIT,
    ),
    # Builds.
    _act("POST /build", "build", _BUILD_NAMES, checks=_BUILD_CHECKS, body=STREAM),
    _act(
        "POST /build/prune",
        "build",
        "all filters keep-storage reserved-space max-used-space min-free-space",
    ),
    _act("POST /build/cancel", "build", "id"),
    _act("POST /session", "buildkit", body=UPGRADE),
    _act("POST /grpc", "buildkit", body=UPGRADE),
    # Containers.
    _act(
        "POST /containers/create", "container", "name platform", body=JSON, schema=CONTAINER_CREATE
    ),
    _act("POST /containers/{id}/start", "container", "detachKeys"),
    _act("POST /containers/{id}/stop", "container", "t signal"),
    _act("POST /containers/{id}/restart", "container", "t signal"),
    _act("POST /containers/{id}/kill", "container", "signal"),
    _act("POST /containers/{id}/pause", "container"),
    _act("POST /containers/{id}/unpause", "container"),
    _act("POST /containers/{id}/wait", "container", "condition"),
    _act("POST /containers/{id}/resize", "container", "h w"),
    _act("POST /containers/{id}/rename", "container", "name"),
    _act(
        "POST /containers/{id}/attach",
        "container",
        "detachKeys logs stream stdin stdout stderr",
        body=UPGRADE,
    ),
    _act(
        "PUT /containers/{id}/archive",
        "container",
        "path noOverwriteDirNonDir copyUIDGID",
        body=STREAM,
    ),
    _act("DELETE /containers/{id}", "container", "v force link"),
    _act("POST /containers/prune", "container", "filters"),
    _act("POST /containers/{id}/exec", "container", body=JSON, schema=EXEC_CREATE),
    _act("POST /exec/{id}/start", "container", body=JSON, schema=EXEC_START),
    _act("POST /exec/{id}/resize", "container", "h w"),
    # Networks and volumes.
    _act("POST /networks/create", "network", body=JSON, schema=NETWORK_CREATE),
    _act("POST /networks/{id}/connect", "network", body=JSON, schema=NETWORK_CONNECT),
    _act("POST /networks/{id}/disconnect", "network", body=JSON, schema=NETWORK_DISCONNECT),
    _act("POST /networks/prune", "network", "filters"),
    _act("DELETE /networks/{id}", "network"),
    _act("POST /volumes/create", "volume", body=JSON, schema=VOLUME_CREATE),
    _act("POST /volumes/prune", "volume", "filters"),
    _act("DELETE /volumes/{id}", "volume", "force"),
    # Refused in every profile.
    *_no(
        "container.update",
        "limits are set when a container is made; make a new one",
        "POST /containers/{id}/update",
    ),
    *_no(
        "container.websocket",
        "web sockets are refused; attach as the docker command does",
        "GET /containers/{id}/attach/ws",
    ),
    *_no(
        "container.checkpoint",
        "checkpoints write into the engine's file system; do without them",
        """
        GET /containers/{id}/checkpoints  POST /containers/{id}/checkpoints
        DELETE /containers/{id}/checkpoints/{id}
        """,
    ),
    *_no(
        "volume.update", "volumes of swarm are not for builds; use local ones", "PUT /volumes/{id}"
    ),
    *_no("request.uri", "a path does not end with a slash; leave it out", "GET /networks/"),
    *_no(
        "engine.debug",
        "the engine's inside is not shown; use docker info",
        """
        GET /debug/vars           GET /debug/pprof/        GET /debug/pprof/cmdline
        GET /debug/pprof/profile  GET /debug/pprof/symbol  GET /debug/pprof/trace
        GET /debug/pprof/{id}
        """,
    ),
    *_no(
        "engine.plugin",
        "engine plugins run with the engine's rights; do without them",
        """
        GET /plugins   GET /plugins/privileges  GET /plugins/{name}/json
        POST /plugins/create                    POST /plugins/pull
        POST /plugins/{name}/disable            POST /plugins/{name}/enable
        POST /plugins/{name}/push               POST /plugins/{name}/set
        POST /plugins/{name}/upgrade            DELETE /plugins/{name}
        """,
    ),
    *_no(
        "engine.swarm",
        "swarm is not for builds; use containers and networks",
        """
        GET /swarm     GET /swarm/unlockkey  POST /swarm/init            POST /swarm/join
        POST /swarm/leave                    POST /swarm/unlock          POST /swarm/update
        GET /nodes     GET /nodes/{id}       POST /nodes/{id}/update     DELETE /nodes/{id}
        GET /services  GET /services/{id}    GET /services/{id}/logs     POST /services/create
        POST /services/{id}/update           DELETE /services/{id}
        GET /tasks     GET /tasks/{id}       GET /tasks/{id}/logs
        GET /secrets   GET /secrets/{id}     POST /secrets/create
        POST /secrets/{id}/update            DELETE /secrets/{id}
        GET /configs   GET /configs/{id}     POST /configs/create
        POST /configs/{id}/update            DELETE /configs/{id}
        """,
    ),
)

_INDEX: dict[tuple[str, str], list[tuple[tuple[str, ...], Route]]] = {}
for _route in ROUTES:
    _parts = tuple(_route.path[1:].split("/"))
    _INDEX.setdefault((_route.method, _parts[0]), []).append((_parts, _route))
# A literal segment goes before a placeholder: /images/json before /images/{name}.
for _some in _INDEX.values():
    _some.sort(key=lambda row: [part.startswith("{") for part in row[0]])


def find(method: str, segments: tuple[str, ...]) -> Route | None:
    """The row for a request, or None when the engine would not know it either."""
    if method == "OPTIONS":
        return _INDEX["OPTIONS", "{name}"][0][1]
    for pattern, route in _INDEX.get((method, segments[0]), ()):
        if _matches(pattern, segments):
            return route
    return None


def _matches(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    """Compare segment by segment; {name} takes one segment or more, others exactly one."""
    if "{name}" in pattern:
        at = pattern.index("{name}")
        tail = pattern[at + 1 :]
        if len(segments) <= at + len(tail):
            return False
        if tail and segments[-len(tail) :] != tail:
            return False
        return segments[:at] == pattern[:at]
    return len(pattern) == len(segments) and all(
        part in (segment, "{id}") for part, segment in zip(pattern, segments)
    )
