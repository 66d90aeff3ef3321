# ruff: noqa: ANN001, ANN002, ANN201 - fixtures and parameters
from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from podwright import authz, parsers
from podwright.authz.reference import page
from podwright.commands import authz as command
from podwright.console import Console
from podwright.errors import UsageError

ROOT = Path(__file__).parents[3]


def run(*words, stdin=""):
    out, err = io.StringIO(), io.StringIO()
    options = parsers.parser("authz").parse_args(["authz", *words])
    code = command.run(options, Console(out, err, io.StringIO(stdin)))
    return code, out.getvalue(), err.getvalue()


def test_a_refused_request_is_told_with_its_rule(tmp_path):
    body = '{"HostConfig":{"PidMode":"host"}}'
    expected = {
        "allow": False,
        "rule": "container.pid",
        "message": "[container.pid] HostConfig.PidMode: namespaces of the engine or of other "
        "containers are not to be joined; leave it out",
    }
    code, out, _ = run("decide", "POST", "/containers/create", "--body", "-", stdin=body)
    assert (code, json.loads(out)) == (1, expected)
    (tmp_path / "body").write_text(body, encoding="utf-8")
    file = str(tmp_path / "body")
    assert run("decide", "POST", "/containers/create", "--body", file)[1] == out


def test_an_allowed_request_ends_with_zero():
    code, out, _ = run("decide", "GET", "/info", "--config", '{"profile": "build-only"}')
    assert (code, json.loads(out)) == (0, {"allow": True, "rule": "look", "message": ""})


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (
            ["--config", "{"],
            ('authz: --config is no JSON; write it as \'{"profile": "run"}\'',),
        ),
        (["--config", "[]"], ("authz: --config must be a JSON object",)),
        (
            ["--config", '{"profile": "x", "imports": 1}'],
            (
                "--config.profile: unknown profile 'x'; known are build-only, compose, run",
                "--config.imports: expected true or false, got 1",
            ),
        ),
        (
            ["--body", "/nonexistent"],
            ("authz: /nonexistent cannot be read (No such file or directory); name a file",),
        ),
    ],
)
def test_mistakes_are_told(words, problems):
    with pytest.raises(UsageError) as caught:
        run("decide", "GET", "/info", *words)
    assert caught.value.problems == problems


def test_the_source_and_daemon_json_are_those_of_the_pod():
    assert run("source")[1].rstrip("\n") == authz.source().rstrip("\n")
    assert json.loads(run("daemon-json")[1]) == authz.daemon_config()


def test_the_reference_page_is_what_the_tables_say():
    assert run("page")[1] == page()
    committed = (ROOT / "docs" / "reference" / "authz.md").read_text(encoding="utf-8")
    assert committed == page(), "run: podwright authz page > docs/reference/authz.md"
