"""The scripts of all strategies, run with fake builders: what reaches the builder, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright import strategies
from podwright.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.workspace import Facts

DIGEST = "sha256:" + "ab" * 32
PROGRAMS = ("buildah", "podman", "buildctl", "docker", "executor")
NASTY = {
    "EMPTY": "",
    "SPACES": " two  words ",
    "QUOTES": 'it\'s "here" and `there`',
    "EXPANSIONS": "$HOME ${HOME} $(reboot) $((1+1)) ~ * ? [a] {a,b}",
    "LINES": "first\n\nthird\n",
    "BACKSLASHES": "\\ \\n \\\\ \\$HOME",
    "UNICODE": "Grüße, 世界 ☃",
    "DASHES": "--privileged",
    "CONTROL": "tab\tescape\x1b[31m bell\x07",
    "MARK": "PODWRIGHT_END_OF_FILE",
    "SHELL": "; rm -rf / & | < > ! # '\n'\n",
    "LONG": "x" * 100_000,
}


@pytest.fixture
def ready(sandbox: Any) -> Any:
    """A sandbox with a fake of every builder."""
    sandbox.fake(*PROGRAMS)
    return sandbox


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategy_builds_pushes_and_tells_the_digest(
    ready: Any, planned: Callable[..., Any], name: str
) -> None:
    made = planned({"builder": name, "image": "r.example/team/app", "tags": ["1", "2"]})

    outcome = ready.run(made.script)

    assert outcome.code == 0, outcome.log
    assert outcome.value == {
        "image": "r.example/team/app",
        "tags": ["1", "2"],
        "platforms": [],
        "pushed": True,
        "output": None,
        "digest": DIGEST,
        "reference": f"r.example/team/app@{DIGEST}",
        "cachedSteps": 0,
    }


def flag_of(name: str, words: list[str]) -> str:
    """Tell how a strategy's builder takes build arguments, by how the fake was called."""
    return "build-arg:" if any(word.startswith("build-arg:") for word in words) else ""


@pytest.mark.parametrize("name", strategies.names())
def test_any_value_reaches_the_builder_unchanged(
    ready: Any, planned: Callable[..., Any], name: str
) -> None:
    labels = {f"example.{key.lower()}": value for key, value in NASTY.items() if key != "LONG"}
    made = planned(
        {"builder": name, "image": "r.example/app", "buildArgs": NASTY, "labels": labels}
    )

    outcome = ready.run(made.script)

    assert outcome.code == 0, outcome.log[-2000:]
    words = [word for call in ready.calls() for word in call["argv"]]
    prefix = flag_of(name, words)
    label = "label:" if prefix else ""
    assert [key for key, value in NASTY.items() if f"{prefix}{key}={value}" not in words] == []
    assert [key for key, value in labels.items() if f"{label}{key}={value}" not in words] == []


@pytest.mark.parametrize("name", strategies.names())
def test_nothing_of_a_branch_name_is_run(
    ready: Any, planned: Callable[..., Any], facts: Facts, name: str
) -> None:
    branch = "feature/$(touch owned)`touch owned`\";touch owned;'"
    made = planned(
        {"builder": name, "image": "r.example/app"}, known=replace(facts, ref_name=branch)
    )

    outcome = ready.run(made.script)

    assert outcome.code == 0
    words = [word for call in ready.calls() for word in call["argv"]]
    key = "org.opencontainers.image.ref.name"
    assert f"{key}={branch}" in words or f"label:{key}={branch}" in words
    assert not (ready.cwd / "owned").exists()


@pytest.mark.parametrize("name", strategies.names())
def test_paths_with_leading_dashes_are_no_options(
    ready: Any, planned: Callable[..., Any], name: str
) -> None:
    folder = ready.cwd / "--squash"
    folder.mkdir()
    (folder / "Dockerfile").touch()

    made = planned({"builder": name, "image": "r.example/app", "context": "--squash"})
    outcome = ready.run(made.script)

    assert outcome.code == 0
    assert [call for call in ready.calls() if "--squash" in call["argv"]] == []


@pytest.mark.parametrize("name", strategies.names())
def test_the_time_of_the_build_is_its_own(
    ready: Any, planned: Callable[..., Any], name: str
) -> None:
    ready.run(planned({"builder": name, "image": "r.example/app"}).script)

    words = [word for call in ready.calls() for word in call["argv"]]
    created = [word.rpartition("=")[2] for word in words if "image.created=" in word]
    assert len(created) == 1
    assert len(created[0]) == len("2026-01-02T03:04:05Z")
    assert created[0].startswith("20")
