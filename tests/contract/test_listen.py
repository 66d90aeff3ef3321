"""The planner's loop in the `tools` container: a real process, a real FIFO, the real bundle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from podwright import bundle, generate
from podwright.resources import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIFO = "/run/podwright/ask"


@pytest.fixture(scope="session")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the sources here."""
    path = tmp_path_factory.mktemp("bundle") / "podwright.pyz"
    path.write_bytes(bundle.archive(bundle.hot_members(generate.package())))
    return path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    return tmp_path / "ask"


@pytest.fixture
def loop(fifo: Path) -> Iterator[subprocess.Popen[str]]:
    """The loop, exactly as it stands in a pod but for the path of its FIFO."""
    source = text("listen.py")
    assert source.count(FIFO) == 1
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", source.replace(FIFO, str(fifo))],
        stderr=subprocess.PIPE,
        text=True,
    )
    until(fifo.exists)
    yield process
    process.kill()
    process.communicate()


def until(condition: object) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def make_job(folder: Path, pyz: Path, workspace: Path, name: str, **request: object) -> Path:
    """Put a job where the bridge does: in a directory beside the bundle."""
    folder.mkdir(exist_ok=True)
    link = folder / "podwright.pyz"
    if not link.exists():
        link.symlink_to(pyz)
    job = folder / name
    job.mkdir()
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")
    (job / "env").write_text(f"PWD={workspace}\n", encoding="utf-8")
    return job


def ask(fifo: Path, *lines: bytes) -> None:
    """Write lines as the script in the builder's container does."""
    with fifo.open("wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def test_several_jobs_at_once_are_each_answered(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    jobs = [
        make_job(
            tmp_path / "pod wright", pyz, workspace, f"{n}", image=f"r.example/a{n}", tags=["1"]
        )
        for n in range(4)
    ]
    for job in jobs:
        ask(fifo, str(job).encode())

    until(lambda: all((job / "answered").exists() for job in jobs))

    for number, job in enumerate(jobs):
        assert f"r.example/a{number}:1" in (job / "build.sh").read_text(encoding="utf-8")
        assert not (job / "answer.json").exists()
    assert loop.poll() is None


def test_garbage_is_survived(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/app", tags=["1"])

    ask(fifo, b"", b"\xff\xfe\x00\x01", b"/no/such/job", b"a" * 300_000, b"$(reboot)")
    ask(fifo, str(job).encode())

    until((job / "answered").exists)
    assert (job / "build.sh").exists()
    assert loop.poll() is None


def test_a_wrong_request_is_answered_with_its_sentences(
    loop: subprocess.Popen[str], fifo: Path, pyz: Path, workspace: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path / "jobs", pyz, workspace, "1", image="r.example/a", tgas=["1"])

    ask(fifo, str(job).encode())

    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "buildImage: unknown parameter 'tgas'; did you mean 'tags'?"
    }


def test_the_pod_can_end_it_at_once(loop: subprocess.Popen[str], fifo: Path) -> None:
    loop.send_signal(signal.SIGTERM)

    # With 0 the container would be "Completed", and Jenkins would not retry a lost pod.
    assert loop.wait(timeout=10) == 143


def test_any_user_of_the_pod_may_ask(loop: subprocess.Popen[str], fifo: Path) -> None:
    assert loop.poll() is None
    assert oct(os.stat(fifo).st_mode & 0o777) == "0o666"  # noqa: PTH116 - Path.stat is the same


def test_what_the_bundle_cannot_answer_is_answered_with_its_last_line(
    loop: subprocess.Popen[str], fifo: Path, tmp_path: Path, workspace: Path
) -> None:
    broken = tmp_path / "broken.pyz"
    too_old = "import sys\nsys.stderr.write('noise\\nthis python3 is too old\\n')\nsys.exit(2)\n"
    broken.write_bytes(bundle.archive({"__main__.py": too_old.encode()}))
    job = make_job(tmp_path / "jobs", broken, workspace, "one", image="a/b")
    ask(fifo, str(job).encode())
    until((job / "answered").exists)
    assert json.loads((job / "answer.json").read_text(encoding="utf-8")) == {
        "error": "the planner in the tools container failed: this python3 is too old"
    }
    assert loop.poll() is None
