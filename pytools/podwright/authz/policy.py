"""The policy: a request of the Docker API in, a decision with its reason out. Pure."""

from __future__ import annotations

import base64
import binascii
import re

from podwright.authz.bodies import network_name
from podwright.authz.limits import Limits
from podwright.authz.routes import JSON, MAYBE, NOTHING, SECRET, STREAM, UPGRADE, Route, find
from podwright.docker_api.http import SEAL
from podwright.docker_api.strict import (
    OLDEST_API,
    Refused,
    Target,
    header,
    parse_json,
    parse_json_text,
    parse_target,
)
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SEALED = frozenset({"/containers/create", "/build", "/commit"})
OBJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
#: Media types per kind of body. A form would add parameters that the plugin does not see, and is
#: therefore in none of them. Without a type the engine reads no JSON.
_TYPES: dict[str, frozenset[str | None]] = {
    JSON: frozenset({"application/json"}),
    MAYBE: frozenset({None, "application/json"}),
    NOTHING: frozenset({None, "text/plain", "application/json"}),
    SECRET: frozenset({None, "application/json"}),
    STREAM: frozenset(
        {None, "text/plain", "application/x-tar", "application/tar", "application/octet-stream"}
    ),
    UPGRADE: frozenset({None, "text/plain", "application/json"}),
}
#: From this version on, pruning volumes spares named ones unless asked otherwise.
_PRUNE_SPARES_NAMED = (1, 42)


@record
class EngineRequest:
    """What the engine tells about a request (AuthZPlugin.AuthZReq).

    Attributes:
        method: of HTTP.
        uri: the request target as it came.
        headers: the last value of each header; credentials are left out by the engine.
        body: empty when there is none, or when the engine does not show it.
    """

    method: str
    uri: str
    headers: Mapping[str, str]
    body: bytes = b""


@record
class Decision:
    """The answer, and why.

    Attributes:
        allow: whether the engine may go on.
        rule: the rule that decided; the route's group when allowed.
        message: what the user reads when refused.
        path: the path without version and query, for the log; empty when it could not be read.
    """

    allow: bool
    rule: str
    message: str = ""
    path: str = ""


def decide(request: EngineRequest, limits: Limits) -> Decision:
    """Decide about one request; whatever goes wrong in here is a refusal."""
    path = ""
    try:
        target = parse_target(request.uri)
        path = target.path
        group = check(request, target, limits)
    except Refused as refused:
        return refusal(refused, path)
    except Exception as error:  # noqa: BLE001  a bug must not open the door
        return refusal(
            Refused("policy.bug", f"the policy failed ({type(error).__name__}); report it"), path
        )
    return Decision(allow=True, rule=group, path=path)


def check(request: EngineRequest, target: Target, limits: Limits) -> str:
    """Check a request whose target was read; gives the group of its route.

    Raises:
        Refused: it is not allowed.
    """
    route = _route(request.method, target, limits)
    _check_head(request, route)
    _check_query(route, target, limits)
    _check_body(request, route, limits)
    _check_more(request, route, target, limits)
    return route.group


def refusal(refused: Refused, path: str = "") -> Decision:
    """The decision that a refusal means; its message names the rule."""
    return Decision(
        allow=False, rule=refused.rule, message=f"[{refused.rule}] {refused.message}", path=path
    )


def read_request(body: bytes) -> EngineRequest:
    """Read the engine's question.

    Raises:
        Refused: it is not what an engine sends.
    """
    asked = parse_question(body)
    method, uri = asked.get("RequestMethod"), asked.get("RequestUri")
    headers, content = asked.get("RequestHeaders", {}), asked.get("RequestBody", "")
    headers = {} if headers is None else headers  # Go writes null for what is empty
    content = "" if content is None else content
    if not isinstance(method, str) or not isinstance(uri, str) or not isinstance(content, str):
        raise Refused("plugin.protocol", "the engine's question has no method or target")
    if not isinstance(headers, dict):
        raise Refused("plugin.protocol", "the engine's question has no proper headers")
    if any(not isinstance(value, str) for value in headers.values()):
        raise Refused("plugin.protocol", "the engine's question has no proper headers")
    try:
        return EngineRequest(method, uri, headers, base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        raise Refused("plugin.protocol", "the engine's question has a broken body") from None


def parse_question(body: bytes) -> dict[str, Any]:
    """The engine's own JSON: larger than a body may be, because Base64 is."""
    try:
        asked = parse_json_text(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused("plugin.protocol", "the engine's question is no UTF-8") from None
    if not isinstance(asked, dict):
        raise Refused("plugin.protocol", "the engine's question is no object")
    return asked


def _route(method: str, target: Target, limits: Limits) -> Route:
    """Find the row and see whether the profile opens it."""
    route = find(method, target.segments)
    if route is None:
        raise Refused(
            "route.unknown", f"{method} of this path is not known to the policy; do without it"
        )
    if not route.group:
        raise Refused(route.rule, route.message)
    if route.group == "import":
        if limits.imports:
            return route
        raise Refused(
            "image.import", "images are pulled from a registry, not loaded or committed here"
        )
    if route.group not in limits.groups:
        if route.group == "buildkit":
            raise Refused("build.buildkit", "BuildKit is switched off; set DOCKER_BUILDKIT=0")
        raise Refused(
            f"profile.{route.group}",
            f"profile {limits.profile!r} does not allow this; use the profile 'run' or 'compose'",
        )
    return route


def _check_head(request: EngineRequest, route: Route) -> None:
    """Headers that decide how the engine reads the rest."""
    kind = header(request.headers, "Content-Type")
    upgrade = header(request.headers, "Upgrade")
    if upgrade is not None and route.body != UPGRADE and route.path != "/exec/{id}/start":
        raise Refused("request.upgrade", "this route does not become a raw connection")
    if header(request.headers, "Transfer-Encoding") is not None:
        raise Refused("request.header", "the header Transfer-Encoding is not to be seen here")
    if header(request.headers, "Content-Encoding") is not None and route.body != STREAM:
        raise Refused("request.header", "compressed bodies are refused; send plain JSON")
    length = header(request.headers, "Content-Length")
    if route.body in (NOTHING, UPGRADE) and (request.body or length not in (None, "0")):
        raise Refused("body.unexpected", "this route takes no body; send none")
    _need_type(kind, _TYPES[route.body])
    if route.body == UPGRADE and route.group == "buildkit" and upgrade != "h2c":
        raise Refused("request.upgrade", "this route becomes an HTTP/2 connection; ask for h2c")


def _need_type(kind: str | None, allowed: frozenset[str | None]) -> None:
    if kind not in allowed:
        shown = " or ".join(sorted(word for word in allowed if word))
        raise Refused("request.content-type", f"the Content-Type must be exactly {shown}")


def _check_query(route: Route, target: Target, limits: Limits) -> None:
    """Parameters by name, each once unless it is a list."""
    if route.query is None:
        return
    for name, values in target.query.items():
        check = route.query.get(name)
        if check is None:
            raise Refused("query.unknown", f"the parameter '{name}' is not known to the policy")
        if len(values) > 1 and name not in route.many:
            raise Refused("query.duplicate", f"the parameter '{name}' is there twice; give it once")
        for value in values:
            check(value, name, limits)


def _check_body(request: EngineRequest, route: Route, limits: Limits) -> None:
    """A JSON body must be there, and be an object of the schema."""
    if route.body in (NOTHING, SECRET):  # an empty one was checked; older engines show a login
        return
    if route.body not in (JSON, MAYBE):
        if request.body:
            raise Refused("body.unexpected", "this route takes no JSON; send none")
        return
    if not request.body:
        if route.body == MAYBE:
            return
        raise Refused("body.absent", "the body is absent or was not shown; send it as JSON")
    value = parse_json(request.body)
    if value is None and route.body == MAYBE:  # docker commit sends the word null
        return
    if not isinstance(value, dict):
        raise Refused("body.root", "the body must be one JSON object")
    if route.schema is None:
        raise Refused("policy.bug", "the policy has no schema for this body")
    route.schema(value, "", limits)


def _check_more(request: EngineRequest, route: Route, target: Target, limits: Limits) -> None:
    """What the path's own names decide."""
    for part, segment in zip(route.path[1:].split("/"), target.segments):
        if part == "{id}" and not OBJECT_NAME.match(segment):
            raise Refused(
                "request.uri", "a name in the path has characters other than letters, digits, _ . -"
            )
    if route.path.startswith("/networks/{id}") and request.method == "POST":
        network_name(target.segments[1], "the path", limits)
    if request.method == "DELETE" and target.segments == ("volumes", limits.volume):
        raise Refused(
            "volume.workspace", "this volume is the pipeline's workspace; delete files in it"
        )
    if route.path == "/volumes/prune":
        _check_prune(target)
    if limits.seal and route.path in _SEALED and header(request.headers, SEAL) != limits.seal:
        raise Refused(
            "gate.seal", "this is done by way of the gate alone; use the pod's own Docker socket"
        )


def _check_prune(target: Target) -> None:
    """Pruning that could take the workspace's volume along is refused."""
    filters = parse_json_text((target.query.get("filters") or ("{}",))[0] or "{}")
    if not isinstance(filters, dict):
        raise Refused("volume.prune", "the filters must be an object")
    if filters.get("label"):
        return
    # Without a version it is the engine's newest, which this policy does not know.
    if "all" in filters or (target.version or OLDEST_API) < _PRUNE_SPARES_NAMED:
        raise Refused(
            "volume.prune",
            "this would empty the workspace too; remove volumes by name, or filter them by a label",
        )
