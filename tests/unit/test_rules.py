"""Limits of an organisation: what is refused, by whom, in which words; what `auto` passes over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from podwright import config as configs
from podwright import limits, plan, workspace
from podwright.errors import UsageError
from podwright.request import parse_build

if TYPE_CHECKING:
    from pathlib import Path

OWNER = "platform@acme.example"


def refused(rule: str) -> str:
    return f"is not allowed by the organisation ({rule}, ask {OWNER})"


def config(job: str = "", **settings: Any) -> configs.Config:
    return configs.load(json.dumps({"owner": OWNER, **settings}), None, job=job)


def problems(root: Path, dockerfile: str, limit: dict[str, Any], **request: Any) -> tuple[str, ...]:
    """Plan a build by BuildKit's pod and give what is refused."""
    (root / "Dockerfile").write_text(dockerfile)
    value = {"image": "registry.acme.example/team/app", "tags": ["1"], "builder": "buildkit"}
    try:
        plan.plan(
            parse_build({**value, **request}),
            config(limits=[limit]),
            workspace.inspect(root, {}),
        )
    except UsageError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    ("dockerfile", "limit", "request_", "expected"),
    [
        (
            "FROM scratch",
            {"push": ["registry.acme.example/other", "docker.io"]},
            {},
            (
                f"image: 'registry.acme.example/team/app' {refused('limits[0].push')}; "
                "allowed are registry.acme.example/other, docker.io"
            ),
        ),
        (
            "FROM alpine:3",
            {"pull": ["registry.acme.example"]},
            {},
            (
                f"dockerfile: 'alpine:3' {refused('limits[0].pull')}; "
                "allowed are registry.acme.example"
            ),
        ),
        (
            "FROM docker.io/evil/alpine:3",
            {"pull": ["library", "docker.io/library"]},
            {},
            (
                f"dockerfile: 'docker.io/evil/alpine:3' {refused('limits[0].pull')}; "
                "allowed are library, docker.io/library"
            ),
        ),
        (
            "ARG WHICH\nFROM $WHICH",
            {"pull": ["docker.io"]},
            {},
            (
                "dockerfile: a Dockerfile whose base images cannot be told "
                f"{refused('limits[0].pull')}; write them without variables that have no value"
            ),
        ),
        (
            "FROM scratch\nCOPY --from=busybox:1 /a /b",
            {"pinned": True},
            {},
            (
                f"dockerfile: 'busybox:1' without a digest {refused('limits[0].pinned')}; "
                "write busybox:1@sha256:..."
            ),
        ),
        (
            "# syntax=evil/frontend:1\nFROM scratch",
            {"frontends": ["docker/dockerfile:1"]},
            {},
            (
                f"dockerfile: the frontend 'evil/frontend:1' {refused('limits[0].frontends')}; "
                "allowed are docker/dockerfile:1"
            ),
        ),
        (
            "#!/usr/bin/env x\n# a comment\n// syntax = evil/frontend:1\nFROM scratch",
            {"frontends": []},
            {},
            (
                f"dockerfile: the frontend 'evil/frontend:1' {refused('limits[0].frontends')}; "
                "allowed are none"
            ),
        ),
        (
            "FROM scratch",
            {"frontends": []},
            {"buildArgs": {"BUILDKIT_SYNTAX": "evil/frontend:1"}},
            (
                f"dockerfile: the frontend 'evil/frontend:1' {refused('limits[0].frontends')}; "
                "allowed are none"
            ),
        ),
        (
            "FROM alpine:3",
            {"pull": ["docker.io/library", "mirror.acme.example"]},
            {"registries": {"docker.io": {"mirrors": ["mirror.acme.example", "evil.example/x"]}}},
            (
                f"registries: 'evil.example/x' {refused('limits[0].pull')}; "
                "allowed are docker.io/library, mirror.acme.example"
            ),
        ),
        (
            "FROM scratch",
            {"pull": ["docker.io"]},
            {"cache": {"ref": "docker.io/team/cache", "read": ["evil.example/cache"]}},
            f"cache: 'evil.example/cache' {refused('limits[0].pull')}; allowed are docker.io",
        ),
        (
            "FROM scratch",
            {"labels": ["com.acme.team"]},
            {},
            (
                "labels: an image without the label 'com.acme.team' "
                f"{refused('limits[0].labels')}; give it"
            ),
        ),
        (
            "FROM scratch",
            {"push": ["registry.acme.example"]},
            {"cache": "evil.example/cache"},
            (
                f"cache: 'evil.example/cache' {refused('limits[0].push')}; "
                "allowed are registry.acme.example"
            ),
        ),
        (
            "FROM scratch",
            {"level": "baseline"},
            {"pod": {"confinement": "unconfined"}},
            (
                "builder: the pod of 'buildkit' needs the level 'privileged', which "
                f"{refused('limits[0].level')}; the highest is 'baseline'"
            ),
        ),
        (
            "FROM scratch",
            {"memory": "2Gi"},
            {},
            (
                "pod: the memory of all containers together is more than 2Gi, which "
                f"{refused('limits[0].memory')}; limit less: pod: [resources: ...]"
            ),
        ),
        (
            "FROM scratch",
            {"builders": ["kaniko"]},
            {},
            f"builder: 'buildkit' {refused('limits[0].builders')}; allowed are kaniko",
        ),
    ],
)
def test_a_refusal_names_rule_and_owner(
    dockerfile: str, limit: dict[str, Any], request_: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    assert problems(tmp_path, f"{dockerfile}\n", limit, **request_) == (expected,)


@pytest.mark.parametrize(
    ("dockerfile", "limit"),
    [
        ("FROM scratch", {"push": ["registry.acme.example/team"], "labels": []}),
        ("FROM alpine AS a\nFROM a\nCOPY --from=a /x /x", {"pull": ["docker.io/library"]}),
        ("FROM x@sha256:" + "0" * 64, {"pinned": True, "pull": ["docker.io"]}),
        ("# syntax=docker/dockerfile:1\nFROM scratch", {"frontends": ["docker/dockerfile:1"]}),
        ("FROM scratch\n# syntax=evil/frontend:1", {"frontends": []}),
        ("FROM scratch", {"level": "baseline", "memory": "64Gi", "cpu": "32"}),
    ],
)
def test_what_is_within_the_limits_builds(
    dockerfile: str, limit: dict[str, Any], tmp_path: Path
) -> None:
    assert problems(tmp_path, f"{dockerfile}\n", limit) == ()


def test_limits_of_a_job_narrow_and_never_widen() -> None:
    limits = [
        {"builders": ["kaniko", "buildkit"]},
        {"jobs": ["pay/*"], "builders": ["dood", "kaniko"]},
    ]
    for job, allowed in (
        ("", ["kaniko", "buildkit"]),
        ("other/app", ["kaniko", "buildkit"]),
        ("pay/app", ["kaniko"]),
        ("pay/deep/app", ["kaniko"]),
    ):
        found = config(job, limits=limits, builders=["kaniko", "buildkit", "dood"])
        assert list(plan.allowed_strategies(found)) == allowed, job


def test_without_an_owner_the_organisations_list_is_refused_in_the_old_words() -> None:
    found = limits.builder("dind", ("kaniko",), limits.Rules())
    assert str(found) == ("builder: 'dind' is not allowed by the organisation; allowed are kaniko")


def test_auto_says_what_it_passed_over() -> None:
    asked = parse_build({"image": "registry.example/app", "ssh": ["default"]})
    found = config(
        builders=["kaniko", "buildkit", "buildah"],
        order=["podman", "buildah"],
        unable={"buildah": "user namespaces: refused"},
    )
    assert plan.choose(asked, found) == "buildkit"
    assert plan.chosen_by(asked, found, "buildkit") == (
        " (auto; not podman not allowed by the organisation; not buildah cannot run here: "
        "user namespaces: refused; not kaniko cannot mount ssh keys)"
    )


def test_when_nothing_can_run_the_reasons_are_told() -> None:
    found = config(builders=["kaniko"], unable={"kaniko": "admission: at 'restricted'"})
    with pytest.raises(UsageError) as told:
        plan.choose(parse_build({"image": "registry.example/app"}), found)
    assert told.value.problems == (
        (
            "builder: no allowed strategy can run here: kaniko cannot run here: "
            "admission: at 'restricted'; ask your administrator"
        ),
    )
