"""Images that `podwright build` really builds, pushes and gets back."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import PASSWORD, USER, WAYS, Place, Way, request_for
from hostservers import Authority, Engine, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.engine
NASTY = "a \"b\" 'c' $HOME `id` $(touch stolen) ; & | \\ %s {} é漢"
TWO_STAGES = """\
FROM scratch AS app
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]
ARG GREETING=hello
ARG NASTY
RUN /bin/busybox printf '%s\\n%s\\n' "$GREETING" "$NASTY" > /greeting
WORKDIR /srv
ENV COLOUR="light blue"
EXPOSE 8080
CMD ["/bin/busybox", "cat", "/greeting"]

FROM app AS broken
RUN exit 1
"""
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"


class Pulled:
    """An image that was pulled back by its digest, and unpacked."""

    def __init__(self, place: Place, source: str, *words: str) -> None:
        login = place.root / "logs/auth.json"
        place.tool("mkdir", "-p", str(place.root / "pulled"))
        login.write_text(auths({source.split("/")[2]: (USER, PASSWORD)}))
        layout = place.root / "pulled" / hashlib.sha256(source.encode()).hexdigest()[:12]
        flags = ["--src-tls-verify=false", "--src-authfile", str(login), *words]
        place.tool("skopeo", "copy", "--quiet", *flags, source, f"oci:{layout}:x")
        place.tool("umoci", "unpack", "--image", f"{layout}:x", f"{layout}.bundle")
        self.files = Path(f"{layout}.bundle/rootfs")
        inspect = ("skopeo", "inspect", "--authfile", str(login), "--tls-verify=false")
        self.config = json.loads(place.tool(*inspect, "--config", source))
        self.manifest = place.tool(*inspect, "--raw", source)
        self.digest = "sha256:" + hashlib.sha256(self.manifest.encode()).hexdigest()


def auths(logins: dict[str, tuple[str, str]]) -> str:
    """Give a docker config file."""
    pairs = {h: base64.b64encode(f"{u}:{p}".encode()).decode() for h, (u, p) in logins.items()}
    return json.dumps({"auths": {host: {"auth": auth} for host, auth in pairs.items()}})


def test_an_image_comes_back_by_its_digest_with_all_that_was_asked_for(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill("FROM nowhere\n")
    place.fill("FROM nowhere\n", "my app")
    (place.work / "my app/docker").mkdir()
    (place.work / "my app/docker/App.Dockerfile").write_text(TWO_STAGES)
    done = place.build(
        request_for(
            registry,
            image=f"{registry.host}/{way.name}/app",
            builder=way.builder,
            tags=["1.0", "two"],
            context="my app",
            dockerfile="my app/docker/App.Dockerfile",
            target="app",
            cache=False,
            buildArgs={"NASTY": NASTY, "GREETING": ""},
            labels={"team": NASTY, "org.opencontainers.image.title": "hello"},
        ),
        env=way.env,
    )
    assert done.code == 0, done.log
    name = f"{registry.host}/{way.name}/app"
    pulled = Pulled(place, f"docker://{name}@{done.value['digest']}")
    seconds = done.value["seconds"]
    manifest = json.loads(pulled.manifest)
    blobs = [manifest["config"], *manifest["layers"]]
    size = sum(blob["size"] for blob in blobs)
    assert done.value == {
        "image": name,
        "tags": ["1.0", "two"],
        "platforms": ["linux/amd64"],
        "mediaType": manifest["mediaType"],
        "size": size,
        "manifests": [{"platform": "linux/amd64", "digest": pulled.digest, "size": size}],
        "pushed": True,
        "output": None,
        "digest": pulled.digest,
        "reference": f"{name}@{pulled.digest}",
        "cachedSteps": 0,
        "seconds": seconds,
    }
    assert done.last == f"[podwright] done in {seconds} s: {name}@{pulled.digest}"
    assert registry.tags(f"{way.name}/app") == ["1.0", "two"]
    assert (pulled.files / "greeting").read_text() == f"\n{NASTY}\n"
    assert (pulled.files / "bin/busybox").read_bytes() == (place.work / "busybox").read_bytes()
    assert sorted(path.name for path in (pulled.files / "bin").iterdir()) == ["busybox", "sh"]
    config = pulled.config["config"]
    created = config["Labels"].pop("org.opencontainers.image.created")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    assert config["Labels"] == {"team": NASTY, "org.opencontainers.image.title": "hello"}
    assert config["Cmd"] == ["/bin/busybox", "cat", "/greeting"]
    assert config["WorkingDir"] == "/srv"
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert [item for item in config["Env"] if not item.startswith("PATH=")] == ["COLOUR=light blue"]
    assert "stolen" not in [path.name for path in place.work.rglob("*")]
    assert place.leftovers() == []


def test_shell_and_healthcheck_of_a_dockerfile_count(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(
        "FROM scratch\nCOPY busybox /bin/busybox\n"
        'SHELL ["/bin/busybox", "sh", "-euc"]\n'
        "RUN /bin/busybox printf '%s' \"$-\" > /flags\n"
        'HEALTHCHECK --interval=7s CMD ["/bin/busybox", "true"]\n'
    )
    done = place.build(request_for(registry, builder=way.builder), env=way.env)
    assert done.code == 0, done.log
    pulled = Pulled(place, f"docker://{done.value['reference']}")
    assert sorted((pulled.files / "flags").read_text()) == ["c", "e", "u"]
    raw = json.loads(pulled.manifest)["config"]["digest"].partition(":")[2]
    config = json.loads(
        (registry.storage / f"docker/registry/v2/blobs/sha256/{raw[:2]}/{raw}/data").read_text()
    )["config"]
    assert config["Healthcheck"] == {"Test": ["CMD", "/bin/busybox", "true"], "Interval": 7 * 10**9}
    assert config["Shell"] == ["/bin/busybox", "sh", "-euc"]


def test_labels_and_tag_come_from_the_checkout_and_are_never_run(
    place: Place, registry: Registry, way: Way
) -> None:
    branch = "feature/$(touch${IFS}stolen)"
    place.fill(COPY_ONLY)
    git = ("git", "-C", str(place.work), "-c", "user.name=a", "-c", "user.email=a@example.org")
    place.tool(*git, "init", "--quiet", "--initial-branch", branch)
    place.tool(*git, "remote", "add", "origin", "https://me:hunter2@git.example/team/app.git")
    place.tool(*git, "commit", "--quiet", "--allow-empty", "-m", "x")
    commit = place.tool(*git, "rev-parse", "HEAD").strip()
    asked = request_for(registry, image=f"{registry.host}/git/{way.name}", builder=way.builder)
    del asked["tags"]
    done = place.build(asked, env=way.env)
    assert done.code == 0, done.log
    assert done.value["tags"] == [commit[:7]]
    labels = Pulled(place, f"docker://{done.value['reference']}").config["config"]["Labels"]
    labels.pop("org.opencontainers.image.created")
    assert labels == {
        "org.opencontainers.image.source": "https://git.example/team/app",
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.ref.name": branch,
    }
    assert "hunter2" not in done.log
    assert "stolen" not in [path.name for path in place.work.rglob("*")]


def test_a_failing_step_ends_with_1_and_tells_its_exit_code(
    place: Place, registry: Registry, engine: Engine, way: Way
) -> None:
    place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "sh", "-c", "echo no; exit 42"]\n')
    done = place.build(request_for(registry, builder=way.builder), env=way.env)
    image = f"{registry.host}/team/app"
    assert (done.code, done.out) == (1, "")
    assert done.last == (
        f"[podwright] ERROR: building {image}: a RUN step ended with exit code 42; its last words: "
        "no; look at the step's output in the log"
    )
    assert re.search(r"\bno$", done.log, re.MULTILINE)
    assert done.said.count(f"building {image}") == 1
    assert place.leftovers() == []
    assert engine.containers() == 0


def test_several_images_are_one_build_with_a_list_of_results(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(COPY_ONLY, "a")
    place.fill(COPY_ONLY + "COPY Dockerfile /other\n", "b")
    asked = request_for(registry, builder=way.builder)
    del asked["image"]
    asked["images"] = [
        {"image": f"{registry.host}/list/{way.name}-a", "context": "a"},
        {"image": f"{registry.host}/list/{way.name}-b", "context": "b", "tags": ["x", "y"]},
    ]
    done = place.build(asked, env=way.env)
    assert done.code == 0, done.log
    pulled = [Pulled(place, f"docker://{item['reference']}") for item in done.value]
    assert [item["digest"] for item in done.value] == [item.digest for item in pulled]
    assert [item["tags"] for item in done.value] == [["1"], ["x", "y"]]
    assert [(item.files / "other").exists() for item in pulled] == [False, True]


def test_an_unchanged_build_takes_its_steps_from_the_storage(
    place: Place, registry: Registry, way: Way
) -> None:
    # Layers of its own, so that no other test has them in the engine already.
    place.fill(f'{COPY_ONLY}COPY own /own\nRUN ["/bin/busybox", "touch", "/a"]\n')
    (place.work / "own").write_text(str(place.root))
    asked = request_for(
        registry, builder=way.builder, labels={"org.opencontainers.image.created": "x"}
    )
    first = place.build(asked, env=way.env)
    second = place.build(asked, env=way.env)
    assert (first.code, second.code) == (0, 0), first.log + second.log
    assert second.value["digest"] == first.value["digest"]
    assert second.value["cachedSteps"] >= 3
    third = place.build({**asked, "cache": False}, env=way.env)
    assert (third.code, third.value["cachedSteps"]) == (0, 0), third.log


def test_buildah_reads_its_cache_from_a_registry_in_a_fresh_storage(
    places: Callable[[str], Place], registry: Registry
) -> None:
    outcomes = []
    for name in ("first", "second"):
        place = places(name)
        place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "touch", "/cached"]\n')
        cache = f"{registry.host}/cache/app"
        outcomes.append(place.build(request_for(registry, builder="buildah", cache=cache)))
        assert outcomes[-1].code == 0, outcomes[-1].log
    assert [item.value["cachedSteps"] > 0 for item in outcomes] == [False, True], outcomes[1].log


def test_a_cache_that_cannot_be_written_costs_time_and_not_the_build(
    place: Place, registry: Registry
) -> None:
    place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "touch", "/cached"]\n')
    asked = request_for(registry, builder="buildah", cache="127.0.0.1:9/no/cache", retries=0)
    done = place.build(asked)
    assert done.code == 0, done.log
    assert "the cache cannot be used (see above); building without it" in done.said


def test_a_step_that_fails_is_not_repeated_without_the_cache(
    place: Place, registry: Registry
) -> None:
    place.fill(f'{COPY_ONLY}RUN ["/bin/busybox", "cat", "/no/manifest/in/the/cache"]\n')
    cache = f"{registry.host}/cache/failing"
    done = place.build(request_for(registry, builder="buildah", cache=cache))
    assert done.code == 1
    assert [line for line in done.said if "without it" in line] == []


def test_buildah_writes_an_oci_archive_with_or_without_a_push(
    place: Place, registry: Registry
) -> None:
    place.fill(COPY_ONLY)
    asked = request_for(registry, builder="buildah", output="out.tar", push=False)
    done = place.build({**asked, "credentials": []})
    assert done.code == 0, done.log
    archive = f"oci-archive:{place.work}/out.tar"
    raw = place.tool("skopeo", "inspect", "--raw", archive)
    seconds, digest = done.value["seconds"], "sha256:" + hashlib.sha256(raw.encode()).hexdigest()
    assert done.value == {
        "image": f"{registry.host}/team/app",
        "tags": ["1"],
        "platforms": [],
        "pushed": False,
        "output": "out.tar",
        "digest": digest,
        "reference": None,
        "cachedSteps": 0,
        "seconds": seconds,
    }
    again = place.build(request_for(registry, builder="buildah", output="out.tar"))
    assert again.code == 0, again.log
    assert Pulled(place, f"docker://{again.value['reference']}").digest == again.value["digest"]
    assert sorted(path.name for path in place.work.iterdir()) == [
        "Dockerfile",
        "busybox",
        "out.tar",
    ]


def test_buildah_builds_one_image_of_two_platforms(place: Place, registry: Registry) -> None:
    place.fill("FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /made-for-$TARGETARCH\n")
    platforms = ["linux/amd64", "linux/arm64"]
    asked = request_for(registry, builder="buildah", tags=["1", "2"])
    asked["image"] = f"{registry.host}/team/platforms"
    # What earlier builds left in the storage under the same name must not come along.
    assert place.build({**asked, "push": False}).code == 0
    assert place.build({**asked, "platforms": platforms, "labels": {"old": "1"}}).code == 0
    done = place.build({**asked, "platforms": platforms})
    assert done.code == 0, done.log
    assert done.value["platforms"] == platforms
    login = place.root / "logs/auth.json"
    login.write_text(auths({registry.host: (USER, PASSWORD)}))
    words = ("skopeo", "inspect", "--raw", "--tls-verify=false", "--authfile", str(login))
    for source in (done.value["reference"], f"{done.value['image']}:1", f"{done.value['image']}:2"):
        raw = place.tool(*words, f"docker://{source}")
        assert "sha256:" + hashlib.sha256(raw.encode()).hexdigest() == done.value["digest"]
    listed = {i["platform"]["architecture"]: i["digest"] for i in json.loads(raw)["manifests"]}
    told = {item["platform"]: item["digest"] for item in done.value["manifests"]}
    assert told == {f"linux/{name}": digest for name, digest in listed.items()}
    assert sorted(told) == platforms
    assert place.leftovers() == []


@pytest.mark.parametrize("way", [w for w in WAYS if w.builder == "dood"], ids=lambda w: w.name)
def test_a_docker_client_without_buildx_says_what_it_cannot(
    place: Place, registry: Registry, engine: Engine, way: Way
) -> None:
    env = way.with_engine(engine).env
    wishes = [
        {"platforms": ["linux/amd64", "linux/arm64"]},
        {"output": "x.tar"},
        {"annotations": {"a": "b"}},
        {"buildContexts": {"more": "."}},
    ]
    for more in wishes:
        done = place.build(request_for(registry, builder="dood", **more), env=env)
        assert (done.code, done.out) == (1, "")
        assert done.last == (
            "[podwright] ERROR: this docker has no buildx, which platforms, cache export, "
            "annotations, buildContexts and 'output' need; use the default image of the strategy"
        )
    assert place.leftovers() == []


def test_a_registry_with_an_authority_of_its_own_is_believed_by_that_authority_alone(
    place: Place, tls_registry: Registry, authority: Authority
) -> None:
    place.fill(COPY_ONLY)
    (place.work / "ca.pem").write_text(authority.ca.read_text())
    asked = request_for(tls_registry, builder="buildah")
    good = place.build({**asked, "registries": {tls_registry.host: {"ca": "ca.pem"}}})
    assert good.code == 0, good.log
    assert tls_registry.tags("team/app") == ["1"]
    bad = place.build({**asked, "registries": {}, "tags": ["2"]})
    assert bad.code == 1, bad.log
    assert "certificate signed by unknown authority" in bad.log
    assert "looks transient" not in bad.log
    careless = {tls_registry.host: {"skipTlsVerify": True}}
    assert place.build({**asked, "registries": careless, "tags": ["3"]}).code == 0
    assert tls_registry.tags("team/app") == ["1", "3"]


def test_the_engine_pushes_to_a_registry_whose_authority_it_knows(
    place: Place, tls_registry: Registry, engine: Engine
) -> None:
    place.fill(COPY_ONLY)
    asked = request_for(tls_registry, builder="dood", image=f"{tls_registry.host}/engine/app")
    done = place.build({**asked, "registries": {}}, env=engine.env)
    assert done.code == 0, done.log
    assert tls_registry.tags("engine/app") == ["1"]


@pytest.fixture(scope="module")
def reader_registry(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A second registry with another user, and a base image in it."""
    root = tmp_path_factory.mktemp("reader")
    made = Registry(root / "r", {"reader": "read only"})
    place = Place(root / "p")
    place.fill(COPY_ONLY)
    words = ["--tls-verify=false", "--creds", "reader:read only"]
    place.tool("buildah", "build", "--isolation", "chroot", "-t", "base", str(place.work))
    for way in WAYS:  # each its own, because an engine keeps what it pulled
        place.tool("buildah", "push", "-q", *words, "base", f"docker://{made.host}/{way.name}:1")
    yield made
    place.close()
    made.close()


def test_logins_for_pulling_and_for_pushing_are_kept_apart(
    place: Place, registry: Registry, reader_registry: Registry, way: Way
) -> None:
    place.fill(f"FROM {reader_registry.host}/{way.name}:1\nCOPY Dockerfile /own\n")
    hosts = {item.host: {"http": True} for item in (registry, reader_registry)}
    push = {"variable": "REG", "use": "push"}
    pull = {"variable": "PULL", "use": "pull", "registry": reader_registry.host}
    name = f"{registry.host}/apart/{way.name}"
    asked = request_for(registry, image=name, builder=way.builder, registries=hosts)
    env = {**way.env, "PULL_USR": "reader", "PULL_PSW": "read only"}
    refused = place.build({**asked, "credentials": [push]}, env=env)
    assert refused.code != 0
    assert re.search("(?i)unauthorized|no basic auth", refused.log), refused.log
    assert "looks transient" not in refused.log
    done = place.build({**asked, "credentials": [pull, push]}, env=env)
    assert done.code == 0, done.log
    assert registry.tags(f"apart/{way.name}") == ["1"]


def test_a_docker_config_file_is_a_login(place: Place, registry: Registry, way: Way) -> None:
    place.fill(COPY_ONLY)
    file = place.root / "logs/given.json"
    file.write_text(auths({registry.host: (USER, PASSWORD)}))
    name = f"{registry.host}/file/{way.name}"
    login = [{"type": "file", "variable": "CONFIG"}]
    asked = request_for(registry, image=name, builder=way.builder, credentials=login)
    done = place.build(asked, env={**way.env, "CONFIG": str(file)})
    assert done.code == 0, done.log
    assert registry.tags(f"file/{way.name}") == ["1"]
    gone = place.build(asked, env={**way.env, "CONFIG": "/nonexistent"})
    assert (gone.code, gone.last) == (
        2,
        (
            "[podwright] ERROR: credentials[0]: its file cannot be read in this container; use a "
            "container of user 0 or of the agent's"
        ),
    )


def test_without_credentials_the_login_of_the_person_counts(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(COPY_ONLY)
    program = "docker" if way.builder == "dood" else way.builder
    flags = [] if program == "docker" else ["--tls-verify=false"]
    subprocess.run(
        [program, "login", *flags, "-u", USER, "--password-stdin", registry.host],
        input=PASSWORD.encode(),
        env=place.environment(way.env),
        check=True,
        capture_output=True,
    )
    name = f"{registry.host}/own/{way.name}"
    done = place.build(
        request_for(registry, image=name, builder=way.builder, credentials=[]), env=way.env
    )
    assert done.code == 0, done.log
    assert registry.tags(f"own/{way.name}") == ["1"]


def test_the_bundle_builds_as_the_package_does(place: Place, registry: Registry) -> None:
    place.fill(COPY_ONLY)
    bundle = Path(__file__).parents[2] / "resources/podwright/podwright.pyz"
    file = place.root / "logs/request.json"
    file.write_text(json.dumps(request_for(registry, builder="buildah")))
    out = place.tool("python3", "-I", str(bundle), "build", "--request", str(file))
    assert json.loads(out)["pushed"] is True
