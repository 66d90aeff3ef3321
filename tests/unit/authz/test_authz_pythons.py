# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""The plugin runs on whatever plain python3 image the platform team mirrors."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from podwright import authz

NEWEST = 15
PYTHONS = {
    path
    for minor in range(9, NEWEST)
    for path in (
        shutil.which(f"python3.{minor}"),
        *map(str, Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")),
    )
    if path and "shims" not in path
}


@pytest.mark.parametrize("python", sorted(PYTHONS))
def test_the_source_runs_without_a_warning(python, tmp_path):
    (tmp_path / "authz.py").write_text(authz.source(), encoding="utf-8")
    command = [python, "-W", "error", "-I", "-B", str(tmp_path / "authz.py")]
    good = subprocess.run([*command, "check"], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run(
        [*command, "check", "--config", '{"profile": "x"}'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (bad.returncode, bad.stderr) == (
        2,
        "policy config: it is not one that podwright writes; correct it\n",
    )
