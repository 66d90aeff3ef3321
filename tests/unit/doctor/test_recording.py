"""What `podwright doctor` prints and writes; what it finds is tested on a cluster."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from podwright import cli
from podwright import config as configs
from podwright.console import Console
from podwright.doctor import recording
from podwright.doctor.examination import Report, Requirement

if TYPE_CHECKING:
    from pathlib import Path

REPORT = Report(
    "builds",
    {"kubernetes": "v1.37.2"},
    {
        "kaniko": [Requirement("admission", "yes"), Requirement("build", "yes")],
        "buildkit": [
            Requirement("admission", "yes"),
            Requirement("user namespaces", "no", 'they say: "no"', "say confinement"),
        ],
        "dood": [Requirement("admission", "unknown", "forbidden", "ask somebody")],
    },
)
UNABLE = {"buildkit": 'user namespaces: they say: "no"'}


def test_the_table_has_a_row_for_each_strategy_and_the_reasons_below() -> None:
    registry = [Requirement("reached", "yes"), Requirement("push", "no", "answers 403", "ask")]
    assert recording.table(REPORT, {"registry": registry, "jenkins": []}).split("\n") == [
        "Namespace builds",
        "  kubernetes: v1.37.2",
        "",
        "strategy  can run  admission  build  user namespaces",
        "kaniko    yes      yes        yes    -",
        "buildkit  no       yes        -      no",
        "dood      unknown  unknown    -      -",
        "",
        'buildkit: user namespaces: no: they say: "no"; say confinement',
        "dood: admission: unknown: forbidden; ask somebody",
        "registry: push: no: answers 403; ask",
        "registry: reached yes, push no",
    ]


def test_the_verdict_of_a_build_is_proof() -> None:
    found = {"dood": [Requirement("socket", "unknown", "?"), Requirement("build", "yes")]}
    assert Report("builds", {}, found).can("dood") == "yes"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "owner: me # a comment\nbuilder: dind\nunable:\n  kaniko: old\nretry: no\n",
        '{"owner": "me", "builder": "dind", "unable": {"kaniko": "old"}}',
    ],
)
def test_a_config_keeps_its_other_settings_and_is_one(before: str) -> None:
    text = recording.config(before.replace("retry: no\n", "order: [kaniko]\n"), REPORT)
    found = configs.load(text, None)
    assert found.unable == UNABLE
    assert found.builder == "auto"
    assert found.owner == ("me" if before else "")
    assert recording.config(text, REPORT) == text


def test_where_everything_can_run_nothing_is_recorded() -> None:
    found = Report("builds", {}, {"kaniko": [Requirement("admission", "yes")]})
    assert configs.load(recording.config("", found), None).unable == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--builder", "kanico"], "--builder: unknown builder 'kanico'; known are kaniko, "),
        (["--credential", "REG"], "--credential: REG_USR and REG_PSW are not both set; set them"),
    ],
)
def test_a_mistake_is_told_before_the_cluster_is_asked(words: list[str], sentence: str) -> None:
    said = io.StringIO()
    console = Console(io.StringIO(), said, io.StringIO(), {})
    assert cli.run(["doctor", *words], console) == 2
    assert said.getvalue().startswith(f"podwright doctor: {sentence}")


def test_a_cluster_that_does_not_answer_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "The connection to the server localhost:8080 was refused - did you specify the right?"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    said = io.StringIO()

    code = cli.run(["doctor"], Console(io.StringIO(), said, io.StringIO(), {}))

    assert code == 2
    assert said.getvalue().splitlines() == [
        "doctor: asking about namespace default",
        f"podwright doctor: no cluster answers ({words}); check KUBECONFIG and --context",
    ]
