# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""Headers, parameters and bodies of a request as a whole, each refused by its own rule."""

from __future__ import annotations

import pytest

from podwright.authz.limits import limits
from podwright.authz.policy import EngineRequest, decide

RUN = limits({})
JSON = {"Content-Type": "application/json"}
TAR = {"Content-Type": "application/x-tar"}
H2C = {"Upgrade": "h2c"}
TCP = {"Upgrade": "tcp"}
ATTACH = "/containers/a/attach"
START = "/exec/a/start"


@pytest.mark.parametrize(
    ("method", "uri", "headers", "body", "rule"),
    [
        ("GET", "/info", {}, b"", "look"),
        ("GET", "/containers/json?all=1&filters=x", {}, b"", "look"),
        ("GET", "/info", TCP, b"", "request.upgrade"),
        ("POST", "/images/prune", TCP, b"", "request.upgrade"),
        ("POST", "/session", H2C, b"", "buildkit"),
        ("POST", "/session", {"upgrade": "h2c"}, b"", "buildkit"),
        ("POST", "/session", {}, b"", "request.upgrade"),
        ("POST", "/grpc", TCP, b"", "request.upgrade"),
        ("POST", ATTACH, TCP, b"", "container"),
        ("POST", ATTACH, {}, b"", "container"),
        ("POST", START, {**TCP, **JSON}, b"{}", "container"),
        ("POST", START, JSON, b"{}", "container"),
        ("GET", "/info", {"Transfer-Encoding": "chunked"}, b"", "request.header"),
        ("POST", START, {**JSON, "Content-Encoding": "gzip"}, b"{}", "request.header"),
        ("POST", "/build", {**TAR, "Content-Encoding": "gzip"}, b"", "build"),
        ("POST", "/build", {**TAR, "content-type": "x"}, b"", "request.header"),
        ("POST", "/build", JSON, b"", "request.content-type"),
        ("POST", "/build", TAR, b"{}", "body.unexpected"),
        ("POST", "/images/prune", {}, b"{}", "body.unexpected"),
        ("POST", "/images/prune", {"Content-Length": "1"}, b"", "body.unexpected"),
        ("POST", "/images/prune", {"Content-Length": "0"}, b"", "image"),
        ("POST", "/session", {**H2C, "Content-Length": "1"}, b"", "body.unexpected"),
        ("POST", "/auth", JSON, b'{"username":"a"}', "image"),  # older engines show it
        ("POST", "/commit?container=a", JSON, b"null", "import"),
        ("POST", "/commit?container=a", {}, b"", "import"),
        ("POST", "/commit?container=a", JSON, b"[]", "body.root"),
        ("POST", START, JSON, b"null", "body.root"),
        ("POST", START, JSON, b"", "body.absent"),
        ("POST", "/images/prune?a=b", {}, b"", "query.unknown"),
        ("POST", "/images/prune?filters=a&filters=b", {}, b"", "query.duplicate"),
        ("POST", "/build?t=a&t=b", TAR, b"", "build"),
        ("POST", "/build?buildargs=&ulimits=&labels=%7B%7D", TAR, b"", "build"),
        ("POST", "/build?buildargs=%7B", TAR, b"", "body.json"),
        ("DELETE", "/volumes/workspace", {}, b"", "volume.workspace"),
        ("DELETE", "/volumes/workspace2", {}, b"", "volume"),
        ("GET", "/volumes/workspace", {}, b"", "look"),
        ("GET", "/containers/_a/json", {}, b"", "request.uri"),
        ("POST", "/networks/host/connect", JSON, b"{}", "network.host"),
        ("POST", "/networks/front/connect", JSON, b"{}", "network"),
        ("GET", "/networks/host", {}, b"", "look"),
        ("GET", "/nowhere", {}, b"", "route.unknown"),
        ("GET", "/plugins", {}, b"", "engine.plugin"),
    ],
)
def test_a_request_as_a_whole(method, uri, headers, body, rule):
    decision = decide(EngineRequest(method, uri, headers, body), RUN)
    assert decision.rule == rule
    assert decision.allow is ("." not in rule)


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("/v1.47/volumes/prune", "volume"),
        ("/v1.42/volumes/prune", "volume"),
        ("/v1.41/volumes/prune", "volume.prune"),
        ("/volumes/prune", "volume.prune"),  # what the engine takes for its version is not known
        ("/v1.47/volumes/prune?filters=", "volume"),
        ('/volumes/prune?filters={"all":["1"]}', "volume.prune"),
        ('/v1.41/volumes/prune?filters={"label":["a"]}', "volume"),
        ('/volumes/prune?filters={"all":["1"],"label":["a"]}', "volume"),
        ('/v1.42/volumes/prune?filters={"label":[]}', "volume"),
        ('/v1.41/volumes/prune?filters={"label":[]}', "volume.prune"),
        ("/volumes/prune?filters=[]", "volume.prune"),
        ("/volumes/prune?filters={", "body.json"),
    ],
)
def test_pruning_spares_the_workspace(uri, rule):
    plain = uri.replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
    decision = decide(EngineRequest("POST", plain.replace("[", "%5B").replace("]", "%5D"), {}), RUN)
    assert decision.rule == rule


@pytest.mark.parametrize(
    ("config", "method", "uri", "message"),
    [
        (
            {"profile": "build-only"},
            "POST",
            "/containers/a/start",
            (
                "[profile.container] profile 'build-only' does not allow this; use the profile "
                "'run' or 'compose'"
            ),
        ),
        (
            {"buildkit": False},
            "POST",
            "/session",
            "[build.buildkit] BuildKit is switched off; set DOCKER_BUILDKIT=0",
        ),
        (
            {"imports": False},
            "POST",
            "/images/load",
            "[image.import] images are pulled from a registry, not loaded or committed here",
        ),
    ],
)
def test_a_profile_closes_groups(config, method, uri, message):
    headers = H2C if uri == "/session" else {}
    assert decide(EngineRequest(method, uri, headers), limits(config)).message == message
    assert decide(EngineRequest(method, uri, headers), RUN).allow
