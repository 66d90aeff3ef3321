"""`podwright migrate`: what is proposed for Jenkinsfiles as people have them, and what is left."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_cli import run

from podwright import request, resources
from podwright.commands.migrate import Proposal
from podwright.records import fields

CASES = sorted((Path(__file__).parent / "migrations").iterdir())
PARAMETERS = {item.name for item in fields(request.BuildParameters)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_jenkinsfile_is_changed_as_it_was_looked_at(
    case: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(case)
    made = Proposal((case / "before").read_text())
    _, diff, said = run("migrate", "before")
    if request.config.getoption("--renew-golden"):
        (case / "after").write_text(made.text)
        (case / "said").write_text(said)

    assert made.text == (case / "after").read_text()
    assert said == (case / "said").read_text()
    assert diff.startswith("--- a/before\n+++ b/before\n@@ ")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_proposed_has_parameters_that_there_are(case: Path) -> None:
    text = (case / "after").read_text()
    used = set(re.findall(r"^ {4,}(\w+): .*,$", text, re.MULTILINE))

    assert used <= PARAMETERS
    assert text.count("{") == text.count("}")


def test_every_flag_leads_to_a_parameter_or_says_something() -> None:
    for flags in json.loads(resources.text("data/migrate/flags.json")).values():
        for flag, (to, kind, *say) in flags.items():
            assert (flag, to in PARAMETERS or not to) == (flag, True)
            assert to or say, flag
            assert kind in {
                *("text", "image", "pair", "address", "list", "off", "false", "folder"),
                *("option", "switch", "none"),
            }


def test_it_is_written_when_asked_and_nothing_is_left_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Jenkinsfile").write_text((CASES[0] / "before").read_text())

    assert run("migrate")[0] == 3
    assert Path("Jenkinsfile").read_text() == (CASES[0] / "before").read_text()
    assert run("migrate", "--write")[0] == 0
    assert Path("Jenkinsfile").read_text() == (CASES[0] / "after").read_text()
    assert run("migrate") == (0, "", "nothing to change was found\n")


def test_strings_and_comments_are_not_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = '// def a = docker.build(\'x\')\necho \'docker.build(1)\'\nsh """echo docker.image"""\n'
    Path("Jenkinsfile").write_text(text)

    assert run("migrate")[:2] == (0, "")


def test_a_registry_without_tls_stays_one() -> None:
    text = "docker.withRegistry(URL) {\n  def app = docker.build('team/app:1')\n  app.push()\n}\n"
    for url in ("'http://r.example:5000'", '"http://r.example:5000/"'):
        made = Proposal(text.replace("URL", url)).text
        assert "  registries: ['r.example:5000': [http: true]],\n" in made
    assert "registries" not in Proposal(text.replace("URL", "'https://r.example'")).text


def test_a_call_that_docker_builds_image_has_is_found_at_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = "app.push('latest')"
    Path("Jenkinsfile").write_text(
        f"def app = buildImage('r.example/app:1')\n{line}\nall.push(1)\n"
    )

    assert run("migrate")[2] == (
        f"line 2: '{line}' is left alone: what buildImage returns is a map: name all tags in the "
        "call; after tests, pushImage(app + [tags: ['latest']])\nnothing to change was found\n"
    )
