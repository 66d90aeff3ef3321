"""The command that doctor gives a builder's container; what it builds is tested on a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podwright.config import load
from podwright.doctor import proof

if TYPE_CHECKING:
    from typing import Any

PROBE = "until [ -e answers ]; do sleep 0.05; done"


def run(work: Path, container: str) -> tuple[int, str]:
    """Run it as a container does, whose first process it is; gives its code and what it said."""
    env = {
        "PATH": os.environ["PATH"],
        "DOCTOR_READY": PROBE,
        "DOCTOR_DOCKERFILE": "FROM scratch\n",
        "DOCTOR_SCRIPT": "cat Dockerfile",
    }
    said = work / "said"
    with said.open("w") as log:
        started = subprocess.Popen(
            ["sh", "-c", proof._BUILD, "sh", "-c", container],
            cwd=work,
            env=env,
            stderr=log,
            start_new_session=True,
        )
    try:
        code = started.wait(20)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    return code, said.read_text()


def test_it_builds_when_the_engine_answers(tmp_path: Path) -> None:
    container = "sleep 0.2; : >answers; exec sleep 60"
    assert run(tmp_path, container) == (0, "FROM scratch\n")


def test_it_ends_with_the_engine_that_does_not_answer(tmp_path: Path) -> None:
    # what `pod.awaits` does after two minutes, to the first process
    container = "echo podwright: no answer >&2; kill $PPID; sleep 60"
    assert run(tmp_path, container) == (1, "podwright: no answer\n")


@pytest.mark.parametrize("code", [0, 3])
def test_its_code_is_that_of_the_build(tmp_path: Path, code: int) -> None:
    (tmp_path / "doctor").mkdir()
    (tmp_path / "doctor" / "code").write_text(str(code))
    env = {"DOCTOR_READY": "", "DOCTOR_DOCKERFILE": "", "DOCTOR_SCRIPT": "exit $(cat code)"}
    done = subprocess.run(
        ["sh", "-c", proof._BUILD, "true"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **env},
        check=False,
    )
    assert done.returncode == code


AGENT = "registry.acme.example/agent:1"


def built(config: str, builder: str) -> dict[str, Any]:
    request = {"builder": builder, "image": "a", "push": False, "tags": ["1"]}
    return proof.build_pod(request, "FROM scratch\n", load(config, None, Path()))["spec"]


@pytest.mark.parametrize(
    ("builder", "most"), [("kaniko", 4096), ("dood", 4352), ("dind-sidecar", 5376)]
)
def test_its_pod_has_no_agent_but_the_builder(builder: str, most: int) -> None:
    def names(config: str) -> list[str]:
        return [item["name"] for item in built(config, builder)["containers"]]

    plans = f"images: {{agent: '{AGENT}'}}\nlimits: [{{memory: {most}Mi}}]\n"
    builds = f"images: {{agent: '{AGENT}', docker-cli: '{AGENT}'}}\n"
    more = "defaults: {pod: {resources: {engine: {limits: {memory: 300Mi}}}}}\n"
    own = ["engine", "builder"] if builder == "dood" else ["builder"]
    assert names(plans) == names(builds) == own
    if builder == "dood":
        containers = {item["name"]: item for item in built(builds + more, builder)["containers"]}
        assert containers["builder"]["image"] == AGENT
        assert containers["engine"]["resources"]["limits"]["memory"] == "300Mi"
        assert "jnlp" not in str(containers["engine"]["env"])
