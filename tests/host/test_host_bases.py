"""What base images bring, where they come from, and what is told of the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import WAYS, Place, Way, request_for
from hostservers import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
SHELL = (
    "FROM scratch\nCOPY busybox /bin/busybox\n"
    'RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]\n'
)
CONTAINERS = [way for way in WAYS if way.builder in ("buildah", "podman")]


@pytest.fixture
def open_registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry over plain HTTP without a password."""
    made = Registry(tmp_path / "r", {})
    yield made
    made.close()


def build(place: Place, way: Way, registry: Registry, dockerfile: str, **more: Any) -> Any:
    """Build a Dockerfile; gives the result."""
    place.fill(dockerfile)
    asked = {**request_for(registry, builder=way.builder, credentials=[]), **more}
    done = place.build(asked, env=way.env)
    assert done.code == 0, done.log
    return done.value


def config_of(place: Place, registry: Registry, name: str) -> Any:
    """Read the configuration of an image as it was pushed, whatever its format."""
    words = ("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
    digest = json.loads(place.tool(*words))["config"]["digest"].partition(":")[2]
    blob = registry.storage / f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"
    return json.loads(blob.read_text())["config"]


def test_shell_healthcheck_and_onbuild_of_a_base_count(
    place: Place, open_registry: Registry, way: Way
) -> None:
    base, child = f"{open_registry.host}/base", f"{open_registry.host}/child"
    text = (
        'SHELL ["/bin/busybox", "sh", "-ec"]\n'
        'HEALTHCHECK --interval=7s CMD ["/bin/busybox", "true"]\n'
        "ONBUILD RUN echo onbuild >/onbuild\n"
    )
    build(place, way, open_registry, SHELL + text, image=base)

    done = build(place, way, open_registry, f"FROM {base}:1\nRUN test -e /onbuild\n", image=child)

    config = config_of(place, open_registry, f"{child}@{done['digest']}")
    assert config["Healthcheck"]["Interval"] == 7 * 10**9
    assert config["Shell"] == ["/bin/busybox", "sh", "-ec"]
    place.fill(f"FROM {base}:1\nRUN false; echo survived\n")
    failed = place.build(
        request_for(open_registry, builder=way.builder, credentials=[]), env=way.env
    )
    assert failed.code == 1, failed.log


def test_a_base_that_was_pushed_anew_is_taken_unless_pull_is_false(
    places: Any, open_registry: Registry, way: Way
) -> None:
    other, place = places("other"), places("place")
    base, child = f"{open_registry.host}/moving", f"{open_registry.host}/child"
    dockerfile = f"FROM {base}:1\nCOPY Dockerfile /Dockerfile\n"
    versions = []
    for version, pull in (("one", True), ("two", False), ("three", True)):
        build(other, way, open_registry, "FROM scratch\nLABEL v=" + version + "\n", image=base)
        done = build(place, way, open_registry, dockerfile, image=child, pull=pull)
        config = config_of(place, open_registry, f"{child}@{done['digest']}")
        versions.append(config["Labels"]["v"])
    # The Docker Engine of these tests is one for both workspaces, so it has each base at once.
    one_engine = way.builder == "dood"
    assert versions == (["one", "two", "three"] if one_engine else ["one", "one", "three"])


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_a_mirror_without_tls_is_asked_and_a_name_without_registry_is_docker_hubs(
    place: Place, open_registry: Registry, way: Way
) -> None:
    mirror = f"{open_registry.host}/hub"
    build(place, way, open_registry, SHELL, image=f"{mirror}/library/hello", tags=["1"])
    build(place, way, open_registry, SHELL, image=f"{mirror}/team/tool", tags=["1"])
    known = {"index.docker.io": {"mirrors": [mirror]}, open_registry.host: {"http": True}}

    for name in ("hello:1", "team/tool:1", "docker.io/library/hello:1"):
        text = f"FROM {name}\nRUN echo ok >/ok\n"
        build(place, way, open_registry, text, registries=known, tags=["x"])


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_an_image_of_this_storage_alone_can_be_a_base(
    place: Place, open_registry: Registry, way: Way
) -> None:
    local = f"{open_registry.host}/never/pushed"
    build(place, way, open_registry, SHELL, image=local, push=False)

    build(place, way, open_registry, f"FROM {local}:1\nRUN echo ok >/ok\n")


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_the_folder_of_an_output_is_made(place: Place, open_registry: Registry, way: Way) -> None:
    build(place, way, open_registry, SHELL, output="dist/images/app.tar", push=False)

    archive = f"oci-archive:{place.work}/dist/images/app.tar"
    assert json.loads(place.tool("skopeo", "inspect", "--raw", archive))["schemaVersion"] == 2


def test_a_list_that_lost_platforms_fails(place: Place, open_registry: Registry) -> None:
    """Debian's Buildah makes one image of platforms whose steps are alike."""
    place.fill("FROM scratch\nCOPY Dockerfile /x\n")
    platforms = ["linux/amd64", "linux/arm64"]
    asked = request_for(
        open_registry, builder="buildah", credentials=[], platforms=platforms, labels={"a": "b"}
    )

    done = place.build(asked)

    assert (done.code, done.last) == (
        1,
        (
            "[podwright] ERROR: platforms: 2 were asked for and buildah has made a list of 1; "
            "use a newer buildah (Buildah 1.41), or cache: false"
        ),
    )
    assert place.build({**asked, "cache": False}).code == 0


def test_an_unchanged_commit_gives_an_unchanged_digest(
    place: Place, open_registry: Registry, way: Way
) -> None:
    place.fill(SHELL)
    git = ("git", "-C", str(place.work), "-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "x")):
        place.tool(*git, *words)
    asked = request_for(open_registry, builder=way.builder, credentials=[])

    digests = {place.build(asked, env=way.env).value["digest"] for _ in range(2)}

    assert len(digests) == 1


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_labels_are_those_of_this_build_whatever_is_the_target(
    place: Place, open_registry: Registry, way: Way
) -> None:
    """A cached image of a stage in the middle kept the labels of the build before it."""
    text = f"{SHELL.replace('scratch', 'scratch AS base')}FROM base AS one\nCOPY Dockerfile /one\n"
    text += "FROM base AS two\nCOPY Dockerfile /two\n"
    seen = []
    for version in ("1", "2"):
        name = f"{open_registry.host}/labels"
        done = build(
            place, way, open_registry, text, image=name, target="one", labels={"v": version}
        )
        config = config_of(place, open_registry, f"{name}@{done['digest']}")
        seen.append(config["Labels"]["v"])
    assert seen == ["1", "2"]


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_a_base_of_another_architecture_is_told(
    place: Place, open_registry: Registry, way: Way
) -> None:
    base = f"{open_registry.host}/base"
    build(place, way, open_registry, SHELL, image=base, platforms=["linux/amd64"])
    place.fill(f"FROM {base}:1\nCOPY Dockerfile /own\n")
    asked = request_for(open_registry, builder=way.builder, credentials=[])

    done = place.build({**asked, "platforms": ["linux/arm64"]}, env=way.env)

    words = "image platform ({amd64 linux"
    assert f"{words}  [] }}) does not match the expected platform" in done.log.replace("\\", "")
    assert done.value["platforms"] == ["linux/arm64"]
