"""Every example is run, by the real bridge and bundle, through the local runner, with Buildah."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostrig import PASSWORD, USER
from hostservers import Engine, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# What the folders' pipelines build, by repository below `examples/`.
EXPECTED = {
    "declarative": ["declarative"],
    "several-images": ["api", "web", "last"],
    "secrets": ["secrets"],
    "parallel": ["parallel-one", "parallel-two"],
    "planned-pod": ["planned-pod"],
    "maven": ["maven"],
    "node": ["node"],
    "go": ["go"],
    "python": ["python"],
    "monorepo": ["orders", "payments", "stock"],
    "multi-platform": ["multi-platform"],
    "private-registry": ["base", "private-registry"],
    "test-then-push": ["test-then-push"],
    "wrapper-library": ["wrapper-library"],
}
# Stand-ins for the bases of Docker Hub, which a test without the internet cannot have: by name, the
# programs that the Dockerfile of an example runs, and what each leaves behind.
BASES = {
    "maven:3.9-eclipse-temurin-21": {"mvn": "mkdir -p target && echo jar >target/app.jar"},
    "eclipse-temurin:21-jre": {"java": "cat /app.jar"},
    "node:24-alpine": {"npm": "mkdir -p dist && echo built >dist/index.js", "node": "cat $1"},
    "golang:1.26": {"go": "echo program >/app"},
    "python:3.14-slim": {"pip": "mkdir -p /packages && echo p >/packages/p", "python": "cat $1"},
}
# These have tests of their own, or need a pod.
ELSEWHERE = {"compose", "hello", "pool", "push-apart", "seed"}
PLUGINS = ("docker-compose", "docker-buildx")
TOKEN = "examples-t0ken"
SETTINGS = "examples-s3ttings"


def test_every_example_is_run() -> None:
    folders = {path.parent.name for path in (ROOT / "examples").glob("*/Jenkinsfile")}
    assert folders - ELSEWHERE == set(EXPECTED)


# Sandboxed runs take the same steps; one of them has all forms of calls.
CASES = [(name, []) for name in sorted(EXPECTED)] + [("several-images", ["--sandbox"])]


@pytest.fixture(scope="session")
def bases(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Push the stand-ins, below `library`, where Docker Hub has them."""
    for name, programs in BASES.items():
        push_stand_in(registry.host, name, programs, tmp_path_factory.mktemp("base") / "b")


def push_stand_in(host: str, name: str, programs: dict[str, str], folder: Path) -> None:
    """Push an image with busybox and a few programs of its own."""
    folder.mkdir()
    shutil.copy("/bin/busybox", folder / "busybox")
    lines = ["FROM scratch", "COPY busybox /bin/busybox"]
    lines += ['RUN ["/bin/busybox", "--install", "-s", "/bin"]', "RUN mkdir -p /tmp"]
    for program, script in programs.items():
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        lines.append(f"COPY --chmod=755 {program} /bin/{program}")
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    env = {**os.environ, "REG_USR": USER, "REG_PSW": PASSWORD}
    words = ["build", "-t", f"{host}/library/{name}", "--builder", "buildah"]
    words += ["--registry", f"{host},http=true", "--credential", "variable=REG"]
    command = [sys.executable, "-m", "podwright", *words]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


@pytest.mark.usefixtures("bases")
@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_example_builds_and_pushes(
    name: str, options: list[str], tmp_path: Path, registry: Registry
) -> None:
    log, report = run_example(name, tmp_path, registry, options)
    assert report["result"] == "SUCCESS", log
    found = sorted(
        re.findall(r"^(?:\[\w+\] )?reference: \S+/examples/([a-z-]+)@sha256:", log, re.MULTILINE)
    )
    assert found == sorted(EXPECTED[name]), log
    for secret in (TOKEN, SETTINGS, PASSWORD):
        assert secret not in log
    if name == "declarative":
        # The smallest one; without its stage and script (as in hello) it is eight lines less.
        assert len(log.splitlines()) <= 45 + 8, log


@pytest.fixture(scope="module")
def composing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An engine that finds the base of Docker Hub at a mirror, and a docker that has compose."""
    # A short name: addresses of sockets have 107 characters.
    root = tmp_path_factory.mktemp("c")
    binaries = [sys.executable, str(ROOT / "tests/e2e/binaries.py")]
    subprocess.run([*binaries, "docker", *PLUGINS], check=True, capture_output=True)
    listed = subprocess.run([*binaries, "--list"], check=True, capture_output=True, text=True)
    programs = dict(line.split()[:2] for line in listed.stdout.splitlines())
    for folder in ("daemon", "docker/cli-plugins"):
        (root / folder).mkdir(parents=True)
    for name in PLUGINS:
        (root / "docker/cli-plugins" / name).symlink_to(programs[name])
    with contextlib.closing(Registry(root / "hub", {})) as hub:
        push_stand_in(hub.host, "busybox:1.37", {}, root / "base")
        config = {
            "registry-mirrors": [f"http://{hub.host}"],
            "insecure-registries": ["127.0.0.0/8"],
        }
        (root / "daemon/daemon.json").write_text(json.dumps(config))
        with contextlib.closing(Engine(root / "e", config=root / "daemon")) as engine:
            path = f"{Path(programs['docker']).parent}:{os.environ['PATH']}"
            yield {**engine.env, "PATH": path, "DOCKER_CONFIG": str(root / "docker")}
            assert engine.containers() == 0


@pytest.mark.parametrize("said", ["hello from compose", "hello from another"])
def test_the_example_of_compose_pushes_what_its_test_lets_pass(
    said: str, tmp_path: Path, registry: Registry, composing: dict[str, str]
) -> None:
    source = tmp_path / "compose"
    shutil.copytree(ROOT / "examples" / "compose", source)
    serve = source / "app" / "serve"
    serve.write_text(serve.read_text().replace("hello from compose", said))
    options = ["--param", "BUILDER=dood"]
    for name, value in composing.items():
        options += ["--env", f"{name}={value}"]

    log, report = run_example(source, tmp_path / "run", registry, options)

    pushed = f"reference: {registry.host}/examples/compose@sha256:"
    passed = said == "hello from compose"
    assert (report["result"], pushed in log) == ("SUCCESS" if passed else "FAILURE", passed), log
    assert ("exited with code 0" if passed else "exited with code 1") in log


def run_example(
    name: str | Path, work: Path, registry: Registry, options: list[str]
) -> tuple[str, dict[str, object]]:
    """Run one example, or a folder like one; gives its log and the runner's report."""
    source = work / "source"
    shutil.copytree(ROOT / "examples" / name, source, ignore=shutil.ignore_patterns(".git"))
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    if not (source / ".podwright.yaml").exists():
        registries = {registry.host: {"http": True}, "docker.io": {"mirrors": [registry.host]}}
        (source / ".podwright.yaml").write_text(json.dumps({"registries": registries}))
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], check=True)
    credentials = {
        "registry-login": {"type": "usernamePassword", "username": USER, "password": PASSWORD},
        "api-token": {"type": "string", "secret": TOKEN},
        "settings-file": {"type": "file", "content": SETTINGS, "fileName": "settings.xml"},
    }
    (work / "credentials.json").write_text(json.dumps(credentials))
    storage = work / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{work}/run"\ngraphroot = "{work}/storage"\n'
    )
    command = [str(ROOT / "tests/runner/run-pipeline"), "--library", f"podwright={ROOT}"]
    if (source / "library").is_dir():
        command += ["--library", f"acme={source / 'library'}"]
    command += ["--workspace-root", str(work / "agent"), "--scm", str(source)]
    command += ["--credentials", str(work / "credentials.json")]
    command += ["--param", f"REGISTRY={registry.host}", "--param", "BUILDER=buildah"]
    command += ["--env", f"CONTAINERS_STORAGE_CONF={storage}"]
    command += ["--report", str(work / "report.json"), *options]
    done = subprocess.run(
        [*command, str(source / "Jenkinsfile")],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout, json.loads((work / "report.json").read_text())


# How that is started which the build of a language has made. Docker Hub's images are not to be had,
# but the real tools are, and the registries of packages: the Dockerfiles' own lines run with these.
STARTED = {
    "go": ["{root}/app"],
    "maven": ["java", "-jar", "{root}/src/target/app.jar"],
    "node": ["node", "{root}/src/dist/index.js"],
    "python": ["env", "PYTHONPATH={root}/packages", "python3", "{root}/src/app.py"],
}


@pytest.mark.parametrize("name", STARTED)
def test_the_sources_of_a_language_are_built_by_its_real_tools_and_run(
    name: str, tmp_path: Path
) -> None:
    source = ROOT / "examples" / name / "app"
    shutil.copytree(source, tmp_path / "src")
    runs = re.findall(r"^RUN (.*)$", (source / "Dockerfile").read_text(), re.MULTILINE)
    assert runs
    for line in runs:
        here = re.sub(r"(?<= )/(app|packages)\b", rf"{tmp_path}/\1", line)
        done = subprocess.run(
            ["sh", "-c", here],
            cwd=tmp_path / "src",
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    command = [word.format(root=tmp_path) for word in STARTED[name]]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == "hello\n"
