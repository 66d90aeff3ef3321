"""`--json`: every command and verb has it, and then prints one JSON value and nothing else."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import run

from podwright import manual, parsers

if TYPE_CHECKING:
    from pathlib import Path

ROOT = __file__.rpartition("/tests/")[0]
LEAVES = [
    parser.prog.partition(" ")[2]
    for parser in manual.tree(parsers.parser())
    if not [action for action in parser._actions if isinstance(action.choices, dict)]
]
# A line for each command that needs no registry, cluster or controller; what it prints, in part.
LINES: dict[str, tuple[str, Any]] = {
    "authz daemon-json": ("authz daemon-json", {"live-restore": False}),
    "authz decide": ("authz decide GET /version", {"allow": True}),
    "authz page": ("authz page", "# "),
    "authz source": ("authz source", ""),
    "builders": ("builders kaniko", [{"name": "kaniko"}]),
    "completion": ("completion bash", ""),
    "diagnose": ("diagnose build.log", [{"id": "registry-unauthorized"}]),
    "generate": (
        "generate --presets pods",
        {"written": ["pods/default.json"]},
    ),
    "help": ("help build", "usage: podwright build"),
    "helm-values": ("helm-values", "# "),
    "images": ("images tools", {"tools": ""}),
    "init": ("init", {"written": ["Jenkinsfile"], "kept": []}),
    "jcasc": ("jcasc", "# "),
    "jobs render": (f"jobs render {ROOT}/examples/seed/jobs", {}),
    "jobs schema": ("jobs schema", {"type": "object"}),
    "jobs validate": (f"jobs validate {ROOT}/examples/seed/jobs", {}),
    "migrate": ("migrate Old", {"diff": "--- a/Old", "notes": ["a: its pod"], "left": []}),
    "pins": ("pins Scratch", {"stale": [], "written": False, "diff": ""}),
    "plan": ("plan -t r.example/app:1", {"builder": "kaniko"}),
    "pod": ("pod --builder kaniko", {"kind": "Pod"}),
    "policy": ("policy manifests --namespace b", {"kind": "List"}),
    "pool": (
        "pool certificates a --config org.yaml",
        {"done": "certificates of the authority in a are made", "next": ["kubectl apply"]},
    ),
    "prepull": ("prepull --namespace b", {"kind": "DaemonSet"}),
    "report": ("report result.json", "<!DOCTYPE html>"),
}
# These speak with a registry, a cluster, a controller or a builder: tests/contract and tests/host
# run them. Their only result is JSON, with and without the option.
ELSEWHERE = {
    *("attest", "build", "doctor", "index", "lint", "promote", "prune", "push", "scan", "verify"),
    *("jobs apply", "jobs import", "jobs plan"),
}
# For the library itself: their answer is a file.
ANSWERING = {"answer", "jobs seed"}


def test_every_command_is_listed_here_and_has_the_option() -> None:
    assert {*LINES, *ELSEWHERE, *ANSWERING} == set(LEAVES)
    found = {parser.prog.partition(" ")[2]: parser for parser in manual.tree(parsers.parser())}
    assert [name for name in LEAVES if "--json" not in found[name]._option_string_actions] == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the lines need."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "Scratch").write_text("FROM scratch\n")
    (tmp_path / "Old").write_text(
        "node {\n  def a = docker.build('r.example/a')\n  a.push('1')\n}\n"
    )
    (tmp_path / "build.log").write_text(
        "Error: pushing: unauthorized: authentication required\nexit code 1\n"
    )
    (tmp_path / "org.yaml").write_text(
        "pools: {a: {namespace: p, certificates: c, daemons: [{service: d, replicas: 1}]}}"
    )
    (tmp_path / "result.json").write_text('{"image": "a", "tags": ["1"]}')
    return tmp_path


@pytest.mark.parametrize("name", LINES)
def test_a_command_prints_one_json_value(name: str, folder: Path) -> None:
    line, wanted = LINES[name]

    _, out, said = run(*shlex.split(line), "--json")

    assert out.endswith("\n"), said
    assert_holds(json.loads(out), wanted)


def assert_holds(value: Any, wanted: Any) -> None:
    """Look whether a value has what is wanted: keys of maps, elements of lists, parts of texts."""
    if isinstance(wanted, dict):
        for key, item in wanted.items():
            assert_holds(value[key], item)
    elif isinstance(wanted, list):
        assert bool(wanted) == bool(value)
        assert [item for item in wanted if not any(_fits(one, item) for one in value)] == []
    elif isinstance(wanted, str):
        assert wanted in value
    else:
        assert value == wanted


def _fits(value: Any, wanted: Any) -> bool:
    try:
        assert_holds(value, wanted)
    except AssertionError:
        return False
    return True


def test_talk_goes_elsewhere_and_the_result_is_unchanged_without_the_option(folder: Path) -> None:
    image = f"registry.example/{folder.name.replace('_', '-')}"
    said = (
        "wrote    Jenkinsfile\nwrote    .podwright.yaml\nwrote    .dockerignore\n"
        f"next:    read them; the image is called {image} there: correct its registry; try "
        "`podwright plan`, then commit\n"
    )

    assert run("init") == (0, "", said)
