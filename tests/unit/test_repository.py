"""What is needed is in the repository, and can be collected."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def _needed(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """The modules of podwright that must be there before a module is; not those for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for whole in (f"{node.module}.{alias.name}" for alias in node.names):
                yield from {whole if whole in known else node.module} & known
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif not isinstance(node, ast.FunctionDef):
            yield from _needed(node, known)


def test_no_module_needs_one_that_needs_it() -> None:
    paths = {
        ".".join(path.relative_to(ROOT / "pytools").with_suffix("").parts): path
        for path in (ROOT / "pytools").rglob("*.py")
    }
    files = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    needs = {
        name: set(_needed(ast.parse(path.read_text()), {*files})) for name, path in files.items()
    }
    left = dict(needs)
    while free := {name for name, wanted in left.items() if not wanted & left.keys()}:
        left = {name: wanted for name, wanted in left.items() if name not in free}
    assert sorted(left) == []


def test_functions_are_small() -> None:
    sizes = [
        ((node.end_lineno or 0) - node.lineno + 1, f"{path.stem}.{node.name}")
        for path in (ROOT / "pytools").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    assert [name for lines, name in sizes if lines > 45] == []
    assert statistics.median(lines for lines, _ in sizes) <= 8
