"""The calls of the Docker API that the proxy knows, and what it makes of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import partial

from podwright.docker_api.strict import Target
from podwright.dood import listing
from podwright.dood.bodies import known, object_in
from podwright.dood.budget import number, set_memory
from podwright.dood.desk import JSON, LINES, Call, Desk, Outcome, retarget
from podwright.dood.naming import LEASE, PREDEFINED, SHARE
from podwright.dood.node import MISSING, OK
from podwright.dood.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from podwright.dood.desk import Handler

_CREATED = 201
# What an engine outside a swarm says; clients that look for an object everywhere go on from it.
_NO_SWARM = "This node is not a swarm manager. Swarms are not passed on by podwright's proxy."


def pass_on(desk: Desk, call: Call) -> Outcome:
    """Leave it as it is."""
    return Outcome()


def no_swarm(desk: Desk, call: Call) -> Outcome:
    """Say that there is no swarm."""
    raise Refusal(503, _NO_SWARM, is_engines=True)


def nothing_pruned(desk: Desk, call: Call) -> Outcome:
    """Keep images and the build cache: they are the node's, and other builds use them."""
    kind = "Caches" if call.target.segments[0] == "build" else "Images"
    return Outcome(reply={f"{kind}Deleted": None, "SpaceReclaimed": 0})


# Containers


def container_list(desk: Desk, call: Call) -> Outcome:
    """List the pod's containers."""
    filters, patterns = _filters(desk, call)
    limit = call.value("limit") if patterns else ""
    drop = ("limit",) if patterns else ()
    target = _filtered(call, listing.only_own(filters, desk.naming), drop)
    count = int(limit) if limit.isdigit() else 0
    edit = partial(listing.containers, naming=desk.naming, patterns=patterns, limit=count)
    return Outcome(target, kind=JSON, edit=edit)


def _filters(desk: Desk, call: Call) -> tuple[listing.Filters, list[str]]:
    """Give filters with the names resolved, and the patterns of names, which the proxy applies."""
    filters = listing.parse_filters(call.value("filters"))
    resolve: dict[str, Callable[[str], str]] = {
        **dict.fromkeys(
            ("before", "since", "container"), lambda name: str(desk.find.container(name)["Id"])
        ),
        "network": lambda name: str(desk.find.network(name)["Id"]),
        "volume": lambda name: name if name.startswith("/") else desk.naming.own(name),
    }
    for name, change in resolve.items():
        if name in filters:
            filters[name] = [change(value) for value in filters[name]]
    return filters, filters.pop("name", [])


def _filtered(call: Call, filters: listing.Filters, drop: tuple[str, ...] = ()) -> Target:
    return retarget(call, {"filters": listing.render_filters(filters)}, drop=drop)


def container_create(desk: Desk, call: Call) -> Outcome:
    """Create a container with the pod's labels, names and limits."""
    body = call.body()
    try:
        made = desk.maker.container(body, call.value("name"))
    except Refusal as refusal:
        # Clients take "not found" for the image, and would pull it.
        status = 409 if refusal.status == MISSING else refusal.status
        raise Refusal(status, refusal.message, is_engines=refusal.is_engines) from None
    for volume in made.volumes:
        _make_volume(desk, volume)

    edit = partial(_warned, desk, made.warnings)
    return Outcome(retarget(call, {"name": made.name}), body, JSON, edit)


def _warned(desk: Desk, warnings: Iterable[str], value: Any) -> Any:
    """Add the proxy's warnings to an answer, under the pod's own names."""
    if isinstance(value, dict) and warnings:
        value["Warnings"] = [*(value.get("Warnings") or []), *warnings]
    return desk.naming.strip(value)


def _make_volume(desk: Desk, body: dict[str, Any]) -> None:
    """Make a volume before the container that names it: the engine would make it unlabelled."""
    status, value = desk.node.ask("POST", "/volumes/create", body)
    if status != _CREATED:
        raise _refused(desk, status, value, "the engine made no volume")


def _refused(desk: Desk, status: int, value: Any, otherwise: str) -> Refusal:
    """Give the engine's own refusal, under the pod's own names."""
    message = (value or {}).get("message", otherwise)
    return Refusal(status, desk.naming.strip(message), is_engines=True)


def container_any(desk: Desk, call: Call) -> Outcome:
    """Do something with one of the pod's containers."""
    return Outcome(_at(call, desk.find.container(call.name)))


def _at(call: Call, found: Mapping[str, Any], **query: str) -> Target:
    segments = call.target.segments
    return retarget(call, query, (segments[0], str(found["Id"]), *segments[2:]))


def container_inspect(desk: Desk, call: Call) -> Outcome:
    """Describe one of the pod's containers, or stream figures, which name it."""
    found = desk.find.container(call.name)
    kind = LINES if call.target.segments[-1] == "stats" else JSON
    return Outcome(_at(call, found), kind=kind, edit=desk.naming.strip)


def container_remove(desk: Desk, call: Call) -> Outcome:
    """Remove a container, and the volumes that nobody could find without it."""
    found = desk.find.container(call.name)
    query = {} if call.value("link") else {"v": "1"}
    return Outcome(_at(call, found, **query))


def container_rename(desk: Desk, call: Call) -> Outcome:
    """Give a container another name."""
    found = desk.find.container(call.name)
    return Outcome(_at(call, found, name=desk.naming.own(call.value("name"))))


def _shown_name(desk: Desk, found: Mapping[str, Any]) -> str:
    name: str = desk.naming.strip(found["Name"]).lstrip("/")
    return name


def container_start(desk: Desk, call: Call) -> Outcome:
    """Start a container when the pod has memory left for it."""
    found = desk.find.container(call.name)
    target = _at(call, found)
    if found["State"].get("Running"):
        return Outcome(target)
    name = f"the container '{_shown_name(desk, found)}'"
    shares = SHARE in ((found.get("Config") or {}).get("Labels") or {})
    memory = number(found["HostConfig"], "Memory")

    def choose(used: int) -> int:
        return desk.budget.fits(desk.budget.share(used) if shares else memory, used, name)

    done = desk.reserve(found["Id"], choose)
    wanted = desk.reserved[found["Id"]]
    if wanted != memory:
        limits: dict[str, Any] = {}
        set_memory(limits, wanted)
        status, value = desk.node.ask("POST", f"/containers/{found['Id']}/update", limits)
        if status != OK:
            done()
            raise _refused(desk, status, value, "the engine changed no limits")
    return Outcome(target, done=done)


def container_update(desk: Desk, call: Call) -> Outcome:
    """Change a container's limits within the pod's."""
    found = desk.find.container(call.name)
    body = call.body()
    name = f"the container '{_shown_name(desk, found)}'"
    warnings = desk.maker.update(body, name)
    memory, done = number(body, "Memory"), None
    if memory and found["State"].get("Running"):
        done = desk.reserve(found["Id"], lambda used: desk.budget.fits(memory, used, name))

    return Outcome(_at(call, found), body, JSON, partial(_warned, desk, warnings), done)


def own_prune(desk: Desk, call: Call) -> Outcome:
    """Prune what is the pod's, and not the sign that it is alive."""
    filters = listing.only_own(listing.parse_filters(call.value("filters")), desk.naming)
    filters["label!"] = [*filters.get("label!", []), LEASE]
    return Outcome(_filtered(call, filters), kind=JSON, edit=desk.naming.strip)


def exec_any(desk: Desk, call: Call) -> Outcome:
    """Do something with a command in one of the pod's containers."""
    desk.find.exec_owner(call.name)
    return Outcome()


def commit(desk: Desk, call: Call) -> Outcome:
    """Make an image of one of the pod's containers."""
    found = desk.find.container(call.value("container"))
    return Outcome(retarget(call, {"container": str(found["Id"])}))


# Networks


def network_list(desk: Desk, call: Call) -> Outcome:
    """List the pod's networks and the engine's own."""
    filters, patterns = _filters(desk, call)
    edit = partial(listing.networks, naming=desk.naming, patterns=patterns)
    return Outcome(_filtered(call, filters), kind=JSON, edit=edit)


def network_create(desk: Desk, call: Call) -> Outcome:
    """Create a network."""
    return Outcome(None, desk.maker.network(call.body()), JSON, desk.naming.strip)


def network_inspect(desk: Desk, call: Call) -> Outcome:
    """Describe a network, without others' containers."""
    found = desk.find.network(call.name)
    return Outcome(_at(call, found), kind=JSON, edit=partial(listing.network, naming=desk.naming))


def network_remove(desk: Desk, call: Call) -> Outcome:
    """Remove a network."""
    return Outcome(_at(call, desk.find.network(call.name)))


def network_connect(desk: Desk, call: Call) -> Outcome:
    """Connect or disconnect a container; it is found by the name that the pipeline gave it."""
    found, body = desk.find.network(call.name), call.body()
    known(body, ("Container", "EndpointConfig"))
    container = desk.find.container(str(body.get("Container") or ""))
    body["Container"] = container["Id"]
    if call.target.segments[-1] == "connect":
        name = _shown_name(desk, container)
        end = object_in(body, "EndpointConfig")
        has_names = found["Name"] not in PREDEFINED
        body["EndpointConfig"] = desk.maker.endpoint(end, name if has_names else "")
    return Outcome(_at(call, found), body)


# Volumes


def volume_list(desk: Desk, call: Call) -> Outcome:
    """List the pod's volumes."""
    filters, patterns = _filters(desk, call)
    edit = partial(listing.volumes, naming=desk.naming, patterns=patterns)
    return Outcome(_filtered(call, listing.only_own(filters, desk.naming)), kind=JSON, edit=edit)


def volume_create(desk: Desk, call: Call) -> Outcome:
    """Create a volume."""
    return Outcome(None, desk.maker.volume(call.body()), JSON, desk.naming.strip)


def volume_any(desk: Desk, call: Call) -> Outcome:
    """Describe, change or remove a volume."""
    found = desk.find.volume(call.name)
    target = retarget(call, {}, ("volumes", str(found["Name"])))
    if call.method == "GET":
        return Outcome(target, kind=JSON, edit=desk.naming.strip)
    return Outcome(target)


# Images, builds and the rest


def image_remove(desk: Desk, call: Call) -> Outcome:
    """Remove an image's name; never by force, which would take it from others' containers."""
    return Outcome(retarget(call, {}, drop=("force",)))


def build(desk: Desk, call: Call) -> Outcome:
    """Build an image: the classic builder gets the pod's limits, BuildKit knows none."""
    query = {}
    if call.value("networkmode"):
        query["networkmode"] = desk.maker.mode(call.value("networkmode"))
    if call.value("version") == "2":
        return Outcome(retarget(call, query))
    wanted = {"Memory": _integer(call, "memory"), "CpuQuota": _integer(call, "cpuquota")}
    wanted["CpuPeriod"] = _integer(call, "cpuperiod") or 100_000
    asked = desk.budget.wanted(wanted, "the build")
    desk.budget.cut_cpu(wanted)
    key = f"build {os.urandom(8).hex()}"
    done = desk.reserve(
        key, lambda used: desk.budget.fits(asked or desk.budget.share(used), used, "the build")
    )
    memory = str(desk.reserved[key])
    query.update(memory=memory, memswap=memory, rm="1", forcerm="1")
    query.update(cpuperiod=str(wanted["CpuPeriod"]), cpuquota=str(wanted["CpuQuota"]))
    return Outcome(retarget(call, query), done=done)


def _integer(call: Call, name: str) -> int:
    text = call.value(name) or "0"
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise Refusal(400, f"the parameter {name} must be an integer")
    return max(int(text), 0)


def events(desk: Desk, call: Call) -> Outcome:
    """Stream events of what is the pod's."""
    filters, patterns = _filters(desk, call)
    if patterns:
        filters["name"] = patterns
    edit = partial(listing.event, naming=desk.naming)
    return Outcome(_filtered(call, filters), kind=LINES, edit=edit)


def usage(desk: Desk, call: Call) -> Outcome:
    """Tell what the pod's things and the node's images take."""
    return Outcome(kind=JSON, edit=partial(listing.usage, naming=desk.naming))


_CONTAINER_CALLS = (
    ("GET", "top logs changes export attach/ws", container_any),
    ("GET|HEAD|PUT", "archive", container_any),
    ("POST", "resize stop kill pause unpause attach wait exec", container_any),
    ("GET", "json stats", container_inspect),
    ("POST", "start restart", container_start),
    ("POST", "update", container_update),
    ("POST", "rename", container_rename),
)
_CALLS: tuple[tuple[str, str, Handler], ...] = (
    ("GET|HEAD", "/_ping", pass_on),
    ("GET", "/(version|info|plugins)", pass_on),
    ("GET", "/(distribution|plugins)/{image}/json", pass_on),
    ("POST", "/(auth|build/cancel|session|grpc)", pass_on),
    ("GET", "/images/(json|search|get)", pass_on),
    ("GET", "/images/{image}/(json|history|get|attestations)", pass_on),
    ("POST", "/images/(create|load)", pass_on),
    ("POST", "/images/{image}/(push|tag)", pass_on),
    ("GET", "/containers/json", container_list),
    ("POST", "/containers/create", container_create),
    ("POST", "/(containers|networks|volumes)/prune", own_prune),
    ("DELETE", "/containers/{name}", container_remove),
    ("POST", "/exec/{name}/(start|resize)", exec_any),
    ("GET", "/exec/{name}/json", exec_any),
    ("GET", "/networks", network_list),
    ("POST", "/networks/create", network_create),
    ("GET", "/networks/{name}", network_inspect),
    ("DELETE", "/networks/{name}", network_remove),
    ("POST", "/networks/{name}/(connect|disconnect)", network_connect),
    ("GET", "/volumes", volume_list),
    ("POST", "/volumes/create", volume_create),
    ("GET|PUT|DELETE", "/volumes/{name}", volume_any),
    ("POST", "/(images|build)/prune", nothing_pruned),
    ("DELETE", "/images/{image}", image_remove),
    ("POST", "/build", build),
    ("POST", "/commit", commit),
    ("GET", "/events", events),
    ("GET", "/system/df", usage),
    ("GET", "/(swarm|services|nodes|tasks|secrets|configs)(/.*)?", no_swarm),
)


def _routes() -> tuple[tuple[str, re.Pattern[str], Handler], ...]:
    """Compile the table."""
    calls = list(_CALLS)
    for method, words, handler in _CONTAINER_CALLS:
        calls += [(method, f"/containers/{{name}}/{word}", handler) for word in words.split()]
    holes = {"{name}": "(?P<name>[^/]+)", "{image}": "(?P<image>.+)"}
    return tuple(
        (method, re.compile(re.sub(r"\{\w+\}", lambda m: holes[m[0]], path)), handler)
        for method, path, handler in calls
    )


ROUTES = _routes()
