"""The loop of the tools container runs the bundle whose sum the library knows, and no other."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import podwright

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = (Path(podwright.__file__).parent / "listen.py").read_text()
BUNDLE = """\
import pathlib, sys
job = pathlib.Path(sys.argv[2])
(job / "answer.json").write_text('{"is": 1}')
(job / "answered").touch()
"""
CHANGED = (
    "the planner failed: podwright.pyz in the workspace is not the one that "
    "the library wrote; who changed or removed it?"
)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    """Start the loop with a FIFO of its own."""
    path = tmp_path / "ask"
    text = SOURCE.replace('"/run/podwright/ask"', repr(str(path)))
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    loop = subprocess.Popen([sys.executable, "-I", "-c", text], env=env, stderr=subprocess.DEVNULL)
    yield path
    loop.kill()
    loop.wait()


def ask(fifo: Path, bundle: str, total: str | None) -> dict[str, object]:
    """Ask with a bundle and the sum that the library knows; gives the answer."""
    deadline = time.monotonic() + 30
    while not fifo.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job = fifo.parent / "jobs" / str(len(list(fifo.parent.glob("jobs/*"))))
    job.mkdir(parents=True)
    (job.parent / "podwright.pyz").write_text(bundle)
    if total is not None:
        (job / "bundle").write_text(total)
    fifo.write_text(f"{job}\n")
    while not (job / "answered").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found: dict[str, object] = json.loads((job / "answer.json").read_text())
    return found


def sum_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_bundle_that_the_library_wrote_answers(fifo: Path) -> None:
    assert ask(fifo, BUNDLE, sum_of(BUNDLE)) == {"is": 1}
    # What the workspace holds meanwhile no longer matters: a copy runs.
    assert ask(fifo, "raise SystemExit(3)", sum_of(BUNDLE)) == {"is": 1}


def test_a_bundle_that_was_removed_is_told(fifo: Path) -> None:
    job = fifo.parent / "jobs" / "gone"
    job.mkdir(parents=True)
    (job / "bundle").write_text(sum_of(BUNDLE))
    while not fifo.exists():
        time.sleep(0.01)
    fifo.write_text(f"{job}\n")
    while not (job / "answered").exists():
        time.sleep(0.01)
    assert json.loads((job / "answer.json").read_text()) == {"error": CHANGED}


def test_a_bundle_that_was_changed_does_not_run(fifo: Path) -> None:
    assert ask(fifo, BUNDLE + "#", sum_of(BUNDLE)) == {"error": CHANGED}


def test_an_older_library_names_no_sum(fifo: Path) -> None:
    assert ask(fifo, BUNDLE, None) == {"is": 1}


def test_a_sum_that_is_a_path_names_nothing(fifo: Path) -> None:
    other = fifo.parent / "other"
    other.write_text(BUNDLE)
    assert ask(fifo, BUNDLE, str(other)) == {"error": CHANGED}


STAYS = """\
import os, pathlib, sys
home = pathlib.Path(os.environ["HOME"])
with (home / "started").open("a") as file:
    file.write(f"<{sys.argv[2]}>")
with os.fdopen(int(os.environ["PODWRIGHT_STAYS"])) as jobs:
    for line in jobs:
        job = pathlib.Path(line.rstrip())
        (job / "answer.json").write_text('{"is": 1}')
        (job / "answered").touch()
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Path]:
    """Start the loop of a pod that carries the sum of a bundle; gives its FIFO."""
    path = tmp_path / "ask"
    text = SOURCE.replace('"/run/podwright/ask"', repr(str(path)))
    text = text.replace("/home/jenkins/agent/workspace/", f"{tmp_path}/workspace/")
    env = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    env["PODWRIGHT_SUM"] = sum_of(STAYS)
    loop = subprocess.Popen([sys.executable, "-I", "-c", text], env=env, stderr=subprocess.DEVNULL)
    yield path
    loop.kill()
    loop.wait()


def written(fifo: Path, job: str, bundle: str) -> Path:
    """Write a bundle as the library does for a job; gives the folder."""
    folder = fifo.parent / "workspace" / f"{job}@tmp" / "podwright"
    folder.mkdir(parents=True)
    (folder / "podwright.pyz").write_text(bundle)
    return folder


def started(fifo: Path) -> str:
    """Give the jobs with which bundles were started, once there is one."""
    path, deadline = fifo.parent / "started", time.monotonic() + 30
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return path.read_text()


@pytest.mark.parametrize("job", ["app", "team/app", "team/sub/app"])
def test_the_bundle_is_loaded_before_anybody_asks(waiting: Path, job: str) -> None:
    folder = written(waiting, job, STAYS)
    assert started(waiting) == "<>"

    (folder / "one").mkdir()
    (folder / "one" / "bundle").write_text(sum_of(STAYS))
    waiting.write_text(f"{folder / 'one'}\n")
    deadline = time.monotonic() + 30
    while not (folder / "one" / "answered").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert started(waiting) == "<>"  # it was loaded once


def test_a_bundle_of_another_sum_is_not_loaded(waiting: Path) -> None:
    written(waiting, "a", STAYS.replace('"started"', '"changed"'))
    written(waiting, "b", STAYS)
    assert started(waiting) == "<>"
    assert not (waiting.parent / "changed").exists()


@pytest.mark.parametrize("named", [None, "its own", "none"])
def test_a_pod_with_a_sum_runs_no_other_bundle(waiting: Path, named: str | None) -> None:
    """A job directory lies in the workspace, where any step may write what it likes."""
    written(waiting, "a", STAYS)
    assert started(waiting) == "<>"
    foreign = STAYS.replace('"started"', '"foreign"')
    job = written(waiting, "b", foreign) / "one"
    job.mkdir()
    if named:
        (job / "bundle").write_text(sum_of(foreign) if named == "its own" else named)
    waiting.write_text(f"{job}\n")
    deadline = time.monotonic() + 30
    while not (job / "answered").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    expected = {"error": CHANGED} if named else {"is": 1}
    assert json.loads((job / "answer.json").read_text()) == expected
    assert not (waiting.parent / "foreign").exists()


def test_nothing_waits_for_what_lies_in_the_place_of_a_bundle(waiting: Path) -> None:
    os.mkfifo(written(waiting, "a", "") / "fifo")
    folder = waiting.parent / "workspace" / "a@tmp" / "podwright"
    (folder / "fifo").replace(folder / "podwright.pyz")
    (written(waiting, "b", "") / "podwright.pyz").unlink()
    time.sleep(1.5)  # it has looked
    written(waiting, "c", STAYS)
    assert started(waiting) == "<>"


def test_a_bundle_that_is_asked_first_is_loaded_by_that(waiting: Path) -> None:
    deadline = time.monotonic() + 30
    while not waiting.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    job = written(waiting, "deep/in/a/tree/of/folders", STAYS) / "one"
    job.mkdir()
    (job / "bundle").write_text(sum_of(STAYS))
    waiting.write_text(f"{job}\n")
    assert started(waiting) == f"<{job}>"
