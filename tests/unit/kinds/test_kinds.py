"""What users met with other builders and with this one, by kind, each with the tests that show it.

images.txt has for each a sentence, and then the tests. Those with a `+` are further cases of their
kind, which nobody had reported.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
LINES = Path(__file__).with_name("images.txt").read_text("utf-8").splitlines()
KINDS = [line[2:] for line in LINES if line.startswith("# ")]


@lru_cache(maxsize=1)
def known() -> set[str]:
    """The names of all tests, in Python and for the steps and the runner in Java."""
    found: set[str] = set()
    for pattern, expression in (
        ("**/test_*.py", r"^def (test_\w+)"),
        ("groovy/**/*.java", r"^\s+void (\w+)\("),
    ):
        for file in TESTS.glob(pattern):
            found.update(re.findall(expression, file.read_text("utf-8"), re.MULTILINE))
    return found


def rows(kind: str) -> list[tuple[str, list[str]]]:
    """Give a kind's sentences, each with its tests."""
    begin = LINES.index(f"# {kind}") + 1
    mine = []
    for line in LINES[begin:]:
        if line.startswith("# "):
            break
        mine.append(line)
    assert all(line.startswith("= ") for line in mine[1::2])
    return [(said, shown[2:].split()) for said, shown in zip(mine[::2], mine[1::2])]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sentence_of_a_kind_has_tests_that_there_are(kind: str) -> None:
    lacking = {said: set(shown) - known() for said, shown in rows(kind)}
    assert {said: tests for said, tests in lacking.items() if tests} == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_two_cases_that_nobody_had_reported(kind: str) -> None:
    assert len([said for said, _ in rows(kind) if said.startswith("+ ")]) >= 2
