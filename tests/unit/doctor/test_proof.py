"""The command that doctor gives a builder's container; what it builds is tested on a cluster."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from podwright.doctor import proof

if TYPE_CHECKING:
    from pathlib import Path

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
