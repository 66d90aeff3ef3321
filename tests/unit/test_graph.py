"""Pictures of pods: well-formed, with every container, its rights and the way of the bytes."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from test_cli import run

from podwright import strategies
from podwright.desk import graph

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    root = ET.fromstring(picture)  # noqa: S314 - podwright's own
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategys_pod_can_be_drawn(name: str) -> None:
    code, picture, err = run("pod", "--builder", name, "--graph")
    root = ET.fromstring(picture)  # noqa: S314 - podwright's own

    assert (code, err) == (0, "")
    assert root.findtext(f"{SVG}title") == f"The pod of {name}"
    assert {"jnlp", "tools", "builder", "workspace"} <= set(texts(picture))
    width = int(root.attrib["viewBox"].split()[2])
    right = [
        int(r.get("x", 0)) + int(r.get("width", "0")) for r in root.iter(f"{SVG}rect") if r.get("x")
    ]
    assert max(right) <= width
    assert picture.count('class="way"') == 1


def test_rights_and_the_nodes_socket_are_told() -> None:
    privileged = run("pod", "--builder", "dind-sidecar", "--graph")[1]
    assert re.findall(r'class="danger"[^>]*>(.*?)<', privileged) == [
        "privileged: is root on the",
        "node",
    ]

    node = run("pod", "--builder", "dood", "--graph")[1]
    assert "/var/run/docker.sock" in texts(node)
    assert (
        "the node's own engine and the registry: base images come in, the image goes out"
        in texts(node)
    )


def test_the_engine_is_where_bytes_go_when_it_pulls_and_pushes() -> None:
    def way(name: str) -> int:
        picture = run("pod", "--builder", name, "--graph")[1]
        return int(re.findall(r'class="way"[^>]* d="M(\d+) ', picture)[0])

    assert way("kaniko") == way("buildah") > way("buildkit")


def test_the_decision_names_all_strategies_in_order() -> None:
    shown = [
        text
        for text in texts(graph.decision(strategies.everything()))
        if text in strategies.names()
    ]

    assert shown == list(strategies.everything())
