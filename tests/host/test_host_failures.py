"""Real failures: the last line of a build says what was wrong and what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hostrig import WAYS, Place, Way, request_for
from hostservers import Fault, FaultProxy, Registry

pytestmark = pytest.mark.engine
NEVER = "127.0.0.1:1"  # a registry that is not there
COPY = "FROM scratch\nCOPY busybox /bin/busybox\n"
# A layer of the test's own: what the registry has already is not sent, and meets no fault.
NEW = "COPY new /new\n"
SHELL = COPY + 'RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]\n'
# The sentences, by case; where a way has words of its own, by way. `{registry}`, `{tls}` and
# `{proxy}` are the registries, `{work}` is the workspace.
EXPECTED: dict[str, Any] = json.loads((Path(__file__).parent / "failures.json").read_text())


def answer(status: int, code: str, message: str, *, at: str = "", methods: str = "") -> Fault:
    """Give a fault in the words of the distribution specification."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    headers = {"Content-Type": "application/json"}
    chosen = tuple(methods.split())
    return Fault(status=status, headers=headers, body=body, path=at, methods=chosen)


@dataclass(frozen=True)
class Case:
    """A way to fail.

    Attributes:
        dockerfile: `{registry}` and `{tls}` are put in.
        push: which registry is pushed to: registry, tls, proxy, or a host.
        more: further parameters of the request.
        fault: what the proxy does; a case with one pushes to it.
        wrong: whether the password is wrong.
        files: further files of the context.
    """

    dockerfile: str = COPY
    push: str = "registry"
    more: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    wrong: bool = False
    files: dict[str, str] = field(default_factory=dict)


NO_LOGIN: dict[str, Any] = {"credentials": []}
REPOSITORY = "The repository with name 'team/app' does not exist in the registry with id '1234'"
IMMUTABLE = (
    "The image tag '1' already exists in the 'app' repository and cannot be overwritten because "
    "the repository is immutable."
)
LIMIT = "You have reached your pull rate limit."
ARM = "\x7fELF\x02\x01\x01" + "\0" * 9 + "\x02\0\xb7\0\x01\0\0\0" + "\0" * 100
CASES = {
    "push without a login": Case(more=NO_LOGIN),
    "push with a wrong password": Case(wrong=True),
    "base without a login": Case("FROM {registry}/team/base:1\n", more=NO_LOGIN),
    "base with a wrong password": Case("FROM {registry}/team/base:1\n", wrong=True),
    "base that is not there": Case("FROM {registry}/team/nothere:9\n"),
    "push without TLS": Case(more={"registries": {}}),
    "base without TLS": Case("FROM {registry}/team/base:1\n", more={"registries": {}}),
    "push to an unknown authority": Case(push="tls", more={"registries": {}}),
    "base of an unknown authority": Case("FROM {tls}/team/base:1\n"),
    "push where nothing listens": Case(push=NEVER),
    "base where nothing listens": Case(f"FROM {NEVER}/team/base:1\n"),
    "push to a host without address": Case(push="registry.nowhere.invalid"),
    "base on a host without address": Case("FROM registry.nowhere.invalid/x/base:1\n"),
    "push is denied": Case(fault=answer(403, "DENIED", "access denied", methods="POST PUT")),
    "push limit": Case(fault=answer(429, "TOOMANYREQUESTS", LIMIT, methods="POST PUT")),
    "push to a registry with trouble": Case(fault=Fault(status=503, methods=("POST", "PUT"))),
    "push is broken off": Case(fault=Fault(reset=1000, methods=("PATCH",))),
    "tag is there already": Case(fault=answer(400, "TAG_INVALID", IMMUTABLE, at="manifests/")),
    "repository is not there": Case(fault=answer(404, "NAME_UNKNOWN", REPOSITORY, methods="POST")),
    "manifest is refused": Case(
        fault=answer(400, "MANIFEST_INVALID", "manifest invalid", at="manifests/", methods="PUT")
    ),
    "layer is too large for a proxy": Case(
        fault=Fault(
            status=413,
            methods=("PATCH", "PUT", "POST"),
            headers={"Content-Type": "text/html"},
            body=b"<html><head><title>413 Request Entity Too Large</title></head></html>",
        )
    ),
    "a step fails": Case(SHELL + 'RUN echo compiling; echo "main.c:7: no semicolon"; exit 3\n'),
    "a step's program is not there": Case(SHELL + "RUN apt-get update\n"),
    "no shell": Case(COPY + "RUN echo hello\n"),
    "a step is killed": Case(SHELL + "RUN /bin/busybox kill -9 $$\n"),
    "a step finds no address": Case(SHELL + "RUN /bin/busybox wget http://deb.nowhere.invalid/\n"),
    "a step's disk is full": Case(SHELL + "RUN echo 'cp: No space left on device'; exit 1\n"),
    "a step of another architecture": Case(
        SHELL + 'COPY --chmod=755 arm /arm\nRUN ["/arm"]\n', files={"arm": ARM}
    ),
    "a user who is not there": Case(SHELL + "USER appuser\nRUN id\n"),
    "a secret that is not given": Case(
        SHELL + "RUN --mount=type=secret,id=tok,required=true cat /run/secrets/tok\n"
    ),
    "a file that is not there": Case(COPY + "COPY nope.jar /app/\n"),
    "a file that is ignored": Case(
        COPY + "COPY target/app.jar /app/\n",
        files={"target/app.jar": "x", ".dockerignore": "target\n"},
    ),
    "an address that nobody serves": Case(COPY + f"ADD http://{NEVER}/x.tgz /x\n"),
    "an unknown instruction": Case("FROM scratch\nCOYP busybox /b\n"),
    "an empty Dockerfile": Case("# nothing\n"),
    "no FROM": Case("RUN true\n"),
    "a target that is not there": Case(more={"target": "nosuch"}),
    "a variable in FROM without a value": Case("ARG BASE\nFROM ${{BASE}}\n"),
    "an unknown option": Case(COPY + "COPY --chmdo=755 busybox /x\n"),
    "an instruction without arguments": Case(COPY + "ENV A\n"),
    "capitals in FROM": Case("FROM Team/App\n"),
}


@pytest.fixture
def names(registry: Registry, tls_registry: Registry, proxy: FaultProxy, place: Place) -> Any:
    """What stands for what in sentences."""
    found = {"registry": registry.host, "tls": tls_registry.host, "proxy": proxy.host}
    return {**found, "work": str(place.work)}


# The Docker Engine takes registries on loopback for what they are, and a killed shell for its end.
BUILDAH_ONLY = {"push without TLS", "base without TLS", "push to an unknown authority"}
BUILDAH_ONLY |= {"a step is killed"}
# Buildah itself waits two minutes for a limit to end.
DOCKER_ONLY = {"push limit"}
# Buildah's words are Podman's too; those of the classic builder are in the samples.
TRIED = [way for way in WAYS if way.builder == "buildah" or way.buildkit]


PAIRS = [
    pytest.param(way, name, id=f"{way.name}-{name}")
    for way in TRIED
    for name in CASES
    if name not in (DOCKER_ONLY if way.builder == "buildah" else BUILDAH_ONLY)
]


@pytest.mark.parametrize(("way", "name"), PAIRS, indirect=["way"])
def test_the_last_line_says_what_was_wrong_and_what_to_do(
    place: Place, proxy: FaultProxy, names: dict[str, str], way: Way, name: str
) -> None:
    case = CASES[name]
    place.fill(case.dockerfile.format(**names) + (NEW if case.fault else ""))
    (place.work / "new").write_text(place.mark)
    for path, content in case.files.items():
        (place.work / path).parent.mkdir(exist_ok=True)
        (place.work / path).write_bytes(content.encode("latin-1"))
    if case.fault:
        proxy.fault = case.fault
    if case.wrong:
        place.env["REG_PSW"] = "wrong"
    host = proxy.host if case.fault else names.get(case.push, case.push)
    asked = {**request_for(host, builder=way.builder, retries=0), **case.more}

    done = place.build(asked, env=way.env)

    expected = EXPECTED[name]
    said = expected if isinstance(expected, str) else expected.get(way.name, expected["other"])
    found = done.last
    for word, text in names.items():
        found = found.replace(text, f"{{{word}}}")
    assert (found, done.code) == (f"[podwright] ERROR: {said}", 1)
