"""When a build asks whether anything has changed, what it asks, and what is answered."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from podwright import compared, contexts, unchanged
from podwright.distribution.repository import Manifest, digest_of
from podwright.errors import PodwrightError
from podwright.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podwright.distribution.repository import Repository
    from podwright.plan import Plan
    from podwright.workspace import Facts

IMAGE = {"image": "r.example/team/app", "tags": ["1"], "cache": True, "builder": "buildkit"}


@pytest.fixture
def asked(
    planned: Callable[..., Plan], facts: Facts, workspace: Path
) -> Callable[..., dict[str, Any] | None]:
    """Give the question of a build, None for one that asks nothing."""
    (workspace / "big").touch()
    os.truncate(workspace / "big", contexts.LARGE)

    def run(
        text: str = "FROM a\nCOPY . /\n", known: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any] | None:
        (workspace / "Dockerfile").write_text(text)
        value = {**IMAGE, **more}
        seen = {"pod_builder": value["builder"], **(known or {})}
        script = planned(value, known=replace(facts, **seen)).script
        lines = [line for line in script.splitlines() if line.startswith("pw_unchanged ")]
        if not lines:
            return None
        words = shlex.split(lines[0])
        assert words[4:] == ["||", "{"]
        asked: dict[str, Any] = json.loads(words[2])
        assert "pw_keep" in script.splitlines()
        return asked

    return run


def test_what_is_asked(asked: Callable[..., dict[str, Any]], workspace: Path) -> None:
    (workspace / ".dockerignore").write_text("*.md\n")
    value = asked("FROM a:2 AS x\nFROM r.example/b\nCOPY --from=c/d:3 /e /e\nCOPY --from=x . .\n")
    options = json.loads(value.pop("options"))
    labels = value.pop("labels")
    docker = {"registry": "docker.io", "setting": {}}
    assert value == {
        "registry": "r.example",
        "path": "team/app",
        "setting": {},
        "tags": ["1"],
        "read": ["cache.whole"],
        "write": "cache.whole",
        "context": str(workspace),
        "ignores": "*.md",
        "dockerfile": f"{workspace}/Dockerfile",
        "bases": [
            {"name": "a:2", "reference": "2", "places": [{**docker, "path": "library/a"}]},
            {
                "name": "r.example/b",
                "reference": "latest",
                "places": [{"registry": "r.example", "path": "b", "setting": {}}],
            },
            {"name": "c/d:3", "reference": "3", "places": [{**docker, "path": "c/d"}]},
        ],
        "layered": False,
    }
    assert options[0] == "buildkit"
    assert "org.opencontainers.image.revision" in labels
    assert labels["org.opencontainers.image.created"] is None  # nobody knows the commit's time


def test_a_small_context_for_many_steps_is_compared(
    asked: Callable[..., dict[str, Any] | None], workspace: Path
) -> None:
    (workspace / "big").write_text("small")
    steps = "".join(f"RUN echo {n}\n" for n in range(compared.MANY_STEPS))
    assert asked(f"FROM a\n{steps}")["write"] == "cache.whole"
    assert asked(f"FROM a\n{steps.rpartition('RUN')[0]}ENV a=b\nLABEL c=d\n") is None


def test_mirrors_are_asked_first_with_their_settings(
    asked: Callable[..., dict[str, Any]],
) -> None:
    known = {"docker.io": {"mirrors": ["m.example/hub"]}, "m.example": {"http": True}}
    assert asked(registries=known)["bases"][0]["places"] == [
        {"registry": "m.example", "path": "hub/library/a", "setting": {"http": True}},
        {"registry": "docker.io", "path": "library/a", "setting": {}},
    ]


def test_a_base_named_by_its_digest_is_that(asked: Callable[..., dict[str, Any]]) -> None:
    digest = f"sha256:{'0' * 64}"
    value = asked(f"FROM a:1@{digest}\nCOPY . /\n")
    assert [base["reference"] for base in value["bases"]] == [digest]
    assert value["layered"] is True


def test_branches_have_tags_of_their_own(asked: Callable[..., dict[str, Any]]) -> None:
    tags = {"read": ["cache.whole-feature-x", "cache.whole"], "write": "cache.whole-feature-x"}
    value = asked(known={"ref_name": "feature/x"})
    assert {name: value[name] for name in tags} == tags
    assert asked(known={"ref_name": "trunk", "primary": True})["write"] == "cache.whole"


@pytest.mark.parametrize("known", [{"change_id": "7"}, {"tag_name": "v1"}])
def test_pull_requests_and_tags_keep_nothing(
    asked: Callable[..., dict[str, Any]], known: dict[str, str]
) -> None:
    assert asked(known=known)["write"] == ""


@pytest.mark.parametrize(
    "more",
    [
        {"cache": None},
        {"cache": False},
        {"cache": {"compare": False}},
        {"cache": "r.example/team/cache"},
        {"cache": "inline"},
        {"cache": {"type": "registry", "read": ["r.example/team/cache"]}},
        {"cache": {"type": "s3", "options": {"bucket": "b"}}},
        {"push": False},
        {"pull": False},
        {"output": "app.tar"},
        {"platforms": ["linux/amd64", "linux/arm64"]},
        {"buildContexts": {"more": "src"}},
        {"buildArgs": {"BUILDKIT_SYNTAX": "somebody/frontend"}},
        {"known": {"pod_builder": ""}},
        {"builder": "buildah", "builderOptions": {"buildah": ["--cache-ttl=24h"]}},
        {"context": "src"},
    ],
)
def test_what_is_never_compared(
    asked: Callable[..., dict[str, Any] | None], workspace: Path, more: dict[str, Any]
) -> None:
    (workspace / "src").mkdir(exist_ok=True)
    (workspace / "src/Dockerfile").write_text("FROM r.example/a\nCOPY . /\n")
    text = "FROM r.example/a\nCOPY . /\n"
    assert asked(text) is not None
    assert asked(text, builder=more.get("builder", "buildkit")) is not None
    assert asked(text, **more) is None


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM a\nADD https://example.com/x /x\n",
        "FROM a\nADD git@github.com:team/x.git /x\n",
        "FROM a\nARG FILE\nADD $FILE /x\n",
        "ARG BASE\nFROM $BASE\nCOPY . /\n",
        "FROM a\nONBUILD COPY . /\n",
        "# syntax=somebody/frontend\nFROM a\nCOPY . /\n",
        "# syntax=somebody/docker/dockerfile-x\nFROM a\nCOPY . /\n",
        "FROM docker://a\nCOPY . /\n",
        "FROM a\nCOPY --from=b / /\nFROM c AS b\n",
        "ARG X=q\nFROM a\nARG X=z\nCOPY --from=$X / /\n",
        "FROM a\nRUN x \\\\\n",
    ],
)
def test_what_may_be_something_else_today_is_never_compared(
    asked: Callable[..., dict[str, Any] | None], dockerfile: str
) -> None:
    assert asked(dockerfile) is None


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_a_short_name_may_be_another_image_there(
    asked: Callable[..., dict[str, Any] | None], builder: str
) -> None:
    assert asked("FROM fedora\nCOPY . /\n", builder=builder) is None
    assert asked("FROM docker.io/library/fedora\nCOPY . /\n", builder=builder) is not None


def test_the_nodes_engine_may_have_mirrors(asked: Callable[..., dict[str, Any] | None]) -> None:
    assert asked("FROM a\nCOPY . /\n", builder="dood") is not None
    assert asked("FROM a AS b\nFROM c\nCOPY --from=b / /\n", builder="dood") is None
    assert asked("FROM a\nCOPY --from=b / /\n", builder="dood") is None


def test_the_ignore_file_of_the_dockerfile_wins(
    asked: Callable[..., dict[str, Any]], workspace: Path
) -> None:
    (workspace / ".dockerignore").write_text("big\n")
    assert asked() is None
    (workspace / "Dockerfile.dockerignore").write_text("small\n")
    assert asked()["ignores"] == "small"
    # One builder takes these in the place of both: nothing is left out.
    for path in (".containerignore", "Dockerfile.containerignore"):
        (workspace / path).write_text("big\n")
        assert asked()["ignores"] == ""
        (workspace / path).unlink()


@pytest.mark.parametrize("more", [{"target": "x"}, {"dockerfile": "other"}, {"context": "src"}])
def test_images_of_one_repository_are_kept_apart(
    asked: Callable[..., dict[str, Any]], workspace: Path, more: dict[str, str]
) -> None:
    text = "FROM a AS x\nCOPY . /\n"
    (workspace / "other").write_text(text)
    (workspace / "src").mkdir()
    (workspace / "src/Dockerfile").write_text(text)
    (workspace / "src/big").touch()
    os.truncate(workspace / "src/big", contexts.LARGE)
    found = asked(text, **more)["write"]
    assert re.fullmatch(r"cache\.whole-[0-9a-f]{8}", found)


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ({}, True),
        ({"tags": ["2"]}, True),
        ({"labels": {"a": "2"}}, True),
        ({"labels": {"b": "1"}}, True),  # names are compared beside it
        ({"retries": 3}, True),
        ({"buildArgs": {"A": "1"}}, False),
        ({"target": "x"}, False),
        ({"network": "none"}, False),
        ({"annotations": {"a": "1"}}, False),
        ({"compression": "zstd"}, False),
        ({"platforms": ["linux/amd64"]}, False),
        ({"reproducible": True}, False),
        ({"builder": "dind"}, False),
        ({"secrets": [{"id": "a", "src": "Dockerfile"}]}, False),
        ({"addHosts": {"a": "10.0.0.1"}}, False),
    ],
)
def test_what_makes_another_image_is_in_the_options(
    asked: Callable[..., dict[str, Any]],
    more: dict[str, Any],
    same: bool,  # noqa: FBT001 - pytest names it
) -> None:
    text = "FROM a AS x\nCOPY . /\n"
    before = asked(text, known={"epoch": 7}, labels={"a": "1"})["options"]
    found = asked(text, known={"epoch": 7}, **{"labels": {"a": "1"}, **more})["options"]
    assert (found == before) is same


MEDIA = "application/vnd.oci.image.manifest.v1+json"
DAY = 86400


class Registry:
    """A repository in memory, which is that of the image and of its base."""

    def __init__(self) -> None:
        self.manifests: dict[str, Manifest] = {}
        self.blobs: dict[str, bytes] = {}

    def image(self, tag: str, layers: str, **config: Any) -> str:
        """Put an image of some layers; gives its digest."""
        described = {"config": config, "rootfs": {"diff_ids": list(layers)}}
        found = [{"digest": self.put_blob(name.encode())["digest"], "size": 1} for name in layers]
        blob = {**self.put_blob(json.dumps(described).encode()), "mediaType": "config"}
        content = json.dumps({"config": blob, "layers": found}).encode()
        made = Manifest(digest_of(content), MEDIA, content)
        self.put(made, tag)
        return made.digest

    def labels(self, reference: str) -> dict[str, str]:
        """Give an image's labels."""
        found: dict[str, str] = self.config(reference)["config"]["Labels"]
        return found

    def config(self, reference: str) -> dict[str, Any]:
        """Give an image's config."""
        digest = self.manifests[reference].value["config"]["digest"]
        value: dict[str, Any] = json.loads(self.blobs[digest])
        return value

    def find(self, reference: str) -> Manifest | None:
        """Give a manifest."""
        return self.manifests.get(reference)

    def get(self, reference: str) -> Manifest:
        """Give a manifest that must be there."""
        if reference not in self.manifests:
            raise PodwrightError(f"{reference} is not there")
        return self.manifests[reference]

    def digest(self, tag: str) -> str:
        """Give a tag's digest."""
        return self.get(tag).digest

    def put(self, manifest: Manifest, reference: str) -> None:
        """Put a manifest under a tag."""
        self.manifests[reference] = self.manifests[manifest.digest] = manifest

    def blob(self, digest: str) -> bytes:
        """Give a blob."""
        return self.blobs[digest]

    def put_blob(self, content: bytes) -> dict[str, Any]:
        """Put a blob."""
        self.blobs[digest_of(content)] = content
        return {"digest": digest_of(content), "size": len(content)}

    def has_blob(self, digest: str) -> bool:
        """Say whether a blob is there."""
        return digest in self.blobs


class Build:
    """A build that asks, and is kept at its end."""

    def __init__(self, registry: Registry, room: Path, asked: dict[str, Any]) -> None:
        self.registry, self.room, self.asked = registry, room, asked

    def begin(self, **more: Any) -> str:
        """Ask, and do what is left for later; gives the digest, '' for none."""
        shutil.rmtree(self.room, ignore_errors=True)
        self.room.mkdir()
        (self.room / "asked.json").write_text(json.dumps({**self.asked, **more}))
        later = unchanged.answer(self.room, {})
        if later:
            later()
        return (self.room / "digest").read_text() if (self.room / "digest").exists() else ""

    def end(self, digest: str) -> None:
        """Keep what was built."""
        (self.room / "digest").write_text(digest)
        unchanged.keep(self.room, {})

    def whole(self, layers: str = "ab", **more: Any) -> str:
        """Build; gives the digest."""
        assert self.begin(**more) == ""
        digest = self.registry.image("1", layers, Labels={"a": "1", "own": "x"})
        self.end(digest)
        return digest


@pytest.fixture
def build(
    asked: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Build:
    """A build of a base with one layer."""
    registry = Registry()
    registry.image("2", "a")

    def repository(*_: object, **__: object) -> Repository:
        found: Any = registry
        return found

    monkeypatch.setattr(unchanged.Question, "repository", repository)
    question = asked("FROM a:2\nCOPY . /\n", labels={"a": "1"})
    return Build(registry, tmp_path / "room", {**question, "labels": {"a": "1"}})


def test_what_is_unchanged_is_answered_with_labels_and_tags(build: Build) -> None:
    first = build.whole()
    assert build.begin(tags=["5", "6"]) == first == build.registry.digest("6")
    digest = build.begin(tags=["4"], labels={"a": "2"})
    assert build.registry.digest("4") == digest != first
    assert build.registry.labels("4") == {"a": "2", "own": "x"}
    kept = build.registry.labels("cache.whole")
    assert sorted(name.removeprefix("dev.podwright.cache.") for name in kept) == [
        *("a", "context", "image", "options", "own", "size", "time"),
    ]


def test_a_label_without_a_value_is_the_time(build: Build) -> None:
    build.whole()
    build.begin(labels={"a": None})
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z", build.registry.labels("1")["a"])


@pytest.mark.parametrize(
    "more",
    [
        {"options": "others"},
        {"ignores": "others"},
        {"labels": {"a": "1", "b": "1"}},
        {"read": ["another"]},
    ],
)
def test_what_is_asked_otherwise_is_built(build: Build, more: dict[str, Any]) -> None:
    build.whole()
    assert build.begin(**more) == ""


def test_a_newer_base_is_built(build: Build) -> None:
    first = build.whole()
    before = build.registry.get("2")
    build.registry.image("2", "b")
    assert build.begin() == ""
    build.registry.put(before, "2")
    assert build.begin() == first


def test_what_was_kept_is_used_for_two_weeks(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    first, now = build.whole(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 14 * DAY - 60)
    assert build.begin() == first
    monkeypatch.setattr(time, "time", lambda: now + 14 * DAY + 60)
    assert build.begin() == ""


def test_what_is_not_whole_is_built(build: Build) -> None:
    build.whole()
    del build.registry.blobs[digest_of(b"b")]
    assert build.begin() == ""


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"Labels": None},
        {"Labels": ["x"]},
        {"Labels": {"dev.podwright.cache.time": "x"}},
        {"Labels": {"dev.podwright.cache.time": "9e99", "dev.podwright.cache.options": 7}},
    ],
)
def test_somebody_elses_image_in_its_place_is_built(build: Build, config: dict[str, Any]) -> None:
    build.registry.image("cache.whole", "ab", **config)
    _build_anew(build)


@pytest.mark.parametrize("described", [[], {"config": "x"}, {"config": {"Labels": "x"}}, 7])
def test_what_is_no_config_is_built(build: Build, described: object) -> None:
    blob = build.registry.put_blob(json.dumps(described).encode())
    content = json.dumps({"config": blob, "layers": []}).encode()
    build.registry.put(Manifest(digest_of(content), MEDIA, content), "cache.whole")
    _build_anew(build)


def _build_anew(build: Build) -> None:
    assert build.begin() == ""
    build.end(build.registry.image("1", "ab", Labels={"a": "1"}))
    assert build.begin() != ""


def test_what_changes_while_it_is_built_is_not_kept(build: Build, workspace: Path) -> None:
    build.begin()
    (workspace / "new").touch()
    build.end(build.registry.image("1", "ab"))
    assert "cache.whole" not in build.registry.manifests


def test_a_base_that_changes_while_it_is_used_is_not_kept(build: Build) -> None:
    build.begin()
    build.registry.image("2", "a", Env=["X=1"])
    build.end(build.registry.image("1", "ab"))
    assert "cache.whole" not in build.registry.manifests


def test_what_is_made_from_another_base_is_not_kept(build: Build) -> None:
    """A builder has mirrors of its own, which are behind."""
    build.whole("cb")
    assert "cache.whole" not in build.registry.manifests


def test_a_base_with_steps_of_its_own_is_not_kept(build: Build) -> None:
    build.registry.image("2", "a", OnBuild=["ADD https://example.com/x /x"])
    build.whole()
    assert "cache.whole" not in build.registry.manifests


def test_what_takes_long_to_read_is_built_and_kept(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build.whole()
    monkeypatch.setattr(unchanged, "_WAITS", 0)
    assert build.begin() == ""
    build.registry.manifests.pop("cache.whole")
    build.end(first)
    assert "cache.whole" in build.registry.manifests


def test_nothing_is_put_for_a_build_that_has_ended(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.whole()
    look = contexts.Tree.digest

    def ends(tree: contexts.Tree, seconds: float) -> str:
        shutil.rmtree(build.room)
        return look(tree, seconds)

    monkeypatch.setattr(contexts.Tree, "digest", ends)
    assert build.begin(tags=["late"]) == ""
    assert "late" not in build.registry.manifests


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"created_by": "LABEL a=1 b=1", "empty_layer": True}, "LABEL a=2 b=1"),
        ({"created_by": '#(nop) LABEL "a"="1"', "empty_layer": True}, '#(nop) LABEL "a"="2"'),
        ({"created_by": "LABEL a=10 ba=1", "empty_layer": True}, "LABEL a=10 ba=1"),
        ({"created_by": "RUN x a=1"}, "RUN x a=1"),
        ({"created_by": "RUN x LABEL a=1"}, "RUN x LABEL a=1"),
    ],
)
def test_the_history_tells_a_labels_other_value(step: dict[str, Any], told: str) -> None:
    assert {**step, **unchanged._retold(step, "a", "1", "2")}["created_by"] == told


def test_a_step_that_says_nothing_says_nothing() -> None:
    assert unchanged._retold({"created_by": None, "empty_layer": True}, "a", "1", "2") == {}
