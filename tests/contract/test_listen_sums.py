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
    "the library wrote; who changed it?"
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


def test_a_bundle_that_was_changed_does_not_run(fifo: Path) -> None:
    assert ask(fifo, BUNDLE + "#", sum_of(BUNDLE)) == {"error": CHANGED}


def test_an_older_library_names_no_sum(fifo: Path) -> None:
    assert ask(fifo, BUNDLE, None) == {"is": 1}


def test_a_sum_that_is_a_path_names_nothing(fifo: Path) -> None:
    other = fifo.parent / "other"
    other.write_text(BUNDLE)
    assert ask(fifo, BUNDLE, str(other)) == {"error": CHANGED}
