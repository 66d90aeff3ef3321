"""What is done around a build, and in which order."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from podwright import cli, sequence
from podwright import config as configs
from podwright.console import Console
from podwright.plan import is_alone
from podwright.request import parse_build

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LOGIN = [{"credentialsId": "login", "variable": "V"}]
WHOLE = {
    "image": "r.example/app",
    "tags": ["1"],
    "credentials": LOGIN,
    "buildArgs": {"BASE": "3"},
    "lint": "warning",
    "verify": "cosign.pub",
    "scan": True,
    "provenance": "max",
    "sign": {"key": {"credentialsId": "k"}},
}


def turns(value: dict[str, Any], organisation: str = "") -> list[dict[str, Any]]:
    """Give what is to be done for a request."""
    config = configs.load(organisation, None)
    request = parse_build(value, config.defaults)
    assert not is_alone(request, config)
    return sequence.turns(value, request, config)


def test_a_build_that_asks_for_nothing_is_alone() -> None:
    config = configs.load("", None)
    plain = {"image": "r.example/app", "scan": False, "sbom": False, "lint": None}
    assert is_alone(parse_build(plain), config)
    assert is_alone(parse_build({**WHOLE, "alone": True}), config)


def test_checks_come_first_and_the_push_after_the_scan() -> None:
    assert turns(WHOLE) == [
        {
            "command": "lint",
            "request": {
                "dockerfile": "./Dockerfile",
                "failOn": "warning",
                "report": "podwright-lint.sarif",
            },
        },
        {
            "command": "verify",
            "request": {
                "dockerfile": "./Dockerfile",
                "buildArgs": {"BASE": "3"},
                "credentials": LOGIN,
                "key": "cosign.pub",
            },
        },
        {
            "request": {
                **{name: WHOLE[name] for name in ("image", "tags", "buildArgs")},
                "credentials": LOGIN,
                **dict.fromkeys(("lint", "verify", "scan", "provenance", "sign")),
                "alone": True,
                "push": False,
                "output": ".podwright-image-1.tar",
            }
        },
        {
            "command": "scan",
            "request": {
                "archive": ".podwright-image-1.tar",
                "credentials": LOGIN,
                "report": "podwright-scan",
            },
            "of": 0,
            "take": {},
            "into": "scan",
        },
        {
            "command": "push",
            "request": {"credentials": LOGIN, "discard": True},
            "of": 0,
            "take": {name: name for name in ("image", "output", "tags", "digest")},
            "into": "",
        },
        {
            "command": "attest",
            "request": {
                "provenance": "max",
                "sign": {"key": {"credentialsId": "k"}},
                "build": {
                    name: WHOLE[name] for name in ("image", "tags", "credentials", "buildArgs")
                },
                "credentials": LOGIN,
            },
            "of": 0,
            "take": {"image": "reference"},
            "into": "attested",
        },
    ]


def test_without_a_scan_the_build_pushes_itself() -> None:
    build, attest = turns({"image": "r.example/app", "sbom": True})
    assert build == {"request": {"image": "r.example/app", "sbom": None, "alone": True}}
    assert attest["request"] == {"sbom": True, "build": {"image": "r.example/app"}}


def test_a_push_apart_keeps_its_login_from_the_build() -> None:
    push = {"credentialsId": "p", "use": "push"}
    both = {"image": "r.example/a", "credentials": [push, "pull"], "pushApart": True}
    build, apart = turns(both)
    assert build["request"] == {
        "image": "r.example/a",
        "credentials": ["pull"],
        "pushApart": None,
        "alone": True,
        "push": False,
        "output": ".podwright-image-1.tar",
    }
    assert apart["request"] == {"credentials": [push, "pull"], "discard": True}
    images = [{"image": "r.example/a", "pushApart": True}, {"image": "r.example/b"}]
    build, _ = turns({"images": images, "credentials": push})
    assert build["request"]["credentials"] == push
    build, _ = turns({"image": "r.example/a", "credentials": push, "pushApart": True})
    assert build["request"]["credentials"] == []


def test_what_is_not_pushed_is_scanned_and_an_archive_that_was_asked_for_stays() -> None:
    build, scan = turns({"image": "app", "push": False, "scan": "low"})
    assert build["request"]["output"] == ".podwright-image-1.tar"
    assert scan["request"]["discard"] is True
    build, scan = turns({"image": "app", "push": False, "scan": "low", "output": "a.tar"})
    assert build["request"]["output"] == "a.tar"
    assert scan["request"] == {
        "archive": "a.tar",
        "failOn": "low",
        "report": "podwright-scan",
    }


def test_each_of_several_images_has_what_it_asks_for_and_reports_of_its_own() -> None:
    images = [
        {"image": "r.example/a", "lint": False},
        {"image": "r.example/b", "context": "b", "scan": True},
    ]
    lint, build, scan, push = turns({"images": images, "lint": True})
    assert lint["request"] == {"dockerfile": "b/Dockerfile", "report": "podwright-2-lint.sarif"}
    assert build["request"] == {
        "images": [
            {"image": "r.example/a", "lint": None},
            {
                "image": "r.example/b",
                "context": "b",
                "scan": None,
                "lint": None,
                "output": ".podwright-image-2.tar",
                "push": False,
            },
        ],
        "lint": True,
        "alone": True,
    }
    assert (scan["of"], scan["request"]["report"], push["of"]) == (1, "podwright-2-scan", 1)


def test_a_limit_verifies_bases_whatever_the_call_says() -> None:
    organisation = "owner: ann\nlimits: [{verify: {kms: 'k', attestations: spdx}}]"
    own, rule, _ = turns({"image": "app", "verify": "mine.pub"}, organisation)
    assert own["request"]["key"] == "mine.pub"
    assert rule["request"] == {
        "dockerfile": "./Dockerfile",
        "buildArgs": {},
        "kms": "k",
        "attestations": ["spdx"],
        "refusal": "is not allowed by the organisation (limits[0].verify, ask ann)",
    }
    assert len(turns({"image": "app", "verify": False}, organisation)) == 2


def test_defaults_are_asked_for_once() -> None:
    organisation = "defaults: {sbom: true, credentials: login, sign: key}"
    config = configs.load(organisation, None)
    assert config.bound == {"credentials": "login", "sign": "key"}
    _, attest = turns({"image": "r.example/app", "sign": "key"}, organisation)
    assert attest["request"] == {
        "sbom": True,
        "sign": "key",
        "build": {"image": "r.example/app"},
    }


def test_results_get_what_their_turns_gave() -> None:
    done: list[Any] = []

    def work(name: str, value: dict[str, Any]) -> dict[str, Any]:
        done.append((name, value))
        return {"reference": "a@sha256:1", "pushed": True} if name == "push" else {"said": name}

    listed = turns(WHOLE)
    result = sequence.run(listed, lambda _: {"image": "a", "output": "x", "tags": ["1"]}, work)

    assert [name for name, _ in done] == ["lint", "verify", "scan", "push", "attest"]
    assert done[3][1]["output"] == "x"
    assert done[4][1]["image"] == "a@sha256:1"
    assert result == {
        "image": "a",
        "output": "x",
        "tags": ["1"],
        "pushed": True,
        "reference": "a@sha256:1",
        "scan": {"said": "scan"},
        "attested": {"said": "attest"},
    }
    both = sequence.run(
        [{"request": {}}, {**listed[3], "of": 1}], lambda _: [{}, {"image": "b"}], work
    )
    assert both == [{}, {"image": "b", "scan": {"said": "scan"}}]


def test_a_plan_names_what_is_done_around_its_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    for words, row in (["--scan", "high", "--sbom"], "scan, sbom"), ([], ""):
        out = io.StringIO()
        console = Console(out, io.StringIO(), io.StringIO(), {})
        assert cli.run(["plan", "-t", "r.example/app:1", *words, "."], console) == 0
        found = [line for line in out.getvalue().splitlines() if line.startswith("around")]
        assert found == ([f"around    {row}, by commands of their own"] if row else [])
