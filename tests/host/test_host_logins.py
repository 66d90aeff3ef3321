"""Logins of all forms, with real builders and registries: each is used, and by nobody else."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hostrig import PASSWORD, USER, WAYS, Place, Way, request_for
from hostservers import FaultProxy, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
COPY_ONLY = "FROM scratch\nCOPY busybox /bin/busybox\n"
CONTAINERS = [way for way in WAYS if way.builder in ("buildah", "podman")]


def auth_of(user: str, password: str) -> dict[str, str]:
    """Give a login of a docker config file."""
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Registry]:
    """A second registry, with a user of its own."""
    made = Registry(tmp_path / "other", {"reader": "read only"})
    yield made
    made.close()


def asked(way: Way, registry: Registry, other: Registry, **more: Any) -> dict[str, Any]:
    """Ask for an image that has a base in the other registry."""
    hosts = {item.host: {"http": True} for item in (registry, other)}
    name = f"{registry.host}/logins/{way.name}"
    return request_for(registry, image=name, builder=way.builder, registries=hosts, **more)


def push_base(place: Place, way: Way, other: Registry) -> str:
    """Push a base to the other registry; gives a Dockerfile that needs it."""
    place.fill(COPY_ONLY)
    name = f"{other.host}/base/{way.name}"
    request = request_for(other, image=name, builder=way.builder)
    done = place.build(request, env={**way.env, "REG_USR": "reader", "REG_PSW": "read only"})
    assert done.code == 0, done.log
    if way.builder in ("buildah", "podman"):
        place.tool(way.builder, "rmi", "--all", "--force")
    return f"FROM {name}:1\nCOPY Dockerfile /own\n"


def test_a_login_of_the_person_for_the_base_stays_beside_a_credential(
    place: Place, registry: Registry, other: Registry, way: Way
) -> None:
    place.fill(push_base(place, way, other))
    own = place.root / "home/.docker"
    own.mkdir()
    file = own / "config.json"
    file.write_text(json.dumps({"auths": {other.host: auth_of("reader", "read only")}}))

    done = place.build(asked(way, registry, other), env=way.env)

    assert done.code == 0, done.log
    assert registry.tags(f"logins/{way.name}") == ["1"]
    assert [path for path in place.leftovers() if not path.startswith(f"file: {own}")] == []


def test_a_docker_config_file_and_a_login_add_up(
    place: Place, registry: Registry, other: Registry, way: Way
) -> None:
    place.fill(push_base(place, way, other))
    file = place.root / "logs/old.dockercfg"
    file.write_text(json.dumps({f"http://{other.host}/v1/": auth_of("reader", "read only")}))
    logins = [{"variable": "REG"}, {"type": "file", "variable": "CONFIG", "registry": other.host}]

    done = place.build(
        asked(way, registry, other, credentials=logins), env={**way.env, "CONFIG": str(file)}
    )

    assert done.code == 0, done.log
    assert place.leftovers() == []


def test_a_token_logs_in(place: Place, registry: Registry, way: Way) -> None:
    place.fill(COPY_ONLY)
    login = {"type": "string", "variable": "TOKEN", "username": USER}

    done = place.build(
        request_for(registry, builder=way.builder, credentials=[login]),
        env={**way.env, "TOKEN": PASSWORD},
    )

    assert done.code == 0, done.log


@pytest.mark.parametrize("way", CONTAINERS, ids=lambda way: way.name)
def test_a_login_for_a_path_is_offered_below_that_path_alone(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(COPY_ONLY)
    login = [{"variable": "REG", "registry": f"{registry.host}/team"}]
    inside = request_for(registry, builder=way.builder, credentials=login)
    outside = {**inside, "image": f"{registry.host}/others/app"}

    assert place.build(inside, env=way.env).code == 0
    refused = place.build(outside, env=way.env)

    assert refused.code == 1
    assert "unauthorized" in refused.log


class Metadata(BaseHTTPRequestHandler):
    """Google's metadata server; its tokens end soon."""

    password: ClassVar[str] = ""
    lifetime: ClassVar[int] = 3600
    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Give a token."""
        self.asked.append(self.path)
        text = json.dumps({"access_token": self.password, "expires_in": self.lifetime}).encode()
        good = self.headers["Metadata-Flavor"] == "Google"
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def metadata() -> Iterator[str]:
    """Give the host of a metadata server."""
    Metadata.asked.clear()
    Metadata.lifetime = 3600
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pods_own_identity_logs_in(place: Place, tmp_path: Path, metadata: str, way: Way) -> None:
    Metadata.password = "ya29.a0-token_with-nothing-odd"
    google = Registry(tmp_path / "google", {"oauth2accesstoken": Metadata.password})
    place.fill(COPY_ONLY)
    login = [{"type": "gar", "registry": google.host}]

    done = place.build(
        request_for(google, builder=way.builder, credentials=login),
        env={**way.env, "GCE_METADATA_HOST": metadata},
    )
    google.close()

    assert done.code == 0, done.log
    assert Metadata.password not in done.log
    assert place.leftovers() == []


def test_a_token_that_ends_during_a_build_is_renewed(
    place: Place, tmp_path: Path, metadata: str
) -> None:
    """What is good for a minute is asked for again after half a minute, and for the push."""
    Metadata.password, Metadata.lifetime = "first", 60
    google = Registry(tmp_path / "google", {"oauth2accesstoken": "second", USER: PASSWORD})
    way = next(way for way in WAYS if way.builder == "buildah")
    place.fill(COPY_ONLY + 'RUN ["/bin/busybox", "sleep", "40"]\n')
    login = [{"type": "gar", "registry": google.host}]
    running = place.start(
        request_for(google, builder=way.builder, credentials=login),
        env={**way.env, "GCE_METADATA_HOST": metadata},
    )
    running.until("sleep")
    before = len(Metadata.asked)
    Metadata.password = "second"
    done = running.end()
    google.close()

    assert done.code == 0, done.log
    # Once while it slept, and once for the push.
    assert len(Metadata.asked) >= before + 2
    assert place.leftovers() == []


def test_an_identity_that_is_refused_is_told_before_the_build(
    place: Place, registry: Registry, way: Way
) -> None:
    place.fill(COPY_ONLY)
    login = [{"type": "gar", "registry": registry.host}]

    done = place.build(
        request_for(registry, builder=way.builder, credentials=login),
        env={**way.env, "GCE_METADATA_HOST": "127.0.0.1:1"},
    )

    assert done.code == 2
    assert done.last.startswith(
        "[podwright] ERROR: credentials[0]: this pod gets no login from Google (URLError: "
    )
    assert "STEP" not in done.log
    assert place.leftovers() == []


def test_no_other_registry_sees_a_login(place: Place, registry: Registry, way: Way) -> None:
    """The other one asks for a login as well, and notes what it is given."""
    spy = FaultProxy(registry.host)
    seen: list[str] = []
    note = spy.server.RequestHandlerClass.parse_request

    def parse(handler: Any) -> bool:
        known = note(handler)
        seen.append(getattr(handler, "headers", {}).get("Authorization") or "")
        return known

    spy.server.RequestHandlerClass.parse_request = parse  # type: ignore[method-assign]
    place.fill(f"FROM {spy.host}/team/none:1\n")
    hosts = {item: {"http": True} for item in (registry.host, spy.host)}

    done = place.build(
        request_for(registry, builder=way.builder, registries=hosts, retries=0), env=way.env
    )
    spy.close()

    assert done.code == 1
    assert seen
    # Basic Og== is a colon: neither user nor password.
    assert set(seen) <= {"", "Basic Og=="}
