"""`deploy/namespace` on a real API server: what it admits, and what Jenkins may do there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import harness
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "namespace"
JENKINS = "--as=system:serviceaccount:jenkins:jenkins"
RUNS = {
    "baseline": ["kaniko", "buildkit", "buildah", "podman"],
    "privileged": ["kaniko", "buildkit", "buildah", "podman", "dind-sidecar", "dind", "dood"],
}


@pytest.fixture(scope="module", params=sorted(RUNS))
def level(request: pytest.FixtureRequest, cluster: harness.Cluster) -> Iterator[str]:
    """Apply the folder of a level, as the page says; the namespace is gone afterwards."""
    folder = str(FOLDER / request.param)
    cluster.run("apply", "-k", folder, "--server-side")
    cluster.namespace("builds", request.param)  # pods need the account that Kubernetes adds to it
    yield request.param
    cluster.run("delete", "-k", folder, "--wait=true")


def test_podwrights_pods_are_admitted_as_the_page_says(
    level: str, cluster: harness.Cluster
) -> None:
    admitted = []
    for builder in RUNS["privileged"]:
        pod = harness.jenkins(harness.render(builder), f"try-{builder}", "builds")
        command = cluster.command("create", "-f", "-", "--dry-run=server")
        done = subprocess.run(
            command, input=json.dumps(pod), capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            admitted.append(builder)
    assert admitted == RUNS[level]


@pytest.mark.usefixtures("level")
def test_jenkins_may_hold_pods_there_and_nothing_else(cluster: harness.Cluster) -> None:
    def may(verb: str, what: str, where: str = "builds") -> bool:
        command = cluster.command("auth", "can-i", verb, what, "-n", where, JENKINS)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() == "yes"

    assert all(may(verb, "pods") for verb in ("create", "delete", "get", "list", "watch"))
    assert may("create", "pods/exec")
    assert may("get", "pods/log")
    assert not any(may(*asked) for asked in (("get", "secrets"), ("update", "pods")))
    assert not may("create", "pods", "default")
