"""What is needed is in the repository: nothing that a test reads is ignored by git."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ("__pycache__/", "/tests/runner/target/")  # by interpreters and compilers


def test_git_ignores_no_file_of_the_tests_and_examples() -> None:
    # A case called `target`, and a directory `build` of another, were once missing in every clone.
    command = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "-z"]
    done = subprocess.run(
        [*command, "--", "tests", "examples", "resources"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [f"/{name}" for name in done.stdout.split("\0") if name]
    assert [name for name in files if not any(part in name for part in WRITTEN)] == []
