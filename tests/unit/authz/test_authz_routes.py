# ruff: noqa: ANN001, ANN201 - fixtures and parameters
from __future__ import annotations

import json
import re
from pathlib import Path

import engine_source
import pytest

from podwright.authz.checks import Fields, walk
from podwright.authz.limits import PROFILES, limits
from podwright.authz.policy import EngineRequest, decide
from podwright.authz.routes import ROUTES, find

LISTED = json.loads(Path(__file__).with_name("engine-routes.json").read_text(encoding="utf-8"))


def plain(route: str) -> str:
    """Placeholders by position only: the engine names them differently here and there."""
    return re.sub(r"{[^}]*}", "{}", route)


def test_the_list_names_its_origin_and_has_all_122_routes():
    assert LISTED["origin"] == "github.com/moby/moby/v2@v2.0.0-beta.24 daemon/server/router"
    assert len(LISTED["routes"]) == 122


def test_every_route_of_the_engine_has_a_decision_and_no_decision_lacks_a_route():
    ours = {plain(f"{route.method} {route.path}") for route in ROUTES}
    assert ours == {plain(route) for route in LISTED["routes"]}


def test_no_route_is_decided_twice():
    rows = [plain(f"{route.method} {route.path}") for route in ROUTES]
    assert len(rows) == len(set(rows))


def test_the_list_is_what_the_source_of_the_engine_says():
    module = engine_source.source()
    if module is None:
        pytest.skip("Go or the engine's module is not to be had")
    assert engine_source.routes(module) == LISTED["routes"]
    assert engine_source.fields(module) == LISTED["fields"]


#: Where the policy's table of each Go type is, as a place in the body of a route.
TABLES = {
    "container.Config": ("/containers/create", ""),
    "container.HostConfig": ("/containers/create", "HostConfig"),
    "container.Resources": ("/containers/create", "HostConfig"),
    "container.ExecCreateRequest": ("/containers/{id}/exec", ""),
    "container.ExecStartRequest": ("/exec/{id}/start", ""),
    "network.CreateRequest": ("/networks/create", ""),
    "network.EndpointSettings": ("/networks/{id}/connect", "EndpointConfig"),
    "network.EndpointIPAMConfig": ("/networks/{id}/connect", "EndpointConfig.IPAMConfig"),
    "network.IPAM": ("/networks/create", "IPAM"),
    "network.IPAMConfig": ("/networks/create", "IPAM.Config[]"),
    "volume.CreateRequest": ("/volumes/create", ""),
    "mount.Mount": ("/containers/create", "HostConfig.Mounts[]"),
    "mount.BindOptions": ("/containers/create", "HostConfig.Mounts[].BindOptions"),
    "mount.VolumeOptions": ("/containers/create", "HostConfig.Mounts[].VolumeOptions"),
    "mount.ImageOptions": ("/containers/create", "HostConfig.Mounts[].ImageOptions"),
    "mount.TmpfsOptions": ("/containers/create", "HostConfig.Mounts[].TmpfsOptions"),
}
#: Fields of the engine that no table has, so that they are refused.
UNHEARD = {"mount.Mount": ["ClusterOptions"]}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_field_of_the_engine_is_in_a_table_or_knowingly_not(name):
    path, wanted = TABLES[name]
    schema = next(route.schema for route in ROUTES if route.path == path and route.schema)
    tables = [
        check.table
        for place, check in walk(schema)
        if isinstance(check, Fields) and place.lstrip(".") == wanted
    ]
    listed = LISTED["fields"][name]
    assert len(listed) > 0
    assert sorted(set(listed) - set(tables[0])) == UNHEARD.get(name, [])


def test_a_route_is_open_by_a_known_group_or_refused_with_a_rule_and_a_remedy():
    groups = {"import"}.union(*(profile.groups for profile in PROFILES.values()))
    for route in ROUTES:
        if route.group:
            assert route.group in groups, route
            assert not route.rule, route
        else:
            assert "." in route.rule, route
            assert "; " in route.message, route


@pytest.mark.parametrize("route", LISTED["routes"])
def test_each_route_finds_its_own_row_and_no_other(route):
    method, path = route.split(" ", 1)
    segments = tuple(re.sub(r"{[^}]*}", "thing", path)[1:].split("/"))
    row = find(method, segments)
    assert row is not None
    assert plain(f"{row.method} {row.path}") == plain(route)


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("route", LISTED["routes"])
def test_what_a_profile_opens_is_what_the_table_says_with_and_without_a_version(route, profile):
    method, path = route.split(" ", 1)
    uri = re.sub(r"{[^}]*}", "thing", path)
    policy = limits({"profile": profile})
    row = find(method, tuple(uri[1:].split("/")))
    for prefix in ("", "/v1.44", "/v1.56"):
        decision = decide(EngineRequest(method, prefix + uri, {}), policy)
        if row.group not in policy.groups | {"import"}:
            assert not decision.allow
        if uri.endswith("/"):
            assert decision.rule == "request.uri"
        elif not row.group:
            assert decision.rule == row.rule


def test_reading_is_open_without_a_body_in_every_profile():
    for profile in PROFILES:
        for route in ROUTES:
            if route.group == "look":
                uri = re.sub(r"{[^}]*}", "thing", route.path)
                decision = decide(
                    EngineRequest(route.method, uri, {}), limits({"profile": profile})
                )
                assert decision.allow, route
