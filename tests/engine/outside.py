# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202 - helpers of tests
"""What tests of ways out of a container share: images, writers, and a place outside.

A way out is found when something of a pipeline shows up in :data:`OUTSIDE`, a directory of the
engine to which only links lead, or when something of it shows up in the pipeline's hands.
"""

from __future__ import annotations

import io
import os
import tarfile
import uuid

import engines
import pytest
from engines import KINDS, engine_of

OUTSIDE = "/run/outside"  # of the engine, and no mount point
DIRECTORIES = [f"d{number}" for number in range(60)]
BIG, SMALL = 200, 1
#: How often each way out is tried; `make races` asks for 200.
TRIES = int(os.environ.get("PODWRIGHT_TRIES", "12"))
LINKS = "cp -a /links/. /v/ 2>/dev/null"  # one process for all of them
PLANT = f"while :; do {LINKS}; rm -f /v/d*; done"
#: Plants once the engine has begun: a volume must be empty to be filled.
WAIT = f'cd /v; while :; do set -- *; [ "$1" = "*" ] || break; done; {LINKS}'


def image(pod, name, *, files, changes=()):
    """An image whose /data has many directories, each with some files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory in ("bin", "v", "links", "data", *(f"data/{one}" for one in DIRECTORIES)):
            info = tarfile.TarInfo(directory)
            info.type, info.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(info)
        archive.add("/bin/busybox", "bin/busybox")
        for applet in ("sh", "ln", "rm", "sleep", "true", "cat", "ls", "cp"):
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(info)
        for one in DIRECTORIES:
            info = tarfile.TarInfo(f"links/{one}")
            info.type, info.linkname = tarfile.SYMTYPE, OUTSIDE
            archive.addfile(info)
            for number in range(files):
                archive.addfile(tarfile.TarInfo(f"data/{one}/{number}"), io.BytesIO())
    target = f"/images/create?fromSrc=-&repo={name}" + "".join(f"&changes={one}" for one in changes)
    answer = pod.call("POST", target, buffer.getvalue(), {"Content-Type": "application/x-tar"})
    assert answer.status == 200, answer


def prepare(pod, *, bare=False):
    pod.bare = bare
    pod.inside("sh", "-c", f"rm -rf {OUTSIDE}; mkdir {OUTSIDE}")
    (pod.place / "workspace" / "ws").mkdir(exist_ok=True)
    image(pod, "big", files=BIG)
    image(pod, "small", files=SMALL)
    image(pod, "big-volume", files=BIG, changes=["VOLUME%20/data"])
    image(pod, "small-volume", files=SMALL, changes=["VOLUME%20/data"])
    return pod


def escaped(pod):
    return bool(pod.inside("ls", OUTSIDE))


def call(pod, method, target, value=None):
    return pod.json(method, target, value, direct=pod.bare)


def create(pod, name, **host):
    """An engine without guards may stumble over a link itself: then there is no container."""
    body = {"Image": name, "Cmd": ["true"], "HostConfig": host}
    answer = call(pod, "POST", "/containers/create", body)
    assert pod.bare or "Id" in answer, answer
    return answer.get("Id")


def start(pod, name, script, *binds):
    body = {"Image": name, "Cmd": ["sh", "-c", script], "HostConfig": {"Binds": list(binds)}}
    answer = call(pod, "POST", "/containers/create", body)
    assert "Id" in answer, answer
    call(pod, "POST", f"/containers/{answer['Id']}/start")
    return answer["Id"]


def remove(pod, *containers):
    for one in filter(None, containers):
        call(pod, "DELETE", f"/containers/{one}?force=1&v=1")


def fresh():
    return f"vol{uuid.uuid4().hex[:8]}"


def open_pods():
    """A fixture: engines that ask no plugin, with a gate that may be passed by (``bare``)."""

    @pytest.fixture(scope="module", params=KINDS)
    def open_pod(request, places):
        """No plugin is asked; at the engine's own socket there is no gate either."""
        place = places / f"open-{uuid.uuid4().hex[:6]}"
        words = ("dockerd", "--config-file", str(place / "daemon.json"))
        made = engines.Pod(place, engine_of(request.param), plugged=False, engine_words=words)
        volume = place / "data" / "volumes" / "workspace"
        make_directories = made._make_directories

        def with_workspace():
            make_directories()
            (volume / "_data").mkdir(parents=True)
            options = engines.authz.guard.volume_options(engines.WORKSPACE)
            (volume / "opts.json").write_text(options, encoding="utf-8")

        made._make_directories = with_workspace
        with made as pod:
            yield prepare(pod, bare=True)

    return open_pod
