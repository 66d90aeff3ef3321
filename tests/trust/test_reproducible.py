"""Two builds of one commit, at other times and in other storages, are one digest."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import binaries
import pytest
from hostservers import stop, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCKERFILE = """\
FROM scratch AS tools
COPY busybox /bin/busybox
RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]
FROM tools
COPY . /srv
RUN /bin/busybox mkdir /made && /bin/busybox date > /dev/null && echo x > /made/file
WORKDIR /new
LABEL a=b
"""
IDENTITY = ["-c", "user.name=x", "-c", "user.email=x@example"]
LATER = 3  # seconds between two builds: files get other times


@contextlib.contextmanager
def buildkit(folder: Path) -> Iterator[dict[str, str]]:
    """Run a daemon with a storage of its own."""
    for name in ("buildkitd", "buildctl", "runc"):
        binaries.ensure({name})
    programs = folder / "programs"
    programs.mkdir()
    for name in ("buildkitd", "buildctl", "runc"):
        (programs / name).symlink_to(binaries.path(name))
    address = f"unix://{folder}/buildkitd.sock"
    env = {"PATH": f"{programs}:{os.environ['PATH']}", "BUILDKIT_HOST": address}
    words = ["buildkitd", f"--addr={address}", f"--root={folder}/root"]
    with (folder / "log").open("wb") as log:
        words += ["--oci-worker-snapshotter=native", "--oci-worker-binary=runc"]
        process = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **env})
    try:
        wait_for("buildkitd", (folder / "buildkitd.sock").exists)
        yield env
    finally:
        stop(process)


@contextlib.contextmanager
def containers(folder: Path) -> Iterator[dict[str, str]]:
    """Give Buildah and Podman a storage of their own."""
    conf = folder / "storage.conf"
    conf.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
    )
    yield {"CONTAINERS_STORAGE_CONF": str(conf)}


WAYS = {"buildkit": buildkit, "buildah": containers, "podman": containers}


def digest(folder: Path, commit: Path, way: str, **more: Any) -> str:
    """Build a fresh checkout of a commit in a fresh storage; gives the digest in the archive."""
    folder.mkdir()
    work = folder / "work"
    subprocess.run(["git", "clone", "-q", str(commit), str(work)], check=True)
    value = {"image": "r.example/app", "builder": way, "push": False, "output": "app.tar", **more}
    (work / "request.json").write_text(json.dumps(value))
    with WAYS[way](folder) as env:
        done = subprocess.run(
            [sys.executable, "-m", "podwright", "build", "--request", "request.json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=work,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **env},
        )
    assert done.returncode == 0, done.stderr
    words = ["tar", "-xOf", "app.tar", "index.json"]
    listed = subprocess.run(words, check=True, cwd=work, capture_output=True)
    return str(json.loads(listed.stdout)["manifests"][0]["digest"])


@pytest.fixture
def commit(tmp_path: Path) -> Path:
    """A repository with one commit; what a build adds to the checkout is ignored."""
    folder = tmp_path / "origin"
    folder.mkdir()
    shutil.copy("/bin/busybox", folder)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / ".dockerignore").write_text("request.json\napp.tar\n.git\n")
    (folder / "data").write_text("data\n")
    for words in (["init", "-q", "."], ["add", "."], [*IDENTITY, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], check=True, cwd=folder)
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_two_builds_of_a_commit_are_one_digest(tmp_path: Path, commit: Path, way: str) -> None:
    first = digest(tmp_path / "1", commit, way, reproducible=True)
    time.sleep(LATER)
    assert digest(tmp_path / "2", commit, way, reproducible=True) == first
    # The test can fail: without the parameter files have the times of their builds.
    assert digest(tmp_path / "3", commit, way) != digest(tmp_path / "4", commit, way)
