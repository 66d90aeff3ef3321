"""What `podwright doctor` says of a node that it cannot look at; a cluster tests the rest."""

from __future__ import annotations

from typing import Any

import pytest

from podwright import config as configs
from podwright.doctor import examination
from podwright.doctor.cluster import Reply

SURE = "only a pod that mounts its socket can tell"


class Server:
    """Answers as an API server does that admits every pod."""

    namespace = "builds"

    def __init__(self, *runtimes: str, refusal: str = "") -> None:
        info = {"architecture": "amd64", "kernelVersion": "6.1", "osImage": "Debian 12"}
        items = [
            {
                "metadata": {"name": f"node-{number}"},
                "status": {"nodeInfo": {**info, "containerRuntimeVersion": runtime}},
            }
            for number, runtime in enumerate(runtimes)
        ]
        self._nodes = Reply({"items": items}, refusal)

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        assert method == "GET" or body["kind"] == "Pod"
        return self._nodes if path == "/api/v1/nodes" else Reply({})


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (
            Server("containerd://2.4.2", "cri-o://1.34.1", "containerd://2.4.1"),
            f"most likely on none, the nodes' runtime is containerd and cri-o; {SURE}",
        ),
        (
            Server("docker://29.7.2"),
            f"most likely there, the nodes' runtime is docker; {SURE}",
        ),
        (
            Server("docker://29.7.2", "containerd://2.4.2"),
            f"most likely on some, the nodes' runtime is containerd and docker; {SURE}",
        ),
        (Server(refusal="nodes is forbidden"), SURE),
    ],
    ids=["others", "docker", "both", "not seen"],
)
def test_an_engine_of_the_node_is_unknown_and_what_is_likely_is_said(
    server: Server, why: str
) -> None:
    wish = examination.Wish(("dood",), "jenkins/inbound-agent:1")
    report = examination.examine(server, configs.Config(), wish, lambda _: None)
    assert report.found["dood"] == [
        examination.Requirement("admission", "yes"),
        examination.Requirement(
            "the node's Docker Engine",
            "unknown",
            why,
            "run with --deep, or ask the cluster's administrator",
        ),
    ]
