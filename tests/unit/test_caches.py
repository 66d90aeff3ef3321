"""Where the cache of a build is, and what it never is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright import request as requests
from podwright import strategies
from podwright.config import Config
from podwright.limits import Limit, Rules
from podwright.plan import plan_pod
from podwright.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podwright.plan import Plan
    from podwright.workspace import Facts

IMAGE = "r.example/team/app"
USUAL = True  # as it is written
ONE_TAG = ["buildkit", "dind", "dind-sidecar", "dood"]
BY_LAYER = ["buildah", "kaniko", "podman"]


@pytest.fixture
def words(planned: Callable[..., Plan], facts: Facts) -> Callable[..., list[str]]:
    """Give what the builder is told of caches."""

    def run(
        builder: str, cache: Any, known: dict[str, Any] | None = None, **more: Any
    ) -> list[str]:
        value = {"image": IMAGE, "tags": ["1"], "builder": builder, "cache": cache, **more}
        script = planned(value, known=replace(facts, **(known or {}))).script
        body = script[script.index("\npw_begin ") :]
        found = [word.strip("'") for word in body.split()]
        return [word for word in found if word.startswith(("--cache", "--import-c", "--export-c"))]

    return run


def test_every_strategy_has_its_kind_of_cache() -> None:
    found = {n: item.cache_in_tag for n, item in strategies.everything().items()}
    assert found == {**dict.fromkeys(ONE_TAG, True), **dict.fromkeys(BY_LAYER, False)}


@pytest.mark.parametrize("cache", [True, "registry", {"type": "registry"}, {}])
def test_the_usual_cache_of_buildkit_is_a_tag_beside_the_image(
    words: Callable[..., list[str]], cache: Any
) -> None:
    assert words("buildkit", cache) == [
        "--import-cache=type=registry,ref=r.example/team/app:cache",
        "--export-cache=type=registry,ref=r.example/team/app:cache,mode=max,ignore-error=true",
    ]


def test_a_branch_reads_the_main_branchs_cache_as_well(words: Callable[..., list[str]]) -> None:
    assert words("dood", USUAL, {"ref_name": "feature/x y"}) == [
        "--cache-from=type=registry,ref=r.example/team/app:cache-feature-x-y",
        "--cache-from=type=registry,ref=r.example/team/app:cache",
        "--cache-to=type=registry,ref=r.example/team/app:cache-feature-x-y,mode=min,ignore-error=true",
    ]
    assert words("dood", USUAL, {"ref_name": "trunk", "primary": True}) == words("dood", USUAL)


@pytest.mark.parametrize("builder", ["dind", "dind-sidecar", "dood"])
def test_a_docker_engine_writes_the_layers_of_other_stages_where_there_are_any(
    words: Callable[..., list[str]], workspace: Path, builder: str
) -> None:
    one, two = "FROM scratch\n", "FROM scratch AS a\nFROM scratch\nCOPY --from=a / /\n"
    for text, mode, written in ((one, "max", "min"), (two, "max", "max"), (two, "min", "min")):
        (workspace / "Dockerfile").write_text(text, encoding="utf-8")
        assert words(builder, {"mode": mode})[-1] == (
            f"--cache-to=type=registry,ref={IMAGE}:cache,mode={written},ignore-error=true"
        )


@pytest.mark.parametrize("known", [{"ref_name": "PR-7", "change_id": "7"}, {"tag_name": "v1"}])
def test_pull_requests_and_tags_only_read(
    words: Callable[..., list[str]], known: dict[str, Any]
) -> None:
    read = ["--import-cache=type=registry,ref=r.example/team/app:cache"]
    assert words("buildkit", USUAL, known) == read
    assert words("buildah", USUAL, known) == ["--cache-from=r.example/team/app/cache"]


def test_who_pushes_no_image_pushes_no_cache(words: Callable[..., list[str]]) -> None:
    assert words("podman", USUAL, push=False) == ["--cache-from=r.example/team/app/cache"]
    assert words("podman", USUAL) == [
        "--cache-from=r.example/team/app/cache",
        "--cache-to=r.example/team/app/cache",
    ]


def test_docker_hub_has_no_third_level(words: Callable[..., list[str]]) -> None:
    assert words("kaniko", USUAL, image="team/app") == [
        "--cache=true",
        "--cache-repo=docker.io/team/app-cache",
        "--cache-copy-layers",
    ]


@pytest.mark.parametrize("builder", [*ONE_TAG, *BY_LAYER])
def test_without_the_parameter_nothing_is_read_or_written(
    words: Callable[..., list[str]], builder: str
) -> None:
    assert words(builder, None) == []


def test_an_inline_cache_is_in_the_image(words: Callable[..., list[str]]) -> None:
    assert words("buildkit", "inline") == [
        "--import-cache=type=registry,ref=r.example/team/app:1",
        "--export-cache=type=inline",
    ]
    assert words("dind", "inline") == [
        "--cache-from=type=registry,ref=r.example/team/app:1",
        "--cache-to=type=inline",
    ]


def test_other_caches_are_passed_through(words: Callable[..., list[str]]) -> None:
    given = {"type": "s3", "options": {"bucket": "ci", "region": "eu-west-1"}, "mode": "min"}
    assert words("buildkit", given) == [
        "--import-cache=type=s3,bucket=ci,region=eu-west-1",
        "--export-cache=type=s3,bucket=ci,region=eu-west-1,mode=min,ignore-error=true",
    ]


def test_what_a_strategy_does_not_know_is_refused(
    planned: Callable[..., Plan], problems: Callable[..., list[str]]
) -> None:
    asked = {"image": IMAGE, "tags": ["1"], "builder": "buildah", "cache": "inline"}
    assert problems(planned, asked) == [
        "cache.type: builder 'buildah' has no cache of type 'inline'; it has: registry"
    ]
    options = {"access_key_id": "AKIA", "bucket": "b"}
    asked = {**asked, "builder": "buildkit", "cache": {"type": "s3", "options": options}}
    sentence = "is a login, and arguments are seen by all; give the builder an identity"
    assert problems(planned, asked) == [f"cache.options.access_key_id: {sentence}"]


def test_limits_on_places_to_pull_from_leave_the_images_own_cache(
    planned: Callable[..., Plan], facts: Facts
) -> None:
    config = Config(rules=Rules(items=(("limits[0]", Limit(pull=("mirror.example",))),)))
    asked = {"image": IMAGE, "tags": ["1"], "builder": "buildkit", "cache": True}
    made = planned(asked, config=config, known=replace(facts, ref_name="feature"))
    assert "ref=r.example/team/app:cache-feature" in made.script


def claims(builder: str, value: dict[str, Any]) -> list[str]:
    """Give the claims of a planned pod."""
    asked = requests.parse_build({"image": IMAGE, "builder": builder, **value})
    made = plan_pod(asked, Config())[1]
    found = [item.get("persistentVolumeClaim", {}) for item in made["spec"]["volumes"]]
    return [item["claimName"] for item in found if item]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({}, "cache-team-app"),
        ({"image": "r.example:5000/team_x/a.b:1", "tags": ["2"]}, "cache-team-x-a-b"),
        ({"image": "app"}, "cache-app"),
        ({"image": "team/app"}, "cache-team-app"),
        (
            {"platforms": ["linux/arm/v7"], "podPerPlatform": True, "part": True},
            "cache-team-app-linux-arm-v7",
        ),
    ],
)
def test_each_image_may_have_a_claim_of_its_own(value: dict[str, Any], name: str) -> None:
    wished = {"pod": {"cacheClaim": "cache-{image}"}}
    assert claims("buildkit", {**wished, **value}) == [name]


def test_a_pod_for_no_image_has_no_claim_by_an_images_name(
    problems: Callable[..., list[str]],
) -> None:
    asked = requests.parse_pod({"builder": "buildkit", "pod": {"cacheClaim": "{image}"}})
    assert problems(plan_pod, asked, Config()) == [
        "pod.cacheClaim: has '{image}', and this pod is for no certain image; name a claim"
    ]
