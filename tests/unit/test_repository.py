"""What is needed is in the repository, and can be collected."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
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


def test_no_two_files_of_tests_have_one_name() -> None:
    """Files lie in no packages, so that pytest would refuse to collect the second one."""
    files = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in files.items() if count > 1] == []


def test_no_two_classes_of_the_product_have_one_name() -> None:
    """One word for one thing; CONTRIBUTING's glossary has the words."""
    texts = [path.read_text() for path in (ROOT / "pytools").rglob("*.py")]
    names = Counter(
        name for text in texts for name in re.findall(r"^class (\w+)", text, re.MULTILINE)
    )
    assert [name for name, count in names.items() if count > 1] == []
