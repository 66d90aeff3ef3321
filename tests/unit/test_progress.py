"""What a build shows on a terminal: its talk as ever, and a last line with what it is at."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BUILDAH = """#!/bin/sh
case $1 in
  build | bud)
    echo 'STEP 1/2: FROM scratch'
    echo 'STEP 2/2: RUN make'
    sleep 1.2
    ;;
esac
exit 0
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH whose buildah takes its time."""
    program = tmp_path / "bin" / "buildah"
    program.parent.mkdir()
    program.write_text(BUILDAH)
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def on_terminal(workspace: Path, path: str, *words: str, **env: str) -> tuple[int, str]:
    """Run a build on a terminal of 60 columns; gives its exit code and what was written."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "podwright", "build", "--builder", "buildah", "--no-push"]
    process = subprocess.Popen(
        [*command, "-t", "r.example/app:1", *words],
        cwd=workspace,
        stdout=slave,
        stderr=slave,
        env={"PATH": path, "TERM": "xterm", "COLUMNS": "60", **env},
    )
    os.close(slave)
    text = b""
    while True:
        try:
            text += os.read(master, 65536)
        except OSError:  # so ends a terminal
            break
    os.close(master)
    return process.wait(), text.decode().replace("\r\n", "\n")


def test_a_terminal_shows_phase_step_and_clock(workspace: Path, path: str) -> None:
    code, text = on_terminal(workspace, path)

    assert code == 0, text
    shown = re.findall(r"\r\033\[K(\[\d+ s\].*?)(?=\r)", text)
    assert "[1 s] building r.example/app, 1 s: 2/2: RUN make" in shown
    assert all(len(line) < 60 for line in shown)
    # Nothing of it stays, and the talk is whole.
    kept = re.sub(r"[^\n]*\r\033\[K", "", text).splitlines()
    assert kept[:4] == [
        "podwright build: building with buildah",
        "[podwright] building r.example/app",
        "STEP 1/2: FROM scratch",
        "STEP 2/2: RUN make",
    ]
    assert kept[-1].startswith("[podwright] done in ")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_whoever_wants_no_drawing_gets_plain_lines(
    workspace: Path, path: str, env: dict[str, str]
) -> None:
    code, text = on_terminal(workspace, path, **env)

    assert (code, "\033" in text) == (0, False)


def test_a_terminal_gets_the_result_when_it_is_asked_for(workspace: Path, path: str) -> None:
    assert '"image": "r.example/app"' in on_terminal(workspace, path, "--json")[1]
    assert '"image": "r.example/app"' not in on_terminal(workspace, path)[1]
