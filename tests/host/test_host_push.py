"""Test first, then push that image; and what steps and manifests of an image have."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import WAYS, Place, Way, request_for
from hostservers import Engine, Registry, own_address
from test_host_settings import BUILDERS, build_and_push

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hostservers import Authority

pytestmark = pytest.mark.engine
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"
SHELL = COPY_ONLY + 'RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]\n'
ARCHIVERS = [name for name in BUILDERS if name != "dind"]  # Debian's clients have no buildx


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Registry]:
    """A registry over plain HTTP, not on loopback."""
    made = Registry(tmp_path / "r", {}, address=own_address())
    yield made
    made.close()


@pytest.mark.parametrize("builder", ARCHIVERS)
def test_what_was_tested_is_what_is_pushed(
    place: Place, server: Registry, authority: Authority, builder: str
) -> None:
    place.fill(COPY_ONLY)
    name = f"{server.host}/pushed/{builder}"
    plain = {server.host: {"http": True}}
    asked = request_for(
        server, image=name, credentials=[], push=False, output="dist/app.tar", tags=["1", "2"]
    )
    built = build_and_push(builder, {**asked, "registries": plain}, place, authority)
    assert (built["pushed"], server.repositories()) == (False, [])

    file = place.root / "logs/handle.json"
    file.write_text(json.dumps({**built, "registries": plain}))
    pushed = place.command("push", "--request", str(file)).end()

    assert pushed.code == 0, pushed.log
    assert pushed.value["digest"] == built["digest"]
    assert pushed.value["reference"] == f"{name}@{built['digest']}"
    assert server.tags(f"pushed/{builder}") == ["1", "2"]
    there = place.tool(
        "skopeo", "inspect", "--tls-verify=false", f"docker://{name}@{built['digest']}"
    )
    assert json.loads(there)["Digest"] == built["digest"]


def test_an_archive_that_was_written_anew_is_not_pushed(
    place: Place, server: Registry, authority: Authority
) -> None:
    place.fill(COPY_ONLY)
    plain = {server.host: {"http": True}}
    asked = request_for(server, credentials=[], push=False, output="app.tar", registries=plain)
    first = build_and_push("buildah", asked, place, authority)
    place.fill(COPY_ONLY + "ENV A=b\n")
    done = place.build({**asked, "builder": "buildah"})
    file = place.root / "logs/handle.json"
    file.write_text(json.dumps({**first, "registries": plain}))

    refused = place.command("push", "--request", str(file)).end()

    assert (refused.code, refused.last) == (
        2,
        (
            f"podwright push: output: 'app.tar' has {done.value['digest']}, and "
            f"{first['digest']} was built; it was written anew meanwhile: build and test again"
        ),
    )
    assert server.repositories() == []


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_archive_is_told(place: Place, server: Registry, content: bytes | None) -> None:
    if content is not None:
        (place.work / "app.tar").write_bytes(content)

    done = place.command("push", "app.tar", f"{server.host}/a/b:1").end()

    path = place.work / "app.tar"
    why = f"'{path}' is not an OCI archive with one image; write it with buildImage(output: '...')"
    missing = f"'{path}' cannot be read: No such file or directory"
    assert (done.code, done.last) == (
        2,
        f"podwright push: output: {missing if content is None else why}",
    )


def test_bytes_that_are_not_those_of_their_digest_are_not_pushed(
    place: Place, server: Registry, authority: Authority
) -> None:
    place.fill(COPY_ONLY)
    plain = {server.host: {"http": True}}
    asked = request_for(server, credentials=[], push=False, output="app.tar", registries=plain)
    build_and_push("buildah", asked, place, authority)
    path = place.work / "app.tar"
    with tarfile.open(path) as tar:
        layer = max(tar.getmembers(), key=lambda item: item.size)
    with path.open("r+b") as file:
        file.seek(layer.offset_data + layer.size // 2)
        file.write(b"broken")

    done = place.command(
        "push", "app.tar", f"{server.host}/a/b:1", "--registry", f"{server.host},http=true"
    ).end()

    assert done.code == 1
    assert "are others" in done.last
    assert server.repositories() == []


@pytest.mark.parametrize("builder", ARCHIVERS)
def test_steps_have_hosts_limits_and_contexts_and_the_manifest_annotations(
    place: Place, server: Registry, authority: Authority, builder: str
) -> None:
    (place.work / "more").mkdir()
    (place.work / "more/file").write_text("of another context\n")
    place.fill(
        SHELL
        + "RUN /bin/busybox grep -q '10.1.2.3.*db.example' /etc/hosts\n"
        + "RUN /bin/busybox test $(ulimit -n) = 1024\n"
        + "COPY --from=more file /file\n"
    )
    name = f"{server.host}/fields/{builder}"
    asked = request_for(
        server,
        image=name,
        credentials=[],
        registries={server.host: {"http": True}},
        addHosts={"db.example": "10.1.2.3"},
        ulimits={"nofile": "1024:2048"},
        buildContexts={"more": "more"},
        annotations={"a.example/b": 'c, "d"'},
        compression="zstd",
    )

    built = build_and_push(builder, asked, place, authority)

    manifest = manifest_of(place, f"{name}@{built['digest']}")
    assert manifest["annotations"]["a.example/b"] == 'c, "d"'
    assert {layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]} == {"zstd"}


def manifest_of(place: Place, name: str) -> Any:
    """Read a manifest as it was pushed."""
    words = ("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
    return json.loads(place.tool(*words))


@pytest.mark.parametrize(
    "way", [way for way in WAYS if way.builder == "dood"], ids=lambda way: way.name
)
def test_steps_of_an_engine_have_hosts_limits_and_no_network(
    place: Place, registry: Registry, engine: Engine, way: Way
) -> None:
    place.fill(
        SHELL
        + "RUN /bin/busybox grep -q '10.1.2.3.*db.example' /etc/hosts\n"
        # The BuildKit in engines of 2020 has no limits yet.
        + ("" if way.buildkit else "RUN /bin/busybox test $(ulimit -n) = 1024\n")
        + "RUN ! /bin/busybox ip address | /bin/busybox grep -q eth0\n"
    )
    asked = request_for(
        registry,
        builder="dood",
        network="none",
        addHosts={"db.example": "10.1.2.3"},
        ulimits={"nofile": "1024:2048"},
        shmSize="32m",
    )

    done = place.build(asked, env=way.with_engine(engine).env)

    assert done.code == 0, done.log


def test_an_option_of_the_builder_is_passed_on(place: Place, server: Registry) -> None:
    place.fill(SHELL + "RUN /bin/busybox touch /a\nRUN /bin/busybox touch /b\n")
    name = f"{server.host}/squashed"
    done = place.build(
        request_for(
            server,
            image=name,
            builder="buildah",
            credentials=[],
            builderOptions={"buildah": ["--squash"]},
        )
    )
    assert done.code == 0, done.log
    assert len(manifest_of(place, f"{name}:1")["layers"]) == 1
