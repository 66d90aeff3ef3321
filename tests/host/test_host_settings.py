"""Each setting of registries with each builder that this machine has, against real registries.

The builders with a daemon have it started with the files that the strategy's pod would give it.
Nothing here is on loopback, where clients take every registry for one that needs no TLS.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import WAYS, Place, request_for
from hostservers import Authority, Engine, Registry, WayOut, own_address, stop, wait_for

from podwright import pod as pods
from podwright.config import Config
from podwright.plan import plan_pod
from podwright.request import parse_pod

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.append(str(Path(__file__).parents[1] / "e2e"))
import binaries

pytestmark = pytest.mark.engine
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# BuildKit is built from its Go modules by the end-to-end tests; where they have run, it is here.
BUILDKIT = all(binaries.path(name).is_file() for name in ("buildkitd", "buildctl", "runc"))
BUILDERS = [
    *dict.fromkeys(way.builder for way in WAYS if way.builder != "dood"),
    *(["buildkit"] if BUILDKIT else []),
    *(["dind"] if any(way.builder == "dood" for way in WAYS) else []),
]


@dataclass
class Case:
    """A setting, and the registry that needs it.

    Attributes:
        server: how the registry is started: plain, tls, or tls with certificates of clients.
        setting: what `registries` says of it, and what else the request says.
        request: further parameters.
        without: what a builder says when the setting is left out.
    """

    server: str
    setting: dict[str, Any] = field(default_factory=dict)
    request: dict[str, Any] = field(default_factory=dict)


CASES = {
    "http": Case("plain", {"http": True}),
    "skipTlsVerify": Case("tls", {"skipTlsVerify": True}),
    "ca": Case("tls", {"ca": "@ca@"}),
    "ca-bundle": Case("tls", {"ca": "@bundle@"}),
    "client": Case("clients", {"client": "secret"}),
}


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[dict[str, Registry]]:
    """A registry of each kind, on an address that is not loopback."""
    root, address = tmp_path_factory.mktemp("servers"), own_address()
    made = {
        "plain": Registry(root / "plain", {}, address=address),
        "tls": Registry(root / "tls", {}, authority, address=address),
        "clients": Registry(root / "clients", {}, authority, address=address, clients=True),
    }
    yield made
    for server in made.values():
        server.close()


def planned_files(builder: str, asked: dict[str, Any]) -> dict[str, str]:
    """Give the files that the pod of a strategy carries for its daemon."""
    wanted = {name: asked[name] for name in ("registries", "proxy") if name in asked}
    _, made = plan_pod(parse_pod({"builder": builder, **wanted}), Config())
    notes = made["metadata"].get("annotations", {})
    prefix = "podwright.dev/"
    return {key.removeprefix(prefix): text for key, text in notes.items() if key.startswith(prefix)}


def daemon_variables(builder: str, asked: dict[str, Any]) -> dict[str, str]:
    """Give the proxy that the pod tells the daemon of."""
    wanted = {name: asked[name] for name in ("registries", "proxy") if name in asked}
    _, made = plan_pod(parse_pod({"builder": builder, **wanted}), Config())
    found = [item for item in pods.containers_of(made) if item["name"] in ("engine", "builder")]
    return {
        entry["name"]: entry["value"]
        for entry in found[0].get("env", [])
        if entry["name"].lower().endswith("_proxy")
    }


@contextlib.contextmanager
def daemon_for(
    builder: str, asked: dict[str, Any], place: Place, authority: Authority
) -> Iterator[dict[str, str]]:
    """Start what a pod of the strategy would have beside the client; gives its environment."""
    folder = place.root / "daemon"
    folder.mkdir()
    files = planned_files(builder, asked)
    for name, text in files.items():
        (folder / name).write_text(text)
    clients = {host for host, item in asked["registries"].items() if item.get("client")}
    if builder == "buildkit":
        with _buildkit(folder, clients, daemon_variables(builder, asked), authority) as env:
            yield env
    elif builder == "dind":
        with _engine(folder, asked, daemon_variables(builder, asked), authority) as env:
            yield env
    else:
        for host in clients:
            target = f"/etc/containers/certs.d/{host}"
            # A place of its own, over a directory that every Debian has.
            place.tool(
                "sh",
                "-c",
                'mount -t tmpfs none /etc/containers && mkdir -p "$0" && '
                'echo \'{"default": [{"type": "insecureAcceptAnything"}]}\' '
                ">/etc/containers/policy.json",
                target,
            )
            _show(authority, Path(target), place)
        yield {}


def _show(authority: Authority, folder: Path, place: Place | None = None) -> None:
    """Put a certificate of this side where the pod would mount it; clients know the authority."""
    pairs = [
        (authority.cert, "client.cert"),
        (authority.key, "client.key"),
        (authority.ca, "ca.crt"),
    ]
    for source, name in pairs:
        if place:
            place.tool("cp", str(source), f"{folder}/{name}")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)


@contextlib.contextmanager
def _buildkit(
    folder: Path, clients: set[str], variables: dict[str, str], authority: Authority
) -> Iterator[dict[str, str]]:
    config = folder / "buildkitd.toml"
    text = config.read_text().replace("/etc/podwright", str(folder))
    config.write_text(text.replace("/run/podwright-clients", f"{folder}/clients"))
    for host in clients:
        _show(authority, folder / "clients" / host)
    address = f"unix://{folder}/buildkitd.sock"
    words = [str(binaries.path("buildkitd")), f"--root={folder}/root", f"--addr={address}"]
    path = f"{binaries.path('runc').parent}:{binaries.path('buildctl').parent}:{os.environ['PATH']}"
    trust = {"SSL_CERT_FILE": str(authority.ca)} if clients else {}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*words, f"--config={config}"],
            stdout=log,
            stderr=log,
            env={**os.environ, **variables, **trust, "PATH": path},
        )
    wait_for("BuildKit", (folder / "buildkitd.sock").exists)
    try:
        yield {"BUILDKIT_HOST": address, "PATH": path}
    finally:
        stop(process)
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if f" {folder}/" in line:
                subprocess.run(["umount", "--lazy", line.split()[1]], check=False)


@contextlib.contextmanager
def _engine(
    folder: Path, asked: dict[str, Any], variables: dict[str, str], authority: Authority
) -> Iterator[dict[str, str]]:
    etc = folder / "etc"
    etc.mkdir()
    settings = json.loads((folder / "daemon.json").read_text())
    del settings["hosts"]  # the engine of these tests has a socket of its own
    (etc / "daemon.json").write_text(json.dumps(settings))
    for host, item in asked["registries"].items():
        place = etc / "certs.d" / host
        if item.get("ca"):
            place.mkdir(parents=True)
            shutil.copy(folder / pods.ca_file(host), place / "ca.crt")
        if item.get("client"):
            _show(authority, place)
    engine = Engine(folder / "engine", config=etc, variables=variables)
    try:
        yield engine.env
    finally:
        engine.close()


def build_and_push(
    builder: str, asked: dict[str, Any], place: Place, authority: Authority
) -> dict[str, Any]:
    """Build as a pod of the strategy would, with its daemon; gives the result."""
    with daemon_for(builder, asked, place, authority) as env:
        # The engine of a pod is asked by the same client as the node's.
        name = "dood" if builder == "dind" else builder
        known = asked["registries"] if name in ("buildah", "podman") else {}
        done = place.build({**asked, "registries": known, "builder": name}, env=env)
    assert done.code == 0, done.log
    return done.value  # type: ignore[no-any-return]


def with_certificates(setting: dict[str, Any], authority: Authority) -> dict[str, Any]:
    """Put certificates in the place of their marks."""
    own = authority.ca.read_text()
    texts = {"@ca@": own, "@bundle@": BUNDLE.read_text() + own}
    return {
        name: texts.get(value, value) if isinstance(value, str) else value
        for name, value in setting.items()
    }


def seed(place: Place, registry: Registry, name: str, authority: Authority) -> None:
    """Push a base, by what the registry's own test would use."""
    place.fill(COPY_ONLY)
    folder = place.root / "seed"
    folder.mkdir(exist_ok=True)
    pairs = [(authority.cert, "a.cert"), (authority.key, "a.key"), (authority.ca, "a.crt")]
    for source, target in pairs:
        shutil.copy(source, folder / target)
    tls = ["--tls-verify=false"] if registry.tls is None else ["--cert-dir", str(folder)]
    place.tool("buildah", "build", "--isolation", "chroot", "-q", "-t", "seed", str(place.work))
    place.tool("buildah", "push", "-q", *tls, "seed", f"docker://{registry.host}/{name}")
    place.tool("buildah", "rmi", "--all", "--force")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("builder", BUILDERS)
def test_a_setting_reaches_pulling_and_pushing(
    places: Any, servers: dict[str, Registry], authority: Authority, builder: str, case: str
) -> None:
    place, registry = places("place"), servers[CASES[case].server]
    seed(place, registry, f"base/{builder}:1", authority)
    place.fill(f"FROM {registry.host}/base/{builder}:1\nCOPY Dockerfile /own\n")
    setting = with_certificates(CASES[case].setting, authority)
    name = f"{registry.host}/{case.lower()}/{builder}"
    asked = request_for(registry, image=name, credentials=[], registries={registry.host: setting})

    built = build_and_push(builder, asked, place, authority)

    assert registry.tags(f"{case.lower()}/{builder}") == ["1"]
    assert built["reference"] == f"{name}@{built['digest']}"


@pytest.mark.parametrize("server", ["plain", "tls", "clients"])
@pytest.mark.parametrize("builder", [name for name in BUILDERS if name in ("buildah", "podman")])
def test_without_its_setting_a_registry_is_refused(
    place: Place, servers: dict[str, Registry], builder: str, server: str
) -> None:
    registry = servers[server]
    asked = request_for(registry, builder=builder, credentials=[], registries={}, retries=0)

    assert place.build(asked).code == 1


MIRRORS = {"plain": {"http": True}, "tls": {"ca": "@ca@"}}


@pytest.mark.parametrize("server", MIRRORS)
@pytest.mark.parametrize("builder", BUILDERS)
def test_a_mirror_serves_docker_hubs_images_while_that_is_down(
    places: Any, servers: dict[str, Registry], authority: Authority, builder: str, server: str
) -> None:
    place, registry = places("place"), servers[server]
    # A Docker Engine takes mirrors without a path alone.
    path = "" if builder == "dind" else "proxy/hub/"
    seed(place, registry, f"{path}library/{builder}-{server}:1", authority)
    place.fill(f"FROM {builder}-{server}:1\nCOPY Dockerfile /own\n")
    known = {
        "docker.io": {"mirrors": [f"{registry.host}/{path}".rstrip("/")]},
        registry.host: with_certificates(MIRRORS[server], authority),
    }
    name = f"{registry.host}/mirrored/{builder}"
    asked = request_for(registry, image=name, credentials=[], registries=known)

    build_and_push(builder, asked, place, authority)

    assert registry.tags(f"mirrored/{builder}") == ["1"]


@pytest.fixture
def proxy(servers: dict[str, Registry]) -> Iterator[WayOut]:
    """A proxy that leads to the plain registry."""
    made = WayOut(servers["plain"].host, own_address())
    yield made
    made.close()


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_proxy_is_the_way_of_pulls_pushes_and_steps(
    places: Any, servers: dict[str, Registry], authority: Authority, builder: str, proxy: WayOut
) -> None:
    place, registry = places("place"), servers["plain"]
    seed(place, registry, f"base/proxy-{builder}:1", authority)
    host = "registry.test:5000"  # nobody but the proxy knows it
    place.fill(
        f"FROM {host}/base/proxy-{builder}:1\n"
        'RUN ["/bin/busybox", "sh", "-c", '
        '"/bin/busybox test -n \\"$http_proxy\\" && /bin/busybox test -n \\"$HTTPS_PROXY\\""]\n'
    )
    asked = {
        **request_for(registry, image=f"{host}/proxied/{builder}", credentials=[]),
        "registries": {host: {"http": True}},
        "proxy": {"http": proxy.address, "no": [".cluster.local"]},
    }

    build_and_push(builder, asked, place, authority)

    assert registry.tags(f"proxied/{builder}") == ["1"]
    assert proxy.asked == {host}
    blobs = b"".join(blob.read_bytes() for blob in registry.blobs())
    assert proxy.address.encode() not in blobs
