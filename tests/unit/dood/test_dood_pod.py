"""The pod of the strategy, and the program that travels in it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from podwright import dood, pod
from podwright.config import Config
from podwright.dood.program import read_settings
from podwright.plan import plan_pod
from podwright.request import Common, Pod, Request

if TYPE_CHECKING:
    from pathlib import Path


def planned(**options: Any) -> dict[str, Any]:
    """Give the pod."""
    request = Request(Common(builder="dood", pod=Pod(**options)))
    return plan_pod(request, Config(), "")[1]


def test_only_the_proxy_mounts_the_nodes_socket() -> None:
    made = planned()
    volumes = {item["name"]: item for item in made["spec"]["volumes"]}
    assert volumes["docker-socket"] == {
        "name": "docker-socket",
        "hostPath": {"path": "/var/run/docker.sock", "type": "Socket"},
    }
    mounts = {
        item["name"]: [mount["name"] for mount in item.get("volumeMounts", [])]
        for item in pod.containers_of(made)
    }
    assert mounts == {
        "engine": ["docker-socket", "client-socket", "files"],
        "tools": ["podwright"],
        "builder": ["client-socket", "podwright"],
    }


def test_the_client_passes_restricted_and_can_only_connect() -> None:
    builder = planned()["spec"]["containers"][2]
    assert builder["securityContext"] == pod.RESTRICTED
    assert builder["volumeMounts"][0] == {
        "name": "client-socket",
        "mountPath": "/run/podwright-engine",
        "readOnly": True,
    }
    assert builder["env"] == [
        {"name": "DOCKER_HOST", "value": "unix:///run/podwright-engine/docker.sock"},
        {"name": "HOME", "value": "/tmp"},  # noqa: S108
        {"name": "PODWRIGHT_NODE", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
    ]


def test_the_proxy_is_the_sockets_owner_without_any_capability() -> None:
    made = planned()
    engine = made["spec"]["containers"][1]
    assert engine["securityContext"] == {
        **pod.RESTRICTED,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
    }
    assert "securityContext" not in made["spec"]


def test_the_proxy_is_an_unprivileged_user_of_the_sockets_group_when_that_is_known() -> None:
    made = planned(socketGroup=998)
    engine = made["spec"]["containers"][1]
    assert engine["securityContext"] == {**pod.RESTRICTED, "readOnlyRootFilesystem": True}
    assert made["spec"]["securityContext"] == {"supplementalGroups": [998]}


def test_the_proxy_knows_the_pod_and_the_builders_limits_by_the_downward_api() -> None:
    engine = planned()["spec"]["containers"][1]
    limits = {"containerName": "builder"}
    assert engine["env"] == [
        {
            "name": "PODWRIGHT_POD_UID",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}},
        },
        {
            "name": "PODWRIGHT_NAMESPACE",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
        },
        {
            "name": "PODWRIGHT_NAME",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
        },
        {"name": "PODWRIGHT_POD", "value": "$(PODWRIGHT_NAMESPACE)/$(PODWRIGHT_NAME)"},
        {
            "name": "PODWRIGHT_MEMORY",
            "valueFrom": {
                "resourceFieldRef": {**limits, "resource": "limits.memory", "divisor": "1"}
            },
        },
        {
            "name": "PODWRIGHT_CPU",
            "valueFrom": {
                "resourceFieldRef": {**limits, "resource": "limits.cpu", "divisor": "1m"}
            },
        },
    ]


def test_the_program_travels_in_the_pod_and_fits_there() -> None:
    made = planned()
    annotations = made["metadata"]["annotations"]
    assert annotations["podwright.dev/dood.py"] == dood.source()
    # All annotations of an object together (Kubernetes' TotalAnnotationSizeLimitB).
    assert sum(len(k) + len(v.encode()) for k, v in annotations.items()) < 256 * 1024


def test_the_program_runs_from_one_file_without_podwright(tmp_path: Path) -> None:
    file = tmp_path / "dood.py"
    file.write_text(dood.source(), encoding="utf-8")
    words = [sys.executable, "-I", "-S", "-B", str(file)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env={})
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == (
        "podwright: ERROR: PODWRIGHT_POD_UID is missing; set it from metadata.uid\n"
        "podwright: ERROR: PODWRIGHT_MEMORY is no number: ''; set it from limits.memory of the "
        "builder\n"
        "podwright: ERROR: PODWRIGHT_CPU is no number: ''; set it from limits.cpu with the divisor "
        "1m of the builder\n"
    )


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "4Gi"])
def test_limits_that_are_no_numbers_are_told(text: str) -> None:
    env = {"PODWRIGHT_POD_UID": "x", "PODWRIGHT_MEMORY": text, "PODWRIGHT_CPU": "1000"}
    assert read_settings(env) == (
        None,
        [f"PODWRIGHT_MEMORY is no number: {text!r}; set it from limits.memory of the builder"],
    )


def test_a_limit_that_no_container_can_live_with_is_told() -> None:
    env = {"PODWRIGHT_POD_UID": "x", "PODWRIGHT_MEMORY": "1048576", "PODWRIGHT_CPU": "1000"}
    assert read_settings(env)[1] == [
        "the memory limit of the builder is 1 MiB; containers need at least 16 MiB"
    ]


def proxy(tmp_path: Path, program: str) -> tuple[subprocess.Popen[str], Path]:
    """Run the container's command with a program in Python's place; it says what happened."""
    said = tmp_path / "said"
    made = tmp_path / "program"
    made.write_text(f"#!/bin/sh\nsay() {{ echo $1 >>{said}; }}\nsay began\n{program}\n")
    made.chmod(0o755)
    head = planned()["spec"]["containers"][1]["command"][:3]
    return subprocess.Popen([*head, str(made)], text=True), said


def until(said: Path, lines: list[str]) -> None:
    """Wait for what a program says."""
    for _ in range(500):
        if said.exists() and said.read_text().split() == lines:
            return
        time.sleep(0.02)
    raise AssertionError(said.read_text())


def test_a_proxy_that_was_killed_is_started_again(tmp_path: Path) -> None:
    once = tmp_path / "once"
    program = f"[ -e {once} ] || {{ : >{once}; kill -9 $$; }}; exit 3"
    running, said = proxy(tmp_path, program)
    assert running.wait(10) == 3
    assert said.read_text().split() == ["began", "began"]


def test_the_container_ends_after_the_proxy_has_cleaned_up(tmp_path: Path) -> None:
    program = "trap 'sleep 0.5; say cleaned; exit 0' TERM\nwhile :; do sleep 0.05; done"
    running, said = proxy(tmp_path, program)
    until(said, ["began"])
    time.sleep(0.2)
    running.terminate()
    assert running.wait(10) == 0
    assert said.read_text().split() == ["began", "cleaned"]


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_proxy_that_cannot_work_ends_the_container(tmp_path: Path, code: int) -> None:
    running, said = proxy(tmp_path, f"exit {code}")
    assert running.wait(10) == code
    assert said.read_text().split() == ["began"]
