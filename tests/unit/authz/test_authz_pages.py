"""The pages about engines promise nothing that no test shows.

promises/ has for each sentence of a page (and each row of its tables) the beginning of it, and then
the tests that show it, or why it promises nothing. A sentence that is new or begins in another way
makes this fail, so that whoever writes it looks for its test.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest
from guards import GATE, PLUGIN, ROWS
from page_sentences import sentences

ROOT = Path(__file__).parents[3]
PROMISES = Path(__file__).with_name("promises")
PAGES = ("dind-sidecar", "dood")


def page(name: str) -> str:
    return (ROOT / "docs" / "explanation" / f"{name}.md").read_text(encoding="utf-8")


def promises(name: str) -> list[tuple[str, list[str]]]:
    """The beginning of each sentence with the tests that show it; without any, it is no promise."""
    lines = (PROMISES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = zip(lines[::2], lines[1::2])
    assert all(second[:2] in ("= ", "- ") for second in lines[1::2])
    return [(first, second[2:].split() if second[0] == "=" else []) for first, second in pairs]


@lru_cache(maxsize=1)
def known() -> dict[str, set[str]]:
    """The names of all tests with the files that they are in."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        for test in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE):
            found.setdefault(test, set()).add(file.name)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_each_sentence_of_a_page_has_its_tests_or_promises_nothing(name: str) -> None:
    said, listed = sentences(page(name)), promises(name)
    for sentence, (beginning, _) in zip(said, listed):
        assert sentence.startswith(beginning)
    assert len(said) == len(listed)


@pytest.mark.parametrize("name", PAGES)
def test_the_tests_that_show_a_sentence_exist(name: str) -> None:
    lacking = {test for _, shown in promises(name) for test in shown if test not in known()}
    assert lacking == set()


def test_every_brother_has_a_row_and_every_row_its_tests() -> None:
    named = {test for _, shown in promises("dind-sidecar") for test in shown}
    brothers = {one for one, files in known().items() if "test_authz_brothers_engine.py" in files}
    assert brothers - named == set()


def test_the_table_of_the_page_is_the_tests_data() -> None:
    words = {True: "stops it", False: ""}
    expected = [
        f"| {row.title} | {words[PLUGIN in row.guards]} | {words[GATE in row.guards]} |"
        for row in ROWS
    ]
    said = page("dind-sidecar").splitlines()
    start = said.index("| what is tried | plugin alone | gate alone |") + 2
    assert said[start : start + len(ROWS)] == [row.replace("|  |", "| |") for row in expected]
    assert all(test in known() for row in ROWS for test in row.tests)


def test_a_page_is_taken_apart_into_sentences_and_rows() -> None:
    text = "# Head\nOne is. `Two` is (e.g. here).\n\n* Three.\n* Four\n  goes on.\n1. Five.\n"
    table = "| a | b |\n|---|---|\n| c. D | e |\n"
    assert sentences(text + "\n```\nCode. Code.\n```\n" + table) == [
        "One is.",
        "`Two` is (e.g. here).",
        "Three.",
        "Four goes on.",
        "Five.",
        "| c. D | e |",
    ]
