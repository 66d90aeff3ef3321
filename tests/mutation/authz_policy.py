"""Mutants of the authorization policy: how many does the policy's own test suite let live?

    .venv/bin/python tests/mutation/authz_policy.py            # all of them (about half an hour)
    .venv/bin/python tests/mutation/authz_policy.py --most 60  # a sample, always the same one

Each mutant is a copy of the package with one change: a comparison turned around, a condition that
always or never holds, a refusal left out, a check of a table that lets everything through. A mutant
lives when the fast tests of the policy pass. The survivors are printed; they are either equivalent
or want a test.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODULES = ("policy", "checks", "bodies", "routes")
TESTS = ("fields", "heads", "matrix", "limits", "command", "routes", "strict")
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CHECKS = ("Between", "Matching", "NamesIn", "Null", "OneOf", "Unset")


def main() -> int:
    """Run; gives 1 when more than one in twenty lives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=0, help="a sample of so many; 0: all")
    most = parser.parse_args().most
    mutants = list(all_mutants())
    if most:
        mutants = random.Random(1).sample(mutants, min(most, len(mutants)))  # noqa: S311
    alive = []
    for name, line, words, source in mutants:
        if lives(name, source):
            alive.append(f"{name}.py:{line}: {words}")
            sys.stdout.write(f"lives: {alive[-1]}\n")
    sys.stdout.write(
        f"{len(alive)} of {len(mutants)} live ({100 * len(alive) / len(mutants):.1f} %)\n"
    )
    return int(20 * len(alive) > len(mutants))


def all_mutants() -> Iterator[tuple[str, int, str, str]]:
    """Each mutant: module, line, what was changed, the whole text."""
    for name in MODULES:
        text = (ROOT / "pytools/podwright/authz" / f"{name}.py").read_text("utf-8")
        for number in range(sum(1 for _ in ast.walk(ast.parse(text)))):
            tree = ast.parse(text)
            nodes = list(ast.walk(tree))
            for change in changes(nodes[number]):
                tree = ast.parse(text)
                node = list(ast.walk(tree))[number]
                words = change(node)
                yield name, getattr(node, "lineno", 0), words, ast.unparse(tree)


def changes(node: ast.AST):  # noqa: ANN201 - functions that change a node and say how
    """What can be changed about a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _FLIPPED:
        yield flip
    if isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
        yield lambda found: settle(found, holds=True)
        yield lambda found: settle(found, holds=False)
    if isinstance(node, (ast.FunctionDef, ast.If, ast.For)) and any(
        isinstance(one, ast.Raise) and "NotImplemented" not in ast.unparse(one) for one in node.body
    ):
        yield leave_out
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _CHECKS:
        yield open_up


def flip(node: ast.Compare) -> str:
    """Turn a comparison around."""
    before = ast.unparse(node)
    node.ops[0] = _FLIPPED[type(node.ops[0])]()
    return f"{before} -> {ast.unparse(node)}"


def settle(node: ast.If, *, holds: bool) -> str:
    """Let a condition always or never hold."""
    before = ast.unparse(node.test)
    node.test = ast.Constant(holds)
    return f"if {before} -> if {holds}"


def leave_out(node: ast.FunctionDef | ast.If | ast.For) -> str:
    """Leave a refusal out."""
    at = next(at for at, one in enumerate(node.body) if isinstance(one, ast.Raise))
    before = ast.unparse(node.body[at])
    node.body[at] = ast.Pass()
    return f"without {before[:80]}"


def open_up(node: ast.Call) -> str:
    """Let a check of a table pass every value."""
    before = ast.unparse(node)
    judged = ast.parse("__import__('podwright.authz.checks', fromlist='x').Judged", mode="eval")
    node.func, node.args, node.keywords = judged.body, node.args[:2], []
    return f"opened {before[:80]}"


def lives(name: str, text: str) -> bool:
    """Whether the tests pass with this text in the module's place."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "pytools"
        shutil.copytree(ROOT / "pytools", copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "podwright/authz" / f"{name}.py").write_text(text, encoding="utf-8")
        of_module = ("server",) if name == "policy" else ()
        tests = [
            str(ROOT / "tests/unit/authz" / f"test_authz_{test}.py")
            for test in (*TESTS, *of_module)
        ]
        words = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *tests]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
            timeout=120,
        )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
