"""A pod per platform: what each of them builds, and how their images become one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_described import INDEX, MANIFEST, Kept
from test_sequence import LOGIN, turns

from podwright import parts, strategies
from podwright.distribution.indexing import index_of, joined
from podwright.errors import PodwrightError, UsageError
from podwright.request import PLATFORM, parse_build

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.plan import Plan

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
PART = {
    "image": "r.example/app",
    "tags": ["1", "latest"],
    "platforms": ["linux/arm/v7"],
    "podPerPlatform": True,
    "part": True,
}


@pytest.mark.parametrize("builder", strategies.everything())
def test_each_strategy_builds_a_part_under_tags_of_its_own(
    planned: Callable[..., Plan], builder: str
) -> None:
    made = planned({**PART, "builder": builder, "alone": True})
    assert made.builds[0].tags == ("1-linux-arm-v7", "latest-linux-arm-v7")
    assert "linux/arm/v7" in made.script


@pytest.mark.parametrize("builder", strategies.everything())
def test_the_cache_of_a_part_never_takes_the_place_of_another_platforms(
    planned: Callable[..., Plan], builder: str
) -> None:
    made = planned({**PART, "builder": builder, "alone": True, "cache": True})
    cache = made.builds[0].image.cache
    ref = cache.ref if cache else ""
    one_tag = strategies.get(builder).cache_in_tag
    assert ref == "r.example/app" + (":cache-linux-arm-v7" if one_tag else "/cache")


def test_only_the_last_part_joins_them_and_signs_the_index() -> None:
    made = turns({**PART, "credentials": LOGIN, "scan": True, "sbom": True})
    assert [turn.get("command", "joins" if "joins" in turn else "build") for turn in made] == [
        *("build", "scan", "push", "joins", "index", "attest")
    ]
    assert made[3:5] == [
        {"joins": "linux/arm/v7", "of": 0},
        {
            "command": "index",
            "request": {"platform": "linux/arm/v7", "credentials": LOGIN},
            "of": 0,
            "take": {"image": "image", "tags": "tags", "parts": "parts"},
            "into": "",
        },
    ]


def test_what_is_not_pushed_is_not_joined() -> None:
    made = turns({**PART, "push": False})
    assert made == [{"request": {**PART, "push": False, "alone": True}}]


ONE = "leave one of both out"
IN_JENKINS = (
    "is for the call of buildImage itself, which makes the pods; say it there, with 'platforms', "
    "or leave it out"
)
WRONG = {
    "output": (
        {"output": "a.tar"},
        f"output: is one archive, and each pod builds a platform; {ONE}",
    ),
    "tags": (
        {"tags": ["t" * 116]},
        "tags[0]: is too long: of 128 characters its platform needs 13",
    ),
    "elsewhere": ({"part": False}, f"podPerPlatform: {IN_JENKINS}"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_part_can_be_is_refused(planned: Callable[..., Plan], name: str) -> None:
    more, sentence = WRONG[name]
    with pytest.raises(UsageError) as caught:
        planned({**PART, "builder": "buildkit", **more})
    assert list(map(str, caught.value.problems)) == [sentence]


def test_the_bridge_and_the_planner_know_platforms_by_one_pattern() -> None:
    bridge = (Path(__file__).parents[2] / "src/podwright/Parts.groovy").read_text()
    assert f"matches('{PLATFORM.replace('(?:', '(')}')" in bridge


def test_a_pool_needs_no_pods_by_platform() -> None:
    asked = parse_build({**PART, "pool": "p"})
    assert list(map(str, parts.problems(asked))) == [
        f"pool: has daemons for each platform and needs no pods for them; {ONE}"
    ]


def test_a_tag_of_115_characters_has_room_for_its_platform(planned: Callable[..., Plan]) -> None:
    made = planned({**PART, "builder": "buildkit", "alone": True, "tags": ["t" * 115]})
    assert len(made.builds[0].tags[0]) == 128


def image(kept: Any, architecture: str, media: str = MANIFEST) -> str:
    """Keep an image of a platform; gives its digest."""
    kept.blobs[architecture] = f'{{"os": "linux", "architecture": "{architecture}"}}'.encode()
    return str(kept.add(media, {"config": {"digest": architecture, "size": 5}, "layers": []}))


def test_parts_are_joined_when_each_is_of_its_platform() -> None:
    kept: Any = Kept()
    given = {"linux/amd64": image(kept, "amd64"), "linux/arm64/v8": image(kept, "arm64")}
    made = joined(kept, given)
    assert made.media == INDEX
    assert [item["digest"] for item in made.children] == list(given.values())


def test_a_part_of_another_platform_is_refused() -> None:
    class Named(Kept):
        def __str__(self) -> str:
            return "r.example/app"

    kept: Any = Named()
    digest = image(kept, "amd64")
    with pytest.raises(PodwrightError) as caught:
        joined(kept, {"linux/arm64": digest})
    assert str(caught.value) == (
        f"r.example/app@{digest} is for linux/amd64, and should be for linux/arm64; was it built "
        "on such a node?"
    )


def test_what_a_part_that_is_an_index_lists_comes_with_its_attestations() -> None:
    kept: Any = Kept()
    platform = {"os": "linux", "architecture": "amd64"}
    about = {"vnd.docker.reference.type": "attestation-manifest"}
    listed = [
        {"digest": "a", "mediaType": MANIFEST, "platform": platform},
        {"digest": "b", "mediaType": MANIFEST, "platform": {}, "annotations": about},
    ]
    whole = kept.get(kept.add(INDEX, {"manifests": listed}))
    other = kept.get(image(kept, "arm64"))
    found = [item["digest"] for item in index_of(kept, [whole, other]).children]
    assert found == ["a", "b", other.digest]


def test_images_of_dockers_format_become_dockers_list() -> None:
    kept: Any = Kept()
    both = [kept.get(image(kept, name, DOCKER)) for name in ("amd64", "arm64")]
    assert index_of(kept, both).media == DOCKER_LIST
    assert index_of(kept, [both[0], kept.get(image(kept, "arm64"))]).media == INDEX
