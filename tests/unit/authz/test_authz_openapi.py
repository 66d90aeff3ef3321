"""What the engine's OpenAPI description has, the policy knows, or knowingly refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import engine_openapi
import pytest

from podwright.authz.checks import Check, Fields, Null, Unset, walk
from podwright.authz.limits import limits
from podwright.authz.policy import EngineRequest, decide
from podwright.authz.routes import SECRET, Route, find

LISTED = json.loads(Path(__file__).with_name("engine-openapi.json").read_text(encoding="utf-8"))
OPERATIONS = LISTED["operations"]


def row(operation: str) -> Route:
    """The policy's row of an operation."""
    method, path = operation.split(" ", 1)
    found = find(method, tuple(re.sub(r"{[^}]*}", "thing", path)[1:].split("/")))
    assert found is not None, operation
    return found


def undecided(route: Route, places: list[str]) -> list[str]:
    """The places that no table of the policy has, and that are inside of nothing refused."""
    checks = dict(walk(route.schema)) if route.schema else {}
    return [place for place in places if not is_decided(place, checks)]


def is_decided(place: str, checks: dict[str, Check]) -> bool:
    above, _, name = place.rpartition(".")
    check = checks.get(above)
    if isinstance(check, Fields):
        return name in check.table
    if isinstance(check, (Unset, Null)):
        return True
    return bool(above) and is_decided(above.removesuffix("[]"), checks)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_parameter_and_field_that_is_described_is_in_a_table(operation: str) -> None:
    route, has = row(operation), OPERATIONS[operation]
    if not route.group:
        return  # refused whatever it says
    if route.query is not None:
        assert set(has["query"]) <= set(route.query)
    expected = [] if route.body != SECRET else has["body"]  # the engine shows nobody a login
    assert undecided(route, has["body"]) == expected


def test_what_is_inside_of_a_place_that_is_always_refused_is_not_told_again() -> None:
    assert undecided(row("POST /containers/create"), [".HostConfig.Devices[].PathOnHost"]) == []
    lacking = [".HostConfig.Evil", ".HostConfig.Mounts[].Evil", ".Evil.Inner", ".HostConfig.Evil.A"]
    assert undecided(row("POST /containers/create"), lacking) == lacking


@pytest.mark.parametrize("path", ["/containers/create", "/volumes/create", "/networks/create"])
def test_a_field_and_a_parameter_of_a_newer_engine_are_refused(path: str) -> None:
    headers = {"Content-Type": "application/json"}
    for uri, body, rule in (
        (path, b'{"Newest": 1}', "body.unknown"),
        (f"{path}?newest=1", b"{}", "query.unknown"),
    ):
        assert decide(EngineRequest("POST", uri, headers, body), limits({})).rule == rule


def test_what_a_newer_description_has_more_is_told() -> None:
    old = {"POST /a": {"query": ["x"], "body": [".A"]}}
    new = {"POST /a": {"query": ["x", "y"], "body": [".A", ".A.B"]}, "GET /b": {}}
    assert engine_openapi.more(old, new) == [  # type: ignore[arg-type]
        "GET /b: a new operation",
        "POST /a: a new parameter y",
        "POST /a: a new field .A.B",
    ]


def test_the_list_is_what_the_description_says() -> None:
    file = engine_openapi.source(engine_openapi.VERSION)
    if file is None:
        pytest.skip("Go or the engine's module is not to be had")
    assert LISTED["origin"] == f"{engine_openapi.MODULE}@{engine_openapi.VERSION} swagger.yaml"
    assert engine_openapi.operations(file) == OPERATIONS
