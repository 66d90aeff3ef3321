"""Listings, filters and events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podwright.docker_api.strict import Refused
from podwright.dood import listing
from podwright.dood.naming import Naming
from podwright.dood.refusal import Refusal

NAMING = Naming("uid-a")
OTHER = Naming("uid-b")
MINE, THEIRS = NAMING.labels({}, 1), OTHER.labels({}, 1)


@pytest.mark.parametrize(
    "text",
    ['{"name":["a","b"],"label":["x"]}', '{"name":{"a":true,"b":true,"c":false},"label":["x"]}'],
)
def test_filters_are_read_in_both_forms(text: str) -> None:
    filters = listing.parse_filters(text)
    assert filters == {"name": ["a", "b"], "label": ["x"]}
    assert json.loads(listing.render_filters(filters)) == {
        "name": {"a": True, "b": True},
        "label": {"x": True},
    }
    assert listing.only_own(filters, NAMING)["label"] == ["x", "podwright.dev/build=uid-a"]


def test_no_filters_are_none() -> None:
    assert listing.parse_filters("") == {}
    assert listing.only_own({}, NAMING) == {"label": ["podwright.dev/build=uid-a"]}


@pytest.mark.parametrize("text", ["[]", "1", '{"name":"a"}', '{"name":[1]}'])
def test_filters_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(Refusal, match=r"^filters must be an object of lists$"):
        listing.parse_filters(text)


@pytest.mark.parametrize("text", ["{", '{"a":["x"],"a":["y"]}'])
def test_filters_that_are_no_json_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        listing.parse_filters(text)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("db", True), ("^db$", True), ("^/db$", True), ("b", True), ("^b", False), ("d(", False)],
)
def test_names_match_as_the_engine_matches(pattern: str, *, matches: bool) -> None:
    assert listing.is_named("db", [pattern]) is matches


def test_containers_of_others_are_left_out() -> None:
    found = [
        {"Names": ["/" + NAMING.own("db")], "Labels": MINE},
        {"Names": ["/" + OTHER.own("db")], "Labels": THEIRS},
        {"Names": ["/plain"], "Labels": None},
        {"Names": ["/" + NAMING.own("web")], "Labels": MINE},
    ]
    names = lambda *words: [i["Names"] for i in listing.containers(found, NAMING, *words)]  # noqa: E731
    assert names([]) == [["/db"], ["/web"]]
    assert names(["^db$"]) == [["/db"]]
    assert names([], 1) == [["/db"]]
    assert listing.containers(None, NAMING, []) == []


def test_networks_are_the_pods_and_the_engines_own() -> None:
    found = [
        {"Name": NAMING.own("net"), "Labels": MINE},
        {"Name": OTHER.own("net"), "Labels": THEIRS},
        {"Name": "bridge", "Labels": {}},
        {"Name": "somebodys", "Labels": {}},
    ]
    assert [n["Name"] for n in listing.networks(found, NAMING, [])] == ["net", "bridge"]
    assert [n["Name"] for n in listing.networks(found, NAMING, ["net"])] == ["net"]


def test_a_network_of_the_engine_shows_the_pods_containers_only() -> None:
    inside = {"1": {"Name": NAMING.own("db")}, "2": {"Name": OTHER.own("db")}, "3": {"Name": "x"}}
    shown = listing.network({"Name": "bridge", "Containers": inside}, NAMING)
    assert shown == {"Name": "bridge", "Containers": {"1": {"Name": "db"}}}


def test_volumes_are_the_pods_without_its_lease() -> None:
    found = {
        "Volumes": [
            {"Name": NAMING.own("data"), "Labels": MINE},
            {"Name": "podwright-lease-x", "Labels": {**MINE, "podwright.dev/lease": "1"}},
            {"Name": OTHER.own("data"), "Labels": THEIRS},
            {"Name": "somebodys", "Labels": None},
        ],
        "Warnings": None,
    }
    shown = listing.volumes(found, NAMING, [])
    assert [volume["Name"] for volume in shown["Volumes"]] == ["data"]
    assert listing.volumes({"Volumes": None}, NAMING, []) == {"Volumes": []}


@pytest.mark.parametrize(
    ("event", "seen"),
    [
        ({"Type": "container", "Actor": {"Attributes": {**MINE, "name": "x"}}}, True),
        ({"Type": "container", "Actor": {"Attributes": THEIRS}}, False),
        ({"Type": "network", "Actor": {"Attributes": {"name": NAMING.own("net")}}}, True),
        ({"Type": "network", "Actor": {"Attributes": {"name": OTHER.own("net")}}}, False),
        ({"Type": "network", "Actor": {"Attributes": {"name": "bridge"}}}, False),
        ({"Type": "volume", "Actor": {"ID": NAMING.own("data")}}, True),
        ({"Type": "volume", "Actor": {"ID": OTHER.own("data")}}, False),
        ({"Type": "volume", "Actor": {"ID": f"podwright-lease-{NAMING.prefix}1"}}, False),
        ({"Type": "image", "Actor": {"ID": "app:1"}}, True),
    ],
)
def test_events_are_the_pods_own_and_the_images(event: dict[str, Any], *, seen: bool) -> None:
    assert (listing.event(event, NAMING) is not None) is seen


def test_usage_counts_the_pods_own() -> None:
    shown = listing.usage(
        {
            "Images": [{"Id": "x"}],
            "Containers": [{"Names": ["/" + OTHER.own("db")], "Labels": THEIRS}],
            "Volumes": [{"Name": NAMING.own("data"), "Labels": MINE}],
            "VolumeUsage": {"Items": [{"Name": OTHER.own("data"), "Labels": THEIRS}]},
        },
        NAMING,
    )
    assert shown["Images"] == [{"Id": "x"}]
    assert shown["Containers"] == []
    assert [volume["Name"] for volume in shown["Volumes"]] == ["data"]
    assert shown["VolumeUsage"] == {"Items": []}
